-- What a server's options mean: URL, port, security, timeouts, worked out once and checked.
-- Why: everything that follows from another option (the port, whether TLS is a must) follows here.
-- Not: connecting (connection.lua), nor what a message holds (message.lua).

local core = require "ettsumailer.core"
local errors = require "ettsumailer.errors"
local mechanisms = require "ettsumailer.smtp.mechanisms"
local options = require "ettsumailer.options"
local server_options = require "ettsumailer.server_options"

local error, io, ipairs, pairs, pcall, require = error, io, ipairs, pairs, pcall, require
local tonumber, tostring, type = tonumber, tostring, type
local concat, sort, char = table.concat, table.sort, string.char

local M = {}

M.SERVER = server_options.SERVER

local TIMEOUTS = server_options.TIMEOUTS

local TIMEOUT_KINDS = {}
for name in pairs(TIMEOUTS) do
  TIMEOUT_KINDS[name] = "seconds"
end

local SECURITY = { implicit = true, starttls = true, opportunistic = true, none = true }
local SCHEMES = { smtp = {}, smtps = { security = "implicit" } }

local function percent_decoded(text)
  return (text:gsub("%%(%x%x)", function(hex)
    return char(tonumber(hex, 16))
  end))
end

-- "smtp://user:password@host:port" as options, each beaten by an option of its own name.
local function options_of_url(url)
  local scheme, rest = url:match "^(%a+)://([^/?#]*)/?$"
  local known = scheme and SCHEMES[scheme:lower()]
  if not known then
    return errors.refuse("CONFIG", "url must be like smtp://user:password@host:port")
  end
  local login, place = rest:match "^(.*)@([^@]*)$"
  place = place or rest
  local host, port = place:match "^%[([%x:.]+)%]:?(%d*)$"
  if not host then
    host, port = place:match "^([^:]*):?(%d*)$"
  end
  if not host or host == "" then
    return errors.refuse("CONFIG", "url has no host")
  end
  local found = { host = percent_decoded(host), port = tonumber(port), security = known.security }
  if login then
    local user, colon, password = login:match "^([^:]*)(:?)(.*)$"
    found.user = percent_decoded(user)
    found.password = colon ~= "" and percent_decoded(password) or nil
  end
  return found
end

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

local function default_security(given)
  if given.port == 465 then
    return "implicit"
  elseif given.port == 587 or mechanisms.want_login(given) or given.tlsa then
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
  { function(s) return s.tlsa and (s.security == "none" or s.security == "opportunistic") end,
    'tlsa makes TLS a must: security is "starttls" or "implicit" then' },
  { function(s)
    local is_must = s.security == "implicit" or s.security == "starttls"
    return is_must and not (s.host or s.tls_name or s.insecure_skip_verify)
  end, 'tls_name is missing: the name that the certificate behind unix_socket is for' },
  { function(s) return s.tlsa and #s.tlsa == 0 end, "tlsa holds no record" },
  { function(s) return (s.security_level or 0) < 0 or (s.security_level or 0) > 5 end,
    "security_level must be 0 to 5" },
  { function(s) return s.user == "" end, "user is empty" },
  { function(s) return s.user and not mechanisms.is_login(s) end,
    "password is missing for the user" },
  { function(s) return s.password and not s.user end, "user is missing for the password" },
  { function(s)
      return mechanisms.want_login(s) and s.security == "none" and not s.allow_plaintext_auth
    end,
    'a login needs TLS: security = "none" would show the password (allow_plaintext_auth insists)' },
}

local function check_values(settings)
  local unsafe = unsafe_option(settings)
  if unsafe then
    return errors.refuse("CONFIG",
      unsafe .. " is empty, or has a control character or white space at an end")
  end
  for _, check in ipairs(CHECKS) do
    if check[1](settings) then
      return errors.refuse("CONFIG", check[2])
    end
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

