-- What other senders had to mend in their dialogue with servers: a case for each that no other spec
-- has. The servers are in memory, and the clock is moved by hand.

local core = require "ettsumailer.core"
local dialogue = require "support.memory_dialogue"
local memory_server = require "support.memory_server"

local library = dialogue.library

local certificate, key = core.certificate { names = { "server.example" } }
local context = core.tls_context { server = true, certificate = certificate, key = key }

local TLS_EHLO = "250-server.example\r\n250-PIPELINING\r\n250 STARTTLS\r\n"

local real_clock, now

local function mailer_of(replies, how_of, more)
  local setting = dialogue.setting(replies, how_of)
  local given = { host = "server.example", security = "none", ehlo_name = "client.example", ca_pem = certificate }
  for name, value in pairs(more or {}) do
    given[name] = value
  end
  return assert(library.mailer(given)), setting
end

local function send(replies, how, more)
  local mailer, setting = mailer_of(replies, function() return how or {} end, more)
  local result, err = mailer:send(dialogue.order())
  mailer:close()
  return result, err, setting
end

before_each(function()
  real_clock, now = core.clock, 1000000
  core.clock = function() return now end -- luacheck: ignore 122
end)
after_each(function()
  core.clock = real_clock -- luacheck: ignore 122
end)

describe("A flight", function()
  it("is one write: EHLO, the envelope, the content, QUIT", function()
    local result, _, setting = send {}
    assert.is_table(result)
    assert.equal(4, #setting.transports[1].blocks)
  end)

  it("is one write over TLS, too", function()
    local _, _, plain = send {}
    local result, _, setting = send({}, { tls = context }, { security = "implicit" })
    assert.is_table(result)
    -- Two more are the handshake's.
    assert.equal(#plain.transports[1].blocks + 2, #setting.transports[1].blocks)
  end)
end)

describe("A server that trickles an octet a second", function()
  local function a_second(deadline)
    local is_over = now + 1000 > deadline
    now = is_over and deadline or now + 1000
    return not is_over
  end

  -- What is long, the option that ends it, how many seconds that has.
  local CASES = {
    { "greeting", "greeting", 50 }, { "EHLO", "command", 60 }, { "MAIL", "command", 60 }, { "RCPT", "command", 60 },
    { "DATA", "data", 70 }, { "final", "final", 80 },
  }
  local FIRST = { greeting = "220 ", DATA = "354 " }

  local TIMEOUTS = { greeting = 50, command = 60, data = 70, final = 80, tls = 40 }

  for _, case in ipairs(CASES) do
    for _, offer in ipairs { "PIPELINING", "X" } do
      it(("of its reply at %s is given up after the time of that (%s)"):format(case[1], offer), function()
        local replies = {
          greeting = "220 hi\r\n", EHLO = ("250-a\r\n250 %s\r\n"):format(offer), MAIL = "250 ok\r\n",
          RCPT = "250 ok\r\n", DATA = "354 go\r\n",
        }
        replies[case[1]] = (FIRST[case[1]] or "250 ") .. ("x"):rep(200) .. "\r\n"
        local seconds = case[3]
        if offer == "PIPELINING" and (case[1] == "RCPT" or case[1] == "MAIL" or case[1] == "DATA") then
          seconds = 30 -- those of a flight, and then once more in lock-step
        end
        local _, err, setting = send(replies, { read_size = 1, trickle = a_second }, { timeouts = TIMEOUTS })
        assert.same({ "TIMEOUT", case[1] }, { err.code, err.stage })
        assert.equal(case[1] == "final" and "unknown" or "not_sent", err.delivery)
        assert.equal(seconds == 30 and 2 or 1, #setting.transports)
      end)
    end
  end

  it("of its handshake is given up after the time of that", function()
    local started = now
    local _, err = send({ EHLO = TLS_EHLO }, { tls = context, read_size = 1, trickle = a_second },
      { security = "implicit", timeouts = TIMEOUTS })
    assert.same({ "TIMEOUT", "TLS", "not_sent" }, { err.code, err.stage, err.delivery })
    assert.equal(40 * 1000, now - started)
  end)

  it("of anything is given up when the time of the whole call is over", function()
    for _, security in ipairs { "none", "implicit", "starttls" } do
      local started = now
      local _, err = send({ EHLO = TLS_EHLO, STARTTLS = "220 go\r\n" }, {
        tls = security == "implicit" and context or nil, read_size = 1, trickle = a_second,
        wrap = security == "starttls" and function(server) return memory_server.starttls(server, context) end or nil,
      }, { security = security, timeout = 100 })
      assert.equal("TIMEOUT", err.code, security)
      assert.is_true(now - started <= 100 * 1000, security)
    end
  end)
end)

describe("A server that knows no EHLO", function()
  it("gets no HELO in place of EHLO where TLS is a must", function()
    local heard = {}
    local function hear(line)
      heard[#heard + 1] = line:match "^%a+"
      return "502 5.5.1 what?\r\n"
    end
    local _, err = send({ EHLO = hear, HELO = hear, MAIL = hear }, nil, { security = "starttls" })
    assert.equal("EHLO", err.stage)
    assert.same({ "EHLO" }, heard)
  end)
end)

describe("A reply that comes too late", function()
  for _, verb in ipairs { "MAIL", "RCPT", "DATA", "final" } do
    it(("at %s is never taken for one to the next message"):format(verb), function()
      local count = 0
      local function late()
        count = count + 1
        return count == 1 and "" or verb == "DATA" and "354 go\r\n" or "250 2.0.0 ok\r\n"
      end
      local mailer, setting = mailer_of({
        [verb] = late, EHLO = "250 server.example\r\n",
      }, function() return { silent = function(deadline) now = deadline end } end)
      local message = dialogue.order { to = "a@example.com" }
      local result, err = mailer:send(message)
      assert.is_nil(result)
      assert.equal("TIMEOUT", err.code)
      setting.servers[1].out = { "250 2.0.0 too late\r\n" }
      assert.is_table(mailer:send(message))
      mailer:close()
      assert.equal(2, #setting.transports)
      assert.is_true(setting.transports[1].closed)
      assert.equal(1, #setting.servers[2].contents)
    end)
  end
end)

describe("A pool of one connection", function()
  local FAULTS = {
    { "a TCP connection that fails", nil, function(n) return { reads = n == 1 and 0 or nil } end },
    { "a handshake that fails", { security = "implicit" }, function(n)
      return { tls = context, reads = n == 1 and 100 or nil }
    end },
    { "a greeting that refuses", nil, function() return {} end, "554 5.3.2 no\r\n" },
    { "an EHLO that ends it", nil, function(n) return { reads = n == 1 and 40 or nil } end },
  }
  for _, fault in ipairs(FAULTS) do
    it("has its place again after " .. fault[1], function()
      local n = 0
      local options = { connections = 1 }
      for name, value in pairs(fault[2] or {}) do
        options[name] = value
      end
      local mailer = mailer_of({ greeting = fault[4] and function()
        n = n + 1
        return n == 1 and fault[4] or "220 hi\r\n"
      end }, fault[3], options)
      local result, err = mailer:send(dialogue.order())
      assert.is_nil(result)
      assert.equal("not_sent", err.delivery)
      result, err = mailer:send(dialogue.order())
      assert.is_table(result, tostring(err))
      mailer:close()
    end)
  end
end)

describe("A server that hangs up at once, every time,", function()
  it("is not connected to more often than there are messages", function()
    for _, reads in ipairs { 0, 10, 28, 60 } do
      local mailer, setting = mailer_of({}, function() return { reads = reads } end, { connections = 4 })
      local list = {}
      for i = 1, 10 do
        list[i] = dialogue.order()
      end
      local told = 0
      assert(mailer:send_all(list, { on_result = function(_, result, err)
        assert.is_nil(result)
        assert.equal("not_sent", err.delivery)
        assert.is_true(err.temporary)
        told = told + 1
      end }))
      mailer:close()
      assert.equal(10, told)
      assert.is_true(#setting.transports <= 10, #setting.transports)
    end
  end)
end)

describe("The name that a server gives a message", function()
  it("is found in the last reply of those whose form is known, and nowhere else", function()
    local cases = {
      ["2.0.0 Ok: queued as 4F1B2C"] = "4F1B2C", ["OK id=1tABCd-0001ab-2X"] = "1tABCd-0001ab-2X",
      ["2.0.0 4A1B2c3D Message accepted for delivery"] = false, ["Ok"] = false,
      ["2.6.0 <a@x> [InternalId=1, Hostname=h.x] Queued mail for delivery"] = false,
      ["Ok 0100018c-1234"] = false, ["2.0.0 Ok: queued as "] = false,
    }
    for text, id in pairs(cases) do
      local result = assert(send { final = "250 " .. text .. "\r\n", MAIL = "250 2.1.0 queued as NOT\r\n" })
      assert.equal(id or nil, result.queue_id, text)
    end
  end)
end)
