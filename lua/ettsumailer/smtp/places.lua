-- The connections of all of nginx's workers to a server, counted in a dictionary that they share.
-- Why: a server's limit goes for the machine, not for each of its workers.
-- Not: what a worker does with a connection (pool.lua), nor the pace of messages (mailer/rate.lua).
--
-- A place is a key that only one can add, with an end: whoever has it puts the end off, from a
-- timer of nginx, as long as the connection lives. So a worker that is killed keeps it no longer.

local core = require "ettsumailer.core"
local errors = require "ettsumailer.errors"
local world = require "ettsumailer.world"

local next, setmetatable = next, setmetatable

local M = {}

local LEASE = 10       -- seconds until the place of a worker that was killed is free
local LOOK_MS = 20     -- between two looks for a free place
local TICK_MS = 100    -- of the keeper
local WANTED = 0.3     -- seconds that a wish for a place is heard
local TURN_MS = 1000   -- a connection is kept so long, though others want its place
local STARTING_MS = 1000 -- in which nginx has begun a timer, or never will

local Places = {}
Places.__index = Places

local Place = {}
Place.__index = Place

---@param dictionary table     of ngx.shared
---@param name string          the server's
---@param most integer         places
---@param lease number?        seconds
---@param tend fun(is_wanted: boolean): boolean  looks after the connections of this worker; true:
---  it has hung up one that was idle, as a place is wanted
---@return table places
function M.new(dictionary, name, most, lease, tend)
  return setmetatable({
    dictionary = dictionary, name = "ettsumailer:connection:" .. name, most = most,
    lease = lease or LEASE, tend = tend, held = {}, made = 0,
  }, Places)
end

local function no_room()
  return errors.refuse("CONFIG",
    "the shared dictionary is full: give lua_shared_dict more room, and let it hold nothing else")
end

-- The timer that puts off the ends. One whose worker has too many timers at work is never begun.
local function wake_keeper(self)
  local now = core.clock()
  if self.is_keeping or self.asked_at and now - self.asked_at < STARTING_MS then
    return true
  end
  local ok, why = world.soon(function() self:keep() end)
  self.asked_at = ok and now or nil
  if not ok then
    return errors.refuse("QUEUE_FULL", "a shared connection needs a timer: " .. why)
  end
  return true
end

-- Takes a place. Returns it; or nil where none is free; or nil, err.
local function take(self)
  self.made = self.made + 1
  local token = core.process_id() .. ":" .. self.made
  for i = 1, self.most do
    local key = self.name .. ":" .. i
    local ok, why = self.dictionary:safe_add(key, token, self.lease)
    if ok then
      local place = setmetatable({ of = self, key = key, token = token }, Place)
      self.held[place] = core.clock()
      local has_keeper, err = wake_keeper(self)
      if not has_keeper then
        place:give()
        return nil, err
      end
      return place
    elseif why ~= "exists" then
      return no_room()
    end
  end
end

---Frees the place.
function Place:give()
  local places = self.of
  if places.held[self] then
    places.held[self] = nil
    if places.dictionary:get(self.key) == self.token then
      places.dictionary:delete(self.key)
    end
  end
end

-- Puts off the ends that are due to be. A place that was lost (the worker was stopped for too long)
-- is taken again where it is free still.
local function renew(self)
  local now = core.clock()
  for place, since in next, self.held do
    if now - since >= self.lease * 1000 / 3 then
      self.held[place] = now
      local token = self.dictionary:get(place.key)
      if token == place.token then
        self.dictionary:expire(place.key, self.lease)
      elseif not token then
        self.dictionary:safe_add(place.key, place.token, self.lease)
      end
    end
  end
end

---In the timer, as long as there are places to be kept.
function Places:keep()
  self.is_keeping = true
  while next(self.held) do
    renew(self)
    local is_ending = world.is_ending()
    while self.tend(is_ending or self:is_wanted()) and is_ending do end -- luacheck: ignore 542
    world.sleep(core.clock() + TICK_MS)
  end
  self.is_keeping, self.asked_at = false, nil
end

---Whether another worker waits for a place.
---@return boolean
function Places:is_wanted()
  local who = self.dictionary:get(self.name)
  return who ~= nil and who ~= core.process_id()
end

---Whether a connection is to be hung up for another worker's sake: at once where nobody here wants
---one, else when it has been of use for a while.
---@param conn ettsumailer.connection
---@param is_idle boolean
---@return boolean
function Places:want(conn, is_idle)
  local is_due = is_idle or core.clock() - conn.connected_at >= TURN_MS
  return is_due and self:is_wanted()
end

---Waits for a place.
---@param deadline number  ms on core.clock's scale
---@param is_over fun(): any  asked meanwhile; true ends it
---@return table? place { give(self) }; nil, too, where the time or it is over
---@return ettsumailer.error?
function Places:wait(deadline, is_over)
  local place, err = take(self)
  while not place and not err and world.may_wait() and core.clock() < deadline do
    self.dictionary:safe_set(self.name, core.process_id(), WANTED)
    world.sleep(core.clock() + LOOK_MS)
    if is_over() then
      return nil
    end
    place, err = take(self)
  end
  return place, err
end

return M
