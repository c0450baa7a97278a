-- Room in a pool: who holds a connection of it, whether there may be one more, and the wait for it.
-- Why: a place that is counted and never given back would in the end stop all mail.
-- Not: the connections themselves (pool.lua), nor how many a server wants (cap.lua).

local core = require "ettsumailer.core"
local errors = require "ettsumailer.errors"
local lazy = require "ettsumailer.lazy"
local scheduler = require "ettsumailer.scheduler"
local world = require "ettsumailer.world"

local signal_of = lazy.of "ettsumailer.signal"

local ipairs, min, next = ipairs, math.min, next

local M = {}

-- Between two looks of one that waits for a connection at those whose request nginx has ended.
local LOOK_SECONDS = 0.5

-- How long more than connecting may take what comes before a connection is there.
local GRACE_MS = 1000

---A connection counts from the moment it is being opened (where its owner stands for it) to its end
---or its return.
---@param pool ettsumailer.pool
---@param key table    the connection, or its owner
---@param owner table
function M.hold(pool, key, owner)
  pool.in_use[key], pool.count = owner, pool.count + 1
  key.held_until = core.clock() + pool.settings.timeouts.connect * 1000 + GRACE_MS
end

---Frees the place of a connection that did not come to be.
---@param owner table
function M.give_place(owner)
  if owner.place then
    owner.place:give()
    owner.place = nil
  end
end

---Closes the context of TLS, as soon as nothing can need it any more: it is about a megabyte that
---Lua's collector knows nothing of.
---@param pool ettsumailer.pool
function M.close_context(pool)
  local context = pool.settings.tls_context
  if pool.closed and pool.count == 0 and context then
    context:close()
  end
end

---The end of what hold began.
---@param pool ettsumailer.pool
---@param key table
function M.let_go(pool, key)
  if pool.in_use[key] then
    pool.in_use[key], pool.count = nil, pool.count - 1
    M.close_context(pool)
    if pool.signal and pool.signal:count() < 0 then -- so many wait
      pool.signal:post(1)
    end
  end
end

-- Whether whoever has it never comes back: nginx ends a request whose client has gone, and says so
-- to nobody. Where there is no connection yet, only time tells.
local function is_lost(key)
  local io = key.io or key.opening and key.opening.io
  if io then
    return io.is_lost ~= nil and io:is_lost()
  end
  return world.is_nginx and core.clock() > key.held_until
end

---Takes back what is lost.
---@param pool ettsumailer.pool
function M.reclaim(pool)
  local lost = {}
  for key in next, pool.in_use do
    lost[#lost + 1] = is_lost(key) and key or nil
  end
  for _, key in ipairs(lost) do
    M.let_go(pool, key)
    M.give_place(key)
    local conn = key.io and key or key.opening
    if conn then
      conn:close()
    end
  end
end

---@param pool ettsumailer.pool
---@return boolean
function M.is_full(pool)
  if pool.count >= pool.cap:allowed() then
    M.reclaim(pool)
  end
  return pool.count >= pool.cap:allowed()
end

-- What is posted when a connection is free; nil where nobody can free one meanwhile.
local function signal_here(pool)
  local loop = pool.settings.transport.loop
  if not scheduler.is_shared(loop) then
    return nil
  end
  pool.signal = pool.signal or signal_of.new(loop)
  return pool.signal
end

---Waits until a connection is free, where others can free one meanwhile (nginx, an event loop).
---@param pool ettsumailer.pool
---@param owner table
---@return boolean is_free
function M.wait_for_free(pool, owner)
  local limit = core.clock() + pool.settings.timeouts.connect * 1000
  local deadline = min(owner.deadline or limit, limit)
  local signal = signal_here(pool)
  while signal and core.clock() < deadline and M.is_full(pool) do
    signal:wait(min(LOOK_SECONDS, (deadline - core.clock()) / 1000))
  end
  return not M.is_full(pool)
end

---Why there is no connection.
---@param pool ettsumailer.pool
---@return nil
---@return ettsumailer.error
function M.refuse(pool)
  if pool.closed then
    return errors.refuse("CANCELLED", "the mailer was closed")
  end
  local allowed = pool.cap:allowed()
  local text = ("all %d connections are in use: send fewer at a time, or raise connections")
    :format(allowed)
  if allowed < pool.settings.connections then
    text = ("all %d connections are in use, and the server wants no more for now: send fewer at a "
      .. "time, or later"):format(allowed)
  end
  return errors.refuse("QUEUE_FULL", text)
end

---Waits for a place among the connections of all workers, where they share them: it is the owner's
---until a connection has it.
---@param pool ettsumailer.pool
---@param owner table
---@param look function  an idle connection that will do, or nil: one may come back meanwhile
---@return ettsumailer.connection? conn  what it has found
---@return ettsumailer.error?
function M.wait_for_place(pool, owner, look)
  if not pool.places or not world.may_wait() then
    return nil
  end
  local limit = core.clock() + pool.settings.timeouts.connect * 1000
  local conn, err
  owner.place, err = pool.places:wait(min(owner.deadline or limit, limit), function()
    conn = look()
    return conn or pool.closed or owner.cancelled
  end)
  if owner.cancelled then
    return errors.refuse("CANCELLED", "the sending was cancelled")
  elseif conn or owner.place or err or pool.closed then
    return conn, err
  end
  return errors.refuse("QUEUE_FULL",
    ("all %d connections of all workers are in use"):format(pool.settings.connections))
end

return M
