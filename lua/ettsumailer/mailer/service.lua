-- `service = "gmail"`: what a preset says of the server, beneath the options given.
-- Why: a name is easier to get right than a host, a port and limits.
-- Not: the data (presets.lua), nor what the options mean (settings.lua).

local errors = require "ettsumailer.errors"
local options = require "ettsumailer.options"
local presets = require "ettsumailer.mailer.presets"

local ipairs, pairs = ipairs, pairs
local concat, sort = table.concat, table.sort

local M = {}

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

---The options with what the service adds to them.
---@param given table  with a service
---@return table? options
---@return table preset    or an error
function M.apply(given)
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

return M
