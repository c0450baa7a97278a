-- From the options of a mailer to what carries its messages: which way, which server or servers.
-- Why: a preset, a URL of the environment and several servers are all the same to the mailer.
-- Not: what a server's options mean (settings.lua), nor the ways themselves (sender/).

local errors = require "ettsumailer.errors"
local event_loop = require "ettsumailer.event_loop"
local lazy = require "ettsumailer.lazy"
local options = require "ettsumailer.options"
local pool_of = require "ettsumailer.smtp.pool"
local settings_of = require "ettsumailer.settings"
local smtp = require "ettsumailer.sender.smtp"

local own_of = lazy.of "ettsumailer.sender.own"
local service = lazy.of "ettsumailer.mailer.service"
local several = lazy.of "ettsumailer.mailer.several"

local error, ipairs, os, pairs, type = error, ipairs, os, pairs, type

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

-- One server's sender. Returns nil, err for values that make no sense.
local function server_of(what, given, known, clock, level)
  local completed, preset = given, nil
  if given.service then
    completed, preset = service.apply(given)
    if not completed then
      return nil, preset
    end
  end
  local settings, err = settings_of.server(what, completed, known, level + 1)
  if not settings then
    return nil, err
  end
  settings.login_hint = preset and preset.login_hint
  return smtp.new(settings, clock)
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
  if given.via == "sendmail" then -- the one that has to wait
    own.loop = event_loop.of(given.transport, "mailer", 1).loop
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
    sender, err = several.open(given, SERVER, clock, function(own)
      local made, why = server_of("mailer", own, known, clock, level + 2)
      return made, why -- no tail call: levels of errors count it
    end, level)
  else
    sender, err = server_of("mailer", given, known, clock, level)
  end
  if not sender then
    return nil, err
  end
  return sender, sender.pool and sender.settings or options.merge(given)
end

return M
