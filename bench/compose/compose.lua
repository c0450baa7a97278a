-- compose.lua FILE path|string: ettsumailer composes a message with the file attached, into
-- /dev/null.
-- With "string" the content is a Lua string that is there before.
local root = (arg[0]:match "^(.*)/" or ".") .. "/../.."
local engine = rawget(_G, "jit") and "luajit" or _VERSION:match "%d+%.%d+"
package.path = root .. "/lua/?.lua;" .. root .. "/lua/?/init.lua;" .. package.path
package.cpath = root .. "/build/" .. engine .. "/?.so;" .. package.cpath
local ettsumailer = require "ettsumailer"
local clock = require("ettsumailer.core").clock -- milliseconds

local file = { path = arg[1], filename = "attachment.bin", type = "application/octet-stream" }
if arg[2] == "string" then
  local handle = assert(io.open(arg[1], "rb"))
  file.path, file.content = nil, handle:read "*a"
  handle:close()
end
local out = assert(io.open("/dev/null", "wb"))
local octets, start = 0, clock()
local message = assert(ettsumailer.message {
  from = "a@example.org", to = "b@example.org", subject = "A large file",
  text = "See the attachment.\n", attachments = { file },
})
local reader = message:reader()
local piece = reader:read(65536)
while piece do
  octets = octets + #piece
  out:write(piece)
  piece = reader:read(65536)
end
print(("seconds %.6f octets %d"):format((clock() - start) / 1000, octets))
