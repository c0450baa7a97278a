-- An envelope as one server takes it: paths, parameters of MAIL, and why it cannot go there.
-- Why: everything that makes sending pointless is found before a byte of it leaves.
-- Not: who is in an envelope (envelope.lua), nor the dialogue (transaction.lua).

local errors = require "ettsumailer.errors"

local ipairs, tostring = ipairs, tostring
local concat = table.concat

local M = {}

-- The wire form of an address, in UTF-8 only where nothing else will do.
local function wire_path(wire, address)
  if address == "" then
    return ""
  end
  local path, code, why = address:path(false)
  if code == "SMTPUTF8_REQUIRED" then
    wire.utf8 = true
    path, code, why = address:path(true)
  end
  return path, code, why
end

---The wire forms of an envelope, whatever the server.
---@param message userdata sealed
---@param envelope table   { from = address or "", to = { address, ... } }
---@return table? wire     { from, paths, utf8 }
---@return ettsumailer.error?
function M.read(message, envelope)
  local wire = { paths = {}, utf8 = message:needs_smtputf8() }
  local from, code, why = wire_path(wire, envelope.from)
  if not from then
    return errors.refuse(code, "from: " .. why)
  end
  wire.from = from
  for i, recipient in ipairs(envelope.to) do
    wire.paths[i], code, why = wire_path(wire, recipient)
    if code then
      return errors.refuse(code, ("recipient %s: %s"):format(tostring(recipient), why))
    end
  end
  return wire
end

-- Why the message cannot go to this server at all: a code and a sentence, or nothing.
local function obstacle(wire, message, session, size)
  local limit = session:size_limit()
  if size and limit and size > limit then
    return "TOO_LARGE", ("the message has %d octets, the server takes %d"):format(size, limit)
  elseif wire.utf8 and not session:offers "SMTPUTF8" then
    return "SMTPUTF8_REQUIRED",
      "an address, or a message within, needs SMTPUTF8, which the server does not offer"
  elseif message:needs_8bit() and not session:offers "8BITMIME" then
    return "CONFIG", "the message is 8-bit, and the server does not offer 8BITMIME"
  end
end

---The parameters of MAIL for the server of a session.
---@param wire table       as of M.read
---@param message userdata
---@param session userdata past EHLO
---@return string?         parted by spaces
---@return ettsumailer.error? what makes sending pointless
function M.mail_parameters(wire, message, session)
  local size, is_8bit = message:size(), message:needs_8bit()
  local code, text = obstacle(wire, message, session, size)
  if code then
    return errors.refuse(code, text)
  end
  local words = {}
  if size and session:offers "SIZE" then
    words[#words + 1] = ("SIZE=%d"):format(size)
  end
  if is_8bit then
    words[#words + 1] = "BODY=8BITMIME"
  end
  if wire.utf8 then
    words[#words + 1] = "SMTPUTF8"
  end
  return concat(words, " ")
end

return M
