-- Which mechanisms a login may use: those known here in their order, or those the user names.
-- Why: the strongest that both sides know, and never one that nobody asked for.
-- Not: what a mechanism says (the core's sasl.c, or the user's own table); auth.lua runs them.

local core = require "ettsumailer.core"
local errors = require "ettsumailer.errors"
local options = require "ettsumailer.options"

local error, ipairs, type = error, ipairs, type
local concat = table.concat

local M = {}

local ORDER, NEEDS = core.sasl_mechanisms()

-- A mechanism of the user's own: { name =, start = function, step = function }.
local function check_own(what, own, level)
  if type(own.name) ~= "string" or type(own.start) ~= "function"
    or (own.step ~= nil and type(own.step) ~= "function") then
    error(what .. ": a mechanism of one's own has a name, a function start and a function step",
      level + 1)
  end
  -- RFC 4422 3.1: sasl-mech.
  if #own.name < 1 or #own.name > 20 or own.name:find "[^A-Z0-9_-]" then
    return errors.refuse("CONFIG",
      "mechanisms: a name has 1 to 20 of the characters A to Z, 0 to 9, hyphen and underscore")
  end
  return true
end

---Checks the option `mechanisms`; wrong types are raised.
---@param what string      what the options are for
---@param list table?      names, and tables of one's own mechanisms
---@param level integer    as of `error`
---@return true?
---@return ettsumailer.error?
function M.check(what, list, level)
  local ok, err = true, nil
  for _, item in ipairs(list or {}) do
    if type(item) == "table" then
      ok, err = check_own(what, item, level + 1)
    elseif type(item) ~= "string" then
      error(what .. ": mechanisms is a list of names and tables, not of a " .. type(item),
        level + 1)
    elseif not NEEDS[item:upper()] then
      ok, err = errors.refuse("CONFIG",
        "mechanisms: only these are known here: " .. concat(ORDER, ", "))
    end
    if not ok then
      return nil, err
    end
  end
  return true
end

-- Whether a mechanism is named that takes neither a password nor a token.
local function has_free(list)
  for _, item in ipairs(list or {}) do
    if type(item) == "table" or NEEDS[item:upper()] == "nothing" then
      return true
    end
  end
  return false
end

---Whether the settings hold what a login takes.
---@param login table user, password, token, mechanisms
---@return boolean
function M.is_login(login)
  return login.user and login.password or login.token or has_free(login.mechanisms) or false
end

---Whether the settings say that there is to be a login.
---@param settings table
---@return boolean
function M.want_login(settings)
  return settings.user ~= nil or settings.password ~= nil or settings.token ~= nil
    or has_free(settings.mechanisms)
end

-- Each check: whether it fails, and what to say.
local CHECKS = {
  { function(s) return s.user == "" end, "user is empty" },
  { function(s) return s.user and not M.is_login(s) end,
    "password is missing for the user" },
  { function(s) return s.password and not s.user end, "user is missing for the password" },
  { function(s)
      return M.want_login(s) and s.security == "none" and not s.allow_plaintext_auth
    end,
    'a login needs TLS: security = "none" would show the password (allow_plaintext_auth insists)' },
}

---What is wrong with the settings of a login, in words; nil where nothing is.
---@param settings table
---@return string?
function M.fault(settings)
  return options.fault(CHECKS, settings)
end

-- Whether the login has what the mechanism of that name takes, and TLS what it is bound to.
local function is_usable(name, login, binding)
  local needs = NEEDS[name]
  if name:find "%-PLUS$" and not binding then
    return false
  elseif needs == "password" then
    return login.user ~= nil and login.password ~= nil
  elseif needs == "token" then
    return login.token ~= nil and (login.user ~= nil or name == "OAUTHBEARER")
  end
  return true
end

-- The names known here, without those that have to be asked for.
local function usual()
  local list = {}
  for _, name in ipairs(ORDER) do
    if NEEDS[name] ~= "nothing" then
      list[#list + 1] = name
    end
  end
  return list
end

local function words_of(offer)
  local words = {}
  for word in offer:upper():gmatch "%S+" do
    words[word] = true
  end
  return words
end

---The mechanisms to try, in their order.
---@param login table      user, password, token, mechanisms
---@param offer string     what the server says behind AUTH
---@param binding string?  what the connection can be bound by
---@return table[] list    { name, needs } or { name, own = the user's table }
function M.choose(login, offer, binding)
  local offered, list = words_of(offer), {}
  for _, item in ipairs(login.mechanisms or usual()) do
    local own = type(item) == "table" and item or nil
    local name = own and own.name or item:upper()
    if offered[name] and (own or is_usable(name, login, binding)) then
      list[#list + 1] = { name = name, needs = NEEDS[name], own = own }
    end
  end
  return list
end

return M
