-- What the requests of mail.py do: one mail each, by ettsumailer from this tree.
local bench = require("common")
local ettsumailer = require("ettsumailer")

local M = {}

local mailer = assert(ettsumailer.mailer({
  host = bench.host, port = bench.port, ehlo_name = "bench.invalid", connections = 20,
  security = bench.ca and "starttls" or "none", ca_file = bench.ca,
  user = bench.user, password = bench.password, queue = { messages = bench.count + 1 },
}))

local function description(number)
  return {
    from = "bench@example.org",
    to = bench.recipients,
    subject = bench.subject .. " #" .. number,
    text = bench.text .. "#" .. number .. "\n",
    html = bench.html,
  }
end

function M.send(number)
  assert(mailer:send(description(number)))
end

function M.enqueue(number)
  assert(mailer:enqueue(description(number)))
end

return M
