-- What names mean in the data of a render, and the text of what is found.
-- Why: one place says what is true, what is a list, what is text, and what is none of these.
-- Not: tags.

local find, format, gsub = string.find, string.format, string.gsub
local floor, huge = math.floor, math.huge
local math_type = math.type -- from Lua 5.3 on
local getmetatable, next, tostring, type = getmetatable, next, tostring, type

local M = {}

-- How JSON's null looks where it is a NULL pointer (lua-cjson, OpenResty).
local NULLS = {
  ["userdata: NULL"] = true, ["userdata: (nil)"] = true, ["userdata: 0x0"] = true,
  ["userdata: 00000000"] = true, ["userdata: 0000000000000000"] = true,
}

local function is_null(value)
  return type(value) == "userdata" and NULLS[tostring(value)] == true
end

local ENTITIES = {
  ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;",
}

---@param text string
---@return string html  the same as content of an element or a quoted attribute
function M.html(text)
  if find(text, "[&<>\"']") then
    return (gsub(text, "[&<>\"']", ENTITIES))
  end
  return text
end

-- The same on all engines: 50.0 is "50" as it is in Lua 5.1.
local function number_text(value)
  if value == floor(value) and value > -2 ^ 53 and value < 2 ^ 53 then
    return format("%d", value)
  elseif value ~= value or value == huge or value == -huge then
    return tostring(value)
  end
  return format("%.14g", value)
end

---True for numbers that table.concat writes as number_text does: from Lua 5.3 on, those of the type
---without a fraction.
---@param value number
---@return boolean
M.is_plain = math.type and function(value)
  return math_type(value) == "integer"
end or function(value)
  return value > -1e14 and value < 1e14
end

local function has_text(value)
  local meta = getmetatable(value)
  return type(meta) == "string" or (type(meta) == "table" and meta.__tostring ~= nil)
end

---The text of a value that is no string. Lists, maps and the like have none, unless they say so
---(__tostring).
---@param value any
---@return string?  "" for nil; nil for what has no text
function M.text(value)
  local kind = type(value)
  if kind == "number" then
    return M.is_plain(value) and value .. "" or number_text(value)
  elseif value == nil or is_null(value) then
    return ""
  elseif kind == "boolean" or kind == "cdata" or has_text(value) then
    return tostring(value)
  end
end

local function is_empty(value)
  if next(value) ~= nil then
    return false
  end
  local meta = getmetatable(value)
  return type(meta) ~= "table" or meta.__index == nil
end

---What a section does with a value.
---@param value any
---@return string? "list" for a table with [1]; "one"; nil for what is false: nil, false, null, ""
---  and the empty table
function M.shape(value)
  if type(value) == "table" then
    if value[1] ~= nil then
      return "list"
    end
    return not is_empty(value) and "one" or nil
  end
  local is_false = not value or value == "" or is_null(value)
  return not is_false and "one" or nil
end

---What a dotted name means: its first part is looked for from the innermost context outwards.
---@param state table    [1] to [top]: the contexts
---@param path string[]
---@return any
function M.find(state, path)
  local first, value = path[1], nil
  if not first then
    return state[state.top]
  end
  for i = state.top, 1, -1 do
    local frame = state[i]
    if type(frame) == "table" then
      value = frame[first]
      if value ~= nil then
        break
      end
    end
  end
  for i = 2, #path do
    if type(value) ~= "table" then
      return nil
    end
    value = value[path[i]]
  end
  return value
end

return M
