-- Closing a mailer in the middle of its batch raised, with TLS, and the rest had no result; a
-- connection by hand on which a function of the user's had raised was in use for ever.
local core = require "ettsumailer.core"
local dialogue = require "support.memory_dialogue"

local library, order = dialogue.library, dialogue.order

local certificate, key = core.certificate { names = { "server.example" } }
local context = core.tls_context { server = true, certificate = certificate, key = key }

describe("a mailer that is closed by a function that its send calls", function()
  local function mailer_of(more)
    local setting = dialogue.setting(nil, function() return { tls = context } end)
    local given = { host = "server.example", ehlo_name = "client.example", security = "implicit",
      ca_pem = certificate }
    for name, value in pairs(more) do
      given[name] = value
    end
    return assert(library.mailer(given)), setting
  end

  local function assert_closed(setting)
    for _, transport in ipairs(setting.transports) do
      assert.is_true(transport.closed)
    end
  end

  it("tells of the rest of a batch that it is CANCELLED", function()
    local mailer, setting = mailer_of { messages_per_connection = 2 }
    local list = {}
    for i = 1, 8 do
      list[i] = order { subject = "number " .. i }
    end
    local given, told = 0, {}
    local summary = mailer:send_all(function()
      given = given + 1
      return list[given]
    end, {
      connections = 1, on_result = function(_, result, err, index)
        told[index] = result and "sent" or err.code
        mailer:close()
      end,
    })
    assert.equal("sent", told[1])
    for index = 2, given do
      assert.equal("CANCELLED", told[index])
    end
    assert.equal(given, summary.total)
    assert.equal(1, #setting:contents())
    assert_closed(setting)
  end)

  it("ends what is under way with its result, the connection in its handshake, too", function()
    local mailer, setting
    mailer, setting = mailer_of { on_protocol = function() mailer:close() end }
    local result = assert(mailer:send(order()))
    assert.same({ "a@example.com", "b@example.com" }, result.accepted)
    assert_closed(setting)
    assert.equal(0, mailer.pool.count)
  end)

  it("finishes a connection that is being opened", function()
    local mailer
    local setting = dialogue.setting(nil, function()
      return { tls = context, connect = function() mailer:close() end }
    end)
    mailer = assert(library.mailer { host = "server.example", ehlo_name = "client.example",
      security = "implicit", ca_pem = certificate })
    assert(mailer:send(order()))
    assert_closed(setting)
    assert.error_matches(function() mailer:send(order()) end, "closed")
  end)
end)

describe("a connection by hand on which a function of the user's has raised", function()
  local function connect()
    local setting = dialogue.setting(nil, function() return {} end)
    local conn = assert(library.connect(dialogue.SERVER))
    assert(conn:ehlo())
    local message = assert(library.message(order { attachments = { {
      filename = "a.txt", size = 5, content = function() error "mine" end,
    } } }))
    return conn, message, setting
  end

  it("is closed, by send", function()
    local conn, message, setting = connect()
    assert.error_matches(function() conn:send(message) end, "mine")
    assert.is_true(setting.transports[1].closed)
    assert.error_matches(function() conn:noop() end, "this connection is closed")
  end)

  it("is closed, by data", function()
    local conn, message, setting = connect()
    assert(conn:mail "f@example.com")
    assert(conn:rcpt "a@example.com")
    assert.error_matches(function() conn:data(message) end, "mine")
    assert.is_true(setting.transports[1].closed)
    assert.error_matches(function() conn:noop() end, "this connection is closed")
  end)
end)
