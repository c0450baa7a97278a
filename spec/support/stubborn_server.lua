-- A server that reads no command before its reply to the one before has gone out, as those do that
-- use blocking sockets. Serves one connection; then says how many recipients it has heard. arg[1]:
-- octets of text in each reply to RCPT.

local core = require "ettsumailer.core"

local PATIENCE = 60000 -- ms

local listener = assert(core.listen("127.0.0.1", 0))
local _, port = listener:local_address()
io.write("port ", port, "\n")
io.stdout:flush()

assert(core.wait(listener, "r", core.clock() + PATIENCE))
local socket = assert(listener:accept())

local function say(text)
  local at = 1
  while at <= #text do
    local n, code = socket:send(text, at)
    if not n then
      assert(code == "WAIT" and core.wait(socket, "w", core.clock() + PATIENCE), code)
    end
    at = at + (n or 0)
  end
end

local buffer, at = "", 1

local function line()
  local stop = buffer:find("\r\n", at, true)
  while not stop do
    local bytes, code = socket:receive(4096)
    if not bytes then
      assert(code == "WAIT" and core.wait(socket, "r", core.clock() + PATIENCE), code)
    end
    buffer, at = buffer:sub(at) .. (bytes or ""), 1
    stop = buffer:find("\r\n", 1, true)
  end
  local found = buffer:sub(at, stop - 1)
  at = stop + 2
  return found
end

local RCPT = "250 2.1.5 " .. ("k"):rep(tonumber(arg[1])) .. "\r\n"
local REPLIES = {
  EHLO = "250-server.example\r\n250 PIPELINING\r\n", MAIL = "250 ok\r\n", RCPT = RCPT,
  QUIT = "221 bye\r\n",
}
local recipients, verb = 0, nil

say "220 server.example\r\n"
while verb ~= "QUIT" do
  verb = line():match "^%a*"
  recipients = recipients + (verb == "RCPT" and 1 or 0)
  if verb == "DATA" then
    say "354 go\r\n"
    while line() ~= "." do end -- luacheck: ignore 542
    say "250 ok\r\n"
  else
    say(REPLIES[verb] or "500 what?\r\n")
  end
end
socket:close()
io.write("recipients ", recipients, "\n")
