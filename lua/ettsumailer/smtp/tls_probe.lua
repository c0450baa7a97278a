-- Whether a server that does not greet waits for TLS: asked on a connection of its own.
-- Why: a plain client on a TLS port would sit out the whole wait for the greeting, five minutes,
-- and learn nothing. A server may as well be slow to greet: the first connection goes on waiting.
-- Not: the handshake of a connection that is used (connection.lua).

local core = require "ettsumailer.core"

local min, huge = math.min, math.huge

local M = {}

M.SENTENCE = "the server waits for a TLS handshake where its greeting was due"

local SILENCE_MS = 1000 -- a server that has not greeted by then is asked
local ANSWER_MS = 2000
local ALERT, HANDSHAKE = 21, 22 -- the first octet of a record (RFC 8446 5.1)

-- Port 25 is never TLS's, and servers there punish who speaks before the greeting.
local PLAIN_PORT = 25

-- Whether there is time to ask, and a use in it.
local function may_ask(conn)
  local settings = conn.settings
  local left = min((conn.deadline or huge) - core.clock(), settings.timeouts.greeting * 1000)
  return conn.io.wait_news and settings.port ~= PLAIN_PORT and not settings.greets_late
    and left > SILENCE_MS
end

local function within(conn, milliseconds)
  return min(conn.deadline or huge, core.clock() + milliseconds)
end

-- The first flight of a client that only wants to see whether it is answered.
local function hello(name)
  local context = core.tls_context { insecure_skip_verify = true }
  local engine = context and core.tls(context, name)
  if not engine then
    return nil
  end
  engine:handshake()
  local bytes = engine:peek()
  engine:close()
  context:close()
  return bytes
end

-- The first octet of the answer to a ClientHello, or nil.
local function answer(conn, dial)
  local settings = conn.settings
  local bytes = hello(settings.tls_name or settings.host or "")
  local io = bytes and dial(settings, within(conn, ANSWER_MS))
  if not io then
    return nil
  end
  local first = io:write(bytes, within(conn, ANSWER_MS)) and io:read(1, within(conn, ANSWER_MS))
  io:close()
  return first and first:byte()
end

---Waits a moment for the greeting; where none comes, finds out whether TLS is wanted. The server of
---a mailer is asked once.
---@param conn table  settings, io, deadline
---@param dial fun(settings: table, deadline: number?): table?  a new connection of the transport
---@return boolean
function M.waits_for_tls(conn, dial)
  if not may_ask(conn) or conn.io:wait_news(within(conn, SILENCE_MS)) then
    return false
  end
  local first = answer(conn, dial)
  conn.settings.greets_late = first ~= ALERT and first ~= HANDSHAKE
  return not conn.settings.greets_late
end

return M
