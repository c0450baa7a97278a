-- Level 2: one connection, every SMTP command by name, one reply each.
-- Why: whoever needs the protocol itself gets it whole, with the safety of the core around it.
-- Not: which commands a mail needs (transaction.lua), nor keeping connections (mailer.lua).

local core = require "ettsumailer.core"
local drive = require "ettsumailer.drive"
local errors = require "ettsumailer.errors"
local native = require "ettsumailer.transport.native"
local settings_of = require "ettsumailer.settings"

local error, ipairs, pairs, setmetatable = error, ipairs, pairs, setmetatable
local tostring, type = tostring, type
local concat, sort = table.concat, table.sort

local M = {}

---A connection to a server. Every command waits for its reply and returns it
---({ smtp_code, enhanced, text }), or nil and an error: of code REJECTED for a 4yz or 5yz.
---@class ettsumailer.connection
local Connection = {}
Connection.__index = Connection
Connection.__name = "ettsumailer.connection"

local function reply_of(event)
  return { smtp_code = event.smtp_code, enhanced = event.enhanced, text = event.text }
end

-- A refusal, or the 421 that ends everything, as an error.
local function refusal(link, event)
  return nil, errors.of_event(event, link.session:transcript())
end

local BAD = { REFUSED = true, SHUTDOWN = true, CLOSED = true }

---The next event as a reply, or as an error where it is a refusal or the end.
---@param link table
---@return table? reply
---@return table event_or_error
function M.await(link)
  local event, err = drive.event(link)
  if not event then
    return nil, err
  elseif BAD[event.kind] and not (event.kind == "CLOSED" and event.verb == "QUIT") then
    return refusal(link, event)
  end
  return reply_of(event), event
end

local function dial(settings, deadline)
  local started = core.clock()
  local limit = started + settings.timeouts.connect * 1000
  if deadline and deadline < limit then
    limit = deadline
  end
  local io, code, text = native.connect(settings, limit)
  if not io then
    return nil, errors.new { code = code, stage = "connect", text = text }
  end
  return io
end

local function start_tls(self)
  local name = self.settings.tls_name or self.settings.host or ""
  local ok, code, text = self.session:start_tls(self.settings.tls_context, name)
  if not ok then
    return drive.fail(self, code, text)
  end
  return drive.handshake(self)
end

local function greeting(self)
  if self.settings.security == "implicit" then
    local ok, err = start_tls(self)
    if not ok then
      return nil, err
    end
  end
  return M.await(self)
end

-- EHLO, or HELO where the server does not know EHLO (RFC 5321 3.2).
local function hello(self)
  local reply, err = self:ehlo()
  if reply or err.code ~= "REJECTED" or not (err.smtp_code == 500 or err.smtp_code == 502) then
    return reply, err
  end
  if self.settings.security == "starttls" then
    return nil, err
  end
  return self:helo()
end

-- TLS by STARTTLS as security asks; offered and failed is an error, never a return to clear text.
local function secure(self)
  local security = self.settings.security
  local offered = self.session:offers "STARTTLS"
  if security == "starttls" and not offered then
    return drive.fail(self, "TLS", "the server does not offer STARTTLS, and security wants it")
  elseif not offered or security == "none" or security == "implicit" then
    return true
  end
  local ok, err = self:starttls()
  if not ok then
    return nil, err
  end
  return self:ehlo()
end

---Everything between the greeting and the first mail: EHLO or HELO, STARTTLS.
---@return true?
---@return ettsumailer.error?
function Connection:prepare()
  local ok, err = hello(self)
  if ok then
    ok, err = secure(self)
  end
  if not ok then
    self:hang_up()
    return nil, err
  end
  return true
end

---Connects and reads the greeting (after the handshake, with implicit TLS).
---@param settings table     as of settings.server
---@param deadline number?   ms on core.clock's scale, for this call
---@return ettsumailer.connection?
---@return ettsumailer.error?
function M.open(settings, deadline)
  local io, err = dial(settings, deadline)
  if not io then
    return nil, err
  end
  local session, code, text = core.session { without = settings.without }
  if not session then
    io:close()
    return errors.refuse(code, text)
  end
  local self = setmetatable({
    session = session, io = io, settings = settings, timeouts = settings.timeouts,
    on_protocol = settings.on_protocol, deadline = deadline, connected_at = core.clock(),
  }, Connection)
  self.greeting, err = greeting(self)
  if not self.greeting then
    self:hang_up()
    return nil, err
  end
  return self
