-- A sender that answers as it is told: for retries, rates and failover without any server.
local common = require "ettsumailer.sender.common"
local errors = require "ettsumailer.errors"

local M = {}

local Sender = {}
Sender.__index = Sender

---@param answers table  one a send, the last for ever: "ok"; { address = "450 4.7.1 words" }
---  refuses these recipients; { code = "CONNECT", delivery = "unknown" } or the like is an error
---  for all
---@param clock table?
---@return table sender { sent = { { at, to = "a b", id } of each send } }
function M.new(answers, clock)
  return setmetatable({ answers = answers, clock = clock, sent = {}, cancelled = 0 }, Sender)
end

local function reply_of(text)
  local smtp_code, enhanced, words = text:match "^(%d%d%d) (%d%.%d+%.%d+) (.*)$"
  return { smtp_code = tonumber(smtp_code), enhanced = enhanced, text = words }
end

local function partly(message, envelope, answer)
  local result = common.accepted(message, envelope, { response = "250 ok", sent = 1 })
  result.accepted = {}
  local last
  for _, recipient in ipairs(envelope.to) do
    local address = common.text(recipient)
    if answer[address] then
      last = reply_of(answer[address])
      result.rejected[#result.rejected + 1] = {
        address = address, smtp_code = last.smtp_code, enhanced = last.enhanced, text = last.text,
        temporary = last.smtp_code < 500,
      }
    else
      result.accepted[#result.accepted + 1] = address
    end
  end
  if #result.accepted > 0 then
    return result
  end
  local err = errors.new {
    code = "REJECTED", stage = "RCPT", smtp_code = last.smtp_code, enhanced = last.enhanced,
    text = last.text, delivery = "rejected", rejected = result.rejected,
  }
  return nil, err
end

local function names_of(envelope)
  local names = {}
  for i, recipient in ipairs(envelope.to) do
    names[i] = recipient.local_part
  end
  return table.concat(names, " ")
end

function Sender:send(message, envelope, how)
  local n = #self.sent + 1
  self.sent[n] = {
    at = self.clock and self.clock.now(), to = names_of(envelope), id = message:id(), how = how,
  }
  local answer = self.answers[math.min(n, #self.answers)]
  if answer == "ok" then
    return common.accepted(message, envelope, { response = "250 ok", sent = 1 })
  elseif answer.code then
    local err = errors.new {
      code = answer.code, stage = answer.stage, smtp_code = answer.smtp_code,
      text = answer.text or "x",
    }
    if answer.delivery == "rejected" then
      return common.refused(envelope, err)
    end
    return common.failed(envelope, err, answer.delivery)
  end
  return partly(message, envelope, answer)
end

function Sender:cancel()
  self.cancelled = self.cancelled + 1
end

function Sender:verify()
  local answer = self.answers[1]
  if answer == "ok" then
    return { is_well = true }
  end
  return nil, errors.new { code = answer.code, text = "x" }
end

function Sender:close()
  self.closed = true
end

return M
