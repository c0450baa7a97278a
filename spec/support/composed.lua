-- Messages composed for a spec: their bytes, their fields, their parts; and refusals.

local ettsumailer = require "ettsumailer"
local mime = require "support.mime"

local assert, ipairs, pairs = assert, ipairs, pairs

local M = {}

local function given_with(fields)
  local given = {
    from = "a@example.com", to = "b@example.com", text = "hi\n", date = 0, zone_minutes = 0,
    entropy = ("e"):rep(32),
  }
  for name, value in pairs(fields or {}) do
    given[name] = value or nil
  end
  return given
end

---A message as the fields say; what they leave out is filled in, false leaves it out.
---@return string bytes
---@return userdata message
function M.bytes(fields)
  local message = assert(ettsumailer.message(given_with(fields)))
  return mime.read(message:reader()), message
end

---@return table part  as of support.mime
function M.parse(fields)
  return mime.parse((M.bytes(fields)))
end

---@return table fields  { name, value } in order, unfolded, and by name in lower case
function M.fields(fields)
  local _, message = M.bytes(fields)
  return mime.fields(message:header_section())
end

---The lines of the header section, without their ends and without the empty one.
function M.header_lines(fields)
  local _, message = M.bytes(fields)
  local lines = {}
  for line in message:header_section():gmatch "([^\r\n]+)\r\n" do
    lines[#lines + 1] = line
  end
  return lines
end

---One field as it was sent, with its folds.
function M.field(fields, name)
  local _, message = M.bytes(fields)
  local section = "\r\n" .. message:header_section()
  local from = assert(section:find("\r\n" .. name .. ":", 1, true), name)
  return section:match("^\r\n(.-\r\n)[^ \t]", from)
end

---How often a field is there.
function M.count(fields, name)
  local n = 0
  for _, field in ipairs(M.fields(fields)) do
    n = n + (field[1]:lower() == name:lower() and 1 or 0)
  end
  return n
end

---The error of a message that is refused.
function M.refusal(fields)
  local message, err = ettsumailer.message(given_with(fields))
  assert(message == nil, "the message was not refused")
  return err
end

return M
