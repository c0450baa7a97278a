-- Waits that others use meanwhile: the tasks of a batch, or whoever shares an event loop.
-- Why: four connections in one script need no event loop of the user's, and use one that is there.
-- Not: whose turn it is among tasks (tasks.lua), nor sockets (transport/native.lua calls wait and
--  poll here).
--
-- A task that has to wait yields a token of ours; whatever else it yields is not for us and is
-- passed on to whoever resumes us, and the answer back. So a send may run inside any scheduler.
-- A loop below is that of a mailer or a connection (event_loop.lua), nil where none was chosen.

local core = require "ettsumailer.core"
local event_loop = require "ettsumailer.event_loop"
local lazy = require "ettsumailer.lazy"
local world = require "ettsumailer.world"

local tasks = lazy.of "ettsumailer.tasks"

local coroutine, ipairs, pcall, select = coroutine, ipairs, pcall, select
local getmetatable, rawget, setmetatable, type = getmetatable, rawget, setmetatable, type
local _G, _VERSION = _G, _VERSION
local unpack = table.unpack or unpack -- luacheck: std lua51+lua54

local M = {}

-- In Lua 5.1 alone nothing yields inside of pcall.
local has_yielding_pcall = _VERSION ~= "Lua 5.1" or rawget(_G, "jit") ~= nil

-- What a task yields: items to poll, a deadline, or a function to ask.
local Token = {}

-- By coroutine that may yield tokens, a task's or a guard's inside of one: its group, { count = of
-- tasks that are not over }.
local ours = setmetatable({}, { __mode = "k" })

-- By coroutine of ours: the user's around it, which a loop resumes; false: the main one.
local users = setmetatable({}, { __mode = "kv" })

local function may_yield_token()
  local thread = coroutine.running()
  return thread ~= nil and ours[thread]
end

-- The user's coroutine that this runs in; nil in the main one.
local function users_thread()
  local thread, is_main = coroutine.running()
  if not thread or is_main then
    return nil
  end
  local user = users[thread]
  if user == nil then
    return thread
  end
  return user or nil
end

local function new_thread(f, group)
  local thread = coroutine.create(f)
  ours[thread], users[thread] = group, users_thread() or false
  return thread
end

---As core.poll; lets other tasks run meanwhile, and whoever shares the loop.
---@param items table      { { object, "r" or "w" or "rw" }, ... }; those that are ready get `ready`
---@param deadline number? ms on core.clock's scale
---@param loop table?
---@return true? ready
---@return string? code    TIMEOUT
---@return string? text
function M.poll(items, deadline, loop)
  if may_yield_token() then
    return coroutine.yield(setmetatable({ items = items, deadline = deadline }, Token))
  end
  return event_loop.poll(items, deadline, loop, users_thread())
end

---Waits for one object.
---@param object userdata
---@param direction string "r", "w" or "rw"
---@param deadline number? ms on core.clock's scale
---@param loop table?
---@return string? ready   the directions that are
---@return string? code
---@return string? text
function M.wait(object, direction, deadline, loop)
  local group = may_yield_token()
  local is_alone = not group or group.count == 1 -- then nobody else goes on meanwhile
  if is_alone and not (loop or event_loop.here()) then
    return event_loop.wait_here(object, direction, deadline)
  end
  local item = { object, direction }
  local ready, code, text = M.poll({ item }, deadline, loop)
  return ready and item.ready, code, text
end

---Waits until a moment.
---@param deadline number ms on core.clock's scale
---@param loop table?
function M.sleep(deadline, loop)
  local _, code = M.poll({}, deadline, loop)
  if code ~= "TIMEOUT" then
    core.poll({}, deadline) -- where nothing can wait, a moment comes all the same
  end
end

---Lets a loop, and the other tasks in it, go on where nothing had to be waited for a while.
---@param loop table?
function M.give_turn(loop)
  if event_loop.is_turn_due(loop, users_thread) then
    M.poll({}, core.clock(), loop)
  end
end

-- By coroutine of the user's, or MAIN: the loop of the mailer that works in it.
local loops, MAIN = setmetatable({}, { __mode = "k" }), {}
local has_chosen = false -- whether there ever was one

---Says which loop is kept waiting from here on by what takes long.
---@param loop table?
function M.work_for(loop)
  has_chosen = has_chosen or loop ~= nil
  if has_chosen then
    loops[users_thread() or MAIN] = loop
  end
end

-- To compose a message takes long, too, and may be done where nothing can yield. Lua 5.1 and 5.2
-- cannot tell: there a message is composed in one go.
if has_yielding_pcall and _VERSION ~= "Lua 5.2" then
  world.users_loop = {
    is_here = function()
      if not has_chosen and not event_loop.may_be_found() then
        return false
      end
      local thread = users_thread()
      return event_loop.here(loops[thread or MAIN], thread) and true or false
    end,
    give_turn = function()
      M.give_turn(loops[users_thread() or MAIN])
    end,
  }
end

---Whether others run while this waits: in nginx, or in an event loop.
---@param loop table?
---@return boolean
function M.is_shared(loop)
  return world.is_nginx or event_loop.here(loop, users_thread()) and true or false
end

---Lets the other tasks run until the function answers true. Outside of a task: at once.
---@param is_due fun(): boolean
function M.wait_until(is_due)
  if may_yield_token() then
    coroutine.yield(setmetatable({ is_due = is_due }, Token))
  end
  while world.is_nginx and not is_due() do
    world.sleep(core.clock() + 1)
  end
end

local function is_token(value)
  return type(value) == "table" and getmetatable(value) == Token
end

local function pack(...)
  return { n = select("#", ...), ... }
end

-- Resumes; what is not a token goes out and its answer in, until there is a token or the end.
-- Returns token; or nil, and the values of the end: ok, ...
local function advance(thread, passes_tokens, ...)
  local answer = pack(coroutine.resume(thread, ...))
  while coroutine.status(thread) ~= "dead" do
    if is_token(answer[2]) and not passes_tokens then
      return answer[2]
    end
    answer = pack(coroutine.resume(thread, coroutine.yield(unpack(answer, 2, answer.n))))
  end
  return nil, answer
end

---Calls a function that may yield, and catches what it raises, on every engine.
---@return boolean ok
---@return any ... what it returned, or the error
function M.guard(f, ...)
  if has_yielding_pcall then
    return pcall(f, ...) -- in nginx who ends a light thread ends all of it
  end
  local thread = new_thread(f, may_yield_token() or nil)
  local _, answer = advance(thread, true, ...)
  return unpack(answer, 1, answer.n)
end

-- What tasks.lua needs of the coroutines here.
local threads = { new = new_thread, advance = advance, users = users_thread }

---Runs functions side by side until all have returned, or one has raised.
---@param functions function[]
---@param loop table?
---@return boolean ok   false: the others are left where they were
---@return any? err     what was raised
function M.run(functions, loop)
  if not world.may_wait() then -- then nothing will: each is told why it cannot
    for _, f in ipairs(functions) do
      f()
    end
    return true
  elseif world.is_nginx then
    return world.run(functions)
  end
  local ok, err = tasks.run(functions, loop, threads, M.give_turn)
  return ok, err
end

return M
