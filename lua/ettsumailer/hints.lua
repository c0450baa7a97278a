-- What to do about an error, by its code, its stage and the server's reply.
-- Why: a sentence a person can act on; read when there is the first error.
-- Not: TLS's own hints (the core's), nor those about logins (smtp/login_hints.lua).

local login_hints = require "ettsumailer.smtp.login_hints"

local tostring = tostring

local M = {}

local HINTS = {
  CONNECT = "check host and port, and whether a firewall is in between",
  TIMEOUT = "the server is slow or silent: try again later, or raise timeouts",
  CLOSED = "try again later; if it happens every time, ask the server's operator",
  TLS = "the server's TLS does not meet what security asks: use another port, or ask its operator",
  TLS_VERIFY = "trust its issuer with ca_file or ca_pem, or give its name as tls_name",
  TLS_MODE = 'use security = "starttls" for a plain port (587), "implicit" for a TLS port (465)',
  TLS_PIN = "the server's key has changed, or somebody is in between",
  AUTH = "check user and password, and what the provider wants (an app password, a token)",
  TOO_LARGE = "send a smaller message, or a link to the file",
  SMTPUTF8_REQUIRED = "use an ASCII address for this server",
  PROTOCOL = "this is not a well-behaved SMTP server: check host and port",
}

local STAGE_HINTS = {
  ["TIMEOUT greeting"] = 'a TLS port stays silent too: if it is one, use security = "implicit"',
  ["TIMEOUT final"] = "the message may have been delivered: do not send it again unseen",
  ["CLOSED final"] = "the message may have been delivered: do not send it again unseen",
  ["TLS_MODE greeting"] = 'this is a TLS port: use security = "implicit"',
  ["CLOSED TLS"] = "the server hung up in the handshake: try again later, or ask its operator why",
  ["CLOSED AUTH"] = "servers hang up on a wrong login: check user and password",
  ["TIMEOUT connect"] = "check host and port, and whether a firewall drops the packets",
}

-- By reply code, then by the class of the reply.
local REPLY_HINTS = {
  [421] = "the server is busy or going down: try again later",
  [450] = "the mailbox is busy, or the server greylists: try again in some minutes",
  [451] = "try again later",
  [452] = "the server is short of room, or takes fewer recipients at a time",
  [502] = "the server does not know this command",
  [521] = "this host takes no mail: use another server",
  [530] = "the server wants TLS or a login first: set security, user and password",
  [535] = HINTS.AUTH,
  [538] = "the server wants TLS before a login: set security",
  [550] = "check the address; the server may also want a login, or refuse this sender",
  [551] = "the mailbox has moved: check the address",
  [552] = "the mailbox is full, or the message too large",
  [553] = "check how the address is written, and whether this login may use the sender",
  [554] = "the server refused it for good: its words tell why",
  [556] = "the domain takes no mail",
  [3] = HINTS.PROTOCOL,
  [4] = "try again later",
  [5] = "do not repeat it unchanged",
}

-- What a permanent refusal means at stages where it is not about an address, whatever its code;
-- but for a few codes that mean the same everywhere.
local REFUSAL_HINTS = {
  greeting = "the server refuses this client: its words tell why; use another server",
  EHLO = "the server refuses this client or its name: give ehlo_name a full host name",
  HELO = "the server refuses this client or its name: give ehlo_name a full host name",
  STARTTLS = "the server offers TLS and refuses it: use another port, or ask its operator",
  AUTH = HINTS.AUTH,
  DATA = "the server refused the message as such: its words tell why",
  final = "the server refused the message as such: its words tell why",
}
local SAME_AT_EVERY_STAGE = { [521] = true, [530] = true, [538] = true, [552] = true }

local function class_of(smtp_code)
  return (smtp_code - smtp_code % 100) / 100
end

local function hint_of_reply(smtp_code, stage, enhanced)
  local class = class_of(smtp_code)
  local reply = smtp_code .. " " .. tostring(enhanced)
  local known = login_hints[tostring(stage) .. " " .. reply] or login_hints[reply]
  if known then
    return known
  elseif class == 5 and not SAME_AT_EVERY_STAGE[smtp_code] and REFUSAL_HINTS[stage] then
    return REFUSAL_HINTS[stage]
  end
  return REPLY_HINTS[smtp_code] or REPLY_HINTS[class]
end

---What to do about an error; nil where nothing better is known than its own words.
---@param err ettsumailer.error
---@return string?
function M.of(err)
  if err.code == "TOO_LARGE" then
    return HINTS.TOO_LARGE
  elseif err.smtp_code then
    return hint_of_reply(err.smtp_code, err.stage, err.enhanced)
  end
  return STAGE_HINTS[err.code .. " " .. tostring(err.stage)] or HINTS[err.code]
end

return M
