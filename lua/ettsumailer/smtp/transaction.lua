-- One message over one connection: envelope, content, and what became of each recipient.
-- Why: the reply to the end of the content is the result; nothing else may change that.
-- Not: which connection (pool.lua), nor what is done with recipients that are left (delivery.lua).
--
-- The steps are apart, so that a batch can put the envelope of the next message into the flight of
-- a content's end: new; begin, which queues; open, up to the 354; send_content; conclude.

local core = require "ettsumailer.core"
local drive = require "ettsumailer.smtp.drive"
local errors = require "ettsumailer.errors"
local outcome_of = require "ettsumailer.smtp.outcome"
local reading = require "ettsumailer.message.reading"

local pairs, setmetatable, tostring = pairs, setmetatable, tostring

local M = {}

-- What is rarely otherwise is not in each object.
local Transaction = { refusal = false, has_refusals = false, overflow = false }
Transaction.__index = Transaction

local NOBODY = {} -- stays empty

function Transaction:note_recipient_refusal(event)
  local number, first = event.tag, self.refusal
  event.temporary = outcome_of.is_temporary(event, self.taken)
  if not self.has_refusals then
    self.has_refusals, self.rejected = true, {}
  end
  self.rejected[number] = outcome_of.refused(self.addresses[number], event)
  if outcome_of.is_overflow(event, self.taken) then
    self.overflow = self.overflow or {}
    self.overflow[#self.overflow + 1] = number
  end
  if not first or (event.temporary and not first.temporary) then
    self.refusal = event
  end
end

-- Keeps the refusal that tells most: the first; a temporary one among recipients; that of DATA when
-- there were recipients.
function Transaction:note_refusal(event)
  local first = self.refusal
  if event.stage ~= "RCPT" then
    if not first or (event.stage == "DATA" and self.taken > 0) then
      self.refusal = event
    end
  elseif not first or first.stage == "RCPT" then
    self:note_recipient_refusal(event)
  end
end

-- A reply that does not say yes. Returns true; or nil and what ended everything.
function Transaction:note_other()
  local conn = self.conn
  local event, err = drive.event(conn)
  if not event then
    return nil, err
  end
  local is_refused_reset = event.kind == "REFUSED" and event.stage == "RSET"
  if is_refused_reset then
    conn:close() -- nobody knows what the transaction before it has left behind
  end
  if is_refused_reset or event.kind == "SHUTDOWN" or event.kind == "CLOSED" then
    return nil, errors.of_event(event, conn.session:transcript())
  end
  conn.unproven_timeouts, self.is_answered, self.due = false, true, self.due - 1
  if event.kind == "REFUSED" then
    self:note_refusal(event)
    if event.stage == "MAIL" and not self.is_flight then
      conn.session:withdraw() -- one command waits for the other: the refusal saves the rest
      self.due = 0
    end
  end
  return true
end

-- The replies that are due. Returns true; or nil and what ended everything.
function Transaction:read_replies()
  local conn = self.conn
  while self.due > 0 do
    local count, recipients, kind = drive.accepted(conn)
    if not count then
      return nil, recipients
    elseif count > 0 then -- the connection lives, and its usual patience is due
      conn.unproven_timeouts, self.is_answered = false, true
      self.due, self.taken = self.due - count, self.taken + recipients
    end
    if kind == "BODY" then
      self.go_ahead = true
    elseif kind then
      local ok, err = self:note_other()
      if not ok then
        return nil, err
      end
    end
  end
  return true
end

local function refuse(code, why)
  if code == "WAIT" then
    return errors.refuse("QUEUE_FULL", "the message has more recipients than one transaction takes")
  end
  return errors.refuse(code, why)
end

-- DATA by itself, where it was not to share the flight.
function Transaction:say_data()
  local ok, code, why = self.conn.session:command "DATA"
  if not ok then
    return errors.refuse(code, why)
  end
  self.due = 1
  return self:read_replies()
end

function Transaction:may_send()
  if self.taken == 0 then
    return false
  end
  return not (self.all_or_nothing and self.taken < #self.addresses)
end

---Takes a connection, and queues what may leave at once. A transaction that ended before its
---content may begin again on another.
---@param conn ettsumailer.connection  past EHLO
---@param is_behind boolean? the end of another content has just been queued there
---@return true?
---@return ettsumailer.error? nothing was queued
function Transaction:begin(conn, is_behind)
  local envelope = self.envelope
  if self.conn then -- not the first
    self.rejected, self.has_refusals, self.overflow = NOBODY, false, false
    self.refusal, self.go_ahead, self.early, self.is_answered = false, false, false, false
    self.taken = 0
  end
  self.conn = conn
  local due, has_data, is_flight = conn.session:transact(self.message, envelope.from, envelope.to,
    self.utf8, self.all_or_nothing, conn.dirty and not is_behind)
  if not due then
    local _, err = refuse(has_data, is_flight)
    return self:failed(err, "not_sent")
  end
  self.due, self.has_data, self.is_flight = due, has_data, is_flight
  conn.messages = conn.messages + 1
  return true
end

---Awaits the replies to the envelope, up to the 354.
---@return boolean?  true: the content may be sent; false: it may not, and nothing is to be awaited
---@return ettsumailer.error? with the lists of recipients
function Transaction:open()
  local conn = self.conn
  -- Each reply to a flight is awaited less long than those to single commands: a server that only
  -- claims PIPELINING has thrown away what came behind the first.
  conn.is_in_flight = self.is_flight
  local ok, err = self:read_replies()
  conn.is_in_flight, conn.dirty = false, true
  if not ok and self.is_flight and err.code == "TIMEOUT" then
    conn:note_unanswered_flight(err.stage)
  elseif ok and not self.has_data and self:may_send() then
    ok, err = self:say_data()
  end
  if not ok then
    return self:failed(err, "not_sent")
  end
  return self.go_ahead
end

---Sends the content, up to its queued end.
---@param last boolean? QUIT rides with it
function Transaction:send_content(last)
  local ok, event = drive.content(self.conn, self.reader)
  if not ok then
    self.early = event
  elseif last then
    self.conn.quitting = self.conn.session:command "QUIT"
  end
  return ok or nil
end

-- Completes an error with what became of the recipients.
function Transaction:failed(err, outcome, event)
  for name, list in pairs(outcome_of.lists(self, outcome, event)) do
    err[name] = list
  end
  err.delivery = outcome
  err.retryable = err.temporary and outcome ~= "unknown"
  return nil, err
end

---The error of a transaction that the server refused as a whole.
---@return nil, ettsumailer.error
function Transaction:refused(event)
  event = event or self.refusal
  local err = errors.of_event(event, self.conn.session:transcript())
  -- With all or nothing, those that were not refused were spared, not refused.
  local spared = event.stage == "RCPT" and self.taken > 0
  self.conn.session:account() -- what the next one counts begins here
  return self:failed(err, "rejected", not spared and event or nil)
end

-- Whatever it is that came in place of the reply that takes the message.
function Transaction:not_taken(event)
  local conn = self.conn
  local fate = conn.session:fate()
  if errors.is(event) then
    return self:failed(event, fate == "unknown" and "unknown" or "not_sent")
  elseif fate == "rejected" then
    conn.dirty = false
    return self:refused(event)
  end
  -- A 421, or the end, in the middle of the content: there is no way on but to hang up.
  conn:close()
  return self:failed(errors.of_event(event, conn.session:transcript()),
    fate == "unknown" and "unknown" or "not_sent")
end

---Awaits the reply to the end of the content: the result.
---@return table? result
---@return ettsumailer.error?
function Transaction:conclude()
  local conn, event = self.conn, self.early
  if not event then
    local count, err, kind = drive.accepted(conn)
    if kind == "SENT" then
      conn.dirty = false
      return outcome_of.result(self)
    elseif count then
      event, err = drive.event(conn)
    end
    event = event or err
  end
  return self:not_taken(event)
end

---The whole dialogue on a connection where nothing is outstanding.
---@param conn ettsumailer.connection
---@param last boolean? QUIT rides with the content
---@return table? result
---@return ettsumailer.error?
function Transaction:run(conn, last)
  local ok, err = self:begin(conn)
  if ok then
    ok, err = self:open()
  end
  if not ok then
    if ok == false then
      return self:refused()
    end
    return nil, err
  end
  self:send_content(last and not self.overflow)
  return self:conclude()
end

---Closes what the message is read through.
function Transaction:close()
  if self.reader then
    reading.close(self.reader)
    self.reader = false
  end
end

-- Whose path it is that cannot be written.
local function refuse_path(envelope, number, code, why)
  local whose = number == 0 and "from" or "recipient " .. tostring(envelope.to[number])
  return errors.refuse(code, ("%s: %s"):format(whose, why))
end

---Checks a sealed message and its envelope, and opens what the message is read from.
---@param message userdata   sealed
---@param envelope table     { from = address or "", to = { address, ... } }
---@param how table          { all_or_nothing = boolean }
---@return table? transaction
---@return ettsumailer.error? with the lists of recipients
function M.new(message, envelope, how)
  if #envelope.to == 0 then
    return errors.refuse("ADDRESS", "there is no recipient: give to, cc or bcc")
  end
  local addresses, utf8, code, why, number = core.envelope(message, envelope.from, envelope.to)
  local self = setmetatable({
    message = message, envelope = envelope, addresses = addresses, rejected = NOBODY, utf8 = utf8,
    all_or_nothing = how.all_or_nothing or false, reader = false, conn = false, due = 0, taken = 0,
    has_data = false, is_flight = false, go_ahead = false, early = false, is_answered = false,
  }, Transaction)
  local _, err
  if code then
    _, err = refuse_path(envelope, number, code, why)
  else
    self.reader, err = reading.open(message)
  end
  if err then
    return self:failed(err, "not_sent")
  end
  return self
end

return M
