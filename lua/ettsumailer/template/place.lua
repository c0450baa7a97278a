-- Where something stands in a template, for messages: name, line and column.
-- Why: a mistake in a template has to be found by people, also where its text was cut or indented.
-- Not: finding mistakes.

local errors = require "ettsumailer.errors"

local setmetatable = setmetatable

local M = {}

---A text that templates are made of.
---@class ettsumailer.template.source
---@field name string       what it is called: a file's path, "template"
---@field text string
---@field line integer      of its first octet, from 1
---@field column integer    of its first octet, from 1
---@field shift integer     columns that every line was moved to the right
---@field first_shift integer  the same of the first line
local Source = {}
Source.__index = Source

---@param name string
---@param text string
---@param given table?  line, column, shift, first_shift
---@return ettsumailer.template.source
function M.source(name, text, given)
  given = given or {}
  return setmetatable({
    name = name, text = text, line = given.line or 1, column = given.column or 1,
    shift = given.shift or 0, first_shift = given.first_shift or given.shift or 0,
  }, Source)
end

---The line and the column (in characters) of an octet.
---@param at integer
---@return integer line
---@return integer column
function Source:position(at)
  local before = self.text:sub(1, at - 1)
  local _, lines = before:gsub("\n", "")
  local _, column = (before:match "^.*\n(.*)" or before):gsub("[^\128-\191]", "")
  if lines == 0 then
    return self.line, column + self.column - self.first_shift
  end
  return self.line + lines, column + 1 - self.shift
end

---@param at integer
---@return string place  "mails/order.html:3:7"
function Source:place(at)
  local line, column = self:position(at)
  return ("%s:%d:%d"):format(self.name, line, column)
end

---@param at integer
---@param text string
---@return nil
---@return ettsumailer.error  CONFIG, with the place in front of the text, and as file, line, column
function Source:refuse(at, text)
  local line, column = self:position(at)
  return nil, errors.new {
    code = "CONFIG", stage = "check", text = ("%s: %s"):format(self:place(at), text),
    file = self.name, line = line, column = column,
  }
end

return M
