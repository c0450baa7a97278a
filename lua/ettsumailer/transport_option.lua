-- The option `transport`: a loop by its name, or functions of the user's own.
-- Why: it is checked when it is given, not when the first mail waits.
-- Not: waiting in a loop (event_loop.lua).

local errors = require "ettsumailer.errors"
local options = require "ettsumailer.options"
local world = require "ettsumailer.world"

local error, ipairs, pcall, require, tostring = error, ipairs, pcall, require, tostring
local type = type

local M = {}

---What a transport of one's own has: wait or connect, or both.
--- wait     function(items, seconds, thread): waits in the loop until one of the items may be ready
---          or the seconds are over; sooner does no harm. Of each: fd, a descriptor, and events,
---          "r", "w" or "rw". thread is the coroutine to resume, nil for the main one. Returns
---          nothing, or nil and why it cannot wait
--- forget   function(fd): called before a descriptor is closed, and when a send is cancelled: a
---          wait for it is to end
--- connect  function(settings, deadline): takes our sockets' place. Returns a table with the
---          methods read(max, deadline): bytes, or nil and "DONE", "TIMEOUT" or "CLOSED";
---          write(bytes, deadline): how many were written, or nil, code, text and how many were;
---          close(). Or nil, code, text. Deadlines are ms of ettsumailer.core.clock()
M.OPTIONS = { wait = "function", forget = "function", connect = "function" }

local NAMES = { cqueues = true, copas = true, luv = true }

local function of_name(name)
  if not NAMES[name] then
    return errors.refuse("CONFIG", 'transport must be "cqueues", "copas" or "luv", or a table')
  end
  local is_there, loop = pcall(require, "ettsumailer.transport." .. name)
  if not is_there then
    return errors.refuse("CONFIG", ("transport: %s cannot be used: %s"):format(
      name, tostring(loop):match "^[^\n]*"))
  end
  return loop
end

local METHODS = { "read", "write", "close" }

-- The user's own connect, whose connections are looked at.
local function checked(connect)
  return function(...)
    local io, code, text, may_pass = connect(...)
    for _, name in ipairs(io and METHODS or {}) do
      if type(io[name]) ~= "function" then
        error(("transport: what connect returned has no method '%s'"):format(name), 0)
      end
    end
    return io, code or "CONNECT", text or "the transport did not connect", may_pass
  end
end

---What the option `transport` says.
---@param given string|table
---@param what string      whose option it is, in messages
---@param level integer    as of `error`
---@return table? transport  { connect = function or nil, loop = table or nil }
---@return ettsumailer.error?
function M.of(given, what, level)
  if world.is_nginx then
    return errors.refuse("CONFIG", "transport: in nginx its own sockets are used, and no others")
  elseif type(given) == "string" then
    local loop, err = of_name(given)
    return loop and { loop = loop }, err
  end
  options.check(what .. ": transport", given, M.OPTIONS, level + 1)
  if not given.wait and not given.connect then
    error(what .. ": transport has neither the function wait nor connect", level + 1)
  end
  return {
    connect = given.connect and checked(given.connect), loop = given.wait and given or nil,
  }
end

return M
