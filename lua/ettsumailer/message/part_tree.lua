-- A tree of parts as a caller describes it: multiparts with parts in them, and leaves.
-- Why: reports, signed mail and whatever else the fields text, html and attachments cannot say.
-- Not: adding the parts (content_part.lua), nor checking media types (the core).

local core = require "ettsumailer.core"
local errors = require "ettsumailer.errors"
local header_fields = require "ettsumailer.message.header_fields"
local media_types = require "ettsumailer.message.media_types"
local options = require "ettsumailer.options"
local source = require "ettsumailer.message.source"

local error, ipairs, pairs, type = error, ipairs, pairs, type
local concat, sort = table.concat, table.sort

local M = {}

-- Multiparts within multiparts, and parts at all, as the core allows.
local DEPTH, COUNT = 16, 10000

---Of every part. type: "multipart/mixed" for one with parts in it. parameters of the type by name;
---headers as those of a message, but for Content-Type and the like.
local ANY = { type = "string", parameters = "table", headers = "table" }

---Of a leaf: where content comes from, and what it is. cid: its Content-ID, "logo@example.com".
---text: its line ends are line ends; so by default for text/... that is no attachment.
M.LEAF = options.merge(ANY, source.FIELDS, {
  filename = "string", charset = "string", disposition = "string", cid = "string",
  text = "boolean",
})

local function is_multipart(part)
  return type(part.type) == "string" and part.type:lower():find "^multipart/" ~= nil
end

-- The fields by name, without the parts in it.
local function named(part)
  local fields = {}
  for name, value in pairs(part) do
    if type(name) == "string" then
      fields[name] = value
    end
  end
  return fields
end

local function check_parameters(what, parameters, level)
  for name, value in pairs(parameters or {}) do
    if type(name) ~= "string" or type(value) ~= "string" then
      error(what .. ": parameters must be { name = \"value\" }", level + 1)
    end
  end
end

local function check_part(what, part, level)
  level = level + 1
  if type(part) ~= "table" then
    error(what .. ": a table expected, got a " .. type(part), level)
  end
  local has_parts = is_multipart(part)
  options.check(what, named(part), has_parts and ANY or M.LEAF, level)
  check_parameters(what, part.parameters, level)
  header_fields.check_pairs(what .. ": headers", part.headers, level)
  if not has_parts then
    source.check(what, part, level)
  end
  return has_parts
end

---Raises what is misuse of a tree. What is too deep or too much for the core is not looked at, also
---because a table may hold itself.
---@param what string   for messages: "message: parts"
---@param part table
---@param level integer
---@param so_far table?
function M.check(what, part, level, so_far)
  level, so_far = level + 1, so_far or { depth = 0, count = 0 }
  so_far.count = so_far.count + 1
  local has_parts = check_part(what, part, level)
  so_far.depth = so_far.depth + 1
  local is_within = so_far.depth <= DEPTH and so_far.count <= COUNT
  for i = 1, has_parts and is_within and #part or 0 do
    M.check(("%s[%d]"):format(what, i), part[i], level, so_far)
  end
  so_far.depth = so_far.depth - 1
end

-- The parameters as text, in the order of their names.
local function parameter_text(label, parameters)
  local names, pieces = {}, {}
  for name in pairs(parameters or {}) do
    names[#names + 1] = name
  end
  sort(names)
  for i, name in ipairs(names) do
    local code, why
    pieces[i], code, why = core.parameter(name, parameters[name])
    if not pieces[i] then
      return errors.refuse(code, ("%s: parameter %s: %s"):format(label, name, why))
    end
  end
  return concat(pieces)
end

local function leaf_of(part, parameters, context)
  local media_type = part.type or media_types.of(part.filename or part.path)
  local is_text = part.text
  if is_text == nil then
    is_text = media_type:lower():find "^text/" ~= nil and part.disposition ~= "attachment"
  end
  return {
    type = media_type .. parameters, charset = part.charset, filename = part.filename or part.path,
    disposition = part.disposition, text = is_text, allow_8bit = context.allow_8bit,
    content_id = part.cid,
  }
end

local function node_of(part, label, context)
  local parameters, err = parameter_text(label, part.parameters)
  if not parameters then
    return nil, err
  end
  local node = { label = label, headers = part.headers and header_fields.pairs_of(part.headers) }
  if is_multipart(part) then
    if #part == 0 then
      return errors.refuse("CONFIG", label .. ": a multipart without a part")
    end
    local subtype, more = part.type:match "^[^/]*/([^;%s]*)%s*(.*)$"
    node.subtype, node.parameters, node.children = subtype, more .. parameters, {}
  else
    node.given, node.leaf = part, leaf_of(part, parameters, context)
  end
  return node
end

local function tree_of(part, label, context, so_far)
  so_far.depth, so_far.count = so_far.depth + 1, so_far.count + 1
  if so_far.depth > DEPTH + 1 or so_far.count > COUNT then
    return errors.refuse("CONFIG", label .. ": more than 16 multiparts within another, or too many")
  end
  local node, err = node_of(part, label, context)
  for i = 1, node and node.children and #part or 0 do
    node.children[i], err = tree_of(part[i], ("%s[%d]"):format(label, i), context, so_far)
    if not node.children[i] then
      return nil, err
    end
  end
  so_far.depth = so_far.depth - 1
  return node, err
end

---The tree as content_part.add takes it.
---@param parts table    the caller's, checked
---@param context table  allow_8bit
---@return table? node
---@return ettsumailer.error?
function M.tree(parts, context)
  return tree_of(parts, "parts", context, { depth = 0, count = 0 })
end

return M
