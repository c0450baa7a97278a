-- Compares what a foreign reader found in a message with what it had to find.

local address = require("ettsumailer").address
local json = require "support.json"

local ipairs, pairs, sort, tostring = ipairs, pairs, table.sort, tostring
local concat = table.concat

local M = {}

local function given(value)
  return value ~= json.null and value or nil
end

local function sorted(list)
  local copy = {}
  for i, value in ipairs(list) do
    copy[i] = value
  end
  sort(copy)
  return copy
end

-- The fields of a header section as they were sent, but in one line each, by name in lower case.
local function raw_fields(message)
  local fields = {}
  local head = message:match "^(.-\r\n)\r\n"
  for name, value in head:gsub("\r\n([ \t])", "%1"):gmatch "([^:\r\n]+): ?([^\r\n]*)\r\n" do
    fields[name:lower()] = value
  end
  return fields
end

local Differences = {}
Differences.__index = Differences

function Differences:check(what, expected, found)
  expected, found = given(expected), given(found)
  if expected == found then
    return
  end
  self.fields = self.fields or raw_fields(self.message)
  local difference = {
    what = what, expected = expected, found = found, message = self.message,
    raw = self.fields[what:match "^[%w-]+"] or "",
  }
  for _, is_bug in ipairs(self.bugs) do
    if is_bug(difference) then
      return
    end
  end
  self[#self + 1] = difference
end

-- Readers give an addr-spec, or its parts. Domains are compared as domains: some show A-labels as
-- U-labels, some do not.
local function mailbox(self, what, expected, found)
  local wanted = address { local_part = expected.local_part, domain = expected.domain }
  local text = tostring(given(found.address))
  local read = address(text)
  if given(found.local_part) then
    read = address { local_part = found.local_part, domain = found.domain }
    text = found.local_part .. "@" .. found.domain
  end
  self:check(what .. ".name", expected.name or "", given(found.name) or "")
  self:check(what .. ".address", tostring(wanted), read == wanted and tostring(wanted) or text)
end

local function address_list(self, what, expected, found)
  self:check(what .. " (count)", #expected, #found)
  for i = 1, #expected < #found and #expected or #found do
    local item = what .. "[" .. i .. "]"
    self:check(item .. ".group", expected[i].group, found[i].group)
    if expected[i].group and found[i].group then
      address_list(self, item, expected[i], found[i].members)
    elseif not expected[i].group and not found[i].group then
      mailbox(self, item, expected[i], found[i])
    end
  end
end

-- Line ends of text are the platform's own.
local function lines_of(text)
  return given(text) and text:gsub("\r\n", "\n") or nil
end

local function leaf(self, what, expected, found)
  self:check(what .. ".type", expected.type, found.type)
  self:check(what .. ".disposition", expected.disposition, found.disposition)
  self:check(what .. ".filename", expected.filename, found.filename)
  self:check(what .. ".id", expected.content_id and "<" .. expected.content_id .. ">", found.id)
  if expected.text then
    self:check(what .. ".text", expected.text, lines_of(found.text))
  else
    self:check(what .. ".size", expected.size, found.size)
    self:check(what .. ".sha256", expected.sha256, found.sha256)
  end
end

---@param expected table  as of compose.expected
---@param found table     one line of a reader
---@param message string  the message itself
---@param reader table    as of readers.lua
---@return table differences  { what, expected, found, raw } each, but those that are the reader's
---  own bugs; none when all is as it had to be
function M.compare(expected, found, message, reader)
  local self = setmetatable({ message = message, bugs = reader.bugs }, Differences)
  self:check("failed", nil, found.failed)
  if found.failed then
    return self
  end
  expected = reader.adapt and reader.adapt(expected) or expected
  self:check("defects", "", concat(found.defects, "; "))
  self:check("header set", concat(expected.names, " "), concat(sorted(found.names), " "))
  for name, value in pairs(expected.fields) do
    self:check(name, value, found.fields[name])
  end
  for name, list in pairs(expected.addresses) do
    address_list(self, name, list, given(found.addresses[name]) or {})
  end
  self:check("shape", found.shape and expected.shape, found.shape)
  self:check("parts", #expected.leaves, #found.parts)
  for i, part in ipairs(expected.leaves) do
    if found.parts[i] then
      leaf(self, "part[" .. i .. "]", part, found.parts[i])
    end
  end
  return self
end

return M
