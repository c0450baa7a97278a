-- A message from a table of what it says, or from one that others made; and its envelope.
-- Why: what people want to say, turned into what the core seals.
-- Not: its addresses (address_fields.lua), its texts (texts.lua), what only some messages have
--  (special.lua), encoding and folding (the core), nor sending (transaction.lua).

local address_fields = require "ettsumailer.message.address_fields"
local core = require "ettsumailer.message.methods"
local envelope_of = require "ettsumailer.message.envelope"
local errors = require "ettsumailer.errors"
local expand = require "ettsumailer.template.expand"
local lazy = require "ettsumailer.lazy"
local options = require "ettsumailer.options"
local ready_fields = require "ettsumailer.message.ready_fields"
local texts = require "ettsumailer.message.texts"

local special = lazy.of "ettsumailer.message.special"

local getmetatable, type = getmetatable, type
local is_usual, new_core = core.is_usual, core.message
local add_header, seal_core = core.message_methods.header, core.message_methods.seal

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

-- Those that most messages have, true for those of addresses; what is only for others, and for
-- mistakes, is in special.lua.
local USUAL = {
  from = true, reply_to = true, to = true, cc = true, bcc = true, subject = false, text = false,
  html = false,
}

-- What there is to know beside the fields of a message that has no others.
local NOTHING = {}

local function add_subject(message, subject)
  if not subject then
    return true
  end
  local ok, code, why = add_header(message, "text", "Subject", subject)
  if not ok then
    return errors.refuse(code, "subject: " .. why)
  end
  return true
end

-- The fields, and the parts. Returns true, or nil, err.
local function add_content(message, given, context, lists, from)
  local ok, err = add_subject(message, given.subject)
  if not ok then
    return nil, err
  elseif context == NOTHING then
    return texts.add(message, nil, given, context)
  end
  return special.add(message, given, context, lists, from)
end

-- Fills an empty message of the core. Returns the addresses that the envelope follows from.
local function compose(message, given, context)
  local ok, err = true, nil
  if context ~= NOTHING then
    ok, err = special.begin(message, given)
  end
  if not ok then
    return nil, err
  end
  local lists, from = address_fields.add(message, given)
  if not lists then
    return nil, from
  end
  ok, err = add_content(message, given, context, lists, from)
  return ok and lists, err
end

local function seal(message, given, context)
  local ok, code, why
  if context == NOTHING then
    ok, code, why = seal_core(message)
  else
    ok, code, why = seal_core(message, {
      now = given.date, zone = given.zone_minutes, entropy = context.entropy, host = context.host,
    })
  end
  if not ok then
    return errors.refuse(code, given.raw and "raw: " .. why or why)
  end
  return true
end

-- Raises whatever is misuse, so that everything behind it only ever returns nil, err. Returns what
-- there is to know beside the fields, and these; or nil, err for values that cannot be.
local function look_at(given, level)
  level = level + 1
  if is_usual(given, USUAL) then
    return NOTHING, given
  end
  local fields, err = expand.fields(given, level)
  if err then
    return nil, err
  end
  options.check("message", fields, M.FIELDS, level)
  special.check(fields, level)
  local context
  context, err = special.context(fields)
  return context, context and fields or err
end

---Composes and seals a message. Files are opened for a look now, and read when it is sent.
---@param given table    the fields of M.FIELDS
---@param level integer? as of `error`
---@return userdata? message :reader() :size() :id() :write(path) :needs_smtputf8() :needs_8bit()
---@return table|ettsumailer.error  as of M.envelope, or why there is none
function M.with_envelope(given, level)
  local context, fields = look_at(given, (level or 1) + 1)
  if not context then
    return nil, fields
  end
  local envelope = { from = nil, to = nil } -- with room for them
  local message = new_core(envelope)
  local lists, err = (context.fill or compose)(message, fields, context)
  local ok = lists
  if ok then
    ok, err = seal(message, fields, context)
  end
  if ok then
    ok, err = envelope_of.fill(envelope, fields.envelope, lists)
  end
  if not ok then
    message:close()
    return nil, err
  end
  return message, envelope
end

---The same without the envelope.
---@param given table
---@param level integer?
---@return userdata? message
---@return ettsumailer.error?
function M.new(given, level)
  local message, err = M.with_envelope(given, (level or 1) + 1)
  return message, not message and err or nil
end

---@param message any
---@return table? envelope { from = address or "", to = { address, ... } }; nil for what is no
---  message that M.new made
function M.envelope(message)
  if type(message) ~= "userdata" or getmetatable(message) ~= "ettsumailer.message" then
    return nil
  end
  local kept = core.message_kept(message)
  return kept.from and kept or nil
end

return M
