-- Event loops for the specs: each runs functions side by side, beside a ticker of the user's, to
-- their end.
--
-- A driver is { name, run = function(functions): ticks }. What a function raises is raised.

local core = require "ettsumailer.core"
local scheduler = require "ettsumailer.scheduler"

local M = {}

local MOST_SECONDS = 120

-- Functions that note how they end, and the number of those that have not.
local function noted(functions)
  local deadline = core.clock() + MOST_SECONDS * 1000
  local state, list = { left = #functions, ticks = 0 }, {}
  for i, f in ipairs(functions) do
    list[i] = function()
      local ok, err = scheduler.guard(f)
      state.left = state.left - 1
      state.err = state.err or not ok and err or nil
    end
  end
  function state.is_over()
    return state.left == 0 or state.err ~= nil or core.clock() >= deadline
  end
  function state.result()
    if state.err then
      error(state.err, 0)
    end
    assert(state.left == 0, "the functions did not come to their end")
    return state.ticks
  end
  return list, state
end

function M.cqueues()
  local cqueues = require "cqueues"
  return function(functions)
    local list, state = noted(functions)
    local controller = cqueues.new()
    for _, f in ipairs(list) do
      controller:wrap(f)
    end
    controller:wrap(function()
      while not state.is_over() do
        cqueues.sleep(0.001)
        state.ticks = state.ticks + 1
      end
    end)
    local ok, err
    repeat
      ok, err = controller:step(1)
      state.err = not ok and (err or "cqueues failed") or nil
    until state.is_over()
    controller:close()
    return state.result()
  end
end

function M.luv()
  local uv = require "luv"
  return function(functions)
    local list, state = noted(functions)
    local timer = uv.new_timer()
    timer:start(1, 1, function()
      state.ticks = state.ticks + 1
      if state.is_over() then
        timer:close()
      end
    end)
    for _, f in ipairs(list) do
      coroutine.wrap(f)()
    end
    uv.run()
    return state.result()
  end
end

-- Debian's copas has no timers: its ticker reads what is written to it between two steps.
function M.copas()
  local copas, socket = require "copas", require "socket"
  return function(functions)
    local list, state = noted(functions)
    local listener = assert(socket.bind("127.0.0.1", 0))
    local host, port = listener:getsockname()
    local writer = assert(socket.connect(host, port))
    local reader = assert(listener:accept())
    listener:close()
    reader:settimeout(0)
    copas.addthread(function()
      while copas.receive(reader, 1) do
        state.ticks = state.ticks + 1
      end
      reader:close()
    end)
    for _, f in ipairs(list) do
      copas.addthread(f)
    end
    while not state.is_over() do
      writer:send "!"
      copas.step(0.001)
    end
    writer:close()
    copas.step(0.001)
    return state.result()
  end
end

---The loop of a name; or nil and why this machine has none.
---@param name string
---@return function? run
---@return string? why
function M.of(name)
  local ok, run = pcall(M[name])
  if ok then
    return run
  end
  return nil, ("no %s for %s here: %s"):format(name, jit and "LuaJIT" or _VERSION,
    tostring(run):match "^[^\n]*")
end

return M
