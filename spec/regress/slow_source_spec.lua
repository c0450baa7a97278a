-- A source that took longer than the timeout of its send was sent to its end all the same, and the
-- reply was not waited for: what had become of the message was unknown for no reason.
local dialogue = require "support.memory_dialogue"
local virtual_clock = require "support.virtual_clock"

describe("a source that takes longer than the timeout of its send", function()
  local clock = virtual_clock.during(before_each, after_each)

  local function send(seconds)
    local setting = dialogue.setting(nil, function()
      return { silent = function(deadline) clock.now = math.max(clock.now, deadline) end }
    end)
    local mailer = assert(dialogue.library.mailer {
      host = "server.example", security = "none", ehlo_name = "client.example", timeout = 5,
    })
    local calls = 0
    local result, err = mailer:send(dialogue.order { attachments = { {
      filename = "a.txt", content = function()
        calls = calls + 1
        clock.now = clock.now + seconds * 1000
        return calls <= 10 and "some text\n" or nil
      end,
    } } })
    mailer:close()
    return setting, calls, result, err
  end

  it("ends it there: nothing whole was sent, and it may be sent again", function()
    local setting, calls, result, err = send(2)
    assert.is_nil(result)
    assert.same({ "TIMEOUT", "body", "not_sent", true },
      { err.code, err.stage, err.delivery, err.retryable })
    assert.same({ "a@example.com", "b@example.com" }, err.not_sent)
    assert.equal(3, calls)
    assert.equal(0, #setting:contents())
    assert.is_true(setting.transports[1].closed)
  end)

  it("is sent whole where it is quick enough", function()
    local setting, calls, result, err = send(0.1)
    assert.is_table(result, tostring(err))
    assert.equal(11, calls)
    assert.equal(1, #setting:contents())
  end)
end)
