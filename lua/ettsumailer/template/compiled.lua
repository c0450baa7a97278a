-- A compiled template: one text that is rendered with data, any number of times.
-- Why: compiled once, with all that it names; a render is a function of its data only.
-- Not: whole messages (mail.lua), files (files.lua).

local compile = require "ettsumailer.template.compile"
local errors = require "ettsumailer.errors"
local partials_of = require "ettsumailer.template.partials"
local place = require "ettsumailer.template.place"
local state_of = require "ettsumailer.template.state"
local values = require "ettsumailer.template.values"

local concat = table.concat
local error, getmetatable, setmetatable, type = error, getmetatable, setmetatable, type

local M = {}

-- Octets of a template and its partials each; and of a render where max_size is not given.
local TEXT_MAX, SIZE_MAX = 4 * 1024 * 1024, 16 * 1024 * 1024

---A template that was compiled: ettsumailer.template.compile makes it.
---@class ettsumailer.template.compiled
---@field escape string  "html" or "text": what its variables are escaped for
local Compiled = {}
Compiled.__index = Compiled
Compiled.__name = "ettsumailer.template.compiled"

local ESCAPES = { html = values.html, text = nil }

-- Compiles the partials with fixed names, and those that they name: what is wrong is found now.
local function check_partials(self, nodes)
  local queue, known = { { source = self.source, nodes = nodes } }, {}
  while #queue > 0 do
    local item = queue[#queue]
    queue[#queue] = nil
    for _, node in ipairs(partials_of.named_in(item.nodes)) do
      if not known[node.name] then
        known[node.name] = true
        local run, err = self.partials:unit(node.name, "", function(source)
          local made, tree = self.compile(source)
          queue[#queue + 1] = made and { source = source, nodes = tree } or nil
          return made, tree
        end)
        if not run and errors.is(err) then
          return nil, err
        elseif not run and err ~= nil then
          return item.source:refuse(node.at, err)
        end
      end
    end
  end
  return true
end

---Compiles a text.
---@param given table  text, name, partials (of partials.lua), escape, max_size; line and
---  column of its first octet
---@return ettsumailer.template.compiled?
---@return ettsumailer.error?
function M.new(given)
  local source = place.source(given.name, given.text, { line = given.line, column = given.column })
  if #given.text > TEXT_MAX then
    return source:refuse(1, "more octets than a template may have")
  end
  local partials = given.partials
  local self = setmetatable({
    source = source, partials = partials, escape = given.escape or "html",
    max_size = given.max_size or SIZE_MAX,
  }, Compiled)
  function self.compile(other, open, close)
    if #other.text > TEXT_MAX then
      return other:refuse(1, "more octets than a template may have")
    end
    return compile.compile(partials, other, open, close)
  end
  local run, nodes = self.compile(source)
  if not run then
    return nil, nodes
  end
  self.run = run
  local ok, err = check_partials(self, nodes)
  return ok and self, err
end

local DATA = { table = true, string = true, number = true, boolean = true, ["nil"] = true }

---Raises unless it can be the data of a render.
---@param what string
---@param data any
---@param level integer
function M.check_data(what, data, level)
  if not DATA[type(data)] then
    error(("%s: data must be a table (or a string, a number), not a %s"):format(what, type(data)),
      level + 1)
  end
end

---Renders with an escape of the caller's; data are checked.
---@param data any
---@param escape (fun(text: string): string)?
---@return string?
---@return ettsumailer.error?
function Compiled:render_with(data, escape)
  local state = state_of.new(data == nil and {} or data, escape, self.max_size)
  local out = {}
  local n = self.run(state, out, 0)
  if state.err then
    return nil, state.err
  end
  local text = concat(out, "", 1, n)
  if #text > self.max_size then
    return self.source:refuse(1, "this makes more octets than max_size allows")
  end
  return text
end

---Renders the template. Data are names and values; a value that is a list makes a section repeat, a
---function is called for its text (a template itself) and may yield. Nothing of the data is kept.
---
---Example: `assert(ettsumailer.template.compile("Hi {{name}}")):render { name = "B" }` is "Hi B".
---@param data table|string|number|boolean|nil  none where absent
---@return string?            octets as the template's text is, UTF-8
---@return ettsumailer.error? CONFIG with file, line and column: data of another shape than the
---  template expects, a partial that is not there (strict), too deep, or more than max_size
function Compiled:render(data)
  M.check_data("render", data, 2)
  return self:render_with(data, ESCAPES[self.escape])
end

---@param value any
---@return boolean
function M.is(value)
  return getmetatable(value) == Compiled
end

return M
