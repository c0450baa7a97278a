-- A message from a table of what it says, or from one that others made; and its envelope.
-- Why: what people want to say, turned into what the core seals.
-- Not: its header fields (header_fields.lua), its parts (body.lua, part_tree.lua), encoding and
--  folding (the core), nor sending (transaction.lua).

local address = require "ettsumailer.address"
local body = require "ettsumailer.body"
local content_part = require "ettsumailer.content_part"
local core = require "ettsumailer.message_methods"
local envelope_of = require "ettsumailer.envelope"
local errors = require "ettsumailer.errors"
local expand = require "ettsumailer.template.expand"
local header_fields = require "ettsumailer.header_fields"
local identifier = require "ettsumailer.identifier"
local fields_of = require "ettsumailer.message_fields"
local lazy = require "ettsumailer.lazy"

local part_tree = lazy.of "ettsumailer.part_tree"
local ready_message = lazy.of "ettsumailer.ready_message"

local setmetatable = setmetatable
local max, min = math.max, math.min

local M = {}

M.FIELDS = fields_of.FIELDS

local ENTROPY = 32

-- A time that is in no year of four digits, and that the core can take.
local DISTANT = 2 ^ 52

-- What the library knows of a sealed message beyond its bytes.
local envelopes = setmetatable({}, { __mode = "k" })

local function refuse(field, code, text)
  return errors.refuse(code, ("%s: %s"):format(field, text))
end

local AUTHORS, AUTHORS_IN_GROUPS = { groups = false }, { groups = true }
local STRICT, LENIENT = {}, { lenient_local_part = true }
local ADDRESS_FIELDS = { "from", "sender", "reply_to", "to", "cc", "bcc", "read_receipt" }

-- How the addresses of a field are read.
local function reading_of(field, given)
  if field == "from" or field == "sender" then
    return given.allow_group_from == true and AUTHORS_IN_GROUPS or AUTHORS
  end
  local is_recipient = field == "to" or field == "cc" or field == "bcc"
  return is_recipient and given.lenient_local_part and LENIENT or STRICT
end

-- Reads all address fields. Returns their texts and lists by field, or nil, err.
local function read_addresses(given)
  local texts, lists = {}, {}
  for i = 1, #ADDRESS_FIELDS do
    local field = ADDRESS_FIELDS[i]
    local value = given[field]
    if value ~= nil and value ~= true then
      local text, list = address.read(field, value, reading_of(field, given))
      if not text then
        return nil, list
      end
      texts[field], lists[field] = text, list
    end
  end
  return texts, lists
end

-- RFC 5322 3.6.2, RFC 6854 2: Sender is there unless From is one mailbox.
local function check_senders(texts, lists)
  local from = lists.from or {}
  if (texts.from or "") == "" then
    return errors.refuse("ADDRESS", "from is missing: every message has an author")
  elseif #from ~= 1 and not lists.sender then
    return errors.refuse("ADDRESS", "from is not exactly one address: sender must name one")
  elseif lists.sender and #lists.sender ~= 1 then
    return errors.refuse("ADDRESS", "sender must be exactly one address")
  end
  if address.is_said_by(texts.from, lists) then
    texts.sender = nil
  end
  lists.sender = lists.sender or { from[1] }
  return true
end

-- The host of identifiers, where the core cannot take that of From by itself.
local function find_host(given, lists, context)
  local author = lists.from[1]
  if author and not (given.inline or given.message_id_host) then
    return true
  end
  local err
  context.host, err = identifier.host(given, author or lists.sender[1])
  return context.host and true, err
end

local function add_parts(message, given, context)
  local node, err
  if given.parts then
    node, err = part_tree.tree(given.parts, context)
  else
    node, err = body.tree(given, context)
  end
  local part
  if node then
    part, err = content_part.add(message, nil, node)
  end
  return part and true, err
end

-- Fills an empty message of the core. Returns the addresses that the envelope follows from.
local function compose(message, given, context)
  local is_known, code, why = true, nil, nil
  if given.charset then
    is_known, code, why = message:charset(given.charset, given.charset_strict)
  end
  if not is_known then
    return refuse("charset", code, why)
  end
  local texts, lists = read_addresses(given)
  if not texts then
    return nil, lists
  end
  local ok, err = check_senders(texts, lists)
  if ok then
    ok, err = find_host(given, lists, context)
  end
  if ok then
    ok, err = header_fields.add(message, given, texts)
  end
  if ok then
    ok, err = add_parts(message, given, context)
  end
  return ok and lists, err
end

local function seal(message, given, context)
  local ok, code, why = message:seal {
    now = given.date, zone = given.zone_minutes, entropy = context.entropy,
    host = context.host,
  }
  if not ok then
    return errors.refuse(code, given.raw and "raw: " .. why or why)
  end
  return true
end

local BODIES = { ["7bit"] = true, ["8bit"] = true }

local function check_body(given)
  if given.body == "binary" then
    return refuse("body", "CONFIG", '"binary" needs BINARYMIME and CHUNKING, which are not spoken')
  elseif given.body and not BODIES[given.body] then
    return refuse("body", "CONFIG", 'it must be "7bit" or "8bit"')
  elseif given.raw_newlines and given.raw_newlines ~= "normalize"
    and given.raw_newlines ~= "reject" then
    return refuse("raw_newlines", "CONFIG", 'it must be "normalize" or "reject"')
  end
  return true
end

-- The text of Date, where it is known already: of a composed message of now the core makes it.
local function date_of(given)
  if not given.date and not given.raw then
    return ""
  end
  return core.date(given.date and max(min(given.date, DISTANT), -DISTANT), given.zone_minutes)
end

-- What the message is made of beside what it says. Returns nil, err for values that cannot be.
local function context_of(given)
  local zone = given.zone_minutes or 0
  if zone <= -1440 or zone >= 1440 then
    return refuse("zone_minutes", "CONFIG", "no zone is a day away")
  end
  local date = date_of(given)
  if not date then
    return refuse("date", "CONFIG", "the year must be 1900 to 9999")
  elseif given.entropy and #given.entropy < ENTROPY then
    return refuse("entropy", "CONFIG", ("it must have %d octets"):format(ENTROPY))
  end
  local ok, err = check_body(given)
  return ok and {
    given = given, date = date, entropy = given.entropy or core.random(ENTROPY),
    allow_8bit = given.body == "8bit",
  }, err
end

---Composes and seals a message. Files are opened for a look now, and read when it is sent.
---@param given table    of message_fields.FIELDS
---@param level integer? as of `error`
---@return userdata? message :reader() :size() :id() :write(path) :needs_smtputf8() :needs_8bit()
---@return ettsumailer.error?
function M.new(given, level)
  level = (level or 1) + 1
  local context, err
  given, err = expand.fields(given, level)
  if err then
    return nil, err
  end
  fields_of.check(given, level)
  context, err = context_of(given)
  if not context then
    return nil, err
  end
  local message = core.message()
  local fill = given.raw and ready_message.fill or compose
  local lists, ok, envelope
  lists, err = fill(message, given, context)
  if lists then
    ok, err = seal(message, given, context)
  end
  if ok then
    envelope, err = envelope_of.new(given.envelope or {}, lists)
  end
  if not envelope then
    message:close()
    return nil, err
  end
  envelopes[message] = envelope
  return message
end

---@param message userdata
---@return table? envelope { from = address or "", to = { address, ... } }; nil for others' objects
function M.envelope(message)
  return envelopes[message]
end

return M
