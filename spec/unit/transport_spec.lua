-- Event loops and connections of the user's own, and the names of those that are known.

local core = require "ettsumailer.core"
local errors = require "ettsumailer.errors"
local ettsumailer = require "ettsumailer"
local testing = require "ettsumailer.testing"
local virtual_clock = require "support.virtual_clock"

local unpack = table.unpack or unpack -- luacheck: std lua51+lua54

local function mailer_of(more)
  local given = {
    host = "127.0.0.1", port = 25, security = "none", ehlo_name = "client.example",
    from = "a@example.com",
  }
  for name, value in pairs(more) do
    given[name] = value
  end
  return ettsumailer.mailer(given)
end

local function order()
  return { to = "b@example.com", text = "hi\n" }
end

describe("the option transport", function()
  it("takes the names of loops that are known, and no others", function()
    local mailer, err = mailer_of { transport = "libevent" }
    assert.is_nil(mailer)
    assert.equal("CONFIG", err.code)
    assert.matches('"cqueues", "copas" or "luv"', err.text)
  end)

  it("says when a loop's library is not there", function()
    local loader, kept = package.preload.luv, package.loaded.luv
    package.loaded.luv, package.loaded["ettsumailer.transport.luv"] = nil, nil
    package.preload.luv = function() error("no such thing", 0) end
    local mailer, err = mailer_of { transport = "luv" }
    package.preload.luv, package.loaded.luv = loader, kept
    assert.is_nil(mailer)
    assert.equal("CONFIG", err.code)
    assert.matches("^transport: luv cannot be used: .*no such thing", err.text)
  end)

  it("raises for a table without a function that it needs, or with one that is not known", function()
    assert.error_matches(function() mailer_of { transport = {} } end,
      "mailer: transport has neither the function wait nor connect")
    assert.error_matches(function() mailer_of { transport = { wiat = print } } end,
      "mailer: transport: unknown option 'wiat' %(did you mean 'wait'%?%)")
    assert.error_matches(function() mailer_of { transport = { wait = 1 } } end,
      "'wait' must be a function")
    assert.error_matches(function() mailer_of { transport = 1 } end, "'transport' must be")
    assert.error_matches(function()
      ettsumailer.connect { host = "127.0.0.1", transport = {} }
    end, "connect: transport has neither")
  end)

  it("goes for all servers of a mailer", function()
    assert.error_matches(function()
      ettsumailer.mailer { servers = { { host = "a.example", transport = "luv" } } }
    end, "transport is for all servers")
  end)
end)

