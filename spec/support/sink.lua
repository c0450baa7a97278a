-- A child process that takes one message of any size and keeps nothing of it: prints its port, then
-- how many octets the content had on the wire. arg: "tls" for TLS from the start.
local channel_of = require "ettsumailer.testing.channel"
local core = require "ettsumailer.core"

local SECONDS = 120
local ends = core.clock() + SECONDS * 1000

local listener = assert(core.listen("127.0.0.1", 0))
local _, port = listener:local_address()
print(port)
io.stdout:flush()

local function wait(socket, direction)
  assert(core.wait(socket, direction, ends))
end

wait(listener, "r")
local socket = assert(listener:accept())
local channel = channel_of.new(socket)
if arg[1] == "tls" then
  local certificate, key = core.certificate { names = { "localhost" } }
  channel:start_tls(assert(core.tls_context {
    server = true, certificate = certificate, key = key,
  }))
end

local function flush()
  while not channel:flush() do
    wait(socket, "w")
  end
end

-- The next bytes, or nil at the end.
local function read()
  while true do
    local bytes, code = channel:read()
    flush()
    if bytes and bytes ~= "" then
      return bytes
    elseif not bytes and code ~= "WAIT" then
      return nil
    elseif code == "WAIT" then
      wait(socket, "r")
    end
  end
end

local function say(text)
  assert(channel:write(text .. "\r\n"))
  flush()
end

-- Reads content up to its end. Returns its octets, and what came behind it. The last four are kept
-- for the next look, so that the end is found wherever the reads part it.
local function swallow(bytes)
  local octets, kept = -2, "\r\n" -- the end of the line before counts as a beginning only
  while true do
    local all = kept .. bytes
    local stop = all:find("\r\n.\r\n", 1, true)
    if stop then
      return octets + stop + 1, all:sub(stop + 5)
    end
    kept = all:sub(-4)
    octets = octets + #all - #kept
    bytes = assert(read(), "the content has no end")
  end
end

local replies = {
  EHLO = "250-sink.example\r\n250-PIPELINING\r\n250 SIZE 1000000000", DATA = "354 go ahead",
  QUIT = "221 bye",
}

while channel.tls and not channel.is_secure do
  local bytes, code = channel:read()
  flush()
  if not bytes then
    assert(code == "WAIT", code)
    wait(socket, "r")
  end
end
say "220 sink.example"
local input, verb = "", nil
while verb ~= "QUIT" do
  local line, rest = input:match "^([^\n]*)\r\n(.*)$"
  if line then
    input, verb = rest, line:match "^%a*"
    say(replies[verb] or "250 ok")
  end
  if verb == "DATA" then
    local octets
    octets, input = swallow(input)
    print(("%d"):format(octets))
    io.stdout:flush()
    say "250 taken"
    verb = nil
  elseif not line then
    input = input .. assert(read(), "the client has gone")
  end
end
