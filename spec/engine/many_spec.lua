-- A great many messages: memory does not grow with their number, and no fault costs the pool a slot.
local ettsumailer = require "ettsumailer"
local memory_server = require "support.memory_server"

-- A sanitizer takes ten times as long.
local COUNT = os.getenv "SPEC_PRELOAD" and 100000 or 1000000

-- Without LuaJIT's traces, which come and go; a chain of finalizers takes a cycle for each link.
local function memory()
  local jit = rawget(_G, "jit")
  if jit then
    jit.flush()
  end
  for _ = 1, 4 do
    collectgarbage()
  end
  return collectgarbage "count"
end

describe("a million messages to the null sender", function()
  it("take no more memory than the first thousand", function()
    local count = COUNT
    local mailer = assert(ettsumailer.mailer { via = "null" })
    local message = assert(ettsumailer.message { from = "a@example.com", to = "b@example.com", text = "x" })
    local given, told, at_first, most = 0, 0, nil, 0
    local summary = mailer:send_all(function()
      if given == 1000 then
        at_first = memory()
      elseif given % (count / 10) == 0 then
        most = math.max(most, memory())
      end
      given = given + 1
      return given <= count and message or nil
    end, { on_result = function(_, result) told = told + #result.accepted end })
    mailer:close()
    assert.same({ count, count, count }, { summary.total, summary.sent, told })
    assert.is_true(most - at_first < 64, ("%g kB more"):format(most - at_first))
  end)
end)

-- Every connection is cut somewhere, at random, or refuses something.
local Faults = {}
Faults.__index = Faults

local REPLIES = {
  {}, {}, { RCPT = "550 5.1.1 no\r\n" }, { MAIL = "421 4.3.2 going down\r\n" },
  { final = "451 4.3.0 later\r\n" },
  { greeting = "554 5.3.2 no\r\n" }, { DATA = "" }, { RCPT = "250 ok\r\n421 4.3.2 bye\r\n" },
  { RSET = "502 what?\r\n" },
}

local function faults_of(seed)
  local self = setmetatable({
    seed = seed, servers = {}, taken = {}, connections = 0, alive = setmetatable({}, { __mode = "k" }),
  }, Faults)
  self.library = memory_server.library(function() return self:connect() end)
  return self
end

-- 1 to n, the same on every engine.
function Faults:random(n)
  self.seed = (self.seed * 16807) % 2147483647
  return self.seed % n + 1
end

function Faults:connect()
  self.connections = self.connections + 1
  if self:random(20) == 1 then
    return nil, "CONNECT", "refused"
  end
  local server = memory_server.new(REPLIES[self:random(#REPLIES)])
  local how = { told = self:random(2) == 1 }
  if self:random(3) > 1 then
    how[self:random(2) == 1 and "writes" or "reads"] = self:random(2000)
  end
  local transport = memory_server.transport(server, how)
  self.servers[server], self.alive[transport] = transport, true
  return transport
end

-- What the servers took, by the number in the subject; servers that are left are forgotten.
function Faults:harvest()
  for server, transport in pairs(self.servers) do
    for _, content in ipairs(server.replies.final and {} or server.contents) do
      local number = tonumber(content:match "Subject: (%d+)\r\n")
      if number then -- else it is the lone end that a 354 without recipients asks for
        self.taken[number] = (self.taken[number] or 0) + 1
      end
    end
    server.contents = {}
    self.servers[server] = not transport.closed and transport or nil
  end
end

-- How many of the transports somebody still holds.
function Faults:held()
  memory()
  local count = 0
  for _ in pairs(self.alive) do
    count = count + 1
  end
  return count
end

-- One message's outcome, against what servers have of it.
local function check(faults, number, result, err)
  local copies = faults.taken[number] or 0
  faults.taken[number] = nil
  if result then
    assert.equal(1, copies)
  elseif err.delivery == "unknown" then
    assert.is_true(copies <= 1)
  else
    assert.equal(0, copies, tostring(err))
  end
end

local SERVER = { host = "server.example", security = "none", ehlo_name = "me.example", messages_per_connection = 10 }

local function order(number)
  return { from = "f@example.com", to = "a@example.com", subject = tostring(number), text = "hi" }
end

describe("ten thousand sends over connections that break at random", function()
  it("each end once, with the truth, and cost the pool nothing", function()
    local faults = faults_of(4711)
    local mailer = assert(faults.library.mailer(SERVER))
    local sent, at_first = 0, nil
    for number = 1, 10000 do
      local result, err = mailer:send(order(number))
      faults:harvest()
      check(faults, number, result, err)
      sent = sent + (result and 1 or 0)
      assert.equal(0, mailer.pool.count)
      assert.is_true(#mailer.pool.idle <= 1)
      if number == 2500 then -- by then every table is as large as it gets
        at_first = memory()
      end
    end
    assert.is_nil(next(mailer.pool.in_use))
    assert.is_true(sent > 1000 and sent < 9900)
    assert.is_true(faults.connections > 1000)
    local more = memory() - at_first
    assert.is_true(more < 200, ("%g kB more"):format(more))
    mailer:close()
    faults:harvest()
    assert.is_true(faults:held() <= 1)
  end)

  it("do so in send_all, too, with four at a time", function()
    local faults, told = faults_of(1147), {}
    local mailer = assert(faults.library.mailer(SERVER))
    local given, sent = 0, 0
    local summary = mailer:send_all(function()
      given = given + 1
      return given <= 10000 and order(given) or nil
    end, { on_result = function(_, result, err, number)
      faults:harvest()
      check(faults, number, result, err)
      assert.is_nil(told[number])
      told[number], sent = true, sent + (result and 1 or 0)
    end })
    assert.equal(10000, summary.total)
    assert.equal(sent, summary.sent)
    assert.equal(10000, #told)
    assert.equal(0, mailer.pool.count)
    assert.is_nil(next(mailer.pool.in_use))
    assert.is_true(sent > 1000)
    mailer:close()
    faults:harvest()
    assert.is_true(faults:held() <= 1)
  end)
end)
