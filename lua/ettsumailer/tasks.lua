-- Functions side by side in plain Lua: each is a coroutine that runs to its next wait in turn.
-- Why: the connections of one send_all wait for each other in one poll.
-- Not: what a wait is, nor who else runs meanwhile (scheduler.lua); a function alone needs no task.

local core = require "ettsumailer.core"
local event_loop = require "ettsumailer.event_loop"

local error, ipairs, setmetatable = error, ipairs, setmetatable
local min, huge = math.min, math.huge

local M = {}

-- One task.
local Task = {}
Task.__index = Task

-- Whether it can go on now.
function Task:is_ready(now)
  local token = self.token
  if not token then
    return true
  elseif token.is_due then
    return token.is_due()
  end
  for _, item in ipairs(token.items) do
    if item.ready then
      return true
    end
  end
  if token.deadline and now >= token.deadline then
    self.code, self.text = "TIMEOUT", "the time is over"
    return true
  end
  return false
end

-- Runs it to its next token. Returns true; or false and what it raised.
function Task:step()
  local code, text = self.code, self.text
  local answer
  self.code, self.text = nil, nil
  if code then
    self.token, answer = self.threads.advance(self.thread, false, nil, code, text)
  else
    self.token, answer = self.threads.advance(self.thread, false, true)
  end
  if answer then
    self.is_over = true
    return answer[1], answer[2]
  end
  for _, item in ipairs(self.token.items or {}) do
    item.ready = nil
  end
  return true
end

-- Everything that is waited for, and until when.
local function gather(tasks)
  local items, deadline = {}, huge
  for _, task in ipairs(tasks) do
    for _, item in ipairs(task.token.items or {}) do
      items[#items + 1] = item
    end
    deadline = min(deadline, task.token.deadline or huge)
  end
  if #items == 0 and deadline == huge then
    error("every task waits for another one")
  end
  return items, deadline < huge and deadline or nil
end

-- Steps those that can go on. Returns whether there were any, those that are left; or nil, error.
local function step_all(tasks)
  local left, has_moved, now = {}, false, core.clock()
  for _, task in ipairs(tasks) do
    if task:is_ready(now) then
      has_moved = true
      local ok, err = task:step()
      if not ok then
        return nil, err
      end
    end
    if not task.is_over then
      left[#left + 1] = task
    end
  end
  return has_moved, left
end

local function wait_for_any(tasks, loop, thread)
  local items, deadline = gather(tasks)
  local ready, code, text = event_loop.poll(items, deadline, loop, thread)
  if not ready and code ~= "TIMEOUT" then
    for _, task in ipairs(tasks) do
      task.code, task.text, task.token = code, text, nil
    end
  end
end

---Runs functions side by side until all have returned, or one has raised.
---@param functions function[]
---@param loop table?
---@param threads table    the scheduler's: { new = function, advance = function, users = function }
---@param give_turn fun(loop: table?)
---@return boolean ok      false: the others are left where they were
---@return any? err        what was raised
function M.run(functions, loop, threads, give_turn)
  local tasks, group = {}, { count = #functions } -- as of the scheduler: that are not over
  for i, f in ipairs(functions) do
    tasks[i] = setmetatable({ thread = threads.new(f, group), threads = threads }, Task)
  end
  while #tasks > 0 do
    local has_moved, left = step_all(tasks)
    if has_moved == nil then
      return false, left
    end
    tasks, group.count = left, #left
    if not has_moved then
      wait_for_any(tasks, loop, threads.users())
    else
      give_turn(loop)
    end
  end
  return true
end

return M
