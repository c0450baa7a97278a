-- When a message is tried again, and for whom: back-off, greylisting, budget.
-- Why: a temporary refusal is no failure, and a retry must never make a second copy.
-- Not: waiting (attempts.lua, batch.lua), nor a queue that outlives the program.

local core = require "ettsumailer.core"
local errors = require "ettsumailer.errors"
local options = require "ettsumailer.options"

local error, ipairs, pairs, setmetatable, tonumber, type =
  error, ipairs, pairs, setmetatable, tonumber, type
local max, min = math.max, math.min

local M = {}

---The options of a retry, with their kinds.
--- attempts        how often a message is tried in all
--- first_delay     seconds before the second attempt
--- factor          each further delay is so many times the one before
--- max_delay       seconds, above which no delay grows
--- greylist_delay  seconds at least, where a server greylists
--- budget          seconds from the first attempt, after which none begins
--- jitter          0 to 1: by which part a delay may be shorter or longer, at random
M.OPTIONS = {
  attempts = "integer", first_delay = "seconds", factor = "number", max_delay = "seconds",
  greylist_delay = "seconds", budget = "seconds", jitter = "number",
}

---What `retry = true` means.
M.DEFAULTS = {
  attempts = 5, first_delay = 10, factor = 3, max_delay = 600, greylist_delay = 300,
  budget = 1800, jitter = 0.2,
}

---When to try again, and for whom.
---@class ettsumailer.retry
local Policy = {}
Policy.__index = Policy

-- 0 or more and less than 1. Not math.random: whoever seeds it alike would make all retry together.
local function random()
  local a, b, c = core.random(3):byte(1, 3)
  return (a * 65536 + b * 256 + c) / 16777216
end

-- Each check: whether it fails, and what to say.
local CHECKS = {
  { function(p) return p.attempts < 1 end, "attempts must be 1 or more" },
  { function(p) return p.factor < 1 end, "factor must be 1 or more" },
  { function(p) return p.jitter > 1 end, "jitter must be 0 to 1" },
}

---A policy.
---@param given table|boolean  true, or options that beat the defaults
---@param level integer?       as of `error`
---@param random_of fun(): number?  0 or more and less than 1; for tests
---@return ettsumailer.retry?
---@return ettsumailer.error?  CONFIG
function M.new(given, level, random_of)
  level = (level or 1) + 1
  if given ~= true and type(given) ~= "table" then
    error(("mailer: option 'retry' must be true, false or a table, not a %s"):format(type(given)),
      level)
  end
  given = given ~= true and given or {}
  options.check("mailer: retry", given, M.OPTIONS, level)
  local policy = options.merge(M.DEFAULTS, given)
  local fault = options.fault(CHECKS, policy)
  if fault then
    return errors.refuse("CONFIG", "retry: " .. fault)
  end
  policy.random = random_of or random
  return setmetatable(policy, Policy)
end

-- What a refusal's words say of greylisting. Lower case.
local GREYLIST_WORDS = { "greylist", "graylist", "grey%-list", "gray%-list", "grey list" }

-- 450 4.7.1 and 451 4.7.1 are what greylisting servers answer; others say so in words.
local function is_greylisting(refusal)
  local code = refusal.smtp_code
  if code ~= 450 and code ~= 451 then
    return false
  elseif refusal.enhanced == "4.7.1" then
    return true
  end
  local text = (refusal.text or ""):lower()
  for _, words in ipairs(GREYLIST_WORDS) do
    if text:find(words) then
      return true
    end
  end
  return false
end

local LONGEST_ASKED = 3600 -- seconds: what is more is a time of the day or a mistake

-- The seconds that a refusal's words speak of: "for 300 seconds", "in 5 minutes", "in 00:05:00".
local function seconds_in(text)
  text = text:lower()
  local hours, minutes, seconds = text:match "%f[%d](%d%d):(%d%d):(%d%d)%f[%D]"
  if hours then
    return hours * 3600 + minutes * 60 + seconds
  end
  local n, unit = text:match "%f[%d](%d+) ?([sm][ei][cn])"
  if not n or #n > 5 then
    return 0
  end
  return unit == "sec" and tonumber(n) or unit == "min" and tonumber(n) * 60 or 0
end

-- The pause that a refusal asks for; 0 where it asks for none.
local function asked_seconds(text)
  local seconds = seconds_in(text)
  return seconds <= LONGEST_ASKED and seconds or 0
end

-- Seconds that greylisting servers among the refusals want us to stay away; 0 where none is.
local function greylist_seconds(policy, outcome)
  local longest = 0
  local refusals = { outcome }
  for _, refusal in ipairs(outcome.rejected) do
    refusals[#refusals + 1] = refusal
  end
  for _, refusal in ipairs(refusals) do
    if is_greylisting(refusal) then
      longest = max(longest, policy.greylist_delay, asked_seconds(refusal.text or ""))
    end
  end
  return longest
end

-- By address: whom another attempt may reach, and whether some are refused for good.
local function deferred(outcome)
  local again, is_partly_refused = {}, false
  for _, refusal in ipairs(outcome.rejected) do
    if refusal.temporary then
      again[refusal.address] = true
    else
      is_partly_refused = true
    end
  end
  for _, address in ipairs(outcome.not_sent) do
    again[address] = true
  end
  return again, is_partly_refused
end

-- Whether anything of it may be tried again at all.
local function may_retry(outcome, all_or_nothing)
  if #outcome.unknown > 0 or outcome.delivery == "unknown" then
    return false
  elseif outcome.delivery and not outcome.retryable then
    return false
  elseif all_or_nothing then
    local _, is_partly_refused = deferred(outcome)
    return not is_partly_refused
  end
  return true
end

---The seconds before an attempt, at random around what the options say.
---@param attempt integer    how many were made
---@param at_least number?   seconds that a server asks for: only longer, never shorter
---@return number
function Policy:next_delay(attempt, at_least)
  local delay = min(self.max_delay, self.first_delay * self.factor ^ (attempt - 1))
  delay = delay * (1 + self.jitter * (2 * self.random() - 1))
  if at_least and at_least > 0 then
    delay = max(delay, at_least * (1 + self.jitter * self.random()))
  end
  return delay
end

---What to do after an attempt.
---@param envelope table   of that attempt
---@param outcome table    its result or error
---@param attempt integer  how many were made, 1 or more
---@param elapsed number   seconds since the first began
---@param all_or_nothing boolean?
---@return number? delay   seconds to wait; nil: that was the last
---@return table? envelope of the recipients that are left
function Policy:plan(envelope, outcome, attempt, elapsed, all_or_nothing)
  if attempt >= self.attempts or not may_retry(outcome, all_or_nothing) then
    return nil
  end
  local again, rest = deferred(outcome), { from = envelope.from, to = {} }
  for _, recipient in ipairs(envelope.to) do
    if again[recipient.local_part .. "@" .. recipient.domain] then
      rest.to[#rest.to + 1] = recipient
    end
  end
  local delay = self:next_delay(attempt, greylist_seconds(self, outcome))
  if #rest.to == 0 or elapsed + delay > self.budget then
    return nil
  end
  for name, value in pairs(envelope) do
    if rest[name] == nil then
      rest[name] = value
    end
  end
  return delay, rest
end

return M
