-- How fast messages may leave: a token bucket that all connections of a mailer share.
-- Why: providers count by the second, and a server that says "too fast" has to be believed.
-- Not: waiting (attempts.lua, feed.lua), nor a clock: the moment is given.

local errors = require "ettsumailer.errors"
local options = require "ettsumailer.options"
local outcome_of = require "ettsumailer.smtp.outcome"

local error, ipairs, setmetatable, type = error, ipairs, setmetatable, type
local max, min = math.max, math.min

local M = {}

---The options of a rate, with their kinds.
--- messages    so many of them ...
--- recipients  ... and so many of these, where it is given ...
--- per         ... in so many seconds; 1 where absent
--- burst       messages that may leave at once after a pause; 1 where absent: evenly spaced
M.OPTIONS = { messages = "number", recipients = "number", per = "seconds", burst = "integer" }

local SLOWEST = 1 / 64     -- of the rate that was asked for
local RECOVERY = 60        -- seconds from the slowest to the rate that was asked for
local SAME_EVENT = 1       -- seconds in which further complaints are the same one

---A bucket of tokens.
---@class ettsumailer.rate
local Bucket = {}
Bucket.__index = Bucket

-- Each check: whether it fails, and what to say.
local CHECKS = {
  { function(r) return not r.messages and not r.recipients end,
    "give messages, recipients or both" },
  { function(r) return r.messages == 0 or r.recipients == 0 end,
    "messages and recipients must be more than 0" },
  { function(r) return r.per == 0 end, "per must be more than 0 seconds" },
  { function(r) return r.burst and r.burst < 1 end, "burst must be 1 or more" },
}

local function counter(amount, per, burst)
  return amount and { rate = amount / per, most = burst, tokens = burst }
end

---A bucket, full.
---@param given number|table  messages per second, or a table of M.OPTIONS
---@param level integer?      as of `error`
---@return ettsumailer.rate?
---@return ettsumailer.error? CONFIG
function M.new(given, level)
  level = (level or 1) + 1
  if type(given) == "number" then
    given = { messages = given }
  elseif type(given) ~= "table" then
    error(("mailer: option 'rate' must be a number or a table, not a %s"):format(type(given)),
      level)
  end
  options.check("mailer: rate", given, M.OPTIONS, level)
  local fault = options.fault(CHECKS, given)
  if fault then
    return errors.refuse("CONFIG", "rate: " .. fault)
  end
  local per, burst = given.per or 1, given.burst or 1
  return setmetatable({
    messages = counter(given.messages, per, burst),
    recipients = counter(given.recipients, per, 1), factor = 1,
  }, Bucket)
end

-- Lets the time pass: tokens come, and a rate that was lowered recovers.
local function advance(self, now)
  local passed = max(0, now - (self.now or now))
  self.now = max(now, self.now or now)
  for _, c in ipairs { self.messages or self.recipients, self.messages and self.recipients } do
    c.tokens = min(c.most, c.tokens + passed * c.rate * self.factor)
  end
  self.factor = min(1, self.factor + passed / RECOVERY)
end

-- Seconds until the counter has a whole token. A hair's breadth of rounding is a token, too.
local function shortage(self, c)
  if not c or c.tokens >= 1 - 1e-9 then
    return 0
  end
  return (1 - c.tokens) / (c.rate * self.factor)
end

---Takes the tokens of one message, if they are there. One with more recipients than there are
---tokens leaves in one piece, and the next wait the longer.
---@param now number          seconds
---@param recipients integer? of the message; 1 where absent
---@return number seconds  0: taken; else nothing was, and it may be asked again after so many
function Bucket:take(now, recipients)
  advance(self, now)
  local wait = max(shortage(self, self.messages), shortage(self, self.recipients))
  if wait > 0 then
    return wait
  end
  if self.messages then
    self.messages.tokens = self.messages.tokens - 1
  end
  if self.recipients then
    self.recipients.tokens = self.recipients.tokens - (recipients or 1)
  end
  return 0
end

---Charges for recipients that were not known when the message was paid for.
---@param recipients integer beyond the first
function Bucket:charge(recipients)
  if self.recipients then
    self.recipients.tokens = self.recipients.tokens - recipients
  end
end

---Halves the rate, down to 1/64 of what was asked for; it recovers by itself within a minute.
---@param now number seconds
function Bucket:slow_down(now)
  advance(self, now)
  if self.slowed_at and now - self.slowed_at < SAME_EVENT then
    return
  end
  self.slowed_at, self.factor = now, max(SLOWEST, self.factor / 2)
  for _, c in ipairs { self.messages or self.recipients, self.messages and self.recipients } do
    c.tokens = min(c.tokens, 0)
  end
end

---Whether what became of a message holds a complaint of the pace.
---@param outcome table result or error
---@return boolean
function M.is_complaint(outcome)
  local has_complained = outcome_of.is_complaint(outcome)
  for _, refusal in ipairs(outcome.rejected) do
    has_complained = has_complained or outcome_of.is_complaint(refusal)
  end
  return has_complained
end

---Looks at what became of a message, and slows down where the server complains of the pace.
---@param outcome table result or error
---@param now number    seconds
function Bucket:note(outcome, now)
  if M.is_complaint(outcome) then
    self:slow_down(now)
  end
end

local NONE = -1e9 -- a moment, or tokens, that are not there

---All that time and messages change, for another process to go on with.
---@return number[]
function Bucket:state()
  local messages, recipients = self.messages, self.recipients
  return {
    self.now or NONE, self.factor, self.slowed_at or NONE,
    messages and messages.tokens or NONE, recipients and recipients.tokens or NONE,
  }
end

---@param state number[]  as of state, of a bucket with the same options
function Bucket:set_state(state)
  self.now, self.factor = state[1] ~= NONE and state[1] or nil, state[2]
  self.slowed_at = state[3] ~= NONE and state[3] or nil
  if self.messages then
    self.messages.tokens = min(self.messages.most, state[4])
  end
  if self.recipients then
    self.recipients.tokens = min(self.recipients.most, state[5])
  end
end

return M
