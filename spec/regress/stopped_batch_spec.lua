-- A batch that was stopped told messages that it had composed and not sent as sent.
local ettsumailer = require "ettsumailer"
local scripted = require "support.scripted_sender"
local moved_clock = require "support.moved_clock"

describe("a batch that is stopped", function()
  it("counts what waits to be tried again as failed", function()
    local clock = moved_clock.new()
    local mailer = assert(ettsumailer.mailer {
      via = scripted.new({ { code = "CONNECT" }, "ok" }, clock), clock = clock, retry = true, from = "f@example.com",
    })
    local summary = mailer:send_all({ { to = "a@x.jp", text = "x" }, { to = "b@x.jp", text = "x" } }, {
      stop_on = function() return true end,
    })
    assert.same({ 2, 1, 1, true }, { summary.total, summary.sent, summary.failed, summary.stopped })
    assert.equal("CANCELLED", summary.results[1].err.code)
    assert.same({ "a@x.jp" }, summary.results[1].err.not_sent)
  end)
end)

describe("a batch of several connections that is stopped", function()
  local core = require "ettsumailer.core"
  local dialogue = require "support.memory_dialogue"

  local function take_turns(count)
    for _ = 1, count or 1 do
      dialogue.scheduler.sleep(core.clock())
    end
  end

  local function mailer_of(how_of, more)
    local setting = dialogue.setting(nil, how_of)
    local given = { host = "server.example", security = "none", ehlo_name = "client.example" }
    for name, value in pairs(more or {}) do
      given[name] = value
    end
    return assert(dialogue.library.mailer(given)), setting
  end

  it("tells of the recipients that were accepted while others wait for a further transaction", function()
    local mailer, setting, is_taken
    -- The second connection is refused its first content just when the first one has delivered to
    -- `a`, and before it has asked for its next message.
    local function wait_until_taken()
      while not is_taken do
        take_turns()
      end
      take_turns(3)
    end
    mailer, setting = mailer_of(function(n)
      return {
        read_size = n == 1 and 8 or nil,
        wait = function()
          take_turns()
          if n == 2 and #setting.servers[2].contents > 0 then
            wait_until_taken()
          end
        end,
        wrap = function(server)
          server.replies = n == 2 and { final = "554 5.7.1 no\r\n" } or {
            RCPT = function(line) return line:find "<b@" and "452 4.5.3 many\r\n" or "250 ok\r\n" end,
            final = function() is_taken = true return "250 ok\r\n" end,
          }
          return server
        end,
      }
    end)
    local list = { dialogue.order() }
    for i = 2, 6 do
      list[i] = dialogue.order { to = "a@example.com" }
    end
    local summary = mailer:send_all(list, {
      connections = 2, stop_on = function(_, result) return not result end,
    })
    local first = summary.results[1]
    assert.equal("result: accepted a, not_sent b", dialogue.outcome(first.result, first.err))
    assert.equal(1, first.result.attempts)
    assert.is_true(summary.stopped)
    mailer:close()
  end)

  it("tells of every message that it has taken, even one that is being asked for", function()
    for _, rate in ipairs { false, 0.001 } do
      local mailer, setting = mailer_of(function()
        return { wait = take_turns }
      end, { rate = rate or nil, clock = require("support.moved_clock").new() })
      local taken, told = 0, {}
      local summary = mailer:send_all(function()
        taken = taken + 1
        if taken > 1 then
          take_turns(100)
        end
        return dialogue.order { subject = "number " .. taken }
      end, {
        connections = 2, stop_on = function() return true end,
        on_result = function(_, _, _, index) told[index] = (told[index] or 0) + 1 end,
      })
      assert.equal(taken, summary.total)
      for index = 1, taken do
        assert.equal(1, told[index])
      end
      assert.equal(1, #setting:contents())
      assert.equal(0, mailer.pool.count)
      mailer:close()
    end
  end)
end)
