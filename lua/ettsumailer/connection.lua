-- Level 2: one connection, every SMTP command by name, one reply each.
-- Why: whoever needs the protocol itself gets it whole, with the safety of the core around it.
-- Not: which commands a mail needs (transaction.lua), nor keeping connections (mailer.lua).

local auth = require "ettsumailer.auth"
local core = require "ettsumailer.core"
local drive = require "ettsumailer.drive"
local errors = require "ettsumailer.errors"
local own_name_of = require "ettsumailer.own_name"
local options = require "ettsumailer.options"
local reading = require "ettsumailer.reading"

local error, ipairs, pairs, setmetatable = error, ipairs, pairs, setmetatable
local tostring, type = tostring, type
local concat, sort, min = table.concat, table.sort, math.min

local M = {}

---A connection to a server. Every command waits for its reply and returns it
---({ smtp_code, enhanced, text }), or nil and an error: of code REJECTED for a 4yz or 5yz.
---@class ettsumailer.connection
local Connection = {}
Connection.__index = Connection
Connection.__name = "ettsumailer.connection"

-- The handshake, at once or behind the 220 to STARTTLS.
local function start_tls(self)
  local name = self.settings.tls_name or self.settings.host or ""
  local ok, code, text = self.session:start_tls(self.settings.tls_context, name)
  if not ok then
    return drive.fail(self, code, text)
  end
  return drive.handshake(self)
end

-- How long each reply in a flight of several commands is awaited (seconds).
local FLIGHT_SECONDS = 30

---Makes the connection around a transport's.
---@param session userdata  of the core
---@param io table          as of transport/
---@param settings table    as of settings.server
---@param deadline number?  ms on core.clock's scale, of what is done first
---@return ettsumailer.connection
function M.new(session, io, settings, deadline)
  return setmetatable({
    session = session, io = io, settings = settings, timeouts = settings.timeouts,
    on_protocol = settings.on_protocol, deadline = deadline, connected_at = core.clock(),
    process = core.process_id(), messages = 0, counted = { turns = 0, sent = 0, received = 0 },
    flight_timeouts = options.merge(settings.timeouts, {
      command = min(FLIGHT_SECONDS, settings.timeouts.command),
      data = min(FLIGHT_SECONDS, settings.timeouts.data),
    }),
  }, Connection)
end

---What the next result counts begins here: turns and octets.
function Connection:count_from_here()
  local session, counted = self.session, self.counted
  counted.turns = session:turns()
  counted.sent, counted.received = session:bytes()
end

---A reply has come: the connection lives, and its usual patience is due.
function Connection:prove()
  if self.is_unproven then
    self.is_unproven = nil
    self.timeouts = self.proven_timeouts or self.settings.timeouts
  end
end

---The timeouts from now on; from the first reply on where that is still awaited.
---@param timeouts table
function Connection:set_timeouts(timeouts)
  if self.is_unproven then
    self.proven_timeouts = timeouts
  else
    self.timeouts = timeouts
  end
end

---Whether commands may share a flight (RFC 2920).
function Connection:may_pipeline()
  return not self.lock_step and self.session:offers "PIPELINING" ~= nil
end

local function own_name(self)
  return self.settings.ehlo_name or own_name_of.of(self.io)
end

-- Every call on a connection begins here: closed is misuse, broken is an error.
local function ready(self, level)
  if self.closed then
    error("this connection is closed", (level or 2) + 1)
  elseif self.busy then
    error("this connection is in use by another coroutine", (level or 2) + 1)
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
  local reply, event = drive.await(self)
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
  return given:path(true)
end

local function is_of(class, value)
  return type(value) == "userdata" and getmetatable(value) == class
end

local function path_command(self, verb, address, parameters)
  local ok, err = ready(self, 3)
  if not ok then
    return nil, err
  end
  if type(address) ~= "string" and not is_of("ettsumailer.address", address) then
    error(("bad argument #1 to '%s' (an address expected, got %s)"):format(
      verb:lower(), type(address)), 3)
  end
  local mailbox, code, why = mailbox_of(address)
  if not mailbox then
    return refused_command(verb, code, why)
  end
  return command(self, verb, mailbox, parameters_of(parameters), self.utf8)
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
  return ok and reply or nil, err
end

M.start_tls = start_tls

---AUTH, by the first mechanism that is offered and known here; nothing is sent without TLS unless
---allow_plaintext_auth was set.
---@param login table? { user, password, mechanism }; as configured where absent
function Connection:auth(login)
  local given = auth.check(self, login, 2)
  local ok, err = ready(self)
  if not ok then
    return nil, err
  end
  self.busy = true
  local reply, event = auth.run(self, given)
  self.busy = false
  return reply, event
end

---MAIL FROM.
---@param from string|userdata mailbox, "" for the null reverse-path
---@param parameters table|string? such as { SIZE = 1000 } or "BODY=8BITMIME"
function Connection:mail(from, parameters)
  self.utf8 = asks_utf8(parameters_of(parameters))
  local reply, event = path_command(self, "MAIL", from, parameters)
  return reply, event -- no tail call: levels of errors count it
end

---RCPT TO.
---@param to string|userdata mailbox
---@param parameters table|string?
function Connection:rcpt(to, parameters)
  local reply, event = path_command(self, "RCPT", to, parameters)
  return reply, event
end

-- What data sends: the reader of a message, or a string as it is.
local function source_of(message)
  if type(message) == "string" then
    return { text = message, at = 1 }
  end
  local reader, err = reading.open(message)
  return reader and { reader = reader }, err
end

-- The content, and the reply to it.
local function exchange_content(self, source)
  local ok, event = drive.content(self, source)
  if ok then
    return drive.await(self)
  elseif errors.is(event) then
    return nil, event
  end
  self:hang_up()
  return drive.refusal(self, event)
end

-- From the 354 to the reply that is the result.
local function send_content(self, source)
  self.busy = true
  local reply, err = exchange_content(self, source)
  self.busy = false
  if not reply then
    local fate = self.session:fate()
    err.delivery = fate == "accepted" and "unknown" or fate
    err.retryable = err.temporary and fate ~= "unknown"
  end
  return reply, err
end

---DATA and the content.
---@param message userdata|string a sealed message, or its text: line ends become CRLF
---@return table? reply the one to the end of the content: the server has taken the message
---@return ettsumailer.error? error its delivery tells what may have become of it
function Connection:data(message)
  local ok, err = ready(self)
  if not ok then
    return nil, err
  elseif type(message) ~= "string" and not is_of("ettsumailer.message", message) then
    error(("bad argument #1 to 'data' (a message or a string expected, got %s)"):format(
      type(message)), 2)
  end
  local source
  source, err = source_of(message)
  if not source then
    return nil, err
  end
  local reply, event = command(self, "DATA")
  if not reply then
    return nil, event
  elseif event.kind ~= "BODY" then
    return drive.refusal(self, event)
  end
  return send_content(self, source)
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

-- TLS's own end, as far as it goes out without waiting.
function Connection:say_goodbye()
  self.session:tls_close()
  if self.io.exchange and self.session:peek(1) ~= "" then
    self.io:exchange(self.session, false, true, core.clock())
  end
end

-- Says QUIT when that is possible still, whatever comes back, and closes.
function Connection:hang_up()
  local is_ours = self.process == core.process_id() -- after a fork the parent still speaks on it
  local may_speak = is_ours and not self.dead and not self.busy
  if may_speak and (self.quitting or self.session:command "QUIT") then
    local limit = core.clock() + self.timeouts.quit * 1000
    self.deadline = min(self.deadline or limit, limit)
    drive.event(self)
    self:say_goodbye()
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
