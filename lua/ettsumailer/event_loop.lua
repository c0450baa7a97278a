-- The event loop of the user's that a call of ours waits in, if there is one.
-- Why: whoever has a loop goes on in it while a mail is being sent.
-- Not: nginx's, whose sockets are its own (world.lua); nor what is waited for (scheduler.lua).
--
-- A loop is a table with
--  wait(items, seconds, thread)  returns once one of the items may be ready or the seconds are
--     over; sooner does no harm. Each item has fd, a descriptor, and events, "r", "w" or "rw";
--     there may be none. thread is the coroutine to resume, nil for the main one. nil and a text:
--     it cannot be waited for
--  forget(fd)           optional: a wait for the descriptor ends; it may be closed behind this
--  may_wait(thread)     of ours only: whether it can wait here; false: waiting here blocks nobody
--     of it; nil, code, text: nothing can wait here

local core = require "ettsumailer.core"
local lazy = require "ettsumailer.lazy"
local world = require "ettsumailer.world"

local transport_option = lazy.of "ettsumailer.transport_option"

local ipairs, pcall, require = ipairs, pcall, require
local loaded = package.loaded
local tostring = tostring
local max, min, huge = math.max, math.min, math.huge

local M = {}

local SLICE_MS = 1000 -- a signal's handler, such as that of Ctrl-C, gets its turn between slices
local TURN_MS = 2     -- a loop gets its turn so often, even when nothing has to be waited for

local last_turn = 0 -- when a loop had one

---What the option `transport` says.
---@param given string|table|nil
---@param what string      whose option it is, in messages
---@param level integer    as of `error`
---@return table? transport  { connect = function or nil, loop = table or nil }
---@return ettsumailer.error?
function M.of(given, what, level)
  if given == nil then
    return {}
  end
  local transport, err = transport_option.of(given, what, level + 1)
  return transport, err -- no tail call: levels of errors count it
end

---The loop that this call runs in: the one that was chosen, else that of cqueues.
---@param chosen table?
---@param thread thread?  the coroutine that is resumed by the loop
---@return table|false|nil loop  nothing: it is to wait by itself
---@return string? code   nothing can wait here
---@return string? text
function M.here(chosen, thread)
  if not chosen then
    local cqueues = loaded.cqueues
    chosen = cqueues and cqueues.running() and require "ettsumailer.transport.cqueues"
  end
  if not chosen or not chosen.may_wait then
    return chosen
  end
  local may, code, text = chosen.may_wait(thread)
  if may and not core.may_yield() then
    return nil, "PHASE", "nothing can wait inside of a function of C's (table.sort, string.gsub)"
  end
  return may and chosen, code, text
end

---Whether there may be a loop that nobody has chosen.
---@return boolean
function M.may_be_found()
  return loaded.cqueues ~= nil
end

-- Notes on each item what to wait for. Returns nil when one was closed meanwhile.
local function describe(items)
  for _, item in ipairs(items) do
    local is_open, fd = pcall(item[1].fd, item[1], item[2])
    if not is_open then
      return nil
    end
    item.fd, item.events = fd, item[2]
  end
  return true
end

-- Objects whose waits are to end though they are not ready, and whether there are any.
local interrupted, is_any = setmetatable({}, { __mode = "k" }), false

-- Such items count as ready, once.
local function take_interrupted(items)
  local found = false
  for _, item in ipairs(is_any and items or {}) do
    if interrupted[item[1]] then
      interrupted[item[1]], item.ready, found = nil, item[2], true
    end
  end
  is_any = is_any and next(interrupted) ~= nil
  return found
end

---Has the loop end its wait for an object, where it can.
---@param object userdata
---@param chosen table?
function M.forget(object, chosen)
  local loop = chosen or M.here()
  local is_open, fd = pcall(object.fd, object)
  if loop and loop.forget and is_open then
    loop.forget(fd)
  end
end

---Ends a wait for an object, or the next one: at once where the loop can, else within a second.
---@param object userdata
---@param chosen table?
function M.interrupt(object, chosen)
  interrupted[object], is_any = true, true
  M.forget(object, chosen)
end

-- One wait in a loop, and a look at what has come of it.
local function wait_in(loop, items, deadline, thread)
  local seconds = max(0, deadline - core.clock()) / 1000
  if take_interrupted(items) then
    return true
  elseif not describe(items) then
    return nil, "CLOSED", "the connection was closed meanwhile"
  end
  if seconds > 0 or #items == 0 then
    local _, text = loop.wait(items, seconds, thread)
    last_turn = core.clock()
    if text then
      return nil, "CLOSED", tostring(text)
    elseif take_interrupted(items) then
      return true
    elseif not describe(items) then
      return nil, "CLOSED", "the connection was closed meanwhile"
    end
  end
  local ready, code, text = core.poll(items, 0)
  if code == "TIMEOUT" and core.clock() < deadline then
    code = "SOONER"
  end
  return ready, code, text
end

-- Waits in slices until there is an answer: wait(deadline, ...) is as core.poll, or SOONER.
local function in_slices(wait, deadline, ...)
  while true do
    local slice = min(deadline or huge, core.clock() + SLICE_MS)
    local ready, code, text = wait(slice, ...)
    local may_go_on = code == "SOONER" or code == "TIMEOUT" and slice ~= deadline
    if ready or not may_go_on then
      return ready, code, text
    end
  end
end

local function in_loop(deadline, items, loop, thread)
  return wait_in(loop, items, deadline, thread)
end

local function by_itself(deadline, items)
  if take_interrupted(items) then
    return true
  end
  return core.poll(items, deadline)
end

local function for_one(deadline, object, direction)
  return core.wait(object, direction, deadline)
end

---As core.poll, in the loop where there is one.
---@param items table
---@param deadline number?  ms on core.clock's scale
---@param chosen table?
---@param thread thread?    the user's coroutine that this is in; nil: the main one
---@return true?
---@return string? code
---@return string? text
function M.poll(items, deadline, chosen, thread)
  if #items == 0 and world.is_nginx then
    world.sleep(deadline)
    return nil, "TIMEOUT", "the time is over"
  end
  local loop, code, text = M.here(chosen, thread)
  if code then
    return nil, code, text
  elseif loop then
    return in_slices(in_loop, deadline, items, loop, thread)
  end
  return in_slices(by_itself, deadline, items)
end

---As core.wait, where there is no loop.
function M.wait_here(object, direction, deadline)
  return in_slices(for_one, deadline, object, direction)
end

---Whether a loop has not had its turn for so long that it is to have one, though nothing has to be
---waited for.
---@param chosen table?
---@param thread_of fun(): thread?  asked for the user's coroutine that this is in
---@return boolean
function M.is_turn_due(chosen, thread_of)
  if not chosen and not M.may_be_found() then
    return false
  end
  local passed = M.here(chosen, thread_of()) and core.clock() - last_turn
  return passed and (passed >= TURN_MS or passed < 0) or false -- specs move the clock back
end

---Closes what may be waited for.
---@param object userdata
---@param chosen table?
function M.close(object, chosen)
  M.forget(object, chosen)
  object:close()
end

return M
