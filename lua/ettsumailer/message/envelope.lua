-- The envelope of a message: the reverse-path, and each recipient once (RFC 5321 2.3.1, B).
-- Why: who gets a mail is not always who is named in it.
-- Not: the wire form of an address (the core), nor what a server takes (transaction.lua).

local address = require "ettsumailer.address"
local errors = require "ettsumailer.errors"

local ipairs = ipairs

local M = {}

---What a caller may say of it, where it is not to follow from the header fields.
--- from  who is told when the mail cannot be delivered; "" for nobody
--- to    who gets the mail, in place of to, cc and bcc
M.FIELDS = { from = "text", to = "texts" }

local NOBODY = {}

-- Every recipient once: local parts as they are, domains without case and in A-labels.
local function recipients_of(lists)
  if #lists[1] == 1 and #lists[2] + #lists[3] == 0 then
    return { lists[1][1] }
  end
  local all, seen = {}, {}
  for _, list in ipairs(lists) do
    for _, recipient in ipairs(list) do
      local domain = recipient.domain_ascii or recipient.domain
      local key = recipient.local_part .. "@" .. domain:lower()
      if not seen[key] then
        seen[key] = true
        all[#all + 1] = recipient
      end
    end
  end
  return all
end

-- What the caller's own envelope says of the sender: nil when nothing.
local function own_sender(own)
  if own.from == nil or own.from == "" then
    return own.from
  end
  local text, list = address.read("envelope.from", own.from)
  if not text then
    return nil, list
  elseif #list ~= 1 then
    return errors.refuse("ADDRESS", "envelope.from: give exactly one address")
  end
  return list[1]
end

---Works out the envelope.
---@param own table    what the caller says of it: { from, to }, both optional
---@param lists table  the addresses of the message: sender, to, cc, bcc
---@return table? envelope { from = address or "", to = { address, ... } }
---@return ettsumailer.error?
function M.new(own, lists)
  local from, err = own_sender(own)
  if err then
    return nil, err
  end
  local groups = { lists.to or NOBODY, lists.cc or NOBODY, lists.bcc or NOBODY }
  if own.to then
    local text, list = address.read("envelope.to", own.to)
    if not text then
      return nil, list
    end
    groups = { list, NOBODY, NOBODY }
  end
  return { from = from or lists.sender[1], to = recipients_of(groups) }
end

return M
