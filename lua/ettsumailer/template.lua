-- Templates: Mustache, the whole specification, for the texts and header fields of messages.
-- Why: what people get is written in files, apart from programs; and data never become markup,
--  header fields or recipients.
-- Not: the syntax and the rendering (template/), nor many messages of one template (merge.lua).

local compiled_of = require "ettsumailer.template.compiled"
local options = require "ettsumailer.options"
local partials_of = require "ettsumailer.template.partials"

local error, type = error, type

local M = {}

---The options of compile.
--- name      what the template is called in messages; "template" where absent
--- escape    "html" (by default): & < > " ' of data become entities; "text": nothing is escaped
--- partials  { name = "text" }, or a function(name) that returns the text, or nil, or nil and why
--- strict    true: a partial that is not there is an error; by default it is nothing, as the
---           specification says
--- max_size  octets that a render makes at most; 16 MiB where absent
M.COMPILE = {
  name = "string", escape = "string", partials = "table or function", strict = "boolean",
  max_size = "integer",
}

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
  if given.escape and given.escape ~= "html" and given.escape ~= "text" then
    error('template: escape must be "html" or "text"', 2)
  end
  local made, err = compiled_of.new {
    text = text, name = given.name or "template", escape = given.escape, max_size = given.max_size,
    partials = partials_of.new {
      find = partials_of.finder(given.partials), is_strict = given.strict,
    },
  }
  return made, err -- no tail call: it would hide the caller's line
end

return M