-- PEM text, or what the file of that name holds.
local function pem_of(value, name)
  if not value or value:find("-----BEGIN", 1, true) then
    return value
  end
  local file, why = io.open(value, "rb")
  local text = file and file:read "*a"
  if file then
    file:close()
  end
  if not text then
    -- Of a key not even what was taken for a path is shown: it may be a key without its BEGIN line.
    why = why and name == "client_key" and why:match "([^:]*)$" or why or "cannot be read"
    return errors.refuse("CONFIG", ("%s: %s"):format(name, why))
  end
  return text
end

-- { "3 1 1 <hexadecimal>", ... } as the lines that the core reads.
local function tlsa_of(list)
  for _, record in ipairs(list or {}) do
    if type(record) ~= "string" or record:find "[\r\n]" or not record:find "%S" then
      return errors.refuse("CONFIG", 'tlsa is a list of texts such as "3 1 1 <hexadecimal>"')
    end
  end
  return list and concat(list, "\n")
end

-- OpenSSL is loaded with the first context, and may not be there.
local function load_openssl()
  local is_there, why = pcall(require, "ettsumailer.openssl")
  if is_there then
    return true
  elseif why == "not enough memory" then
    error(why, 0)
  end
  return errors.refuse("CONFIG", "there is no TLS: " .. tostring(why))
end

local function new_tls_context(given)
  local has_tls, load_err = load_openssl()
  if not has_tls then
    return nil, load_err
  end
  local certificate, cert_err = pem_of(given.client_cert, "client_cert")
  local key, key_err = pem_of(given.client_key, "client_key")
  local tlsa, tlsa_err = tlsa_of(given.tlsa)
  if cert_err or key_err or tlsa_err then
    return nil, cert_err or key_err or tlsa_err
  end
  local context, code, text = core.tls_context {
    insecure_skip_verify = given.insecure_skip_verify,
    ca_file = given.ca_file, ca_pem = given.ca_pem,
    crl_file = given.crl_file, pin_sha256 = given.pin_sha256, tlsa = tlsa,
    certificate = certificate, key = key, key_password = given.client_key_password,
    tls_min_version = given.tls_min_version, ciphers = given.ciphers,
    security_level = given.security_level,
  }
  if not context then
    return errors.refuse(code, text)
  end
  return context
end

-- What a mistake can be made with.
local TLS_OPTIONS = {
  "ca_file", "ca_pem", "crl_file", "pin_sha256", "tlsa", "client_cert", "client_key",
  "client_key_password", "tls_min_version", "ciphers", "security_level",
}

-- Whether TLS comes only if the server offers it, and as the system has it.
local function may_wait(given)
  for _, name in ipairs(TLS_OPTIONS) do
    if given[name] ~= nil then
      return false
    end
  end
  return given.security == "opportunistic"
end

---The TLS context of a server's settings: false without TLS. It is made by M.server, so that a
---mistake is found before anything is sent; or here, the first time that it is needed, where no
---option says anything of TLS: to read the system's certificates takes longer than to send a mail.
---@param settings table
---@return userdata|false|nil context
---@return ettsumailer.error?
function M.tls_context(settings)
  local err
  if settings.tls_context == nil then
    settings.tls_context, err = new_tls_context(settings)
  end
  return settings.tls_context, err
end

-- Returns what is wrong with the options of TLS, or nothing.
local function prepare_tls(settings)
  local err
  if settings.security == "none" then
    settings.tls_context = false
  elseif not may_wait(settings) then
    err = select(2, M.tls_context(settings))
  end
  return err
end

-- The options with what follows from them.
local function completed(given, from_url)
  local settings = options.merge(from_url, given)
  settings.port = settings.port or settings.security == "implicit" and 465 or 587
  settings.security = settings.security or default_security(settings)
  settings.timeouts = options.merge(TIMEOUTS, given.timeouts)
  return settings
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
  local _, err = mechanisms.check(what, given.mechanisms, level + 1)
  local from_url
  if given.url and not err then
    from_url, err = options_of_url(given.url)
  end
  local settings = not err and completed(given, from_url)
  if settings then
    err = select(2, check_values(settings))
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
