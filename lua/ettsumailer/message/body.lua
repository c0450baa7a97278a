-- What people read: text, HTML with its images, an invitation; and the files beside it.
-- Why: mixed(related(alternative(text, html, calendar), images), files) is what every mail program
--  shows right; a level with one part only is left out.
-- Not: trees of a caller's own (part_tree.lua), nor how a part is added (content_part.lua).

local content_part = require "ettsumailer.message.content_part"
local core = require "ettsumailer.core"
local errors = require "ettsumailer.errors"
local lazy = require "ettsumailer.lazy"
local options = require "ettsumailer.options"
local source_fields = require "ettsumailer.message.source_fields"

local identifier = lazy.of "ettsumailer.message.identifier"
local media_types = lazy.of "ettsumailer.message.media_types"
local source = lazy.of "ettsumailer.message.source"
local html_text = lazy.of "ettsumailer.message.html_text"

local error, ipairs, tonumber, type = error, ipairs, tonumber, type
local char = string.char

local M = {}

---A file: where it comes from (fields of content), and
--- filename  its name for readers; the path's last part where absent
--- type      its media type; by the name's ending where absent
--- charset   of a text
M.ATTACHMENT = options.merge(source_fields, {
  filename = "string", type = "string", charset = "string",
})

---An image that the HTML shows: an attachment, and
--- cid  the NAME of "cid:NAME"
M.INLINE = options.merge(M.ATTACHMENT, { cid = "string" })

---An invitation.
--- content   iCalendar text (RFC 5545)
--- method    "REQUEST", "CANCEL" ...; the content's own METHOD where absent
--- filename  it is attached as a file of this name, too
M.CALENDAR = { content = "string", method = "string", filename = "string" }

-- A name, or an id with its host; what exactly may stand there is the core's to say.
local CID = "^[^@%s%c\"()<>%[%]:;,\\\127-\255]+@?[^@%s%c\"()<>:;,\\\127-\255]*$"

local NONE = {}

local together = content_part.together

local function text_node(label, media_type, text, context, charset)
  return {
    label = label, given = { content = text },
    leaf = { type = media_type, charset = charset, text = true, allow_8bit = context.allow_8bit },
  }
end

-- A text in the message's charset; in UTF-8 where it does not fit that, and that is no error.
local function converted_node(label, media_type, text, context)
  local charset, is_strict = context.given.charset, context.given.charset_strict
  if not charset or not text:find "[\128-\255]" then
    return text_node(label, media_type, text, context)
  end
  local converted, code, why = core.convert(text, charset, nil, is_strict)
  if not converted and code ~= "UNFIT" then
    return errors.refuse(code, ("%s: %s"):format(label, why))
  end
  return text_node(label, media_type, converted or text, context, converted and charset)
end

local function file_node(label, given, disposition, content_id)
  local filename = given.filename or given.path
  return {
    label = label, given = given,
    leaf = {
      type = given.type or media_types.of(filename), charset = given.charset, filename = filename,
      disposition = disposition, content_id = content_id, text = false,
    },
  }
end

local function refuse_calendar(text)
  return errors.refuse("CONFIG", "calendar: " .. text)
end

-- RFC 6047 2.4: the method is that of the content. Returns the method, "" for none; or nil, err.
local function method_of(given)
  local own = ("\n" .. given.content):match "[\r\n][Mm][Ee][Tt][Hh][Oo][Dd][ \t]*:[ \t]*([%w-]+)"
  local method = given.method or own or ""
  if not given.content:find "^[Bb][Ee][Gg][Ii][Nn]:[Vv][Cc][Aa][Ll][Ee][Nn][Dd][Aa][Rr]" then
    return refuse_calendar "it does not begin with BEGIN:VCALENDAR"
  elseif not method:find "^[%w-]*$" or (given.method and method == "") then
    return refuse_calendar("method is a word such as REQUEST")
  elseif own and own:upper() ~= method:upper() then
    return refuse_calendar(("method is %s, but its content says %s"):format(method, own))
  end
  return method:upper()
end

local function calendar_node(calendar, context)
  local method, err = method_of(calendar)
  if not method then
    return nil, err
  end
  local media_type = method == "" and "text/calendar" or "text/calendar; method=" .. method
  return text_node("calendar", media_type, calendar.content, context)
end

-- The plain text: the caller's, or that of the HTML when it is asked for.
local function plain_text_of(given)
  if given.auto_text and not given.text then
    return html_text.of(given.html)
  end
  local has_other = given.html or given.calendar
  return given.text or (not has_other and "") or nil
