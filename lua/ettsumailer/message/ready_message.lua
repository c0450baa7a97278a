-- A message that others made: from a string, a file or a function, to be sent as it stands.
-- Why: what is signed, stored or handed on must not be made anew; but who gets it, and that it can
--  be sent at all, has to be known.
-- Not: parsing MIME, nor changing anything but line ends, Bcc and what RFC 5322 3.6 misses.

local address = require "ettsumailer.address"
local errors = require "ettsumailer.errors"
local options = require "ettsumailer.options"
local ready_fields = require "ettsumailer.message.ready_fields"
local ready_text = require "ettsumailer.message.ready_text"
local resent = require "ettsumailer.message.resent"
local source_of = require "ettsumailer.message.source"

local error, ipairs, pairs, tostring, type = error, ipairs, pairs, tostring, type

local M = {}

---The fields of a message that go with raw.
---raw: the message; a string, an open file, a function as source.FIELDS has it (read to its end at
---once, and kept), or { path | content | source }. Line ends become CRLF, Bcc, Resent-Bcc and
---Return-Path are left out, Date and Message-ID are added where missing; nothing else is changed.
---raw_newlines: "normalize", or "reject" to refuse line ends that are no CRLF.
---resent: a block of Resent- fields in front (RFC 5322 3.6.6); its addresses are the envelope.
M.FIELDS = ready_fields

-- The fields of the newest resent block: the first run of them in which no name comes twice.
local function newest_block(fields)
  local block, is_begun = {}, false
  for _, field in ipairs(fields) do
    local name = field.name:lower():match "^resent%-(.*)$"
    if name and block[name] then
      break
    elseif name then
      block[name], is_begun = field, true
    elseif is_begun then
      break
    end
  end
  return is_begun and block or nil
end

-- Bcc may be there more than once, as nobody is going to see it.
local function by_name(fields)
  local found = {}
  for _, field in ipairs(fields) do
    local name, value = field.name:lower(), field.value
    if found[name] then
      value = ("%s,%s"):format(found[name].value, value)
    end
    found[name] = { name = field.name, value = value, line = field.line }
  end
  return found
end

-- The addresses that the fields name, by option; sender is who sent it last.
local function lists_of(fields)
  local lists = {}
  for _, name in ipairs { "from", "sender", "to", "cc", "bcc" } do
    local field = fields[name]
    if field and field.value:find "[^ \t]" then
      local text
      text, lists[name] = address.read(
        ("raw: line %d: %s"):format(field.line, field.name), field.value)
      if not text then
        return nil, lists[name]
      end
    end
  end
  lists.sender = lists.sender or { (lists.from or {})[1] }
  return lists
end

-- RFC 5322 3.6: what every message has. One that was resent is not touched (3.6.6).
local function add_missing(message, context, look, author)
  local list = {}
  if not ready_text.has_field(look, "date") then
    list[1] = { "ready", "Date", context.date }
  end
  if not ready_text.has_field(look, "message-id") then
    local id, err = resent.new_id(context, author)
    if not id then
      return nil, err
    end
    list[#list + 1] = { "ready", "Message-ID", id }
  end
  return resent.add_fields(message, "raw", list)
end

-- Adds what stands in front. Returns the addresses of the envelope; or nil, err.
local function add_front(message, context, look)
  if context.given.resent then
    return resent.add(message, context)
  end
  local block = newest_block(look.fields)
  local lists, err = lists_of(block or by_name(look.fields))
  if not lists then
    return nil, err
  elseif not lists.sender[1] then
    return errors.refuse("ADDRESS", block and "raw: its newest resent block has no Resent-From"
      or "raw: it has no author, as it has no From")
  end
  local ok = true
  if not block then
    ok, err = add_missing(message, context, look, lists.sender[1])
  end
  return ok and lists, err
end

local function add_content(message, look)
  local leaf, source = { ready = true }, look.source
  local part, code, why
  if look.text then
    part, code, why = message:leaf(nil, leaf, look.text, look.start, look.scan)
  elseif source.path then
    part, code, why = message:leaf_file(nil, leaf, source.path, look.start, look.scan)
  else
    source.skip = look.start - 1
    part, code, why = message:leaf_source(nil, leaf, nil, source, look.scan)
  end
  if not part then
    return errors.refuse(code, "raw: " .. why)
  end
  return true
end

---Puts a ready-made message into an empty one of the core, which is to be sealed then.
---@param message userdata
---@param given table     the fields of the message, checked
---@param context table   given, entropy, date (as text)
---@return table? lists   the addresses that the envelope follows from
---@return ettsumailer.error?
function M.fill(message, given, context)
  local look, err = ready_text.look(given.raw, given.raw_newlines == "reject")
  local lists
  if look then
    lists, err = add_front(message, context, look)
  end
  if not lists then
    return nil, err
  end
  local ok, code, why = message:section(look.header)
  if not ok then
    return errors.refuse(code, "raw: " .. why)
  end
  ok, err = add_content(message, look)
  return ok and lists, err
end

---Raises what is misuse of the fields that go with raw.
---@param given table
---@param level integer
function M.check(given, level)
  level = level + 1
  if type(given.raw) == "table" then
    options.check("message: raw", given.raw, source_of.FIELDS, level)
    source_of.check("message: raw", given.raw, level)
  end
  if given.resent then
    options.check("message: resent", given.resent, resent.FIELDS, level)
  end
  for name in pairs(given) do
    if not M.FIELDS[name] then
      error(("message: option '%s' cannot be given with raw, which says it all"):format(
        tostring(name)), level)
    end
  end
end

return M
