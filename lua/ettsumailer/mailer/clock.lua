-- The clock that retries, rates and rests go by: seconds, and a sleep.
-- Why: tests move a clock of their own, and never wait.
-- Not: the deadlines of I/O; those are the transport's, on core.clock.

local core = require "ettsumailer.core"
local scheduler = require "ettsumailer.scheduler"

local error, type = error, type
local min = math.min

local M = {}

local SLICE = 1 -- seconds: a signal's handler, and cancel, get their turn between slices

---The machine's clock.
---@class ettsumailer.clock
---@field now fun(): number      seconds, from any moment on, never going back
---@field sleep fun(seconds: number)  waits so long; may yield
local function real(loop)
  return {
    now = function() return core.clock() / 1000 end,
    -- Lets the other tasks of a batch run meanwhile, and whoever shares the loop.
    sleep = function(seconds) scheduler.sleep(core.clock() + seconds * 1000, loop) end,
  }
end

---The clock of an option: the machine's where none is given.
---@param given table?    { now = function, sleep = function }
---@param loop table?     that sleeps are in (event_loop.lua)
---@param level integer   as of `error`
---@return ettsumailer.clock
function M.of(given, loop, level)
  if given == nil then
    return real(loop)
  elseif type(given.now) ~= "function" or type(given.sleep) ~= "function" then
    error("mailer: option 'clock' must have the functions now and sleep", level + 1)
  end
  return given
end

---Sleeps in slices, until the time is over or `is_over` answers true.
---@param clock ettsumailer.clock
---@param seconds number
---@param is_over fun(): boolean
function M.sleep(clock, seconds, is_over)
  local stop = clock.now() + seconds
  while seconds > 0 and not is_over() do
    clock.sleep(min(seconds, SLICE))
    seconds = stop - clock.now()
  end
end

return M
