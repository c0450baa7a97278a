-- Templates: Mustache, the whole specification, for the texts and header fields of messages.
-- Why: what people get is written in files, apart from programs; and data never become markup,
--  header fields or recipients.
-- Not: the syntax and the rendering (template/), nor many messages of one template (merge.lua).

local compiled_of = require "ettsumailer.template.compiled"
local files = require "ettsumailer.template.files"
local mail = require "ettsumailer.template.mail"
local options = require "ettsumailer.options"
local partials_of = require "ettsumailer.template.partials"

local error, ipairs, pairs, type = error, ipairs, pairs, type
local sort = table.sort

local M = {}

local HOW = { partials = "table or function", strict = "boolean", max_size = "integer" }

---The options of compile.
--- name      what the template is called in messages; "template" where absent
--- escape    "html" (by default): & < > " ' of data become entities; "text": nothing is escaped
--- partials  { name = "text" }, or a function(name) that returns the text, or nil, or nil and why
--- strict    true: a partial that is not there is an error; by default it is nothing, as the
---           specification says
--- max_size  octets that a render makes at most; 16 MiB where absent
M.COMPILE = options.merge(HOW, { name = "string", escape = "string" })

---The options of load: those of compile, but for name and escape; strict is true where absent.
--- folder    where the template and its partials are; that of the path where absent
M.LOAD = options.merge(HOW, { folder = "string" })

---The fields of new: templates of a message's fields, each a string; and the options of compile.
M.NEW = options.merge(HOW, { name = "string", text = "string", html = "string", headers = "table" })
for name in pairs(mail.FIELDS) do
  M.NEW[name] = "string"
end

local function check_escape(escape, level)
  if escape and escape ~= "html" and escape ~= "text" then
    error('template: escape must be "html" or "text"', level + 1)
  end
end

local function partials_for(given)
  return partials_of.new {
    find = partials_of.finder(given.partials), is_strict = given.strict,
  }
end

---Compiles a Mustache template, once for any number of renders.
---
---Example:
---```lua
---local hello = assert(ettsumailer.template.compile "Hello {{name}}")
---print(hello:render { name = "<B>" }) --> Hello &lt;B&gt;
---```
---@param text string
---@param given table?  of M.COMPILE
---@return ettsumailer.template.compiled?  :render(data)
---@return ettsumailer.error?  CONFIG with file, line and column: what is not closed, and the like
function M.compile(text, given)
  if type(text) ~= "string" then
    error("template: the text must be a string, not a " .. type(text), 2)
  end
  given = given or {}
  options.check("template", given, M.COMPILE, 2)
  partials_of.check("template", given.partials, 2)
  check_escape(given.escape, 2)
  local made, err = compiled_of.new {
    text = text, name = given.name or "template", escape = given.escape, max_size = given.max_size,
    partials = partials_for(given),
  }
  return made, err -- no tail call: it would hide the caller's line
end

---Reads a message's template from files: NAME.txt and NAME.html, or one of them. Either may begin
---with a head, which gives the subject and other fields; without a .txt the text is made from the
---HTML. Partials are NAME.html and NAME.txt in the folder, or NAME.mustache for both.
---
---Example: `assert(ettsumailer.template.load("order", { folder = "mails" }))`, where
---mails/order.txt is
---```
---------
---Subject: Your order {{number}}
---------
---Hello {{name}}
---```
---@param path string   "order", "mails/order", "mails/order.html" (this file only)
---@param given table?  of M.LOAD
---@return ettsumailer.template.mail?  what `template` of a message takes
---@return ettsumailer.error?  SOURCE: a file cannot be read; CONFIG with file, line and column
function M.load(path, given)
  if type(path) ~= "string" then
    error("template: the path must be a string, not a " .. type(path), 2)
  end
  given = given or {}
  options.check("template", given, M.LOAD, 2)
  partials_of.check("template", given.partials, 2)
  local made, err = files.load(path, given)
  return made, err -- no tail call: it would hide the caller's line
end

local function sorted_names(map)
  local names = {}
  for name in pairs(map) do
    names[#names + 1] = name
  end
  sort(names)
  return names
end

-- The values of the fields, each a text of its own.
local function values_of(given, label, level)
  local values = {}
  for _, name in ipairs(sorted_names(mail.FIELDS)) do
    if given[name] then
      values[#values + 1] = {
        name = name, value = given[name], file = ("%s: %s"):format(label, name),
        line = 1, column = 1,
      }
    end
  end
  for name, value in pairs(given.headers or {}) do
    if type(name) ~= "string" or type(value) ~= "string" then
      error("template: headers must be { Name = \"value\" }", level + 1)
    end
  end
  for _, name in ipairs(sorted_names(given.headers or {})) do
    values[#values + 1] = {
      name = name, value = given.headers[name], file = ("%s: %s"):format(label, name),
      line = 1, column = 1, is_header = true,
    }
  end
  return values
end

---Compiles a message's template from texts.
---
---Example: `ettsumailer.template.new { subject = "Hello {{name}}", text = "Dear {{name}},\n" }`
---@param given table  of M.NEW
---@return ettsumailer.template.mail?  what `template` of a message takes
---@return ettsumailer.error?  CONFIG with line and column
function M.new(given)
  options.check("template", given, M.NEW, 2)
  partials_of.check("template", given.partials, 2)
  local label = given.name or "template"
  local partials = partials_for(given)
  local parts = { values = values_of(given, label, 2), partials = partials }
  for _, name in ipairs { "text", "html" } do
    parts[name] = given[name] and {
      text = given[name], file = ("%s: %s"):format(label, name), line = 1, partials = partials,
      max_size = given.max_size,
    }
  end
  local made, err = mail.new(parts)
  return made, err -- no tail call: it would hide the caller's line
end

return M
