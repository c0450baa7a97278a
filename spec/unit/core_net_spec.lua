-- Sockets, resolver, poll and clocks of the C module, and a session that talks through a socket.

local core = require "ettsumailer.core"

local function soon()
  return core.clock() + 5000
end

-- Two sockets that are connected, and the one that listens.
local function pair()
  local listener = assert(core.listen("127.0.0.1", 0))
  local _, port = listener:local_address()
  local client = assert(core.connect("127.0.0.1", port))
  assert.are.equal("w", core.wait(client, "w", soon()))
  assert.is_true(client:connected())
  assert.are.equal("r", core.wait(listener, "r", soon()))
  return client, assert(listener:accept()), listener
end

local function receive(socket, n)
  local pieces, size = {}, 0
  while size < n do
    local bytes, code = socket:receive(math.min(n - size, 65536))
    if bytes then
      pieces[#pieces + 1] = bytes
      size = size + #bytes
    else
      assert.are.equal("WAIT", code)
      assert(core.wait(socket, "r", soon()))
    end
  end
  return table.concat(pieces)
end

describe("a socket of the core", function()
  it("carries bytes both ways", function()
    local client, server = pair()
    assert.are.equal(5, client:send "hello")
    assert.are.equal("hello", receive(server, 5))
    assert.are.equal(2, server:send("hello", 4))
    assert.are.equal("lo", receive(client, 2))
    assert.are.equal(0, client:send("hello", 6))
    assert.is_false((pcall(client.send, client, "hello", 7)))
    assert.is_false((pcall(client.send, client, "hello", 0)))
  end)

  it("says WAIT when there is nothing to read and nobody to accept", function()
    local client, server, listener = pair()
    assert.are.same({ nil, "WAIT", n = 2 }, { n = 2, client:receive(10) })
    assert.are.same({ nil, "WAIT", n = 2 }, { n = 2, listener:accept() })
    assert.is_false(client:has_news())
    server:close() -- not earlier, by the collector
  end)

  it("says WAIT when it takes no more", function()
    local client, server = pair()
    local block, code = ("x"):rep(65536), nil
    for _ = 1, 1000 do
      local n, why = client:send(block)
      if not n then
        code = why
        break
      end
    end
    assert.are.equal("WAIT", code)
    server:close()
  end)

  it("says DONE when the other side has closed", function()
    local client, server = pair()
    server:close()
    assert.are.equal("r", core.wait(client, "r", soon()))
    assert.is_true(client:has_news())
    assert.are.same({ nil, "DONE", n = 2 }, { n = 2, client:receive(10) })
  end)

  it("knows both its ends", function()
    local client, server = pair()
    local host, port = client:local_address()
    local peer_host, peer_port = server:peer_address()
    assert.are.equal("127.0.0.1", host)
    assert.are.same({ host, port }, { peer_host, peer_port })
    assert.is_true(client:fd() >= 0)
  end)

  it("says why it cannot connect", function()
    local listener = assert(core.listen("127.0.0.1", 0))
    local _, port = listener:local_address()
    listener:close()
    local socket, code, text = core.connect("127.0.0.1", port)
    if socket then
      assert(core.wait(socket, "w", soon()))
      socket, code, text = socket:connected()
    end
    assert.is_nil(socket)
    assert.are.equal("CONNECT", code)
    assert.is_truthy(text:lower():find "refused")
    socket, code = core.connect_path "/nonexistent/socket"
    assert.is_nil(socket)
    assert.are.equal("CONNECT", code)
  end)

  it("takes IP addresses only", function()
    for _, ip in ipairs { "localhost", "", "256.0.0.1", "[::1]", "127.0.0.1 ", "127.0.0.1\0" } do
      local socket, code = core.connect(ip, 25)
      assert.is_nil(socket)
      assert.are.equal("CONFIG", code)
    end
    for _, port in ipairs { 0, 65536, -1, 25.5, 0 / 0, "25" } do
      assert.is_false((pcall(core.connect, "127.0.0.1", port)))
    end
  end)

  it("accepts only when it listens", function()
    local client = pair()
    assert.is_false((pcall(client.accept, client)))
  end)
end)

describe("core.socket_pair", function()
  it("makes two that are connected to each other", function()
    local a, b = assert(core.socket_pair())
    assert.are.equal(5, a:send "hello")
    assert.are.equal("hello", receive(b, 5))
    assert.is_nil(a:local_address())
    a:close()
    assert.are.equal("r", core.wait(b, "r", soon()))
    assert.are.equal("DONE", select(2, b:receive(1)))
    b:close()
  end)
end)

describe("core.watch", function()
  it("is readable once an item is ready, or the deadline is over", function()
    local client, server = pair()
    local watch, code, why = core.watch({ { client, "r" } }, core.clock() + 60000)
    if not watch then -- a system without it
      assert.are.equal("CLOSED", code)
      assert.is_string(why)
      return
    end
    assert.is_true(watch:fd() > 2)
    assert.are.equal("TIMEOUT", select(2, core.wait(watch, "r", 0)))
    server:send "x"
    assert.are.equal("r", core.wait(watch, "r", soon()))
    watch:close()
    watch = core.watch({}, core.clock())
    assert.are.equal("r", core.wait(watch, "r", soon()))
    watch:close()
    server:close()
  end)

  it("is closed once, and says so", function()
    local watch = core.watch {}
    if watch then
      assert.matches("open", tostring(watch))
      watch:close()
      watch:close()
      assert.matches("closed", tostring(watch))
      assert.error_matches(function() watch:fd() end, "closed")
    end
  end)

  it("raises for what cannot be waited for", function()
    for _, items in ipairs { { 1 }, { {} }, { { "x", "r" } } } do
      assert.is_false((pcall(core.watch, items)))
    end
    assert.is_false((pcall(core.watch)))
  end)
end)

describe("core.wait and core.poll", function()
  it("return what is ready", function()
    local client, server = pair()
    assert.are.equal("w", core.wait(client, "rw", soon()))
    server:send "x"
    assert(core.wait(client, "r", soon()))
    assert.are.equal("rw", core.wait(client, "rw", soon()))
    local items = { { client, "rw" }, { server, "r", ready = "w" } }
    assert.is_true(core.poll(items, soon()))
    assert.are.equal("rw", items[1].ready)
    assert.is_nil(items[2].ready)
  end)

  it("return at the deadline, also one that is over", function()
    local client, server = pair()
    local start = core.clock()
    local items = { { client, "r", ready = "r" } }
    assert.are.equal("TIMEOUT", select(2, core.wait(client, "r", start + 30)))
    assert.is_true(core.clock() >= start + 30)
    assert.are.equal("TIMEOUT", select(2, core.poll(items, start + 40.5)))
    assert.is_nil(items[1].ready)
    assert.are.equal("TIMEOUT", select(2, core.poll(items, -1)))
    assert.are.equal("TIMEOUT", select(2, core.poll({}, core.clock() + 5)))
    assert.is_true(core.clock() < start + 5000)
    server:close()
  end)

  it("raise for what cannot be waited for", function()
    local client, server = pair()
    server:close()
    for _, items in ipairs {
      { 1 }, { {} }, { { client } }, { { client, "x" } }, { { server, "r" } },
      { { "x", "r" } }, { { client, "r" }, { {}, "r" } },
    } do
      assert.is_false((pcall(core.poll, items, 0)))
    end
    assert.is_false((pcall(core.poll, {})))
    assert.is_false((pcall(core.wait, client, "x", 0)))
    assert.is_false((pcall(core.wait, server, "r", 0)))
    assert.is_false((pcall(core.wait, {}, "r", 0)))
    assert.is_false((pcall(core.wait, client, "r", 0 / 0)))
    assert.is_false((pcall(core.wait, client, "r", "1")))
  end)
end)

describe("a resolver of the core", function()
  it("answers an IP address with itself", function()
    local resolver = assert(core.resolve("192.0.2.1", 25))
    assert.are.equal("r", core.wait(resolver, "r", soon()))
    assert.are.same({ { host = "192.0.2.1", family = "inet" } }, resolver:take())
  end)

  it("finds the addresses of localhost", function()
    local resolver = assert(core.resolve("localhost", 25))
    assert.are.equal("r", core.wait(resolver, "r", soon()))
    local found = {}
    for _, address in ipairs(assert(resolver:take())) do
      found[address.host] = address.family
    end
    assert.is_true(found["127.0.0.1"] == "inet" or found["::1"] == "inet6")
    assert.is_true(resolver:fd() >= 0)
  end)

  it("refuses what is no host name", function()
    for _, host in ipairs { "", "a b", "a\0b", ("a"):rep(300) } do
      local resolver, code = core.resolve(host, 25)
      assert.is_nil(resolver)
      assert.are.equal("CONFIG", code)
    end
  end)
end)

describe("the clocks of the core", function()
  it("go forward", function()
    local first = core.clock()
    assert.is_true(core.clock() >= first)
    local now, zone = core.now()
    assert.is_true(math.abs(now - os.time()) < 5)
    assert.is_true(zone >= -1440 and zone <= 1440)
  end)

  it("come with a host name", function()
    assert.is_string(core.host_name())
  end)
end)

describe("a session on a socket", function()
  it("talks without strings in between", function()
    local client, server = pair()
    local session = core.session()
    assert.are.same({ nil, "WAIT", n = 2 }, { n = 2, client:fill(session) })
    assert.is_true(client:flush(session))
    server:send "220 mail.example\r\n"
    assert(core.wait(client, "r", soon()))
    assert.are.equal(18, client:fill(session))
    assert.are.equal("GREETING", session:next().kind)
    assert(session:command("EHLO", "me.example"))
    assert.is_true(client:flush(session))
    assert.are.equal("", session:peek())
    assert.are.equal("EHLO me.example\r\n", receive(server, 17))
    assert.are.same({ 17, 18 }, { session:bytes() })
    assert.are.equal(1, session:turns())
  end)

  it("is told when the server has gone", function()
    local client, server = pair()
    local session = core.session()
    server:close()
    assert(core.wait(client, "r", soon()))
    assert.are.same({ nil, "DONE", n = 2 }, { n = 2, client:fill(session) })
    assert.are.equal("CLOSED", select(2, session:next()))
  end)

  it("reads no more than it has room for", function()
    local client, server = pair()
    local session = core.session()
    local room = session:room()
    server:send(("220-x\r\n"):rep(20000))
    local fed = 0
    while fed < room do
      assert(core.wait(client, "r", soon()))
      fed = fed + client:fill(session)
    end
    assert.are.equal(room, fed)
    assert.are.equal(0, client:fill(session))
  end)

  it("waits when the server does not read", function()
    local client, server = pair()
    local session = core.session()
    local recipients = {}
    for i = 1, 50000 do
      recipients[i] = ("recipient-with-a-long-name-%d@y.example"):format(i)
    end
    assert(session:feed "220 x\r\n" and session:next())
    assert(session:command("EHLO", "me.example") and client:flush(session))
    assert(session:feed "250-x\r\n250 PIPELINING\r\n" and session:next())
    assert(session:submit { from = "a@x.example", recipients = recipients })
    local done, code = client:flush(session)
    if not done then
      assert.are.equal("WAIT", code)
      assert.is_true(#session:peek(1) == 1)
    end
    local before = session:bytes()
    receive(server, before)
  end)
end)
