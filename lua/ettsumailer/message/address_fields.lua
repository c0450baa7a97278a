-- The fields of a message that hold addresses: read, held to RFC 5322, and added.
-- Why: who it is from and who gets it decide both its header and its envelope.
-- Not: the grammar (the core), nor the envelope (envelope.lua).

local core = require "ettsumailer.core"
local errors = require "ettsumailer.errors"
local lazy = require "ettsumailer.lazy"

local address = lazy.of "ettsumailer.address"

local error, ipairs, tostring, type = error, ipairs, tostring, type
local concat = table.concat
local add_plain, add_header = core.message_methods.addresses, core.message_methods.header

local M = {}

local AUTHORS, AUTHORS_IN_GROUPS = { groups = false }, { groups = true }
local NONE = {}
local STRICT, LENIENT = {}, { lenient_local_part = true }

-- Behind the authors, as they stand in a message. bcc has no name: it is never written.
local OTHERS = { "reply_to", "to", "cc", "bcc" }
local NAMES = { reply_to = "Reply-To", to = "To", cc = "Cc" }

local READ = { "from", "sender", "reply_to", "to", "cc", "bcc", "read_receipt" }
local RECIPIENTS = { to = true, cc = true, bcc = true }

-- How the addresses of a field are read.
local function reading_of(field, given)
  if RECIPIENTS[field] then
    return given.lenient_local_part and LENIENT or STRICT
  elseif field == "from" or field == "sender" then
    return given.allow_group_from == true and AUTHORS_IN_GROUPS or AUTHORS
  end
  return STRICT
end

-- Adds a list that was read item by item. Returns true, or nil, err.
local function add_text(message, field, name, text)
  if not name or text == "" then
    return true
  end
  local ok, code, why = add_header(message, "addresses", name, text)
  if not ok then
    return errors.refuse(code, ("%s: %s"):format(field, why))
  end
  return true
end

-- Returns the mailboxes of a field, and its text; or nil, err.
local function add_by_item(message, given, field, name)
  local text, list = address.read(field, given[field], reading_of(field, given))
  if not text then
    return nil, list
  end
  local ok, err = add_text(message, field, name, text)
  return ok and list, ok and text or err
end

-- Reads a field and adds it under a name, if it has one: in one go where it is of mailboxes without
-- groups. Returns its mailboxes, and its text where that is more than these; or nil, err.
local function add(message, given, field, name)
  local mode = given.lenient_local_part and RECIPIENTS[field] and "lenient" or nil
  local list = name and add_plain(message, name, given[field], mode)
  if list then
    return list
  end
  return add_by_item(message, given, field, name)
end

-- What is no address at all is told first, whichever field it is in.
local function first_unreadable(given)
  for _, field in ipairs(READ) do
    local value = given[field]
    if value ~= nil and value ~= true then
      local text, err = address.read(field, value, reading_of(field, given))
      if not text then
        return err
      end
    end
  end
end

local LISTS = {
  "from", "reply_to", "to", "cc", "bcc", "read_receipt", "in_reply_to", "references",
}

---Raises unless all lists are of texts and addresses; those of identifiers, too.
---@param given table
---@param level integer
function M.check(given, level)
  for i = 1, #LISTS do
    local value = given[LISTS[i]]
    for j = 1, type(value) == "table" and #value or 0 do
      local kind = type(value[j])
      if kind ~= "string" and kind ~= "userdata" then
        error(("message: option '%s' must hold strings and addresses, not a %s"):format(
          LISTS[i], kind), level + 1)
      end
    end
  end
end

---The text of a list of mailboxes as a header has it, in UTF-8.
---@param list userdata[]
---@return string
function M.text_of(list)
  local texts = {}
  for i, mailbox in ipairs(list) do
    texts[i] = tostring(mailbox)
  end
  return concat(texts, ", ")
end

-- Returns true, and the text of From where that is more than its mailboxes; or nil, err.
local function add_from(message, given, lists)
  local list, text = NONE, nil
  if given.from ~= nil then
    list, text = add(message, given, "from", "From")
  end
  lists.from = list
  if list and not list[1] and (text or "") == "" then
    return errors.refuse("ADDRESS", "from is missing: every message has an author")
  end
  return list and true, text
end

-- RFC 5322 3.6.2, RFC 6854 2: Sender is there unless From is one mailbox, and says something new.
local function add_sender(message, given, lists, from_text)
  local from = lists.from
  if given.sender == nil then
    if not from[1] or from[2] then
      return errors.refuse("ADDRESS", "from is not exactly one address: sender must name one")
    end
    return true
  end
  local text, list = address.read("sender", given.sender, reading_of("sender", given))
  if not text then
    return nil, list
  elseif #list ~= 1 then
    return errors.refuse("ADDRESS", "sender must be exactly one address")
  end
  lists.sender = list
  if address.is_said_by(from_text or M.text_of(from), lists) then
    return true
  end
  return add_text(message, "sender", "Sender", text)
end

local function add_others(message, given, lists)
  for i = 1, #OTHERS do
    local field = OTHERS[i]
    if given[field] ~= nil then
      local list, err = add(message, given, field, NAMES[field])
      if not list then
        return nil, err
      end
      lists[field] = list
    end
  end
  return true
end

---Adds From, Sender, Reply-To, To and Cc, and reads bcc.
---@param message userdata  of the core, without any field
---@param given table       the fields of the message
---@return table? lists     the mailboxes by field; sender only where it was given
---@return ettsumailer.error|string|nil  the text of From, where that is more than its mailboxes
function M.add(message, given)
  local lists = { from = nil, to = nil } -- with room for both
  local ok, text = add_from(message, given, lists)
  local err = text
  if ok then
    ok, err = add_sender(message, given, lists, text)
  end
  if ok then
    ok, err = add_others(message, given, lists)
  end
  if not ok then
    return nil, first_unreadable(given) or err
  end
  return lists, text
end

return M
