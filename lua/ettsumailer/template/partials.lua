-- The partials that a template may name: their texts, and what has been compiled of them.
-- Why: a partial is compiled once for each indentation it is used with, whoever uses it.
-- Not: files (files.lua).

local place = require "ettsumailer.template.place"
local scanner = require "ettsumailer.template.scanner"

local error, ipairs, pairs, setmetatable, type = error, ipairs, pairs, setmetatable, type

local M = {}

-- What is kept compiled; beyond it, all is compiled anew. Names may come from data.
local UNITS_MAX = 1000

---Where partials come from.
---@class ettsumailer.template.partials
---@field find fun(name: string): string?, any  its text; nil for none; nil and an error
---@field is_strict boolean     a partial that is not there is an error
---@field label fun(name: string): string  what it is called in messages
---@field units table<string, table<string, function>>
---@field count integer
local Partials = {}
Partials.__index = Partials

local function own_name(name)
  return name
end

---@param given table  find, is_strict, label
---@return ettsumailer.template.partials
function M.new(given)
  return setmetatable({
    find = given.find, is_strict = given.is_strict == true, label = given.label or own_name,
    units = {}, count = 0,
  }, Partials)
end

---Raises unless it is a table of texts, a function or nothing.
---@param what string
---@param given any
---@param level integer
function M.check(what, given, level)
  if given == nil or type(given) == "function" then
    return
  elseif type(given) ~= "table" then
    error(what .. ": partials must be a table or a function, not a " .. type(given), level + 1)
  end
  for name, text in pairs(given) do
    if type(name) ~= "string" or type(text) ~= "string" then
      error(what .. ": partials must be { name = \"text\" }", level + 1)
    end
  end
end

---The function that finds them; a table is copied, so that it may be changed later.
---@param given table|function|nil  checked
---@return fun(name: string): string?
function M.finder(given)
  if type(given) == "function" then
    return given
  end
  local texts = {}
  for name, text in pairs(given or {}) do
    texts[name] = text
  end
  return function(name)
    return texts[name]
  end
end

local function keep(self, name, indent, unit)
  if self.count >= UNITS_MAX then
    self.units, self.count = {}, 0
  end
  self.units[name] = self.units[name] or {}
  self.units[name][indent] = unit
  self.count = self.count + 1
end

local function text_of(self, name)
  local text, err = self.find(name)
  if text ~= nil and type(text) ~= "string" then
    return nil, "it is a " .. type(text) .. ", not a text"
  end
  return text, err
end

---What a partial renders with.
---@param name string
---@param indent string     white space in front of each of its lines
---@param compile fun(source: ettsumailer.template.source): function?, ettsumailer.error?
---@return function? unit   nil for none
---@return any err          an error, or why there is none; nil where a missing one is nothing
function Partials:unit(name, indent, compile)
  local known = self.units[name] and self.units[name][indent]
  if known then
    return known
  end
  local text, err = text_of(self, name)
  if not text then
    return nil, err or (self.is_strict and ("there is no partial '%s'"):format(name)) or nil
  end
  local source = place.source(self.label(name), scanner.reindented(text, indent, 0, false),
    { shift = #indent })
  local unit
  unit, err = compile(source)
  if unit then
    keep(self, name, indent, unit)
  end
  return unit, err
end

-- The tags with the fixed name of a partial, in a tree.
local function collect(nodes, found)
  for _, node in ipairs(nodes) do
    if (node.kind == ">" or node.kind == "<") and not node.is_dynamic then
      found[#found + 1] = node
    end
    if node.children then
      collect(node.children, found)
    end
  end
  return found
end

---@param nodes ettsumailer.template.node[]
---@return ettsumailer.template.node[] tags  of partials and parents whose names are fixed
function M.named_in(nodes)
  return collect(nodes, {})
end

return M
