-- From a server's name to a connection that is ready for mail: TCP, TLS, greeting, EHLO, login.
-- Why: what a mail needs before its first command, in the one order that is safe.
-- Not: the commands themselves (connection.lua), nor what the options mean (settings.lua).

local connection = require "ettsumailer.smtp.connection"
local core = require "ettsumailer.core"
local drive = require "ettsumailer.smtp.drive"
local errors = require "ettsumailer.errors"
local lazy = require "ettsumailer.lazy"
local settings_of = require "ettsumailer.settings"
local tls_probe = require "ettsumailer.smtp.tls_probe"
local world = require "ettsumailer.world"

local by_hand = lazy.of "ettsumailer.smtp.by_hand"

local native = world.transport()

local M = {}

local function dial(settings, deadline)
  local limit = core.clock() + settings.timeouts.connect * 1000
  if deadline and deadline < limit then
    limit = deadline
  end
  local connect = settings.transport.connect or native.connect
  local io, code, text, may_pass = connect(settings, limit)
  if not io then
    return nil, errors.new { code = code, stage = "connect", text = text, temporary = may_pass }
  end
  return io
end

local function greeting(conn)
  if conn.settings.security == "implicit" then
    local ok, err = connection.start_tls(conn)
    if not ok then
      return nil, err
    end
  elseif tls_probe.waits_for_tls(conn, dial) then
    return drive.fail(conn, "TLS_MODE", tls_probe.SENTENCE)
  end
  return drive.await(conn)
end

---Connects and reads the greeting (after the handshake, with implicit TLS).
---@param settings table     as of settings.server
---@param owner table        { deadline = ms on core.clock's scale, for all that follows }; its
---  `opening` is the connection from now on, which has its `place`; its `cancelled`, set meanwhile,
---  ends it
---@param lock_step boolean? one command a flight, whatever is offered
---@return ettsumailer.connection?
---@return ettsumailer.error?
function M.open(settings, owner, lock_step)
  local io, err = dial(settings, owner.deadline)
  if not io then
    return nil, err
  end
  local session, code, text = core.session { without = settings.without, lock_step = lock_step }
  if not session then
    io:close()
    return errors.refuse(code, text)
  end
  local conn = connection.new(session, io, settings, owner.deadline)
  conn.cancelled, owner.opening = owner.cancelled or false, conn
  conn.place, owner.place = owner.place or false, nil
  conn.greeting, err = greeting(conn)
  if not conn.greeting then
    conn:hang_up()
    return nil, err
  end
  return conn
end

---Opens a connection to be commanded by hand.
---@param given table    options of a server: see ettsumailer.connect
---@param level integer? as of `error`
---@return ettsumailer.connection?
---@return ettsumailer.error?
function M.connect(given, level)
  local settings, err = settings_of.server("connect", given, settings_of.SERVER, (level or 1) + 1)
  if not settings then
    return nil, err
  end
  local conn
  conn, err = M.open(settings, {
    deadline = settings.timeout and core.clock() + settings.timeout * 1000,
  })
  return conn and by_hand.take(conn), err
end

-- EHLO, or HELO where the server does not know EHLO (RFC 5321 3.2).
local function hello(conn)
  local reply, err = conn:ehlo()
  local is_unknown = not reply and (err.smtp_code == 500 or err.smtp_code == 502)
  if not is_unknown or conn.settings.security == "starttls" then
    return reply, err
  end
  return conn:helo()
end

local function refuse(conn, code, stage, text)
  return nil, errors.new {
    code = code, stage = stage, text = text, transcript = conn:transcript(),
  }
end

-- TLS by STARTTLS as security asks; offered and failed is an error, never a return to clear text.
local function secure(conn)
  local security = conn.settings.security
  local offered = conn.session:offers "STARTTLS"
  if security == "starttls" and not offered then
    return refuse(conn, "TLS", "STARTTLS", "the server does not offer STARTTLS")
  elseif not offered or security == "none" or security == "implicit" then
    return true
  end
  local ok, err = conn:starttls()
  if not ok then
    return nil, err
  end
  return conn:ehlo()
end

local function login(conn)
  if not conn.settings.wants_login then
    return true
  end
  return conn:auth()
end

---Everything between the greeting and the first mail: EHLO or HELO, STARTTLS, AUTH.
---@param conn ettsumailer.connection hung up when this fails
---@return true?
---@return ettsumailer.error?
function M.prepare(conn)
  local ok, err = hello(conn)
  if ok then
    ok, err = secure(conn)
  end
  if ok then
    ok, err = login(conn)
  end
  if not ok then
    conn:hang_up()
    return nil, err
  end
  return true
end

return M
