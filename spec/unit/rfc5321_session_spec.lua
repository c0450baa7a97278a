-- RFC 5321, Simple Mail Transfer Protocol: what binds a client over a whole session, by section.
-- The servers are in memory and write down what they hear; the clock is moved by hand.

local core = require "ettsumailer.core"
local dialogue = require "support.memory_dialogue"
local virtual_clock = require "support.virtual_clock"
local own_name = require "ettsumailer.smtp.own_name"

local library = dialogue.library

local OFFERS = {
  PIPELINING = "250-server.example\r\n250-PIPELINING\r\n250 SIZE 100000000\r\n",
  nothing = "250 server.example\r\n",
}
local NO = "550 5.7.1 no\r\n"
local LATER = "451 4.3.0 later\r\n"

-- Writes down what a server hears, with the first digit of what it says to it.
local function listen(server, heard)
  local answer = server.answer
  function server.answer(self, key, line)
    local digit = answer(self, key, line)
    heard[#heard + 1] = { verb = key, line = line, digit = digit }
    return digit
  end
  return server
end

-- Sends messages one after the other with one mailer, and closes it. Returns what each server
-- heard, the outcomes, and the servers.
local function talk(replies, messages, more, how)
  local all = {}
  local setting = dialogue.setting(replies, function()
    local peer = { wrap = function(server)
      all[#all + 1] = {}
      return listen(server, all[#all])
    end }
    for name, value in pairs(how or {}) do
      peer[name] = value
    end
    return peer
  end)
  local given = {}
  for _, options in ipairs { dialogue.SERVER, more or {} } do
    for name, value in pairs(options) do
      given[name] = value
    end
  end
  local mailer, outcomes = assert(library.mailer(given)), {}
  for i, message in ipairs(messages) do
    outcomes[i] = { mailer:send(message) }
  end
  mailer:close()
  return all, outcomes, setting.servers
end

local function verbs_of(heard)
  local verbs = {}
  for i, one in ipairs(heard) do
    verbs[i] = one.verb
  end
  return table.concat(verbs, " ")
end

local function count(heard, verb)
  local n = 0
  for _, one in ipairs(heard) do
    n = n + (one.verb == verb and 1 or 0)
  end
  return n
end

-- What must hold when a command comes. state: greeted, open (a transaction), takers.
local RULES = {
  EHLO = function(state) return not state.open end,
  HELO = function(state) return not state.open end,
  MAIL = function(state) return state.greeted and not state.open end,
  RCPT = function(state) return state.open or state.is_flight end,
  DATA = function(state) return state.open and state.takers > 0 or state.is_flight end,
  RSET = function(state) return state.greeted end,
  final = function(state) return state.open end,
  QUIT = function() return true end,
}

local CHANGES = {
  EHLO = function(state) state.greeted = true end,
  HELO = function(state) state.greeted = true end,
  MAIL = function(state) state.open, state.takers = true, 0 end,
  RCPT = function(state) state.takers = state.takers + 1 end,
  RSET = function(state) state.open = false end,
}

-- Walks through what was heard; returns the place that RFC 5321 4.1.4 has no room for.
local function first_out_of_order(heard, offer)
  local state = { takers = 0, is_flight = offer == "PIPELINING" }
  for i, one in ipairs(heard) do
    if state.is_over or not RULES[one.verb](state) then
      return ("%d in %s"):format(i, verbs_of(heard))
    end
    if one.verb == "final" then
      state.open = false
    elseif one.digit == "2" and CHANGES[one.verb] then
      CHANGES[one.verb](state)
    end
    state.is_over = one.verb == "QUIT"
  end
end

local ENVELOPES = {
  { "takes everything", {} },
  { "refuses MAIL", { MAIL = NO, RCPT = "503 5.5.1 no MAIL\r\n", DATA = "503 5.5.1 no MAIL\r\n" } },
  { "refuses every recipient", { RCPT = NO, DATA = "503 5.5.1 no RCPT\r\n" } },
  { "refuses one recipient", dialogue.REFUSE_B },
  { "refuses DATA", { DATA = NO } },
  { "refuses the content", { final = NO } },
  { "refuses the content for clock.now", { final = LATER } },
}

local SETUPS = {
  { "refuses EHLO", { EHLO = NO }, "EHLO QUIT" },
  { "knows neither EHLO nor HELO", { EHLO = "502 5.5.1 what?\r\n", HELO = "500 5.5.1 what?\r\n" }, "EHLO HELO QUIT" },
  { "greets with 554", { greeting = "554 no mail here\r\n" }, "QUIT" },
  { "greets with 521", { greeting = "521 never any mail here\r\n" }, "QUIT" },
}

local function replies_with(offer, replies)
  local all = { EHLO = OFFERS[offer] }
  for verb, reply in pairs(replies) do
    all[verb] = reply
  end
  return all
end

describe("RFC 5321 4.1.4: the order of commands", function()
  for offer in pairs(OFFERS) do
    for _, case in ipairs(ENVELOPES) do
      it(("is kept over two messages to a server that %s (%s)"):format(case[1], offer), function()
        local all = talk(replies_with(offer, case[2]), { dialogue.order(), dialogue.order() })
        assert.equal(1, #all)
        assert.is_nil(first_out_of_order(all[1], offer))
        assert.equal(2, count(all[1], "MAIL"))
      end)
    end
  end

  it("is seen to be broken where it is (the check of this spec)", function()
    local function is_wrong(...)
      local heard = {}
      for i, verb in ipairs { ... } do
        heard[i] = { verb = verb, digit = verb == "DATA" and "3" or "2" }
      end
      return first_out_of_order(heard, "nothing") ~= nil
    end
    assert.is_false(is_wrong("EHLO", "MAIL", "RCPT", "DATA", "final", "MAIL", "RSET", "MAIL", "QUIT"))
    assert.is_true(is_wrong("MAIL"))
    assert.is_true(is_wrong("EHLO", "MAIL", "MAIL"))
    assert.is_true(is_wrong("EHLO", "RCPT"))
    assert.is_true(is_wrong("EHLO", "MAIL", "DATA"))
    assert.is_true(is_wrong("EHLO", "QUIT", "QUIT"))
  end)
end)

describe("RFC 5321 4.1.1.10: QUIT", function()
  for offer in pairs(OFFERS) do
    for _, case in ipairs(ENVELOPES) do
      it(("is the last word, and its reply is read, where a server %s (%s)"):format(case[1], offer), function()
        local all, _, servers = talk(replies_with(offer, case[2]), { dialogue.order() })
        assert.equal("QUIT", all[1][#all[1]].verb)
        assert.is_false(servers[1]:has_output())
      end)
    end
  end

  for _, case in ipairs(SETUPS) do
    it("is said to a server that " .. case[1] .. ", and no mail is", function()
      local all, outcomes, servers = talk(case[2], { dialogue.order() })
      assert.equal(case[3], verbs_of(all[1]))
      assert.is_nil(outcomes[1][1])
      assert.equal("not_sent", outcomes[1][2].delivery)
      assert.is_false(servers[1]:has_output())
    end)
  end

  it("is said when a message is too large for the server, which hears of no mail", function()
    local all, outcomes = talk({ EHLO = "250-server.example\r\n250 SIZE 10\r\n" }, { dialogue.order() })
    assert.equal("EHLO QUIT", verbs_of(all[1]))
    assert.equal("TOO_LARGE", outcomes[1][2].code)
  end)

  it("is not said behind a 421, which has closed the channel (3.8)", function()
    for _, verb in ipairs { "EHLO", "MAIL", "final" } do
      local all = talk({ [verb] = "421 4.3.2 going down\r\n" }, { dialogue.order() })
      assert.equal(0, count(all[1], "QUIT"), verb)
    end
  end)
end)

describe("RFC 5321 4.3.1: the greeting", function()
  it("is waited for: a server that does not greet hears nothing", function()
    local all, outcomes = talk({ greeting = "" }, { dialogue.order() })
    assert.same({}, all[1])
    assert.equal("greeting", outcomes[1][2].stage)
  end)
end)

describe("RFC 5321 4.2.1: a command that was refused for good", function()
  for _, case in ipairs(ENVELOPES) do
    it(("is not repeated with the same message: a server that %s"):format(case[1]), function()
      local all = talk(case[2], { dialogue.order() })
      local seen = {}
      for _, one in ipairs(all[1]) do
        assert.is_nil(one.line and seen[one.line], one.line)
        seen[one.line or one.verb] = true
      end
      assert.equal(1, #all)
    end)
  end

  it("is said again with the next message: a 5yz to MAIL is remembered for nobody (4.5.4.1)", function()
    local n = 0
    local function once()
      n = n + 1
      return n == 1 and NO or "250 2.1.0 ok\r\n"
    end
    local _, outcomes = talk(replies_with("nothing", { MAIL = once }), { dialogue.order(), dialogue.order() })
    assert.is_nil(outcomes[1][1])
    assert.is_table(outcomes[2][1])
  end)
end)

describe("RFC 5321 4.5.4.1: recipients at one server", function()
  it("get one copy: MAIL, a RCPT for each, one DATA", function()
    local to = {}
    for i = 1, 100 do
      to[i] = ("r%d@example.com"):format(i)
    end
    local all, outcomes, servers = talk({}, { dialogue.order { to = to } })
    assert.equal(100, #outcomes[1][1].accepted)
    assert.same({ 1, 100, 1 }, { count(all[1], "MAIL"), count(all[1], "RCPT"), count(all[1], "DATA") })
    assert.equal(1, #servers[1].contents)
  end)
end)

describe("RFC 1870 5: SIZE", function()
  it("counts the content with its line ends, and no dot of transparency", function()
    for _, text in ipairs { "", "\n", ".\n..\n.", "a\n.\nb", ("."):rep(10), ("x\n"):rep(5000) } do
      local all, _, servers = talk({}, { dialogue.order { text = text } })
      local mail
      for _, one in ipairs(all[1]) do
        mail = one.verb == "MAIL" and one.line or mail
      end
      assert.equal("MAIL FROM:<f@example.com> SIZE=" .. #servers[1].contents[1] .. "\r\n", mail)
    end
  end)
end)

describe("RFC 5321 4.5.3.2: timeouts", function()
  local clock = virtual_clock.during(before_each, after_each)

  -- Every write takes 20 s for 1000 octets, or fails at its deadline.
  local SLOW = {
    write_size = 1000,
    pace = function(deadline)
      local is_over = clock.now + 20 * 1000 > deadline
      clock.now = is_over and deadline or clock.now + 20 * 1000
      return not is_over
    end,
  }
  local LONG = ("so slow a line\r\n"):rep(10000)

  it("are for each step: a transfer that is slow but moves is not cut", function()
    local started = clock.now
    local _, outcomes = talk({}, { dialogue.order { text = LONG } }, nil, SLOW)
    assert.is_table(outcomes[1][1], tostring(outcomes[1][2]))
    assert.is_true(clock.now - started > 3 * 600 * 1000) -- ms: more than the longest of them
  end)

  it("are for the whole call as well, where that is asked", function()
    local started = clock.now
    local _, outcomes = talk({}, { dialogue.order { text = LONG } }, { timeout = 700 }, SLOW)
    assert.same({ "TIMEOUT", "not_sent" }, { outcomes[1][2].code, outcomes[1][2].delivery })
    assert.equal(700 * 1000, clock.now - started)
  end)
end)

describe("RFC 5321 2.3.5: the name in EHLO", function()
  local real_name = core.host_name

  local function name_of(host, ip)
    core.host_name = function() return host end -- luacheck: ignore 122
    local name = own_name.of { local_address = function() return ip end }
    core.host_name = real_name -- luacheck: ignore 122
    return name
  end

  it("is the machine's where that is a full one", function()
    for _, host in ipairs { "a.b", "mail.example.com", "x-1.example", "1a.2b.example" } do
      assert.equal(host, name_of(host, "192.0.2.7"))
    end
  end)

  it("is the address of the socket where it is not", function()
    for _, host in ipairs {
      "", "localhost", "my_host", "my_host.example", "-a.example", "a-.example", "a..b", "a.b.", ".a.b", "192.0.2.9",
      "m\195\188ller.example", "a b.example", "x.example\r\nQUIT", "localhost.localdomain", "a.localhost",
      "Box.LOCALDOMAIN",
    } do
      assert.equal("[192.0.2.7]", name_of(host, "192.0.2.7"), host)
      assert.equal("[IPv6:2001:db8::7]", name_of(host, "2001:db8::7"), host)
    end
  end)

  it("is a name or an address literal in whatever the server hears", function()
    local session = assert(core.session())
    assert(session:feed "220 server.example\r\n")
    assert(session:next())
    for _, host in ipairs { "box", "a.b" } do
      for _, ip in ipairs { "192.0.2.7", "2001:db8::7", "::ffff:192.0.2.7", "fe80::1" } do
        assert.is_true(session:command("EHLO", name_of(host, ip)) and true)
      end
    end
    for _, bad in ipairs {
      "my_host", "a b", "[192.0.2.300]", "192.0.2.7]", "[x:y]", "\227\129\130.jp", "a.example x",
    } do
      assert.is_nil((session:command("EHLO", bad)), bad)
    end
  end)
end)
