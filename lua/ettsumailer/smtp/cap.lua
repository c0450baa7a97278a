-- How many connections a server may be asked for now: fewer for a while after it said "too many".
-- Why: a server that takes fewer than were asked for must not be asked for as many again at once.
-- Not: counting what is open (pool.lua), nor the pace of messages (mailer/rate.lua).

local outcome = require "ettsumailer.smtp.outcome"

local setmetatable = setmetatable
local floor, max, min = math.floor, math.max, math.min

local M = {}

local QUIET = 10      -- seconds without a complaint after which there may be one more
local SAME_EVENT = 1  -- seconds in which further complaints are the same one

-- Until a login has succeeded, a complaint is about the connection.
local STAGES = { connect = true, greeting = true, EHLO = true, HELO = true, AUTH = true }

local Cap = {}
Cap.__index = Cap

---@param most integer           as configured
---@param clock ettsumailer.clock
---@return table cap
function M.new(most, clock)
  return setmetatable({ most = most, clock = clock }, Cap)
end

---How many there may be at this moment.
---@return integer
function Cap:allowed()
  if not self.lowered then
    return self.most
  end
  local quiet = max(0, floor((self.clock.now() - self.since) / QUIET))
  local allowed = min(self.most, self.lowered + quiet)
  if allowed == self.most then
    self.lowered, self.since = nil, nil
  end
  return allowed
end

---Looks at why a connection could not be had.
---@param err ettsumailer.error
---@param present integer  connections, the one that failed among them
---@return boolean is_lowered  it was a complaint: fewer are allowed now
function Cap:note(err, present)
  if not STAGES[err.stage] or not outcome.is_complaint(err) then
    return false
  end
  local now, allowed = self.clock.now(), self:allowed()
  if not self.lowered or now - self.since >= SAME_EVENT then
    self.lowered, self.since = max(1, floor(min(allowed, present) / 2)), now
  end
  return true
end

return M
