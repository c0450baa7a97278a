-- One message to one server, over as many transactions as its recipients take.
-- Why: a server may take only so many recipients at a time (RFC 5321 4.5.3.1.10); a connection may
-- have died in its sleep. Neither is a retry, and neither is the caller's business.
-- Not: trying again later or elsewhere (mailer.lua), nor many messages at a time (batch.lua).

local errors = require "ettsumailer.errors"
local outcome = require "ettsumailer.smtp.outcome"
local scheduler = require "ettsumailer.scheduler"
local transaction = require "ettsumailer.smtp.transaction"

local error, ipairs = error, ipairs

local M = {}

-- One transaction; the connection is replaced once where that is no retry.
local function attempt(work, pool, how)
  local conn, err = pool:acquire(how)
  if not conn then
    return work:failed(err, "not_sent")
  end
  conn.deadline = how.deadline or false
  local is_new = conn.messages == 0
  local result
  result, err = work:run(conn, how.last)
  if not result and pool:may_replace(conn, err) then
    pool:release(conn)
    conn, err = pool:acquire(how, true)
    if not conn then
      return work:failed(err, "not_sent")
    end
    conn.deadline, is_new = how.deadline or false, true
    result, err = work:run(conn, how.last)
  end
  if result then
    result.timings = { setup = is_new and conn.setup_seconds or nil }
  end
  pool:release(conn)
  return result, err
end

---The envelope of the recipients that were too many for a transaction, or nil.
---@param work table      the transaction
---@param envelope table  its envelope
---@return table?
function M.overflow(work, envelope)
  if not work.overflow or work.all_or_nothing then
    return nil
  end
  local rest = { from = envelope.from, to = {} }
  for i, number in ipairs(work.overflow) do
    rest.to[i] = envelope.to[number]
  end
  return rest
end

local function cancelled(work)
  return work:failed(errors.new {
    code = "CANCELLED", stage = "check", text = "the sending was cancelled",
  }, "not_sent")
end

local function deliver(pool, message, envelope, how)
  local result, err
  local rest, cancels = envelope, pool.cancels
  while rest do
    local work, bad = transaction.new(message, rest, how)
    local made = nil
    if work then
      local go_on = pool.cancels == cancels and attempt or cancelled
      made, bad = go_on(work, pool, how)
      work:close()
    end
    result, err = outcome.merge(result or err, made or bad)
    rest = made and M.overflow(work, rest)
  end
  return result, err
end

---Delivers a sealed message. What a function of the user's raises is raised, and costs the pool no
---connection.
---@param pool ettsumailer.pool
---@param message userdata
---@param envelope table    { from = address or "", to = { address, ... } }
---@param how table         { all_or_nothing, deadline = ms, last: QUIT rides with the content }; of
---  this delivery alone
---@return table? result
---@return ettsumailer.error?
function M.run(pool, message, envelope, how)
  local ok, result, err = scheduler.guard(deliver, pool, message, envelope, how)
  if not ok then
    pool:abandon(how)
    error(result, 0)
  end
  return result, err
end

return M
