-- The envelope of a message: the reverse-path, and each recipient once (RFC 5321 2.3.1, B).
-- Why: who gets a mail is not always who is named in it.
-- Not: the wire form of an address (the core), nor what a server takes (transaction.lua).

local errors = require "ettsumailer.errors"
local lazy = require "ettsumailer.lazy"

local address = lazy.of "ettsumailer.address"

local ipairs = ipairs

local M = {}

---What a caller may say of it, where it is not to follow from the header fields.
--- from  who is told when the mail cannot be delivered; "" for nobody
--- to    who gets the mail, in place of to, cc and bcc
M.FIELDS = { from = "text", to = "texts" }

local NOBODY = {}

-- Adds those recipients that are not there yet.
local function add_new(all, seen, list)
  for _, recipient in ipairs(list) do
    local domain = recipient.domain_ascii or recipient.domain
    local key = recipient.local_part .. "@" .. domain:lower()
    if not seen[key] then
      seen[key] = true
      all[#all + 1] = recipient
    end
  end
end

-- Every recipient once: local parts as they are, domains without case and in A-labels.
local function recipients_of(to, cc, bcc)
  if to and not (to[2] or cc or bcc) then
    return to
  end
  local all, seen = {}, {}
  add_new(all, seen, to or NOBODY)
  add_new(all, seen, cc or NOBODY)
  add_new(all, seen, bcc or NOBODY)
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

-- Works out what the caller says of the envelope. Returns true, or nil, err.
local function fill_own(envelope, own)
  local from, err = own_sender(own)
  if err then
    return nil, err
  end
  envelope.from = from
  if own.to then
    local text, list = address.read("envelope.to", own.to)
    if not text then
      return nil, list
    end
    envelope.to = recipients_of(list)
  end
  return true
end

---Works out the envelope.
---@param envelope table  empty; becomes { from = address or "", to = { address, ... } }
---@param own table?      what the caller says of it: { from, to }, both optional
---@param lists table     the addresses of the message: sender or else from, to, cc, bcc
---@return table? envelope
---@return ettsumailer.error?
function M.fill(envelope, own, lists)
  if own then
    local ok, err = fill_own(envelope, own)
    if not ok then
      return nil, err
    end
  end
  envelope.from = envelope.from or (lists.sender or lists.from)[1]
  envelope.to = envelope.to or recipients_of(lists.to, lists.cc, lists.bcc)
  return envelope
end

return M
