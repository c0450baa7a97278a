-- A send by a function that the batch calls took the place of one of the batch's connections, and a
-- message of the batch failed for want of it.
local core = require "ettsumailer.core"
local dialogue = require "support.memory_dialogue"

describe("a batch whose on_result sends by the same mailer", function()
  it("sends its own messages all the same, each once", function()
    local setting
    setting = dialogue.setting(nil, function(n)
      return { read_size = 10, wait = function()
        -- While one says QUIT, its place in the pool is free.
        for _ = 1, setting.servers[n].verb == "QUIT" and 9 or n % 4 do
          dialogue.scheduler.sleep(core.clock())
        end
      end }
    end)
    local mailer = assert(dialogue.library.mailer {
      host = "server.example", security = "none", ehlo_name = "client.example",
      connections = 2, messages_per_connection = 1,
      timeouts = { connect = 1 }, -- in nginx the nested one waits as long for a free connection
    })
    local list, nested = {}, 0
    for i = 1, 40 do
      list[i] = dialogue.order { subject = "number " .. i }
    end
    local summary = mailer:send_all(list, { on_result = function(message)
      local result, err = mailer:send(dialogue.order { subject = "about " .. message.subject })
      nested = nested + (result and 1 or 0)
      assert.is_true(result ~= nil or err.code == "QUEUE_FULL", tostring(err))
    end })
    assert.same({ 40, 40 }, { summary.total, summary.sent })
    assert.is_true(nested > 0)
    assert.equal(40 + nested, #setting:contents())
    assert.equal(0, mailer.pool.count)
    mailer:close()
  end)
end)