describe("a loop of one's own", function()
  local server

  before_each(function()
    server = assert(testing.start { interpreter = os.getenv "ETTM_LUA" })
  end)

  after_each(function()
    server:stop()
  end)

  -- Waits as it likes, here by the core's poll; notes what it was asked.
  local function loop_of(waits, wait)
    return {
      wait = wait or function(items, seconds, thread)
        waits[#waits + 1] = { items = #items, seconds = seconds, thread = thread }
        for _, item in ipairs(items) do
          assert(type(item.fd) == "number" and item.events:find "^r?w?$" and item.events ~= "")
        end
        core.poll(items, core.clock() + seconds * 1000)
      end,
    }
  end

  it("is what every wait is in, the sleeps of a rate, too", function()
    local waits = {}
    local mailer = assert(mailer_of {
      port = server.port, transport = loop_of(waits), rate = { messages = 10, per = 1 },
    })
    assert(mailer:send(order()))
    assert(mailer:send(order()))
    mailer:close()
    local sleeps, most = 0, 0
    for _, wait in ipairs(waits) do
      assert.is_true(wait.seconds >= 0 and wait.seconds <= 1)
      sleeps = sleeps + (wait.items == 0 and 1 or 0)
      most = math.max(most, wait.items)
    end
    assert.is_true(sleeps > 0)
    assert.equal(1, most)
  end)

  it("waits for several connections at a time in one wait", function()
    local waits, most, list = {}, 0, {}
    local mailer = assert(mailer_of { port = server.port, transport = loop_of(waits) })
    for i = 1, 20 do
      list[i] = order()
    end
    assert.equal(20, mailer:send_all(list, { connections = 3 }).sent)
    mailer:close()
    for _, wait in ipairs(waits) do
      most = math.max(most, wait.items)
    end
    assert.is_true(most > 1 and most <= 3)
  end)

  it("may return too soon", function()
    local turns = 0
    local mailer = assert(mailer_of { port = server.port, transport = loop_of(nil, function()
      turns = turns + 1
    end) })
    assert(mailer:send(order()))
    mailer:close()
    assert.is_true(turns > 0)
  end)

  it("may say that it cannot wait", function()
    local mailer = assert(mailer_of {
      port = server.port, transport = loop_of(nil, function() return nil, "no more room" end),
    })
    local result, err = mailer:send(order())
    assert.is_nil(result)
    assert.equal("CLOSED", err.code)
    assert.matches("no more room", err.text)
    mailer:close()
  end)

  it("is told the coroutine that is to be resumed: the one that has called", function()
    local waits, seen = {}, {}
    local mailer = assert(mailer_of { port = server.port, transport = {
      wait = function(items, seconds, thread)
        waits[#waits + 1] = thread
        coroutine.yield(items, seconds)
      end,
    } })
    local caller = coroutine.create(function()
      seen.result = assert(mailer:send(order()))
      seen.summary = mailer:send_all { order(), order() }
      mailer:close()
    end)
    local ok, items, seconds = coroutine.resume(caller)
    while coroutine.status(caller) ~= "dead" do
      core.poll(items, core.clock() + seconds * 1000)
      ok, items, seconds = coroutine.resume(caller)
    end
    assert.is_true(ok, items)
    assert.equal(2, seen.summary.sent)
    assert.is_true(#waits > 0)
    for _, thread in ipairs(waits) do
      assert.equal(caller, thread)
    end
  end)

  it("is told before a descriptor is closed", function()
    local forgotten, known = {}, {}
    local mailer = assert(mailer_of { port = server.port, transport = {
      wait = function(items, seconds)
        for _, item in ipairs(items) do
          known[item.fd] = true
        end
        core.poll(items, core.clock() + seconds * 1000)
      end,
      forget = function(fd) forgotten[#forgotten + 1] = fd end,
    } })
    assert(mailer:send(order()))
    mailer:close()
    assert.is_true(#forgotten >= 1)
    assert.is_true(known[forgotten[1]])
  end)

  it("may see a connection closed in its turn", function()
    local conn
    conn = assert(ettsumailer.connect {
      host = "127.0.0.1", port = server.port, security = "none", ehlo_name = "client.example",
      transport = { wait = function(items, seconds)
        if conn and #items == 0 then
          conn:close()
        end
        core.poll(items, core.clock() + seconds * 1000)
      end },
    })
    core.poll({}, core.clock() + 5) -- longer than it goes without a turn
    local reply, err = conn:ehlo()
    assert.is_nil(reply)
    assert.equal("CLOSED", err.code)
  end)

  it("ends a wait for a connection that is closed meanwhile", function()
    server:set_replies { EHLO = false }
    local conn
    conn = assert(ettsumailer.connect {
      host = "127.0.0.1", port = server.port, security = "none", ehlo_name = "client.example",
      transport = { wait = function(items, seconds)
        if conn then
          conn:close()
        else
          core.poll(items, core.clock() + seconds * 1000)
        end
      end },
    })
    local reply, err = conn:ehlo()
    assert.is_nil(reply)
    assert.equal("CLOSED", err.code)
  end)
end)

describe("cancel, without a loop", function()
  it("ends the waits of a batch's other connections", function()
    local server = assert(testing.start {
      interpreter = os.getenv "ETTM_LUA", replies = { content = { "250 2.0.0 taken", false } },
    })
    local mailer, codes = assert(mailer_of { port = server.port }), {}
    local summary = mailer:send_all({ order(), order() }, {
      connections = 2,
      on_result = function(_, result, err)
        codes[#codes + 1] = result and "sent" or err.code .. " " .. err.delivery
        mailer:cancel()
      end,
    })
    assert.equal(2, summary.total)
    assert.equal("sent", codes[1])
    assert.matches("^CANCELLED", codes[2])
    mailer:close()
    server:stop()
  end)
end)

describe("a loop", function()
  local clock = virtual_clock.during(before_each, after_each)

  it("gets its turn every two milliseconds, though nothing has to be waited for", function()
    local event_loop = require "ettsumailer.event_loop"
    local scheduler = require "ettsumailer.scheduler"
    local turns = 0
    local loop = { wait = function(items, seconds)
      assert.same({ 0, 0 }, { #items, seconds })
      turns = turns + 1
    end }
    clock.now = clock.now + 10
    for _ = 1, 100 do
      clock.now = clock.now + 1
      scheduler.give_turn(loop)
    end
    assert.is_true(turns >= 49 and turns <= 51, turns .. " turns")
    assert.is_false(event_loop.is_turn_due(nil, coroutine.running))
  end)

  it("gets it between the tasks of a batch, too", function()
    local scheduler = require "ettsumailer.scheduler"
    local turns = 0
    local loop = { wait = function() turns = turns + 1 end }
    local function task()
      for _ = 1, 10 do
        clock.now = clock.now + 2
        scheduler.give_turn(loop)
      end
    end
    assert(scheduler.run({ task, task }, loop))
    assert.is_true(turns >= 9, turns .. " turns")
  end)
end)

describe("a loop beside a long message", function()
  -- A millisecond passes from one look at the clock to the next.
  local real, now
  before_each(function()
    real, now = core.clock, 1000000
    core.clock = function() -- luacheck: ignore 122
      now = now + 1
      return now
    end
  end)
  after_each(function()
    core.clock = real -- luacheck: ignore 122
  end)

  -- The turns of a loop while a message is composed by a mailer.
  local function turns_of(given, f)
    local turns = 0
    given.via, given.from = "memory", "a@example.com"
    given.transport = given.transport or { wait = function() turns = turns + 1 end }
    local mailer = assert(ettsumailer.mailer(given))
    f(function()
      assert(mailer:send { to = "b@example.com", text = ("x\n"):rep(2000000) })
    end)
    mailer:close()
    return turns
  end

  local tells = not (_VERSION == "Lua 5.1" or _VERSION == "Lua 5.2") or jit
  local it_composes = tells and it or pending

  it_composes("gets its turns while it is composed", function()
    assert.is_true(turns_of({}, function(send) send() end) >= 20)
    assert.is_true(turns_of({}, function(send)
      assert(coroutine.resume(coroutine.create(send)))
    end) >= 20)
  end)

  it("gets none for a mailer that does not wait in it", function()
    local turns = 0
    assert(mailer_of { transport = { wait = function() turns = turns + 1 end } }):close()
    turns_of({ transport = { connect = print } }, function(send) send() end)
    assert.equal(0, turns)
  end)
end)

describe("a connect of one's own", function()
  -- The least that a connection has, over a socket of the core.
  local function connection_of(port)
    local socket = assert(core.connect("127.0.0.1", port))
    assert(core.wait(socket, "w", core.clock() + 5000))
    local io = { calls = 0 }
    function io:read(max, deadline)
      self.calls = self.calls + 1
      if not core.wait(socket, "r", deadline) then
        return nil, "TIMEOUT"
      end
      return socket:receive(max)
    end
    function io:write(bytes)
      self.calls = self.calls + 1
      return socket:send(bytes)
    end
    function io:close()
      self.is_closed = true
      socket:close()
    end
    return io
  end

  it("takes our sockets' place", function()
    local server = assert(testing.start { interpreter = os.getenv "ETTM_LUA", tls = true })
    local made, asked = {}, nil
    local mailer = assert(mailer_of {
      host = "localhost", security = "starttls", ca_pem = server.certificate, port = server.port,
      transport = { connect = function(settings, deadline)
        asked = { settings.host, settings.port, deadline > core.clock() }
        made[#made + 1] = connection_of(server.port)
        return made[#made]
      end },
    })
    assert(mailer:send(order()))
    assert.equal(3, mailer:send_all({ order(), order(), order() }, { connections = 1 }).sent)
    mailer:close()
    assert.same({ "localhost", server.port, true }, asked)
    assert.equal(1, #made)
    assert.is_true(made[1].is_closed)
    assert.is_true(made[1].calls > 10)
    server:stop()
  end)

  it("is told to lack what a connection needs", function()
    local mailer = assert(mailer_of { transport = {
      connect = function() return { read = print, close = print } end,
    } })
    assert.error_matches(function() mailer:send(order()) end,
      "transport: what connect returned has no method 'write'")
    assert.equal(0, mailer.pool.count)
  end)

  it("fails with an error of its own, and with CONNECT where it has none", function()
    local answers = { { nil, "DNS", "no such host" }, { nil } }
    local mailer = assert(mailer_of { transport = {
      connect = function() return unpack(table.remove(answers, 1), 1, 3) end,
    } })
    local _, err = mailer:send(order())
    assert.same({ "DNS", "no such host" }, { err.code, err.text })
    _, err = mailer:send(order())
    assert.equal("CONNECT", err.code)
    assert.is_true(errors.is(err))
  end)
end)
