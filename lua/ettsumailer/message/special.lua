-- What only some messages have: files, images, charsets, fields of their own, parts, raw content.
-- Why: most mail is addresses, a subject and a text, and goes out without this being read.
-- Not: the fields that every message may have (message.lua).

local address_fields = require "ettsumailer.message.address_fields"
local body = require "ettsumailer.message.body"
local content_part = require "ettsumailer.message.content_part"
local core = require "ettsumailer.core"
local envelope_of = require "ettsumailer.message.envelope"
local errors = require "ettsumailer.errors"
local header_fields = require "ettsumailer.message.header_fields"
local lazy = require "ettsumailer.lazy"
local options = require "ettsumailer.options"

local identifier = lazy.of "ettsumailer.message.identifier"
local list_fields = lazy.of "ettsumailer.message.list_fields"
local part_tree = lazy.of "ettsumailer.message.part_tree"
local ready_message = lazy.of "ettsumailer.message.ready_message"

local error, ipairs = error, ipairs
local max, min = math.max, math.min

local M = {}

-- Fields that parts stands in place of.
local BODY_FIELDS = { "text", "html", "auto_text", "attachments", "inline", "calendar" }

local ENTROPY = 32

-- A time that is in no year of four digits, and that the core can take.
local DISTANT = 2 ^ 52

local BODIES = { ["7bit"] = true, ["8bit"] = true }

local function refuse(field, code, text)
  return errors.refuse(code, ("%s: %s"):format(field, text))
end

local function check_parts(given, level)
  level = level + 1
  if not given.parts then
    return body.check(given, level)
  end
  part_tree.check("message: parts", given.parts, level)
  for _, field in ipairs(BODY_FIELDS) do
    if given[field] ~= nil then
      error(("message: parts stands in place of '%s'"):format(field), level)
    end
  end
end

---Raises what is misuse of the fields, whose kinds are right.
---@param given table
---@param level integer
function M.check(given, level)
  level = level + 1
  if given.envelope then
    options.check("message: envelope", given.envelope, envelope_of.FIELDS, level)
  end
  if given.raw then
    return ready_message.check(given, level)
  end
  address_fields.check(given, level)
  check_parts(given, level)
  header_fields.check_pairs("message: option 'headers'", given.headers, level)
  if given.list then
    list_fields.check(given.list, level)
  end
  if given.raw_newlines or given.resent then
    error("message: raw_newlines and resent go with raw only", level)
  end
end

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

---What a message is made of beside what it says.
---@param given table
---@return table? context  fill: what fills the message, if its parts do not; given, date, entropy,
---  charset, charset_strict, allow_8bit
---@return ettsumailer.error?  values that cannot be
function M.context(given)
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
    charset = given.charset, charset_strict = given.charset_strict,
    allow_8bit = given.body == "8bit", fill = given.raw and ready_message.fill,
  }, err
end

---Begins a message: in the charset that is asked for.
---@param message userdata  of the core, empty
---@param given table
---@return true?
---@return ettsumailer.error?
function M.begin(message, given)
  if not given.charset then
    return true
  end
  local ok, code, why = message:charset(given.charset, given.charset_strict)
  if not ok then
    return refuse("charset", code, why)
  end
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
  if not given.parts then
    return body.add(message, given, context)
  end
  local node, err = part_tree.tree(given.parts, context)
  local part
  if node then
    part, err = content_part.add(message, nil, node)
  end
  return part and true, err
end

---Adds the fields behind Subject, and the parts.
---@param message userdata
---@param given table
---@param context table
---@param lists table   the mailboxes of the message, by field
---@param from string?  the text of From, where that is more than its mailboxes
---@return any ok
---@return ettsumailer.error?
function M.add(message, given, context, lists, from)
  local ok, err = find_host(given, lists, context)
  if ok then
    ok, err = header_fields.add(message, given, from or address_fields.text_of(lists.from))
  end
  if ok then
    ok, err = add_parts(message, given, context)
  end
  return ok, err
end

return M
