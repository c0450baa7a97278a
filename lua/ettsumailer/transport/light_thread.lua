-- A light thread of nginx that can be waited for, and ended, from anywhere in its request.
-- Why: nginx lets only the coroutine that began one end it; and that one may be over by then.
-- Not: what the thread does (resty.lua).

local semaphore = require "ngx.semaphore"

local ngx = ngx
local pcall, setmetatable = pcall, setmetatable
local spawn, kill = ngx.thread.spawn, ngx.thread.kill

local M = {}

local PATIENCE = 60 -- seconds; waits that nobody ends are begun again

local Thread = {}
Thread.__index = Thread

-- Stays beside the thread until it is over, or is to be over. A thread that is killed in a read or
-- a write takes its cosocket with it: nginx closes that.
local function watch(self, thread)
  self.gate = semaphore.new(0)
  while self.is_pending and not self.is_ended do
    self.gate:wait(PATIENCE)
  end
  if self.is_pending then
    self.is_pending = false
    kill(thread)
  end
end

---Begins a function, which runs until it has to wait. What is over by then has cost no wait.
---@param news table  a semaphore that is told of the end of one that had to wait
---@param f function
---@param ... any     what it gets
---@return table thread { is_pending; results, then: what pcall returned }
function M.start(news, f, ...)
  local self = setmetatable({ is_pending = true }, Thread)
  local function run(...)
    self.results = { pcall(f, ...) }
    self.is_pending = false
    if self.gate then
      self.gate:post(1)
      news:post(1)
    end
  end
  spawn(function(...)
    local thread = spawn(run, ...)
    if self.is_pending then
      watch(self, thread)
    end
  end, ...)
  return self
end

---Ends it where it waits.
function Thread:finish()
  self.is_ended = true
  if self.gate then
    self.gate:post(1)
  end
end

return M
