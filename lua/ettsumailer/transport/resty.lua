-- nginx's I/O world: cosockets, which wait in the event loop while the worker serves others.
-- Why: a handler sends mail and blocks nobody; TLS is the core's own, so no directive is needed.
-- Not: SMTP or TLS; the session does both.
--
-- A cosocket ends with its request. So each connection has a cosocket pool of its own: parked, it
-- waits there as nginx's, and the session waits beside it for the next request (unpark).

local core = require "ettsumailer.core"
local cosocket = require "ettsumailer.transport.cosocket"
local light_thread = require "ettsumailer.transport.light_thread"
local semaphore = require "ngx.semaphore"

local ngx = ngx
local ipairs, pcall, setmetatable, tostring = ipairs, pcall, setmetatable, tostring
local min = math.min

local M = {}

local LONGEST_MS = cosocket.LONGEST_MS
local QUICK_MS = 1000         -- for what waits for nothing
local READ_MAX, WRITE_MAX = 8192, 65536

-- So much more than the server has answered fits into any socket's buffers: no write of it waits.
local SMALL = 4096

-- For a write that nobody waits for; the connection is closed long before.
local UNWATCHED_MS = 600000

local Resty = {}
Resty.__index = Resty
Resty.__name = "ettsumailer.transport.resty"

local left_until = cosocket.left_until

local CODES = { timeout = "TIMEOUT", closed = "CLOSED" }

local function context_of_now()
  return ngx.ctx
end

-- What is another table in each request and timer.
local function request_of_now()
  local ok, context = pcall(context_of_now)
  return ok and context or nil
end

local function failure(self, err)
  if tostring(err):find("bad request", 1, true) or self.request ~= request_of_now() then
    return "STATE", "this connection belongs to another request of nginx, which alone may use it"
  end
  return CODES[err] or "CLOSED", err
end

-- What nginx raises is an error, too: a socket is another request's.
local function call(method, ...)
  local ok, result, err = pcall(method, ...)
  if ok then
    return result, err
  end
  return nil, result
end

---Connects. nginx resolves the name by its directive `resolver` and takes one of the addresses, by
---chance; another attempt may get another one.
---@param to table { host, port } or { unix_socket }
---@param deadline number? ms on core.clock's scale
---@return table? connection with exchange, read, write, close, park, unpark, has_news, is_lost,
---  local_address
---@return string? code
---@return string? text
---@return boolean? may_pass
function M.connect(to, deadline)
  local place = cosocket.place(to)
  local socket, code, text, may_pass = cosocket.connect(place, deadline)
  if not socket then
    return nil, code, text, may_pass
  end
  return setmetatable({
    place = place, socket = socket, request = request_of_now(), unanswered = 0,
  }, Resty)
end

local function closed()
  return nil, "CLOSED", "the connection is closed"
end

-- Takes in what has come, as far as there is room. Returns true; or nil, code, text.
local function take_in(self, session, bytes, err)
  if bytes then
    local room = session:room()
    self.unanswered = 0
    self.rest = #bytes > room and bytes:sub(room + 1) or nil
    return session:feed(self.rest and bytes:sub(1, room) or bytes)
  elseif err == "closed" and self.request == request_of_now() then
    return session:feed_eof()
  end
  return nil, failure(self, err)
end

local function receive(self, most, milliseconds)
  self.socket:settimeout(milliseconds)
  return call(self.socket.receiveany, self.socket, most)
end

local function send(self, bytes, milliseconds)
  self.socket:settimeout(milliseconds)
  return call(self.socket.send, self.socket, bytes)
end

local function is_pending(thread)
  return thread ~= nil and thread.is_pending
end

-- What the reading thread has come to, if it has: true; nil, code, text; or nothing.
local function take_read(self, session)
  local reader = self.reader
  if is_pending(reader) then
    return nil
  elseif self.rest then
    return take_in(self, session, self.rest)
  elseif not reader then
    return nil
  end
  self.reader = nil
  local bytes, err = reader.results[2], reader.results[3]
  if err == "timeout" then
    return nil -- its own time is over, not that of whoever waits now
  end
  return take_in(self, session, bytes, err)
end

-- What the writing thread has come to, if it has: true; nil, code, text; or nothing.
local function take_written(self)
  local writer = self.writer
  if not writer or writer.is_pending then
    return nil
  end
  self.writer = nil
  local n, err = writer.results[2], writer.results[3]
  if n then
    return true
  end
  return nil, failure(self, err)
end

-- Waits for either thread, and has one read where that may. A server that answers before it reads
-- on takes nothing until its answers are taken.
local function await(self, session, read, deadline)
  while self.socket do
    local ok, code, text = take_read(self, session)
    if not (ok or code) then
      ok, code, text = take_written(self)
    end
    local left = left_until(deadline)
    if ok or code then
      return ok, code, text
    elseif not left then
      return nil, "TIMEOUT", "the time is over"
    elseif read and not self.reader and session:room() > 0 then
      local most = min(session:room(), READ_MAX)
      self.reader = light_thread.start(self.news, receive, self, most, left)
    else
      self.news:wait(left / 1000)
    end
  end
  return closed()
