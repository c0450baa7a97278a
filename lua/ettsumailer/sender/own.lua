-- A sender of the user's own behind the face of ours: what it leaves out is filled in.
-- Why: whoever writes one says what happened; that every recipient is in one list is our business.
-- Not: a way to send.

local common = require "ettsumailer.sender.common"
local errors = require "ettsumailer.errors"
local options = require "ettsumailer.options"

local ipairs, setmetatable, tostring, type = ipairs, setmetatable, tostring, type

local M = {}

local Own = {}
Own.__index = Own

---@param via table  send, and any of verify, cancel, close and side_by_side (common.lua)
---@return table sender
function M.new(via)
  return setmetatable({ via = via, side_by_side = via.side_by_side }, Own)
end

local LISTS = { "accepted", "rejected", "unknown", "not_sent" }

local function has_lists(outcome)
  for _, name in ipairs(LISTS) do
    if type(outcome[name]) ~= "table" then
      return false
    end
  end
  return true
end

-- A result without lists is one for all recipients.
local function completed(message, envelope, result)
  if has_lists(result) then
    return result
  end
  return options.merge(common.accepted(message, envelope, { response = "taken" }), result)
end

-- What is no error of ours becomes one. Where it does not say what became of the message, nobody
-- knows, and it is not tried again.
local function error_of(envelope, given)
  if errors.is(given) then
    return nil, given -- its lists are there, if empty
  end
  local fields = type(given) == "table" and options.merge(given) or { text = tostring(given) }
  fields.code, fields.stage = fields.code or "STATE", fields.stage or "send"
  fields.text = fields.text or fields.code
  local delivery = fields.delivery or "unknown"
  local err = errors.new(fields)
  if delivery == "rejected" then
    return common.refused(envelope, err)
  end
  return common.failed(envelope, err, delivery)
end

function Own:send(message, envelope, how)
  local result, err = self.via:send(message, envelope, how)
  if type(result) == "table" then
    return completed(message, envelope, result)
  end
  return error_of(envelope, err)
end

function Own:verify(deadline)
  if not self.via.verify then
    return {}
  end
  return self.via:verify(deadline)
end

function Own:cancel()
  if self.via.cancel then
    self.via:cancel()
  end
end

function Own:close()
  if self.via.close then
    self.via:close()
  end
end

return M
