-- Several servers in place of one: the next is asked where a server itself fails.
-- Why: mail goes out while a server is down, and never twice.
-- Not: trying again later (retry.lua).
--
-- Another server is asked only when the one before has not sent anything and it is that server's
-- doing: no connection, TLS, login, greeting, a 421. Never when the fate is unknown, nor for
-- recipients that were refused. A server that failed rests, and is asked last until then.

local core = require "ettsumailer.core"
local options = require "ettsumailer.options"
local outcome = require "ettsumailer.smtp.outcome"

local ipairs, setmetatable = ipairs, setmetatable
local insert, sort = table.insert, table.sort

local M = {}

local REST_SECONDS = 60

local Servers = {}
Servers.__index = Servers

---@param list table[]  { sender, name } of each
---@param how table     { order = "failover" or "round_robin", rest = seconds, clock, side_by_side }
---@return table sender
function M.new(list, how)
  local servers = {}
  for i, server in ipairs(list) do
    servers[i] = { sender = server.sender, name = server.name, rests_until = -1 }
  end
  return setmetatable({
    servers = servers, takes_turns = how.order == "round_robin", turn = 0,
    rest = how.rest or REST_SECONDS, clock = how.clock, side_by_side = how.side_by_side,
  }, Servers)
end

local EARLY = { greeting = true, EHLO = true, HELO = true, STARTTLS = true, AUTH = true }

local SERVERS_DOING = {
  CONNECT = true, DNS = true, TIMEOUT = true, CLOSED = true, TLS = true, TLS_MODE = true,
  TLS_VERIFY = true, TLS_PIN = true, AUTH = true, PROTOCOL = true,
}

-- What this server does not take, and another may. It need not rest for it.
local ANOTHER_MAY = {
  QUEUE_FULL = true, TOO_LARGE = true, SMTPUTF8_REQUIRED = true, CONFIG = true,
}

local function is_settled(err)
  return err.delivery == "unknown" or #err.unknown > 0 or #err.accepted > 0
end

-- Whether the server itself failed, rather than took exception to the message or its recipients.
local function is_servers_doing(err)
  if EARLY[err.stage] or (err.smtp_code == 421 and err.stage ~= "final") then
    return true
  end
  return err.delivery == "not_sent" and SERVERS_DOING[err.code] or false
end

-- Whether another server may be asked; and whether this one is to rest.
local function judge(err)
  if is_settled(err) then
    return false
  elseif is_servers_doing(err) then
    return true, true
  elseif err.stage == "MAIL" and err.smtp_code then
    return err.temporary
  end
  return err.delivery == "not_sent" and ANOTHER_MAY[err.code] or false
end

-- All servers, in the order in which they are to be asked.
local function in_order(self)
  local now, list = self.clock.now(), {}
  local first = self.takes_turns and self.turn or 0
  self.turn = (self.turn + 1) % #self.servers
  for i = 1, #self.servers do
    local server = self.servers[(first + i - 1) % #self.servers + 1]
    insert(list, { server = server, at = i, wait = server.rests_until > now and server.rests_until
      or 0 })
  end
  sort(list, function(a, b)
    if a.wait ~= b.wait then
      return a.wait < b.wait
    end
    return a.at < b.at
  end)
  return list
end

local function note(self, server, must_rest)
  server.rests_until = must_rest and self.clock.now() + self.rest or -1
end

function Servers:send(message, envelope, how)
  local list, result, err = in_order(self), nil, nil
  for i, item in ipairs(list) do
    local made, bad = item.server.sender:send(message, envelope, options.merge(how))
    local may_go_on, must_rest
    if made then
      made.attempts = made.attempts + i - 1
    else
      may_go_on, must_rest = judge(bad)
    end
    note(self, item.server, must_rest)
    result, err = outcome.merge(err, made or bad)
    if not may_go_on or (how.deadline and core.clock() >= how.deadline) then
      break
    end
  end
  return result, err
end

---Asks every server.
---@param deadline number? ms on core.clock's scale
---@return table? about { servers = { { name, about, err }, ... } }
---@return ettsumailer.error? that of the first, where none is well
function Servers:verify(deadline)
  local list, is_any_well, first = {}, false, nil
  for i, server in ipairs(self.servers) do
    local about, err = server.sender:verify(deadline)
    list[i] = { name = server.name, about = about, err = err }
    is_any_well, first = is_any_well or about ~= nil, first or err
    note(self, server, not about)
  end
  if not is_any_well then
    return nil, first
  end
  return { servers = list }
end

function Servers:cancel()
  for _, server in ipairs(self.servers) do
    server.sender:cancel()
  end
end

function Servers:close()
  for _, server in ipairs(self.servers) do
    server.sender:close()
  end
end

return M
