-- The error objects that every failing call returns beside nil, and the sentence they turn into.
-- Why: one shape for whatever the world can cause, so that programs can decide and people can act.
-- Not: programming mistakes; those are raised by whoever finds them. What to do: hints.lua.

local lazy = require "ettsumailer.lazy"

local hints = lazy.of "ettsumailer.hints"

local concat, getmetatable, ipairs, pcall = table.concat, getmetatable, ipairs, pcall
local setmetatable, type, tostring = setmetatable, type, tostring

local M = {}

---What went wrong, and what became of the message. Made by the library only.
---@class ettsumailer.error
---@field code string        CONNECT DNS TIMEOUT CLOSED TLS TLS_MODE TLS_VERIFY TLS_PIN AUTH
---  REJECTED PROTOCOL TOO_LARGE SMTPUTF8_REQUIRED ADDRESS CONFIG STATE PHASE QUEUE_FULL SOURCE
---  CANCELLED
---@field stage string?      what was being done: "connect", "TLS", "greeting", "EHLO", "MAIL" ...
---@field smtp_code integer? the reply code, where a reply is the cause
---@field enhanced string?   the enhanced status code of that reply, such as "5.1.1" (RFC 3463)
---@field text string        the server's own words, or what the system or this library says
---@field temporary boolean  the same may succeed later
---@field retryable boolean  it is safe to send again: nothing can have been delivered
---@field delivery string    "not_sent", "rejected" or "unknown"
---@field accepted string[]  recipients the server has taken responsibility for
---@field rejected table[]   {address, smtp_code, enhanced, text, temporary} of each
---@field unknown string[]   recipients of a content whose end was sent, and no reply came
---@field not_sent string[]  recipients that nothing was sent to
---@field hint string?       what to do about it
---@field tls table?         of a TLS failure: wanted (a name), and of the peer's certificate names,
---  subject, issuer, not_before, not_after; verify_code and verify_text are OpenSSL's
---@field file string?       of a mistake in a template or a list: where it is, with line and
---  column, counted from 1
---@field transcript string? the last lines of the dialogue, secrets masked
local Error = {}
Error.__index = Error
Error.__name = "ettsumailer.error"

-- What the world may mend by itself, by code; for REJECTED the reply decides.
local TEMPORARY = { CONNECT = true, DNS = true, TIMEOUT = true, CLOSED = true, QUEUE_FULL = true }

local function class_of(smtp_code)
  return (smtp_code - smtp_code % 100) / 100
end

local function hint_for(err)
  return hints.of(err)
end

local function is_temporary(err)
  if err.smtp_code then
    return class_of(err.smtp_code) == 4
  end
  return TEMPORARY[err.code] == true
end

---Makes an error object; what is not given is worked out from the rest. Takes over the table.
---@param fields table any of the fields of ettsumailer.error, code and text at least
---@return ettsumailer.error
function M.new(fields)
  local err = setmetatable(fields, Error)
  err.delivery = err.delivery or "not_sent"
  if err.temporary == nil then
    err.temporary = is_temporary(err)
  end
  if err.retryable == nil then
    err.retryable = err.temporary and err.delivery ~= "unknown"
  end
  for _, name in ipairs { "accepted", "rejected", "unknown", "not_sent" } do
    err[name] = err[name] or {}
  end
  if err.hint == nil then -- and without one where the file of hints cannot be opened: EMFILE
    local is_there, hint = pcall(hint_for, err)
    err.hint = is_there and hint or nil
  end
  return err
end

---Makes the error of a TLS failure.
---@param fields table  as of M.new
---@param detail table? as of the session's tls_failure; taken over
---@return ettsumailer.error
function M.of_tls(fields, detail)
  if detail then
    fields.hint, detail.hint, fields.tls = detail.hint, nil, detail
  end
  return M.new(fields)
end

---@param value any
---@return boolean is_error true for what M.new made
function M.is(value)
  return type(value) == "table" and getmetatable(value) == Error
end

---An error of code CONFIG, ADDRESS or the like: nothing was sent.
---@param code string
---@param text string
---@return nil, ettsumailer.error
function M.refuse(code, text)
  return nil, M.new { code = code, stage = "check", text = text }
end

-- The code of a refusal: a login's, a size's, or any other.
local function code_of(event)
  if not event.smtp_code then
    return "CLOSED"
  elseif event.stage == "AUTH" then
    return "AUTH"
  end
  local subject = event.enhanced and event.enhanced:match "^%d%.(.*)$"
  local is_size = subject == "3.4" or subject == "2.3" -- RFC 3463: too big for system, mailbox
  if is_size or (event.smtp_code == 552 and event.stage == "MAIL") then
    return "TOO_LARGE"
  end
  return "REJECTED"
end

---The error that an event of a session means: a refusal, a 421, or the end of the connection.
---@param event table        as of the session's next
---@param transcript string
---@return ettsumailer.error
function M.of_event(event, transcript)
  return M.new {
    code = code_of(event), stage = event.stage,
    smtp_code = event.smtp_code, enhanced = event.enhanced,
    text = event.text or "the server closed the connection", transcript = transcript,
    delivery = event.smtp_code and "rejected" or "not_sent", temporary = event.temporary,
  }
end

---"CODE at STAGE: 550 5.1.1 the server's words; what to do".
function Error:__tostring()
  local words = { self.code }
  if self.stage and self.stage ~= "check" then
    words[#words + 1] = " at " .. self.stage
  end
  words[#words + 1] = ": "
  if self.smtp_code then
    words[#words + 1] = tostring(self.smtp_code) .. " "
  end
  if self.enhanced then
    words[#words + 1] = self.enhanced .. " "
  end
  words[#words + 1] = (self.text:gsub("\n", " "):gsub("%c", "?"))
  if self.hint then
    words[#words + 1] = "; " .. self.hint
  end
  return concat(words)
end

return M
