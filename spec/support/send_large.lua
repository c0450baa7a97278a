-- The child process of spec/engine/large_attachment_spec.lua: sends one message with one file, and
-- prints the message's size and the most memory this process has had. arg: port, security, path.
local ettsumailer = require "ettsumailer"

local port, security, path = tonumber(arg[1]), arg[2], arg[3]

-- The most this process has held so far, in KB; 0 where the system does not say.
local function peak()
  local file = io.open "/proc/self/status"
  local text = file and file:read "*a" or ""
  return tonumber(text:match "\nVmHWM:%s*(%d+)") or 0
end

local at_rest = peak()
local message = assert(ettsumailer.message {
  from = "a@example.com", to = "b@example.com", subject = "large", text = "see below",
  attachments = { { path = path, filename = "large.bin" } },
})
local mailer = assert(ettsumailer.mailer {
  host = "127.0.0.1", port = port, security = security, ehlo_name = "client.example",
  insecure_skip_verify = true, timeout = 100,
})
local connected = assert(mailer:verify()) and peak()
local result = assert(mailer:send(message))
mailer:close()
print(("size %d sent %d rest %d connected %d peak %d"):format(message:size(), result.bytes.sent,
  at_rest, connected, peak()))
