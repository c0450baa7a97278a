-- What the requests of mail.py do: one mail each, by lua-resty-mail, as its documentation has it.
local bench = require("common")
local mail = require("resty.mail")

local M = {}

local mailer = assert(mail.new({
  host = bench.host, port = bench.port, domain = "bench.invalid",
  starttls = bench.ca and true or nil,
  ssl_verify = bench.ca and true or nil,
  ssl_host = bench.ca and "localhost" or nil,
  username = bench.user, password = bench.password,
  auth_type = bench.user and "plain" or nil,
}))

function M.send(number)
  assert(mailer:send({
    from = "bench@example.org",
    to = bench.recipients,
    -- it does not encode headers itself
    subject = bench.encode_header(bench.subject .. " #" .. number, ngx.encode_base64),
    text = ((bench.text .. "#" .. number .. "\n"):gsub("\n", "\r\n")),
    html = (bench.html:gsub("\n", "\r\n")),
  }))
end

return M
