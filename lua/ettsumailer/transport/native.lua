-- Plain Lua's own I/O world: non-blocking sockets of the core, waits by the scheduler's poll.
-- Why: a script needs no socket library, and no call of ours waits longer than it was told.
-- Not: SMTP or TLS; the session does both.

local core = require "ettsumailer.core"
local event_loop = require "ettsumailer.event_loop"
local scheduler = require "ettsumailer.scheduler"

local setmetatable, ipairs = setmetatable, ipairs
local concat, remove, min, huge = table.concat, table.remove, math.min, math.huge

local M = {}

local STAGGER_MS = 250 -- between the starts of two attempts (RFC 8305 5)

local wait, give_turn = scheduler.wait, scheduler.give_turn

local Native = {}
Native.__index = Native
Native.__name = "ettsumailer.transport.native"

local function resolve(host, port, deadline, loop)
  local resolver, code, text = core.resolve(host, port)
  if not resolver then
    return nil, code, text
  end
  local ready, why, detail = wait(resolver, "r", deadline, loop)
  if not ready then
    resolver:close()
    if why == "TIMEOUT" then
      return nil, "TIMEOUT", ("the name %s was not resolved in time"):format(host)
    end
    return nil, why, detail
  end
  local list, take_code, reason, may_pass = resolver:take()
  resolver:close()
  if not list then
    return nil, take_code, ("%s: %s"):format(host, reason), may_pass
  end
  return list
end

-- One race to connect: addresses are started one after the other, the first to connect wins.
local Race = {}
Race.__index = Race

