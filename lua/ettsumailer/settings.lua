-- What a server's options mean: URL, port, security, timeouts, worked out once and checked.
-- Why: everything that follows from another option (the port, whether TLS is a must) follows here.
-- Not: connecting (connection.lua), nor what the options of TLS (tls_settings.lua) and of logins
--  (smtp/mechanisms.lua) ask for.

local errors = require "ettsumailer.errors"
local event_loop = require "ettsumailer.event_loop"
local lazy = require "ettsumailer.lazy"
local options = require "ettsumailer.options"
local server_options = require "ettsumailer.server_options"

local mechanisms = lazy.of "ettsumailer.smtp.mechanisms"
local server_url = lazy.of "ettsumailer.server_url"
local tls_settings = lazy.of "ettsumailer.tls_settings"

local error, ipairs, pairs, pcall, require = error, ipairs, pairs, pcall, require
local tostring, type = tostring, type
local concat, sort = table.concat, table.sort

local M = {}

M.SERVER = server_options.SERVER

local TIMEOUTS = server_options.TIMEOUTS

local TIMEOUT_KINDS = {}
for name in pairs(TIMEOUTS) do
  TIMEOUT_KINDS[name] = "seconds"
end

local SECURITY = { implicit = true, starttls = true, opportunistic = true, none = true }

local function has_control(text)
  return text:find "[%z\1-\31\127]" ~= nil
end

local SAFE_OPTIONS = { "host", "ehlo_name", "tls_name", "unix_socket", "source_address", "ciphers" }

-- The option that holds a control character or is empty, or nil.
local function unsafe_option(given)
  for _, name in ipairs(SAFE_OPTIONS) do
    local value = given[name]
    if value and (value == "" or has_control(value) or value:find "^%s" or value:find "%s$") then
      return name
    end
  end
end

-- What a mistake of TLS can be made with.
local TLS_OPTIONS = {
  "ca_file", "ca_pem", "crl_file", "pin_sha256", "tlsa", "client_cert", "client_key",
  "client_key_password", "tls_min_version", "ciphers", "security_level",
}

-- Whether an option says what TLS has to be like.
local function is_particular(given)
  for _, name in ipairs(TLS_OPTIONS) do
    if given[name] ~= nil then
      return true
    end
  end
  return false
end

-- Whether an option is of logins.
local function names_login(given)
  return given.user ~= nil or given.password ~= nil or given.token ~= nil
    or given.mechanisms ~= nil
end

local function want_login(given)
  return names_login(given) and mechanisms.want_login(given)
end

local function default_security(given)
  if given.port == 465 then
    return "implicit"
  elseif given.port == 587 or want_login(given) or given.tlsa then
    return "starttls"
  end
  return "opportunistic"
end

