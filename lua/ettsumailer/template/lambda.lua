-- Functions in the data (lambdas): what they give is a template, and is rendered.
-- Why: the specification has them; they are called plainly, so they may yield on every engine.
-- Not: what is around them (compile.lua).

local place = require "ettsumailer.template.place"
local state_of = require "ettsumailer.template.state"
local values = require "ettsumailer.template.values"

local concat = table.concat
local enter, spend = state_of.enter, state_of.spend
local fail, fail_with = state_of.fail, state_of.fail_with
local tostring, type = tostring, type

local M = {}

-- The text that a function gave; "" after a failure.
local function text_of(state, unit, node, result, why)
  local text = type(result) == "string" and result or values.text(result)
  if result == nil and why ~= nil then
    fail(state, unit, node, ("the function '%s' failed: %s"):format(node.name, tostring(why)))
  elseif not text then
    fail(state, unit, node, ("the function '%s' gave a %s"):format(node.name, type(result)))
  end
  return text or ""
end

-- Renders what a function gave. Returns the count of pieces.
local function run_made(state, out, n, unit, node, made, open, close)
  if not made:find(open, 1, true) then
    spend(state, unit, node, #made)
    out[n + 1] = made
    return n + 1
  end
  local name = ("%s: what '%s' gave"):format(unit.source:place(node.at), node.name)
  local run, err = unit.compile(place.source(name, made), open, close)
  if not run then
    fail_with(state, unit, node, err)
    return n
  end
  return run(state, out, n)
end

---The text of a function that a variable names. In {{name}} it is escaped as a whole, by whoever
---asked; what it renders is not escaped before.
---@return string
function M.variable(state, unit, node, lambda)
  local depth, escape = state.depth, state.escape
  local pieces, n = {}, 0
  if enter(state, unit, node) then
    local made = text_of(state, unit, node, lambda())
    if node.kind ~= "&" then
      state.escape = nil
    end
    n = run_made(state, pieces, 0, unit, node, made, "{{", "}}")
    state.escape = escape
  end
  state.depth = depth
  return concat(pieces, "", 1, n)
end

---A section whose value is a function: it is given what the section holds, as it is written.
---@return integer n
function M.section(state, out, n, unit, node, lambda)
  local text = unit.source.text:sub(node.from, node.to)
  local made = text_of(state, unit, node, lambda(text))
  return run_made(state, out, n, unit, node, made, node.tag.open, node.tag.close)
end

return M
