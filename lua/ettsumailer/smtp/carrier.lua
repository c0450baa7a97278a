-- One connection of a batch: each envelope shares the flight of the content before it.
-- Why: one round trip a message (RFC 2920) instead of two.
-- Not: which message is next, or what is done about failures (batch.lua).
--
-- At any time there are at most three jobs: `awaiting`, whose content is out; `current`, whose
-- envelope is; and `following`, which is composed while the server works.

local drive = require "ettsumailer.smtp.drive"
local errors = require "ettsumailer.errors"

local setmetatable = setmetatable

local M = {}

local Carrier = {}
Carrier.__index = Carrier

local function can_take_more(self)
  local conn = self.conn
  return not conn.dead and not conn.quitting and conn.messages < self.most
    and not (conn.place and self.batch.pool:must_give_way(conn))
end

-- A connection may have died between two messages, as one may that was idle: then another carries
-- what it did not even answer, once, and that is no retry.
local function may_move(self, job, err)
  if job.has_moved or not self.conn.dead or self.conn.cancelled then
    return false
  elseif self.batch.pool:may_replace(self.conn, err) then
    return true
  end
  local has_left = err.code == "CLOSED" or err.smtp_code == 421
  return has_left and job.is_behind and err.delivery == "not_sent" and not job.work.is_answered
end

local function settle(self, job, err)
  if may_move(self, job, err) then
    job.has_moved = true
    self.batch:give_back(job)
  else
    self.batch:settle(job, nil, err)
  end
end

function Carrier:conclude()
  local job, conn = self.awaiting, self.conn
  self.awaiting = false
  conn.deadline = job.deadline
  local result, err = job.work:conclude()
  if result and conn.setup_seconds then
    result.timings = { setup = conn.setup_seconds }
    conn.setup_seconds = false
  end
  if result then
    self.batch:settle(job, result)
  else
    settle(self, job, err)
  end
end

-- Nothing but the whole content or a dropped connection may follow a 354.
function Carrier:drop(job)
  self.conn:close()
  local err = errors.new { code = "CANCELLED", stage = "MAIL", text = "the batch was stopped" }
  self.batch:settle(job, job.work:failed(err, "not_sent"))
end

-- Up to the end of its content, or to what came instead.
function Carrier:open_current()
  local job = self.current
  self.current = false
  if self.batch:is_stopped() then
    return self:drop(job)
  elseif self.conn.dead then -- by the message before it, which has had its result
    return self.batch:give_back(job)
  end
  self.conn.deadline = job.deadline
  local ok, err = job.work:open()
  if ok then
    job.work:send_content(self.conn.messages >= self.most and not job.work.overflow)
    self.awaiting = job
  elseif ok == false then
    local _
    _, err = job.work:refused()
    settle(self, job, err)
  else
    settle(self, job, err)
  end
end

function Carrier:begin_following()
  local job = self.following
  self.following = false
  if not job then
    return
  elseif not can_take_more(self) or self.awaiting and self.awaiting.work.early then
    self.batch:give_back(job)
    return
  end
  job.is_behind = self.conn.messages > 0
  local ok, err = job.work:begin(self.conn, self.awaiting ~= false)
  if ok then
    self.current = job
  else
    self.batch:settle(job, nil, err)
  end
end

---Carries a job, and whatever follows without a wait, over a connection.
---@param batch table
---@param conn ettsumailer.connection
---@param first table
function M.run(batch, conn, first)
  local self = setmetatable({
    batch = batch, conn = conn, most = batch.pool.settings.messages_per_connection,
    awaiting = false, current = false, following = first,
  }, Carrier)
  self:begin_following()
  while self.current or self.awaiting or self.following do
    drive.flush(conn)
    if not self.following and can_take_more(self) then
      self.following = batch:next_prepared() or false
    end
    if self.awaiting then
      self:conclude()
    end
    if self.current then
      self:open_current()
    end
    self:begin_following()
  end
end

return M
