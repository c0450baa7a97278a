-- What a coroutine waits for until another one posts: in nginx, or in an event loop.
-- Why: whoever waits for a free connection goes on when there is one, and burns no turns.
-- Not: sockets and time (scheduler.lua).

local core = require "ettsumailer.core"
local scheduler = require "ettsumailer.scheduler"
local world = require "ettsumailer.world"

local ipairs, setmetatable = ipairs, setmetatable
local insert, remove = table.insert, table.remove

local M = {}

-- In a loop: who waits does so for a byte on a pair of sockets of its own.
local Signal = {}
Signal.__index = Signal

local function take_out(waiting, writer)
  for i, other in ipairs(waiting) do
    if other == writer then
      remove(waiting, i)
      return
    end
  end
end

---Waits until somebody posts. Those who came first go first.
---@param seconds number
---@return boolean is_posted
function Signal:wait(seconds)
  local reader, writer = core.socket_pair()
  if not reader then
    return false
  end
  insert(self.waiting, writer)
  local ready = scheduler.wait(reader, "r", core.clock() + seconds * 1000, self.loop)
  take_out(self.waiting, writer)
  reader:close()
  writer:close()
  return ready ~= nil
end

---@return integer  below zero: so many wait
function Signal:count()
  return -#self.waiting
end

---Wakes one of those who wait.
function Signal:post()
  local writer = remove(self.waiting, 1)
  if writer then
    writer:send "!"
  end
end

---@param loop table? as of event_loop.lua
---@return table? signal { wait(self, seconds): boolean, post(self), count(self) };
---  nil: this nginx has none
function M.new(loop)
  if world.is_nginx then
    return world.signal()
  end
  return setmetatable({ loop = loop, waiting = {} }, Signal)
end

return M