end

-- Without threads: what waits for nothing, and a read that nothing is written beside.
local function write_small(self, session, bytes, deadline)
  self.unanswered = self.unanswered + #bytes
  local n, err = send(self, bytes, left_until(deadline) or QUICK_MS)
  session:skip(#bytes)
  if n then
    return true
  end
  return nil, failure(self, err)
end

local function read_alone(self, session, deadline)
  local left = left_until(deadline)
  if not left then
    return nil, "TIMEOUT", "the time is over"
  end
  return take_in(self, session, receive(self, min(session:room(), READ_MAX), left))
end

-- All of the bytes count as sent before anybody asks what has become of them.
local function begin_write(self, session, bytes, deadline)
  self.news = self.news or semaphore.new(0)
  self.unanswered = self.unanswered + #bytes
  self.writer = light_thread.start(self.news, send, self, bytes,
    left_until(deadline) or UNWATCHED_MS)
  session:skip(#bytes)
end

---Moves bytes between the socket and a session, in both directions at a time where writing waits.
---@param session userdata
---@param read boolean   false: what can be written without waiting is, and nothing is awaited
---@param write boolean
---@param deadline number?
---@return true?  when something was moved
---@return string? code TIMEOUT, CLOSED
---@return string? text
function Resty:exchange(session, read, write, deadline)
  if not self.socket then
    return closed()
  elseif write and not is_pending(self.writer) then
    local bytes = session:peek(WRITE_MAX)
    if not self.reader and self.unanswered + #bytes <= SMALL then
      return write_small(self, session, bytes, deadline)
    end
    begin_write(self, session, bytes, deadline)
  elseif not (self.writer or self.reader or self.rest) then
    return read_alone(self, session, deadline)
  end
  return await(self, session, read, deadline)
end

---@param max_octets integer
---@param deadline number?
---@return string? bytes
---@return string? code  DONE at the end
---@return string? text
function Resty:read(max_octets, deadline)
  local left = left_until(deadline)
  if not self.socket then
    return closed()
  elseif not left then
    return nil, "TIMEOUT", "the time is over"
  end
  local bytes, err = receive(self, max_octets, left)
  if bytes then
    return bytes
  elseif err == "closed" and self.request == request_of_now() then
    return nil, "DONE"
  end
  return nil, failure(self, err)
end

---How much of a failed write left is not known.
---@param bytes string
---@param deadline number?
---@return integer? n  all of it
---@return string? code
---@return string? text
function Resty:write(bytes, deadline)
  local left = left_until(deadline)
  if not self.socket then
    return nil, "CLOSED", "the connection is closed", 0
  elseif not left then
    return nil, "TIMEOUT", "the time is over", 0
  end
  local n, err = send(self, bytes, left)
  if n then
    return n
  end
  return nil, failure(self, err)
end

---Hands the socket to nginx for the time between two requests.
---@param milliseconds number how long nginx keeps it at most
---@return boolean is_parked  false: it is closed
function Resty:park(milliseconds)
  if not self.socket or is_pending(self.reader) or is_pending(self.writer) then
    return false
  end
  local ok = call(self.socket.setkeepalive, self.socket, min(milliseconds, LONGEST_MS), 1)
  self.socket, self.unanswered, self.is_parked = nil, 0, ok and true or false
  return self.is_parked
end

---Takes it back into this request.
---@return boolean is_the_same  false: it was not parked, nginx has closed it
---  meanwhile, or something came on it
function Resty:unpark()
  if not self.is_parked then
    return false
  end
  self.is_parked = false
  local socket = cosocket.dial(self.place, core.clock() + QUICK_MS)
  if socket and (socket:getreusedtimes() or 0) > 0 then
    self.socket, self.request = socket, request_of_now()
    return true
  elseif socket then
    socket:close()
  end
  return false
end

---nginx itself closes a parked connection on which something comes.
function Resty:has_news() -- luacheck: no self
  return false
end

---Whether nginx has closed it, as it does at the end of a request whose client has gone: then
---whoever used it never comes back.
function Resty:is_lost()
  return self.socket ~= nil and self.socket:getreusedtimes() == nil
end

local function server_address()
  return ngx.var.server_addr
end

---The address of this side is not told of cosockets: that of the request's server, where there is
---one. (Names are asked for where there is no request, too, and there nginx raises.)
---@return string? ip
function Resty:local_address() -- luacheck: no self
  local ok, address = pcall(server_address)
  return ok and address and address:find "^[%x.:]+$" and address or nil -- no Unix socket's
end

function Resty:close()
  local socket = self.socket
  self.socket = nil
  if is_pending(self.reader) or is_pending(self.writer) then
    for _, name in ipairs { "reader", "writer" } do
      if is_pending(self[name]) then
        self[name]:finish()
      end
    end
    self.news:post(1)
  elseif socket then
    call(socket.close, socket)
  end
end

return M
