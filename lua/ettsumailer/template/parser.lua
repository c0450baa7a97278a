-- The tree of a Mustache template: text, variables, sections, partials, parents and their blocks.
-- Why: what is not closed, or closed twice, is found before anything is rendered.
-- Not: reading tags (scanner.lua), nor rendering (compile.lua).

local scanner = require "ettsumailer.template.scanner"

local ipairs = ipairs

local M = {}

-- Sections within sections; what partials add is bounded when it is rendered.
local DEPTH = 100

---A node of the tree.
---@class ettsumailer.template.node
---@field kind string      "text" "name" "&" "#" "^" ">" "<" "$"
---@field at integer       where it begins
---@field text string?     of text
---@field name string?     as written, a leading "*" not counted
---@field path string[]?   the parts of a dotted name; {} for "."
---@field is_dynamic boolean?  name is of data that hold the name
---@field children ettsumailer.template.node[]?
---@field from integer?    of a section and a block: what is in it, as written
---@field to integer?
---@field tag ettsumailer.template.tag?  of sections, blocks, partials and parents

-- "a.b" as { "a", "b" }; {} for "."; nil for what is no dotted name.
local function path_of(name)
  local path = {}
  if name == "." then
    return path
  end
  for part in (name .. "."):gmatch "([^.]*)%." do
    if part == "" then
      return nil
    end
    path[#path + 1] = part
  end
  return path
end

local HAS_PATH = { name = true, ["&"] = true, ["#"] = true, ["^"] = true }
local HAS_CHILDREN = { ["#"] = true, ["^"] = true, ["<"] = true, ["$"] = true }

-- Of a tag of partials and parents: the name is in data where a star stands in front.
local function name_of(tag)
  local dynamic = tag.name:match "^%*%s*(.*)$"
  return dynamic or tag.name, dynamic ~= nil
end

-- The node that a tag begins; or nil and why there is none.
local function node_of(tag)
  local node = { kind = tag.kind, at = tag.at, name = tag.name, tag = tag }
  if tag.kind == ">" or tag.kind == "<" then
    node.name, node.is_dynamic = name_of(tag)
  end
  if HAS_PATH[tag.kind] or node.is_dynamic then
    node.path = path_of(node.name)
    if not node.path then
      return nil, ("'%s' is no name"):format(node.name)
    end
  end
  if HAS_CHILDREN[tag.kind] then
    node.children, node.from = {}, tag.to + 1
  end
  return node
end

local function close(self, tag)
  local open = self.open
  local node = open[#open]
  local closes = (tag.name:gsub("^%*%s*", "*"))
  if not node.kind then
    return nil, ("{{/%s}} closes nothing"):format(tag.name), tag.at
  elseif (node.is_dynamic and "*" or "") .. node.name ~= closes then
    local line = self.source:position(node.at)
    return nil, ("{{/%s}} where {{%s%s}} of line %d is open"):format(
      tag.name, node.kind, node.tag.name, line), tag.at
  end
  node.to = tag.from - 1
  open[#open] = nil
  return true
end

local function add(self, tag)
  local open = self.open
  local children = open[#open].children
  if tag.kind == "/" then
    return close(self, tag)
  elseif tag.kind == "!" or tag.kind == "=" then
    return true
  end
  local node, why = node_of(tag)
  if not node then
    return nil, why, tag.at
  end
  children[#children + 1] = node
  if node.children then
    open[#open + 1] = node
    if #open > DEPTH then
      return nil, "more sections within one another than a template may have", tag.at
    end
  end
  return true
end

-- Returns the top of the tree; or nil, why, at.
local function tree_of(self, tags)
  local text, open = self.source.text, self.open
  local top = { children = {} }
  open[1] = top
  local at = 1
  for _, tag in ipairs(tags) do
    if tag.from > at then
      local children = open[#open].children
      children[#children + 1] = { kind = "text", at = at, text = text:sub(at, tag.from - 1) }
    end
    local ok, why, where = add(self, tag)
    if not ok then
      return nil, why, where
    end
    at = tag.to + 1
  end
  if #open > 1 then
    local node = open[#open]
    return nil, ("{{%s%s}} is not closed"):format(node.kind, node.tag.name), node.at
  elseif at <= #text then
    top.children[#top.children + 1] = { kind = "text", at = at, text = text:sub(at) }
  end
  return top.children
end

---@param source ettsumailer.template.source
---@param open string?   the delimiters at its beginning; {{ where absent
---@param close_with string?
---@return ettsumailer.template.node[]?
---@return ettsumailer.error?
function M.parse(source, open, close_with)
  local tags, why, at = scanner.scan(source.text, open or "{{", close_with or "}}")
  local nodes
  if tags then
    nodes, why, at = tree_of({ source = source, open = {} }, tags)
  end
  if not nodes then
    return source:refuse(at, why)
  end
  return nodes
end

return M