-- Each check: whether it fails, and what to say.
local CHECKS = {
  { function(s) return not s.host and not s.unix_socket end,
    "host is missing: name the server that takes your mail" },
  { function(s) return s.host and #s.host > 253 end, "host is longer than a host name can be" },
  { function(s) return s.host and s.host:find "[\128-\255]" end,
    "host must be ASCII: write an international name in its xn-- form" },
  { function(s) return s.port < 1 or s.port > 65535 end, "port must be 1 to 65535" },
  { function(s) return not SECURITY[s.security] end,
    'security must be "implicit", "starttls", "opportunistic" or "none"' },
}

-- What is wrong with the values, in words; nil where nothing is.
local function fault(settings)
  local unsafe = unsafe_option(settings)
  if unsafe then
    return unsafe .. " is empty, or has a control character or white space at an end"
  end
  local is_must = settings.security == "implicit" or settings.security == "starttls"
  return options.fault(CHECKS, settings)
    or (is_must or is_particular(settings)) and tls_settings.fault(settings)
    or names_login(settings) and mechanisms.fault(settings) or nil
end

local function check_values(settings)
  local problem = fault(settings)
  if problem then
    return errors.refuse("CONFIG", problem)
  end
  return true
end

-- { SIZE = false } as the list of keywords that the session wants.
local function switched_off(extensions)
  local names = {}
  for name, value in pairs(extensions or {}) do
    if type(name) ~= "string" or value ~= false then
      return errors.refuse("CONFIG", "extensions: only NAME = false has a meaning")
    elseif not name:find "^[%w-]+$" then
      return errors.refuse("CONFIG", "extensions: a keyword has letters, digits and hyphens")
    end
    names[#names + 1] = name:upper()
  end
  sort(names)
  return concat(names, " ")
end

-- What TLS takes is loaded for the first context, which may be in the middle of a send, and may not
-- be there, or no descriptor be left to read it.
local function load_tls()
  local is_there, why = pcall(require, "ettsumailer.openssl")
  if is_there then
    is_there, why = pcall(require, "ettsumailer.tls_settings")
  end
  if is_there then
    return true
  elseif why == "not enough memory" then
    error(why, 0)
  end
  return errors.refuse("CONFIG", "there is no TLS: " .. tostring(why))
end

---The TLS context of a server's settings: false without TLS. It is made by M.server, so that a
---mistake is found before anything is sent; or here, the first time that it is needed, where no
---option says anything of TLS: to read the system's certificates takes longer than to send a mail.
---@param settings table
---@return userdata|false|nil context
---@return ettsumailer.error?
function M.tls_context(settings)
  if settings.tls_context ~= nil then
    return settings.tls_context
  end
  local is_there, err = load_tls()
  if is_there then
    settings.tls_context, err = tls_settings.context(settings)
  end
  return settings.tls_context, err
end

-- Returns what is wrong with the options of TLS, or nothing.
local function prepare_tls(settings)
  local err
  if settings.security == "none" then
    settings.tls_context = false
  elseif settings.security ~= "opportunistic" or is_particular(settings) then
    err = select(2, M.tls_context(settings))
  end
  return err
end

local function check_mechanisms(what, list, level)
  local ok, err = true, nil
  if list then
    ok, err = mechanisms.check(what, list, level + 1)
  end
  return ok, err -- no tail call: levels of errors count it
end

-- The options with what follows from them.
local function completed(given, from_url)
  local settings = options.merge(from_url, given)
  settings.port = settings.port or settings.security == "implicit" and 465 or 587
  settings.security = settings.security or default_security(settings)
  settings.timeouts = options.merge(TIMEOUTS, given.timeouts)
  settings.wants_login = want_login(settings)
  return settings
end

-- The options and what they mean. Returns nil, err for values that make no sense.
local function worked_out(what, given, level)
  local transport, err = event_loop.of(given.transport, what, level + 1)
  if not transport then
    return nil, err
  end
  local from_url
  if given.url then
    from_url, err = server_url.options(given.url)
  end
  local settings = not err and completed(given, from_url)
  if settings then
    settings.transport = transport
    err = select(2, check_values(settings))
  end
  return not err and settings or nil, err
end

---Works out a server's settings. Raises for unknown options and wrong types.
---@param what string      what the options are for, in messages
---@param given table      the caller's options; those beyond M.SERVER are copied as they are
---@param known table<string, string> all options allowed, with their kinds
---@param level integer    as of options.check
---@return table? settings  a new table
---@return ettsumailer.error?
function M.server(what, given, known, level)
  options.check(what, given, known, level + 1)
  options.check(what .. ": timeouts", given.timeouts or {}, TIMEOUT_KINDS, level + 1)
  local _, err = check_mechanisms(what, given.mechanisms, level + 1)
  local settings
  if not err then
    settings, err = worked_out(what, given, level + 1)
  end
  if not err then
    settings.without, err = switched_off(given.extensions)
  end
  if not err then
    err = prepare_tls(settings)
  end
  return not err and settings or nil, err
end

return M
