-- Plain data as bytes and back: what the testing server's process and its parent tell each other.
-- Why: length-prefixed, so that nothing is escaped, and read as data, so that nothing is run.
-- Not: functions, cycles, metatables.

local error, next, tonumber, type = error, next, tonumber, type
local insert, concat = table.insert, table.concat
local huge = math.huge

local M = {}

local DEPTH = 30

local WRITERS = {}

local function write(out, value, depth)
  local writer = WRITERS[type(value)]
  if not writer then
    error("a " .. type(value) .. " cannot be handed to another process", 0)
  end
  writer(out, value, depth)
end

WRITERS["nil"] = function(out)
  insert(out, "z")
end

function WRITERS.boolean(out, value)
  insert(out, value and "t" or "f")
end

function WRITERS.number(out, value)
  if value ~= value or value == huge or value == -huge then
    error("a number that is not finite cannot be handed to another process", 0)
  end
  -- A locale may have a comma where tonumber wants a point.
  insert(out, "n" .. ("%.17g"):format(value):gsub(",", ".") .. ";")
end

function WRITERS.string(out, value)
  insert(out, "s" .. #value .. ":" .. value)
end

function WRITERS.table(out, value, depth)
  if depth > DEPTH then
    error("a table this deep, or within itself, cannot be handed to another process", 0)
  end
  insert(out, "{")
  for key, item in next, value do
    write(out, key, depth + 1)
    write(out, item, depth + 1)
  end
  insert(out, "}")
end

---The bytes of a value of strings, numbers, booleans and tables of them; raises for anything else.
---@param value any
---@return string
function M.encode(value)
  local out = {}
  write(out, value, 1)
  return concat(out)
end

local READERS = {}

local function read(bytes, at)
  local reader = READERS[bytes:sub(at, at)] or error("this is not the testing server's data", 0)
  return reader(bytes, at + 1)
end

function READERS.z(_, at)
  return nil, at
end

function READERS.t(_, at)
  return true, at
end

function READERS.f(_, at)
  return false, at
end

function READERS.n(bytes, at)
  local text, rest = bytes:match("^([^;]*);()", at)
  return tonumber(text), rest
end

function READERS.s(bytes, at)
  local size, first = bytes:match("^(%d+):()", at)
  return bytes:sub(first, first + size - 1), first + size
end

READERS["{"] = function(bytes, at)
  local value = {}
  local key
  while bytes:sub(at, at) ~= "}" do
    key, at = read(bytes, at)
    value[key], at = read(bytes, at)
  end
  return value, at + 1
end

---The value whose bytes these are.
---@param bytes string as made by encode
---@return any
function M.decode(bytes)
  return (read(bytes, 1))
end

return M
