-- Sends a mail with a session and a loop of one's own: lua poll.lua IP PORT FROM TO
-- A session never waits and opens nothing. It takes bytes (feed), gives bytes (peek, skip) and
-- events (next), and says what it waits for (want). What else the program does stands in its loop.
local core = require "ettsumailer.core" -- its sockets and its poll; any others do as well
local ettsumailer = require "ettsumailer"

local ip, port, from, to = arg[1], tonumber(arg[2]), arg[3], arg[4]
local fields = { from = from, to = to, subject = "Hello", text = "Hello\n" }
local reader, session = assert(ettsumailer.message(fields)):reader(), ettsumailer.session()
local socket = assert(core.connect(ip, port))

-- What to do at an event; at the others nothing.
local on = setmetatable({}, { __index = function() return function() end end })
function on.GREETING() session:command("EHLO", "client.example.com") end
function on.CAPABILITIES() session:submit { from = from, recipients = { to }, data = true } end
function on.SENT(event) print("sent", event.smtp_code, event.text) session:command "QUIT" end
function on.SHUTDOWN(event) print("refused", event.smtp_code, event.text) end
function on.REFUSED(event) on.SHUTDOWN(event) session:command "QUIT" end

local function on_writable()
  session:skip(socket:send(session:peek()) or 0)
end

local function on_readable()
  local bytes, code = socket:receive(session:room())
  return bytes and session:feed(bytes) or code == "DONE" and session:feed_eof()
end

-- The loop; other sockets of the program are polled beside this one.
local function wait(read, write)
  local item = { socket, (read and "r" or "") .. (write and "w" or "") }
  assert(core.poll({ item }, core.clock() + 300 * 1000)) -- each reply has five minutes
  if item.ready:find "w" then on_writable() end
  if item.ready:find "r" then on_readable() end
end

local function step()
  local event, code, text = session:next()
  local read, write, body = session:want()
  if event then
    on[event.kind](event)
  elseif body then
    session:pump(reader) -- as much as there is room for; body comes again for the rest
  elseif not code then
    wait(read, write)
  end
  return code, text
end

local code, text
repeat
  code, text = step()
until code
socket:close()
print(code == "DONE" and "done" or "failed", code, text)
