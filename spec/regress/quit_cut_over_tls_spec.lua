-- A mailer that said QUIT over TLS and lost the connection in the middle of the reply raised: it wrote
-- close_notify to a socket that was closed already.
local ettsumailer = require "ettsumailer"
local server_of = require "ettsumailer.testing.server"

describe("a mailer that is closed", function()
  it("is closed without an error where the server hangs up in the middle of the reply to QUIT", function()
    local server = assert(server_of.start { tls = true, replies = { QUIT = { text = "221 bye", octets = 2 } } })
    local mailer = assert(ettsumailer.mailer {
      host = "127.0.0.1", port = server.port, security = "starttls", ca_pem = server.certificate, timeout = 20,
      from = "a@example.com",
    })
    assert(mailer:send { to = "b@example.com", text = "hi\n" })
    mailer:close()
    server:stop()
  end)
end)