end

-- What is shown instead of one another, the plainest first.
local function alternatives(given, context)
  local nodes, ok, err = {}, true, nil
  local text = plain_text_of(given)
  if text then
    nodes[1], err = converted_node("text", "text/plain", text, context)
    ok = nodes[1]
  end
  if ok and given.html then
    ok, err = converted_node("html", "text/html", context.html, context)
    nodes[#nodes + 1] = ok
  end
  if ok and context.calendar then
    ok, err = calendar_node(context.calendar, context)
    nodes[#nodes + 1] = ok
  end
  if not ok then
    return nil, err
  end
  return together("alternative", nodes)
end

-- RFC 2392: an id in a URL is percent-encoded.
local function url_of(id)
  return (id:gsub("[^%w%-._~!$'*+=@]", function(c) return ("%%%02X"):format(c:byte()) end))
end

local function percent_decoded(text)
  return (text:gsub("%%(%x%x)", function(hex) return char(tonumber(hex, 16)) end))
end

-- Points the references "cid:NAME" of the HTML to the Content-IDs; others are left alone.
local function rewritten(html, ids)
  return (html:gsub("%f[%w]([cC][iI][dD]:)([^%s\"'<>(),;&]+)", function(scheme, name)
    local id = ids[percent_decoded(name)]
    return id and scheme .. url_of(id) or nil
  end))
end

-- The Content-IDs of the images by the names that the caller gave them.
local function content_ids(images, context)
  local ids = {}
  for i, image in ipairs(images) do
    if ids[image.cid] then
      return errors.refuse("CONFIG", ("inline[%d]: cid %s is there twice"):format(i, image.cid))
    elseif not image.cid:find(CID) then
      return errors.refuse("CONFIG",
        ("inline[%d]: cid must be a name such as logo, or logo@example.com"):format(i))
    end
    ids[image.cid] = identifier.content_id(image.cid, context.host, context.entropy)
  end
  return ids
end

local function with_images(given, context)
  local images = given.inline
  if not images then
    context.html = given.html
    return alternatives(given, context)
  end
  local ids, err = content_ids(images, context)
  if not ids then
    return nil, err
  end
  context.html = rewritten(given.html, ids)
  local nodes = {}
  nodes[1], err = alternatives(given, context)
  if not nodes[1] then
    return nil, err
  end
  for i, image in ipairs(images) do
    local label = ("inline[%d]"):format(i)
    nodes[i + 1] = file_node(label, image, "inline", ids[image.cid])
  end
  return together("related", nodes)
end

---The tree of a message's parts, as content_part.add takes it.
---@param given table    the fields of the message
---@param context table  host, entropy, allow_8bit
---@return table? node
---@return ettsumailer.error?
function M.tree(given, context)
  local calendar = given.calendar
  context.calendar = type(calendar) == "string" and { content = calendar } or calendar
  local shown, err = with_images(given, context)
  if not shown then
    return nil, err
  end
  local nodes = { shown }
  for i, file in ipairs(given.attachments or NONE) do
    local label = ("attachments[%d]"):format(i)
    file = type(file) == "string" and { path = file } or file
    nodes[#nodes + 1] = file_node(label, file, "attachment")
  end
  if context.calendar and context.calendar.filename then
    local file = options.merge(context.calendar, { type = "application/ics" })
    nodes[#nodes + 1] = file_node("calendar", file, "attachment")
  end
  return together("mixed", nodes)
end

local function check_files(field, list, known, level)
  for i, file in ipairs(list or NONE) do
    local what = ("message: %s[%d]"):format(field, i)
    if type(file) ~= "string" or known == M.INLINE then
      options.check(what, file, known, level + 1)
      source.check(what, file, level + 1)
    end
    if known == M.INLINE and not file.cid then
      error(what .. ": cid must be given: the HTML refers to it", level + 1)
    end
  end
end

---Raises what is misuse of the fields that make the tree.
---@param given table
---@param level integer
function M.check(given, level)
  level = level + 1
  check_files("attachments", given.attachments, M.ATTACHMENT, level)
  check_files("inline", given.inline, M.INLINE, level)
  if type(given.calendar) == "table" then
    options.check("message: calendar", given.calendar, M.CALENDAR, level)
    if not given.calendar.content then
      error("message: calendar: content must be given", level)
    end
  end
  if given.inline and not given.html then
    error("message: inline images need html, which shows them", level)
  elseif given.auto_text and not given.html then
    error("message: auto_text makes the text of html, which must be given", level)
  end
end

return M
