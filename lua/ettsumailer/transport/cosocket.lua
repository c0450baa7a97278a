-- From a place to a cosocket that is connected to it, in the time that there is.
-- Why: nginx looks names up as long as it likes, and takes one of the addresses by chance.
-- Not: what is moved over it (resty.lua).

local core = require "ettsumailer.core"
local light_thread = require "ettsumailer.transport.light_thread"
local semaphore = require "ngx.semaphore"

local ngx = ngx
local ipairs, pcall, tostring = ipairs, pcall, tostring
local huge, min = math.huge, math.min

local M = {}

---A cosocket's timeout has 31 bits.
M.LONGEST_MS = 0x7fffffff

-- A name is tried so often at most, as the next attempt may get another address; and an address
-- that does not answer has this part of the time.
local ATTEMPTS, PARTS = 6, 3

---@param deadline number? ms on core.clock's scale
---@return number? milliseconds  until then; nil when it is over
function M.left_until(deadline)
  local left = deadline and deadline - core.clock() or M.LONGEST_MS
  return left >= 1 and min(left, M.LONGEST_MS) or nil
end

local left_until = M.left_until

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

local function is_address(host)
  return host:find(":", 1, true) or host:find "^%d+%.%d+%.%d+%.%d+$"
end

local next_pool = 0

---What connects to the same server as one connection, which has a cosocket pool of its own: its
---name is no other's in this worker.
---@param to table { host, port } or { unix_socket }
---@return table place
function M.place(to)
  next_pool = next_pool + 1
  local pool = ("ettsumailer:%d:%d"):format(core.process_id(), next_pool)
  if to.unix_socket then
    return { host = "unix:" .. to.unix_socket, pool = pool }
  end
  local is_ipv6 = to.host:find(":", 1, true)
  return {
    host = is_ipv6 and "[" .. to.host .. "]" or to.host, port = to.port, pool = pool,
    is_named = not is_address(to.host),
  }
end

local function join(place, socket, milliseconds)
  local options = { pool = place.pool, pool_size = 1 }
  socket:settimeout(milliseconds)
  if place.port then
    return socket:connect(place.host, place.port, options)
  end
  return socket:connect(place.host, options)
end

-- nginx looks a name up as long as its resolver_timeout says, whatever the socket's: so the wait
-- has an end of ours.
local function join_in_time(place, socket, milliseconds)
  local news = semaphore.new(0)
  local thread = light_thread.start(news, join, place, socket, milliseconds)
  local deadline = core.clock() + milliseconds
  while thread.is_pending do
    local left = left_until(deadline)
    if not left then
      thread:finish()
      return nil, "timeout"
    end
    news:wait(left / 1000)
  end
  return thread.results[2], thread.results[3]
end

---One attempt to connect, or the connection that nginx keeps in the place's pool.
---@param place table
---@param deadline number?
---@return table? cosocket
---@return string? code
---@return string? text
function M.dial(place, deadline)
  local socket, code, text = new_socket()
  local left = left_until(deadline)
  if not socket then
    return nil, code, text
  elseif not left then
    return nil, "TIMEOUT", "no answer in time"
  end
  local ok, err = (place.is_named and join_in_time or join)(place, socket, left)
  if not ok then
    return nil, err == "timeout" and "TIMEOUT" or "CONNECT", tostring(err)
  end
  return socket
end

-- What nginx says when the name is the problem, whether that may pass, and what can be done.
local NAMES = {
  { "no resolver defined", false, "nginx looks names up by its directive resolver" },
  { "could not be resolved (3:", false, "there is no host of this name; check its spelling" },
  { "could not be resolved", true },
}

-- The row of it; nil where the name is not the problem.
local function name_failure(text)
  for _, row in ipairs(NAMES) do
    if text:find(row[1], 1, true) then
      return row
    end
  end
end

local function may_be_another(code, text)
  return (code == "CONNECT" or code == "TIMEOUT") and not name_failure(text)
end

-- Attempts until one connects, or another can do no better.
local function try(place, deadline)
  deadline = deadline or huge
  local parts, left = place.is_named and PARTS or 1, place.is_named and ATTEMPTS or 1
  local share = (deadline - core.clock()) / parts
  local socket, code, text
  repeat
    socket, code, text = M.dial(place, min(deadline, core.clock() + share))
    left = left - 1
  until left == 0 or socket or not may_be_another(code, text) or core.clock() >= deadline
  return socket, code, text
end

---Connects, with as many attempts as may help.
---@param place table
---@param deadline number?
---@return table? cosocket
---@return string? code
---@return string? text
---@return boolean? may_pass of a name: whether it may be found later; nil where it is no matter
function M.connect(place, deadline)
  local socket, code, text = try(place, deadline)
  if socket or code == "PHASE" then
    return socket, code, text
  end
  text = ("%s%s: %s"):format(place.host, place.port and " port " .. place.port or "", text)
  local row = name_failure(text)
  if not row then
    return nil, code, text
  end
  return nil, "DNS", row[3] and text .. ": " .. row[3] or text, row[2]
end

return M
