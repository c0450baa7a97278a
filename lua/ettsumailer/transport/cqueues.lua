-- The loop of cqueues: a call inside of a controller waits as cqueues' own sockets do.
-- Why: the controller's other coroutines go on while a mail is being sent.
-- Not: sockets; they are the native ones (native.lua), waited for here.

local cqueues = require "cqueues"

local ipairs = ipairs
local unpack = table.unpack or unpack -- luacheck: std lua51+lua54

local M = {}

---Whether a controller runs this. Outside of it nobody else waits.
function M.may_wait()
  return cqueues.running() ~= nil
end

---As a loop's (event_loop.lua).
function M.wait(items, seconds)
  local list = { seconds }
  for i, item in ipairs(items) do
    list[i + 1] = { pollfd = item.fd, events = item.events }
  end
  cqueues.poll(unpack(list))
  for _, item in ipairs(items) do
    cqueues.cancel(item.fd) -- it would remember the number when it is another socket's
  end
end

---Ends a wait for a descriptor that is about to be closed.
---@param fd integer
function M.forget(fd)
  cqueues.cancel(fd)
end

return M
