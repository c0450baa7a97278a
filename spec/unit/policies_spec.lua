-- Retries, rates and hooks of a mailer, on a clock that the spec moves.
local ettsumailer = require "ettsumailer"
local moved_clock = require "support.moved_clock"
local scripted = require "support.scripted_sender"

local clock, sender

local function mailer_of(answers, more)
  clock = moved_clock.new()
  sender = scripted.new(answers, clock)
  local given = { via = sender, clock = clock, from = "f@example.com" }
  for name, value in pairs(more or {}) do
    given[name] = value
  end
  return assert(ettsumailer.mailer(given))
end

local MESSAGE = { to = { "a@x.jp", "b@x.jp", "c@x.jp" }, text = "hi" }
local STEADY = { jitter = 0 }

-- "1000 a b, 1010 b": when each attempt was made, and for whom.
local function attempts()
  local words = {}
  for i, sent in ipairs(sender.sent) do
    words[i] = ("%g %s"):format(sent.at, sent.to)
  end
  return table.concat(words, ", ")
end

local function with(options, more)
  local merged = {}
  for _, list in ipairs { options, more or {} } do
    for name, value in pairs(list) do
      merged[name] = value
    end
  end
  return merged
end

describe("a mailer that retries", function()
  it("tries again for those that were refused for now, and nobody else", function()
    local mailer = mailer_of({ { ["b@x.jp"] = "451 4.3.0 later", ["c@x.jp"] = "550 5.1.1 nobody" }, "ok" },
      { retry = STEADY })
    local result = assert(mailer:send(MESSAGE))
    assert.equal("1000 a b c, 1010 b", attempts())
    assert.same({ "a@x.jp", "b@x.jp" }, result.accepted)
    assert.equal("c@x.jp", result.rejected[1].address)
    assert.equal(1, #result.rejected)
    assert.equal(2, result.attempts)
    assert.equal(10, result.timings.waited)
    assert.equal(sender.sent[1].id, sender.sent[2].id)
  end)

  it("comes to a result after failures, each pause longer", function()
    local down = { code = "CONNECT" }
    local mailer = mailer_of({ down, down, down, "ok" }, { retry = STEADY })
    local result = assert(mailer:send(MESSAGE))
    assert.equal("1000 a b c, 1010 a b c, 1040 a b c, 1130 a b c", attempts())
    assert.equal(4, result.attempts)
    assert.equal(3, #result.accepted)
    assert.same({}, result.not_sent)
  end)

  it("waits minutes where the server greylists", function()
    local mailer = mailer_of({ { ["a@x.jp"] = "451 4.7.1 greylisted" }, "ok" }, { retry = STEADY })
    assert(mailer:send(MESSAGE))
    assert.equal("1000 a b c, 1300 a", attempts())
  end)

  it("gives up after its attempts, with the last error and the truth about all", function()
    local mailer = mailer_of({ { ["b@x.jp"] = "451 4.3.0 later" } }, { retry = with(STEADY, { attempts = 3 }) })
    local result = assert(mailer:send(MESSAGE))
    assert.equal("1000 a b c, 1010 b, 1040 b", attempts())
    assert.same({ "a@x.jp", "c@x.jp" }, result.accepted)
    assert.equal(451, result.rejected[1].smtp_code)
    mailer = mailer_of({ { code = "CONNECT" } }, { retry = with(STEADY, { attempts = 2 }) })
    local none, err = mailer:send(MESSAGE)
    assert.is_nil(none)
    assert.equal("CONNECT", err.code)
    assert.equal(3, #err.not_sent)
  end)

  it("never tries again what may have been delivered", function()
    local lost = { code = "CLOSED", stage = "final", delivery = "unknown" }
    local mailer = mailer_of({ lost, "ok" }, { retry = true })
    local result, err = mailer:send(MESSAGE)
    assert.is_nil(result)
    assert.equal(1, #sender.sent)
    assert.equal("unknown", err.delivery)
    mailer = mailer_of({ { ["b@x.jp"] = "451 4.3.0 later" }, lost, "ok" }, { retry = true })
    result, err = mailer:send(MESSAGE)
    assert.is_nil(result)
    assert.equal(2, #sender.sent)
    assert.same({ "b@x.jp" }, err.unknown)
    assert.same({ "a@x.jp", "c@x.jp" }, err.accepted)
  end)

  it("tries nothing again where that is not asked", function()
    local mailer = mailer_of { { code = "CONNECT" }, "ok" }
    assert.is_nil((mailer:send(MESSAGE)))
    assert.equal("1000 a b c", attempts())
  end)

  it("ends within the timeout of the call, and does not sleep in vain", function()
    local mailer = mailer_of({ { code = "CONNECT" } }, { retry = STEADY, timeout = 60 })
    assert.is_nil((mailer:send(MESSAGE)))
    assert.equal("1000 a b c, 1010 a b c, 1040 a b c", attempts())
    assert.equal(1040, clock.at)
  end)

  it("is ended by cancel while it waits", function()
    local mailer = mailer_of({ { code = "CONNECT" } }, { retry = STEADY })
    clock.on_sleep = function()
      if clock.at > 1004 then
        mailer:cancel()
      end
    end
    local result, err = mailer:send(MESSAGE)
    assert.is_nil(result)
    assert.equal("CANCELLED", err.code)
    assert.equal("not_sent", err.delivery)
    assert.equal(3, #err.not_sent)
    assert.equal(1005, clock.at)
    assert.equal(1, #sender.sent)
  end)

  it("is ended by close while it waits", function()
    local mailer = mailer_of({ { code = "CONNECT" } }, { retry = STEADY })
    clock.on_sleep = function()
      clock.on_sleep = nil
      mailer:close()
    end
    local result, err = mailer:send(MESSAGE)
    assert.is_nil(result)
    assert.equal("CANCELLED", err.code)
    assert.equal(1, #sender.sent)
  end)

  it("retries in send_all, while other messages go on", function()
    local mailer = mailer_of({ { ["b@x.jp"] = "451 4.3.0 later" }, "ok" }, { retry = STEADY })
    local told = {}
    local summary = mailer:send_all({ MESSAGE, { to = "d@x.jp", text = "x" } }, {
      on_result = function(_, result, _, index) told[#told + 1] = index .. ":" .. #result.accepted end,
    })
    assert.equal("1000 a b c, 1000 d, 1010 b", attempts())
    assert.same({ "2:1", "1:3" }, told)
    assert.same({ 2, 2, 0 }, { summary.total, summary.sent, summary.failed })
  end)

  it("tells in send_all what was left when it is given up", function()
    local mailer = mailer_of({ { code = "CONNECT" } }, { retry = with(STEADY, { attempts = 3 }) })
    local summary = mailer:send_all { MESSAGE }
    assert.equal("1000 a b c, 1010 a b c, 1040 a b c", attempts())
    assert.equal(3, #summary.results[1].err.not_sent)
  end)
end)

describe("a mailer with a rate", function()
  it("sends no faster, whoever sends", function()
    local mailer = mailer_of({ "ok" }, { rate = 2 })
    for _ = 1, 3 do
      assert(mailer:send { to = "a@x.jp", text = "x" })
    end
    mailer:send_all { { to = "b@x.jp", text = "x" }, { to = "c@x.jp", text = "x" } }
    assert.equal("1000 a, 1000.5 a, 1001 a, 1001.5 b, 1002 c", attempts())
  end)

  it("counts recipients, in send_all, too", function()
    local mailer = mailer_of({ "ok" }, { rate = { recipients = 3, per = 1 } })
    assert(mailer:send(MESSAGE))
    assert(mailer:send(MESSAGE))
    mailer:send_all { MESSAGE, MESSAGE }
    assert.equal("1000 a b c, 1001 a b c, 1002 a b c, 1003 a b c", attempts())
  end)

  it("slows down when the server complains", function()
    local mailer = mailer_of({ { code = "REJECTED", smtp_code = 421, stage = "MAIL", delivery = "not_sent" }, "ok" },
      { rate = 1 })
    mailer:send(MESSAGE)
    mailer:send(MESSAGE)
    local waited = clock.at - 1000
    assert.is_true(waited > 1.5 and waited <= 2, waited)
  end)

  it("says so where the timeout leaves no room", function()
    local mailer = mailer_of({ "ok" }, { rate = { messages = 1, per = 100 }, timeout = 10 })
    assert(mailer:send(MESSAGE))
    local result, err = mailer:send(MESSAGE)
    assert.is_nil(result)
    assert.equal("TIMEOUT", err.code)
    assert.equal("rate", err.stage)
    assert.equal("not_sent", err.delivery)
    assert.equal(3, #err.not_sent)
    assert.equal(1000, clock.at)
  end)
end)

describe("a mailer's hooks", function()
  it("see and may change what is sent, and leave the caller's table alone", function()
    local mailer = mailer_of({ "ok" }, { on_message = function(fields)
      fields.to = "test@example.com"
    end })
    local given = { to = "a@x.jp", text = "x" }
    assert(mailer:send(given))
    assert.equal("a@x.jp", given.to)
    assert.same({ "test" }, { sender.sent[1].to })
    mailer:send_all { given }
    assert.equal("test", sender.sent[2].to)
  end)

  it("are told a sealed message, too", function()
    local seen
    local mailer = mailer_of({ "ok" }, { on_message = function(message) seen = message end })
    local message = assert(ettsumailer.message { from = "f@example.com", to = "a@x.jp", text = "x" })
    assert(mailer:send(message))
    assert.equal(message, seen)
  end)

  it("are told each message's end, once", function()
    local told = {}
    local mailer = mailer_of({ "ok", { code = "CONNECT" }, "ok" }, { on_result = function(message, result, err)
      told[#told + 1] = { message, result and #result.accepted, err and err.code }
    end })
    local none = { text = "x" }
    mailer:send(MESSAGE)
    mailer:send(MESSAGE)
    mailer:send(none)
    mailer:send_all { MESSAGE }
    assert.same({ { MESSAGE, 3 }, { MESSAGE, nil, "CONNECT" }, { none, nil, "ADDRESS" }, { MESSAGE, 3 } }, told)
  end)
end)
