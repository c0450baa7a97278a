-- A server that takes fewer connections than a mailer may have.

local core = require "ettsumailer.core"
local dialogue = require "support.memory_dialogue"
local moved_clock = require "support.moved_clock"

local BUSY = "421 4.7.0 too many connections\r\n"

-- A server that takes so many connections at a time. Returns a mailer, and what it has met:
-- { refusals, most = open at a time, limit }.
local function start(limit, more)
  local clock = moved_clock.new()
  local met = { refusals = 0, most = 0, limit = limit, clock = clock }
  local setting
  setting = dialogue.setting({
    greeting = function()
      local open = 1
      for _, transport in ipairs(setting.transports) do
        open = open + (transport.closed and 0 or 1)
      end
      if open > met.limit then
        met.refusals = met.refusals + 1
        return BUSY
      end
      met.most = math.max(met.most, open)
      return "220 server.example ESMTP\r\n"
    end,
  }, function()
    return { wait = function() dialogue.scheduler.sleep(core.clock()) end }
  end)
  met.setting = setting
  local given = {
    host = "server.example", security = "none", ehlo_name = "client.example", connections = 8,
    clock = clock, timeouts = { connect = 1 }, -- in nginx one waits as long for a free one
  }
  for name, value in pairs(more or {}) do
    given[name] = value
  end
  return assert(dialogue.library.mailer(given)), met
end

local function orders(count)
  local list = {}
  for i = 1, count do
    list[i] = dialogue.order { subject = "number " .. i }
  end
  return list
end

describe("a server that takes fewer connections than the mailer may have", function()
  it("gets every message of a batch all the same, over those that it takes", function()
    local mailer, met = start(3)
    local summary = mailer:send_all(orders(40))
    assert.same({ 40, 40 }, { summary.total, summary.sent })
    assert.equal(40, #met.setting:contents())
    assert.equal(3, met.most)
    assert.is_true(met.refusals > 0)
    assert.equal(0, mailer.pool.count)
    mailer:close()
  end)

  it("is asked for half as many for now, and for one more after each quiet interval", function()
    local mailer, met = start(3)
    mailer:send_all(orders(40))
    local allowed = mailer.pool.cap:allowed()
    assert.is_true(allowed >= 1 and allowed <= 4, allowed)
    met.clock.at = met.clock.at + 10
    assert.equal(allowed + 1, mailer.pool.cap:allowed())
    met.clock.at = met.clock.at + 1000
    assert.equal(8, mailer.pool.cap:allowed())
    mailer:close()
  end)

  it("is not asked in vain again once half of a half is what it takes", function()
    local mailer, met = start(3)
    mailer:send_all(orders(40))
    local refusals = met.refusals
    for _ = 1, 4 do
      met.clock.at = met.clock.at + 1
      assert.equal(10, mailer:send_all(orders(10)).sent)
    end
    assert.equal(refusals + 1, met.refusals)
    mailer:close()
  end)

  it("is believed where it takes none at all: a send has its error, the next one tries again", function()
    local mailer, met = start(0)
    local result, err = mailer:send(dialogue.order())
    assert.is_nil(result)
    assert.same({ "REJECTED", "greeting", 421, true, "not_sent" },
      { err.code, err.stage, err.smtp_code, err.temporary, err.delivery })
    assert.equal(1, mailer.pool.cap:allowed())
    met.limit = 1
    assert.equal(dialogue.outcome(mailer:send(dialogue.order())), "result: accepted a b")
    mailer:close()
  end)

  it("ends a batch with an error for each message where it takes none at all", function()
    local mailer = start(0)
    local summary = mailer:send_all(orders(10))
    assert.same({ 10, 10, 0 }, { summary.total, summary.failed, summary.unknown })
    for _, entry in ipairs(summary.results) do
      assert.equal(421, entry.err.smtp_code)
    end
    mailer:close()
  end)

  it("is named as the reason by an error of a mailer that may have no more for now", function()
    local mailer, met = start(3)
    mailer:send_all(orders(40))
    met.limit = 8
    local owners, err = {}, nil
    for i = 1, mailer.pool.cap:allowed() + 1 do
      owners[i] = {}
      local _, why = mailer.pool:acquire(owners[i])
      err = why
    end
    assert.equal("QUEUE_FULL", err.code)
    assert.matches("the server wants no more for now", err.text)
    for _, owner in ipairs(owners) do
      mailer.pool:abandon(owner)
    end
    mailer:close()
  end)
end)

describe("what a server says before a login has succeeded", function()
  local cases = {
    { "greeting", "421 4.7.0 too many\r\n", 1 }, { "greeting", "432 4.3.2 later\r\n", 1 },
    { "EHLO", "421 4.3.2 too many\r\n", 1 }, { "greeting", "554 5.7.1 no\r\n", 8 },
    { "greeting", "450 4.7.1 not yet\r\n", 8 }, { "AUTH", "454 4.7.0 busy\r\n", 1 },
    { "AUTH", "421 4.7.0 too many\r\n", 1 }, { "AUTH", "535 5.7.8 wrong\r\n", 8 },
    { "MAIL", "421 4.7.0 too fast\r\n", 8 },
  }
  for _, case in ipairs(cases) do
    it(("leaves %d connections of eight: %s to %s"):format(case[3], case[2]:sub(1, 9), case[1]), function()
      dialogue.setting({
        [case[1]] = case[2], EHLO = case[1] == "EHLO" and case[2]
          or "250-server.example\r\n250-AUTH PLAIN\r\n250 ENHANCEDSTATUSCODES\r\n",
      }, function() return {} end)
      local mailer = assert(dialogue.library.mailer {
        host = "server.example", security = "none", ehlo_name = "client.example", connections = 8,
        user = "u", password = "p", allow_plaintext_auth = true,
      })
      assert.is_nil((mailer:send(dialogue.order())))
      assert.equal(case[3], mailer.pool.cap:allowed())
      mailer:close()
    end)
  end
end)
