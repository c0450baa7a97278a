-- A server that falls silent, at each phase, on a clock that only this spec moves.
-- Why: every wait has an end, the one that was set for it, and the error says where it was.

local core = require "ettsumailer.core"
local dialogue = require "support.memory_dialogue"
local memory_server = require "support.memory_server"
local virtual_clock = require "support.virtual_clock"

local library = dialogue.library

local certificate, key = core.certificate { names = { "server.example" } }
local context = core.tls_context { server = true, certificate = certificate, key = key }

-- Seconds, each another, so that one cannot be taken for another.
local TIMEOUTS = {
  connect = 7, tls = 11, greeting = 13, command = 17, data = 19, block = 23, final = 29, quit = 0.5,
}

local EHLO = "250-server.example\r\n250-AUTH PLAIN\r\n250 %s\r\n"
local SILENT = ""

local clock, waited

local function on_silence(deadline)
  waited[#waited + 1] = (deadline - clock.now) / 1000
  clock.now = deadline
end

local function options_of(more)
  local given = {
    host = "server.example", ehlo_name = "client.example", timeouts = TIMEOUTS, security = "none",
    user = "u", password = "p", allow_plaintext_auth = true, ca_pem = certificate,
  }
  for name, value in pairs(more) do
    given[name] = value
  end
  return given
end

-- Sends one message to a server with these replies. Returns result, err, mailer.
local function send(replies, more, how)
  local all = { EHLO = EHLO:format(more.security == "starttls" and "STARTTLS" or "PIPELINING"),
    STARTTLS = "220 go\r\n", AUTH = "235 2.7.0 ok\r\n" }
  for name, reply in pairs(replies) do
    all[name] = reply
  end
  dialogue.setting(all, function()
    local peer = { silent = on_silence }
    for name, value in pairs(how or {}) do
      peer[name] = value
    end
    return peer
  end)
  local mailer = assert(library.mailer(options_of(more)))
  local result, err = mailer:send(dialogue.order { text = ("long enough\r\n"):rep(10000) })
  return result, err, mailer
end

-- A server that answers STARTTLS and then never says a word of TLS.
local function mute_tls(server)
  local upgrade = memory_server.starttls(server, context)
  function upgrade:give(max)
    return self.secure and self.clear == "" and "" or memory_server.give_clear(self, max)
  end
  return upgrade
end

describe("a server that falls silent", function()
  local own = virtual_clock.during(before_each, after_each)
  before_each(function() clock, waited = own, {} end)

  -- stage, what is silent (and what would come behind it), seconds, delivery, options
  local BEHIND = { MAIL = { "RCPT", "DATA" }, RCPT = { "DATA" } }
  local CASES = {
    { "greeting", "greeting", 13 }, { "EHLO", "EHLO", 17 }, { "AUTH", "AUTH", 17 },
    { "STARTTLS", "STARTTLS", 17, more = { security = "starttls" } },
    { "MAIL", "MAIL", 17 }, { "RCPT", "RCPT", 17 }, { "DATA", "DATA", 19 },
    { "final", "final", 29, delivery = "unknown" },
  }
  for _, case in ipairs(CASES) do
    for _, offer in ipairs { "PIPELINING", "X-NOTHING" } do
      it(("at %s is given up after its own time (%s)"):format(case[1], offer), function()
        local replies = { [case[2]] = SILENT }
        for _, name in ipairs(BEHIND[case[2]] or {}) do
          replies[name] = SILENT
        end
        if case[2] ~= "EHLO" and not case.more then
          replies.EHLO = EHLO:format(offer)
        end
        local result, err, mailer = send(replies, case.more or {})
        mailer:close()
        assert.is_nil(result)
        assert.same({ "TIMEOUT", case[1], case.delivery or "not_sent" }, { err.code, err.stage, err.delivery })
        assert.same({ case[3] }, waited)
        assert.equal(2, #err.not_sent + #err.unknown)
      end)
    end
  end

  it("in the TLS handshake is given up after its own time", function()
    local _, err = send({}, { security = "starttls" }, { wrap = mute_tls })
    assert.same({ "TIMEOUT", "TLS", "not_sent" }, { err.code, err.stage, err.delivery })
    assert.same({ 11 }, waited)
  end)

  it("in the middle of the content is given up after the time of a block", function()
    local _, err = send({}, {}, { stuck = 50000, write_size = 8192 })
    assert.same({ "TIMEOUT", "body", "not_sent" }, { err.code, err.stage, err.delivery })
    assert.same({ 23 }, waited)
  end)

  it("at QUIT changes nothing and is not waited for long", function()
    local result, _, mailer = send({ QUIT = SILENT }, {})
    assert.is_table(result)
    mailer:close()
    assert.same({ 0.5 }, waited)
  end)

  it("at anything ends the call when the time of the whole call is over", function()
    for _, silent in ipairs { "greeting", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "final" } do
      waited = {}
      local _, err, mailer = send({ [silent] = SILENT }, { timeout = 5 })
      assert.equal("TIMEOUT", err.code)
      assert.same({ 5 }, waited)
      mailer:close()
    end
  end)

  it("that dribbles replies ends the call when the time of the whole call is over", function()
    local function slowly(reply)
      return function()
        clock.now = clock.now + 2000
        return reply
      end
    end
    local _, err, mailer = send({
      greeting = slowly "220 hi\r\n", MAIL = slowly "250 ok\r\n", RCPT = slowly "250 ok\r\n", DATA = SILENT,
    }, { timeout = 10 })
    mailer:close()
    assert.equal("TIMEOUT", err.code)
    assert.equal(1, #waited)
    assert.is_true(waited[1] <= 4)
  end)
end)

describe("a server that only claims PIPELINING", function()
  local own = virtual_clock.during(before_each, after_each)
  before_each(function() clock, waited = own, {} end)

  -- Reads one command a packet and throws away what came behind it.
  local function forgetful(server)
    local peer = setmetatable({}, { __index = server })
    function peer.take(_, bytes)
      if not server.content and bytes:find "^MAIL" then
        bytes = bytes:match "^[^\n]*\n"
      end
      server:take(bytes)
    end
    function peer.give(_, max) return server:give(max) end
    function peer.has_output() return server:has_output() end
    return peer
  end

  local function mailer_of()
    local setting = dialogue.setting({ EHLO = EHLO:format "PIPELINING" }, function()
      return { silent = on_silence, wrap = forgetful }
    end)
    return assert(library.mailer {
      host = "server.example", ehlo_name = "client.example", security = "none",
    }), setting
  end

  it("is spoken to in lock-step after 30 s, on one more connection, and from then on", function()
    local mailer, setting = mailer_of()
    assert(mailer:send(dialogue.order()))
    assert.same({ 30 }, waited)
    assert(mailer:send(dialogue.order()))
    mailer:close()
    assert.same({ 30 }, waited)
    assert.equal(2, #setting.servers)
    assert.equal(2, #setting:contents())
  end)

  it("gets every message of a batch once, too", function()
    local mailer, setting = mailer_of()
    local summary = mailer:send_all({ dialogue.order(), dialogue.order(), dialogue.order() }, { connections = 1 })
    mailer:close()
    assert.equal(3, summary.sent)
    assert.same({ 30 }, waited)
    assert.equal(3, #setting:contents())
  end)
end)
