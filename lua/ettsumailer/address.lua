-- Addresses as Lua values: one address, a list of them, and the lists that options take.
-- Why: "to" may be a text, an address or a list of both; what comes out is one list of addresses.
-- Not: the grammar itself, which is the core's.

local core = require "ettsumailer.core"
local errors = require "ettsumailer.errors"

local error, ipairs, setmetatable, tostring, type = error, ipairs, setmetatable, tostring, type
local concat = table.concat

local M = {}

local function refuse(code, text, position)
  local err = errors.new { code = code, stage = "check", text = text }
  err.position = position
  return nil, err
end

---Reads a list (RFC 5322 3.4): mailboxes and groups. Members of a group have `.group`.
---@param text string
---@return userdata[]? addresses each with .name .local_part .domain .group; tostring() for people,
---  :format() for headers
---@return ettsumailer.error? error with .position, octets from 1
function M.parse_list(text)
  if type(text) ~= "string" then
    error("bad argument #1 to 'parse_list' (a string expected, got " .. type(text) .. ")", 2)
  end
  local list, code, why, position = core.address_list(text)
  if not list then
    return refuse(code, why, position)
  end
  return list
end

-- One item of an option: its text, and its addresses.
local function read_item(field, item)
  if type(item) == "userdata" then
    return tostring(item), { item }
  end
  local list, code, why = core.address_list(item)
  if not list then
    return refuse(code, ("%s: %s"):format(field, why))
  end
  return item, list
end

---Reads the value of an option such as `to`: strings and addresses. Each item is read by itself.
---@param field string  its name, for messages
---@param value string|userdata|table|nil
---@return string? text   of all of them, as one list
---@return userdata[]|ettsumailer.error list
function M.read(field, value)
  local items = type(value) == "table" and value or { value }
  local texts, list = {}, {}
  for _, item in ipairs(items) do
    local text, found = read_item(field, item)
    if not text then
      return nil, found
    end
    texts[#texts + 1] = text
    for _, address in ipairs(found) do
      list[#list + 1] = address
    end
  end
  return concat(texts, ", "), list
end

return setmetatable(M, {
  ---@param text string  "B <b@example.com>"
  __call = function(_, text)
    if type(text) ~= "string" then
      error("bad argument #1 to 'address' (a string expected, got " .. type(text) .. ")", 2)
    end
    local address, code, why, position = core.address(text)
    if not address then
      return refuse(code, why, position)
    end
    return address
  end,
})
