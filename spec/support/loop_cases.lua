-- What holds for a send in every event loop: the cases of spec/loops.

local core = require "ettsumailer.core"
local ettsumailer = require "ettsumailer"
local loop_drivers = require "support.loop_drivers"
local scheduler = require "ettsumailer.scheduler"
local testing = require "ettsumailer.testing"

local M = {}

local DELAY = 0.02 -- seconds before each reply

local tells_where_it_can_wait = jit or _VERSION ~= "Lua 5.1" and _VERSION ~= "Lua 5.2"

local VERBS = { "greeting", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "content", "RSET" }

local TEXTS = {
  MAIL = "250 2.1.0 ok", RCPT = "250 2.1.5 ok", DATA = "354 go on", content = "250 2.0.0 taken",
}

-- Replies that come late.
local function slowly()
  local replies = {}
  for _, verb in ipairs(VERBS) do
    replies[verb] = TEXTS[verb] and { text = TEXTS[verb], delay = DELAY } or nil
  end
  return replies
end

-- The sockets and the like that this process has open.
local function descriptors()
  collectgarbage()
  collectgarbage()
  local pipe = assert(io.popen(("ls -l /proc/%d/fd 2>/dev/null"):format(core.process_id())))
  local list = {}
  for line in pipe:lines() do
    list[#list + 1] = line:match "-> (socket:.*)$" or line:match "-> (anon_inode:.*)$"
  end
  pipe:close()
  return list
end

---@param name string  of the loop
---@param busted table { describe, it, pending, before_each, after_each, assert }
function M.describe(name, busted)
  local assert = busted.assert
  local run, why = loop_drivers.of(name)
  if not run then
    busted.describe("a mailer in " .. name, function()
      busted.pending("is not tried: " .. why)
    end)
    return
  end

  busted.describe("a mailer in " .. name, function()
    local server

    local function start(more)
      local given = {
        interpreter = os.getenv "ETTM_LUA", tls = true, user = "ettsu", password = "secret",
        replies = slowly(),
      }
      for key, value in pairs(more or {}) do
        given[key] = value
      end
      server = assert(testing.start(given))
    end

    busted.after_each(function()
      if server then
        server:stop()
        server = nil
      end
    end)

    local function mailer_of(more)
      local given = {
        host = "127.0.0.1", port = server and server.port, security = "starttls",
        ca_pem = server and server.certificate, user = "ettsu", password = "secret",
        from = "a@example.com", ehlo_name = "client.example", transport = name, connections = 2,
      }
      for key, value in pairs(more or {}) do
        given[key] = value
      end
      return assert(ettsumailer.mailer(given))
    end

    local function order(i)
      return { to = "b@example.com", subject = "number " .. (i or 0), text = "hi\n" }
    end

    -- Runs one function, alone but for the ticker.
    local function alone(f)
      return run { f }
    end

    busted.it("sends over STARTTLS and AUTH while others go on", function()
      start()
      local mailer, result = mailer_of(), nil
      local ticks = alone(function()
        result = assert(mailer:send(order()))
        mailer:close()
      end)
      assert.is_true(ticks >= 3, ticks .. " ticks") -- there are four replies to wait for
      assert.same({ "b@example.com" }, result.accepted)
      local messages = server:messages()
      assert.equal(1, #messages)
      assert.equal("ettsu", messages[1].user)
      assert.is_truthy(messages[1].tls)
    end)

    busted.it("sends 50 messages over two connections while others go on", function()
      start()
      local mailer, summary, list = mailer_of(), nil, {}
      for i = 1, 50 do
        list[i] = order(i)
      end
      local ticks = alone(function()
        summary = mailer:send_all(list)
        mailer:close()
      end)
      assert.equal(50, summary.sent)
      assert.is_true(ticks >= 25, ticks .. " ticks")
      assert.equal(50, #server:messages())
      local greeted = 0
      for _, line in ipairs(server:log()) do
        greeted = greeted + (line:find "^C: STARTTLS" and 1 or 0)
      end
      assert.equal(2, greeted)
    end)

    busted.it("sends for two coroutines at a time", function()
      start()
      local mailer, under_way, most = mailer_of(), 0, 0
      local function one()
        under_way = under_way + 1
        most = math.max(most, under_way)
        assert(mailer:send(order()))
        under_way = under_way - 1
      end
      run { one, one }
      assert.equal(2, most)
      assert.equal(2, #server:messages())
      alone(function() mailer:close() end)
    end)

    busted.it("has those wait for whom all connections are in use", function()
      start()
      local mailer, sent = mailer_of { connections = 1 }, 0
      local function one()
        assert(mailer:send(order()))
        sent = sent + 1
      end
      run { one, one, one }
      assert.equal(3, sent)
      alone(function() mailer:close() end)
      local greeted = 0
      for _, line in ipairs(server:log()) do
        greeted = greeted + (line:find "^C: STARTTLS" and 1 or 0)
      end
      assert.equal(1, greeted)
    end)

    busted.it("says QUEUE_FULL when none of them is free in time", function()
      start { replies = { content = false } }
      local mailer, codes = mailer_of { connections = 1, timeouts = { connect = 1 } }, {}
      local function one()
        local _, err = mailer:send(order())
        codes[#codes + 1] = err.code
        if server then -- the other one waits for it
          server:stop()
          server = nil
        end
      end
      run { one, one }
      assert.same({ "QUEUE_FULL", "CLOSED" }, codes)
      mailer:close()
    end)

    busted.it("uses a connection again, in a loop that runs later, too", function()
      start()
      local mailer, first, second, third = mailer_of(), nil, nil, nil
      alone(function()
        first = assert(mailer:send(order()))
        second = assert(mailer:send(order()))
      end)
      alone(function()
        third = assert(mailer:send(order()))
        mailer:close()
      end)
      assert.is_true(first.turns > second.turns)
      assert.equal(second.turns, third.turns)
    end)

    busted.it("goes on where no loop runs, with a connection of one", function()
      start()
      local mailer = mailer_of()
      alone(function() assert(mailer:send(order())) end)
      local result = assert(mailer:send(order()))
      assert.is_true(result.turns <= 3)
      mailer:close()
    end)

    busted.it("ends at its timeout", function()
      start { replies = { EHLO = false } }
      local mailer, err = mailer_of { timeouts = { command = 0.2 } }, nil
      local ticks = alone(function()
        err = select(2, mailer:send(order()))
        mailer:close()
      end)
      assert.equal("TIMEOUT", err.code)
      assert.equal("EHLO", err.stage)
      assert.is_true(ticks >= 1, ticks .. " ticks")
    end)

    busted.it("says that a host is not there, and looks it up aside", function()
      local mailer, err = mailer_of { host = "nobody.invalid", port = 2525, timeout = 60 }, nil
      alone(function()
        err = select(2, mailer:send(order()))
      end)
      assert.is_truthy(err.code == "DNS" or err.code == "TIMEOUT", tostring(err))
      mailer:close()
    end)

    busted.it("says that nobody listens, and that the server has gone", function()
      start { replies = { MAIL = { text = "250 ok", octets = 0 } } }
      local mailer, gone = mailer_of(), nil
      alone(function()
        gone = select(2, mailer:send(order()))
      end)
      assert.equal("CLOSED", gone.code)
      server:stop()
      server = nil
      local refused
      alone(function()
        refused = select(2, mailer:send(order()))
        mailer:close()
      end)
      assert.equal("CONNECT", refused.code)
    end)

    busted.it("tries again after a pause in which others go on", function()
      start { replies = { MAIL = { "451 4.3.0 later", "250 ok" } } }
      local mailer, result = mailer_of { retry = { first_delay = 0.05, jitter = 0 } }, nil
      local ticks = alone(function()
        result = assert(mailer:send(order()))
        mailer:close()
      end)
      assert.equal(2, result.attempts)
      assert.is_true(ticks >= 2, ticks .. " ticks")
    end)

    busted.it("raises what a function of the user's raises", function()
      start()
      local mailer, ok, err = mailer_of(), nil, nil
      alone(function()
        ok, err = scheduler.guard(mailer.send_all, mailer, { order(), order() }, {
          on_result = function() error("mine", 0) end,
        })
      end)
      assert.is_false(ok)
      assert.equal("mine", err)
      assert.equal(0, mailer.pool.count)
      alone(function() mailer:close() end)
    end)

    if tells_where_it_can_wait then
      busted.it("says PHASE inside of a function of C's, where nothing can wait", function()
        start()
        local mailer, err = mailer_of(), nil
        alone(function()
          table.sort({ 2, 1 }, function(a, b)
            err = err or select(2, mailer:send(order()))
            return a < b
          end)
          assert(mailer:send(order()))
          mailer:close()
        end)
        assert.equal("PHASE", err.code)
      end)
    end

    busted.it("hands a mail to sendmail while others go on", function()
      local mailer, result = assert(ettsumailer.mailer {
        via = "sendmail", program = "/bin/sh", from = "a@example.com", transport = name,
        arguments = { "-c", "cat >/dev/null; sleep 0.1; echo taken" },
      }), nil
      local ticks = alone(function()
        result = assert(mailer:send(order()))
      end)
      assert.equal("taken", result.response)
      assert.is_true(ticks >= 2, ticks .. " ticks")
    end)

    busted.it("ends a send that waits, and a batch, when another coroutine cancels", function()
      start { replies = { content = false } }
      local mailer, codes = mailer_of(), {}
      run { function()
        codes[1] = select(2, mailer:send(order())).code
        mailer:send_all({ order(), order(), order() }, {
          on_result = function(_, _, err) codes[#codes + 1] = err.code .. " " .. err.delivery end,
        })
      end, function()
        local messages = 0
        while messages < 2 do -- two contents are out, one after the other, and nobody answers
          scheduler.sleep(core.clock() + 20, mailer.loop)
          local sent = 0
          for _, line in ipairs(server:log()) do
            sent = sent + (line:find "^C: %(content" and 1 or 0)
          end
          if sent > messages then
            messages = messages + 1
            mailer:cancel()
          end
        end
      end }
      assert.equal("CANCELLED", codes[1])
      assert.equal(4, #codes)
      for i = 2, 4 do
        assert.matches("^CANCELLED", codes[i])
      end
      assert.equal(0, mailer.pool.count)
      mailer:close()
    end)

    busted.it("leaves nothing open", function()
      start()
      alone(function() end) -- what the loop itself opens
      local before = descriptors()
      local mailer = mailer_of()
      alone(function()
        mailer:send_all { order(1), order(2), order(3) }
        assert(mailer:send(order()))
        mailer:close()
      end)
      assert.same(before, descriptors())
    end)

    busted.it("can be commanded by hand", function()
      start { tls = false, extensions = { "PIPELINING" }, allow_plaintext_auth = true }
      local reply
      alone(function()
        local conn = assert(ettsumailer.connect {
          host = "127.0.0.1", port = server.port, security = "none", ehlo_name = "client.example",
          transport = name,
        })
        assert(conn:ehlo())
        assert(conn:mail "a@example.com")
        assert(conn:rcpt "b@example.com")
        reply = assert(conn:data "hi\n")
        assert(conn:quit())
      end)
      assert.equal(250, reply.smtp_code)
    end)
  end)
end

return M
