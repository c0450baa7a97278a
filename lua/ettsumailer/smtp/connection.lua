-- Level 2: one connection, every SMTP command by name, one reply each.
-- Why: whoever needs the protocol itself gets it whole, with the safety of the core around it.
-- Not: which commands a mail needs (transaction.lua), nor what a connection holds (link.lua).

local core = require "ettsumailer.core"
local drive = require "ettsumailer.smtp.drive"
local errors = require "ettsumailer.errors"
local envelope_of = require "ettsumailer.message.envelope"
local lazy = require "ettsumailer.lazy"
local link = require "ettsumailer.smtp.link"
local message_of = require "ettsumailer.message"
local options = require "ettsumailer.options"
local own_name_of = require "ettsumailer.smtp.own_name"
local reading = require "ettsumailer.message.reading"
local scheduler = require "ettsumailer.scheduler"
local settings_of = require "ettsumailer.settings"
local transaction = require "ettsumailer.smtp.transaction"

local auth = lazy.of "ettsumailer.smtp.auth"

local error, ipairs, pairs = error, ipairs, pairs
local tostring, type = tostring, type
local concat, sort = table.concat, table.sort

local M = { new = link.new }

---A connection to a server. Every command waits for its reply and returns it
---({ smtp_code, enhanced, text }), or nil and an error: of code REJECTED for a 4yz or 5yz.
---@class ettsumailer.connection: ettsumailer.link
---@field rset fun(self): table?, ettsumailer.error?  RSET: the transaction is given up
---@field noop fun(self, argument: string?): table?, ettsumailer.error?  NOOP
---@field vrfy fun(self, user: string): table?, ettsumailer.error?  VRFY: whether it is a user
---@field expn fun(self, list: string): table?, ettsumailer.error?  EXPN: who is in a list
---@field help fun(self, topic: string?): table?, ettsumailer.error?  HELP
local Connection = link.class

-- The handshake, at once or behind the 220 to STARTTLS.
local function start_tls(self)
  local context, err = settings_of.tls_context(self.settings)
  if not context then
    return nil, err
  end
  local name = self.settings.tls_name or self.settings.host or ""
  local ok, code, text = self.session:start_tls(context, name)
  if not ok then
    return drive.fail(self, code, text)
  end
  return drive.handshake(self)
end

local function own_name(self)
  local name, where_from = self.settings.ehlo_name, "ehlo_name"
  if not name then
    name, where_from = own_name_of.of(self.io)
  end
  self.greeted_as, self.greeted_from = name, where_from
  return name
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
  elseif self.process ~= core.process_id() then
    return errors.refuse("STATE", "this connection is another process's: open one behind the fork")
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
---
---Example: `assert(conn:ehlo())`
---@param name string? the name to greet with; as configured, the machine's, or its address literal
function Connection:ehlo(name)
  local ok, err = ready(self)
  if not ok then
    return nil, err
  end
  return command(self, "EHLO", name or own_name(self))
end

---HELO: no extension is in force after it.
---
---Example: `assert(conn:helo "client.example.com")`
---@param name string?
function Connection:helo(name)
  local ok, err = ready(self)
  if not ok then
    return nil, err
  end
  return command(self, "HELO", name or own_name(self))
end

---STARTTLS and the handshake; the certificate is verified. EHLO has to be said again then.
---
---Example: `assert(conn:starttls())`
function Connection:starttls()
  local ok, err = ready(self)
  if not ok then
    return nil, err
  end
  local context, context_err = settings_of.tls_context(self.settings)
  if context_err then
    return nil, context_err
  elseif not context then
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
---
---Example: `assert(conn:auth { user = "ettsu", password = password })`
---@param login table? { user, password, token, mechanism or mechanisms }; as configured where
---  absent
function Connection:auth(login)
  local given, problem = auth.check(self, login, 2)
  if not given then
    return nil, problem
  end
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
---
---Example: `assert(conn:mail("a@example.com", { SIZE = 1000 }))`
---@param from string|userdata mailbox, "" for the null reverse-path
---@param parameters table|string? such as { SIZE = 1000 } or "BODY=8BITMIME"
function Connection:mail(from, parameters)
  self.utf8 = asks_utf8(parameters_of(parameters))
  local reply, event = path_command(self, "MAIL", from, parameters)
  self.dirty = self.dirty or reply ~= nil
  return reply, event -- no tail call: levels of errors count it
