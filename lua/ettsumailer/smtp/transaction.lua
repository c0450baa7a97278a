-- One message over one connection: envelope, content, and what became of each recipient.
-- Why: the reply to the end of the content is the result; nothing else may change that.
-- Not: which connection (pool.lua), nor what is done with recipients that are left (delivery.lua).
--
-- The steps are apart, so that a batch can put the envelope of the next message into the flight of
-- a content's end: new; begin, which queues; open, up to the 354; send_content; conclude.

local drive = require "ettsumailer.smtp.drive"
local errors = require "ettsumailer.errors"
local outcome_of = require "ettsumailer.smtp.outcome"
local reading = require "ettsumailer.message.reading"
local wire_envelope = require "ettsumailer.smtp.wire_envelope"

local ipairs, pairs, setmetatable = ipairs, pairs, setmetatable

local M = {}

local Transaction = {}
Transaction.__index = Transaction

function Transaction:note_recipient_refusal(event)
  local number, first = event.tag, self.refusal
  event.temporary = outcome_of.is_temporary(event, self.taken)
  self.rejected[number] = outcome_of.refused(self.addresses[number], event)
  if outcome_of.is_overflow(event, self.taken) then
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

local NOTES = {
  RCPT = function(self, event)
    self.taken = self.taken + 1
    self.accepted[event.tag] = true
  end,
  REFUSED = Transaction.note_refusal,
  BODY = function(self)
    self.go_ahead = true
  end,
}

-- Waits for one event of the envelope and notes it. Returns true; or nil and what ended everything.
function Transaction:step()
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
  conn:prove()
  self.is_answered = true
  local note = NOTES[event.kind]
  if note then
    note(self, event)
  end
  return true
end

-- The replies to the flight, each awaited less long than those of single commands: a server that
-- only claims PIPELINING has thrown away what came behind the first.
function Transaction:read_flight()
  local conn, ok, err = self.conn, true, nil
  conn:set_timeouts(conn.flight_timeouts)
  while ok and self.due > 0 do
    ok, err = self:step()
    self.due = self.due - 1
  end
  if not ok and err.code == "TIMEOUT" then
    conn:note_unanswered_flight(err.stage)
  end
  conn:set_timeouts(conn.settings.timeouts)
  return ok, err
end

-- A command by itself.
function Transaction:say(verb, argument, parameters, tag)
  local session = self.conn.session
  local ok, code, why =
    session:command(verb, argument or "", parameters or "", tag or 0, self.wire.utf8)
  if not ok then
    return errors.refuse(code, why)
  end
  return self:step()
end

local function refuse(code, why)
  if code == "WAIT" then
    return errors.refuse("QUEUE_FULL", "the message has more recipients than one transaction takes")
  end
  return errors.refuse(code, why)
end

-- Queues MAIL, every RCPT and DATA, behind a RSET where the last transaction is still open.
function Transaction:queue_flight(parameters, needs_reset)
  local session, wire = self.conn.session, self.wire
  local with_data = not self.all_or_nothing
  local ok, code, why = true, nil, nil
  if needs_reset then
    ok, code, why = session:command "RSET"
  end
  if ok then
    ok, code, why = session:submit {
      from = wire.from, from_parameters = parameters, recipients = wire.paths, data = with_data,
      utf8 = wire.utf8,
    }
  end
  if not ok then
    if needs_reset then
      self.conn:close() -- a RSET is queued that nobody waits for
    end
    return refuse(code, why)
  end
  self.due = 1 + #wire.paths + (with_data and 1 or 0) + (needs_reset and 1 or 0)
  return true
end

