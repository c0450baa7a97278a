-- Composes what support/generator_messages.lua describes: by ettsumailer.message where a table can
-- say it, else part by part; and tells what a reader has to find.

local core = require "ettsumailer.core"
local ettsumailer = require "ettsumailer"

local address = ettsumailer.address
local assert, ipairs, pairs, type = assert, ipairs, pairs, type
local concat = table.concat

local M = {}

local ADDRESSES = {
  { "from", "From" }, { "sender", "Sender" }, { "reply_to", "Reply-To" }, { "to", "To" },
  { "cc", "Cc" },
}

-- --- Addresses ---------------------------------------------------------------------------------

-- Parts as addresses; a group stays { group = name, address, ... }.
local function addresses_of(items)
  local list = {}
  for i, item in ipairs(items) do
    if item.group then
      list[i] = addresses_of(item)
      list[i].group = item.group
    else
      list[i] = assert(address(item))
    end
  end
  return list
end

local function list_of(value)
  return value.domain and { value } or value
end

local function text_of(items)
  return assert(address.format(addresses_of(list_of(items)), { utf8 = true }))
end

-- --- Composing ---------------------------------------------------------------------------------

local function add_part(message, parent, node)
  if not node.multipart then
    local disposition = node.filename and (node.disposition or "attachment") or nil
    return assert(message:leaf(parent, {
      type = node.type, charset = node.charset, filename = node.filename, disposition = disposition,
      content_id = node.content_id, text = node.text or false,
    }, node.content))
  end
  local part = assert(message:multipart(parent, node.multipart))
  for _, child in ipairs(node) do
    add_part(message, part, child)
  end
end

local function by_parts(given)
  local message = core.message()
  for _, field in ipairs(ADDRESSES) do
    if given[field[1]] then
      assert(message:header("addresses", field[2], text_of(given[field[1]])))
    end
  end
  assert(message:header("text", "Subject", given.subject))
  for _, pair in ipairs(given.headers) do
    assert(message:header("text", pair[1], pair[2]))
  end
  add_part(message, nil, given.tree)
  assert(message:seal { now = given.date, zone = given.zone_minutes, entropy = given.entropy })
  return message
end

-- What a table can say: text, html, attachments in one mixed. nil for any other tree.
local function as_table(tree)
  local body, attachments = tree, nil
  if tree.multipart == "mixed" then
    body, attachments = tree[1], {}
    for i = 2, #tree do
      local part = tree[i]
      if part.multipart then
        return nil
      end
      attachments[i - 1] = {
        content = part.content, filename = part.filename, type = part.type, charset = part.charset,
      }
    end
  end
  local said = { attachments = attachments }
  for _, leaf in ipairs(body.multipart == "alternative" and body or { body }) do
    if leaf.multipart then
      return nil
    end
    said[leaf.type == "text/html" and "html" or "text"] = leaf.content
  end
  return said
end

local function by_table(given, said)
  for _, field in ipairs { "from", "sender", "reply_to", "to", "cc", "bcc" } do
    said[field] = given[field] and text_of(given[field])
  end
  for _, field in ipairs { "subject", "headers", "date", "zone_minutes", "entropy", "charset" } do
    said[field] = given[field]
  end
  return assert(ettsumailer.message(said))
end

---@param given table  what the generator described
---@return string bytes
---@return userdata message
function M.compose(given)
  local said = as_table(given.tree)
  local message = said and by_table(given, said) or by_parts(given)
  local reader, pieces = message:reader(), {}
  local piece, code = reader:read(65536)
  while piece do
    pieces[#pieces + 1] = piece
    piece, code = reader:read(65536)
  end
  assert(code == "DONE", code)
  return concat(pieces), message
end

-- --- What a reader has to find -----------------------------------------------------------------

-- The names of the fields of the header section, in lower case, sorted.
local function field_names(given)
  local names = { "content-type", "date", "message-id", "mime-version", "subject" }
  if not given.tree.multipart then
    names[#names + 1] = "content-transfer-encoding"
  end
  for _, field in ipairs(ADDRESSES) do
    names[#names + 1] = given[field[1]] and field[2]:lower()
  end
  for _, pair in ipairs(given.headers) do
    names[#names + 1] = pair[1]:lower()
  end
  table.sort(names)
  return names
end

-- White space at the ends of an unstructured value is not kept.
local function trimmed(text)
  return (text:gsub("^ +", ""):gsub(" +$", ""))
end

local function leaves_of(node, into)
  if not node.multipart then
    into[#into + 1] = {
      type = node.type, filename = node.filename, content_id = node.content_id,
      disposition = node.filename and (node.disposition or "attachment") or nil,
      text = node.text and node.content:gsub("\r\n", "\n") or nil,
      size = #node.content, sha256 = not node.text and core.sha256(node.content) or nil,
    }
  end
  for _, child in ipairs(node) do
    leaves_of(child, into)
  end
  return into
end

-- "mixed(text/plain,image/png)".
local function shape_of(node)
  if not node.multipart then
    return node.type
  end
  local shapes = {}
  for i, child in ipairs(node) do
    shapes[i] = shape_of(child)
  end
  return node.multipart .. "(" .. concat(shapes, ",") .. ")"
end

-- The last line of a message ends (RFC 5321 4.1.1.4), also where that of its text does not.
local function end_last_line(leaf, bytes)
  if bytes:find("\r\nContent%-Transfer%-Encoding: 7bit\r\n") and leaf.text:find "[^\n]$" then
    leaf.text = leaf.text .. "\n"
  end
end

-- What is read of a text that was sent in a charset.
local function through(text, charset)
  local octets = text and core.convert(text, charset)
  return octets and core.convert(octets, "UTF-8", charset) or text
end

local function addresses_through(list, charset)
  for _, item in ipairs(list) do
    item.name, item.group = through(item.name, charset), through(item.group, charset)
    addresses_through(item, charset)
  end
end

local function all_through(expected, charset)
  for name, text in pairs(expected.fields) do
    expected.fields[name] = through(text, charset)
  end
  for _, list in pairs(expected.addresses) do
    addresses_through(list, charset)
  end
  for _, leaf in ipairs(expected.leaves) do
    leaf.text, leaf.filename = through(leaf.text, charset), through(leaf.filename, charset)
  end
end

---@param given table   what the generator described
---@param bytes string  the message
---@return table expected { names, fields, addresses, leaves, shape }
function M.expected(given, bytes)
  local expected = {
    names = field_names(given), fields = { subject = trimmed(given.subject) }, addresses = {},
    leaves = leaves_of(given.tree, {}), shape = shape_of(given.tree),
  }
  if not given.tree.multipart then
    end_last_line(expected.leaves[1], bytes)
  end
  for _, pair in ipairs(given.headers) do
    expected.fields[pair[1]:lower()] = trimmed(pair[2])
  end
  for _, field in ipairs(ADDRESSES) do
    local value = given[field[1]]
    expected.addresses[field[2]:lower()] = type(value) == "table" and list_of(value) or nil
  end
  if given.charset then
    all_through(expected, given.charset)
  end
  return expected
end

return M
