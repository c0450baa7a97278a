-- core.clock stands still in a spec, and moves only when the spec moves it.

local core = require "ettsumailer.core"

local M = {}

---Takes core.clock's place during each case of a block.
---@param before_each function  busted's
---@param after_each function
---@return table clock { now = milliseconds }, for the spec to change
function M.during(before_each, after_each)
  local clock, real = {}, nil
  before_each(function()
    real, clock.now = core.clock, 1000000
    core.clock = function() return clock.now end -- luacheck: ignore 122
  end)
  after_each(function()
    core.clock = real -- luacheck: ignore 122
  end)
  return clock
end

return M
