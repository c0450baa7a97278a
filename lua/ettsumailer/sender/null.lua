-- Takes every message and drops it.
-- Why: a program's own speed, without a server; and a switch that turns mail off.
-- Not: reading the message, or opening what it is read from.

local common = require "ettsumailer.sender.common"

local setmetatable = setmetatable

local M = {}

local Null = {}
Null.__index = Null

---@return table sender
function M.new()
  return setmetatable({}, Null)
end

function Null:send(message, envelope) -- luacheck: no self
  return common.accepted(message, envelope, { response = "dropped", sent = 0 })
end

return M
