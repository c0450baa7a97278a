-- The end of a content that was queued but could not be written was waited for as if it had been:
-- ten minutes in all, however steadily it moved, and the error said that it may have been delivered.

local dialogue = require "support.memory_dialogue"
local virtual_clock = require "support.virtual_clock"

local TIMEOUTS = { block = 100, final = 300 } -- seconds

describe("a content that fits into one buffer", function()
  local clock = virtual_clock.during(before_each, after_each)

  local function send(how)
    local setting = dialogue.setting({}, function() return how end)
    local mailer = assert(dialogue.library.mailer {
      host = "server.example", security = "none", ehlo_name = "client.example", timeouts = TIMEOUTS,
    })
    local result, err = mailer:send(dialogue.order { text = ("line\r\n"):rep(1000) })
    mailer:close()
    return result, err, setting
  end

  it("may take longer than the wait for the final reply, as long as it moves", function()
    local started = clock.now
    local result, err, setting = send {
      write_size = 100,
      pace = function(deadline)
        clock.now = math.min(deadline, clock.now + 90 * 1000)
        return clock.now < deadline
      end,
    }
    assert.is_table(result, tostring(err))
    assert.is_true(clock.now - started > 10 * 300 * 1000)
    assert.equal(1, #setting:contents())
  end)

  it("is not sent, and is said not to be, when it moves no more", function()
    local waited
    local result, err = send {
      stuck = 2000, write_size = 100,
      silent = function(deadline)
        waited, clock.now = (deadline - clock.now) / 1000, deadline
      end,
    }
    assert.is_nil(result)
    assert.same({ "TIMEOUT", "body", "not_sent" }, { err.code, err.stage, err.delivery })
    assert.equal(100, waited)
    assert.is_nil(tostring(err):find("may have been delivered", 1, true))
  end)
end)
