-- Many messages over a few connections side by side, each with its result.
-- Why: a million messages in constant memory, one round trip each, and nothing sent twice or lost.
-- Not: the dialogue on one connection (carrier.lua), nor which message comes next (feed.lua).

local carrier = require "ettsumailer.carrier"
local core = require "ettsumailer.core"
local delivery = require "ettsumailer.delivery"
local errors = require "ettsumailer.errors"
local feed_of = require "ettsumailer.feed"
local options = require "ettsumailer.options"
local outcome = require "ettsumailer.outcome"
local scheduler = require "ettsumailer.scheduler"
local transaction = require "ettsumailer.transaction"

local error, ipairs, min, setmetatable, type = error, ipairs, math.min, setmetatable, type

local M = {}

---The options of send_all, with their kinds.
M.OPTIONS = {
  connections = "integer", on_result = "function", on_progress = "function", stop_on = "function",
}

local Batch = {}
Batch.__index = Batch

function Batch:is_stopped()
  if self.pool.cancels ~= self.cancels then
    self:stop()
  end
  return self.feed.is_stopped
end

-- Nothing more is begun; what was taken and is not under way is told as CANCELLED.
function Batch:stop()
  if self.feed.is_stopped then
    return
  end
  self.summary.stopped = true
  for _, job in ipairs(self.feed:stop()) do
    local err = errors.new { code = "CANCELLED", stage = "check", text = "the batch was stopped" }
    self:report(job, job.work and job.work:failed(err, "not_sent") or err)
  end
end

local function counted(summary, result, err)
  summary.total = summary.total + 1
  if result then
    summary.sent = summary.sent + 1
  else
    summary.failed = summary.failed + 1
    summary.unknown = summary.unknown + (err.delivery == "unknown" and 1 or 0)
  end
end

-- The end of a job: told once, to whoever asked.
function Batch:report(job, result, err)
  local how, summary = self.how, self.summary
  if job.outcome then
    result, err = outcome.merge(job.outcome, result or err)
  end
  if result then
    local total = (core.clock() - job.started) / 1000
    result.timings = options.merge(result.timings, { total = total })
  end
  counted(summary, result, err)
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

---What a transaction has come to: the job goes on with recipients that are left, or ends.
---@param job table
---@param result table?
---@param err ettsumailer.error?
function Batch:settle(job, result, err)
  local work = job.work
  local rest = work and result and delivery.overflow(work, job.rest)
  if work then
    work:close()
    job.work = nil
  end
  if not rest or self.feed.is_stopped then
    self:report(job, result, err)
    return
  end
  result, err = outcome.merge(job.outcome, result or err)
  job.outcome, job.rest = result or err, rest
  self.feed:give_back(job)
end

---Takes back a job that another connection is to carry.
---@param job table
function Batch:give_back(job)
  if self.feed.is_stopped then
    local err = errors.new { code = "CANCELLED", stage = "check", text = "the batch was stopped" }
    self:settle(job, job.work:failed(err, "not_sent"))
  else
    self.feed:give_back(job)
  end
end

-- Composes the message and opens what it is read from. Returns nothing when it has come to its end.
function Batch:prepare(job)
  job.started = job.started or core.clock()
  local err
  if errors.is(job.given) then
    err = job.given
  elseif not job.message then
    job.message, job.rest = self.compose(job.given)
    err = not job.message and job.rest or nil
  end
  if not err and not job.work then
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
  while not self:is_stopped() do
    local job = self.feed:next(may_wait)
    if not job then
      return nil
    end
    job = self:prepare(job)
    if job then
      return job
    end
  end
end

function Batch:carry(job, worker)
  local timeout = self.settings.timeout
  worker.deadline = timeout and job.started + timeout * 1000 or nil
  local conn, err = self.pool:acquire(worker)
  if not conn then
    self:settle(job, job.work:failed(err, "not_sent"))
    return
  end
  carrier.run(self, conn, job)
  self.pool:release(conn)
end

-- One connection's worth of work after the other, until there is none left.
function Batch:work(worker)
  local job = self:next_prepared(true)
  while job do
    self:carry(job, worker)
    job = self:next_prepared(true)
  end
end

-- One for each connection: what it is in the eyes of the pool, and what it does.
function Batch:start_workers()
  local most, functions = self.pool.settings.connections, {}
  for i = 1, min(self.how.connections or most, most) do
    local worker = {}
    self.workers[i] = worker
    functions[i] = function() self:work(worker) end
  end
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
---@param given table  { pool, settings, compose = function(message) -> sealed, envelope }
---@param messages table|function
---@param how table?   as of M.OPTIONS
---@param level integer as of `error`
---@return table summary
function M.run(given, messages, how, level)
  how = how or {}
  check(messages, how, level + 1)
  local self = setmetatable({
    pool = given.pool, settings = given.settings, compose = given.compose, how = how,
    feed = feed_of.new(messages, given.rate), cancels = given.pool.cancels, workers = {},
    summary = {
      total = 0, sent = 0, failed = 0, unknown = 0, results = not how.on_result and {} or nil,
    },
  }, Batch)
  local started = core.clock()
  local ok, err = scheduler.run(self:start_workers())
  if not ok then -- a function of the user's has raised
    for _, worker in ipairs(self.workers) do
      self.pool:abandon(worker)
    end
    error(err, 0)
  end
  self.summary.seconds = (core.clock() - started) / 1000
  return self.summary
end

return M
