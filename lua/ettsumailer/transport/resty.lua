-- nginx's I/O world: cosockets, which wait in the event loop while the worker serves others.
-- Why: a handler sends mail and blocks nobody; TLS is the core's own, so no directive is needed.
-- Not: SMTP or TLS; the session does both.
--
-- A cosocket ends with its request. So each connection has a cosocket pool of its own: parked, it
-- waits there as nginx's, and the session waits beside it for the next request (unpark).

local core = require "ettsumailer.core"

local ngx = ngx
local min, pcall, setmetatable, tostring = math.min, pcall, setmetatable, tostring

local M = {}

local LONGEST_MS = 0x7fffffff -- a cosocket's timeout has 31 bits
local ATTEMPTS = 3            -- a cosocket takes one of a host's addresses: the next may be another
local UNPARK_MS = 1000

local Resty = {}
Resty.__index = Resty
Resty.__name = "ettsumailer.transport.resty"

-- Milliseconds until the deadline; nil when it is over.
local function left_until(deadline)
  local left = deadline and deadline - core.clock() or LONGEST_MS
  return left >= 1 and min(left, LONGEST_MS) or nil
end

local PHASES = "a request's handlers (rewrite, access, content) and timers (ngx.timer.at) can send"

-- A cosocket; or nil, code, text where this phase of nginx has none.
local function new_socket()
  local ok, socket = pcall(ngx.socket.tcp)
  if ok then
    return socket
  end
  return nil, "PHASE", ("nginx gives no sockets in the phase %s: %s"):format(
    tostring(ngx.get_phase()), PHASES)
end

local CODES = { timeout = "TIMEOUT", closed = "CLOSED" }

-- What is another table in each request and timer.
local function request_of_now()
  local ok, context = pcall(function() return ngx.ctx end)
  return ok and context or nil
end

local function failure(self, err)
  if err == "bad request" or self.request ~= request_of_now() then
    return "STATE", "this connection belongs to another request of nginx, and ended with it"
  end
  return CODES[err] or "CLOSED", err
end

local function place_of(to)
  if to.unix_socket then
    return "unix:" .. to.unix_socket, nil
  end
  local is_ipv6 = to.host:find(":", 1, true)
  return is_ipv6 and "[" .. to.host .. "]" or to.host, to.port
end

-- One attempt to connect into the connection's own pool of one.
local function dial(self, deadline)
  local socket, code, text = new_socket()
  local left = left_until(deadline)
  if not socket then
    return nil, code, text
  elseif not left then
    return nil, "TIMEOUT", "no answer in time"
  end
  local options = { pool = self.pool, pool_size = 1 }
  socket:settimeout(left)
  local ok, err
  if self.port then
    ok, err = socket:connect(self.host, self.port, options)
  else
    ok, err = socket:connect(self.host, options)
  end
  if not ok then
    return nil, err == "timeout" and "TIMEOUT" or "CONNECT", err
  end
  return socket
end

local next_pool = 0

-- Each connection's pool has a name that no other has in this worker.
local function pool_name()
  next_pool = next_pool + 1
  return ("ettsumailer:%d:%d"):format(core.process_id(), next_pool)
end

-- What nginx's resolver says when the name itself is the problem.
local function is_of_dns(text)
  return text:find("could not be resolved", 1, true) or text:find("no resolver", 1, true)
end

---Connects. nginx resolves the name by its directive `resolver` and takes one of the addresses;
---another attempt may get another one.
---@param to table { host, port } or { unix_socket }
---@param deadline number? ms on core.clock's scale
---@return table? connection with read, write, close, park, unpark, has_news, local_address
---@return string? code
---@return string? text
---@return boolean? may_pass
function M.connect(to, deadline)
  local self = setmetatable({ pool = pool_name() }, Resty)
  self.host, self.port = place_of(to)
  local code, text
  for _ = 1, ATTEMPTS do
    self.socket, code, text = dial(self, deadline)
    if self.socket or code ~= "CONNECT" then
      break
    end
  end
  self.request = request_of_now()
  if self.socket then
    return self
  elseif code ~= "PHASE" then
    text = ("%s%s: %s"):format(self.host, self.port and " port " .. self.port or "", text)
    code = is_of_dns(text) and "DNS" or code
  end
  return nil, code, text, code == "DNS"
end

---@param max integer
---@param deadline number?
---@return string? bytes
---@return string? code  DONE at the end
---@return string? text
function Resty:read(max, deadline)
  local left = left_until(deadline)
  if not self.socket then
    return nil, "CLOSED", "the connection is closed"
  elseif not left then
    return nil, "TIMEOUT", "the time is over"
  end
  self.socket:settimeout(left)
  local bytes, err = self.socket:receiveany(max)
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
  self.socket:settimeout(left)
  local n, err = self.socket:send(bytes)
  if n then
    return n
  end
  return nil, failure(self, err)
end

---Hands the socket to nginx for the time between two requests.
---@param milliseconds number how long nginx keeps it at most
---@return boolean is_parked  false: it is closed
function Resty:park(milliseconds)
  local ok = self.socket and self.socket:setkeepalive(min(milliseconds, LONGEST_MS), 1)
  self.socket, self.is_parked = nil, ok and true or false
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
  local socket = dial(self, core.clock() + UNPARK_MS)
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

---The address of this side is not told of cosockets: that of the request's server, where there is
---one. (Names are asked for where there is no request, too, and there nginx raises.)
function Resty:local_address() -- luacheck: no self
  local ok, address = pcall(function() return ngx.var.server_addr end)
  return ok and address and address ~= "" and address or nil
end

function Resty:close()
  if self.socket then
    self.socket:close()
    self.socket = nil
  end
end

return M
