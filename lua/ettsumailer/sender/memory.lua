-- Keeps messages in memory, for tests of programs that send mail: no server, no waiting.
-- Why: a test asks what was sent, and says what is to be refused.
-- Not: reading a message apart (testing/mail.lua).

local common = require "ettsumailer.sender.common"
local errors = require "ettsumailer.errors"
local mail = require "ettsumailer.testing.mail"
local options = require "ettsumailer.options"
local outcome = require "ettsumailer.smtp.outcome"

local error, ipairs, pairs, setmetatable, tonumber, type =
  error, ipairs, pairs, setmetatable, tonumber, type
local concat, tostring = table.concat, tostring

local M = {}

---The options of this way to send.
--- max_messages  more are refused with QUEUE_FULL; 1000 where absent
M.OPTIONS = { max_messages = "integer" }

local MAX_MESSAGES = 1000

---Messages that were sent, in their order.
---@class ettsumailer.outbox
---@field messages table[]  from (an address or ""), to (addresses of the envelope, bcc included),
---  message_id, subject, text, html, headers (by name in lower case), attachments ({ filename,
---  type, content } of each), data (the whole, with CRLF), fields (what was given to send)
local Outbox = {}
Outbox.__index = Outbox
Outbox.__name = "ettsumailer.outbox"

---An outbox: the sender of `via = "memory"`, or to be given as `via` itself.
---@param given table?  { max_messages = integer }
---@param level integer? as of `error`
---@return ettsumailer.outbox
function M.new(given, level)
  options.check("outbox", given or {}, M.OPTIONS, (level or 1) + 1)
  return setmetatable({
    messages = {}, refusals = {}, max_messages = given and given.max_messages or MAX_MESSAGES,
  }, Outbox)
end

