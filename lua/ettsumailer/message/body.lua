-- What is beside the texts that people read: images that the HTML shows, and files.
-- Why: mixed(related(alternative(text, html, calendar), images), files) is what every mail program
--  shows right; a level with one part only is left out.
-- Not: the texts (texts.lua), trees of a caller's own (part_tree.lua), nor how a part is added
--  (content_part.lua).

local content_part = require "ettsumailer.message.content_part"
local errors = require "ettsumailer.errors"
local lazy = require "ettsumailer.lazy"
local options = require "ettsumailer.options"
local source_fields = require "ettsumailer.message.source_fields"
local texts = require "ettsumailer.message.texts"

local identifier = lazy.of "ettsumailer.message.identifier"
local media_types = lazy.of "ettsumailer.message.media_types"
local source = lazy.of "ettsumailer.message.source"

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

-- Opens a multipart. Returns its part, or nil, err.
local function open(message, parent, subtype)
  local part, code, why = message:multipart(parent, subtype)
  if not part then
    return errors.refuse(code, ("%s: %s"):format(subtype, why))
  end
  return part
end

local function add_nodes(message, parent, nodes)
  for _, node in ipairs(nodes) do
    local part, err = content_part.add(message, parent, node)
    if not part then
      return nil, err
    end
  end
  return true
end

-- The text, and the images that its HTML shows.
local function add_shown(message, parent, given, context)
  local images = given.inline
  if not images then
    return texts.add(message, parent, given, context)
  end
  local ids, err = content_ids(images, context)
  if ids and images[1] then
    parent, err = open(message, parent, "related")
  end
  if err then
    return nil, err
  end
  context.html = rewritten(given.html, ids)
  local nodes = {}
  for i, image in ipairs(images) do
    nodes[i] = file_node(("inline[%d]"):format(i), image, "inline", ids[image.cid])
  end
  local ok
  ok, err = texts.add(message, parent, given, context)
  if ok then
    ok, err = add_nodes(message, parent, nodes)
  end
  return ok, err
end

-- The files beside what is shown.
local function files_of(given, context)
  local nodes = {}
  for i, file in ipairs(given.attachments or NONE) do
    file = type(file) == "string" and { path = file } or file
    nodes[i] = file_node(("attachments[%d]"):format(i), file, "attachment")
  end
  if context.calendar and context.calendar.filename then
    local file = options.merge(context.calendar, { type = "application/ics" })
    nodes[#nodes + 1] = file_node("calendar", file, "attachment")
  end
  return nodes
end

---Adds all parts.
---@param message userdata  of the core, without any part
---@param given table       the fields of the message
---@param context table     host, entropy, charset, charset_strict, allow_8bit
---@return any ok
---@return ettsumailer.error?
function M.add(message, given, context)
  local calendar, parent, err = given.calendar, nil, nil
  context.calendar = type(calendar) == "string" and { content = calendar } or calendar
  local files = files_of(given, context)
  if files[1] then
    parent, err = open(message, nil, "mixed")
  end
  if err then
    return nil, err
  end
  local ok
  ok, err = add_shown(message, parent, given, context)
  if ok then
    ok, err = add_nodes(message, parent, files)
  end
  return ok, err
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
