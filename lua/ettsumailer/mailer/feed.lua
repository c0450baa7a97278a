-- Where the connections of a batch get their next message from: given back, due again, or new.
-- Why: one order for all of them, and one place where a batch may have to wait or to stop.
-- Not: making or sending a message (batch.lua, carrier.lua).

local clock_of = require "ettsumailer.mailer.clock"
local scheduler = require "ettsumailer.scheduler"

local min, setmetatable, huge = math.min, setmetatable, math.huge
local insert, remove = table.insert, table.remove

local M = {}

local DELAYED_MAX = 1000 -- messages that wait to be tried again; no new ones are taken above

---@class ettsumailer.feed
local Feed = {}
Feed.__index = Feed

-- An iterator over a list, or the function itself.
local function iterator_of(messages)
  if type(messages) == "function" then
    return messages
  end
  local i = 0
  return function()
    i = i + 1
    return messages[i]
  end
end

---@param messages table|function a list, or a function that gives one after the other and then nil
---@param how table  { rate = with take(now in seconds): 0, seconds to wait, or nil, err; clock;
---  is_called_off = function(batch): true ends every wait; batch }
---@return ettsumailer.feed
function M.new(messages, how)
  return setmetatable({
    iterate = iterator_of(messages), rate = how.rate or false, clock = how.clock,
    is_called_off = how.is_called_off, batch = how.batch, taken = 0, is_asking = false,
    is_over = false, is_stopped = false, returned = {}, delayed = {},
  }, Feed)
end

-- The next of the user's. Two tasks never ask at a time: the function may wait, too.
local function pull(self, may_wait)
  while self.is_asking do
    if not may_wait then
      return nil
    end
    scheduler.wait_until(function() return not self.is_asking end)
  end
  if self.is_over then
    return nil
  end
  self.is_asking = true
  local given = self.iterate()
  self.is_asking = false
  if given == nil then
    self.is_over = true
    return nil
  end
  self.taken = self.taken + 1
  return { -- all that becomes of it, in one table of one size
    given = given, index = self.taken, attempts = 0, count = 0, is_paid = false, started = false,
    began = false, deadline = false, message = false, envelope = false, rest = false, work = false,
    is_behind = false, has_moved = false,
  }
end

-- The delayed one that is due, or the moment when the first will be.
local function due(self, now)
  local first = huge
  for i, job in ipairs(self.delayed) do
    if job.due <= now then
      return remove(self.delayed, i)
    end
    first = min(first, job.due)
  end
  return nil, first
end

-- Of those given back the last. One whose connection died under it rides behind no other: on a
-- server that takes one message a connection it would never arrive.
local function take_returned(self, may_wait)
  for i = #self.returned, 1, -1 do
    if may_wait or not self.returned[i].has_moved then
      return remove(self.returned, i)
    end
  end
end

-- One that has been taken before. Returns job; or nil, and when there will be one.
local function find_old(self, may_wait)
  local job = take_returned(self, may_wait)
  if job then
    return job
  end
  return due(self, self.clock.now())
end

-- Returns job; or nil, and the moment when there may be one, or nil when there will be none.
local function find(self, may_wait)
  local job, when
  if self.returned[1] or self.delayed[1] then
    job, when = find_old(self, may_wait)
  end
  if not job and #self.delayed < DELAYED_MAX then
    job = pull(self, may_wait)
    if not job then -- others may have given one back meanwhile
      job, when = find_old(self, may_wait)
    end
  end
  return job, when
end

-- Takes a token for the job. Returns true, also where there never will be one and its failure says
-- so; or false and the moment when there will be one.
local function pay(self, job)
  if not self.rate or job.is_paid then
    return true
  end
  local now = self.clock.now()
  local seconds, err = self.rate:take(now, job.rest and #job.rest.to or 1)
  if seconds and seconds > 0 then
    return false, now + seconds
  end
  job.failure, job.is_paid = err, true
  return true
end

---The next job: { given, index }, and what has become of it so far.
---@param may_wait boolean  for the rate and for what is delayed, and has a connection to itself;
---  else nil when there is none now
---@return table?
function Feed:next(may_wait)
  while not self.is_called_off(self.batch) do
    local job, when = find(self, may_wait)
    if job then
      local is_paid
      is_paid, when = pay(self, job)
      if is_paid or self.is_stopped then -- stopped while it was asked for: it is told of
        return job
      end
      self:give_back(job)
    end
    if not (may_wait and when and when < huge) then
      return nil
    end
    clock_of.sleep(self.clock, when - self.clock.now(), function()
      return self.is_called_off(self.batch)
    end)
  end
end

---Puts a job in front of all others.
---@param job table
function Feed:give_back(job)
  insert(self.returned, job)
end

---Puts a job aside until it is due.
---@param job table
---@param seconds number
function Feed:delay(job, seconds)
  job.due, job.is_paid = self.clock.now() + seconds, nil
  insert(self.delayed, job)
end

---Gives out nothing any more. Returns those that were taken and are not under way.
---@return table[]
function Feed:stop()
  local left = self.returned
  for _, job in ipairs(self.delayed) do
    left[#left + 1] = job
  end
  self.is_stopped, self.returned, self.delayed = true, {}, {}
  return left
end

return M
