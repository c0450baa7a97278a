-- One part of a message that has content, and the tree that such parts make.
-- Why: text, attachments, images and a caller's own parts differ only in how they are described.
-- Not: what the parts of a message are (body.lua, part_tree.lua), nor encoding them (the core).

local core = require "ettsumailer.core"
local errors = require "ettsumailer.errors"
local lazy = require "ettsumailer.lazy"
local chunks = require "ettsumailer.message.chunks"
local reading = require "ettsumailer.message.reading"

local source_of = lazy.of "ettsumailer.message.source"

local ipairs, type = ipairs, type

local M = {}

-- RFC 2045 6.4: it may not be encoded, so it has to be looked through.
local function is_message(media_type)
  local name = (media_type or ""):lower():match "^[^;%s]*"
  return name:find "^message/" ~= nil and name ~= "message/global"
end

local function must_be_looked_through(leaf)
  return leaf.text or is_message(leaf.type)
end

-- What the core has to know beforehand of content that is text: a scan, where it can be had.
local function look_through(source, leaf)
  if source.once or not must_be_looked_through(leaf) then
    return nil
  end
  return chunks.scan(source)
end

local function add_source(message, parent, leaf, given, label)
  local source, err = source_of.of(given, label)
  if not source then
    return nil, err
  elseif given.path then
    local size, code, why = core.file_size(given.path)
    if not size then
      return nil, code, why
    end
  end
  local scan
  scan, err = look_through(source, leaf)
  if err then
    return nil, err
  elseif given.path then
    return message:leaf_file(parent, leaf, given.path, 1, scan)
  end
  return message:leaf_source(parent, leaf, source.size, source, scan)
end

-- Returns the part's number; or nil and an error.
local function add_leaf(message, parent, node)
  local part, code, why
  local content, leaf = node.given.content, node.leaf
  if type(content) == "string" then
    local scan = must_be_looked_through(leaf) and reading.scan_long(content) or nil
    part, code, why = message:leaf(parent, leaf, content, 1, scan)
  else
    part, code, why = add_source(message, parent, leaf, node.given, node.label)
  end
  if part or errors.is(code) then
    return part, code
  end
  return errors.refuse(code, ("%s: %s"):format(node.label, why))
end

local function add_headers(message, part, node)
  for _, pair in ipairs(node.headers or {}) do
    local ok, code, why = message:part_header(part, "text", pair[1], pair[2])
    if not ok then
      return errors.refuse(code, ("%s: %s"):format(node.label, why))
    end
  end
  return true
end

local function add_multipart(message, parent, node)
  local part, code, why = message:multipart(parent, node.subtype, node.parameters)
  if not part then
    return errors.refuse(code, ("%s: %s"):format(node.label or node.subtype, why))
  end
  for _, child in ipairs(node.children) do
    local ok, err = M.add(message, part, child)
    if not ok then
      return nil, err
    end
  end
  return part
end

---Adds a tree of parts. The depth is bounded by whoever made it, and by the core.
---@param message userdata  of the core, not sealed
---@param parent integer?   part
---@param node table        { subtype, parameters, children } or { leaf, given }: as the core's leaf
---  takes it, and where the content comes from (source.FIELDS); label, for messages; headers, a
---  list of { name, value }
---@return integer? part
---@return ettsumailer.error?
function M.add(message, parent, node)
  local add = node.subtype and add_multipart or add_leaf
  local part, err = add(message, parent, node)
  local ok = part
  if part and node.headers then
    ok, err = add_headers(message, part, node)
  end
  return ok and part, err
end

return M
