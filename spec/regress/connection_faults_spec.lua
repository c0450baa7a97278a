local ettsumailer = require "ettsumailer"
local drive = require "ettsumailer.smtp.drive"
local fake = require "support.fake"

describe("sending, when something goes wrong,", function()
  local server
  after_each(function()
    if server then
      server:stop()
      server = nil
    end
  end)

  local function options(more)
    local given = {
      host = "127.0.0.1", port = server.port, security = "none", ehlo_name = "client.example", timeout = 5,
      from = "a@example.com",
    }
    for name, value in pairs(more or {}) do
      given[name] = value
    end
    return given
  end

  local MESSAGE = { to = { "b@example.com", "c@example.com" }, text = "hi\n" }

  for what, reply in pairs {
    ["a 421 to MAIL"] = '{ text = "421 4.3.2 bye", cut = true }', ["silence after MAIL"] = "false",
    ["a cut at MAIL"] = '{ text = "250 x", octets = 3 }',
  } do
    it("returns an error for " .. what .. " where there is no PIPELINING", function()
      server = fake.start("{ extensions = {}, replies = { MAIL = " .. reply .. " } }")
      local mailer = assert(ettsumailer.mailer(options { timeouts = { command = 1 } }))
      local result, err = mailer:send(MESSAGE)
      assert.is_nil(result)
      assert.equal("MAIL", err.stage)
      assert.same({ "b@example.com", "c@example.com" }, err.not_sent)
    end)
  end

  it("does not count a refused recipient as accepted when RSET was refused before", function()
    server = fake.start [[{ replies = { RSET = "502 5.5.1 no", RCPT = {
      "550 5.1.1 no", "550 5.1.1 no", "250 ok", "550 5.1.1 no" } } }]]
    local mailer = assert(ettsumailer.mailer(options()))
    assert.is_nil((mailer:send(MESSAGE)))
    local result, err = mailer:send(MESSAGE)
    local lists = result or err
    for _, address in ipairs(lists.accepted) do
      assert.not_equal("c@example.com", address)
    end
  end)

  it("replaces a reused connection whose first reply is a 421", function()
    server = fake.start [[{ replies = { MAIL = {
      "250 ok", { text = "421 4.4.2 timeout", cut = true }, "250 ok" } } }]]
    local mailer = assert(ettsumailer.mailer(options()))
    assert(mailer:send(MESSAGE))
    assert(mailer:send(MESSAGE))
  end)

  it("does not reuse a connection on which something came behind the result", function()
    server = fake.start()
    local mailer = assert(ettsumailer.mailer(options()))
    assert(mailer:send(MESSAGE))
    assert(mailer.pool.idle[1].session:feed "250 surprise\r\n") -- as if it had come in one packet
    assert(mailer:send(MESSAGE))
  end)

  it("puts every recipient into a list when one of them has no wire form", function()
    server = fake.start()
    local mailer = assert(ettsumailer.mailer(options()))
    local long = ettsumailer.address(("a"):rep(70) .. "@example.com")
    local _, err = mailer:send { to = { "b@example.com", long, "c@example.com" }, text = "hi\n" }
    assert.equal(3, #err.not_sent)
  end)

  it("says QUIT to a server without PIPELINING, too", function()
    server = fake.start "{ extensions = {} }"
    local given = options { to = "b@example.com", text = "hi\n" }
    assert(ettsumailer.send(given))
    assert.matches("C: QUIT\nS: 221", server:log())
  end)

  it("does not make the null reverse-path of an address that has no wire form", function()
    server = fake.start()
    local conn = assert(ettsumailer.connect {
      host = "127.0.0.1", port = server.port, security = "none", ehlo_name = "client.example" })
    assert(conn:ehlo())
    local reply, err = conn:mail(ettsumailer.address(("a"):rep(70) .. "@example.com"))
    assert.is_nil(reply)
    assert.equal("MAIL", err.stage)
    assert.has_error(function() conn:mail(io.stdout) end)
    assert.not_matches("MAIL", server:log())
    conn:close()
  end)

  it("looks at the argument of data before it says DATA", function()
    server = fake.start()
    local conn = assert(ettsumailer.connect {
      host = "127.0.0.1", port = server.port, security = "none", ehlo_name = "client.example" })
    assert(conn:ehlo())
    assert(conn:mail "a@example.com")
    assert(conn:rcpt "b@example.com")
    assert.has_error(function() conn:data(io.stdout) end)
    assert.not_matches("DATA", server:log())
    assert(conn:noop())
    conn:close()
  end)

  it("keeps a result that an observer failed on", function()
    server = fake.start()
    local mailer = assert(ettsumailer.mailer(options {
      on_protocol = function(_, line) if line:find "queued" then error "observer" end end }))
    assert(mailer:send(MESSAGE))
  end)

  it("keeps no connection in a mailer that was closed meanwhile", function()
    server = fake.start()
    local mailer
    mailer = assert(ettsumailer.mailer(options {
      on_protocol = function(_, line) if line:find "queued" then mailer:close() end end }))
    assert(mailer:send(MESSAGE))
    assert.is_nil(mailer.idle_connection)
  end)

  it("does not wait for QUIT's reply beyond the timeout of the call", function()
    server = fake.start "{ replies = { QUIT = false } }"
    local core = require "ettsumailer.core"
    local mailer = assert(ettsumailer.mailer(options {
      timeout = 1, timeouts = { quit = 10 }, messages_per_connection = 1 }))
    local started = core.clock()
    assert(mailer:send(MESSAGE))
    assert.is_true(core.clock() - started < 5000)
  end)

  it("keeps a greeting that comes in one packet with the end of the handshake", function()
    local phase = "TLS"
    local session = {
      bytes = function() return 0, 0 end, fate = function() return "not_sent" end,
      phase = function() return phase end, want = function() end, transcript = function() return "" end,
      next = function()
        if phase == "TLS" then
          phase = "idle"
          return { kind = "GREETING", smtp_code = 220, text = "hi" }
        end
      end,
    }
    local link = { session = session, timeouts = { tls = 1, command = 1 }, io = { close = function() end } }
    assert(drive.handshake(link))
    assert.equal("GREETING", assert(drive.event(link)).kind)
  end)

  it("looks for a refusal while the content waits for room", function()
    local wants_to_read
    local session = {
      phase = function() return "body" end, next = function() end, transcript = function() return "" end,
      want = function() return false, true, false, false, false, "block" end, body = function() return 0 end,
      bytes = function() return 0, 0 end,
    }
    local link = {
      session = session, timeouts = { block = 1 },
      io = {
        close = function() end,
        exchange = function(_, _, read)
          wants_to_read = read
          return nil, "CLOSED", "over"
        end,
      },
    }
    assert.is_nil((drive.content(link, nil, { text = "x", at = 1 })))
    assert.is_true(wants_to_read)
  end)

  it("gives up a login that the server never ends", function()
    server = fake.start [[{ extensions = { "AUTH LOGIN" }, replies = { AUTH = "334 VXNlcm5hbWU6",
      response = "334 VXNlcm5hbWU6", other = "334 VXNlcm5hbWU6" } }]]
    local conn = assert(ettsumailer.connect {
      host = "127.0.0.1", port = server.port, security = "none", allow_plaintext_auth = true, timeout = 5 })
    assert(conn:ehlo())
    local reply, err = conn:auth { user = "u", password = "p" }
    assert.is_nil(reply)
    assert.equal("PROTOCOL", err.code)
    conn:close()
  end)

  it("shows nothing of a key that was taken for a path", function()
    local _, err = ettsumailer.mailer { host = "h", client_key = "----BEGIN KEY-----\nSECRET\n" }
    assert.not_matches("SECRET", tostring(err))
  end)

  it("wants a password where the URL has none", function()
    local mailer, err = ettsumailer.mailer { url = "smtp://user@host" }
    assert.is_nil(mailer)
    assert.equal("CONFIG", err.code)
  end)

  it("shows no control characters of the server's", function()
    server = fake.start [[{ replies = { RCPT = "550 \27]0;x\7no" } }]]
    local _, err = assert(ettsumailer.mailer(options())):send(MESSAGE)
    assert.not_matches("%c", tostring(err))
  end)

  it("tells that a transaction has too many recipients", function()
    server = fake.start()
    local to = {}
    for i = 1, 100100 do
      to[i] = i .. "@example.com"
    end
    local mailer = assert(ettsumailer.mailer(options { timeout = 30 }))
    local _, err = mailer:send { envelope = { to = to }, to = "b@example.com", text = "hi\n" }
    assert.equal("QUEUE_FULL", err.code)
    assert.is_string(tostring(err))
  end)

  it("names the line of the caller", function()
    local _, why = pcall(function()
      local mailer = ettsumailer.mailer { hots = "x" }
      return mailer
    end)
    assert.matches("connection_faults_spec%.lua:%d+:", why)
    server = fake.start()
    local conn = assert(ettsumailer.connect { host = "127.0.0.1", port = server.port, security = "none" })
    _, why = pcall(function()
      local reply = conn:mail(5)
      return reply
    end)
    assert.matches("connection_faults_spec%.lua:%d+:", why)
    conn:close()
  end)
end)

describe("a function of the user's that raises in the middle of a send", function()
  local dialogue = require "support.memory_dialogue"

  it("costs its mailer no connection", function()
    dialogue.setting(nil, function() return {} end)
    local mailer = assert(dialogue.library.mailer {
      host = "server.example", security = "none", ehlo_name = "client.example", connections = 1,
    })
    for _ = 1, 3 do
      assert.error_matches(function()
        mailer:send(dialogue.order { attachments = { {
          filename = "a.txt", size = 5, content = function() error "mine" end,
        } } })
      end, "mine")
    end
    assert(mailer:send(dialogue.order()))
    mailer:close()
  end)
end)
