-- What a server's options of TLS mean: checked, files read, the context made.
-- Why: most of it is of no concern to who takes TLS as the system has it, where it is offered.
-- Not: when there is to be TLS (settings.lua), nor TLS itself, which is the core's.

local core = require "ettsumailer.core"
local errors = require "ettsumailer.errors"
local options = require "ettsumailer.options"

local io, ipairs, type = io, ipairs, type
local concat = table.concat

local M = {}

-- Each check: whether it fails, and what to say.
local CHECKS = {
  { function(s) return s.tlsa and (s.security == "none" or s.security == "opportunistic") end,
    'tlsa makes TLS a must: security is "starttls" or "implicit" then' },
  { function(s)
    local is_must = s.security == "implicit" or s.security == "starttls"
    return is_must and not (s.host or s.tls_name or s.insecure_skip_verify)
  end, 'tls_name is missing: the name that the certificate behind unix_socket is for' },
  { function(s) return s.tlsa and #s.tlsa == 0 end, "tlsa holds no record" },
  { function(s) return (s.security_level or 0) < 0 or (s.security_level or 0) > 5 end,
    "security_level must be 0 to 5" },
}

---What is wrong with the options, in words; nil where nothing is.
---@param settings table
---@return string?
function M.fault(settings)
  return options.fault(CHECKS, settings)
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

---Makes the TLS context of a server's settings.
---@param given table
---@return userdata? context
---@return ettsumailer.error?
function M.context(given)
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

return M
