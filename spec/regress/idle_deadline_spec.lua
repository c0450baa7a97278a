-- A send waited for the reply to QUIT of old connections beyond its own timeout, once for each.
local core = require "ettsumailer.core"
local dialogue = require "support.memory_dialogue"

describe("a send that finds old connections which nobody answers on", function()
  local real_clock, now
  before_each(function()
    real_clock, now = core.clock, 1000000
    core.clock = function() return now end -- luacheck: ignore 122
  end)
  after_each(function()
    core.clock = real_clock -- luacheck: ignore 122
  end)

  it("ends within its own timeout", function()
    local replies = {}
    dialogue.setting(replies, function()
      return {
        silent = function(deadline) now = deadline end,
        wait = function() dialogue.scheduler.sleep(core.clock()) end,
      }
    end)
    local mailer = assert(dialogue.library.mailer {
      host = "server.example", security = "none", ehlo_name = "client.example", connections = 4,
      timeout = 5, timeouts = { quit = 4 },
    })
    local list = {}
    for i = 1, 8 do
      list[i] = dialogue.order()
    end
    mailer:send_all(list)
    assert.is_true(#mailer.pool.idle > 2)
    replies.QUIT = ""
    now = now + 3600 * 1000
    local started = now
    mailer:send(dialogue.order())
    assert.is_true(now - started <= 5000, (now - started) .. " ms")
  end)
end)
