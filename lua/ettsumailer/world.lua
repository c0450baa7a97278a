-- Which I/O world this program lives in: nginx's event loop, or plain Lua with a poll of its own.
-- Why: everything that waits has to wait as this world does; here is the one place that knows it.
-- Not: moving bytes (transport/), waiting for sockets (scheduler.lua), nor what there is in nginx
--  alone (nginx.lua).

local core = require "ettsumailer.core"

local pairs, rawget, require, setmetatable = pairs, rawget, require, setmetatable
local type, _G = type, _G
local max, min = math.max, math.min

local M = {}

local ngx = rawget(_G, "ngx")

---Whether this is nginx with the Lua module.
---@type boolean
M.is_nginx = type(ngx) == "table" and type(ngx.socket) == "table"

-- The phases of nginx in which Lua may wait.
local WAITING_PHASES = {
  rewrite = true, server_rewrite = true, access = true, content = true, timer = true,
  preread = true, ssl_cert = true, ssl_session_fetch = true, ssl_client_hello = true,
}

---Whether a call may wait here and now. Where it may not, nginx has no coroutines either.
---@return boolean
function M.may_wait()
  return not M.is_nginx or WAITING_PHASES[ngx.get_phase()] or false
end

---The transport of this world.
---@return table transport with connect
function M.transport()
  return require("ettsumailer.transport." .. (M.is_nginx and "resty" or "native"))
end

---Waits until a moment, and in nginx lets the worker go on meanwhile.
---@param deadline number ms on core.clock's scale
function M.sleep(deadline)
  if M.is_nginx then
    ngx.sleep(max(0, deadline - core.clock()) / 1000)
  else
    core.poll({}, deadline)
  end
end

-- Octets that are worked on between two turns of the loop.
local SLICE = 65536

-- Whoever gives a turn waits so long at least: a wait of 0 is none in an nginx without OpenResty's
-- patches, which goes on with what sleeps so before it looks at any socket. All who work at a time
-- go on one after the other, so far apart; a little farther where the loop was late with the last.
local TURN_MS, LATE_MS = 1, 3

local next_turn, lateness = 0, 0 -- on core.clock's scale: when the last of them goes on

---What scheduler.lua knows of an event loop of the user's.
---@type table?  { is_here(): boolean, give_turn() }
M.users_loop = nil

---Whether a loop is kept waiting by what takes long.
---@return boolean
function M.has_loop()
  return M.is_nginx or M.users_loop ~= nil and M.users_loop.is_here()
end

---Gives the loop that this program runs in a turn, where there is one, and one may wait here: not
---in every phase of nginx, nor in a function that C calls (string.gsub).
function M.turn()
  if M.users_loop and not M.is_nginx then
    M.users_loop.give_turn()
  elseif M.is_nginx and M.may_wait() and core.may_yield() then
    local mine = max(next_turn, core.clock()) + TURN_MS + lateness
    next_turn = mine
    M.sleep(mine)
    lateness = min(LATE_MS, max(0, core.clock() - mine - TURN_MS))
  end
end

local Work = {}
Work.__index = Work

---Work that takes long by itself, and gives the loop a turn from time to time. How much is done
---between two turns is counted in octets.
---@return table? work { done(self, octets), renew(self) }; nil where there is no loop to be kept
---  waiting
function M.work()
  return M.has_loop() and setmetatable({ left = SLICE }, Work) or nil
end

---There was a turn just now, as something was waited for.
function Work:renew()
  self.left = SLICE
end

---@param octets integer worked on since the last call
function Work:done(octets)
  self.left = self.left - octets
  if self.left <= 0 then
    self.left = SLICE
    M.turn()
  end
end

-- What only nginx can.
if M.is_nginx then
  for name, f in pairs(require "ettsumailer.nginx") do
    M[name] = f
  end
end

return M
