-- A send waited for the reply to QUIT of old connections beyond its own timeout, once for each.
local core = require "ettsumailer.core"
local dialogue = require "support.memory_dialogue"
local virtual_clock = require "support.virtual_clock"

describe("a send that finds old connections which nobody answers on", function()
  local clock = virtual_clock.during(before_each, after_each)

  it("ends within its own timeout", function()
    local replies = {}
    dialogue.setting(replies, function()
      return {
        silent = function(deadline) clock.now = deadline end,
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
    clock.now = clock.now + 3600 * 1000
    local started = clock.now
    mailer:send(dialogue.order())
    assert.is_true(clock.now - started <= 5000, (clock.now - started) .. " ms")
  end)
end)
