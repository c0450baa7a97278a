-- Level 3: configuration that sends, and keeps its connections for the next message.
-- Why: five lines to send a mail; a mailer may live at module level for as long as the program.
-- Not: how a message gets away (ways.lua, sender/), is tried again (attempts.lua) or made
--  (message.lua).

local attempts = require "ettsumailer.mailer.attempts"
local clock_of = require "ettsumailer.mailer.clock"
local core = require "ettsumailer.core"
local errors = require "ettsumailer.errors"
local event_loop = require "ettsumailer.event_loop"
local expand = require "ettsumailer.template.expand"
local lazy = require "ettsumailer.lazy"
local message_of = require "ettsumailer.message"
local options = require "ettsumailer.options"
local scheduler = require "ettsumailer.scheduler"
local ways = require "ettsumailer.mailer.ways"

local batch = lazy.of "ettsumailer.mailer.batch"
local queue_of = lazy.of "ettsumailer.mailer.outbound_queue"
local rate_of = lazy.of "ettsumailer.mailer.rate"
local retry_of = lazy.of "ettsumailer.mailer.retry"
local shared = lazy.of "ettsumailer.mailer.shared"

local error, setmetatable, type = error, setmetatable, type

local M = {}

---What sends messages: configuration, and connections that are kept for the next one.
---@class ettsumailer.mailer
---@field outbox ettsumailer.outbox?  with via = "memory": what was sent
local Mailer = {}
Mailer.__index = Mailer
Mailer.__name = "ettsumailer.mailer"

---The options of a mailer beyond those of ways.OPTIONS.
--- from            of messages that have none
--- all_or_nothing  true: a message goes to all its recipients, or to none
--- retry           true, or a table of retry.OPTIONS: what fails for now is tried again
--- rate            messages a second, or a table of rate.OPTIONS
--- shared          in nginx, the name of a lua_shared_dict, or a table of shared.OPTIONS: rate and
---                 connections are those of all workers together
--- on_message      function(fields): called before a message is composed, with a copy of its table,
---                 which it may change; or with the sealed message
--- on_result       function(message, result, err): called when a message has come to its end, with
---                 what was given to send
--- queue           of enqueue: a table of outbound_queue.OPTIONS
--- on_undelivered  function(message, err): called for each enqueued message that was not delivered,
---                 or of which nobody knows
--- clock           { now, sleep } in seconds, for tests: that of retries, rates and rests
M.OPTIONS = options.merge(ways.OPTIONS, {
  from = "texts", all_or_nothing = "boolean", retry = "retry", rate = "rate",
  shared = "table or string",
  on_message = "function", on_result = "function", clock = "table",
  queue = "table", on_undelivered = "function",
})

-- Adds what decides when a message is sent. Returns true; or nil, err.
local function add_policies(self, level)
  local settings, err, _ = self.settings, nil, nil
  if settings.retry then
    self.retry, err = retry_of.new(settings.retry, level + 1)
  end
  if settings.rate and not err then
    self.rate, err = rate_of.new(settings.rate, level + 1)
  end
  if settings.shared and not err then
    _, err = shared.share(self, level + 1)
  end
  return not err or nil, err
end

---Makes a mailer. Nothing is opened yet.
---@param given table     options of a way to send, and of sending
---@param level integer?  as of `error`
---@return ettsumailer.mailer?
---@return ettsumailer.error?
function M.new(given, level)
  level = (level or 1) + 1
  options.check("mailer", given, M.OPTIONS, level)
  if given.queue then
    options.check("mailer: queue", given.queue, queue_of.OPTIONS, level)
  end
  local transport, err = event_loop.of(given.transport, "mailer", level)
  if not transport then
    return nil, err
  end
  local clock = clock_of.of(given.clock, transport.loop, level)
  local sender, settings = ways.open(given, M.OPTIONS, clock, level)
  if not sender then
    return nil, settings
  end
  local self = setmetatable({
    sender = sender, pool = sender.pool, settings = settings, clock = clock, cancels = 0,
    retry = false, rate = false,
    outbox = given.via == "memory" and sender or nil, loop = transport.loop,
  }, Mailer)
  local ok
  ok, err = add_policies(self, level)
  if not ok then
    self:close()
    return nil, err
  end
  return self
end

local function message_and_envelope(self, given, level)
  if type(given) == "userdata" then
    local envelope = message_of.envelope(given)
    if not envelope then
      error("bad argument #1 to 'send' (a message made by ettsumailer.message expected)", level + 1)
    end
    return given, envelope
  end
  if type(given) == "table" and not (given.from or given.raw) then
    local err
    given, err = expand.fields(given, level + 1) -- whose from wins over the mailer's
    if err then
      return nil, err
    elseif not (given.from or given.raw) and self.settings.from then
      given = options.merge({ from = self.settings.from }, given)
    end
  end
  local message, envelope = message_of.with_envelope(given, level + 1)
  return message, envelope -- no tail call: it would hide the caller's line
