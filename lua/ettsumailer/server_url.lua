-- A server's URL as options: smtp://user:password@host:port, smtps://...
-- Why: one line of a configuration, or of the environment, says all that most programs need.
-- Not: what the options mean (settings.lua).

local errors = require "ettsumailer.errors"

local tonumber = tonumber
local char = string.char

local M = {}

local SCHEMES = { smtp = {}, smtps = { security = "implicit" } }

local function percent_decoded(text)
  return (text:gsub("%%(%x%x)", function(hex)
    return char(tonumber(hex, 16))
  end))
end

---The options that a URL stands for.
---@param url string
---@return table? options  host, port, security, user, password
---@return ettsumailer.error?
function M.options(url)
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

return M
