-- Level 3: configuration that sends, and keeps its connections for the next message.
-- Why: five lines to send a mail; a mailer may live at module level for as long as the program.
-- Not: the dialogue of a message (delivery.lua), nor its making (message.lua).

local core = require "ettsumailer.core"
local delivery = require "ettsumailer.delivery"
local errors = require "ettsumailer.errors"
local expand = require "ettsumailer.template.expand"
local lazy = require "ettsumailer.lazy"
local message_of = require "ettsumailer.message"
local options = require "ettsumailer.options"
local pool_of = require "ettsumailer.pool"
local scheduler = require "ettsumailer.scheduler"
local settings_of = require "ettsumailer.settings"

local batch = lazy.of "ettsumailer.batch"

local error, setmetatable, type = error, setmetatable, type

local M = {}

---A server's settings and the connections to it.
---@class ettsumailer.mailer
local Mailer = {}
Mailer.__index = Mailer
Mailer.__name = "ettsumailer.mailer"

---The options of a mailer beyond those of a server.
M.OPTIONS = options.merge(settings_of.SERVER, {
  from = "texts", all_or_nothing = "boolean",
}, pool_of.OPTIONS)

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
  return setmetatable({ settings = settings, pool = pool_of.new(settings) }, Mailer)
end

local function message_and_envelope(self, given, level)
  if type(given) == "userdata" then
    local envelope = message_of.envelope(given)
    if not envelope then
      error("bad argument #1 to 'send' (a message made by ettsumailer.message expected)", level + 1)
    end
    return given, envelope
  end
  local message, err
  given, err = expand.fields(given, level + 1) -- whose from wins over the mailer's
  if err then
    return nil, err
  elseif type(given) == "table" and not (given.from or given.raw) and self.settings.from then
    given = options.merge({ from = self.settings.from }, given)
  end
  message, err = message_of.new(given, level + 1)
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
  local result, err = delivery.run(self.pool, message, envelope, {
    all_or_nothing = self.settings.all_or_nothing, last = how and how.last,
    deadline = timeout and started + timeout * 1000,
  })
  if not result then
    return nil, err
  end
  result.timings = options.merge(result.timings, { total = (core.clock() - started) / 1000 })
  return result
end

---Sends many messages over a few connections side by side, one round trip each where the server
---offers PIPELINING. Every message has a result; what goes wrong with one does not stop the others.
---@param messages table|function a list, or a function that returns one after the other, then nil;
---  each is what send takes; an error object in place of one becomes its result
---@param how table? { connections = at most so many, on_result = function(message, result, err,
---  index), on_progress = function(summary), stop_on = function(message, result, err): true ends
---  it }
---@return table summary { total, sent, failed, unknown, stopped, seconds, results }: numbers of
---  messages; without on_result, results[index] = { message, result, err }
function Mailer:send_all(messages, how)
  if self.closed then
    error("this mailer is closed", 2)
  end
  local summary = batch.run({
    pool = self.pool, settings = self.settings,
    compose = function(given) return message_and_envelope(self, given, 2) end,
  }, messages, how, 2)
  return summary -- no tail call: it would hide the caller's line
end

---Connects, greets and secures, and keeps the connection: what a send would need.
---@return table? about { capabilities, tls }
---@return ettsumailer.error?
function Mailer:verify()
  if self.closed then
    error("this mailer is closed", 2)
  end
  local timeout = self.settings.timeout
  local owner = { deadline = timeout and core.clock() + timeout * 1000 }
  local ok, conn, err = scheduler.guard(self.pool.acquire, self.pool, owner, true)
  if not ok then
    self.pool:abandon(owner)
    error(conn, 0)
  end
  if not conn then
    return nil, err
  end
  local about = { capabilities = conn:capabilities(), tls = conn.session:tls() }
  self.pool:release(conn)
  return about
end

---Ends every send that is under way: each returns an error of code CANCELLED, whose delivery tells
---what may have become of the message. To be called from a function that the send calls, or from
---another coroutine. The mailer stays of use.
function Mailer:cancel()
  self.pool:cancel()
end

---Says QUIT on what is open. The mailer can not be used any more.
function Mailer:close()
  self.closed = true
  self.pool:close()
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
