-- Fields of a message in place of `template` and `data`.
-- Why: whoever takes the fields of a message takes a template, too, by one call.
-- Not: templates themselves, which are read when the first is used.

local lazy = require "ettsumailer.lazy"
local options = require "ettsumailer.options"

local compiled_of = lazy.of "ettsumailer.template.compiled"
local files = lazy.of "ettsumailer.template.files"
local mail = lazy.of "ettsumailer.template.mail"

local error, rawget, type = error, rawget, type

local M = {}

-- The template that a message names: one of ours, or a path.
local function template_of(value, level)
  if type(value) == "string" then
    return files.load(value, {})
  elseif compiled_of.is(value) then
    return mail.of_compiled(value)
  elseif not mail.is(value) then
    error("message: option 'template' must be a path or what ettsumailer.template made", level + 1)
  end
  return value
end

---The fields of a message without template and data: these have become fields. A function in the
---data may yield.
---@param given any       fields of a message; whatever has no template is given back as it is
---@param level integer?  as of `error`
---@return any? fields
---@return ettsumailer.error?
function M.fields(given, level)
  level = (level or 1) + 1
  if type(given) ~= "table" then
    return given
  end
  local named, data = rawget(given, "template"), rawget(given, "data")
  if named == nil and data == nil then
    return given
  elseif named == nil then
    error("message: data goes with template", level)
  end
  compiled_of.check_data("message", data, level)
  local template, err = template_of(named, level)
  if not template then
    return nil, err
  end
  local own = options.merge(given)
  own.template, own.data = nil, nil
  return template:fields_with(data, own)
end

return M