end

---@param given table options of a server: see ettsumailer.connect
---@param level integer? as of `error`
---@return ettsumailer.connection?
---@return ettsumailer.error?
function M.connect(given, level)
  local settings, err = settings_of.server("connect", given, settings_of.SERVER, (level or 1) + 1)
  if not settings then
    return nil, err
  end
  local self
  self, err = M.open(settings, settings.timeout and core.clock() + settings.timeout * 1000)
  if self then
    self.is_by_hand = true
  end
  return self, err
end

-- Every call on a connection begins here: closed is misuse, broken is an error.
local function ready(self)
  if self.closed then
    error("this connection is closed", 3)
  elseif self.busy then
    error("this connection is in use by another coroutine", 3)
  elseif self.dead then
    local text = ("this connection has failed (%s): open a new one"):format(self.dead)
    return errors.refuse("STATE", text)
  end
  -- By hand, `timeout` is that of each call; else of the whole send, and already set.
  if self.is_by_hand then
    self.deadline = self.settings.timeout and core.clock() + self.settings.timeout * 1000
  end
  return true
end

local function refused_command(verb, code, text)
  return nil, errors.new { code = code, stage = verb ~= "" and verb or "command", text = text }
end

-- One command, one reply.
local function command(self, verb, argument, parameters, utf8)
  local session = self.session
  local ok, code, text = session:command(verb, argument or "", parameters or "", 0, utf8 or false)
  if not ok then
    return refused_command(verb, code, text)
  end
  self.busy = true
  local reply, event = M.await(self)
  self.busy = false
  return reply, event
end

