-- The testing server's side of AUTH (RFC 4954): every mechanism the library knows.
-- Why: logins that work, and all the ways in which they do not, without a mail server.
-- Not: the replies' way to the client (protocol.lua).

local core = require "ettsumailer.core"
local scram_of = require "ettsumailer.testing.scram"

local ipairs = ipairs
local concat = table.concat

local M = {}

M.OPTIONS = {
  user = "string", password = "string", token = "string", allow_plaintext_auth = "boolean",
  mechanisms = "table", scram = "table",
}

local USUAL = { "PLAIN", "LOGIN" }
local WELCOME = "235 2.7.0 welcome"
local REFUSED = "535 5.7.8 wrong user name or password"

---What is offered behind AUTH, or nil.
---@param server ettsumailer.testing.server
---@param client table
---@return string?
function M.keyword(server, client)
  local may_offer = client.channel.is_secure or server.allow_plaintext_auth
  return server.user and may_offer and "AUTH " .. concat(server.mechanisms or USUAL, " ") or nil
end

-- One turn of a login. Where it is a challenge, scripted or not, the next line is the response.
local function turn(login, default, take, user)
  local server, client = login.server, login.client
  client.next_line = nil
  local digit = login.answer(server, client, "AUTH", "AUTH <hidden>", default)
  if digit == "3" or client.is_silent then
    client.next_line = function(line)
      server:note("C", "<hidden>")
      if line == "*" then
        client.next_line = nil
        login.answer(server, client, "cancel", line, "501 5.7.0 cancelled")
      else
        take(core.base64_decode(line) or "")
      end
    end
  elseif digit == "2" then
    client.user = user or ""
  end
end

-- Two texts are compared as a whole, whatever they hold.
local function finish(login, is_right, user)
  turn(login, is_right and WELCOME or REFUSED, function()
    finish(login, is_right, user)
  end, user)
end

local function ask(login, challenge, take)
  turn(login, "334 " .. core.base64_encode(challenge), take)
end

local MECHANISMS = {}

function MECHANISMS.PLAIN(login, message)
  local user, password = message:match "^[^%z]*%z([^%z]*)%z([^%z]*)$"
  finish(login, user == login.server.user and password == login.server.password, user)
end

function MECHANISMS.LOGIN(login, user)
  ask(login, "Password:", function(password)
    finish(login, user == login.server.user and password == login.server.password, user)
  end)
end

function MECHANISMS.EXTERNAL(login, user)
  finish(login, user == "" or user == login.server.user, login.server.user)
end

local function hex(octets)
  return (octets:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

MECHANISMS["CRAM-MD5"] = function(login, message)
  local user, digest = message:match "^(.*) (%x+)$"
  local wanted = hex(core.hmac("md5", login.server.password, login.challenge))
  finish(login, user == login.server.user and digest == wanted, user)
end

-- A token that is refused gets its reason as a challenge, and the refusal behind the answer.
local function take_token(login, user, token)
  if user == login.server.user and token == login.server.token then
    return finish(login, true, user)
  end
  ask(login, '{"status":"401","schemes":"bearer","scope":"mail.send"}', function(message)
    login.server:note("C", "(" .. hex(message) .. ")")
    finish(login, false)
  end)
end

function MECHANISMS.XOAUTH2(login, message)
  take_token(login, message:match "^user=([^\1]*)\1auth=Bearer ([^\1]*)\1\1$")
end

function MECHANISMS.OAUTHBEARER(login, message)
  local user, token = message:match "^n,a=([^,]*),.*\1auth=Bearer ([^\1]*)\1\1$"
  take_token(login, user and user:gsub("=2C", ","):gsub("=3D", "="), token)
end

local function offers_plus(server)
  return concat(server.mechanisms or USUAL, " "):find("-PLUS", 1, true) ~= nil
end

local function take_scram(login, message)
  local server = login.server
  local account = {
    user = server.user, password = server.password, nonce = (server.scram or {}).nonce,
    iterations = (server.scram or {}).iterations, proof = (server.scram or {}).proof,
  }
  local name, octets
  if login.client.channel.is_secure then
    name, octets = login.client.channel.tls:channel_binding()
  end
  local exchange = scram_of.new(login.mechanism, account, {
    name = name, octets = octets, is_offered = offers_plus(server),
  })
  local challenge = exchange:first(message)
  if not challenge then
    return finish(login, false)
  end
  ask(login, challenge, function(final)
    local verifier = exchange:final(final)
    if not verifier or verifier == "" then
      return finish(login, verifier ~= nil, server.user)
    end
    ask(login, verifier, function()
      finish(login, true, server.user)
    end)
  end)
end

for _, name in ipairs { "SCRAM-SHA-1", "SCRAM-SHA-256" } do
  MECHANISMS[name], MECHANISMS[name .. "-PLUS"] = take_scram, take_scram
end

local CHALLENGES = { LOGIN = "Username:", ["CRAM-MD5"] = "<1896.697170952@testing.example>" }

local function is_offered(server, name)
  for _, offered in ipairs(server.mechanisms or USUAL) do
    if offered == name then
      return true
    end
  end
  return false
end

---Begins a login.
---@param server ettsumailer.testing.server
---@param client table
---@param line string
---@param answer function of protocol.lua
function M.take(server, client, line, answer)
  local name, initial = line:match "^%a+ +(%S+) *(%S*)$"
  name = name and name:upper()
  local mechanism = MECHANISMS[name]
  if not mechanism or not server.user or not is_offered(server, name) then
    answer(server, client, "AUTH", line, "504 5.5.4 not here")
    return
  end
  local login = {
    server = server, client = client, answer = answer, mechanism = name,
    challenge = CHALLENGES[name] or "",
  }
  if initial ~= "" then
    mechanism(login, core.base64_decode(initial) or "")
  else
    ask(login, login.challenge, function(message)
      mechanism(login, message)
    end)
  end
end

return M