function Race:start_next()
  local address = remove(self.addresses, 1)
  local socket, _, text = core.connect(address.host, self.port, self.source)
  if socket then
    self.pending[#self.pending + 1] = { socket, "w", host = address.host }
    self.next_start = core.clock() + STAGGER_MS
  else
    self:note(address.host, text)
  end
end

function Race:note(host, text)
  self.failures[#self.failures + 1] = ("%s port %d: %s"):format(host, self.port, text)
end

-- Looks at the attempts that are ready. Returns the socket that is connected, if there is one.
function Race:look()
  for i = #self.pending, 1, -1 do
    local item = self.pending[i]
    if item.ready then
      local ok, code, text = item[1]:connected()
      if ok then
        return remove(self.pending, i)[1]
      elseif code ~= "WAIT" then
        item[1]:close()
        remove(self.pending, i)
        self:note(item.host, text)
        self.next_start = 0
      end
    end
  end
end

function Race:give_up(code)
  for _, item in ipairs(self.pending) do
    self:note(item.host, "no answer in time")
  end
  return nil, code, concat(self.failures, "; ")
end

function Race:close()
  for _, item in ipairs(self.pending) do
    item[1]:close()
  end
end

-- Starts what is due: the next one when its time has come, or at once when nothing is under way.
function Race:start()
  while #self.addresses > 0 and (#self.pending == 0 or core.clock() >= self.next_start) do
    self:start_next()
  end
end

-- When poll has to be back: for the next start, or at the deadline.
function Race:wake(deadline)
  local wake = min(deadline or huge, #self.addresses > 0 and self.next_start or huge)
  return wake < huge and wake or nil
end

function Race:run(deadline)
  while true do
    self:start()
    if #self.pending == 0 then
      return self:give_up "CONNECT"
    end
    local ready, code, text = scheduler.poll(self.pending, self:wake(deadline), self.loop)
    local socket = ready and self:look()
    if socket then
      return socket
    elseif not ready and code ~= "TIMEOUT" then
      return nil, code, text
    elseif not ready and deadline and core.clock() >= deadline then
      return self:give_up "TIMEOUT"
    end
  end
end

local function race(addresses, to, deadline, loop)
  local self = setmetatable({
    addresses = addresses, port = to.port, source = to.source_address, pending = {},
    failures = {}, next_start = 0, loop = loop,
  }, Race)
  local socket, code, text = self:run(deadline)
  self:close()
  return socket, code, text
end

local function connect_path(path, deadline, loop)
  local socket, code, text = core.connect_path(path)
  if not socket then
    return nil, code, ("%s: %s"):format(path, text)
  end
  local ready, why, detail = wait(socket, "w", deadline, loop)
  if ready then
    ready, why, detail = socket:connected()
  end
  if ready then
    return socket
  end
  socket:close()
  return nil, why, ("%s: %s"):format(path, detail or "no answer in time")
end

---Connects. The host may have many addresses: they are tried as RFC 8305 says.
---@param to table { host, port, source_address } or { unix_socket }; transport = { loop } where one
---  was chosen
---@param deadline number? ms on core.clock's scale
---@return table? connection with exchange, read, write, close, local_address, has_news
---@return string? code
---@return string? text
---@return boolean? may_pass of a name that was not found: whether it may be found later
function M.connect(to, deadline)
  local socket, code, text, may_pass
  local loop = to.transport and to.transport.loop
  if to.unix_socket then
    socket, code, text = connect_path(to.unix_socket, deadline, loop)
  else
    local addresses
    addresses, code, text, may_pass = resolve(to.host, to.port, deadline, loop)
    if addresses then
      socket, code, text = race(addresses, to, deadline, loop)
    end
  end
  return socket and setmetatable({
    socket = socket, loop = loop or false, is_closed = false,
  }, Native), code, text, may_pass
end

-- Takes in what there is. Returns true when there was something (bytes or the end).
local function fill(socket, session)
  local n, code, text = socket:fill(session)
  if n or code == "DONE" then
    return true
  end
  return nil, code, text
end

-- One try, without waiting, in the direction that counts.
local function try(socket, session, write)
  if not write then
    return fill(socket, session)
  end
  local ok, code, text = socket:flush(session)
  if not ok and code ~= "WAIT" then
    -- The reason why the server hung up may lie in what it sent before.
    return fill(socket, session), code, text
  end
  return ok, code, text
end

-- Another try, when the socket is ready in some direction.
local function try_again(socket, session, write, ready)
  if write and ready ~= "w" then
    local ok, code, text = fill(socket, session)
    if ok or code ~= "WAIT" then -- else there was nothing, after all
      return ok, code, text
    end
  end
  return try(socket, session, write)
end

local function wait_and_try(self, session, wanted, write, deadline)
  local ok, code, text = nil, "WAIT", nil
  while not ok and code == "WAIT" do
    local ready, why, detail = wait(self.socket, wanted, deadline, self.loop)
    if not ready then
      return nil, why, detail
    elseif self.is_interrupted then -- whoever waits here looks around
      self.is_interrupted = nil
      return true
    end
    ok, code, text = try_again(self.socket, session, write, ready)
  end
  return ok, code, text
end

---Moves bytes between the socket and a session in both directions, without making strings of them.
---@param session userdata
---@param read boolean
---@param write boolean
---@param deadline number?
---@return true?  when something was moved
---@return string? code TIMEOUT, CLOSED
---@return string? text
function Native:exchange(session, read, write, deadline)
  local socket = self.socket
  if read then
    give_turn(self.loop)
    if self.is_closed then -- by somebody whose turn it was
      return nil, "CLOSED", "the connection was closed meanwhile"
    end
  end
  local ok, code, text = try(socket, session, write)
  if ok or code ~= "WAIT" then
    return ok, code, text
  end
  local wanted = (read and "r" or "") .. (write and "w" or "")
  return wait_and_try(self, session, wanted, write, deadline)
end

---@param max integer
---@param deadline number?
---@return string? bytes
---@return string? code DONE at the end
---@return string? text
function Native:read(max, deadline)
  while true do
    local bytes, code, text = self.socket:receive(max)
    if bytes or code ~= "WAIT" then
      return bytes, code, text
    end
    local ready, why, detail = wait(self.socket, "r", deadline, self.loop)
    if not ready then
      return nil, why, detail
    end
  end
end

---@param bytes string
---@param deadline number?
---@return integer? n how many were written: all
---@return string? code
---@return string? text
---@return integer? n_sent after a failure
function Native:write(bytes, deadline)
  local at = 1
  while at <= #bytes do
    local n, code, text = self.socket:send(bytes, at)
    if n then
      at = at + n
    else
      local ready, why, detail = nil, code, text
      if code == "WAIT" then
        ready, why, detail = wait(self.socket, "w", deadline, self.loop)
      end
      if not ready then
        return nil, why, detail, at - 1
      end
    end
  end
  return #bytes
end

---The IP address and port on this side; nil for a Unix socket.
function Native:local_address()
  return self.socket:local_address()
end

---Waits until bytes or the end wait to be read.
---@param deadline number
---@return true? news
function Native:wait_news(deadline)
  return wait(self.socket, "r", deadline, self.loop) ~= nil or nil
end

---True when bytes or the end wait to be read: an idle connection that has news is not to be used.
function Native:has_news()
  return self.socket:has_news()
end

---Ends a wait of exchange, as something else has come up.
function Native:interrupt()
  if not self.is_closed then
    self.is_interrupted = true
    event_loop.interrupt(self.socket, self.loop)
  end
end

function Native:close()
  self.is_closed = true
  event_loop.close(self.socket, self.loop)
end

return M
