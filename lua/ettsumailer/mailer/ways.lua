-- From the options of a mailer to what carries its messages: which way, which server or servers.
-- Why: a preset, a URL of the environment and several servers are all the same to the mailer.
-- Not: what a server's options mean (settings.lua), nor the ways themselves (sender/).

local errors = require "ettsumailer.errors"
local lazy = require "ettsumailer.lazy"
local options = require "ettsumailer.options"
local pool_of = require "ettsumailer.smtp.pool"
local settings_of = require "ettsumailer.settings"
local smtp = require "ettsumailer.sender.smtp"

local presets = lazy.of "ettsumailer.mailer.presets"
local own_of = lazy.of "ettsumailer.sender.own"
local servers_of = lazy.of "ettsumailer.sender.servers"

local error, ipairs, os, pairs, type = error, ipairs, os, pairs, type
local concat, sort = table.concat, table.sort

local M = {}

-- The options of one server.
local SERVER = options.merge(settings_of.SERVER, pool_of.OPTIONS, { service = "string" })

-- The ways beside SMTP, and the options of each.
local SENDERS = {
  sendmail = lazy.of "ettsumailer.sender.sendmail", file = lazy.of "ettsumailer.sender.file",
  memory = lazy.of "ettsumailer.sender.memory", null = lazy.of "ettsumailer.sender.null",
}

local WAYS = {
  sendmail = { program = "string", arguments = "table" },
  file = { folder = "string", maildir = "boolean" },
  memory = { max_messages = "integer" },
  null = {},
}

---The options of every way.
--- via           "smtp" where absent, "sendmail", "file", "memory", "null", or a sender of one's
---               own: a table with the method send (sender/common.lua). Options of other ways are
---               passed over
--- service       a name of presets.lua: its host, port and limits, beaten by options
--- servers       a list of tables of a server's options or URLs; what is given beside goes for all
--- order         "failover": the first that works, where absent; "round_robin": in turn
--- rest          seconds that a server that failed is asked last; 60 where absent
--- program       "sendmail": the path of it; /usr/sbin/sendmail where absent
--- arguments     "sendmail": a list of more of them, in front of ours
--- folder        "file": where the messages go; made where it is missing
--- maildir       "file": true: the folder is a Maildir
--- max_messages  "memory": more are refused; 1000 where absent
M.OPTIONS = options.merge(SERVER, WAYS.sendmail, WAYS.file, WAYS.memory, {
  via = "table or string", servers = "table", order = "string", rest = "seconds",
})

-- Options that say which server; where none is given, the environment may.
local WHERE = { "url", "host", "unix_socket", "service", "servers", "via" }

local ENVIRONMENT = "ETTSUMAILER_URL"

local function with_environment(given)
  for _, name in ipairs(WHERE) do
    if given[name] ~= nil then
      return given
    end
  end
  local url = os.getenv(ENVIRONMENT)
  return url and url ~= "" and options.merge(given, { url = url }) or given
end

local function names_of_presets()
  local names = {}
  for name in pairs(presets) do
    names[#names + 1] = name
  end
  sort(names)
  return concat(names, ", ")
end

-- Options that a preset sets; the other fields of it are to be read by people.
local PRESET_OPTIONS = { "host", "port", "user", "messages_per_connection", "rate" }

-- The options with what the service adds to them.
local function with_preset(given)
  if not given.service then
    return given
  end
  if given.url then
    return errors.refuse("CONFIG", "give service or url: each of them names the server")
  end
  local preset = presets[given.service]
  if not preset then
    return errors.refuse("CONFIG", ("service: '%s' is none of %s"):format(
      given.service, names_of_presets()))
  elseif not (preset.host or given.host) then
    return errors.refuse("CONFIG", ("host is missing for %s: %s"):format(
      given.service, preset.host_hint))
  end
  local base = {}
  for _, name in ipairs(PRESET_OPTIONS) do
    base[name] = preset[name]
  end
  if not (given.password or given.token) then
    base.user = nil
  end
  return options.merge(base, given), preset
end

-- One server's sender. Returns nil, err for values that make no sense.
local function server_of(what, given, known, clock, level)
  local completed, preset = with_preset(given)
  if not completed then
    return nil, preset
  end
  local settings, err = settings_of.server(what, completed, known, level + 1)
  if not settings then
    return nil, err
  end
  settings.login_hint = preset and preset.login_hint
  return smtp.new(settings, clock)
end

local ONE_SERVER = { "url", "host", "port", "unix_socket", "service" }

local function check_servers(given, level)
  level = level + 1
  for _, name in ipairs(ONE_SERVER) do
    if given[name] ~= nil then
      error(("mailer: servers stands in place of '%s'"):format(name), level)
    end
  end
  for i, server in ipairs(given.servers) do
    if type(server) ~= "string" then
      options.check(("mailer: servers[%d]"):format(i), server, SERVER, level)
    end
  end
  if #given.servers == 0 then
    error("mailer: servers is empty", level)
  end
end

local ORDERS = { failover = true, round_robin = true }

local function several(given, known, clock, level)
  check_servers(given, level + 1)
  if given.order and not ORDERS[given.order] then
    return errors.refuse("CONFIG", 'order must be "failover" or "round_robin"')
  end
  local shared, list = options.merge(given), {}
  shared.servers, shared.order, shared.rest = nil, nil, nil
  for i, own in ipairs(given.servers) do
    own = type(own) == "string" and { url = own } or own
    local sender, err = server_of("mailer", options.merge(shared, own), known, clock, level + 1)
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

local function own_sender(via, level)
  if type(via.send) ~= "function" then
    error("mailer: option 'via' is a table without the method send", level + 1)
  end
  return own_of.new(via)
end

local function by_name(given)
  local known = WAYS[given.via]
  if not known then
    return errors.refuse("CONFIG",
      'via must be "smtp", "sendmail", "file", "memory", "null" or a sender')
  end
  local own = {}
  for name in pairs(known) do
    own[name] = given[name]
  end
  return SENDERS[given.via].new(own)
end

---What carries the messages. Raises for misuse.
---@param given table    a mailer's options, checked
---@param known table    all options of a mailer, with their kinds
---@param clock ettsumailer.clock
---@param level integer  as of `error`
---@return table? sender     as in sender/common.lua
---@return table? settings   the options, with what follows from them; or an error
function M.open(given, known, clock, level)
  level = level + 1
  local sender, err
  given = with_environment(given)
  if type(given.via) == "table" then
    sender = own_sender(given.via, level)
  elseif given.via and given.via ~= "smtp" then
    sender, err = by_name(given)
  elseif given.servers then
    sender, err = several(given, known, clock, level)
  else
    sender, err = server_of("mailer", given, known, clock, level)
  end
  if not sender then
    return nil, err
  end
  return sender, sender.pool and sender.settings or options.merge(given)
end

return M
