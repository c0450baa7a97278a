-- Several servers: which one is asked, and which one never is.
local ettsumailer = require "ettsumailer"
local message_of = require "ettsumailer.message"
local moved_clock = require "support.moved_clock"
local scripted = require "support.scripted_sender"
local servers_of = require "ettsumailer.sender.servers"

local clock, message, envelope

-- Servers that answer so, one list of answers each; and their senders.
local function servers(how, ...)
  local list, senders = {}, {}
  for i, answers in ipairs { ... } do
    senders[i] = scripted.new(answers, clock)
    list[i] = { sender = senders[i], name = "server " .. i }
  end
  how.clock = clock
  return servers_of.new(list, how), senders
end

local function counts(senders)
  local list = {}
  for i, sender in ipairs(senders) do
    list[i] = #sender.sent
  end
  return table.concat(list, " ")
end

local DOWN = { code = "CONNECT" }

describe("several servers", function()
  before_each(function()
    clock = moved_clock.new()
    message = assert(ettsumailer.message { from = "f@example.com", to = { "a@x.jp", "b@x.jp" }, text = "x" })
    envelope = message_of.envelope(message)
  end)

  it("are asked from the first on until one takes the message", function()
    local all, senders = servers({}, { DOWN }, { "ok" }, { "ok" })
    local result = assert(all:send(message, envelope, {}))
    assert.equal("1 1 0", counts(senders))
    assert.equal(2, result.attempts)
    assert.same({ 2, 0, 0, 0 }, { #result.accepted, #result.rejected, #result.unknown, #result.not_sent })
  end)

  it("leave one that failed in peace for a while, then try it again", function()
    local all, senders = servers({ rest = 30 }, { DOWN, "ok" }, { "ok" })
    all:send(message, envelope, {})
    all:send(message, envelope, {})
    assert.equal("1 2", counts(senders))
    clock.at = clock.at + 31
    all:send(message, envelope, {})
    assert.equal("2 2", counts(senders))
    all:send(message, envelope, {})
    assert.equal("3 2", counts(senders))
  end)

  it("are asked all the same when all of them rest", function()
    local all, senders = servers({}, { DOWN, "ok" }, { DOWN })
    local result, err = all:send(message, envelope, {})
    assert.is_nil(result)
    assert.equal("CONNECT", err.code)
    assert.equal(2, #err.not_sent)
    assert(all:send(message, envelope, {}))
    assert.equal("2 1", counts(senders))
  end)

  it("take turns where that is asked", function()
    local all, senders = servers({ order = "round_robin" }, { "ok" }, { "ok" }, { "ok" })
    for i = 1, 7 do
      all:send(message, envelope, {})
      assert.equal(({ "1 0 0", "1 1 0", "1 1 1", "2 1 1", "2 2 1", "2 2 2", "3 2 2" })[i], counts(senders))
    end
  end)

  it("take turns around one that is down", function()
    local all, senders = servers({ order = "round_robin" }, { "ok" }, { DOWN }, { "ok" })
    for _ = 1, 6 do
      assert(all:send(message, envelope, {}))
    end
    assert.equal("2 1 4", counts(senders))
  end)

  local GOES_ON = {
    DOWN, { code = "DNS" }, { code = "TIMEOUT", stage = "greeting" }, { code = "CLOSED", stage = "MAIL" },
    { code = "TLS_VERIFY", stage = "TLS" }, { code = "AUTH", stage = "AUTH", smtp_code = 535 },
    { code = "REJECTED", stage = "greeting", smtp_code = 554 },
    { code = "REJECTED", stage = "greeting", smtp_code = 521 },
    { code = "REJECTED", stage = "greeting", smtp_code = 421 }, { code = "REJECTED", stage = "EHLO", smtp_code = 550 },
    { code = "REJECTED", stage = "MAIL", smtp_code = 421 }, { code = "PROTOCOL", stage = "greeting" },
    { code = "CLOSED", stage = "content" },
    { code = "REJECTED", stage = "MAIL", smtp_code = 451, delivery = "rejected" },
    { code = "QUEUE_FULL", stage = "check" }, { code = "SMTPUTF8_REQUIRED", stage = "check" },
    { code = "TOO_LARGE", stage = "check" },
  }

  it("are asked one after the other where a server itself is at fault", function()
    for _, answer in ipairs(GOES_ON) do
      local all, senders = servers({}, { answer }, { "ok" })
      assert(all:send(message, envelope, {}))
      assert.equal("1 1", counts(senders), answer.code)
    end
  end)

  local STAYS = {
    { code = "CLOSED", stage = "final", delivery = "unknown" },
    { code = "TIMEOUT", stage = "final", delivery = "unknown" },
    { code = "REJECTED", stage = "RCPT", smtp_code = 550, delivery = "rejected" },
    { code = "REJECTED", stage = "RCPT", smtp_code = 450, delivery = "rejected" },
    { code = "REJECTED", stage = "MAIL", smtp_code = 550, delivery = "rejected" },
    { code = "REJECTED", stage = "final", smtp_code = 554, delivery = "rejected" },
    { code = "REJECTED", stage = "final", smtp_code = 421, delivery = "rejected" },
    { code = "TOO_LARGE", stage = "final", smtp_code = 552, delivery = "rejected" },
    { code = "SOURCE", stage = "check" }, { code = "ADDRESS", stage = "check" }, { code = "CANCELLED" },
  }

  it("are not asked where the message was at fault, or may have been delivered", function()
    for _, answer in ipairs(STAYS) do
      local all, senders = servers({}, { answer }, { "ok" })
      local result, err = all:send(message, envelope, {})
      assert.is_nil(result)
      assert.equal(answer.code, err.code)
      assert.equal("1 0", counts(senders), answer.code .. " " .. (answer.stage or ""))
    end
  end)

  it("are not asked for recipients that one of them refused", function()
    local all, senders = servers({}, { { ["a@x.jp"] = "550 5.1.1 nobody" } }, { "ok" })
    assert.same({ "b@x.jp" }, assert(all:send(message, envelope, {})).accepted)
    assert.equal("1 0", counts(senders))
  end)

  it("are not asked once the time is over", function()
    local core = require "ettsumailer.core"
    local all, senders = servers({}, { DOWN }, { "ok" })
    assert.is_nil((all:send(message, envelope, { deadline = core.clock() })))
    assert.equal("1 0", counts(senders))
  end)

  it("can be verified, cancelled and closed together", function()
    local all, senders = servers({}, { DOWN }, { "ok" })
    local about = assert(all:verify())
    assert.same({ "server 1", "CONNECT" }, { about.servers[1].name, about.servers[1].err.code })
    assert.is_true(about.servers[2].about.is_well)
    all:cancel()
    all:close()
    assert.equal(1, senders[2].cancelled)
    assert.is_true(senders[1].closed and senders[2].closed)
    assert.equal("CONNECT", select(2, servers({}, { DOWN }, { DOWN }):verify()).code)
  end)
end)
