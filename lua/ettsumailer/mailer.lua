-- Level 3: configuration that sends, and keeps an idle connection for the next message.
-- Why: five lines to send a mail; a mailer may live at module level for as long as the program.
-- Not: the dialogue of a message (transaction.lua), nor its making (message.lua).

local core = require "ettsumailer.core"
local errors = require "ettsumailer.errors"
local handshake = require "ettsumailer.handshake"
local message_of = require "ettsumailer.message"
local options = require "ettsumailer.options"
local settings_of = require "ettsumailer.settings"
local transaction = require "ettsumailer.transaction"

local error, min, setmetatable, type = error, math.min, setmetatable, type

local M = {}

---A server's settings and the connections to it.
---@class ettsumailer.mailer
local Mailer = {}
Mailer.__index = Mailer
Mailer.__name = "ettsumailer.mailer"

---The options of a mailer beyond those of a server.
M.OPTIONS = options.merge(settings_of.SERVER, {
  from = "texts", all_or_nothing = "boolean",
  messages_per_connection = "integer", idle = "seconds", max_age = "seconds",
})

local DEFAULTS = { messages_per_connection = 100, idle = 30, max_age = 300 }

-- How long the first reply on a reused connection is awaited before a new one takes its place.
local REUSE_SECONDS = 10

---Makes a mailer. Nothing is opened yet.
---@param given table     options of a server and of sending
---@param level integer?  as of `error`
---@return ettsumailer.mailer?
---@return ettsumailer.error?
function M.new(given, level)
  local settings, err = settings_of.server("mailer", given, M.OPTIONS, (level or 1) + 1)
  if not settings then
    return nil, err
  end
  return setmetatable({
    settings = options.merge(DEFAULTS, settings),
    reuse_timeouts = options.merge(settings.timeouts, {
      command = min(REUSE_SECONDS, settings.timeouts.command),
    }),
  }, Mailer)
end

-- Nothing has come behind the last reply, neither here already nor to the socket.
local function is_quiet(conn)
  local event, code = conn.session:next()
  return not event and not code and not conn.io:has_news()
end

local function is_usable(self, conn)
  local now = core.clock()
  return not conn.dead and conn.process == core.process_id()
    and conn.messages < self.settings.messages_per_connection
    and now - conn.idle_since <= self.settings.idle * 1000
    and now - conn.connected_at <= self.settings.max_age * 1000
    and is_quiet(conn)
end

-- The idle connection, when it is worth trying.
local function take_idle(self)
  local conn = self.idle_connection
  self.idle_connection = nil
  if conn and is_usable(self, conn) then
    conn.timeouts = self.reuse_timeouts
    return conn
  elseif conn then
    conn:hang_up()
  end
end

local function put_back(self, conn)
  local is_used_up = conn.messages >= self.settings.messages_per_connection
  if self.closed or conn.dead or conn.quitting or is_used_up or self.idle_connection then
    conn:hang_up()
    return
  end
  conn.idle_since, conn.deadline = core.clock(), nil
  self.idle_connection = conn
end

local function open_new(self, deadline)
  local started = core.clock()
  local conn, err = handshake.open(self.settings, deadline)
  if not conn then
    return nil, err
  end
  local ok
  ok, err = handshake.prepare(conn)
  if not ok then
    return nil, err
  end
  conn.messages, conn.setup_seconds = 0, (core.clock() - started) / 1000
  return conn
end

local function send_over(conn, message, envelope, how)
  conn.deadline = how.deadline
  how.is_first = conn.messages == 0
  conn.messages = conn.messages + 1
  return transaction.run(conn, message, envelope, how)
end

-- A reused connection may have died in its sleep: nothing was sent then, and a new one is no retry.
local function died_in_sleep(conn, err)
  local had_no_reply = conn.timeouts ~= conn.settings.timeouts
  return conn.dead and had_no_reply and err.delivery == "not_sent"
    and (err.code == "CLOSED" or err.code == "TIMEOUT" or err.smtp_code == 421
      or err.stage == "RSET")
end

