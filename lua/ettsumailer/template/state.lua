-- What a render has in hand: the contexts, how deep it is, what room is left, what went wrong.
-- Why: a render keeps nothing anywhere else, so two that run in turns never see each other's data.
-- Not: what is rendered (compile.lua).

local errors = require "ettsumailer.errors"

local tostring = tostring

local M = {}

-- Sections, partials, parents, blocks and functions within one another while rendering.
local DEPTH = 500

---[1] to [top] are the contexts, the innermost last.
---@class ettsumailer.template.state
---@field top integer
---@field depth integer
---@field room integer     octets that may still be made
---@field escape (fun(text: string): string)?
---@field blocks table?    what stands in place of blocks, by name
---@field err ettsumailer.error?  the first; whoever loops or goes deeper looks at it

---@param data any
---@param escape (fun(text: string): string)?
---@param room integer
---@return ettsumailer.template.state
function M.new(data, escape, room)
  return { data, top = 1, depth = 0, room = room, escape = escape }
end

---@param state ettsumailer.template.state
---@param unit table   { source }
---@param node ettsumailer.template.node
---@param text string
function M.fail(state, unit, node, text)
  if not state.err then
    local _, err = unit.source:refuse(node.at, text)
    state.err = err
  end
end

---As fail; an error that has its place already is kept, nil is nothing.
---@param state ettsumailer.template.state
---@param unit table
---@param node ettsumailer.template.node
---@param err any
function M.fail_with(state, unit, node, err)
  if errors.is(err) then
    state.err = state.err or err
  elseif err ~= nil then
    M.fail(state, unit, node, tostring(err))
  end
end

---Counts octets that were made.
---@param state ettsumailer.template.state
---@param unit table
---@param node ettsumailer.template.node
---@param octets integer
function M.spend(state, unit, node, octets)
  state.room = state.room - octets
  if state.room < 0 then
    M.fail(state, unit, node, "this makes more octets than max_size allows")
  end
end

---One level deeper. Whoever calls sets the depth back to what it was, in any case.
---@param state ettsumailer.template.state
---@param unit table
---@param node ettsumailer.template.node
---@return boolean may_go_on
function M.enter(state, unit, node)
  if state.depth >= DEPTH then
    M.fail(state, unit, node,
      ("more than %d sections and partials within one another"):format(DEPTH))
  end
  state.depth = state.depth + 1
  return not state.err
end

return M
