-- A message from a table of what it says, or from one that others made; and its envelope.
-- Why: what people want to say, turned into what the core seals.
-- Not: its header fields (header_fields.lua), its parts (body.lua, part_tree.lua), encoding and
--  folding (the core), nor sending (transaction.lua).

local address = require "ettsumailer.address"
local body = require "ettsumailer.message.body"
local content_part = require "ettsumailer.message.content_part"
local core = require "ettsumailer.message.methods"
local envelope_of = require "ettsumailer.message.envelope"
local errors = require "ettsumailer.errors"
local expand = require "ettsumailer.template.expand"
local header_fields = require "ettsumailer.message.header_fields"
local lazy = require "ettsumailer.lazy"
local options = require "ettsumailer.options"
local ready_fields = require "ettsumailer.message.ready_fields"

local identifier = lazy.of "ettsumailer.message.identifier"
local list_fields = lazy.of "ettsumailer.message.list_fields"
local part_tree = lazy.of "ettsumailer.message.part_tree"
local ready_message = lazy.of "ettsumailer.message.ready_message"

local error, ipairs, setmetatable, type = error, ipairs, setmetatable, type
local max, min = math.max, math.min

local M = {}

---The fields of a message, with their kinds. A text of several addresses is a list, too.
--- from, sender, reply_to, to, cc, bcc   addresses; bcc is in the envelope only
--- lenient_local_part   dots in odd places are taken in to, cc and bcc of any domain
--- allow_group_from     from and sender may have groups (RFC 6854): readers that expect none lose
---                      the author or the message, so only where RFC 6854 4 says to
--- subject, text, html  UTF-8
--- auto_text            true: the text is made of html where no text is given
--- attachments          a list of paths or of body.ATTACHMENT
--- inline               images that html shows as "cid:NAME": a list of body.INLINE, NAME is its
---                      cid. "logo" becomes logo@RANDOM.HOST, and html is pointed to it;
---                      "logo@example.com" stays
--- calendar             an invitation: its content, or body.CALENDAR
--- parts                a tree of the caller's own (part_tree.lua) in place of all these
--- body                 "7bit"; "8bit": text may go as it is, and the server must offer 8BITMIME
--- headers              more fields: { Name = "value" } or { { "Name", "value" }, ... }
--- message_id, in_reply_to, references   identifiers, with or without brackets
--- priority             "high", "normal", "low"
--- read_receipt         true, or who is to be told that the message was shown (RFC 8098)
--- auto_submitted       true for "auto-generated", or another word of RFC 3834
--- list                 list_fields.FIELDS: List-Id, List-Unsubscribe and the like
--- template, data       a path, or what ettsumailer.template made, and its data: they make those
---                      fields that are not given
--- envelope             envelope.FIELDS, where it is not to follow from the addresses
--- charset              of text, html, subject, names and file names: "ISO-2022-JP" for readers of
---                      old; UTF-8 where absent. What does not fit it goes as UTF-8 all the same
--- charset_strict       true: what does not fit charset is an error
--- date                 Unix time; now where absent
--- zone_minutes         of the date, east of UTC; the local zone where absent
--- entropy              32 random octets or more; with date and zone_minutes the message is a pure
---                      function of its fields
--- message_id_host      the right side of Message-ID; the domain of from where absent
---and those of ready_message.FIELDS for one that others made.
M.FIELDS = options.merge(ready_fields, {
  from = "texts", sender = "text", reply_to = "texts", to = "texts", cc = "texts", bcc = "texts",
  lenient_local_part = "boolean", allow_group_from = "boolean",
  subject = "string", text = "string", html = "string", auto_text = "boolean",
  attachments = "table", inline = "table", calendar = "table or string", parts = "table",
  body = "string", charset = "string", charset_strict = "boolean", headers = "table",
  message_id = "string", in_reply_to = "texts", references = "texts", priority = "string",
  read_receipt = "texts or true", auto_submitted = "string or true", list = "table",
  template = "table or string", data = "table",
})

-- Fields that parts stands in place of.
local BODY_FIELDS = { "text", "html", "auto_text", "attachments", "inline", "calendar" }

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

local ADDRESS_LISTS = {
  "from", "reply_to", "to", "cc", "bcc", "read_receipt", "in_reply_to", "references",
}

local function check_addresses(given, level)
  for i = 1, #ADDRESS_LISTS do
    local value = given[ADDRESS_LISTS[i]]
    for j = 1, type(value) == "table" and #value or 0 do
      local kind = type(value[j])
      if kind ~= "string" and kind ~= "userdata" then
        error(("message: option '%s' must hold strings and addresses, not a %s"):format(
          ADDRESS_LISTS[i], kind), level + 1)
      end
    end
  end
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

-- Raises whatever is misuse, so that everything behind it only ever returns nil, err.
local function check(given, level)
  level = level + 1
  options.check("message", given, M.FIELDS, level)
  if given.envelope then
    options.check("message: envelope", given.envelope, envelope_of.FIELDS, level)
  end
  if given.raw then
    return ready_message.check(given, level)
  end
  check_addresses(given, level)
  check_parts(given, level)
  header_fields.check_pairs("message: option 'headers'", given.headers, level)
  if given.list then
    list_fields.check(given.list, level)
  end
  if given.raw_newlines or given.resent then
    error("message: raw_newlines and resent go with raw only", level)
  end
end

---Composes and seals a message. Files are opened for a look now, and read when it is sent.
---@param given table    the fields of M.FIELDS
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
  check(given, level)
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
