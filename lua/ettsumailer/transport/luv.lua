-- The loop of libuv: a call in a coroutine yields, and a callback of the loop resumes it.
-- Why: the loop's other callbacks go on while a mail is being sent.
-- Not: sockets; they are the native ones (native.lua), waited for here.

local core = require "ettsumailer.core"
local uv = require "luv"

local coroutine, debug, error, ipairs = coroutine, debug, error, ipairs
local setmetatable, tostring = setmetatable, tostring
local ceil = math.ceil

local M = {}

local waits = {} -- by descriptor: the wait for it

---In a coroutine. The main one blocks nobody until the loop runs, and may not wait then.
---@param thread thread?
---@return boolean?
---@return string? code
---@return string? text
function M.may_wait(thread)
  if not thread and uv.loop_mode and uv.loop_mode() then
    return nil, "PHASE", "a callback of luv cannot wait: call from a coroutine"
  end
  return thread ~= nil
end

-- One wait: a timer, and handles for what is waited for.
local Wait = {}
Wait.__index = Wait

function Wait:close_handles()
  for _, handle in ipairs(self.handles) do
    handle:close()
  end
  self.handles = {}
  for _, item in ipairs(self.items) do
    waits[item.fd] = nil
  end
end

-- It is over: whoever waits goes on.
function Wait:finish()
  if self.is_over then
    return
  end
  self.is_over = true
  self.timer:close()
  self:close_handles()
  local thread = self.thread
  if coroutine.status(thread) == "suspended" then
    local ok, err = coroutine.resume(thread)
    if not ok then
      error(debug.traceback(thread, tostring(err)), 0)
    end
  end
end

-- Returns true; or nil and why not.
function Wait:start(items, seconds)
  for i, item in ipairs(items) do
    local handle, why = uv.new_poll(item.fd)
    if not handle then
      self.timer:close()
      self:close_handles()
      return nil, "luv: " .. why
    end
    self.handles[i] = handle
    handle:start(item.events, self.on_end)
  end
  self.timer:start(ceil(seconds * 1000), 0, self.on_end)
  return true
end

---As a loop's (event_loop.lua).
---@return nil
---@return string? text
function M.wait(items, seconds, thread)
  -- luv prints a line of its own for a socket that has failed: it gets to see a watch only.
  local watch = core.watch(items)
  local wait = setmetatable({
    items = items, handles = {}, timer = uv.new_timer(), thread = thread,
  }, Wait)
  wait.on_end = function() wait:finish() end
  for _, item in ipairs(items) do
    waits[item.fd] = wait
  end
  local ok, why = wait:start(watch and { { fd = watch:fd(), events = "r" } } or items, seconds)
  while ok and not wait.is_over do
    coroutine.yield()
  end
  if watch then
    watch:close()
  end
  return nil, why
end

---Ends a wait for a descriptor that is about to be closed, when it has been.
---@param fd integer
function M.forget(fd)
  local wait = waits[fd]
  if wait then
    wait:close_handles()
    wait.timer:start(0, 0, wait.on_end)
  end
end

return M