-- The recipients of a message that are not refused, and the refusals of the others.
local function sort_recipients(self, envelope)
  local work = { addresses = {}, rejected = {} }
  local taken, first = {}, nil
  for i, recipient in ipairs(envelope.to) do
    local text = common.text(recipient)
    work.addresses[i] = text
    local event = self.refusals[text]
    if event then
      work.rejected[i] = outcome.refused(text, event)
      first = first or event
    else
      taken[#taken + 1] = text
    end
  end
  return work, taken, first
end

local function refused(work, event)
  local err = errors.of_event(event)
  for name, list in pairs(outcome.lists(work, "not_sent")) do
    err[name] = list
  end
  return nil, err
end

local function capture(self, message, envelope, taken, fields)
  local pieces = {}
  local size, err = common.copy(message, function(piece)
    pieces[#pieces + 1] = piece
    return true
  end)
  if not size then
    return nil, err
  end
  local entry = mail.read(concat(pieces))
  entry.from = envelope.from == "" and "" or common.text(envelope.from)
  entry.to, entry.message_id, entry.fields = taken, message:id(), fields
  self.messages[#self.messages + 1] = entry
  return size
end

function Outbox:send(message, envelope, how)
  local event = self.next_event
  self.next_event = nil
  if event then
    local err = errors.of_event(event)
    return common.refused(envelope, err)
  elseif #self.messages >= self.max_messages then
    local _, err = errors.refuse("QUEUE_FULL", ("the outbox holds %d messages: clear it, or raise "
      .. "max_messages"):format(#self.messages))
    return common.failed(envelope, err)
  end
  local work, taken, first = sort_recipients(self, envelope)
  if first and (how.all_or_nothing or #taken == 0) then
    return refused(work, first)
  end
  local size, err = capture(self, message, envelope, taken, how.fields)
  if not size then
    return common.failed(envelope, err)
  end
  local about = { response = "250 2.0.0 captured", sent = size }
  local result = common.accepted(message, envelope, about)
  for name, list in pairs(outcome.lists(work, "accepted")) do
    result[name] = list
  end
  return result
end

-- "450 4.2.0 not now" as what a refusal is made of.
local function event_of(reply, stage, level)
  local smtp_code, text = (type(reply) == "string" and reply or ""):match "^([45]%d%d) ?(.*)$"
  if not smtp_code then
    error('a reply like "550 5.1.1 no such user" expected', level + 1)
  end
  local enhanced, rest = text:match "^([45]%.%d+%.%d+) ?(.*)$"
  return {
    kind = "REFUSED", stage = stage, smtp_code = tonumber(smtp_code), enhanced = enhanced,
    text = rest or text,
  }
end

---Refuses a recipient from now on, as a server would.
---
---Example: `outbox:refuse("b@example.com", "550 5.1.1 no such user")`
---@param address string   as in `to` of a captured message
---@param reply string?    such as "450 4.2.0 not now"; nil: no longer refused
function Outbox:refuse(address, reply)
  if type(address) ~= "string" then
    error("bad argument #1 to 'refuse' (an address as a string expected)", 2)
  end
  self.refusals[address] = reply and event_of(reply, "RCPT", 2)
end

---Refuses the next message as a whole, once.
---
---Example: `outbox:refuse_next "451 4.7.1 greylisted"`
---@param reply string such as "451 4.3.0 try again later"
function Outbox:refuse_next(reply)
  self.next_event = event_of(reply, "final", 2)
end

---Forgets all messages. Refusals stay.
---
---Example: `outbox:clear()`
function Outbox:clear()
  self.messages = {}
end

---The last message.
---
---Example: `print(outbox:last().subject)`
---@return table? message the last one
function Outbox:last()
  return self.messages[#self.messages]
end

local WANTED = {
  from = "string", to = "string", subject = "string", text = "string", html = "string",
  attachment = "string", count = "integer",
}

local function contains(whole, part)
  return whole ~= nil and whole:find(part, 1, true) ~= nil
end

local function is_among(list, wanted, field)
  for _, item in ipairs(list) do
    if (field and item[field] or item) == wanted then
      return true
    end
  end
  return false
end

-- How each wish is compared.
local MATCHES = {
  from = function(message, wanted) return message.from == wanted end,
  to = function(message, wanted) return is_among(message.to, wanted) end,
  subject = function(message, wanted) return contains(message.subject, wanted) end,
  text = function(message, wanted) return contains(message.text, wanted) end,
  html = function(message, wanted) return contains(message.html, wanted) end,
  attachment = function(message, wanted)
    return is_among(message.attachments, wanted, "filename")
  end,
}

local function is_match(message, wanted)
  for name, value in pairs(wanted) do
    if MATCHES[name] and not MATCHES[name](message, value) then
      return false
    end
  end
  return true
end

---The messages that are as asked.
---
---Example: `print(#outbox:find { to = "b@example.com" })`
---@param wanted table?  from and to are the whole address; subject, text and html a part of it;
---  attachment the name of a file
---@return table[]
function Outbox:find(wanted)
  options.check("find", wanted or {}, WANTED, 2)
  local found = {}
  for _, message in ipairs(self.messages) do
    if is_match(message, wanted or {}) then
      found[#found + 1] = message
    end
  end
  return found
end

local function described(wanted)
  local words = {}
  for name, value in pairs(wanted) do
    words[#words + 1] = ("%s = %q"):format(name, tostring(value))
  end
  table.sort(words)
  return concat(words, ", ")
end

-- What there is instead, for the message of a failed assertion.
local function listing(self)
  local lines = {}
  for i, message in ipairs(self.messages) do
    lines[i] = ("  from %s to %s: %s"):format(message.from, concat(message.to, ", "),
      message.subject or "(no subject)")
  end
  return #lines > 0 and ":\n" .. concat(lines, "\n") or ""
end

---Raises an error that lists what was sent, unless there is such a message.
---
---Example: `local mail = outbox:assert_sent { subject = "Hello", count = 1 }`
---@param wanted table?  as of find; count: exactly so many of them
---@return table message the first one
function Outbox:assert_sent(wanted)
  wanted = wanted or {}
  options.check("assert_sent", wanted, WANTED, 2)
  local found = self:find(wanted)
  if #found == 0 or (wanted.count and #found ~= wanted.count) then
    error(("%d of %d messages are with { %s }%s"):format(
      #found, #self.messages, described(wanted), listing(self)), 2)
  end
  return found[1]
end

---Raises an error that lists what was sent, unless there is no such message.
---
---Example: `outbox:assert_not_sent { to = "c@example.com" }`
---@param wanted table?  as of find
function Outbox:assert_not_sent(wanted)
  wanted = wanted or {}
  options.check("assert_not_sent", wanted, WANTED, 2)
  local found = self:find(wanted)
  if #found > 0 then
    error(("%d of %d messages are with { %s }%s"):format(
      #found, #self.messages, described(wanted), listing(self)), 2)
  end
end

return M
