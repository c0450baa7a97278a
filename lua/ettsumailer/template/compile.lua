-- The functions that a template's tree becomes: one for each tag, with the text in front of it.
-- Why: nothing is looked up by kind while it is rendered, and every call is a plain one, so that a
--  function in the data may yield on every engine.
-- Not: syntax (parser.lua), the meaning of values (values.lua).
--
-- How it works: each function takes the state (state.lua), the list of pieces and their count, and
-- returns the new count. After an error the rest is gone through, but nothing is entered any more.

local blocks_of = require "ettsumailer.template.blocks"
local lambda_of = require "ettsumailer.template.lambda"
local parser = require "ettsumailer.template.parser"
local state_of = require "ettsumailer.template.state"
local values = require "ettsumailer.template.values"

local enter, spend = state_of.enter, state_of.spend
local fail, fail_with = state_of.fail, state_of.fail_with
local find_value, shape_of = values.find, values.shape
local is_plain, text_of = values.is_plain, values.text
local ipairs, type = ipairs, type

local M = {}

local sequence -- defined below

-- --- Text and variables ---

local function literal(unit, node)
  local text, size = node.text, #node.text
  return function(state, out, n)
    local room = state.room - size
    state.room = room
    if room < 0 then
      spend(state, unit, node, 0)
    end
    out[n + 1] = text
    return n + 1
  end
end

-- The text of what is no string.
local function other_text(state, unit, node, value)
  if type(value) == "function" then
    return (lambda_of.variable(state, unit, node, value))
  end
  local text = text_of(value)
  if not text then
    fail(state, unit, node, ("'%s' is a %s where a text is due"):format(node.name, type(value)))
  end
  return text or ""
end

-- A value that is no text, as a piece, and its size. A number without a fraction needs no escape
-- and becomes text with all the pieces, so that its size is seen then.
local function piece_of(state, unit, node, value)
  if type(value) == "number" and is_plain(value) then
    return value, 1
  end
  value = other_text(state, unit, node, value)
  if state.escape and node.kind ~= "&" then
    value = state.escape(value)
  end
  return value, #value
end

local function variable(unit, node, before)
  local path, size_before, is_escaped = node.path, #before, node.kind ~= "&"
  local name = #path == 1 and path[1]
  return function(state, out, n)
    local frame, value = state[state.top], nil
    if name and type(frame) == "table" then
      value = frame[name]
    end
    if value == nil then
      value = find_value(state, path)
    end
    local size
    if type(value) == "string" then
      local escape = is_escaped and state.escape
      value = escape and escape(value) or value
      size = #value
    else
      value, size = piece_of(state, unit, node, value)
    end
    local room = state.room - size_before - size
    state.room = room
    if room < 0 then
      spend(state, unit, node, 0)
    end
    if size_before > 0 then
      n = n + 1
      out[n] = before
    end
    out[n + 1] = value
    return n + 1
  end
end

-- --- Sections ---

local function run_list(state, out, n, unit, node, list)
  local top, run = state.top + 1, node.run
  state.top = top
  for i = 1, #list do
    state[top] = list[i]
    n = run(state, out, n)
    local room = state.room - 1
    state.room = room
    if room < 0 then
      spend(state, unit, node, 0)
    end
    if state.err then
      break
    end
  end
  state[top], state.top = nil, top - 1
  return n
end

local function run_one(state, out, n, _, node, value)
  local top = state.top + 1
  state.top, state[top] = top, value
  n = node.run(state, out, n)
  state[top], state.top = nil, top - 1
  return n
end

local function section(unit, node)
  local path = node.path
  node.run = sequence(unit, node.children)
  return function(state, out, n)
    local value = find_value(state, path)
    local shape = shape_of(value)
    if not shape then
      return n
    end
    local depth = state.depth
    if enter(state, unit, node) then
      local run = shape == "list" and run_list
        or type(value) == "function" and lambda_of.section or run_one
      n = run(state, out, n, unit, node, value)
    end
    state.depth = depth
    return n
  end
end

