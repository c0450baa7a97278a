-- A send whose transport yields wherever it waits, and moves as little as it likes.
-- Why: nothing of ours may stand on the C stack at a yield, on any engine.

local dialogue = require "support.memory_dialogue"

local SERVER, library = dialogue.SERVER, dialogue.library
local order, send, setting = dialogue.order, dialogue.send, dialogue.setting
local REFUSE_B = dialogue.REFUSE_B

local function whole_message(given)
  local reader, pieces = assert(library.message(given)):reader(), {}
  repeat
    local piece = reader:read(8192)
    pieces[#pieces + 1] = piece
  until not piece
  return table.concat(pieces)
end

describe("a send that yields", function()
  local function yielding(more)
    local how = { wait = function() coroutine.yield "mine" end }
    for name, value in pairs(more or {}) do
      how[name] = value
    end
    return how
  end

  -- Runs f in a coroutine to its end. Returns how often it yielded, and what it returned.
  local function run(f)
    local thread, yields = coroutine.create(f), 0
    while true do
      local ok, a, b = coroutine.resume(thread)
      assert(ok, a)
      if coroutine.status(thread) == "dead" then
        return yields, a, b
      end
      assert.equal("mine", a)
      yields = yields + 1
    end
  end

  for name, size in pairs { ["as much as there is"] = false, ["one octet at a time"] = 1, ["seven"] = 7 } do
    it("arrives whole with reads and writes of " .. name, function()
      local more = size and { read_size = size, write_size = size }
      local self = setting(REFUSE_B, function() return yielding(more) end)
      local given = order { text = ("a line\n.\n"):rep(2000), html = "<p>é</p>" }
      local yields, said = run(function() return send(given) end)
      assert.equal("result: accepted a, rejected b", said)
      assert.equal(self.transports[1].calls, yields)
      assert.same({ whole_message(given) }, self:contents())
    end)
  end

  it("may wait for its connection, too", function()
    local how = yielding()
    how.connect = how.wait
    local self = setting(nil, function() return how end)
    local yields, said = run(function() return send(order()) end)
    assert.equal("result: accepted a b", said)
    assert.equal(self.transports[1].calls + 1, yields)
  end)

  it("may be commanded by hand", function()
    local self = setting(nil, function() return yielding { read_size = 1, write_size = 1 } end)
    local yields, reply = run(function()
      local conn = assert(library.connect(SERVER))
      assert(conn:ehlo())
      assert(conn:mail "f@example.com")
      assert(conn:rcpt "a@example.com")
      local taken = conn:data "hi\n"
      assert(conn:quit())
      return taken
    end)
    assert.equal(250, reply.smtp_code)
    assert.is_true(yields > 100)
    assert.same({ "hi\r\n" }, self:contents())
  end)

  it("shares its mailer with others that are under way", function()
    local self = setting(nil, function() return yielding { write_size = 100 } end)
    local mailer = assert(library.mailer {
      host = SERVER.host, security = "none", ehlo_name = SERVER.ehlo_name, connections = 5,
    })
    local threads, results = {}, {}
    for i = 1, 5 do
      threads[i] = coroutine.create(function()
        results[i] = assert(mailer:send(order { subject = "message " .. i }))
      end)
    end
    local alive = 5
    while alive > 0 do
      alive = 0
      for _, thread in ipairs(threads) do
        if coroutine.status(thread) ~= "dead" then
          assert(coroutine.resume(thread))
          alive = alive + 1
        end
      end
    end
    assert.equal(5, #results)
    assert.equal(5, #self:contents())
    assert.equal(5, #self.servers)
    run(function()
      assert(mailer:send(order()))
      mailer:close()
    end)
    assert.equal(5, #self.servers)
    for _, transport in ipairs(self.transports) do
      assert.is_true(transport.closed)
    end
  end)

  it("is refused, to be tried again, while all connections of its mailer are in use", function()
    setting(nil, function() return yielding() end)
    local mailer = assert(library.mailer {
      host = SERVER.host, security = "none", ehlo_name = SERVER.ehlo_name, connections = 1,
    })
    local first = coroutine.create(function() assert(mailer:send(order())) end)
    assert(coroutine.resume(first))
    local result, err = mailer:send(order())
    assert.is_nil(result)
    assert.equal("QUEUE_FULL", err.code)
    assert.is_true(err.retryable)
    while coroutine.status(first) ~= "dead" do
      assert(coroutine.resume(first))
    end
    run(function() mailer:close() end)
  end)

  it("may be abandoned at every yield, and its mailer goes on", function()
    local self, mailer, total
    local function fresh()
      self = setting(nil, function() return yielding() end)
      mailer = assert(library.mailer(SERVER))
    end
    fresh()
    total = run(function() return assert(mailer:send(order())) end)
    for stop = 1, total do
      fresh()
      local thread = coroutine.create(function() mailer:send(order { subject = "first" }) end)
      for _ = 1, stop do
        assert(coroutine.resume(thread))
      end
      thread = nil -- luacheck: ignore
      collectgarbage()
      local _, result = run(function() return mailer:send(order { subject = "second" }) end)
      assert.same({ "a@example.com", "b@example.com" }, result.accepted)
      assert.equal(2, #self.servers)
      assert.equal(1, #self.servers[2].contents)
    end
  end)
end)