-- The new connection carries the message, or nothing does.
local function deliver_anew(self, message, envelope, how)
  local conn, err = open_new(self, how.deadline)
  if not conn then
    return nil, err
  end
  local result
  result, err = send_over(conn, message, envelope, how)
  if result then
    result.timings = { setup = conn.setup_seconds }
  end
  return result, err, conn
end

local function deliver(self, message, envelope, how)
  local conn = take_idle(self)
  if not conn then
    return deliver_anew(self, message, envelope, how)
  end
  local result, err = send_over(conn, message, envelope, how)
  if not result and died_in_sleep(conn, err) then
    conn:close()
    return deliver_anew(self, message, envelope, how)
  end
  return result, err, conn
end

-- An error from before the envelope knows no recipients: all of them are not sent.
local function with_recipients(err, envelope)
  if #err.accepted + #err.rejected + #err.unknown + #err.not_sent == 0 then
    for i, recipient in ipairs(envelope.to) do
      err.not_sent[i] = recipient.local_part .. "@" .. recipient.domain
    end
    err.delivery = "not_sent"
    err.retryable = err.temporary
  end
  return err
end

local function message_and_envelope(self, given, level)
  if type(given) == "userdata" then
    local envelope = message_of.envelope(given)
    if not envelope then
      error("bad argument #1 to 'send' (a message made by ettsumailer.message expected)", level + 1)
    end
    return given, envelope
  elseif type(given) == "table" and not (given.from or given.raw) and self.settings.from then
    given = options.merge({ from = self.settings.from }, given)
  end
  local message, err = message_of.new(given, level + 1)
  if not message then
    return nil, err
  end
  return message, message_of.envelope(message)
end

---Sends one message: a table of its fields, or what ettsumailer.message made.
---@param given table|userdata
---@param how table?  internal: { last = true } says QUIT with the content
---@return table? result accepted, rejected, message_id, response, queue_id, tls, timings ...
---@return ettsumailer.error?
function Mailer:send(given, how)
  if self.closed then
    error("this mailer is closed", 2)
  end
  local started = core.clock()
  local message, envelope = message_and_envelope(self, given, 2)
  if not message then
    return nil, envelope
  elseif #envelope.to == 0 then
    return errors.refuse("ADDRESS", "there is no recipient: give to, cc or bcc")
  end
  local timeout = self.settings.timeout
  local result, err, conn = deliver(self, message, envelope, {
    all_or_nothing = self.settings.all_or_nothing, last = how and how.last,
    deadline = timeout and started + timeout * 1000,
  })
  if conn then
    put_back(self, conn)
  end
  if not result then
    return nil, with_recipients(err, envelope)
  end
  result.timings = options.merge(result.timings, { total = (core.clock() - started) / 1000 })
  return result
end

---Connects, greets and secures, and keeps the connection: what a send would need.
---@return table? about { capabilities, tls }
---@return ettsumailer.error?
function Mailer:verify()
  if self.closed then
    error("this mailer is closed", 2)
  end
  local timeout = self.settings.timeout
  local conn, err = open_new(self, timeout and core.clock() + timeout * 1000)
  if not conn then
    return nil, err
  end
  local about = { capabilities = conn:capabilities(), tls = conn.session:tls() }
  put_back(self, conn)
  return about
end

---Says QUIT on what is open. The mailer can not be used any more.
function Mailer:close()
  self.closed = true
  if self.idle_connection then
    self.idle_connection:hang_up()
    self.idle_connection = nil
  end
  if self.settings.tls_context then
    self.settings.tls_context:close() -- about a megabyte that Lua's collector knows nothing of
  end
end

---One message by itself: options of the mailer and fields of the message in one table.
---@param given table
---@param level integer?
---@return table? result
---@return ettsumailer.error?
function M.send(given, level)
  level = (level or 1) + 1
  options.check("send", given, options.merge(M.OPTIONS, message_of.FIELDS), level)
  local mailer_options, fields = {}, {}
  for name, value in next, given do
    if message_of.FIELDS[name] then
      fields[name] = value
    else
      mailer_options[name] = value
    end
  end
  local mailer, err = M.new(mailer_options, level)
  if not mailer then
    return nil, err
  end
  local result
  result, err = mailer:send(fields, { last = true })
  mailer:close()
  return result, err
end

return M
