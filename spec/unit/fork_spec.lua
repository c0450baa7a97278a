-- What was opened before a fork is the parent's: two processes never speak on one connection.
local core = require "ettsumailer.core"
local ettsumailer = require "ettsumailer"
local testing = require "ettsumailer.testing"

describe("after a fork", function()
  local server, given, process_id

  before_each(function()
    server = assert(testing.start {})
    given = { host = "127.0.0.1", port = server.port, security = "none", from = "f@example.com", timeout = 20 }
    process_id = core.process_id
  end)

  after_each(function()
    core.process_id = process_id
    server:stop()
  end)

  -- From here on this is the child, as far as the library can see.
  local function fork()
    local number = process_id() + 1
    core.process_id = function() return number end
  end

  local function count(pattern)
    return select(2, table.concat(server:log(), "\n"):gsub(pattern, ""))
  end

  it("a mailer leaves the parent's connections alone and opens its own", function()
    local mailer = assert(ettsumailer.mailer(given))
    assert(mailer:send { to = "a@x.jp", text = "x" })
    fork()
    assert(mailer:send { to = "b@x.jp", text = "x" })
    assert.equal(2, count "C: EHLO")
    assert.equal(0, count "C: QUIT")
    mailer:close()
    assert.equal(1, count "C: QUIT")
    assert.equal(2, #server:messages())
  end)

  it("a connection refuses every command", function()
    given.from = nil
    local conn = assert(ettsumailer.connect(given))
    assert(conn:ehlo())
    fork()
    for _, verb in ipairs { "noop", "rset", "ehlo", "quit" } do
      local reply, err = conn[verb](conn)
      assert.is_nil(reply)
      assert.equal("STATE", err.code)
      if verb ~= "quit" then
        assert.matches("another process", err.text)
      end
    end
    assert.equal(0, count "C: [NRQ]")
  end)
end)
