-- What a connection is to the drive loop and to a pool: session, transport, time, and its end.
-- Why: the state that one dialogue leaves for the next is in one place.
-- Not: the commands (connection.lua), nor when a connection is used again (pool.lua).

local core = require "ettsumailer.core"
local drive = require "ettsumailer.smtp.drive"
local options = require "ettsumailer.options"
local world = require "ettsumailer.world"

local min, setmetatable = math.min, setmetatable

local M = {}

---@class ettsumailer.link
local Link = {}
Link.__index = Link
Link.__name = "ettsumailer.connection"

---The class: connection.lua adds the commands to it.
M.class = Link

-- How long each reply in a flight of several commands is awaited (seconds).
local FLIGHT_SECONDS = 30

---Makes the connection around a transport's.
---@param session userdata  of the core
---@param io table          as of transport/
---@param settings table    as of settings.server
---@param deadline number?  ms on core.clock's scale, of what is done first
---@return ettsumailer.connection
function M.new(session, io, settings, deadline)
  if settings.on_protocol then
    session:watch(true)
  end
  local timeouts = settings.timeouts
  return setmetatable({ -- what is asked for each message is there from the beginning
    session = session, io = io, now = io.now or false, settings = settings, timeouts = timeouts,
    on_protocol = settings.on_protocol or false, deadline = deadline or false,
    connected_at = core.clock(), process = core.process_id(), messages = 0, since = 0,
    dead = false, dirty = false, early = false, quitting = false, cancelled = false,
    setup_seconds = false,
    work = world.work() or false, place = false,
    -- Until its first reply a reused connection has less time; then each flight has.
    unproven_timeouts = false, is_in_flight = false,
    flight_timeouts = options.merge(timeouts, {
      command = min(FLIGHT_SECONDS, timeouts.command), data = min(FLIGHT_SECONDS, timeouts.data),
    }),
  }, Link)
end

---A reply to a flight did not come in time. It tells something of the server only where all of the
---time for a flight was given, to a connection that had answered before.
---@param stage string
function Link:note_unanswered_flight(stage)
  local limit = stage == "DATA" and "data" or "command"
  local is_cut_short = self.deadline and core.clock() >= self.deadline
  self.is_flight_unanswered = not self.unproven_timeouts and not is_cut_short
    and self.flight_timeouts[limit] < self.settings.timeouts[limit]
end

-- TLS's own end, as far as it goes out without waiting.
function Link:say_goodbye()
  self.session:tls_close()
  if self.io.exchange and self.session:peek(1) ~= "" then
    self.io:exchange(self.session, false, true, core.clock())
  end
end

-- Says QUIT when that is possible still, whatever comes back, and closes.
function Link:hang_up()
  local is_ours = self.process == core.process_id() -- after a fork the parent still speaks on it
  local may_speak = is_ours and not self.dead and not self.busy
  if may_speak and (self.quitting or self.session:command "QUIT") then
    local limit = core.clock() + self.timeouts.quit * 1000
    self.deadline = min(self.deadline or limit, limit)
    if drive.event(self) then -- else nobody is there any more, and the socket is closed
      self:say_goodbye()
    end
  end
  self:close()
end

---Closes without a word; more than once is fine.
---
---Example: `conn:close()`
function Link:close()
  self.closed = true
  self.dead = self.dead or "CLOSED"
  self.io:close()
  if self.place then
    self.place:give()
  end
end

return M
