-- Blocks {{$name}}: what a template that inherits puts in place of its parent's.
-- Why: it is moved to where the parent has the block, also by its indentation.
-- Not: rendering (compile.lua).

local place = require "ettsumailer.template.place"
local scanner = require "ettsumailer.template.scanner"

local pairs, setmetatable = pairs, setmetatable

local M = {}

-- The white space in front of the first line that has anything; nil for none.
local function intrinsic(text)
  return text:match "^([ \t]*)[^ \t\r\n]" or text:match "^[ \t\r\n]*\n([ \t]*)[^ \t\r\n]"
end

local function text_in(unit, node)
  return unit.source.text:sub(node.from, node.to)
end

---What stands in place of a block.
---@class ettsumailer.template.block
local Block = {}
Block.__index = Block

---@param unit table  the template that it is written in
---@param node ettsumailer.template.node
---@return ettsumailer.template.block
function M.new(unit, node)
  local text = text_in(unit, node)
  return setmetatable({
    source = unit.source, compile = unit.compile, node = node, text = text, units = {},
    dedent = node.tag.is_alone and #(intrinsic(text) or "") or 0,
  }, Block)
end

---It, to be rendered at a place with such an indentation.
---@param indent string
---@param has_first boolean  the first line is to be indented, too
---@return function? run
---@return ettsumailer.error?
function Block:unit(indent, has_first)
  local key = (has_first and "+" or "-") .. indent
  if self.units[key] then
    return self.units[key]
  end
  local from, dedent, tag = self.source, self.dedent, self.node.tag
  local line, column = from:position(self.node.from)
  local source = place.source(from.name,
    scanner.reindented(self.text, indent, dedent, not has_first), {
      line = line, column = column, shift = from.shift + #indent - dedent,
      first_shift = (has_first and #indent or 0) - dedent,
    })
  local run, err = self.compile(source, tag.open, tag.close)
  self.units[key] = run
  return run, err
end

---Where a block stands: the indentation that is due to what takes its place.
---@param unit table
---@param node ettsumailer.template.node
---@return string indent
---@return boolean has_first
function M.indent_at(unit, node)
  local tag = node.tag
  if tag.is_alone then
    return intrinsic(text_in(unit, node)) or tag.lead, true
  end
  return tag.lead or "", false
end

---The blocks for a parent: those of the outermost child win.
---@param own table<string, ettsumailer.template.block>
---@param outer table<string, ettsumailer.template.block>?
---@return table<string, ettsumailer.template.block>
function M.merged(own, outer)
  local merged = {}
  for name, block in pairs(own) do
    merged[name] = block
  end
  for name, block in pairs(outer or {}) do
    merged[name] = block
  end
  return merged
end

return M
