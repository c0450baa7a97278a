-- A small reader of MIME, for the specs: parse(bytes) gives { type, headers, body } or
-- { type, headers, [1] = part, ... }. It takes what the library writes, no more.

local char, concat, floor = string.char, table.concat, math.floor

local M = {}

local DIGITS = {}
for i = 1, 64 do
  DIGITS[("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"):byte(i)] = i - 1
end

function M.base64(text)
  local bytes = {}
  for a, b, c, d in text:gsub("[^%w+/=]", ""):gmatch "(.)(.)(.)(.)" do
    local n = DIGITS[a:byte()] * 262144 + DIGITS[b:byte()] * 4096
      + (DIGITS[c:byte()] or 0) * 64 + (DIGITS[d:byte()] or 0)
    local size = c == "=" and 1 or d == "=" and 2 or 3
    bytes[#bytes + 1] = char(floor(n / 65536), floor(n / 256) % 256, n % 256):sub(1, size)
  end
  return concat(bytes)
end

function M.quoted_printable(text)
  return (text:gsub("=\r\n", ""):gsub("=(%x%x)", function(hex) return char(tonumber(hex, 16)) end))
end

local DECODERS = { ["base64"] = M.base64, ["quoted-printable"] = M.quoted_printable }

--- The fields of a section: a list of { name, value }, unfolded, and by name in lower case.
function M.fields(section)
  local fields = {}
  for line in section:gsub("\r\n([ \t])", "%1"):gmatch "([^\r\n]+)\r\n" do
    local name, value = line:match "^([^:]+):[ \t]*(.*)$"
    fields[#fields + 1] = { name, value }
    fields[name:lower()] = value
  end
  return fields
end

-- Without the CRLF behind each, which is the next delimiter's.
local function split(body, boundary)
  local parts = {}
  local delimiter = "\r\n--" .. boundary
  body = "\r\n" .. body
  local at = body:find(delimiter, 1, true)
  while body:sub(at + #delimiter, at + #delimiter + 1) ~= "--" do
    local from = at + #delimiter + 2
    at = assert(body:find(delimiter, from, true), "a part without an end")
    parts[#parts + 1] = body:sub(from, at - 1)
  end
  return parts
end

function M.parse(bytes)
  local at = assert(("\r\n" .. bytes):find("\r\n\r\n", 1, true), "no header section")
  local part = { headers = M.fields(bytes:sub(1, at - 1)), raw = bytes:sub(at + 2) }
  local content_type = part.headers["content-type"] or "text/plain"
  part.content_type, part.type = content_type, content_type:match "^[^; ]+"
  local boundary = content_type:match 'boundary="?([^";]+)'
  if boundary then
    for i, text in ipairs(split(part.raw, boundary)) do
      part[i] = M.parse(text)
    end
    return part
  end
  local decode = DECODERS[part.headers["content-transfer-encoding"]]
  part.body = decode and decode(part.raw) or part.raw
  return part
end

--- "mixed(text/plain, image/png)".
function M.shape(part)
  if not part[1] then
    return part.type
  end
  local inside = {}
  for i, child in ipairs(part) do
    inside[i] = M.shape(child)
  end
  return ("%s(%s)"):format(part.type:gsub("multipart/", ""), concat(inside, ", "))
end

--- All that a reader gives, and how it ended.
function M.read(reader, n)
  local pieces = {}
  while true do
    local piece, code, text = reader:read(n or 4096)
    if not piece then
      return concat(pieces), code, text
    end
    pieces[#pieces + 1] = piece
  end
end

return M
