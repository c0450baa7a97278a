-- The connections of one mailer to its server: opened when needed, kept while they may be used.
-- Why: an open connection saves every round trip of a setup; a dead one must never cost a mail.
-- Not: who may have one, and the wait for it (pool_room.lua); what is sent over them (delivery.lua,
--  transaction.lua), nor their setup (handshake.lua).

local cap_of = require "ettsumailer.smtp.cap"
local core = require "ettsumailer.core"
local handshake = require "ettsumailer.smtp.handshake"
local options = require "ettsumailer.options"
local room = require "ettsumailer.smtp.pool_room"
local world = require "ettsumailer.world"

local ipairs, min, next, select, setmetatable = ipairs, math.min, next, select, setmetatable
local remove = table.remove

local M = {}

---The options of a pool, beyond those of a server.
--- connections              at a time; 4 where absent. When the server says "too many" (421, 432,
---                          454 4.7.x before a login has succeeded), half of those there are; one
---                          more again after each ten seconds without it
--- messages_per_connection  then another one is opened; 100 where absent
--- idle                     seconds that one is kept unused; 30 where absent
--- max_age                  seconds that one is used at most; 300 where absent
M.OPTIONS = {
  connections = "integer", messages_per_connection = "integer", idle = "seconds",
  max_age = "seconds",
}

local DEFAULTS = { connections = 4, messages_per_connection = 100, idle = 30, max_age = 300 }

-- How long the first reply on a reused connection is awaited before a new one takes its place.
local REUSE_SECONDS = 10

---@class ettsumailer.pool
local Pool = {}
Pool.__index = Pool

---Makes a pool. Nothing is opened yet.
---@param settings table as of settings.server, with the options of a pool
---@param clock ettsumailer.clock  by which a server's complaint of too many is forgotten
---@return ettsumailer.pool
function M.new(settings, clock)
  settings = options.merge(DEFAULTS, settings)
  return setmetatable({
    settings = settings, cap = cap_of.new(settings.connections, clock),
    idle = {}, in_use = {}, count = 0, cancels = 0,
    reuse_timeouts = options.merge(settings.timeouts, {
      command = min(REUSE_SECONDS, settings.timeouts.command),
    }),
  }, Pool)
end

-- Nothing has come behind the last reply, neither here already nor to the socket.
local function is_quiet(conn)
  local event, code = conn.session:next()
  return not event and not code and not (conn.io.has_news and conn.io:has_news())
end

local function is_usable(self, conn)
  local now = core.clock()
  return not conn.dead and conn.process == core.process_id()
    and conn.messages < self.settings.messages_per_connection
    and now - conn.idle_since <= self.settings.idle * 1000
    and now - conn.connected_at <= self.settings.max_age * 1000
    and (not conn.io.unpark or conn.io:unpark()) and is_quiet(conn)
end

-- Says QUIT on one that is idle, wherever its transport keeps it.
local function hang_up_idle(conn, deadline)
  conn.deadline = deadline
  if conn.io.unpark then
    conn.io:unpark()
  end
  conn:hang_up()
end

-- The idle connection used last that is worth trying; those that are not are hung up.
local function take_idle(self, deadline)
  local conn = remove(self.idle)
  while conn do
    if is_usable(self, conn) then
      conn.unproven_timeouts = self.reuse_timeouts
      return conn
    end
    hang_up_idle(conn, deadline) -- of the send that waits for it
    conn = remove(self.idle)
  end
end

