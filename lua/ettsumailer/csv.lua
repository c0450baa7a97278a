-- Rows of a CSV file by the names of their columns, read in blocks.
-- Why: lists of recipients come out of spreadsheets: with quotes, line ends in fields, a byte order
--  mark, and in Japan in Shift_JIS.
-- Not: the grammar (csv_records.lua), nor what the rows are for (merge.lua).

local core = require "ettsumailer.core"
local errors = require "ettsumailer.errors"
local options = require "ettsumailer.options"
local records_of = require "ettsumailer.csv_records"

local error, io, ipairs, setmetatable, type = error, io, ipairs, setmetatable, type

local M = {}

local BLOCK = 65536
local FIELD_MAX = 1024 * 1024
local BYTE_ORDER_MARK = "\239\187\191"

---How a file is written.
--- separator  of fields: "," where absent; ";" or a tab
--- charset    "UTF-8" where absent; "Shift_JIS" and others that the system knows
--- columns    the names of the columns, where the first line does not say them
--- max_field  octets of a field at most; 1 MiB where absent
M.OPTIONS = { separator = "string", charset = "string", columns = "table", max_field = "integer" }

---Rows of a CSV file: ettsumailer.csv's open makes it.
---@class ettsumailer.csv
---@field label string     the path, or what it was called
---@field line integer     where the row that was read last begins, from 1
---@field is_over boolean  nothing comes any more
local Reader = {}
Reader.__index = Reader

local function refuse(self, why)
  return nil, errors.new {
    code = "SOURCE", stage = "check", text = ("%s:%d: %s"):format(self.label, self.line, why),
    file = self.label, line = self.line,
  }
end

local function is_blank(fields)
  return #fields == 1 and fields[1] == ""
end

-- The next record that is no blank line; nil at the end; or nil, err, which is the end, too.
local function next_record(self)
  if self.is_over then
    return nil
  end
  local fields, why = self.records:read()
  while fields and is_blank(fields) do
    fields, why = self.records:read()
  end
  self.line = self.records.line
  if not fields then
    self:close()
    if why then
      return refuse(self, why)
    end
  end
  return fields
end

local function in_utf8(self, text)
  if not text:find "[\128-\255]" and self.is_utf8 then
    return text
  end
  local made, _, why = core.convert(text, "UTF-8", self.charset)
  return made, why
end

-- Spreadsheets write empty fields behind the last column.
local function has_columns(self, fields)
  for i = #self.columns + 1, #fields do
    if fields[i] ~= "" then
      return false
    end
  end
  return #fields >= #self.columns
end

---The next row. May yield where the source does.
---
---Example: `local row, err = reader:next()`, until both are nil.
---@return table<string, string>? row  by the names of the columns; nil at the end
---@return ettsumailer.error?  SOURCE with file and line: this row is none; is_over says whether
---  others may follow
function Reader:next()
  local fields, err = next_record(self)
  if not fields then
    return nil, err
  elseif not has_columns(self, fields) then
    return refuse(self, ("%d fields where there are %d columns"):format(#fields, #self.columns))
  end
  local row = {}
  for i, name in ipairs(self.columns) do
    local value, why = in_utf8(self, fields[i])
    if not value then
      return refuse(self, ("column %s: %s"):format(name, why))
    end
    row[name] = name ~= "" and value or nil
  end
  return row
end

---Closes the file. Done by itself at the end.
---
---Example: `reader:close()`
function Reader:close()
  self.is_over = true
  if self.file then
    self.file:close()
    self.file = nil
  end
end

-- The names of the columns, from the list given or from the first line; or nil, err.
local function name_columns(self, fields)
  local names, known = {}, {}
  for i, field in ipairs(fields) do
    local name, why = in_utf8(self, field)
    if not name then
      return refuse(self, ("column %d: %s"):format(i, why))
    end
    name = name:match("^.*%S", name:find "%S") or ""
    if known[name] and name ~= "" then
      return refuse(self, ("two columns are called '%s'"):format(name))
    end
    names[i], known[name] = name, true
  end
  return names
end

local function read_head(self)
  local fields, err = next_record(self)
  if fields then
    return name_columns(self, fields)
  elseif not err then
    self.line = 1
    return refuse(self, "there is no line with the names of the columns")
  end
  return nil, err
end

-- The function that gives the octets. Opens a path.
local function chunks_of(self, source)
  if type(source) == "function" then
    return source
  end
  local file, why = io.open(source, "rb")
  if not file then
    return errors.refuse("SOURCE", ("cannot read %s"):format(why))
  end
  self.file, self.label = file, source
  return function()
    return file:read(BLOCK)
  end
end

---Raises what is misuse of the options.
---@param given table
---@param level integer  as of `error`
function M.check(given, level)
  options.check("csv", given, M.OPTIONS, level + 1)
  for _, name in ipairs(given.columns or {}) do
    if type(name) ~= "string" then
      error("csv: columns must be strings", level + 1)
    end
  end
  if given.separator and (#given.separator ~= 1 or given.separator:find '["\r\n]') then
    error("csv: separator must be one character that is no quote and no line end", level + 1)
  end
end

local function read_start(self, given)
  local _, code, why = core.convert("", "UTF-8", self.charset)
  if code then
    return errors.refuse("CONFIG", ("csv: charset: %s"):format(why))
  end
  why = self.records:skip_mark(self.is_utf8 and BYTE_ORDER_MARK or "")
  if why then
    self.line = 1
    return refuse(self, why)
  elseif given.columns then
    return name_columns(self, given.columns)
  end
  return read_head(self)
end

---Opens a CSV file and reads the names of its columns.
---
---Example: `local reader = assert(require("ettsumailer.csv").open("a.csv", { separator = ";" }))`
---@param source string|function  a path, or a function that gives the next octets, nil at the end,
---  or nil and why it failed
---@param given table?     of M.OPTIONS
---@param level integer?   as of `error`
---@return ettsumailer.csv?  :next() :close()
---@return ettsumailer.error?  SOURCE: it cannot be read, with the line; CONFIG: an unknown charset
function M.open(source, given, level)
  level, given = (level or 1) + 1, given or {}
  M.check(given, level)
  local charset = given.charset or "UTF-8"
  local self = setmetatable({
    label = "csv", charset = charset, is_utf8 = charset:upper():gsub("%-", "") == "UTF8",
    line = 0, is_over = false,
  }, Reader)
  local chunks, err = chunks_of(self, source)
  if not chunks then
    return nil, err
  end
  self.records = records_of.new(chunks, given.separator or ",", given.max_field or FIELD_MAX)
  self.columns, err = read_start(self, given)
  if not self.columns then
    self:close()
    return nil, err
  end
  return self
end

return M
