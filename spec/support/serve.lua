-- The child process of spec/support/fake.lua: serves by a script until its parent removes it and
-- calls, or a minute has gone. arg: path of the script (a chunk that returns the options), path of
-- the log.
local server_of = require "ettsumailer.testing.server"
local core = require "ettsumailer.core"

local script, log_path = arg[1], arg[2]
local log = assert(io.open(log_path, "wb"))
local options = assert(loadfile(script))() or {}
options.on_line = function(direction, line)
  log:write(direction, ": ", line, "\n")
  log:flush()
end
local server = server_of.new(options)
io.write("port ", server.port, "\n")
io.stdout:flush()
local ends = core.clock() + 60000
local function is_wanted()
  local file = io.open(script)
  return file and file:close() and core.clock() < ends
end

while is_wanted() do
  server:step(1)
end
for _, message in ipairs(server.messages) do
  io.write("message ", #message.data, "\n")
  io.write("helo ", message.helo or "", "\n", "from ", message.from or "", "\n")
  for _, to in ipairs(message.to) do
    io.write("to ", to, "\n")
  end
  io.write("data\n", message.data, "\n")
end
server:close()
