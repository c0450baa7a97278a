-- Reads the LuaLS annotations of a Lua file: what the reference is made of, and checked against.
local M = {}

-- A type ends at the first space outside of brackets that does not follow a colon or a comma.
local function split_type(text)
  local depth, previous = 0, ""
  for i = 1, #text do
    local c = text:sub(i, i)
    if c:find "[%(%[{<]" then
      depth = depth + 1
    elseif c:find "[%)%]}>]" then
      depth = depth - 1
    elseif c == " " and depth == 0 and not previous:find "[:,|]" then
      return text:sub(1, i - 1), (text:sub(i + 1):gsub("^ +", ""))
    end
    previous = c
  end
  return text, ""
end

-- How each tag is read: from its text to an item.
local TAGS = {}

function TAGS.param(text)
  local name, rest = text:match "^(%S+)%s*(.*)$"
  local kind, meaning = split_type(rest)
  return { name = name, type = kind, text = meaning }
end

TAGS.field = TAGS.param

TAGS["return"] = function(text)
  local kind, rest = split_type(text)
  local name, meaning = rest:match "^([%a_][%w_]*)%s*(.*)$"
  return { name = name, type = kind, text = meaning or rest }
end

function TAGS.class(text)
  local name, parent = text:match "^([%w_.]+):?%s*([%w_.]*)"
  return { name = name, parent = parent ~= "" and parent or nil, text = "" }
end

function TAGS.private() return {} end
TAGS.package = TAGS.private

-- A block of comment lines, without their hyphens, as { text = lines, param = items, ... }.
local function read_block(lines)
  local block, last = { text = {}, param = {}, field = {}, ["return"] = {} }, nil
  for _, line in ipairs(lines) do
    local tag, rest = line:match "^@(%a+)%s*(.*)$"
    if tag and TAGS[tag] then
      last = TAGS[tag](rest)
      block[tag] = block[tag] or {}
      table.insert(block[tag], last)
    elseif tag then
      last = nil
    elseif last and line:find "^%s%s" then
      last.text = (last.text or "") .. " " .. line:gsub("^%s+", "")
    elseif not last then
      table.insert(block.text, line)
    end
  end
  return block
end

-- What the line behind a block declares.
local DECLARATIONS = {
  { "^function ([%a_]+)([.:])([%w_]+)%((.-)%)", function(owner, mark, name, arguments)
    return { kind = "function", owner = owner, mark = mark, name = name, arguments = arguments }
  end },
  { "^([%a_]+)%.([%a_]+) = function%((.-)%)", function(owner, name, arguments)
    return { kind = "function", owner = owner, mark = ".", name = name, arguments = arguments }
  end },
  { "^([%a_]+)%.([%w_]+) = ", function(owner, name)
    return { kind = "value", owner = owner, name = name }
  end },
  { "^(return) {$", function() return { kind = "value", owner = "M", name = "M" } end },
  { "^local ([%a_]+) = ", function(name) return { kind = "local", name = name } end },
}

local function declared(line)
  for _, rule in ipairs(DECLARATIONS) do
    local a, b, c, d = line:match(rule[1])
    if a then
      return rule[2](a, b, c, d)
    end
  end
end

---@param path string
---@return table[] items in the order of the file: { kind, owner, name, block, line }
function M.read(path)
  local items, lines, number = {}, {}, 0
  for line in io.lines(path) do
    number = number + 1
    local comment = line:match "^%-%-%-(.*)$"
    if comment then
      table.insert(lines, comment)
    else
      local block = #lines > 0 and read_block(lines)
      local item = declared(line) or block and block.class and { kind = "class" }
      if item then
        item.block, item.line, item.path = read_block(lines), number, path
        table.insert(items, item)
      end
      lines = {}
    end
  end
  return items
end

-- "from, to" as a list; nil where it is no list of names.
local function names_of(text)
  local names = {}
  for name in (text .. ","):gmatch " *([^,]*)," do
    if not name:find "^[%w_]+$" then
      return nil
    end
    table.insert(names, name)
  end
  return names
end

---The options that a block describes: " name, other   meaning"; lines indented further go on.
---@param lines string[]
---@return table[] options { names, text }
---@return string[] prose  the other lines
function M.options(lines)
  local list, prose, last = {}, {}, nil
  for _, line in ipairs(lines) do
    local head, meaning = line:match "^ (%S[%w_, ]-)%s%s+(%S.*)$"
    local names = head and names_of(head)
    if names then
      last = { names = names, text = meaning }
      table.insert(list, last)
    elseif last and line:find "^%s%s%s" then
      last.text = last.text .. " " .. line:gsub("^%s+", "")
    else
      last = nil
      table.insert(prose, line)
    end
  end
  return list, prose
end

return M