-- { SIZE = 10, BODY = "8BITMIME", X = true } or a list or a string, as the line has it.
local function parameters_of(given)
  if type(given) ~= "table" then
    return given
  end
  local words = {}
  for name, value in pairs(given) do
    if type(name) == "number" then
      words[#words + 1] = tostring(value)
    elseif value == true then
      words[#words + 1] = name
    elseif value then
      words[#words + 1] = name .. "=" .. tostring(value)
    end
  end
  sort(words)
  return concat(words, " ")
end

-- Whether the parameters of MAIL say that this transaction may hold UTF-8.
local function asks_utf8(words)
  return words ~= nil and (" " .. words:upper() .. " "):find(" SMTPUTF8 ", 1, true) ~= nil
end

-- An address as text or object, as what goes between the angle brackets.
local function mailbox_of(given)
  if type(given) == "string" then
    return given
  end
  return given.path and given:path(true)
end

local function path_command(self, verb, address, parameters)
  local ok, err = ready(self)
  if not ok then
    return nil, err
  end
  if type(address) ~= "string" and type(address) ~= "userdata" then
    error(("bad argument #1 to '%s' (an address expected, got %s)"):format(
      verb:lower(), type(address)), 3)
  end
  return command(self, verb, mailbox_of(address), parameters_of(parameters), self.utf8)
end

-- The name to greet with: as configured, the full name of this machine, or the socket's address.
local function own_name(self)
  if self.settings.ehlo_name then
    return self.settings.ehlo_name
  end
  local name = core.host_name()
  if name:find "^[%w-]+[%w.-]*%.[%w-]*%a[%w-]*$" and not name:find("..", 1, true) then
    return name
  end
  local ip = self.io.local_address and self.io:local_address()
  if not ip then
    return "[127.0.0.1]"
  end
  return ip:find(":", 1, true) and "[IPv6:" .. ip .. "]" or "[" .. ip .. "]"
end

---EHLO; then see capabilities.
---@param name string? the name to greet with; as configured, the machine's, or its address literal
function Connection:ehlo(name)
  local ok, err = ready(self)
  if not ok then
    return nil, err
  end
  return command(self, "EHLO", name or own_name(self))
end

---HELO: no extension is in force after it.
---@param name string?
function Connection:helo(name)
  local ok, err = ready(self)
  if not ok then
    return nil, err
  end
  return command(self, "HELO", name or own_name(self))
end

---STARTTLS and the handshake; the certificate is verified. EHLO has to be said again then.
function Connection:starttls()
  local ok, err = ready(self)
  if not ok then
    return nil, err
  elseif not self.settings.tls_context then
    return errors.refuse("CONFIG", 'security = "none" was asked for: there is no TLS here')
  end
  local reply, event = command(self, "STARTTLS")
  if not reply then
    return nil, event
  end
  ok, err = start_tls(self)
  return ok and reply, err
end

---MAIL FROM.
---@param from string|userdata mailbox, "" for the null reverse-path
---@param parameters table|string? such as { SIZE = 1000 } or "BODY=8BITMIME"
function Connection:mail(from, parameters)
  self.utf8 = asks_utf8(parameters_of(parameters))
  return path_command(self, "MAIL", from, parameters)
end

---RCPT TO.
---@param to string|userdata mailbox
---@param parameters table|string?
function Connection:rcpt(to, parameters)
  return path_command(self, "RCPT", to, parameters)
end

-- What data sends: the reader of a message, or a string as it is.
local function source_of(message)
  if type(message) == "string" then
    return { text = message, at = 1 }
  end
  return { reader = message:reader() }
end

-- From the 354 to the reply that is the result.
local function send_content(self, source)
  local ok, event = drive.content(self, source)
  if source.reader then
    source.reader:close()
  end
  if ok then
    return M.await(self)
  elseif errors.is(event) then
    return nil, event
  end
  self:hang_up()
  return refusal(self, event)
end

---DATA and the content.
---@param message userdata|string a sealed message, or its text: line ends become CRLF
---@return table? reply the one to the end of the content: the server has taken the message
---@return ettsumailer.error? error its delivery tells what may have become of it
function Connection:data(message)
  local ok, err = ready(self)
  if not ok then
    return nil, err
  elseif type(message) ~= "string" and type(message) ~= "userdata" then
    error(("bad argument #1 to 'data' (a message or a string expected, got %s)"):format(
      type(message)), 2)
  end
  local reply, event = command(self, "DATA")
  if not reply then
    return nil, event
  elseif event.kind ~= "BODY" then
    return refusal(self, event)
  end
  self.busy = true
  reply, err = send_content(self, source_of(message))
  self.busy = false
  if not reply then
    local fate = self.session:fate()
    err.delivery = fate == "accepted" and "unknown" or fate
    err.retryable = err.temporary and fate ~= "unknown"
  end
  return reply, err
end

-- Commands of one optional string.
for _, verb in ipairs { "RSET", "NOOP", "VRFY", "EXPN", "HELP" } do
  Connection[verb:lower()] = function(self, argument)
    local ok, err = ready(self)
    if not ok then
      return nil, err
    end
    return command(self, verb, argument)
  end
end

---Any other command, the whole line without its end.
---@param line string
function Connection:command(line)
  local ok, err = ready(self)
  if not ok then
    return nil, err
  end
  return command(self, "", line)
end

---What the server offers: keyword to parameters ("" for none).
---@return table<string, string>
function Connection:capabilities()
  return self.session:capabilities()
end

---The last lines of the dialogue, secrets masked.
---@return string
function Connection:transcript()
  return self.session:transcript()
end

---QUIT, and closes: waits for the reply, but not long (timeouts.quit).
---@return table? reply
---@return ettsumailer.error?
function Connection:quit()
  local ok, err = ready(self)
  if not ok then
    self:close()
    return nil, err
  end
  local reply, event = command(self, "QUIT")
  self:close()
  return reply, event
end

-- Says QUIT when that is possible still, whatever comes back, and closes.
function Connection:hang_up()
  if not self.dead and not self.busy and (self.quitting or self.session:command "QUIT") then
    self.deadline = core.clock() + self.timeouts.quit * 1000
    drive.event(self)
  end
  self:close()
end

---Closes without a word; more than once is fine.
function Connection:close()
  self.closed = true
  self.dead = self.dead or "CLOSED"
  self.io:close()
end

return M
