-- Two loops in one process, and mailers that are used in one, in the other and outside of both.

local ettsumailer = require "ettsumailer"
local loop_drivers = require "support.loop_drivers"
local testing = require "ettsumailer.testing"

local in_cqueues, why = loop_drivers.of "cqueues"
local in_luv, why_not = loop_drivers.of "luv"

describe("two loops in one process", function()
  if not (in_cqueues and in_luv) then
    pending("are not tried: " .. tostring(why or why_not))
    return
  end

  local server

  before_each(function()
    server = assert(testing.start { interpreter = os.getenv "ETTM_LUA" })
  end)

  after_each(function()
    server:stop()
  end)

  local function mailer_of(transport)
    return assert(ettsumailer.mailer {
      host = "127.0.0.1", port = server.port, security = "none", ehlo_name = "client.example",
      from = "a@example.com", transport = transport,
    })
  end

  local function order()
    return { to = "b@example.com", text = "hi\n" }
  end

  it("have a mailer each", function()
    local one, other = mailer_of(), mailer_of "luv"
    in_cqueues { function() assert(one:send(order())) end }
    in_luv { function() assert(other:send(order())) end }
    in_cqueues { function() assert.equal(3, one:send_all({ order(), order(), order() }).sent) end }
    in_luv { function() assert.equal(3, other:send_all({ order(), order(), order() }).sent) end }
    one:close()
    other:close()
    assert.equal(8, #server:messages())
  end)

  it("share one that was given no loop: in that of cqueues it waits there, else by itself", function()
    local mailer, results = mailer_of(), {}
    in_cqueues { function() results[1] = assert(mailer:send(order())) end }
    in_luv { function() results[2] = assert(mailer:send(order())) end }
    results[3] = assert(mailer:send(order()))
    mailer:close()
    assert.is_true(results[1].turns > results[2].turns)
    assert.equal(results[2].turns, results[3].turns)
  end)

  it("may stand in each other: the inner one is waited for in the outer one", function()
    local mailer, ticks = mailer_of(), nil
    local cqueues = require "cqueues"
    in_cqueues { function()
      local inner = cqueues.new()
      inner:wrap(function() assert(mailer:send(order())) end)
      assert(inner:loop())
      ticks = 1
    end }
    mailer:close()
    assert.equal(1, ticks)
    assert.equal(1, #server:messages())
  end)
end)
