-- What the ways to send that speak no SMTP have in common: the content, the result, the error.
-- Why: whoever gets a result need not know which way the message went.
-- Not: any of the ways.
--
-- A sender is a table with these; but for send, all may be absent:
--  send(message, envelope, how)  message: sealed; envelope: { from = address or "", to = { address,
--    ... } }; how: { deadline = ms on core.clock's scale, all_or_nothing, fields = what the caller
--    gave }. Returns a result; or nil and an error that says what became of every recipient
--  verify(deadline)  returns a table about it; or nil and an error
--  cancel()  ends what is under way
--  close()   more than once is fine
--  side_by_side  how many messages it may be given at a time, where it yields; 1 where absent

local errors = require "ettsumailer.errors"
local options = require "ettsumailer.options"
local outcome = require "ettsumailer.smtp.outcome"
local reading = require "ettsumailer.message.reading"
local world = require "ettsumailer.world"

local ipairs, pairs = ipairs, pairs

local M = {}

local BLOCK = 65536

---An address as it stands in results.
---@param recipient userdata
---@return string
function M.text(recipient)
  return recipient.local_part .. "@" .. recipient.domain
end

local function lists_of(envelope, name)
  local work = { addresses = {}, rejected = {} }
  for i, recipient in ipairs(envelope.to) do
    work.addresses[i] = M.text(recipient)
  end
  return outcome.lists(work, name)
end

---The result of a message that was taken for all recipients.
---@param message userdata
---@param envelope table
---@param about table     { response, queue_id, sent = octets }
---@return table result
function M.accepted(message, envelope, about)
  return options.merge({
    message_id = message:id(), response = about.response, queue_id = about.queue_id, attempts = 1,
    turns = 0, bytes = { sent = about.sent, received = 0 }, timings = {},
  }, lists_of(envelope, "accepted"))
end

---Completes an error with what became of the recipients, all of them the same.
---@param envelope table
---@param err ettsumailer.error
---@param fate string?  "unknown"; "not_sent" where absent
---@return nil, ettsumailer.error
function M.failed(envelope, err, fate)
  for name, list in pairs(lists_of(envelope, fate or "not_sent")) do
    err[name] = list
  end
  err.delivery = fate or "not_sent"
  err.retryable = err.temporary and fate ~= "unknown"
  return nil, err
end

---Completes an error that goes for every recipient as a refusal.
---@param envelope table
---@param err ettsumailer.error
---@return nil, ettsumailer.error
function M.refused(envelope, err)
  M.failed(envelope, err)
  err.delivery, err.not_sent = "rejected", {}
  for i, recipient in ipairs(envelope.to) do
    err.rejected[i] = {
      address = M.text(recipient), smtp_code = err.smtp_code, enhanced = err.enhanced,
      text = err.text, temporary = err.temporary,
    }
  end
  return nil, err
end

-- Reads to the end, or until `take` fails.
local function pump(reader, take)
  local count, work = 0, world.work()
  local piece, code, text = reader:read(BLOCK)
  while piece do
    local ok, err = take(piece)
    if not ok then
      return nil, err
    end
    count = count + #piece
    if work then
      work:done(#piece)
    end
    piece, code, text = reader:read(BLOCK)
  end
  if code ~= "DONE" then
    return errors.refuse(code, text)
  end
  return count
end

---Gives the octets of a message to a function, with CRLF line ends.
---@param message userdata
---@param take fun(piece: string): any, ettsumailer.error?  nil or false, and an error, stops
---@return integer? octets
---@return ettsumailer.error?  of `take`, or of code SOURCE: content failed
function M.copy(message, take)
  local reader, err = reading.open(message)
  if not reader then
    return nil, err
  end
  local count
  count, err = pump(reader, take)
  reader:close()
  return count, err
end

---Line ends as files and programs on Unix want them. A sealed message has CR before LF only.
---@param piece string
---@return string
function M.with_lf(piece)
  return (piece:gsub("\r", ""))
end

return M
