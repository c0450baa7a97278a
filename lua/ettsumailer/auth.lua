-- The login over a connection: which mechanism, and one exchange of challenges after the other.
-- Why: a password goes out only where it is safe, and only in a form that the server asked for.
-- Not: what a mechanism answers; the core does that, and keeps the secrets.

local core = require "ettsumailer.core"
local drive = require "ettsumailer.drive"
local errors = require "ettsumailer.errors"
local options = require "ettsumailer.options"

local error, ipairs = error, ipairs

local M = {}

local LOGIN = { user = "string", password = "string", mechanism = "string" }

-- The mechanisms to try, in the order they are known here: the one asked for, or all offered.
local function mechanisms_of(conn, wanted)
  local offered = " " .. (conn.session:offers "AUTH" or ""):upper() .. " "
  local list = {}
  for _, name in ipairs(core.sasl_mechanisms()) do
    if offered:find(" " .. name .. " ", 1, true) and (not wanted or wanted:upper() == name) then
      list[#list + 1] = name
    end
  end
  return list
end

-- One exchange, challenge by challenge.
local function exchange(conn, mechanism, user, password)
  local ok, code, text = conn.session:auth(mechanism, user, password)
  if not ok then
    return nil, errors.new { code = code, stage = "AUTH", text = text }
  end
  local reply, event = drive.await(conn)
  while reply and event.kind == "CHALLENGE" do
    if not ok then
      return drive.fail(conn, "PROTOCOL", "the server goes on asking after the login was given up")
    end
    ok, code, text = conn.session:auth_step(event.text)
    reply, event = drive.await(conn)
  end
  if not ok and code then
    return nil, errors.new { code = code, stage = "AUTH", text = text }
  end
  return reply, event
end

-- Refusals that another mechanism may mend: not known, too weak (RFC 4954 4, 6).
local NEXT_MECHANISM = { [504] = true, [534] = true }

local function try_each(conn, mechanisms, user, password)
  local reply, err
  for _, mechanism in ipairs(mechanisms) do
    reply, err = exchange(conn, mechanism, user, password)
    if reply or not NEXT_MECHANISM[err.smtp_code] then
      break
    end
  end
  return reply, err
end

-- Why there can be no login here and now: a code and a sentence, or nothing.
local function login_obstacle(conn, mechanisms)
  if not conn.session:tls() and not conn.settings.allow_plaintext_auth then
    return "TLS", "the connection is not encrypted: no password is sent over it"
  elseif not conn.session:offers "AUTH" then
    return "AUTH", "the server does not offer AUTH here"
  elseif #mechanisms == 0 then
    return "AUTH", "no mechanism fits; the server offers " .. conn.session:offers "AUTH"
  end
end

---Completes and checks the arguments of a login; misuse is raised.
---@param conn ettsumailer.connection
---@param login table?
---@param level integer as of `error`
---@return table given user, password, mechanism
function M.check(conn, login, level)
  options.check("auth", login or {}, LOGIN, level + 1)
  local configured = { user = conn.settings.user, password = conn.settings.password }
  -- Another user never goes with the configured password.
  local given = options.merge(not (login and login.user) and configured or {}, login)
  if not given.user or not given.password then
    error("auth: user and password are needed", level + 1)
  end
  return given
end

---Logs in.
---@param conn ettsumailer.connection past EHLO
---@param given table                 as of M.check
---@return table? reply
---@return ettsumailer.error?
function M.run(conn, given)
  local mechanisms = mechanisms_of(conn, given.mechanism)
  local code, text = login_obstacle(conn, mechanisms)
  if code then
    return nil, errors.new {
      code = code, stage = "AUTH", text = text, transcript = conn:transcript(),
    }
  end
  return try_each(conn, mechanisms, given.user, given.password)
end

return M
