-- One message over one connection: envelope, content, and what became of each recipient.
-- Why: the reply to the end of the content is the result; nothing else may change that.
-- Not: opening connections or trying again (mailer.lua).

local drive = require "ettsumailer.drive"
local errors = require "ettsumailer.errors"
local outcome_of = require "ettsumailer.outcome"
local reading = require "ettsumailer.reading"

local ipairs, pairs, setmetatable, tostring = ipairs, pairs, setmetatable, tostring
local concat = table.concat

local M = {}

local Transaction = {}
Transaction.__index = Transaction

-- What the result counts: of a connection opened for this message, all of it.
function Transaction:count_from(is_first)
  local session = self.conn.session
  self.turns, self.sent, self.received = 0, 0, 0
  if not is_first then
    self.turns = session:turns()
    self.sent, self.received = session:bytes()
  end
end

-- The wire form of an address, in UTF-8 only where nothing else will do.
function Transaction:wire_path(address)
  if address == "" then
    return ""
  end
  local path, code, why = address:path(false)
  if code == "SMTPUTF8_REQUIRED" then
    self.utf8 = true
    path, code, why = address:path(true)
  end
  return path, code, why
end

-- The wire forms of the envelope, checked before anything is sent.
function Transaction:read_envelope(envelope)
  for i, recipient in ipairs(envelope.to) do -- all of them first: each has to be in a list
    self.addresses[i] = recipient.local_part .. "@" .. recipient.domain
  end
  self.utf8 = self.message:needs_smtputf8()
  local from, code, why = self:wire_path(envelope.from)
  if not from then
    return errors.refuse(code, "from: " .. why)
  end
  self.from = from
  for i, recipient in ipairs(envelope.to) do
    local path
    path, code, why = self:wire_path(recipient)
    if not path then
      return errors.refuse(code, ("recipient %s: %s"):format(tostring(recipient), why))
    end
    self.paths[i] = path
  end
  return true
end

-- Why the message cannot go to this server at all: a code and a sentence, or nothing.
function Transaction:obstacle(session, size)
  local limit = session:size_limit()
  if size and limit and size > limit then
    return "TOO_LARGE", ("the message has %d octets, the server takes %d"):format(size, limit)
  elseif self.utf8 and not session:offers "SMTPUTF8" then
    return "SMTPUTF8_REQUIRED", "an address needs SMTPUTF8, which the server does not offer"
  elseif self.message:needs_8bit() and not session:offers "8BITMIME" then
    return "CONFIG", "the message is 8-bit, and the server does not offer 8BITMIME"
  end
end

