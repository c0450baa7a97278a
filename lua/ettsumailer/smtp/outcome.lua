-- What became of a message: the lists of recipients, and the result of one that was taken.
-- Why: every recipient is in exactly one list, whatever happened.
-- Not: finding out what happened (transaction.lua).

local ipairs, pairs, type = ipairs, pairs, type

local M = {}

---Whether a recipient may be taken in another transaction: after a 4yz, and after a 552 that means
---"too many recipients" (RFC 5321 4.5.3.1.10), which it cannot while none was taken.
---@param event table   the refusal
---@param taken integer recipients that were taken before
---@return boolean
function M.is_temporary(event, taken)
  if event.smtp_code == 552 then
    return M.is_overflow(event, taken)
  end
  return event.smtp_code >= 400 and event.smtp_code < 500
end

---Whether a refused recipient is one too many for this transaction, and may go into the next.
---@param event table   the refusal
---@param taken integer recipients that were taken before
---@return boolean
function M.is_overflow(event, taken)
  if taken == 0 or (event.smtp_code ~= 452 and event.smtp_code ~= 552) then
    return false
  end
  return event.enhanced == nil or event.enhanced:sub(2) == ".5.3"
end

---Whether a reply complains of too much at a time or too fast: RFC 5321 421; 432 (RFC 4954, and
---"too many connections" in the field); 454 4.7.x, and a 454 that says so in words.
---@param reply table smtp_code, enhanced, text
---@return boolean
function M.is_complaint(reply)
  if reply.smtp_code == 421 or reply.smtp_code == 432 then
    return true
  elseif reply.smtp_code ~= 454 then
    return false
  end
  local text = (reply.text or ""):lower()
  return (reply.enhanced or ""):find "^4%.7%." ~= nil or text:find "throttl" ~= nil
    or text:find "rate" ~= nil
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
    else
      local list = lists[outcome == "rejected" and "not_sent" or outcome]
      list[#list + 1] = address
    end
  end
  return lists
end

---The result of a message that was taken.
---@param transaction table  its addresses become the result's where nobody was refused
---@return table result
function M.result(transaction)
  local session = transaction.conn.session
  local response, queue_id = session:receipt()
  local turns, sent, received = session:account()
  local accepted, rejected = transaction.addresses, {}
  if transaction.has_refusals then
    local lists = M.lists(transaction, "accepted")
    accepted, rejected = lists.accepted, lists.rejected
  end
  return {
    message_id = transaction.message:id(), accepted = accepted, rejected = rejected, unknown = {},
    not_sent = {}, response = response, queue_id = queue_id, attempts = 1, tls = session:tls(),
    turns = turns, bytes = { sent = sent, received = received }, timings = nil,
  }
end

local LISTS = { "accepted", "rejected", "unknown", "not_sent" }

local function address_of(item)
  return type(item) == "table" and item.address or item
end

-- The earlier lists without whom the later ones name, and the later ones.
local function joined_lists(earlier, later)
  local is_later, lists = {}, {}
  for _, name in ipairs(LISTS) do
    for _, item in ipairs(later[name]) do
      is_later[address_of(item)] = true
    end
  end
  for _, name in ipairs(LISTS) do
    local list = {}
    for _, item in ipairs(earlier[name]) do
      if not is_later[address_of(item)] then
        list[#list + 1] = item
      end
    end
    for _, item in ipairs(later[name]) do
      list[#list + 1] = item
    end
    lists[name] = list
  end
  return lists
end

local COUNTS = { "attempts", "turns" }

-- Adds up what the two counted.
local function add_counts(into, earlier, later)
  for _, name in ipairs(COUNTS) do
    into[name] = (earlier[name] or 0) + (later[name] or 0)
  end
  local a, b = earlier.bytes or {}, later.bytes or {}
  into.bytes = {
    sent = (a.sent or 0) + (b.sent or 0), received = (a.received or 0) + (b.received or 0),
  }
end

local function is_result(outcome)
  return outcome.delivery == nil
end

---What became of a message over two transactions, the later one to recipients that the earlier one
---had left. Any unknown: an error; else any accepted: a result; else the later error.
---@param earlier table? result or error
---@param later table    result or error; one of the two is changed
---@return table? result
---@return ettsumailer.error?
function M.merge(earlier, later)
  local whole = later
  if earlier then
    local lists = joined_lists(earlier, later)
    if is_result(earlier) and not is_result(later) and #lists.unknown == 0 then
      whole = earlier
    end
    if is_result(whole) then
      add_counts(whole, earlier, later)
    end
    for name, list in pairs(lists) do
      whole[name] = list
    end
  end
  if is_result(whole) then
    return whole
  end
  return nil, whole
end

return M
