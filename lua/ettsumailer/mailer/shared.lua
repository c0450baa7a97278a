-- Limits that all of nginx's workers keep together, in a dictionary of the name that is given.
-- Why: four workers that each keep to a limit are four times too fast for the provider.
-- Not: the limits themselves (rate.lua, smtp/places.lua).

local errors = require "ettsumailer.errors"
local options = require "ettsumailer.options"
local places_of = require "ettsumailer.smtp.places"
local shared_rate = require "ettsumailer.mailer.shared_rate"
local world = require "ettsumailer.world"

local ipairs, type = ipairs, type
local concat = table.concat

local M = {}

---The options of shared, with their kinds.
--- dictionary  the name of a lua_shared_dict that holds nothing else
--- lease       seconds after which a worker that was killed holds no connection any more; 10 where
---             absent, 1 at least
M.OPTIONS = { dictionary = "string", lease = "seconds" }

local SHORTEST = 1 -- second of a lease, which the keeper of places has to put off in time

-- The dictionary; or nil, err.
local function dictionary_of(name)
  if not world.is_nginx then
    return errors.refuse("CONFIG", "shared: the workers that share limits are nginx's")
  end
  local dictionary = name and world.dictionary(name)
  if not dictionary then
    return errors.refuse("CONFIG", ("shared: nginx's configuration has no lua_shared_dict %s")
      :format(name or "(dictionary is missing)"))
  end
  return dictionary
end

-- Mailers of one server and one user have their limits in common.
local function name_of(settings)
  return ("%s:%s:%s"):format(settings.unix_socket or settings.host, settings.port or "",
    settings.user or "")
end

local function pools_of(sender)
  local pools = { sender.pool }
  for _, server in ipairs(not sender.pool and sender.servers or {}) do
    pools[#pools + 1] = server.sender.pool
  end
  return pools
end

---Shares the limits of a mailer. Raises for misuse.
---@param mailer table    { sender, settings, rate }; rate is replaced
---@param level integer   as of `error`
---@return true?
---@return ettsumailer.error? CONFIG
function M.share(mailer, level)
  local given = mailer.settings.shared
  given = type(given) == "string" and { dictionary = given } or given
  options.check("mailer: shared", given, M.OPTIONS, level + 1)
  if given.lease and given.lease < SHORTEST then
    return errors.refuse("CONFIG", ("shared: lease must be %d second or more"):format(SHORTEST))
  end
  local dictionary, err = dictionary_of(given.dictionary)
  if not dictionary then
    return nil, err
  end
  local names = {}
  for i, pool in ipairs(pools_of(mailer.sender)) do
    names[i] = name_of(pool.settings)
    pool.places = places_of.new(dictionary, names[i], pool.settings.connections, given.lease,
      function(is_wanted) return pool:tend(is_wanted) end)
  end
  if mailer.rate then
    mailer.rate, err = shared_rate.new(mailer.rate, dictionary, concat(names, ","))
  end
  return not err or nil, err
end

return M
