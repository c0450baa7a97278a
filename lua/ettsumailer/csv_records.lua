-- The records of CSV text that comes in blocks (RFC 4180): lists of fields, quotes undone.
-- Why: a file of any size is read in memory that is bounded by its longest field.
-- Not: what the fields mean (csv.lua).

local concat = table.concat
local setmetatable, tostring, type = setmetatable, tostring, type

local M = {}

local BLOCK = 65536
local COLUMNS_MAX = 1000

---@class ettsumailer.csv.records
---@field line integer  where the record that was read last begins, from 1
local Records = {}
Records.__index = Records

-- Why there is no more; nil at the end. What came before it is read first.
local function end_of(chunk, why)
  if chunk ~= nil then
    return ("it gave a %s where a string was due"):format(type(chunk))
  end
  return why ~= nil and tostring(why) or nil
end

-- Gets the next block. Returns false at the end; nil and why it failed.
local function more(self)
  local pieces, size = { self.buffer:sub(self.at) }, 0
  while size < BLOCK and not self.is_eof do
    local chunk, why = self.next_chunk()
    if type(chunk) == "string" then
      pieces[#pieces + 1], size = chunk, size + #chunk
    else
      self.is_eof, self.failure = true, end_of(chunk, why)
    end
  end
  self.buffer, self.at = concat(pieces), 1
  if size == 0 and self.failure then
    return nil, self.failure
  end
  return size > 0
end

-- Where a pattern is found, from octets behind the present place on; nil at the end, or with why
-- not. The present place may move, and with it the buffer.
local function find(self, pattern, behind)
  while true do
    local found = self.buffer:find(pattern, self.at + behind)
    local size = (found or #self.buffer + 1) - self.at
    if size > self.max_field then
      return nil, ("a field of more than %d octets"):format(self.max_field)
    elseif found then
      return found
    end
    local has_more, why = more(self)
    if not has_more then
      return nil, why
    end
    behind = size
  end
end

local function char_at(self, at)
  if at > #self.buffer then
    local offset = at - self.at
    local _, why = more(self)
    at = self.at + offset
    if why then
      return nil, why
    end
  end
  return self.buffer:sub(at, at)
end

-- Where the quote is that ends a field; or nil and why there is none.
local function closing_quote(self)
  local behind = 1
  while true do
    local found, why = find(self, '"', behind)
    if not found then
      return nil, why or "a quote that is not closed"
    end
    behind = found - self.at
    local c
    c, why = char_at(self, found + 1)
    if why then
      return nil, why
    elseif c ~= '"' then
      return self.at + behind
    end
    behind = behind + 2
  end
end

local function quoted(self)
  local stop, why = closing_quote(self)
  if not stop then
    return nil, why
  end
  local value = self.buffer:sub(self.at + 1, stop - 1)
  local _, lines = value:gsub("\n", "")
  self.next_line = self.next_line + lines
  self.at = stop + 1
  return (value:gsub('""', '"'))
end

local function unquoted(self)
  local stop, why = find(self, self.stops, 0)
  if why then
    return nil, why
  end
  stop = stop or #self.buffer + 1
  if self.buffer:sub(stop, stop) == '"' then
    return nil, "a quote within a field that does not begin with one"
  end
  local value = self.buffer:sub(self.at, stop - 1)
  self.at = stop
  return value
end

-- What is behind a field: moves over it. Returns whether the row goes on; or nil and why not.
local function goes_on(self)
  local c, why = char_at(self, self.at)
  if why then
    return nil, why
  elseif c == self.separator then
    self.at = self.at + 1
    return true
  elseif c == "\r" then
    c, why = char_at(self, self.at + 1)
    self.at = self.at + (c == "\n" and 2 or 1)
  elseif c == "\n" then
    self.at = self.at + 1
  elseif c ~= "" then
    return nil, "something between a closing quote and the end of the field"
  end
  return false, why
end

local function read_field(self)
  local c, why = char_at(self, self.at)
  if why then
    return nil, why
  end
  return (c == '"' and quoted or unquoted)(self)
end

---The next record.
---@return string[]? fields  nil at the end
---@return string? why       it cannot be read; nothing behind it can be, then
function Records:read()
  local c, why = char_at(self, self.at)
  if why or c == "" then
    return nil, why
  end
  self.line = self.next_line
  local fields, is_row_on = {}, true
  while is_row_on do
    if #fields >= COLUMNS_MAX then
      return nil, ("more than %d columns"):format(COLUMNS_MAX)
    end
    fields[#fields + 1], why = read_field(self)
    if why then
      return nil, why
    end
    is_row_on, why = goes_on(self)
    if why then
      return nil, why
    end
  end
  self.next_line = self.next_line + 1
  return fields
end

---@param next_chunk fun(): string?, any  as of a source: nil at the end, or nil and why it failed
---@param separator string   one octet
---@param max_field integer  octets
---@return ettsumailer.csv.records
function M.new(next_chunk, separator, max_field)
  return setmetatable({
    next_chunk = next_chunk, separator = separator, max_field = max_field,
    stops = "[\"\r\n" .. separator:gsub("%W", "%%%0") .. "]",
    buffer = "", at = 1, line = 0, next_line = 1,
  }, Records)
end

---Takes away octets at the very beginning, if they are there.
---@param mark string
---@return string? why  the text cannot be read
function Records:skip_mark(mark)
  local _, why = more(self)
  if self.buffer:sub(1, #mark) == mark then
    self.at = #mark + 1
  end
  return why
end

return M
