local ettsumailer = require "ettsumailer"
local fake = require "support.fake"

local server

local function mailer_of(script, more)
  server = fake.start(script)
  local given = {
    host = "127.0.0.1", port = server.port, security = "none", ehlo_name = "client.example", timeout = 20,
    from = "a@example.com",
  }
  for name, value in pairs(more or {}) do
    given[name] = value
  end
  return assert(ettsumailer.mailer(given))
end

local function count(text, pattern)
  return select(2, text:gsub(pattern, ""))
end

local MESSAGE = { to = "b@example.com", text = "hi" }

describe("a mailer", function()
  after_each(function()
    server:stop()
  end)

  it("sends many messages over one connection", function()
    local mailer = mailer_of()
    for _ = 1, 5 do
      assert(mailer:send(MESSAGE))
    end
    mailer:close()
    local log = server:log()
    assert.equal(1, count(log, "C: EHLO"))
    assert.equal(1, count(log, "C: QUIT"))
    assert.equal(5, #server:stop())
  end)

  it("uses its from where the message has none", function()
    local mailer = mailer_of()
    assert(mailer:send(MESSAGE))
    assert(mailer:send { from = "x@example.com", to = "b@example.com", text = "" })
    mailer:close()
    local messages = server:stop()
    assert.matches("^<a@example%.com>", messages[1].from)
    assert.matches("^<x@example%.com>", messages[2].from)
  end)

  it("sends a message that was composed before, again and again", function()
    local mailer = mailer_of()
    local message = assert(ettsumailer.message { from = "a@example.com", to = "b@example.com", text = "x" })
    local first, second = assert(mailer:send(message)), assert(mailer:send(message))
    assert.equal(first.message_id, second.message_id)
    mailer:close()
    local messages = server:stop()
    assert.equal(messages[1].data, messages[2].data)
  end)

  it("goes on over the same connection after a refusal", function()
    local mailer = mailer_of '{ replies = { content = { "554 no", "250 ok" } } }'
    assert.is_nil((mailer:send(MESSAGE)))
    assert(mailer:send(MESSAGE))
    mailer:close()
    assert.equal(1, count(server:log(), "C: EHLO"))
    assert.equal(1, #server:stop())
  end)

  it("begins anew with RSET after a transaction that was not finished", function()
    local mailer = mailer_of '{ replies = { RCPT = { "550 no", "250 ok" } } }'
    assert.is_nil((mailer:send(MESSAGE)))
    assert(mailer:send(MESSAGE))
    mailer:close()
    local log = server:log()
    assert.is_truthy(log:find("C: RSET\nS: [^\n]*\nC: MAIL"))
    assert.equal(1, #server:stop())
  end)

  it("replaces a connection that died while it was idle, and sends once", function()
    local mailer = mailer_of '{ replies = { MAIL = { "250 ok", { text = "", octets = 0 }, "250 ok" } } }'
    assert(mailer:send(MESSAGE))
    assert(mailer:send(MESSAGE))
    mailer:close()
    assert.equal(2, count(server:log(), "C: EHLO"))
    assert.equal(2, #server:stop())
  end)

  it("does not send again what was lost on a new connection", function()
    local mailer = mailer_of '{ replies = { MAIL = { text = "", octets = 0 } } }'
    local result, err = mailer:send(MESSAGE)
    assert.is_nil(result)
    assert.equal("CLOSED", err.code)
    assert.equal(1, count(server:log(), "C: EHLO"))
    mailer:close()
  end)

  it("leaves a connection after messages_per_connection", function()
    local mailer = mailer_of("{}", { messages_per_connection = 2 })
    for _ = 1, 4 do
      assert(mailer:send(MESSAGE))
    end
    mailer:close()
    assert.equal(2, count(server:log(), "C: EHLO"))
  end)

  it("does not use a connection that was idle for too long", function()
    local mailer = mailer_of("{}", { idle = 0 })
    assert(mailer:send(MESSAGE))
    local core = require "ettsumailer.core"
    local wait_until = core.clock() + 20
    while core.clock() < wait_until do end
    assert(mailer:send(MESSAGE))
    mailer:close()
    assert.equal(2, count(server:log(), "C: EHLO"))
  end)

  it("verifies without sending anything", function()
    local mailer = mailer_of()
    local about = assert(mailer:verify())
    assert.equal("", about.capabilities.PIPELINING)
    mailer:close()
    assert.is_nil(server:log():find("C: MAIL", 1, true))
  end)

  it("cannot be used once it is closed", function()
    local mailer = mailer_of()
    mailer:close()
    mailer:close()
    assert.error_matches(function() mailer:send(MESSAGE) end, "closed")
    assert.error_matches(function() mailer:verify() end, "closed")
  end)

  it("is not opened by wrong options", function()
    server = fake.start()
    local mailer, err = ettsumailer.mailer { host = "a\nb" }
    assert.is_nil(mailer)
    assert.equal("CONFIG", err.code)
    assert.error_matches(function() ettsumailer.mailer { hots = "x" } end, "mailer: unknown option 'hots'")
  end)
end)