end

---RCPT TO.
---
---Example: `assert(conn:rcpt "b@example.com")`
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
  return reader, err
end

-- What a function of the user's raises ends the connection: something is half said.
local function guarded(self, f, ...)
  self.busy = true
  local ok, result, err = scheduler.guard(f, ...)
  self.busy = false
  if not ok then
    self:close()
    error(result, 0)
  end
  return result, err
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
  local reply, err = guarded(self, exchange_content, self, source)
  self.dirty = nil
  if not reply then
    local fate = self.session:fate()
    err.delivery = fate == "accepted" and "unknown" or fate
    err.retryable = err.temporary and fate ~= "unknown"
  end
  return reply, err
end

---DATA and the content.
---
---Example: `local reply = assert(conn:data "Subject: Hello\n\nHello\n")`
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

-- A message made before or from its fields, and who gets it. Returns them; or nil, err.
local function sealed_of(given, envelope, level)
  local message, err = given, nil
  if type(given) == "table" then
    message, err = message_of.new(given, level + 1)
  end
  if err then
    return nil, err
  end
  local own = is_of("ettsumailer.message", message) and message_of.envelope(message)
  if not own then
    error("bad argument #1 to 'send' (a message made by ettsumailer.message expected)", level + 1)
  elseif envelope == nil then
    return message, own
  end
  options.check("send: envelope", envelope, envelope_of.FIELDS, level + 1)
  own, err = envelope_of.fill({}, envelope, { sender = { own.from }, to = own.to })
  return own and message, own or err
end

---One message whole: RSET where a transaction is open, MAIL, RCPT, DATA and the content, in as few
---round trips as the server allows.
---
---Example: `local result = assert(conn:send(message))`
---@param message userdata|table a message made by ettsumailer.message, or the fields of one
---@param envelope table?        { from = text or address, to = texts }; the message's by default
---@return table? result         as of a mailer's send
---@return ettsumailer.error?
function Connection:send(message, envelope)
  local ok, err = ready(self)
  if not ok then
    return nil, err
  end
  local sealed, recipients = sealed_of(message, envelope, 2)
  if not sealed then
    return nil, recipients
  end
  local work, result
  work, err = transaction.new(sealed, recipients, self.settings)
  if not work then
    return nil, err
  end
  result, err = guarded(self, work.run, work, self)
  work:close()
  return result, err
end

-- Commands of one optional string.
for _, verb in ipairs { "RSET", "NOOP", "VRFY", "EXPN", "HELP" } do
  Connection[verb:lower()] = function(self, argument)
    local ok, err = ready(self)
    if not ok then
      return nil, err
    end
    local reply, event = command(self, verb, argument)
    if verb == "RSET" and reply then
      self.dirty = nil
    end
    return reply, event
  end
end

---Any other command, the whole line without its end.
---
---Example: `assert(conn:command "XCLIENT ADDR=192.0.2.1")`
---@param line string
function Connection:command(line)
  local ok, err = ready(self)
  if not ok then
    return nil, err
  end
  return command(self, "", line)
end

---What the server offers: keyword to parameters ("" for none).
---
---Example: `print(conn:capabilities().SIZE)`
---@return table<string, string>
function Connection:capabilities()
  return self.session:capabilities()
end

---The last lines of the dialogue, secrets masked.
---
---Example: `print(conn:transcript())`
---@return string
function Connection:transcript()
  return self.session:transcript()
end

---QUIT, and closes: waits for the reply, but not long (timeouts.quit).
---
---Example: `conn:quit()`
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

return M
