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
