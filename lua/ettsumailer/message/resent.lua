-- The block of Resent- fields in front of a message that is sent on (RFC 5322 3.6.6).
-- Why: whoever sends a message on says so, and leaves all else as it is.
-- Not: the blocks that are in the message already (ready_message.lua).

local address = require "ettsumailer.address"
local errors = require "ettsumailer.errors"
local identifier = require "ettsumailer.message.identifier"

local ipairs = ipairs

local M = {}

---message_id: of the resent message; made where absent. bcc is in the envelope only.
---allow_group_from: from and sender may have groups, as in a message.
M.FIELDS = {
  allow_group_from = "boolean", from = "texts", sender = "text", to = "texts", cc = "texts",
  bcc = "texts", message_id = "string",
}

-- RFC 5322 3.6.6: one mailbox, and none where it is the one author.
local function check_senders(texts, lists)
  local authors = lists.from or {}
  if #authors == 0 then
    return errors.refuse("ADDRESS", "resent.from is missing: it names who sends the message on")
  elseif #authors > 1 and not lists.sender then
    return errors.refuse("ADDRESS", "resent.from has several addresses: resent.sender names one")
  elseif lists.sender and #lists.sender ~= 1 then
    return errors.refuse("ADDRESS", "resent.sender must be exactly one address")
  end
  if address.is_said_by(texts.from, lists) then
    texts.sender = nil
  end
  lists.sender = lists.sender or { authors[1] }
  return true
end

local function read_resent(given)
  local texts, lists = {}, {}
  for _, field in ipairs { "from", "sender", "to", "cc", "bcc" } do
    if given[field] ~= nil then
      local is_author = field == "from" or field == "sender"
      texts[field], lists[field] = address.read("resent." .. field, given[field], {
        groups = not is_author or given.allow_group_from == true,
      })
      if not texts[field] then
        return nil, lists[field]
      end
    end
  end
  local ok, err = check_senders(texts, lists)
  return ok and texts, ok and lists or err
end

---A new Message-ID.
---@param context table    given, entropy
---@param author userdata
---@return string?
---@return ettsumailer.error?
function M.new_id(context, author)
  local host, err = identifier.host(context.given, author)
  if not host then
    return nil, err
  end
  return ("<%s@%s>"):format(identifier.hex(context.entropy:sub(1, 16)), host)
end

---Adds fields; those without a value are left out.
---@param message userdata
---@param what string    for messages
---@param list table[]   { kind, name, value }
---@return true?
---@return ettsumailer.error?
function M.add_fields(message, what, list)
  for _, field in ipairs(list) do
    local kind, name, value = field[1], field[2], field[3]
    if value and value ~= "" then
      local ok, code, why = message:header(kind, name, value)
      if not ok then
        return errors.refuse(code, what .. ": " .. why)
      end
    end
  end
  return true
end

---Adds the block.
---@param message userdata  of the core, without any field
---@param context table     given, entropy, date (as text)
---@return table? lists     its addresses, by field
---@return ettsumailer.error?
function M.add(message, context)
  local given = context.given.resent
  local texts, lists = read_resent(given)
  if not texts then
    return nil, lists
  end
  local id, err = given.message_id and identifier.bracketed(given.message_id), nil
  if given.message_id and not id then
    return errors.refuse("CONFIG", "resent.message_id: not an identifier such as <id@example.com>")
  elseif not id then
    id, err = M.new_id(context, lists.sender[1])
  end
  if not id then
    return nil, err
  end
  local ok
  ok, err = M.add_fields(message, "resent", {
    { "ready", "Resent-Date", context.date }, { "addresses", "Resent-From", texts.from },
    { "addresses", "Resent-Sender", texts.sender }, { "addresses", "Resent-To", texts.to },
    { "addresses", "Resent-Cc", texts.cc }, { "ready", "Resent-Message-ID", id },
  })
  return ok and lists, err
end

return M
