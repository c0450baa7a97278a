-- On Lua 5.1 what on_protocol called could not wait: closing the mailer there left a socket open.
local core = require "ettsumailer.core"
local dialogue = require "support.memory_dialogue"

describe("on_protocol", function()
  it("may call what waits, in a batch, too", function()
    local calls = 0
    dialogue.setting(nil, function()
      return { wait = function() dialogue.scheduler.sleep(core.clock()) end }
    end)
    local mailer = assert(dialogue.library.mailer {
      host = "server.example", security = "none", ehlo_name = "client.example",
      on_protocol = function()
        dialogue.scheduler.sleep(core.clock())
        calls = calls + 1
      end,
    })
    local summary = mailer:send_all({ dialogue.order(), dialogue.order() }, { connections = 2 })
    mailer:close()
    assert.equal(2, summary.sent)
    assert.is_true(calls > 20)
  end)
end)
