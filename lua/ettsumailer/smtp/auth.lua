-- The login over a connection: one mechanism after the other, one exchange of challenges each.
-- Why: a password goes out only where it is safe, and only in a form that the server asked for.
-- Not: which mechanisms (mechanisms.lua), nor what they answer; the core does that, and keeps the
-- secrets.

local core = require "ettsumailer.core"
local drive = require "ettsumailer.smtp.drive"
local errors = require "ettsumailer.errors"
local mechanisms_of = require "ettsumailer.smtp.mechanisms"
local options = require "ettsumailer.options"
local scheduler = require "ettsumailer.scheduler"
local world = require "ettsumailer.world"

local error, ipairs, tostring, type = error, ipairs, tostring, type
local concat = table.concat

local M = {}

local LOGIN = {
  user = "string", password = "string", token = "string or function", mechanism = "string",
  mechanisms = "table",
}

local ITERATIONS = 1000 -- of SCRAM's hashing between two turns of the loop

local DETAIL_MAX = 300 -- octets of what a server tells about a token

local function problem(code, text)
  return errors.new { code = code, stage = "AUTH", text = text }
end

-- The fields of the JSON that tells why a token was refused (RFC 7628 3.2.2), or all of it.
local function words_of(json)
  local words = {}
  for _, name in ipairs { "status", "error", "error_description", "scope" } do
    local value = json:match('"' .. name .. '"%s*:%s*"([^"]*)"')
      or json:match('"' .. name .. '"%s*:%s*(%d+)')
    if value then
      words[#words + 1] = name .. " " .. value
    end
  end
  return #words > 0 and concat(words, ", ") or json
end

local function hide(text, secret)
  if secret == "" then
    return text
  end
  return (text:gsub(secret:gsub("%p", "%%%0"), "<hidden>"))
end

-- Adds what the server told in its challenge to the refusal that followed.
local function add_detail(err, challenge, token)
  local json = challenge and core.base64_decode(challenge)
  if json and json ~= "" and err.smtp_code then
    local words = hide(words_of(json), token):gsub("%c", "?"):sub(1, DETAIL_MAX)
    err.text = ("%s (%s)"):format(err.text, words)
  end
  return err
end

-- Challenge by challenge; `step` answers each: true, or nil, a code and a sentence where it could
-- not and has cancelled.
local function exchange(conn, step)
  local code, text, challenge
  local reply, event = drive.await(conn)
  while reply and event.kind == "CHALLENGE" do
    if code then
      return drive.fail(conn, "PROTOCOL", "the server goes on asking after the login was given up")
    end
    challenge = event.text
    local ok
    ok, code, text = step(challenge)
    code = not ok and code or nil
    reply, event = drive.await(conn)
  end
  if code then
    return nil, problem(code, text)
  end
  return reply, event, challenge
end

-- One exchange by a mechanism of the core's.
local function run_core(conn, name, user, secret)
  local session = conn.session
  local place = { host = conn.settings.host, port = conn.settings.port }
  local ok, code, text = session:auth(name, user or "", secret, place)
  if not ok then
    return nil, problem(code, text)
  end
  local reply, event, challenge = exchange(conn, function(words)
    while world.is_nginx and session:auth_work(words, ITERATIONS) do
      world.turn()
    end
    return session:auth_step(words)
  end)
  session:auth_end() -- the secrets are wiped, whatever came
  return reply, event, challenge
end

-- What a mechanism of the user's own says: base64, or nil and why not.
local function own_words(fn, argument)
  local ok, message, why = scheduler.guard(fn, argument)
  if ok and type(message) == "string" then
    return core.base64_encode(message)
  end
  return nil, tostring(ok and (why or message) or message), ok and message == nil and why == nil
end

local function about(conn, given)
  local name, octets = conn.session:channel_binding()
  return {
    host = conn.settings.host, port = conn.settings.port, user = given.user, binding_name = name,
    binding = octets,
  }
end

-- Whether an AUTH line has room for the response (RFC 5321 4.5.3.1.4, RFC 4954 4).
local function fits(name, response)
  return #"AUTH  \r\n" + #name + #response <= 512
end

-- One exchange by a mechanism of the user's own.
local function run_own(conn, own, given)
  local session, held = conn.session, nil
  local initial, why, has_none = own_words(own.start, about(conn, given))
  if not initial and not has_none then
    return nil, problem("AUTH", own.name .. " could not start: " .. why)
  elseif initial and not fits(own.name, initial) then
    held, initial = initial, nil
  end
  local line = initial == "" and "=" or initial or ""
  local ok, code, text = session:command("AUTH", own.name, line)
  if not ok then
    return nil, problem(code, text)
  end
  local function answer(challenge)
    if held then
      return held
    end
    local decoded = core.base64_decode(challenge)
    if not decoded then
      return nil, "the server's challenge is no base64"
    elseif not own.step then
      return nil, "the server asks for more than the mechanism has to say"
    end
    return own_words(own.step, decoded)
  end
  return exchange(conn, function(challenge)
    local words, reason = answer(challenge)
    held = nil
    if words and session:respond(words) then
      return true
    end
    session:respond "*"
    return nil, "AUTH", own.name .. ": " .. (words and "the answer is too long" or reason)
  end)
end

local function token_of(given, is_refresh)
  if type(given.token) ~= "function" then
    return given.token
  end
  local ok, token, why = scheduler.guard(given.token, is_refresh)
  if ok and type(token) == "string" and token ~= "" then
    return token
  end
  local reason = not ok and token or why or "it returned no text"
  return nil, problem("AUTH", "the token function gave no token: " .. tostring(reason))
end

-- With a token; a function is asked once for a fresh one where the server refuses the first.
local function run_token(conn, name, given)
  local is_refresh = false
  while true do
    local token, why = token_of(given, is_refresh)
    if not token then
      return nil, why
    end
    local reply, event, challenge = run_core(conn, name, given.user, token)
    if reply then
      return reply, event
    end
    local may_refresh = type(given.token) == "function" and not given.is_refreshed
    if event.smtp_code ~= 535 or conn.dead or not may_refresh then
      return nil, add_detail(event, challenge, token)
    end
    given.is_refreshed, is_refresh = true, true
  end
end

local function run(conn, mechanism, given)
  if mechanism.own then
    return run_own(conn, mechanism.own, given)
  elseif mechanism.needs == "token" then
    return run_token(conn, mechanism.name, given)
  end
  local secret = mechanism.needs == "password" and given.password or ""
  local reply, event = run_core(conn, mechanism.name, given.user, secret)
  return reply, event
end

-- Refusals that another mechanism may mend: not known, too weak (RFC 4954 4, 6).
local NEXT_MECHANISM = { [504] = true, [534] = true }

local function try_each(conn, list, given)
  local reply, err
  for _, mechanism in ipairs(list) do
    reply, err = run(conn, mechanism, given)
    if reply or conn.dead or not NEXT_MECHANISM[err.smtp_code] then
      break
    end
  end
  return reply, err
end

-- Why there can be no login here and now: a code and a sentence, or nothing.
local function login_obstacle(conn, list)
  if not conn.session:tls() and not conn.settings.allow_plaintext_auth then
    return "TLS", "the connection is not encrypted: no password is sent over it"
  elseif not conn.session:offers "AUTH" then
    return "AUTH", "the server does not offer AUTH here"
  elseif #list == 0 then
    return "AUTH", "no mechanism fits; the server offers " .. conn.session:offers "AUTH"
  end
end

local function configured(settings, login)
  local has_secret = login and (login.user or login.password or login.token)
  return {
    user = settings.user, mechanisms = settings.mechanisms,
    -- Another user never goes with the configured secrets.
    password = not has_secret and settings.password or nil,
    token = not has_secret and settings.token or nil,
  }
end

---Completes and checks the arguments of a login; misuse is raised.
---@param conn ettsumailer.connection
---@param login table?
---@param level integer as of `error`
---@return table? given user, password, token, mechanisms
---@return ettsumailer.error?
function M.check(conn, login, level)
  options.check("auth", login or {}, LOGIN, level + 1)
  local given = options.merge(configured(conn.settings, login), login)
  if given.mechanism then
    given.mechanisms = { given.mechanism }
  end
  local ok, err = mechanisms_of.check("auth", given.mechanisms, level + 1)
  if not ok then
    return nil, err
  elseif not mechanisms_of.is_login(given) then
    error("auth: user and password (or a token) are needed", level + 1)
  end
  return given
end

---Logs in.
---@param conn ettsumailer.connection past EHLO
---@param given table                 as of M.check
---@return table? reply
---@return ettsumailer.error?
function M.run(conn, given)
  local offer = conn.session:offers "AUTH" or ""
  local list = mechanisms_of.choose(given, offer, (conn.session:channel_binding()))
  local code, text = login_obstacle(conn, list)
  if code then
    return nil, errors.new {
      code = code, stage = "AUTH", text = text, transcript = conn:transcript(),
    }
  end
  local reply, err = try_each(conn, list, given)
  return reply, err
end

return M
