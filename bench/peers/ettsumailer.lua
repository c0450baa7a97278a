-- ettsumailer from this tree: one connection; send_all, or ettsumailer.send for one message.
-- ../README.md tells the contract.
local here = arg[0]:match("^(.*)/") or "."
local root = here .. "/../.."
local engine = rawget(_G, "jit") and "luajit" or _VERSION:match("%d+%.%d+")
-- This tree's own first: the file here has the library's name, too.
package.path = root .. "/lua/?.lua;" .. root .. "/lua/?/init.lua;" .. here .. "/?.lua;"
  .. package.path
package.cpath = root .. "/build/" .. engine .. "/?.so;" .. package.cpath
local bench = require("common")
local ettsumailer = require("ettsumailer")
local clock = require("ettsumailer.core").clock

local function description(number)
  return {
    from = "bench@example.org",
    to = bench.recipients,
    subject = bench.subject .. " #" .. number,
    text = bench.text .. "#" .. number .. "\n",
    html = bench.html,
    attachments = bench.attachment and {
      { path = bench.attachment, filename = "attachment.bin", type = "application/octet-stream" },
    },
  }
end

local server = {
  host = bench.host, port = bench.port, ehlo_name = "bench.invalid",
  security = bench.ca and "starttls" or nil, ca_file = bench.ca,
  user = bench.user, password = bench.password, messages_per_connection = bench.count,
}

local jobs = {}

function jobs.send()
  local number = 0
  local mailer = assert(ettsumailer.mailer(server))
  local summary = assert(mailer:send_all(function()
    number = number + 1
    return number <= bench.count and description(number) or nil
  end, {
    connections = 1,
    on_result = function(_, result, err) assert(result, err) end,
  }))
  assert(summary.sent == bench.count)
  mailer:close()
end

function jobs.one()
  local given = description(1)
  for name, value in pairs(server) do given[name] = value end
  assert(ettsumailer.send(given))
end

-- Piece by piece, as it would go to a server.
function jobs.compose()
  for i = 1, bench.count do
    local reader = assert(ettsumailer.message(description(i))):reader()
    while reader:read(65536) do end -- luacheck: ignore 542
  end
end

local job = bench.job == "send" and bench.count == 1 and "one" or bench.job
local start = clock()
jobs[job]()
print(("elapsed %.6f"):format((clock() - start) / 1000))