end

-- What is given to send, as on_message leaves it.
local function announced(self, given)
  local on_message, kind = self.settings.on_message, type(given)
  if not on_message or (kind ~= "table" and kind ~= "userdata") then
    return given
  end
  given = kind == "table" and options.merge(given) or given
  on_message(given)
  return given
end

-- The sealed message and its envelope; or nil, err, where there is nobody to send it to, too.
local function compose(self, given, level)
  scheduler.work_for(self.loop)
  given = announced(self, given)
  local message, envelope = message_and_envelope(self, given, level + 1)
  if message and #envelope.to == 0 then
    return errors.refuse("ADDRESS", "there is no recipient: give to, cc or bcc")
  end
  return message, envelope
end

-- Tells whoever asked to be told.
local function conclude(self, given, result, err)
  local settings = self.settings
  if err and err.code == "AUTH" and settings.login_hint then
    err.hint = settings.login_hint
  end
  if settings.on_result then
    settings.on_result(given, result, err)
  end
end

---Sends one message: a table of its fields, or what ettsumailer.message made.
---
---With `retry` or `rate` it waits as long as these say; `timeout` ends all of it.
---
---Example:
---```lua
---local result, err = mailer:send { to = "b@example.com", subject = "Hello", text = "Hello\n" }
---```
---@param given table|userdata
---@param how table?  internal: { last = true } says QUIT with the content
---@return table? result accepted, rejected, message_id, response, queue_id, tls, timings ...
---@return ettsumailer.error?
function Mailer:send(given, how)
  if self.closed then
    error("this mailer is closed", 2)
  end
  local started = core.clock()
  local message, envelope = compose(self, given, 2)
  local result, err
  if message then
    result, err = attempts.run(self, message, envelope, {
      last = how and how.last, fields = type(given) == "table" and given or nil,
    })
  else
    err = envelope
  end
  if result then
    result.timings = options.merge(result.timings, { total = (core.clock() - started) / 1000 })
  end
  conclude(self, given, result, err)
  return result, err
end

---Sends many messages over a few connections side by side, one round trip each where the server
---offers PIPELINING. Every message has a result; what goes wrong with one does not stop the others.
---
---Example: `local summary = mailer:send_all(messages, { connections = 2 })`
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
  local summary = batch.run(self, compose, conclude, messages, how, 2)
  return summary -- no tail call: it would hide the caller's line
end

---In nginx: composes a message and hands it over; a timer sends it behind those that wait. Usable
---in every phase that may create a timer. What cannot be delivered is told to on_undelivered (else
---in the error log), also when nginx ends the worker.
---
---Example:
---```lua
---local ok, err = mailer:enqueue { to = "b@example.com", subject = "Hello", text = "Hello\n" }
---```
---@param given table|userdata  as of send
---@return true?
---@return ettsumailer.error?   QUEUE_FULL, PHASE outside of nginx, or what is wrong with it
function Mailer:enqueue(given)
  if self.closed then
    error("this mailer is closed", 2)
  end
  local message, err = compose(self, given, 2)
  if not message then
    return nil, err
  end
  self.queue = self.queue or queue_of.new(self)
  return self.queue:put(message)
end

---Does all that a send would need, but sends nothing: connects, greets, secures and logs in.
---
---Example: `print(assert(mailer:verify()).tls.version)`
---@return table? about { capabilities, tls, ehlo_name = what the server was greeted with,
---  ehlo_name_from = "ehlo_name" (the option), "host name", "local address" (in nginx: that of the
---  request's server), or "nothing known" }; of several servers { servers = { { name, about, err },
---  ... } }; of other ways what they know
---@return ettsumailer.error?
function Mailer:verify()
  if self.closed then
    error("this mailer is closed", 2)
  elseif not self.sender.verify then
    return {}
  end
  local timeout = self.settings.timeout
  local about, err = self.sender:verify(timeout and core.clock() + timeout * 1000)
  if err and err.code == "AUTH" then
    err.hint = self.settings.login_hint or err.hint
  end
  return about, err
end

---Ends every send that is under way: each returns an error of code CANCELLED, whose delivery tells
---what may have become of the message. To be called from a function that the send calls, or from
---another coroutine. The mailer stays of use.
---
---Example: `mailer:cancel()`
function Mailer:cancel()
  self.cancels = self.cancels + 1
  if self.sender.cancel then
    self.sender:cancel()
  end
end

---Says QUIT on what is open. The mailer can not be used any more.
---
---Example: `mailer:close()`
function Mailer:close()
  self.closed, self.cancels = true, self.cancels + 1 -- what only waits is called off
  if self.sender.close then
    self.sender:close()
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