-- After a failure to get one: where the server has complained of too many, what is idle beyond the
-- number that is allowed now goes first.
local function note_failure(self, err, deadline)
  if not self.cap:note(err, self.count + #self.idle) then
    return
  end
  while #self.idle > 0 and self.count - 1 + #self.idle > self.cap:allowed() do
    hang_up_idle(remove(self.idle), deadline)
  end
end

local function open_new(self, owner)
  local started = core.clock()
  room.hold(self, owner, owner)
  local conn, err = handshake.open(self.settings, owner, self.lock_step)
  if conn then
    room.hold(self, conn, owner) -- from here on cancel reaches it
  else
    note_failure(self, err, owner.deadline)
  end
  room.let_go(self, owner)
  owner.opening, owner.cancelled = nil, nil
  room.give_place(owner)
  if not conn then
    return nil, err
  end
  local ok
  ok, err = handshake.prepare(conn)
  if not ok then
    note_failure(self, err, owner.deadline)
    room.let_go(self, conn)
    return nil, err
  end
  conn.setup_seconds = (core.clock() - started) / 1000
  return conn
end

-- An idle connection; or nil: the owner may open one; or nil, err.
local function find_idle(self, owner, must_be_new)
  room.hold(self, owner, owner) -- to look at an idle one may take a while
  local function look()
    return not must_be_new and take_idle(self, owner.deadline) or nil
  end
  local conn, err = look(), nil
  if not conn then
    conn, err = room.wait_for_place(self, owner, look)
  end
  room.let_go(self, owner)
  return conn, err
end

---A connection that is ready for mail: an idle one, else a new one.
---@param owner table         whose it is until release or abandon; its deadline (ms on core.clock's
---  scale) is that of opening
---@param must_be_new boolean? an idle one will not do
---@return ettsumailer.connection?
---@return ettsumailer.error?
function Pool:acquire(owner, must_be_new)
  local is_free = not room.is_full(self) or room.wait_for_free(self, owner)
  if self.closed or not is_free then
    return room.refuse(self)
  end
  local conn, err = find_idle(self, owner, must_be_new)
  if conn then
    room.hold(self, conn, owner)
    conn.cancelled, owner.cancelled = owner.cancelled or false, nil
    return conn
  elseif err or self.closed then
    room.give_place(owner)
    return nil, err or select(2, room.refuse(self))
  end
  return open_new(self, owner)
end

---Whether a connection is to be hung up behind its message: another worker waits for its place.
---@param conn ettsumailer.connection
---@param is_idle boolean? nobody here waits for it
---@return boolean
function Pool:must_give_way(conn, is_idle)
  return conn.place and self.places:want(conn, is_idle or false)
end

---Looks after the places that this worker has: those of requests that nginx has ended are free.
---@param is_wanted boolean  what has been idle longest is hung up
---@return boolean has_hung_up
function Pool:tend(is_wanted)
  room.reclaim(self)
  local conn = is_wanted and remove(self.idle, 1) or nil
  if conn and world.is_ending() then
    conn:close() -- nginx has closed what was parked
  elseif conn then
    hang_up_idle(conn)
  end
  return conn ~= nil
end

---Gives back what acquire gave: kept, or hung up.
---@param conn ettsumailer.connection
function Pool:release(conn)
  room.let_go(self, conn)
  local is_used_up = conn.messages >= self.settings.messages_per_connection
  if self.closed or conn.dead or conn.quitting or is_used_up
    or self.count + #self.idle >= self.cap:allowed()
    or self:must_give_way(conn, self.count == 0) then
    conn:hang_up()
    return
  end
  conn.idle_since, conn.deadline, conn.cancelled = core.clock(), false, false
  if conn.io.park and not conn.io:park(self.settings.idle * 1000) then
    conn:close()
    return
  end
  self.idle[#self.idle + 1] = conn
end

---Closes what an owner still has: a function of the user's has raised in the middle of its work.
---@param owner table
function Pool:abandon(owner)
  local left = {}
  for key, whose in next, self.in_use do
    left[#left + 1] = whose == owner and key or nil
  end
  for _, key in ipairs(left) do
    room.let_go(self, key)
    room.give_place(owner)
    local conn = key ~= owner and key or owner.opening
    if conn then
      conn:close()
    end
  end
end

---Whether another connection may carry the message that this one failed to carry. Nothing of its
---content was sent then, so that this is no retry.
---@param conn ettsumailer.connection
---@param err ettsumailer.error
---@return boolean
function Pool:may_replace(conn, err)
  if err.delivery ~= "not_sent" or not conn.dead or conn.cancelled then
    return false
  elseif conn.is_flight_unanswered then
    self.lock_step = true -- it only claims PIPELINING
    return true
  end
  local has_left = err.code == "CLOSED" or err.code == "TIMEOUT" or err.smtp_code == 421
  return conn.unproven_timeouts and (has_left or err.stage == "RSET") or false
end

---Ends every dialogue that is under way, in another coroutine or further out in the calls: each is
---CANCELLED at its next step, and waits for no reply any more where its transport can end a wait.
function Pool:cancel()
  self.cancels = self.cancels + 1
  local waiting = {}
  for key in next, self.in_use do
    key.cancelled = true
    local conn = key.io and key or key.opening
    if conn then
      conn.cancelled = true
      waiting[#waiting + 1] = conn.io.interrupt and conn.io or nil
    end
  end
  for _, io in ipairs(waiting) do
    io:interrupt()
  end
end

---Says QUIT on what is idle. What is in use ends with its message.
function Pool:close()
  self.closed = true
  local conn = remove(self.idle)
  while conn do
    hang_up_idle(conn)
    conn = remove(self.idle)
  end
  room.close_context(self)
end

return M
