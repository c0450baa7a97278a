local ettsumailer = require "ettsumailer"
local fake = require "support.fake"

local server

local function options(more)
  local given = {
    host = "127.0.0.1", port = server.port, security = "none", ehlo_name = "client.example", timeout = 20,
    from = "a@example.com", to = { "b@example.com", "c@example.com" }, subject = "s", text = "hi\n",
  }
  for name, value in pairs(more or {}) do
    given[name] = value
  end
  return given
end

local function send(script, more)
  server = fake.start(script)
  return ettsumailer.send(options(more))
end

local function addresses(list)
  local found = {}
  for i, item in ipairs(list) do
    found[i] = type(item) == "table" and item.address or item
  end
  return found
end

-- Every recipient is in exactly one of the four lists.
local function assert_lists(outcome, wanted)
  for _, name in ipairs { "accepted", "rejected", "unknown", "not_sent" } do
    assert.same(wanted[name] or {}, addresses(outcome[name] or {}), name)
  end
end

local BOTH = { "b@example.com", "c@example.com" }

describe("send", function()
  after_each(function()
    server:stop()
  end)

  it("delivers to everyone, and says who took it", function()
    local result = assert(send())
    assert_lists(result, { accepted = BOTH })
    assert.equal("TEST1", result.queue_id)
    assert.matches("^250 2%.0%.0 Ok", result.response)
    assert.matches("^<.+@example%.com>$", result.message_id)
    local message = server:stop()[1]
    assert.equal("<a@example.com> SIZE=" .. #message.data, message.from)
    assert.same({ "<b@example.com>", "<c@example.com>" }, message.to)
    assert.matches("\r\n\r\nhi\r\n$", message.data)
  end)

  it("needs four turns by itself: greeting, EHLO, the envelope, the content with QUIT", function()
    local result = assert(send())
    assert.equal(3, result.turns)
    assert.is_truthy(server:log():find("C: MAIL[^\n]*\nS: 250[^\n]*\nC: RCPT"))
  end)

  it("waits for each reply where PIPELINING is not offered", function()
    assert(send('{ extensions = { "8BITMIME" } }'))
    local log = server:log()
    assert.is_truthy(log:find("C: MAIL FROM:<a@example.com>\nS: 250 2.1.0 sender ok\nC: RCPT", 1, true))
    assert.equal(1, #server:stop())
  end)

  it("falls back to HELO where EHLO is not known", function()
    for _, code in ipairs { 500, 502 } do
      local result = assert(send(('{ replies = { EHLO = "%d what?" } }'):format(code)))
      assert_lists(result, { accepted = BOTH })
      assert.is_truthy(server:log():find("C: HELO client.example", 1, true))
      server:stop()
    end
  end)

  it("delivers to the others when one recipient is refused", function()
    local result = assert(send '{ replies = { RCPT = { "550 5.1.1 unknown", "250 ok" } } }')
    assert_lists(result, { accepted = { "c@example.com" }, rejected = { "b@example.com" } })
    assert.equal(550, result.rejected[1].smtp_code)
    assert.equal("5.1.1", result.rejected[1].enhanced)
    assert.is_false(result.rejected[1].temporary)
  end)

  it("stops before the content when one is refused and it is all or nothing", function()
    local result, err = send('{ replies = { RCPT = { "450 4.2.0 later", "250 ok" } } }', { all_or_nothing = true })
    assert.is_nil(result)
    assert_lists(err, { rejected = { "b@example.com" }, not_sent = { "c@example.com" } })
    assert.is_true(err.temporary)
    assert.is_nil(server:log():find("C: DATA", 1, true))
    assert.equal(0, #server:stop())
  end)

  it("sends all or nothing in full when everyone is taken", function()
    assert_lists(assert(send("{}", { all_or_nothing = true })), { accepted = BOTH })
  end)

  it("reports the temporary refusal when all are refused", function()
    local result, err = send '{ replies = { RCPT = { "550 5.1.1 unknown", "451 4.7.1 greylisted" } } }'
    assert.is_nil(result)
    assert.equal("REJECTED", err.code)
    assert.equal(451, err.smtp_code)
    assert.is_true(err.temporary)
    assert.is_true(err.retryable)
    assert.equal("rejected", err.delivery)
    assert_lists(err, { rejected = BOTH })
  end)

  it("ends a transaction that nobody is left in with a lone dot, and calls it refused", function()
    local result, err = send '{ replies = { RCPT = "550 5.1.1 unknown", DATA = "354 go ahead" } }'
    assert.is_nil(result)
    assert.equal(550, err.smtp_code)
    assert_lists(err, { rejected = BOTH })
    assert.is_truthy(server:log():find("C: (content, 0 octets)", 1, true))
  end)

  it("tells a refusal at each step apart", function()
    local steps = {
      { "greeting", "greeting", "not_sent" }, { "EHLO", "EHLO", "not_sent" }, { "MAIL", "MAIL", "rejected" },
      { "RCPT", "RCPT", "rejected" }, { "DATA", "DATA", "rejected" }, { "content", "final", "rejected" },
    }
    for _, code in ipairs { 450, 550, 421 } do
      for _, step in ipairs(steps) do
        local result, err = send(('{ replies = { [%q] = "%d 4.3.0 words" } }'):format(step[1], code))
        local what = step[1] .. " " .. code
        assert.is_nil(result, what)
        assert.equal("REJECTED", err.code, what)
        assert.equal(step[2], err.stage, what)
        assert.equal(code, err.smtp_code, what)
        assert.equal(code < 500, err.temporary, what)
        assert.matches("words", tostring(err), what)
        assert.are_not.equal("unknown", err.delivery, what)
        assert.equal(2, #err.rejected + #err.not_sent, what)
        assert.equal(0, #server:stop(), what)
      end
    end
  end)

  it("tells at which step the server hung up, and that nothing was sent before the end", function()
    for _, step in ipairs { "greeting", "EHLO", "MAIL", "RCPT", "DATA" } do
      local result, err = send(('{ replies = { [%q] = { text = "", octets = 0 } } }'):format(step))
      assert.is_nil(result, step)
      assert.equal("CLOSED", err.code, step)
      assert.equal("not_sent", err.delivery, step)
      assert.is_true(err.retryable, step)
      assert_lists(err, { not_sent = BOTH })
      server:stop()
    end
  end)

  it("says unknown when the server hangs up behind the content", function()
    local result, err = send '{ replies = { content = { text = "", octets = 0 } } }'
    assert.is_nil(result)
    assert.equal("CLOSED", err.code)
    assert.equal("final", err.stage)
    assert.equal("unknown", err.delivery)
    assert.is_false(err.retryable)
    assert_lists(err, { unknown = BOTH })
  end)

  it("says unknown of a reply that is cut", function()
    local _, err = send '{ replies = { content = { text = "250 2.0.0 ok", octets = 6 } } }'
    assert.equal("unknown", err.delivery)
  end)

  it("keeps the result whatever happens to QUIT", function()
    for _, quit in ipairs { "false", '"500 what?"', '{ text = "", octets = 0 }', '"\255\255\255"' } do
      local result = assert(send(("{ replies = { QUIT = %s } }"):format(quit)))
      assert_lists(result, { accepted = BOTH })
      server:stop()
    end
  end)

  it("ends each wait when its time is over, and tells the stage", function()
    local stages = { greeting = "greeting", EHLO = "EHLO", MAIL = "MAIL", DATA = "DATA", content = "final" }
    local short = { greeting = 0.2, command = 0.2, data = 0.2, final = 0.2 }
    for step, stage in pairs(stages) do
      local result, err = send(("{ replies = { [%q] = false } }"):format(step), { timeouts = short })
      assert.is_nil(result)
      assert.equal("TIMEOUT", err.code, step)
      assert.equal(stage, err.stage, step)
      assert.equal(step == "content" and "unknown" or "not_sent", err.delivery, step)
      server:stop()
    end
  end)

  it("keeps one deadline over the whole call", function()
    local script = '{ replies = { greeting = { text = "220 x", delay = 0.3 }, EHLO = false } }'
    local result, err = send(script, { timeout = 0.6 })
    assert.is_nil(result)
    assert.equal("TIMEOUT", err.code)
    assert.equal("EHLO", err.stage)
  end)

  it("refuses a broken reply", function()
    for _, reply in ipairs { '"hello"', '"250-a\\r\\n251 b"', '"199 x"', '"999 x"', '"250 a\\nb\\r"' } do
      local result, err = send(("{ replies = { MAIL = %s } }"):format(reply))
      if result or err.code ~= "PROTOCOL" then
        assert.is_true(reply:find("\\nb") ~= nil, reply .. " gave " .. tostring(err))
      end
      server:stop()
    end
  end)

  it("refuses before anything is sent what the server says is too large", function()
    local result, err = send('{ extensions = { "PIPELINING", "SIZE 1000" } }', { text = ("x"):rep(2000) })
    assert.is_nil(result)
    assert.equal("TOO_LARGE", err.code)
    assert_lists(err, { not_sent = BOTH })
    assert.is_nil(server:log():find("C: MAIL", 1, true))
  end)

  it("refuses a non-ASCII local part where SMTPUTF8 is not offered", function()
    local result, err = send('{ extensions = { "PIPELINING" } }', { to = "ユーザー@example.jp" })
    assert.is_nil(result)
    assert.equal("SMTPUTF8_REQUIRED", err.code)
    assert.is_nil(server:log():find("C: MAIL", 1, true))
  end)

  it("asks for SMTPUTF8 only where nothing else will do", function()
    assert(send("{}", { to = "b@日本語.example" }))
    assert.same({ "<b@xn--wgv71a119e.example>" }, server:stop()[1].to)
    assert.is_nil(server.messages[1].from:find("SMTPUTF8", 1, true))
  end)

  it("names each recipient once over to, cc and bcc", function()
    assert(send("{}", { to = "b@example.com, B <b@EXAMPLE.com>", cc = "c@example.com", bcc = { "c@example.com" } }))
    assert.same({ "<b@example.com>", "<c@example.com>" }, server:stop()[1].to)
  end)

  it("takes an envelope that differs from the headers", function()
    assert(send("{}", { envelope = { from = "", to = "x@example.com" } }))
    local message = server:stop()[1]
    assert.matches("^<>", message.from)
    assert.same({ "<x@example.com>" }, message.to)
  end)

  it("refuses to send to nobody", function()
    local result, err = send("{}", { to = {} })
    assert.is_nil(result)
    assert.equal("ADDRESS", err.code)
    assert.equal("", server:log())
  end)

  it("finds a missing attachment before it connects", function()
    local result, err = send("{}", { attachments = { "/nonexistent.pdf" } })
    assert.is_nil(result)
    assert.equal("SOURCE", err.code)
    assert.equal("", server:log())
  end)

  it("raises for options that nobody knows", function()
    server = fake.start()
    assert.error_matches(function() ettsumailer.send(options { pasword = "x" }) end, "unknown option 'pasword'")
    assert.error_matches(function() ettsumailer.send(options { port = "25" }) end, "option 'port' must be")
    assert.error_matches(function() ettsumailer.send "x" end, "a table of options expected")
  end)

  it("never shows the lines of the dialogue with secrets, and shows the others", function()
    local _, err = send '{ replies = { MAIL = "550 no" } }'
    assert.matches("C: MAIL FROM:<a@example%.com>", err.transcript)
    assert.matches("S: 550 no", err.transcript)
  end)
end)
