-- core.clock stands still in a spec, and moves only when the spec moves it, or when nothing is left
-- but to wait for a moment.
-- Why: the machine's clock may be before or behind the spec's, so no wait may be left to it.

local core = require "ettsumailer.core"

local M = {}

local max = math.max

-- Takes core.poll's place: a wait for nothing but a moment is over at once.
local function poll_of(clock, real)
  return function(items, deadline)
    if #items > 0 then
      return real.poll(items, deadline and real.clock() + deadline - clock.now)
    end
    clock.now = max(clock.now, deadline)
    return nil, "TIMEOUT", "the moment has come"
  end
end

---Takes core.clock's and core.poll's place during each case of a block.
---@param before_each function  busted's
---@param after_each function
---@return table clock { now = milliseconds }, for the spec to change
function M.during(before_each, after_each)
  local clock, real = {}, {}
  before_each(function()
    real.clock, real.poll, clock.now = core.clock, core.poll, 1000000
    core.clock = function() return clock.now end -- luacheck: ignore 122
    core.poll = poll_of(clock, real) -- luacheck: ignore 122
  end)
  after_each(function()
    core.clock, core.poll = real.clock, real.poll -- luacheck: ignore 122
  end)
  return clock
end

return M
