-- The way that most mail goes: SMTP to one server, over a pool of connections.
-- Why: one interface with the ways that speak no SMTP.
-- Not: the dialogue (delivery.lua), nor the connections (pool.lua).

local delivery = require "ettsumailer.smtp.delivery"
local pool_of = require "ettsumailer.smtp.pool"
local scheduler = require "ettsumailer.scheduler"

local error, setmetatable = error, setmetatable

local M = {}

local Smtp = {}
Smtp.__index = Smtp

---@param settings table  as of settings.server, with the options of a pool
---@param clock ettsumailer.clock
---@return table sender
function M.new(settings, clock)
  return setmetatable({ settings = settings, pool = pool_of.new(settings, clock) }, Smtp)
end

function Smtp:send(message, envelope, how)
  return delivery.run(self.pool, message, envelope, how)
end

---Connects, greets and secures, and keeps the connection.
---@param deadline number? ms on core.clock's scale
---@return table? about { capabilities, tls, ehlo_name, ehlo_name_from }
---@return ettsumailer.error?
function Smtp:verify(deadline)
  local owner = { deadline = deadline }
  local ok, conn, err = scheduler.guard(self.pool.acquire, self.pool, owner, true)
  if not ok then
    self.pool:abandon(owner)
    error(conn, 0)
  elseif not conn then
    return nil, err
  end
  local about = {
    capabilities = conn:capabilities(), tls = conn.session:tls(),
    ehlo_name = conn.greeted_as, ehlo_name_from = conn.greeted_from,
  }
  self.pool:release(conn)
  return about
end

function Smtp:cancel()
  self.pool:cancel()
end

function Smtp:close()
  self.pool:close()
end

return M
