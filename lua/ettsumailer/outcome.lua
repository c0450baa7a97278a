-- What became of a message: the lists of recipients, and the result of one that was taken.
-- Why: every recipient is in exactly one list, whatever happened.
-- Not: finding out what happened (transaction.lua).

local ipairs = ipairs

local M = {}

-- How servers name the message in their last reply.
local QUEUE_IDS = { "queued as ([%w.-]+)", "OK id=([%w.-]+)", "queued with id ([%w.-]+)" }

local function queue_id_of(text)
  for _, pattern in ipairs(QUEUE_IDS) do
    local id = text:match(pattern)
    if id then
      return id
    end
  end
end

---Whether a recipient may be taken in another transaction: after a 4yz, and after a 552 that means
---"too many recipients" (RFC 5321 4.5.3.1.10), which it cannot while none was taken.
---@param event table   the refusal
---@param taken integer recipients that were taken before
---@return boolean
function M.is_temporary(event, taken)
  if event.smtp_code == 552 and taken > 0 then
    return event.enhanced == nil or event.enhanced == "5.5.3"
  end
  return event.smtp_code >= 400 and event.smtp_code < 500
end

---A refused recipient.
---@param address string
---@param event table the refusal; temporary is worked out where it does not tell
---@return table
function M.refused(address, event)
  local temporary = event.temporary
  if temporary == nil then
    temporary = M.is_temporary(event, 0)
  end
  return {
    address = address, smtp_code = event.smtp_code, enhanced = event.enhanced,
    text = event.text or "", temporary = temporary,
  }
end

---Puts every recipient into exactly one of the four lists.
---@param transaction table  addresses and rejected, both by the recipient's number
---@param outcome string     of those that were not refused: the name of a list
---@param event table?       the refusal that goes for all of them
---@return table lists accepted, rejected, unknown, not_sent
function M.lists(transaction, outcome, event)
  local lists = { accepted = {}, rejected = {}, unknown = {}, not_sent = {} }
  for i, address in ipairs(transaction.addresses) do
    if transaction.rejected[i] then
      lists.rejected[#lists.rejected + 1] = transaction.rejected[i]
    elseif outcome == "rejected" and event and event.smtp_code then
      lists.rejected[#lists.rejected + 1] = M.refused(address, event)
    elseif outcome == "accepted" and not transaction.accepted[i] then
      lists.not_sent[#lists.not_sent + 1] = address
    else
      local list = lists[outcome == "rejected" and "not_sent" or outcome]
      list[#list + 1] = address
    end
  end
  return lists
end

---The result of a message that was taken.
---@param transaction table
---@param event table the reply to the end of the content
---@return table result
function M.result(transaction, event)
  local session = transaction.conn.session
  local lists = M.lists(transaction, "accepted")
  local turns = session:turns() - transaction.turns
  local sent, received = session:bytes()
  return {
    message_id = transaction.message:id(), accepted = lists.accepted, rejected = lists.rejected,
    unknown = lists.unknown, not_sent = lists.not_sent,
    response = ("%d %s"):format(event.smtp_code, event.raw_text or event.text),
    queue_id = queue_id_of(event.text), attempts = 1, tls = session:tls(),
    turns = turns,
    bytes = { sent = sent - transaction.sent, received = received - transaction.received },
  }
end

return M
