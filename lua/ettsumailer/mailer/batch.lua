-- Many messages over a few connections side by side, each with its result.
-- Why: a million messages in constant memory, one round trip each, and nothing sent twice or lost.
-- Not: the dialogue on one connection (carrier.lua), nor which message comes next (feed.lua).

local carrier = require "ettsumailer.smtp.carrier"
local common = require "ettsumailer.sender.common"
local core = require "ettsumailer.core"
local delivery = require "ettsumailer.smtp.delivery"
local errors = require "ettsumailer.errors"
local feed_of = require "ettsumailer.mailer.feed"
local options = require "ettsumailer.options"
local outcome = require "ettsumailer.smtp.outcome"
local scheduler = require "ettsumailer.scheduler"
local transaction = require "ettsumailer.smtp.transaction"

local error, ipairs, min, setmetatable, type = error, ipairs, math.min, setmetatable, type

local M = {}

---The options of send_all.
--- connections  at most so many of those that the mailer may have
--- on_result    function(message, result, err, index): told each message's end; the summary holds
---              no results then
--- on_progress  function(summary): told after each
--- stop_on      function(message, result, err): true ends the batch
M.OPTIONS = {
  connections = "integer", on_result = "function", on_progress = "function", stop_on = "function",
}

local Batch = {}
Batch.__index = Batch

function Batch:is_stopped()
  if self.mailer.cancels ~= self.cancels then -- as it is when the mailer was closed
    self:stop()
  end
  return self.feed.is_stopped
end

-- The end of a job that is not under way when the batch is stopped: what it has come to, and
-- CANCELLED for the recipients that are left.
function Batch:call_off(job)
  local err = errors.new { code = "CANCELLED", stage = "check", text = "the batch was stopped" }
  if job.work then
    job.work:failed(err, "not_sent")
    job.work:close()
    job.work = false
  elseif job.rest and not job.outcome then
    common.failed(job.rest, err)
  end
  local result, failure = outcome.merge(job.so_far, err)
  job.attempts = job.attempts + (result and result.attempts or 0)
  self:report(job, result, failure)
end

-- Nothing more is begun.
function Batch:stop()
  if self.feed.is_stopped then
    return
  end
  self.summary.stopped = true
  for _, job in ipairs(self.feed:stop()) do
    self:call_off(job)
  end
end

local function count_failure(summary, err)
  summary.failed = summary.failed + 1
  summary.unknown = summary.unknown + (err.delivery == "unknown" and 1 or 0)
end

-- The end of a job: told once, to whoever asked.
function Batch:report(job, result, err)
  local how, summary = self.how, self.summary
  if job.outcome then
    result, err = outcome.merge(job.outcome, result or err)
  end
  summary.total = summary.total + 1
  if result then
    summary.sent = summary.sent + 1
    result.attempts, result.timings = job.attempts, result.timings or { total = 0 }
    result.timings.total = (core.clock() - job.started) / 1000
  else
    count_failure(summary, err)
  end
  self.tell(self.mailer, job.given, result, err)
  if how.on_result then
    how.on_result(job.given, result, err, job.index)
  else
    summary.results[job.index] = { message = job.given, result = result, err = err }
  end
  if how.on_progress then
    how.on_progress(summary)
  end
  if how.stop_on and how.stop_on(job.given, result, err) then
    self:stop()
  end
end

-- The pause before the job's next attempt, and whom it is for.
function Batch:plan(job, result, err)
  if not job.envelope or self.feed.is_stopped then
    return nil
  end
  local elapsed, timeout = self.mailer.clock.now() - job.began, self.settings.timeout
  local delay, rest = self.mailer.retry:plan(job.envelope, result or err, job.count, elapsed,
    self.settings.all_or_nothing)
  if delay and timeout and elapsed + delay >= timeout then
    return nil
  end
  return delay, rest
end

-- An attempt is over: there is another one later, or this is the end.
function Batch:conclude(job, result, err)
  job.count = job.count + 1
  job.attempts = job.attempts + (result and result.attempts or 1)
  local delay, rest
  if self.mailer.retry then
    delay, rest = self:plan(job, result, err)
  end
  if not delay then
    self:report(job, result, err)
    return
  end
  result, err = outcome.merge(job.outcome, result or err)
  job.has_moved = false
  job.outcome, job.so_far, job.envelope, job.rest = result or err, nil, rest, rest
  self.feed:delay(job, delay)
end

function Batch:note_pace(result_or_err)
  local rate = self.mailer.rate
  if rate then
    rate:note(result_or_err, self.mailer.clock.now())
  end
end

---What a transaction has come to: the job goes on with recipients that are left, or ends.
---@param job table
---@param result table?
---@param err ettsumailer.error?
function Batch:settle(job, result, err)
  local work, rest = job.work, nil
  if work then
    rest = result and work.overflow and delivery.overflow(work, job.rest)
    work:close()
    job.work = false
  end
  self:note_pace(result or err)
  if job.so_far then
    result, err = outcome.merge(job.so_far, result or err)
  end
  if rest and not self.feed.is_stopped then
    job.so_far, job.rest, job.has_moved = result or err, rest, false
    self.feed:give_back(job)
  else
    self:conclude(job, result, err)
  end
