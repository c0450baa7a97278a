-- A small strict JSON reader (RFC 8259), for what the specs' tools of other languages print.
-- decode(text) returns the value, or nil and a sentence with the position; null is json.null.
-- It does not write JSON, and takes no comments, trailing commas, NaN or lone surrogates.

local byte, char, find, sub = string.byte, string.char, string.find, string.sub
local floor, error, pcall, tonumber, type = math.floor, error, pcall, tonumber, type

local M = { null = setmetatable({}, { __tostring = function() return "null" end }) }
local max_depth = 100
local escapes = {
  ['"'] = '"', ["\\"] = "\\", ["/"] = "/",
  b = "\b", f = "\f", n = "\n", r = "\r", t = "\t",
}
local words = { ["true"] = true, ["false"] = false, null = M.null }

local function fail(at, what)
  error({ sentence = what .. " at octet " .. at }, 0)
end

local function skip_space(s, at)
  return find(s, "[^ \t\r\n]", at) or #s + 1
end

local function utf8_of(code)
  if code < 0x80 then return char(code) end
  if code < 0x800 then return char(0xC0 + floor(code / 64), 0x80 + code % 64) end
  local last_two = char(0x80 + floor(code / 64) % 64, 0x80 + code % 64)
  if code < 0x10000 then return char(0xE0 + floor(code / 4096)) .. last_two end
  return char(0xF0 + floor(code / 262144), 0x80 + floor(code / 4096) % 64) .. last_two
end

local function read_hex(s, at)
  local digits = s:match("^%x%x%x%x", at)
  return digits and tonumber(digits, 16) or fail(at, "four hexadecimal digits are missing")
end

-- at is behind "\u"; returns the character and the position behind it, a surrogate pair being one.
local function read_code_point(s, at)
  local code = read_hex(s, at)
  if code < 0xD800 or code > 0xDFFF then return utf8_of(code), at + 4 end
  if code > 0xDBFF or sub(s, at + 4, at + 5) ~= "\\u" then fail(at, "a lone surrogate") end
  local low = read_hex(s, at + 6)
  if low < 0xDC00 or low > 0xDFFF then fail(at, "a lone surrogate") end
  return utf8_of(0x10000 + (code - 0xD800) * 1024 + low - 0xDC00), at + 10
end

local function read_escape(s, at)
  local c = sub(s, at, at)
  if c == "u" then return read_code_point(s, at + 1) end
  return escapes[c] or fail(at, "an unknown escape"), at + 1
end

-- at is behind the opening quote.
local function read_string(s, at)
  local pieces = {}
  while true do
    local stop = find(s, '["\\%c]', at) or fail(at, "a string without an end")
    pieces[#pieces + 1] = sub(s, at, stop - 1)
    local c = byte(s, stop)
    if c == 34 then return table.concat(pieces), stop + 1 end
    if c == 92 then
      pieces[#pieces + 1], at = read_escape(s, stop + 1)
    elseif c == 127 then
      pieces[#pieces + 1], at = "\127", stop + 1
    else
      fail(stop, "a control character in a string")
    end
  end
end

local function read_number(s, at)
  local number = s:match("^-?%d+", at)
  if not number or number:find("^-?0%d") then fail(at, "no value") end
  local behind = at + #number
  local fraction = s:match("^%.%d+", behind) or ""
  local exponent = s:match("^[eE][+-]?%d+", behind + #fraction) or ""
  return tonumber(number .. fraction .. exponent), behind + #fraction + #exponent
end

local read_value

-- Reads members until close, with read_member(s, at, depth, into) for each.
local function read_members(s, at, depth, close, read_member)
  if depth > max_depth then fail(at, "too deep") end
  local into = {}
  at = skip_space(s, at)
  if sub(s, at, at) == close then return into, at + 1 end
  while true do
    at = skip_space(s, read_member(s, at, depth, into))
    local c = sub(s, at, at)
    if c == close then return into, at + 1 end
    if c ~= "," then fail(at, "neither a comma nor " .. close) end
    at = skip_space(s, at + 1)
  end
end

local function read_element(s, at, depth, into)
  into[#into + 1], at = read_value(s, at, depth)
  return at
end

local function read_pair(s, at, depth, into)
  if sub(s, at, at) ~= '"' then fail(at, "a name without quotes") end
  local name
  name, at = read_string(s, at + 1)
  at = skip_space(s, at)
  if sub(s, at, at) ~= ":" then fail(at, "no colon") end
  into[name], at = read_value(s, skip_space(s, at + 1), depth)
  return at
end

function read_value(s, at, depth)
  local c = sub(s, at, at)
  if c == '"' then return read_string(s, at + 1) end
  if c == "{" then return read_members(s, at + 1, depth + 1, "}", read_pair) end
  if c == "[" then return read_members(s, at + 1, depth + 1, "]", read_element) end
  local word = s:match("^%l+", at)
  if word == nil then return read_number(s, at) end
  if words[word] == nil then fail(at, "no value") end
  return words[word], at + #word
end

local function read_text(s)
  local value, at = read_value(s, skip_space(s, 1), 0)
  at = skip_space(s, at)
  if at <= #s then fail(at, "something behind the value") end
  return value
end

function M.decode(text)
  local ok, value = pcall(read_text, text)
  if ok then return value end
  if type(value) ~= "table" then error(value, 0) end
  return nil, value.sentence
end

return M
