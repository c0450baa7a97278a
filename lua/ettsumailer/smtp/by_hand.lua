-- Level 2, all of it: a connection that is commanded by hand, every SMTP command by name.
-- Why: whoever needs the protocol itself gets it whole, with the safety of the core around it.
-- Not: the first commands (connection.lua), nor which ones a mail needs (transaction.lua).

local connection = require "ettsumailer.smtp.connection"
local drive = require "ettsumailer.smtp.drive"
local envelope_of = require "ettsumailer.message.envelope"
local errors = require "ettsumailer.errors"
local link = require "ettsumailer.smtp.link"
local message_of = require "ettsumailer.message"
local options = require "ettsumailer.options"
local reading = require "ettsumailer.message.reading"
local scheduler = require "ettsumailer.scheduler"
local transaction = require "ettsumailer.smtp.transaction"

local error, getmetatable, ipairs, pairs = error, getmetatable, ipairs, pairs
local tostring, type = tostring, type
local concat, sort = table.concat, table.sort
local ready, command = connection.ready, connection.command
local refused_command = connection.refused_command

local M = {}

local Connection = link.class

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
local function exchange_content(self, reader, source)
  local ok, event = drive.content(self, reader, source)
  if ok then
    return drive.await(self)
  elseif errors.is(event) then
    return nil, event
  end
  self:hang_up()
  return drive.refusal(self, event)
end

-- From the 354 to the reply that is the result.
local function send_content(self, reader, source)
  local reply, err = guarded(self, exchange_content, self, reader, source)
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
  local reader, source
  if type(message) == "string" then
    source = { text = message, at = 1 }
  else
    reader, err = reading.open(message)
  end
  if err then
    return nil, err
  end
  local reply, event = command(self, "DATA")
  if not reply then
    return nil, event
  elseif event.kind ~= "BODY" then
    return drive.refusal(self, event)
  end
  return send_content(self, reader, source)
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

---Gives a connection to whoever commands it: `timeout` is that of each call from now on.
---@param conn ettsumailer.connection
---@return ettsumailer.connection
function M.take(conn)
  conn.is_by_hand = true
  return conn
end

return M
