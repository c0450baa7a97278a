-- A scripted server in a process of its own: fake.start(script) returns { port, log(), stop() }.
local core = require "ettsumailer.core"

local M = {}

local Fake = {}
Fake.__index = Fake

-- The interpreter that runs the specs; spec/support/run-specs.sh names it.
local function interpreter()
  return os.getenv "ETTM_LUA" or "lua5.4"
end

local function write_file(text)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  return path
end

--- script: Lua text that returns the options of ettsumailer.testing.server.
function M.start(script)
  local path = write_file("return " .. (script or "{}"))
  local self = setmetatable({ script = path, log_path = os.tmpname() }, Fake)
  local command = ("exec '%s' spec/support/serve.lua '%s' '%s'"):format(
    interpreter(), path, self.log_path)
  self.pipe = assert(io.popen(command, "r"))
  local line = self.pipe:read "*l"
  self.port = tonumber((line or ""):match "^port (%d+)$")
  assert(self.port, "the scripted server did not start: " .. tostring(line))
  return self
end

--- The dialogue so far, "C: ..." and "S: ..." lines.
function Fake:log()
  local file = assert(io.open(self.log_path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

local function read_messages(pipe)
  local list = {}
  for line in pipe:lines() do
    local size = line:match "^message (%d+)$"
    if size then
      local message = { to = {} }
      message.helo = pipe:read("*l"):match "^helo (.*)$"
      message.from = pipe:read("*l"):match "^from (.*)$"
      local word = pipe:read "*l"
      while word ~= "data" do
        message.to[#message.to + 1] = word:match "^to (.*)$"
        word = pipe:read "*l"
      end
      message.data = size == "0" and "" or pipe:read(tonumber(size))
      pipe:read "*l"
      list[#list + 1] = message
    end
  end
  return list
end

--- Ends the server; the messages it took are in .messages then.
function Fake:stop()
  if self.messages then
    return self.messages
  end
  os.remove(self.script)
  local socket = core.connect("127.0.0.1", self.port) -- wakes it
  self.messages = read_messages(self.pipe)
  self.pipe:close()
  if socket then
    socket:close()
  end
  os.remove(self.log_path)
  return self.messages
end

return M
