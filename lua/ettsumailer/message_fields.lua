-- The fields that a message is made of, and what of them is misuse.
-- Why: one list that says what there is; a wrong name or kind is the program's mistake, and raised.
-- Not: what the values say, which the world may have made (message.lua and those it asks).

local body = require "ettsumailer.body"
local envelope_of = require "ettsumailer.envelope"
local header_fields = require "ettsumailer.header_fields"
local lazy = require "ettsumailer.lazy"
local options = require "ettsumailer.options"
local ready_fields = require "ettsumailer.ready_fields"

local list_fields = lazy.of "ettsumailer.list_fields"
local part_tree = lazy.of "ettsumailer.part_tree"
local ready_message = lazy.of "ettsumailer.ready_message"

local error, ipairs, type = error, ipairs, type

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

---Raises whatever is misuse, so that everything behind it only ever returns nil, err.
---@param given table     the fields of a message
---@param level integer   as of `error`, seen from the caller
function M.check(given, level)
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

return M