-- For a server without PIPELINING: each command waits, and a refusal saves the rest.
function Transaction:envelope_in_steps()
  local ok, err = true, nil
  if self.needs_reset then
    ok, err = self:say "RSET"
  end
  if ok then
    ok, err = self:say("MAIL", self.wire.from, self.parameters)
  end
  for i, path in ipairs(self.wire.paths) do
    if not ok or (self.refusal and self.refusal.stage == "MAIL") then
      break
    end
    ok, err = self:say("RCPT", path, "", i)
  end
  return ok, err
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
  self.conn, self.is_pipelined = conn, conn:may_pipeline()
  self.accepted, self.rejected, self.overflow, self.taken, self.due = {}, {}, {}, 0, 0
  self.refusal, self.go_ahead, self.early, self.is_answered = nil, nil, nil, nil
  local parameters, err = wire_envelope.mail_parameters(self.wire, self.message, conn.session)
  if not parameters then
    return self:failed(err, "not_sent")
  end
  conn.messages = conn.messages + 1
  self.parameters, self.needs_reset = parameters, conn.dirty and not is_behind
  if self.is_pipelined then
    local ok
    ok, err = self:queue_flight(parameters, self.needs_reset)
    if not ok then
      return self:failed(err, "not_sent")
    end
  end
  return true
end

---Awaits the replies to the envelope, up to the 354.
---@return boolean?  true: the content may be sent; false: it may not, and nothing is to be awaited
---@return ettsumailer.error? with the lists of recipients
function Transaction:open()
  local ok, err
  if self.is_pipelined then
    ok, err = self:read_flight()
  else
    ok, err = self:envelope_in_steps()
  end
  self.conn.dirty = true
  local data_is_due = self.all_or_nothing or not self.is_pipelined
  if ok and not self.go_ahead and data_is_due and self:may_send() then
    ok, err = self:say "DATA"
  end
  if not ok then
    return self:failed(err, "not_sent")
  end
  return self.go_ahead or false
end

---Sends the content, up to its queued end.
---@param last boolean? QUIT rides with it
function Transaction:send_content(last)
  local ok, event = drive.content(self.conn, { reader = self.reader })
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
  self.conn:count_from_here()
  return self:failed(err, "rejected", not spared and event or nil)
end

---Awaits the reply to the end of the content: the result.
---@return table? result
---@return ettsumailer.error?
function Transaction:conclude()
  local conn, event, err = self.conn, self.early, nil
  if not event then
    event, err = drive.event(conn)
  end
  event = event or err
  local fate = conn.session:fate()
  if errors.is(event) then
    return self:failed(event, fate == "unknown" and "unknown" or "not_sent")
  elseif event.kind == "SENT" then
    conn.dirty = false
    local result = outcome_of.result(self, event)
    conn:count_from_here()
    return result
  elseif fate == "rejected" then
    conn.dirty = false
    return self:refused(event)
  end
  -- A 421, or the end, in the middle of the content: there is no way on but to hang up.
  conn:close()
  return self:failed(errors.of_event(event, conn.session:transcript()),
    fate == "unknown" and "unknown" or "not_sent")
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
  self:send_content(last and #self.overflow == 0)
  return self:conclude()
end

---Closes what the message is read through.
function Transaction:close()
  if self.reader then
    self.reader:close()
  end
end

---Checks a sealed message and its envelope, and opens what the message is read from.
---@param message userdata   sealed
---@param envelope table     { from = address or "", to = { address, ... } }
---@param how table          { all_or_nothing = boolean }
---@return table? transaction
---@return ettsumailer.error? with the lists of recipients
function M.new(message, envelope, how)
  local self = setmetatable({
    message = message, all_or_nothing = how.all_or_nothing, addresses = {},
    accepted = {}, rejected = {},
  }, Transaction)
  for i, recipient in ipairs(envelope.to) do -- first of all: each has to be in a list
    self.addresses[i] = recipient.local_part .. "@" .. recipient.domain
  end
  if #envelope.to == 0 then
    return errors.refuse("ADDRESS", "there is no recipient: give to, cc or bcc")
  end
  local err
  self.wire, err = wire_envelope.read(message, envelope)
  if self.wire then
    self.reader, err = reading.open(message)
  end
  if not self.reader then
    return self:failed(err, "not_sent")
  end
  return self
end

return M