end

---Takes back a job that another connection is to carry.
---@param job table
function Batch:give_back(job)
  if self.feed.is_stopped then
    self:call_off(job)
  else
    self.feed:give_back(job)
  end
end

-- Composes the message of a new job. Returns nothing; or an error.
function Batch:compose(job)
  if job.failure or errors.is(job.given) then
    return job.failure or job.given
  end
  local message, envelope = self.make(self.mailer, job.given, 2)
  if not message then
    return envelope
  end
  job.message, job.envelope, job.rest = message, envelope, envelope
  if self.mailer.rate then
    self.mailer.rate:charge(#envelope.to - 1)
  end
end

function Batch:start_time(job)
  local now, timeout, mailer = core.clock(), self.settings.timeout, self.mailer
  job.started, job.began = now, mailer.retry and mailer.clock.now()
  job.deadline = timeout and now + timeout * 1000 or false
end

-- Composes the message and opens what it is read from. Returns nothing when it has come to its end.
function Batch:prepare(job)
  local err
  if not job.started then
    self:start_time(job)
  end
  if job.failure or not job.message then
    err = self:compose(job)
  end
  if not err and not job.work and self.pool then
    job.work, err = transaction.new(job.message, job.rest, self.settings)
  end
  if err then
    self:settle(job, nil, err)
    return nil
  end
  return job
end

---The next message that can be sent without a wait, all ready to go.
---@param may_wait boolean?
---@return table? job
function Batch:next_prepared(may_wait)
  while true do
    local job = self.feed:next(may_wait) -- none once the batch is stopped
    if not job then
      return nil
    end
    job = self:prepare(job)
    if job and not self:is_stopped() then
      return job
    elseif job then
      self:call_off(job)
    end
  end
end

-- One attempt of a job by a way that has no connections of ours.
function Batch:hand_over(job, deadline)
  self:settle(job, self.mailer.sender:send(job.message, job.rest, {
    deadline = deadline, all_or_nothing = self.settings.all_or_nothing, fields = job.given,
  }))
end

-- One message, and what follows it on the same connection. Returns whether to go on.
function Batch:carry(job, worker)
  worker.deadline = job.deadline or nil
  if not self.pool then
    self:hand_over(job, worker.deadline)
    return true
  end
  local conn, err = self.pool:acquire(worker, job.has_moved)
  if conn then
    carrier.run(self, conn, job)
    self.pool:release(conn)
  elseif self.working > 1 and (err.code == "QUEUE_FULL" or outcome.is_complaint(err)) then
    self:note_pace(err)
    self:give_back(job) -- there can be no connection more: the others carry what is left
    return false
  else
    self:settle(job, job.work:failed(err, "not_sent"))
  end
  return true
end

-- One connection's worth of work after the other, until there is none left.
function Batch:work(worker)
  local job = self:next_prepared(true)
  while job and self:carry(job, worker) do
    job = self:next_prepared(true)
  end
  self.working = self.working - 1
end

-- One for each connection: what it is in the eyes of the pool, and what it does.
function Batch:start_workers()
  local sender, functions = self.mailer.sender, {}
  local most = self.pool and self.pool.settings.connections or sender.side_by_side or 1
  for i = 1, min(self.how.connections or most, most) do
    local worker = {}
    self.workers[i] = worker
    functions[i] = function() self:work(worker) end
  end
  self.working = #functions
  return functions
end

local function check(messages, how, level)
  if type(messages) ~= "table" and type(messages) ~= "function" then
    error(("bad argument #1 to 'send_all' (a list or a function expected, got %s)"):format(
      type(messages)), level + 1)
  end
  options.check("send_all", how, M.OPTIONS, level + 1)
  if how.connections and how.connections < 1 then
    error("send_all: option 'connections' must be 1 or more", level + 1)
  end
end

---Sends many messages.
---@param mailer table  { sender, settings, clock, rate, retry, loop, cancels = a number that
---  changes when all is called off }
---@param make fun(mailer, message, level): userdata?, table  seals a message: it and its envelope,
---  or nil, err
---@param tell fun(mailer, message, result, err)  told each message's end
---@param messages table|function
---@param how table?   as of M.OPTIONS
---@param level integer as of `error`
---@return table summary
function M.run(mailer, make, tell, messages, how, level)
  how = how or {}
  check(messages, how, level + 1)
  local self = setmetatable({
    mailer = mailer, make = make, tell = tell, pool = mailer.sender.pool, how = how,
    settings = mailer.settings, cancels = mailer.cancels, workers = {},
    summary = {
      total = 0, sent = 0, failed = 0, unknown = 0, results = not how.on_result and {} or nil,
    },
  }, Batch)
  self.feed = feed_of.new(messages, {
    rate = mailer.rate, clock = mailer.clock,
    is_called_off = self.is_stopped, batch = self,
  })
  local started = core.clock()
  local ok, err = scheduler.run(self:start_workers(), mailer.loop)
  if not ok then -- a function of the user's has raised
    for _, worker in ipairs(self.pool and self.workers or {}) do
      self.pool:abandon(worker)
    end
    error(err, 0)
  end
  self.summary.seconds = (core.clock() - started) / 1000
  return self.summary
end

return M
