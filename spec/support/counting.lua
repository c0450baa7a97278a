-- A server in a process of its own that notes who is there (counting_server.py).

local core = require "ettsumailer.core"

local M = {}

local Counting = {}
Counting.__index = Counting

---@param how table?  { delay = seconds before the reply to a content, complaints = so many 421 }
---@return table server { port }
function M.start(how)
  how = how or {}
  local self = setmetatable({ path = os.tmpname() }, Counting)
  self.pipe = assert(io.popen(("exec python3 spec/support/counting_server.py %s %g %d"):format(
    self.path, how.delay or 0, how.complaints or 0), "w"))
  for _ = 1, 1000 do
    local file = assert(io.open(self.path))
    self.port = tonumber(file:read("*a"):match "port (%d+)\n")
    file:close()
    if self.port then
      return self
    end
    core.poll({}, core.clock() + 20)
  end
  error "the counting server did not start"
end

---What it has noted.
---@return table { most = connections at a time, open = now, moments = of the messages, in seconds,
---  ids = Message-ID to how often it came }
function Counting:noted()
  local found = { most = 0, open = 0, moments = {}, ids = {} }
  for line in io.lines(self.path) do
    local what, id, moment = line:match "^(%a+) ?(%S*) ([%d.]+)$"
    if what == "open" then
      found.open = found.open + 1
      found.most = math.max(found.most, found.open)
    elseif what == "close" then
      found.open = found.open - 1
    elseif what == "message" then
      found.moments[#found.moments + 1] = tonumber(moment)
      found.ids[id] = (found.ids[id] or 0) + 1
    end
  end
  return found
end

function Counting:stop()
  self.pipe:close()
  os.remove(self.path)
end

return M