-- The parameters of MAIL, or nil and the error that makes sending pointless.
function Transaction:mail_parameters()
  local session, size = self.conn.session, self.message:size()
  local code, text = self:obstacle(session, size)
  if code then
    return errors.refuse(code, text)
  end
  local words = {}
  if size and session:offers "SIZE" then
    words[#words + 1] = ("SIZE=%d"):format(size)
  end
  if self.message:needs_8bit() then
    words[#words + 1] = "BODY=8BITMIME"
  end
  if self.utf8 then
    words[#words + 1] = "SMTPUTF8"
  end
  return concat(words, " ")
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
    event.temporary = outcome_of.is_temporary(event, self.taken)
    self.rejected[event.tag] = outcome_of.refused(self.addresses[event.tag], event)
    if not first or (event.temporary and not first.temporary) then
      self.refusal = event
    end
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
  local event, err = drive.event(self.conn)
  if not event then
    return nil, err
  end
  local is_refused_reset = event.kind == "REFUSED" and event.stage == "RSET"
  if is_refused_reset then
    self.conn:close() -- nobody knows what the transaction before it has left behind
  end
  if is_refused_reset or event.kind == "SHUTDOWN" or event.kind == "CLOSED" then
    return nil, errors.of_event(event, self.conn.session:transcript())
  end
  self.conn.timeouts = self.conn.settings.timeouts
  local note = NOTES[event.kind]
  if note then
    note(self, event)
  end
  return true
end

function Transaction:steps(count)
  for _ = 1, count do
    local ok, err = self:step()
    if not ok then
      return nil, err
    end
  end
  return true
end

-- A command by itself.
function Transaction:say(verb, argument, parameters, tag)
  local session = self.conn.session
  local ok, code, why = session:command(verb, argument or "", parameters or "", tag or 0, self.utf8)
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

-- MAIL, every RCPT and DATA in one flight.
function Transaction:envelope_in_one_flight(parameters)
  local session = self.conn.session
  local with_data = not self.all_or_nothing
  local count = 1 + #self.paths + (with_data and 1 or 0)
  if self.conn.dirty then
    local ok, code, why = session:command "RSET"
    if not ok then
      return errors.refuse(code, why)
    end
    count = count + 1
  end
  local ok, code, why = session:submit {
    from = self.from, from_parameters = parameters, recipients = self.paths, data = with_data,
    utf8 = self.utf8,
  }
  if not ok then
    if self.conn.dirty then
      self.conn:close() -- a RSET is queued that nobody waits for
    end
    return refuse(code, why)
  end
  return self:steps(count)
end

-- The same for a server without PIPELINING: each command waits, and a refusal saves the rest.
function Transaction:envelope_in_steps(parameters)
  local ok, err = true, nil
  if self.conn.dirty then
    ok, err = self:say "RSET"
  end
  if ok then
    ok, err = self:say("MAIL", self.from, parameters)
  end
  for i, path in ipairs(self.paths) do
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
  return not (self.all_or_nothing and self.taken < #self.paths)
end

-- Up to the 354. Returns true when the content may be sent, false when it may not, or nil, err.
function Transaction:open(parameters)
  local pipelined = self.conn.session:offers "PIPELINING" ~= nil
  local ok, err
  if pipelined then
    ok, err = self:envelope_in_one_flight(parameters)
  else
    ok, err = self:envelope_in_steps(parameters)
  end
  self.conn.dirty = true
  if ok and not self.go_ahead and self:may_send() and (self.all_or_nothing or not pipelined) then
    ok, err = self:say "DATA"
  end
  if not ok then
    return nil, err
  end
  return self.go_ahead or false
end

-- The content, and the reply that is the result.
function Transaction:send_content(last)
  local ok, event = drive.content(self.conn, { reader = self.reader })
  if ok then
    if last then
      self.conn.quitting = self.conn.session:command "QUIT"
    end
    event, ok = drive.event(self.conn)
    event = event or ok
  end
  return event
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

function Transaction:refused(event)
  local err = errors.of_event(event, self.conn.session:transcript())
  -- With all or nothing, those that were not refused were spared, not refused.
  local spared = event.stage == "RCPT" and self.taken > 0
  return self:failed(err, "rejected", not spared and event or nil)
end

-- What the end of the content led to.
function Transaction:conclude(event)
  if errors.is(event) then
    local fate = self.conn.session:fate()
    return self:failed(event, fate == "unknown" and "unknown" or "not_sent")
  elseif event.kind == "SENT" then
    self.conn.dirty = false
    return outcome_of.result(self, event)
  elseif self.conn.session:fate() == "rejected" then
    self.conn.dirty = false
    return self:refused(event)
  end
  -- A 421, or the end, in the middle of the content: there is no way on but to hang up.
  self.conn:close()
  local err = errors.of_event(event, self.conn.session:transcript())
  return self:failed(err, self.conn.session:fate() == "unknown" and "unknown" or "not_sent")
end

-- The dialogue, from MAIL to the reply to the content.
function Transaction:exchange(parameters, last)
  local ok, err = self:open(parameters)
  if ok == nil then
    return self:failed(err, "not_sent")
  elseif not ok then
    return self:refused(self.refusal)
  end
  return self:conclude(self:send_content(last))
end

---Sends a sealed message to the recipients of an envelope.
---@param conn ettsumailer.connection  past EHLO, nothing outstanding
---@param message userdata             sealed
---@param envelope table               { from = address or "", to = { address, ... } }
---@param how table                    { all_or_nothing, last: QUIT rides, is_first: on conn }
---@return table? result
---@return ettsumailer.error?
function M.run(conn, message, envelope, how)
  local self = setmetatable({
    conn = conn, message = message, all_or_nothing = how.all_or_nothing, paths = {}, addresses = {},
    accepted = {}, rejected = {}, taken = 0,
  }, Transaction)
  self:count_from(how.is_first)
  if #envelope.to == 0 then
    return errors.refuse("ADDRESS", "there is no recipient: give to, cc or bcc")
  end
  local ok, err = self:read_envelope(envelope)
  local parameters
  if ok then
    parameters, err = self:mail_parameters()
  end
  if parameters then
    self.reader, err = reading.open(message)
  end
  if not self.reader then
    return self:failed(err, "not_sent")
  end
  ok, err = self:exchange(parameters, how.last)
  self.reader:close()
  return ok, err
end

return M
