-- Cancel was forgotten where it came while a connection was being opened or between two
-- transactions, and remembered by a connection for the send after.
local dialogue = require "support.memory_dialogue"
local moved_clock = require "support.moved_clock"

local library, order = dialogue.library, dialogue.order

local function mailer_of(replies, how_of, more)
  local setting = dialogue.setting(replies, how_of or function() return {} end)
  local given = { host = "server.example", security = "none", ehlo_name = "client.example" }
  for name, value in pairs(more or {}) do
    given[name] = value
  end
  return assert(library.mailer(given)), setting
end

local function assert_cancelled(result, err, setting)
  assert.is_nil(result)
  assert.equal("CANCELLED", err.code)
  assert.same({ "a@example.com", "b@example.com" }, err.not_sent)
  assert.equal(0, #setting:contents())
end

describe("cancel", function()
  it("at the moment of the result leaves the result, and the connection to the next send", function()
    local mailer, setting, is_cancelled
    mailer, setting = mailer_of(nil, nil, { on_protocol = function(_, line)
      if line:find "taken" and not is_cancelled then
        is_cancelled = true
        mailer:cancel()
      end
    end })
    assert(mailer:send(order()))
    assert(mailer:send(order()))
    assert.equal(1, #setting.servers)
    mailer:close()
  end)

  for what, line in pairs { greeting = "220 ", EHLO = "ENHANCED", MAIL = "2.1.0" } do
    it("ends a send at its " .. what, function()
      local mailer, setting
      mailer, setting = mailer_of(nil, nil, { on_protocol = function(_, said)
        if said:find(line, 1, true) then
          mailer:cancel()
        end
      end })
      local result, err = mailer:send(order())
      assert_cancelled(result, err, setting)
      assert.equal(0, mailer.pool.count)
      mailer:close()
    end)
  end

  it("ends a send while it connects, and only that one", function()
    local mailer, setting
    mailer, setting = mailer_of(nil, function(n)
      return { connect = function() if n == 1 then mailer:cancel() end end }
    end)
    local result, err = mailer:send(order())
    assert_cancelled(result, err, setting)
    assert(mailer:send(order()))
    assert.is_true(setting.transports[1].closed)
    mailer:close()
  end)

  it("keeps the recipients that one transaction did not take from the next", function()
    local mailer, setting
    mailer, setting = mailer_of({ RCPT = function(line)
      return line:find "<b@" and "452 4.5.3 too many\r\n" or "250 ok\r\n"
    end }, nil, { on_protocol = function(_, line)
      if line:find "taken" then
        mailer:cancel()
      end
    end })
    local result, err = mailer:send(order())
    assert.equal("result: accepted a, not_sent b", dialogue.outcome(result, err))
    assert.equal(1, #setting:contents())
    mailer:close()
  end)

  it("during an attempt ends the wait for the next before it begins", function()
    local mailer, clock = nil, moved_clock.new()
    mailer = mailer_of({ final = "451 4.3.0 later\r\n" }, nil, {
      retry = true, clock = clock, on_protocol = function(_, line)
        if line:find "451" then
          mailer:cancel()
        end
      end })
    local result, err = mailer:send(order())
    assert.is_nil(result)
    assert.equal("CANCELLED", err.code)
    assert.equal(1000, clock.now())
    mailer:close()
  end)
end)
