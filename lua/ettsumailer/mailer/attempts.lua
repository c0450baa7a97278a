-- One message until it is delivered, refused for good, or given up: rate, attempts, pauses.
-- Why: whoever sends one message waits here for all of it.
-- Not: when to try again (retry.lua), how fast (rate.lua), nor many messages at a time (batch.lua).

local clock_of = require "ettsumailer.mailer.clock"
local core = require "ettsumailer.core"
local errors = require "ettsumailer.errors"
local lazy = require "ettsumailer.lazy"
local outcome = require "ettsumailer.smtp.outcome"

local common = lazy.of "ettsumailer.sender.common"

local setmetatable = setmetatable
local huge = math.huge

local M = {}

local Attempts = {}
Attempts.__index = Attempts

-- Seconds since the beginning, and those that are left.
function Attempts:elapsed()
  return self.mailer.clock.now() - self.began
end

function Attempts:left()
  return (self.mailer.settings.timeout or huge) - self:elapsed()
end

-- Sleeps. Returns true; or nil, err: it was cancelled meanwhile.
function Attempts:sleep(seconds)
  local mailer, cancels = self.mailer, self.cancels
  self.waited = self.waited + seconds
  clock_of.sleep(mailer.clock, seconds, function() return mailer.cancels ~= cancels end)
  if mailer.cancels ~= cancels then
    return nil, errors.new { code = "CANCELLED", stage = "wait", text = "the send was cancelled" }
  end
  return true
end

-- Waits for its turn. Returns true; or nil, err.
function Attempts:wait_for_rate(recipients)
  local mailer = self.mailer
  if not mailer.rate then
    return true
  end
  local wait, err = mailer.rate:take(mailer.clock.now(), recipients)
  while wait and wait > 0 do
    if wait > self:left() then
      return nil, errors.new {
        code = "TIMEOUT", stage = "rate", text = "the rate leaves no room within the timeout",
        hint = "raise rate or timeout",
      }
    end
    local ok, why = self:sleep(wait)
    if not ok then
      return nil, why
    end
    wait, err = mailer.rate:take(mailer.clock.now(), recipients)
  end
  return wait ~= nil or nil, err
end

-- One attempt. Returns result; or nil, err.
function Attempts:try(envelope)
  local mailer = self.mailer
  local ok, err = self:wait_for_rate(#envelope.to)
  if not ok then
    return common.failed(envelope, err)
  end
  local left = self:left()
  local result
  result, err = mailer.sender:send(self.message, envelope, {
    all_or_nothing = mailer.settings.all_or_nothing, last = self.how.last,
    fields = self.how.fields, deadline = left < huge and core.clock() + left * 1000 or nil,
  })
  if mailer.rate then
    mailer.rate:note(result or err, mailer.clock.now())
  end
  return result, err
end

-- The pause before the next attempt and whom it is for; nil: there is none.
function Attempts:plan(envelope, whole)
  local mailer = self.mailer
  if not mailer.retry then
    return nil
  end
  local delay, rest = mailer.retry:plan(envelope, whole, self.count, self:elapsed(),
    mailer.settings.all_or_nothing)
  if not delay or delay >= self:left() then
    return nil
  end
  return delay, rest
end

-- The next attempt's envelope, when its time has come; nil: there is none, or nil and an error: it
-- was cancelled meanwhile.
function Attempts:pause(envelope, last)
  local delay, rest = self:plan(envelope, last)
  if not delay then
    return nil
  end
  local ok, err = self:sleep(delay)
  if not ok then
    return common.failed(rest, err)
  end
  return rest
end

-- Attempts and pauses, to the end of them. Returns result; or nil, err.
function Attempts:go_on(envelope)
  local result, err
  local rest = envelope
  while rest do
    local made, bad = self:try(rest)
    self.count, self.made = self.count + 1, self.made + (made and made.attempts or 1)
    result, err = outcome.merge(result or err, made or bad)
    rest, bad = self:pause(rest, made or bad)
    if bad and not result then
      result, err = outcome.merge(err, bad)
    end
  end
  return result, err
end

---Sends a message.
---@param mailer table      { sender, settings, clock, retry, rate, cancels }
---@param message userdata
---@param envelope table
---@param how table         { last, fields }
---@return table? result
---@return ettsumailer.error?
function M.run(mailer, message, envelope, how)
  local self = setmetatable({
    mailer = mailer, message = message, how = how, began = mailer.clock.now(), count = 0,
    made = 0, waited = 0, cancels = mailer.cancels,
  }, Attempts)
  local result, err = self:go_on(envelope)
  if result then
    result.attempts = self.made
    result.timings = result.timings or {}
    result.timings.waited = self.waited > 0 and self.waited or nil
  end
  return result, err
end

return M
