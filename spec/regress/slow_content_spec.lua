-- The end of a content that was queued but could not be written was waited for as if it had been:
-- ten minutes in all, however steadily it moved, and the error said that it may have been delivered.

local core = require "ettsumailer.core"
local dialogue = require "support.memory_dialogue"

local TIMEOUTS = { block = 100, final = 300 } -- seconds

describe("a content that fits into one buffer", function()
  local real_clock, now

  before_each(function()
    real_clock, now = core.clock, 1000000
    core.clock = function() return now end -- luacheck: ignore 122
  end)
  after_each(function()
    core.clock = real_clock -- luacheck: ignore 122
  end)

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
    local started = now
    local result, err, setting = send {
      write_size = 100,
      pace = function(deadline)
        now = math.min(deadline, now + 90 * 1000)
        return now < deadline
      end,
    }
    assert.is_table(result, tostring(err))
    assert.is_true(now - started > 10 * 300 * 1000)
    assert.equal(1, #setting:contents())
  end)

  it("is not sent, and is said not to be, when it moves no more", function()
    local waited
    local result, err = send {
      stuck = 2000, write_size = 100,
      silent = function(deadline)
        waited, now = (deadline - now) / 1000, deadline
      end,
    }
    assert.is_nil(result)
    assert.same({ "TIMEOUT", "body", "not_sent" }, { err.code, err.stage, err.delivery })
    assert.equal(100, waited)
    assert.is_nil(tostring(err):find("may have been delivered", 1, true))
  end)
end)
