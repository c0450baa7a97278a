-- Reads a composed message apart, for tests: subject, text, html, attachments.
-- Why: what a test looks for is in the words, not in their encoding.
-- Not: a MIME parser for mail from elsewhere: it takes what this library writes.

local core = require "ettsumailer.core"

local char, ipairs, tonumber = string.char, ipairs, tonumber

local M = {}

local DEPTH = 20

local function quoted_printable(text)
  return (text:gsub("=\r\n", ""):gsub("=(%x%x)", function(hex)
    return char(tonumber(hex, 16))
  end))
end

local function base64(text)
  return core.base64_decode((text:gsub("%s", ""))) or text
end

local DECODERS = { ["base64"] = base64, ["quoted-printable"] = quoted_printable }

-- The fields of a header section by name in lower case, unfolded; the first of each name.
local function read_fields(section)
  local fields = {}
  for line in section:gsub("\r\n([ \t])", "%1"):gmatch "([^\r\n]+)" do
    local name, value = line:match "^([^:%s]+)[ \t]*:[ \t]*(.*)$"
    if name and not fields[name:lower()] then
      fields[name:lower()] = value
    end
  end
  return fields
end

local function split_section(bytes)
  local at = ("\r\n" .. bytes):find("\r\n\r\n", 1, true)
  if not at then
    return bytes, ""
  end
  return bytes:sub(1, at - 1), bytes:sub(at + 2)
end

-- The parts of a multipart's body, each without the line end that is the next delimiter's.
local function parts_of(body, boundary)
  local parts, delimiter = {}, "\r\n--" .. boundary
  body = "\r\n" .. body
  local at = body:find(delimiter, 1, true)
  while at and body:sub(at + #delimiter, at + #delimiter + 1) ~= "--" do
    local from = at + #delimiter + 2
    at = body:find(delimiter, from, true)
    parts[#parts + 1] = body:sub(from, (at or #body + 1) - 1)
  end
  return parts
end

local function percent_decoded(text)
  return (text:gsub("%%(%x%x)", function(hex) return char(tonumber(hex, 16)) end))
end

-- Number i of a parameter in RFC 2231's pieces: NAME*0*=utf-8''a; NAME*1*=b.
local function piece_of(value, name, i)
  local prefix = ";[ \t]*" .. name .. "%*" .. i
  local coded = value:match(prefix .. "%*=([^;%s]*)")
  if coded then
    return percent_decoded(i == 0 and coded:gsub("^[^']*'[^']*'", "") or coded)
  end
  return value:match(prefix .. '="([^"]*)"') or value:match(prefix .. "=([^;%s]*)")
end

local function pieces_of(value, name)
  local whole, i = "", 0
  local piece = piece_of(value, name, 0)
  while piece do
    whole, i = whole .. piece, i + 1
    piece = piece_of(value, name, i)
  end
  return i > 0 and whole or nil
end

local function parameter(value, name)
  local coded = value:match(";[ \t]*" .. name .. "%*=[^']*'[^']*'([^;%s]*)")
  if coded then
    return percent_decoded(coded)
  end
  local pieces = pieces_of(value, name)
  if pieces then
    return pieces
  end
  local quoted = value:match(";[ \t]*" .. name .. '="(.-[^\\])"')
  if quoted then
    return (quoted:gsub("\\(.)", "%1"))
  end
  return value:match(";[ \t]*" .. name .. "=([^;%s]+)")
end

local function decoded(fields, body)
  local decode = DECODERS[(fields["content-transfer-encoding"] or ""):lower()]
  return decode and decode(body) or body
end

local function filename_of(fields, content_type)
  local name = parameter(fields["content-disposition"] or "", "filename")
    or parameter(content_type, "name")
  return name and (core.decode_words(name) or name)
end

local BODIES = { ["text/plain"] = "text", ["text/html"] = "html" }

-- Adds a leaf to what is found: text, html, or an attachment.
local function note_leaf(found, fields, body)
  local content_type = fields["content-type"] or "text/plain"
  local kind = content_type:match("^[^;%s]*"):lower()
  local content, filename = decoded(fields, body), filename_of(fields, content_type)
  local is_attached = filename ~= nil or (fields["content-disposition"] or ""):find "^attachment"
  local as = not is_attached and BODIES[kind]
  if as and not found[as] then
    found[as] = (content:gsub("\r\n", "\n"))
  else
    found.attachments[#found.attachments + 1] = {
      filename = filename, type = kind, content = content,
    }
  end
end

local function walk(found, bytes, depth)
  local section, body = split_section(bytes)
  local fields = read_fields(section)
  local content_type = fields["content-type"] or ""
  local boundary = content_type:lower():find "^multipart/" and parameter(content_type, "boundary")
  if not boundary or depth == 0 then
    note_leaf(found, fields, body)
    return fields
  end
  for _, part in ipairs(parts_of(body, boundary)) do
    walk(found, part, depth - 1)
  end
  return fields
end

---What a message says.
---@param data string  the whole, with CRLF line ends
---@return table message { subject, text, html, headers, attachments, data }; line ends of text and
---  html are LF; headers are by name in lower case, as they stand
function M.read(data)
  local found = { attachments = {}, data = data }
  found.headers = walk(found, data, DEPTH)
  local subject = found.headers.subject
  found.subject = subject and (core.decode_words(subject) or subject)
  return found
end

return M