local function inverted(unit, node)
  local path = node.path
  local run = sequence(unit, node.children)
  return function(state, out, n)
    if shape_of(find_value(state, path)) then
      return n
    end
    local depth = state.depth
    n = enter(state, unit, node) and run(state, out, n) or n
    state.depth = depth
    return n
  end
end

-- --- Partials, parents and blocks ---

-- The name that data give; "" for none.
local function dynamic_name(state, unit, node)
  local value = find_value(state, node.path)
  return type(value) == "string" and value or other_text(state, unit, node, value)
end

local function run_partial(state, out, n, unit, node)
  local name = node.is_dynamic and dynamic_name(state, unit, node) or node.name
  local depth = state.depth
  if name ~= "" and enter(state, unit, node) then
    local indent = node.tag.is_alone and node.tag.lead or ""
    local run, err = unit.partials:unit(name, indent, unit.compile)
    if run then
      n = run(state, out, n)
    else
      fail_with(state, unit, node, err)
    end
  end
  state.depth = depth
  return n
end

local function partial(unit, node)
  return function(state, out, n)
    return (run_partial(state, out, n, unit, node))
  end
end

local function parent(unit, node)
  local own = {}
  for _, child in ipairs(node.children) do
    if child.kind == "$" then
      own[child.name] = blocks_of.new(unit, child)
    end
  end
  return function(state, out, n)
    local outer = state.blocks
    state.blocks = blocks_of.merged(own, outer)
    n = run_partial(state, out, n, unit, node)
    state.blocks = outer
    return n
  end
end

local function block(unit, node)
  local run_own = sequence(unit, node.children)
  local indent, has_first = blocks_of.indent_at(unit, node)
  return function(state, out, n)
    local given = state.blocks and state.blocks[node.name]
    local depth = state.depth
    if enter(state, unit, node) then
      local run, err = run_own, nil
      if given then
        run, err = given:unit(indent, has_first)
      end
      if run then
        n = run(state, out, n)
      else
        fail_with(state, unit, node, err)
      end
    end
    state.depth = depth
    return n
  end
end

-- --- Together ---

local MAKERS = {
  ["name"] = variable, ["&"] = variable,
  ["#"] = section, ["^"] = inverted, [">"] = partial, ["<"] = parent, ["$"] = block,
}

-- A variable takes the text in front of it along.
local function steps_of(unit, nodes)
  local steps = {}
  for i, node in ipairs(nodes) do
    local before, behind = nodes[i - 1], nodes[i + 1]
    if node.kind ~= "text" then
      local text = before and before.text or ""
      steps[#steps + 1] = MAKERS[node.kind](unit, node, text)
    elseif not behind or MAKERS[behind.kind] ~= variable then
      steps[#steps + 1] = literal(unit, node)
    end
  end
  return steps
end

local function nothing(_, _, n)
  return n
end

-- One function that runs what the nodes become, in their order.
function sequence(unit, nodes)
  local steps = steps_of(unit, nodes)
  local count = #steps
  local first, second, third = steps[1], steps[2], steps[3]
  if count <= 1 then
    return first or nothing
  elseif count == 2 then
    return function(state, out, n)
      return (second(state, out, first(state, out, n)))
    end
  elseif count == 3 then
    return function(state, out, n)
      return (third(state, out, second(state, out, first(state, out, n))))
    end
  end
  return function(state, out, n)
    for i = 1, count do
      n = steps[i](state, out, n)
    end
    return n
  end
end

---Compiles a template.
---@param partials ettsumailer.template.partials
---@param source ettsumailer.template.source
---@param open string?   delimiters; {{ where absent
---@param close string?
---@return (fun(state: ettsumailer.template.state, out: string[], n: integer): integer)? run
---@return ettsumailer.error|ettsumailer.template.node[]|nil  the error, or the tree
function M.compile(partials, source, open, close)
  local nodes, err = parser.parse(source, open, close)
  if not nodes then
    return nil, err
  end
  local unit = { source = source, partials = partials }
  function unit.compile(other, other_open, other_close)
    return M.compile(partials, other, other_open, other_close)
  end
  return sequence(unit, nodes), nodes
end

return M
