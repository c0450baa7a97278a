local ettsumailer = require "ettsumailer"
local fake = require "support.fake"

local function commands(server)
  local list = {}
  for line in server:log():gmatch "C: ([^\n]*)" do
    list[#list + 1] = line
  end
  return list
end

local function connect(server, more)
  local options = {
    host = "127.0.0.1", port = server.port, security = "none", ehlo_name = "client.example", timeout = 20,
  }
  for name, value in pairs(more or {}) do
    options[name] = value
  end
  return ettsumailer.connect(options)
end

describe("a connection", function()
  local server

  after_each(function()
    server:stop()
  end)

  it("says every command by name and returns its reply", function()
    server = fake.start()
    local conn = assert(connect(server))
    assert.equal(220, conn.greeting.smtp_code)
    assert.equal(250, assert(conn:ehlo()).smtp_code)
    assert.equal("2.0.0", assert(conn:noop()).enhanced)
    assert.equal(252, assert(conn:vrfy "someone").smtp_code)
    assert.equal(214, assert(conn:help()).smtp_code)
    assert.equal(250, assert(conn:mail("a@example.com", { SIZE = 10 })).smtp_code)
    assert.equal(250, assert(conn:rcpt "b@example.com").smtp_code)
    assert.equal(250, assert(conn:rset()).smtp_code)
    assert.equal(250, assert(conn:mail "").smtp_code)
    assert.equal(250, assert(conn:rcpt "b@example.com").smtp_code)
    assert.equal(250, assert(conn:rcpt "c@example.com").smtp_code)
    assert.matches("queued as TEST1", assert(conn:data "Subject: x\n\n.\nlast").text)
    assert.equal(221, assert(conn:quit()).smtp_code)
    assert.same({
      "EHLO client.example", "NOOP", "VRFY someone", "HELP", "MAIL FROM:<a@example.com> SIZE=10",
      "RCPT TO:<b@example.com>", "RSET", "MAIL FROM:<>", "RCPT TO:<b@example.com>", "RCPT TO:<c@example.com>",
      "DATA", "(content, 23 octets)", "QUIT",
    }, commands(server))
    assert.equal("Subject: x\r\n\r\n.\r\nlast\r\n", server:stop()[1].data)
  end)

  it("says HELO, after which nothing is offered", function()
    server = fake.start()
    local conn = assert(connect(server))
    assert(conn:helo())
    assert.same({}, conn:capabilities())
    local reply, err = conn:mail("a@example.com", "SIZE=1")
    assert.is_nil(reply)
    assert.equal("CONFIG", err.code)
    conn:close()
  end)

  it("tells what the server offers", function()
    server = fake.start()
    local conn = assert(connect(server))
    assert(conn:ehlo())
    assert.equal("104857600", conn:capabilities().SIZE)
    assert.equal("", conn:capabilities().PIPELINING)
    conn:close()
  end)

  it("believes no extension that is switched off", function()
    server = fake.start()
    local conn = assert(connect(server, { extensions = { SIZE = false } }))
    assert(conn:ehlo())
    assert.is_nil(conn:capabilities().SIZE)
    conn:close()
  end)

  it("returns a refusal as an error and goes on", function()
    server = fake.start '{ replies = { RCPT = { "550 5.1.1 no such user", "250 ok" } } }'
    local conn = assert(connect(server))
    assert(conn:ehlo())
    assert(conn:mail "a@example.com")
    local reply, err = conn:rcpt "b@example.com"
    assert.is_nil(reply)
    assert.equal("REJECTED", err.code)
    assert.equal("RCPT", err.stage)
    assert.equal(550, err.smtp_code)
    assert.equal("5.1.1", err.enhanced)
    assert.equal("no such user", err.text)
    assert.is_false(err.temporary)
    assert.is_truthy(conn:rcpt "c@example.com")
    conn:close()
  end)

  it("refuses a control character in every argument before a byte is written", function()
    server = fake.start()
    local conn = assert(connect(server))
    assert(conn:ehlo())
    local before = #commands(server)
    for _, bad in ipairs { "a\rb", "a\nb", "a\r\nRCPT TO:<x@y>", "a\0b", "a\127", "\1" } do
      for _, call in ipairs {
        function() return conn:ehlo(bad) end, function() return conn:helo(bad) end,
        function() return conn:mail(bad .. "@example.com") end, function() return conn:mail("a@example.com", bad) end,
        function() return conn:rcpt(bad .. "@example.com") end, function() return conn:vrfy(bad) end,
        function() return conn:noop(bad) end, function() return conn:command(bad) end,
        function() return conn:help(bad) end,
      } do
        local reply, err = call()
        assert.is_nil(reply)
        assert.is_truthy(err.code == "CONFIG" or err.code == "ADDRESS", tostring(err))
      end
    end
    assert(conn:noop())
    assert.equal(before + 1, #commands(server))
    conn:close()
  end)

  it("reports each line of the dialogue as it happens", function()
    server = fake.start()
    local lines = {}
    local conn = assert(connect(server, { on_protocol = function(direction, line)
      lines[#lines + 1] = direction .. " " .. line
    end }))
    assert(conn:noop())
    assert.same({ "S 220 testing.example ESMTP", "C NOOP", "S 250 2.0.0 ok" }, lines)
    conn:close()
  end)

  it("raises on a closed connection and on a wrong type", function()
    server = fake.start()
    local conn = assert(connect(server))
    assert.has_error(function() conn:mail(12) end)
    assert.has_error(function() conn:data {} end)
    conn:close()
    conn:close()
    assert.error_matches(function() conn:noop() end, "closed")
  end)

  it("gives up on a server that greets with a refusal, after QUIT", function()
    server = fake.start '{ replies = { greeting = "554 5.3.2 go away" } }'
    local conn, err = connect(server)
    assert.is_nil(conn)
    assert.equal("REJECTED", err.code)
    assert.equal("greeting", err.stage)
    assert.equal(554, err.smtp_code)
    assert.same({ "QUIT" }, commands(server))
  end)

  it("tells a host without an address from a closed port", function()
    server = fake.start()
    local conn, err = ettsumailer.connect { host = "no-such-host.invalid", port = 25, timeout = 20 }
    assert.is_nil(conn)
    assert.equal("DNS", err.code)
    assert.equal("connect", err.stage)
    server:stop()
    conn, err = ettsumailer.connect { host = "127.0.0.1", port = server.port, timeout = 20 }
    assert.is_nil(conn)
    assert.equal("CONNECT", err.code)
    assert.matches("127%.0%.0%.1 port %d+: ", err.text)
  end)
end)

describe("a connection's send", function()
  local dialogue = require "support.memory_dialogue"

  local function connected(replies)
    local setting = dialogue.setting(replies, function() return {} end)
    local conn = assert(dialogue.library.connect(dialogue.SERVER))
    assert(conn:ehlo())
    return conn, setting
  end

  it("sends one message after the other, from fields or made before", function()
    local conn, setting = connected()
    local result = assert(conn:send(dialogue.order()))
    assert.same({ "a@example.com", "b@example.com" }, result.accepted)
    assert.equal(1, assert(conn:send(assert(dialogue.library.message(dialogue.order())))).attempts)
    assert(conn:quit())
    assert.equal(2, #setting:contents())
  end)

  it("takes an envelope of its own, a null reverse-path too", function()
    local seen = {}
    local function note(line)
      seen[#seen + 1] = line:gsub("\r\n", ""):gsub(" SIZE=%d+", "")
      return "250 ok\r\n"
    end
    local conn = connected { MAIL = note, RCPT = note }
    local result = assert(conn:send(dialogue.order(), { from = "", to = { "x@example.com" } }))
    conn:close()
    assert.same({ "MAIL FROM:<>", "RCPT TO:<x@example.com>" }, seen)
    assert.same({ "x@example.com" }, result.accepted)
  end)

  it("clears a transaction that was begun by hand", function()
    local resets = 0
    local conn, setting = connected { RSET = function() resets = resets + 1 return "250 ok\r\n" end }
    assert(conn:send(dialogue.order { to = "a@example.com" }))
    assert.equal(0, resets)
    assert(conn:mail "somebody@example.com")
    assert(conn:send(dialogue.order()))
    conn:close()
    assert.equal(1, resets)
    assert.equal(2, #setting:contents())
  end)

  it("refuses what is no message", function()
    local conn = connected()
    assert.error_matches(function() conn:send "text" end, "a message made by ettsumailer.message expected")
    assert.error_matches(function() conn:send(dialogue.order(), { form = "a@example.com" }) end,
      "send: envelope: unknown option 'form' %(did you mean 'from'%?%)")
    local _, err = conn:send(dialogue.order { to = "nobody" })
    assert.equal("ADDRESS", err.code)
    conn:close()
  end)
end)
