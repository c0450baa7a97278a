-- Messages that leave after the request that wrote them: a bounded queue, drained by nginx's timer.
-- Why: a handler, even one that may not wait (log_by_lua), hands a mail over and is done; nothing
-- is lost without a word, whether the server fails, the queue is full or nginx is reloaded.
-- Not: a queue on disk: what a worker holds ends with a worker that is killed.

local core = require "ettsumailer.core"
local errors = require "ettsumailer.errors"
local options = require "ettsumailer.options"
local world = require "ettsumailer.world"

local error, next, pairs, pcall = error, next, pairs, pcall
local setmetatable, tostring = setmetatable, tostring

local M = {}

---The options of the queue, with their kinds.
--- messages  so many wait at most; 1000 where absent
--- bytes     octets of them together at most; 64 MiB where absent
--- drain     seconds that a worker which nginx ends goes on sending; 10 where absent
M.OPTIONS = { messages = "integer", bytes = "integer", drain = "seconds" }

local DEFAULTS = { messages = 1000, bytes = 64 * 1024 * 1024, drain = 10 }

local WATCH_MS = 250 -- between two looks at whether nginx ends this worker
local LOOK_SECONDS = 1 -- between two looks at whether a drain has begun that was to

-- A timer that nginx has accepted is never begun, and nobody is told, where too many are at work.
-- So there is a second one that looks again and again, and a sentinel that has the last word.

local Queue = {}
Queue.__index = Queue

---@param mailer table  { send_all, cancel, settings = { queue, on_undelivered } }
---@return table queue
function M.new(mailer)
  return setmetatable({
    mailer = mailer, limits = options.merge(DEFAULTS, mailer.settings.queue),
    first = 1, last = 0, bytes = 0, under_way = {},
  }, Queue)
end

function Queue:count()
  return self.last - self.first + 1
end

-- The oldest message, taken out; nil where there is none.
function Queue:pop()
  local message = self[self.first]
  if message then
    self[self.first], self.first = nil, self.first + 1
    self.bytes = self.bytes - (message:size() or 0)
  end
  return message
end

-- Tells of a message that was not delivered, or of which nobody knows.
function Queue:tell(message, err)
  local on_undelivered = self.mailer.settings.on_undelivered
  local ok = on_undelivered and pcall(on_undelivered, message, err)
  if not ok then
    world.log(("ettsumailer: message %s: %s"):format(message:id(), tostring(err)))
  end
end

-- Ends the sending when nginx has waited long enough for this worker.
function Queue:watch()
  local deadline
  while self.is_draining do
    if world.is_ending() then
      deadline = deadline or core.clock() + self.limits.drain * 1000
      if core.clock() >= deadline then
        self.is_over = true
        self.mailer:cancel()
        return
      end
    end
    world.sleep(core.clock() + WATCH_MS)
  end
end

-- Sends what is there and what comes meanwhile.
function Queue:send()
  local function next_message()
    local message = not self.is_over and self:pop() or nil
    if message then
      self.under_way[message] = true
    end
    return message
  end
  local function note(message, _, err)
    self.under_way[message] = nil
    if err then
      self:tell(message, err)
    end
  end
  while self:count() > 0 and not self.is_over do
    self.mailer:send_all(next_message, { on_result = note })
  end
end

local function cancelled(delivery)
  return errors.new {
    code = "CANCELLED", stage = "queue", delivery = delivery,
    text = "the sending was ended before this message had its turn",
  }
end

-- Tells of what was under way when something raised, and of all the rest when it is over.
function Queue:tell_what_is_left(is_over)
  for message in next, self.under_way do
    self.under_way[message] = nil
    self:tell(message, cancelled "unknown")
  end
  local message = (is_over or self.is_over or self.mailer.closed) and self:pop()
  while message do
    self:tell(message, cancelled "not_sent")
    message = self:pop()
  end
end

-- In the timer: one thread sends, another watches whether nginx ends the worker.
function Queue:drain()
  if self.is_draining then
    return
  end
  self.is_draining = true
  local _, err = world.run { function()
    local ok, why = pcall(self.send, self) -- LuaJIT yields across pcall
    self.is_draining = false
    if not ok then
      error(why, 0)
    end
  end, function()
    self:watch()
  end }
  self.is_draining, self.asked_at = false, nil
  if err then
    world.log("ettsumailer: " .. tostring(err))
  end
  self:tell_what_is_left()
  self:wake()
end

-- Starts the one timer, where none is under way. Returns true; or nil and why there is none.
function Queue:wake()
  local now = core.clock()
  local is_asked = self.asked_at and now - self.asked_at < LOOK_SECONDS * 1000
  if self.is_draining or is_asked or self:count() == 0 then
    return true
  end
  local ok, why = world.soon(function() self:drain() end)
  self.asked_at = ok and now or nil
  return ok, why
end

local waiting, has_looks = {}, nil -- the queues of this worker that may hold something

local function look()
  for queue in pairs(waiting) do
    if not queue.is_draining and queue:count() > 0 then
      return queue:drain() -- the next look is for the next queue
    elseif not queue.is_draining then
      waiting[queue] = nil
    end
  end
end

-- What else there is for a message that was taken to come to its end.
function Queue:insure()
  waiting[self] = true
  has_looks = has_looks or world.every(LOOK_SECONDS, look)
  -- Made behind the message, so that it ends before that.
  self.sentinel = world.sentinel(function(value)
    if value == self.sentinel then
      self:tell_what_is_left(true)
    end
  end, self.sentinel)
end

---Puts a sealed message behind the others.
---@param message userdata
---@return true?
---@return ettsumailer.error? QUEUE_FULL; PHASE where there are no timers
function Queue:put(message)
  local size = message:size() or 0
  if not world.is_nginx then
    return nil, errors.new {
      code = "PHASE", stage = "queue",
      text = "enqueue is for nginx: elsewhere use send or send_all",
    }
  elseif self:count() >= self.limits.messages or self.bytes + size > self.limits.bytes then
    return nil, errors.new {
      code = "QUEUE_FULL", stage = "queue",
      text = ("%d messages wait already, %d octets"):format(self:count(), self.bytes),
    }
  end
  self.last = self.last + 1
  self[self.last], self.bytes = message, self.bytes + size
  local ok, why = self:wake()
  if not ok then
    self[self.last], self.last, self.bytes = nil, self.last - 1, self.bytes - size
    return nil, errors.new { code = "QUEUE_FULL", stage = "queue", text = why, temporary = true }
  end
  self:insure()
  return true
end

return M
