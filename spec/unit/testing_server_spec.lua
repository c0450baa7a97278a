local ettsumailer = require "ettsumailer"
local server_of = require "ettsumailer.testing.server"

local STORED = require("support.scratch") .. "/stored"

local function read_file(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

describe("the testing server", function()
  local server

  after_each(function()
    if server then
      server:stop()
    end
  end)

  local function send(more)
    local given = {
      host = "127.0.0.1", port = server.port, security = "none", timeout = 20, ehlo_name = "client.example",
      from = "a@example.com", to = "b@example.com", subject = "s", text = "hi\n",
    }
    for name, value in pairs(more or {}) do
      given[name] = value
    end
    return ettsumailer.send(given)
  end

  it("keeps what it took: envelope, content, who and how", function()
    server = assert(server_of.start())
    assert(send())
    local message = server:messages()[1]
    assert.equal("client.example", message.helo)
    assert.matches("^<a@example%.com>", message.from)
    assert.same({ "<b@example.com>" }, message.to)
    assert.matches("\r\n\r\nhi\r\n$", message.data)
    assert.is_nil(message.user)
    assert.is_false(message.tls)
  end)

  it("stores each message as a file", function()
    os.execute("mkdir -p " .. STORED)
    server = assert(server_of.start { store = STORED })
    assert(send())
    assert(send())
    local messages = server:messages()
    assert.equal(STORED .. "/000002.eml", messages[2].path)
    assert.equal(messages[2].data, read_file(messages[2].path))
  end)

  it("answers any command with any reply, one a time, the last one for ever", function()
    server = assert(server_of.start {
      replies = { RCPT = { "450 4.2.0 wait", "250 ok" }, XYZZY = "250 nothing happens" },
    })
    local conn = assert(ettsumailer.connect {
      host = "127.0.0.1", port = server.port, security = "none", timeout = 20,
    })
    assert(conn:ehlo "client.example")
    assert.equal("nothing happens", assert(conn:command "XYZZY").text)
    assert(conn:mail "a@example.com")
    assert.equal(450, select(2, conn:rcpt "b@example.com").smtp_code)
    assert(conn:rcpt "b@example.com")
    assert(conn:rcpt "c@example.com")
    conn:close()
  end)

  it("answers late, in part, and not at all", function()
    server = assert(server_of.start { replies = { MAIL = { text = "250 ok", delay = 0.2 } } })
    local result = assert(send())
    assert.is_true(result.timings.total >= 0.2)
    server:set_replies { MAIL = { text = "250 ok", octets = 3 } }
    assert.equal("CLOSED", select(2, send()).code)
    server:set_replies { MAIL = false }
    assert.equal("TIMEOUT", select(2, send { timeouts = { command = 0.2 } }).code)
    server:set_replies { MAIL = { text = "250 ok", cut = true } }
    assert.equal("CLOSED", select(2, send()).code)
  end)

  it("shows the dialogue without its secrets", function()
    local login = { user = "u", password = "correct horse battery staple", allow_plaintext_auth = true }
    server = assert(server_of.start(login))
    assert(send(login))
    local log = table.concat(server:log(), "\n")
    assert.is_truthy(log:find("C: AUTH PLAIN <hidden>", 1, true))
    assert.is_nil(log:find("correct", 1, true))
  end)

  it("has a certificate of its own, for the names it is told", function()
    server = assert(server_of.start { tls = true, names = { "mail.example" } })
    assert.matches("BEGIN CERTIFICATE", server.certificate)
    assert(send { security = "starttls", ca_pem = server.certificate, tls_name = "mail.example" })
  end)

  it("ends when it is stopped, and is not asked any more", function()
    server = assert(server_of.start())
    server:stop()
    server:stop()
    assert.error_matches(function() server:messages() end, "stopped")
    assert.equal("CONNECT", select(2, send()).code)
  end)

  it("refuses what cannot be handed to a child, and options that nobody knows", function()
    assert.has_error(function() server_of.start { replies = { MAIL = function() end } } end)
    assert.error_matches(function() server_of.start { tsl = true } end, "did you mean 'tls'")
    assert.error_matches(function() server_of.new { tsl = true } end, "did you mean 'tls'")
  end)

  it("runs in the same process as well, step by step", function()
    local here = server_of.new()
    local core = require "ettsumailer.core"
    local socket = assert(core.connect("127.0.0.1", here.port))
    local greeting
    for _ = 1, 100 do
      here:step(0.05)
      greeting = socket:receive(1000)
      if greeting then
        break
      end
    end
    assert.equal("220 testing.example ESMTP\r\n", greeting)
    socket:close()
    here:close()
  end)
end)
