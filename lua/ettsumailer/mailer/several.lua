-- Several servers in place of one: each of them is completed by what is given beside the list.
-- Why: what goes for all of them is said once.
-- Not: which of them gets a message (sender/servers.lua).

local errors = require "ettsumailer.errors"
local options = require "ettsumailer.options"
local servers_of = require "ettsumailer.sender.servers"

local error, ipairs, type = error, ipairs, type

local M = {}

local ONE_SERVER = { "url", "host", "port", "unix_socket", "service" }

local function check_servers(given, known, level)
  level = level + 1
  for _, name in ipairs(ONE_SERVER) do
    if given[name] ~= nil then
      error(("mailer: servers stands in place of '%s'"):format(name), level)
    end
  end
  for i, server in ipairs(given.servers) do
    if type(server) ~= "string" then
      options.check(("mailer: servers[%d]"):format(i), server, known, level)
      if server.transport ~= nil then
        error("mailer: transport is for all servers: give it beside them", level)
      end
    end
  end
  if #given.servers == 0 then
    error("mailer: servers is empty", level)
  end
end

local ORDERS = { failover = true, round_robin = true }

---The sender of several servers.
---@param given table    a mailer's options, with servers
---@param known table    the options of one of these, with their kinds
---@param clock ettsumailer.clock
---@param server_of fun(given: table): table?, ettsumailer.error?  makes the sender of one
---@param level integer  as of `error`
---@return table? sender
---@return ettsumailer.error?
function M.open(given, known, clock, server_of, level)
  check_servers(given, known, level + 1)
  if given.order and not ORDERS[given.order] then
    return errors.refuse("CONFIG", 'order must be "failover" or "round_robin"')
  end
  local shared, list = options.merge(given), {}
  shared.servers, shared.order, shared.rest = nil, nil, nil
  for i, own in ipairs(given.servers) do
    own = type(own) == "string" and { url = own } or own
    local sender, err = server_of(options.merge(shared, own))
    if not sender then
      err.text = ("servers[%d]: %s"):format(i, err.text)
      return nil, err
    end
    list[i] = { sender = sender, name = sender.settings.host or sender.settings.unix_socket }
  end
  return servers_of.new(list, {
    order = given.order, rest = given.rest, clock = clock,
    side_by_side = list[1].sender.pool.settings.connections,
  })
end

return M
