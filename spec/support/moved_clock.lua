-- A clock that only moves when it is slept on: what takes hours is over at once.
local M = {}

---@param at number? seconds
---@return table clock  { now, sleep, at, slept = how long each pause between calls of `now` was }
function M.new(at)
  local clock = { at = at or 1000, pauses = {} }
  function clock.now()
    return clock.at
  end
  function clock.sleep(seconds)
    assert(seconds > 0, "a sleep that is none")
    clock.at = clock.at + seconds
    if clock.on_sleep then
      clock.on_sleep()
    end
  end
  return clock
end

return M
