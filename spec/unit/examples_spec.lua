-- The examples do what they say.

local testing = require "ettsumailer.testing"

describe("examples/poll.lua", function()
  local function run(replies)
    local server = assert(testing.start { interpreter = os.getenv "ETTM_LUA", replies = replies })
    local command = ("'%s' examples/poll.lua 127.0.0.1 %d a@example.com b@example.com 2>&1")
    local pipe = assert(io.popen(command:format(os.getenv "ETTM_LUA" or "lua5.4", server.port)))
    local said = pipe:read "*a"
    pipe:close()
    local messages = server:messages()
    server:stop()
    return said, messages
  end

  it("sends a mail", function()
    local said, messages = run()
    assert.matches("^sent\t250\t[^\n]*\ndone", said)
    assert.equal(1, #messages)
    assert.same({ "<b@example.com>" }, messages[1].to)
    assert.matches("\r\nHello\r\n$", messages[1].data)
  end)

  it("says what was refused", function()
    local said, messages = run { RCPT = "550 5.1.1 nobody" }
    assert.matches("^refused\t550", said)
    assert.equal(0, #messages)
    assert.matches("^refused\t421", (run { greeting = { text = "421 4.3.2 not now", cut = true } }))
  end)

  it("says what failed", function()
    assert.matches("^failed\tCLOSED", (run { EHLO = { text = "250 ok", octets = 0 } }))
  end)
end)
