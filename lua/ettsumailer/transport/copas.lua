-- The loop of copas, which waits by LuaSocket's select.
-- Why: copas' other coroutines go on while a mail is being sent; names, too, are looked up aside.
-- Not: sockets; they are the native ones (native.lua), waited for here.
--
-- Debian's copas has no timers, and no coroutine of it can wait for two sockets. So all that is
-- waited for, and until when, is one descriptor of the core's (core.watch), which copas takes for a
-- socket that is read.

local copas = require "copas"
local core = require "ettsumailer.core"
local socket = require "socket"

local setmetatable = setmetatable
local huge = math.huge

local M = {}

local MOST = socket._SETSIZE or huge -- select takes no descriptors from here on

-- What copas asks of a socket.
local Watched = {}
Watched.__index = Watched

function Watched:getfd()
  return self.fd
end

function Watched:dirty() -- luacheck: no self
  return false
end

-- Nothing is there at first, and copas waits until there is.
function Watched:receive()
  if self.has_waited then
    return ""
  end
  self.has_waited = true
  return nil, "timeout"
end

-- copas closes what a coroutine waited for last when it ends.
function Watched:close() -- luacheck: no self
  return true
end

---Outside of every coroutine copas does not run.
---@param thread thread?
function M.may_wait(thread)
  return thread ~= nil
end

---As a loop's (event_loop.lua).
---@return nil
---@return string? text
function M.wait(items, seconds)
  local watch, _, why = core.watch(items, core.clock() + seconds * 1000)
  if not watch then
    return nil, "copas: " .. why
  end
  local fd = watch:fd()
  if fd >= MOST then
    watch:close()
    return nil, ("copas: descriptor %d is more than select takes"):format(fd)
  end
  copas.receive(setmetatable({ fd = fd }, Watched), 1)
  watch:close()
end

return M
