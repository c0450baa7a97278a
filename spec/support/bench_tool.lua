-- A tool of bench/ (sink, delayproxy) for the length of a spec: a process that says its port in one
-- line of JSON and what it counted in another, when it ends.
-- Plain Lua of any version; ended by its process id.

local json = require "support.json"

local io, os, tonumber = io, os, tonumber

local M = {}

local Tool = {}
Tool.__index = Tool

local function succeeded(command)
  local ok, _, status = os.execute(command)
  return ok == true and (status or 0) == 0 or ok == 0 -- 5.1 gives the status alone
end

---Builds the tools. Returns true; or false where there is no compiler for them.
function M.build()
  return succeeded "make -s -C bench >/dev/null 2>&1"
end

-- The lines that the tool has written so far, decoded.
function Tool:said()
  local said = {}
  for line in io.lines(self.output) do
    said[#said + 1] = json.decode(line)
  end
  return said
end

---@param command string  such as "sink --port 0"
---@return table? tool     port; stop() gives its counts
function M.start(command)
  local self = setmetatable({ output = os.tmpname(), number = os.tmpname() }, Tool)
  os.execute(("bench/build/%s >'%s' 2>&1 & echo $! >'%s'"):format(
    command, self.output, self.number))
  for _ = 1, 100 do
    local started = self:said()[1]
    if started then
      self.port = started.port
      local file = io.open(self.number)
      self.pid = tonumber(file:read "*l")
      file:close()
      return self
    end
    os.execute "sleep 0.05"
  end
end

function Tool:stop()
  os.execute(("kill -TERM %d"):format(self.pid))
  for _ = 1, 100 do
    if not succeeded(("kill -0 %d 2>/dev/null"):format(self.pid)) then
      break
    end
    os.execute "sleep 0.05"
  end
  local said = self:said()
  os.remove(self.output)
  os.remove(self.number)
  return said[#said]
end

return M
