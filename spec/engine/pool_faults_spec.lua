-- Ten thousand messages to servers that at random refuse, defer, cut, fall silent and take their
-- leave, one after the other and over several connections that take turns in every order.
-- Why: whatever happens, each message has one result that is true of every recipient, and no
-- connection is lost or left behind.

local core = require "ettsumailer.core"
local memory_server = require "support.memory_server"
local virtual_clock = require "support.virtual_clock"

local concat, max = table.concat, math.max

local ROUNDS, MESSAGES = 25, 200 -- of each way to send

local World = {}
World.__index = World

local library, scheduler, world, clock

library, scheduler = memory_server.library(function()
  return world:connect()
end)

local function world_of(seed)
  return setmetatable({ seed = seed, taken = {}, transports = {} }, World)
end

-- 1 to n, the same on every engine.
function World:random(n)
  self.seed = (self.seed * 16807) % 2147483647
  return self.seed % n + 1
end

local GOOD = {
  greeting = "220 server.example ESMTP\r\n", MAIL = "250 2.1.0 ok\r\n", RCPT = "250 2.1.5 ok\r\n",
  DATA = "354 go ahead\r\n", RSET = "250 2.0.0 ok\r\n", QUIT = "221 2.0.0 bye\r\n",
  final = "250 2.0.0 taken\r\n",
}

-- What a server says at the n-th kind of fault, and whether it is gone then; "": nothing any more.
local FAULTS = {
  { "450 4.2.0 not now\r\n" }, { "550 5.7.1 no\r\n" }, { "421 4.3.2 going down\r\n", true },
  { "452 4.5.3 too many\r\n" }, { "", true }, { "cut", true }, { "no reply\r\n", true },
}

local Server = {}
Server.__index = Server

-- The reply to what the key says, and whether the server has taken the message, if it is its end.
function Server:reply_to(key)
  local good = GOOD[key] or self.ehlo
  local fault = self.world:random(self.world.fault_every) == 1 and FAULTS[self.world:random(#FAULTS)]
  if not fault then
    return good, true
  end
  self.is_gone = fault[2]
  if fault[1] ~= "cut" then
    return fault[1], fault[1] == "" and self.world:random(2) == 1
  end
  self.cut_at = #concat(self.peer and self.peer.out or {}) + self.world:random(#good) - 1
  return good, self.world:random(2) == 1
end

function Server:note_taken()
  for _, recipient in ipairs(self.recipients) do
    local name = self.number .. " " .. recipient
    self.world.taken[name] = (self.world.taken[name] or 0) + 1
  end
end

-- Notes the envelope as it comes, and what is taken of it.
function Server:note(key, line, reply, has_taken)
  local is_good = reply:sub(1, 1) == "2"
  self.is_open = self.is_open and key ~= "final" and not (key == "RSET" and is_good)
  if key == "MAIL" then
    assert(not self.is_open, "MAIL in the middle of a transaction")
    self.number, self.recipients, self.is_open = tonumber(line:match "<n(%d+)@"), {}, is_good
  elseif key == "RCPT" and is_good then
    self.recipients[#self.recipients + 1] = line:match "<(.-)>"
  elseif key == "final" and has_taken then
    self:note_taken()
  end
end

function Server:answer(key, line)
  if self.is_gone then
    return ""
  end
  local reply, has_taken = self:reply_to(key)
  self:note(key, line, reply, has_taken)
  if self.cut_at and self.transport then
    self.transport.reads = self.cut_at
  end
  return reply
end

function World:connect()
  if self:random(30) == 1 then
    return nil, "CONNECT", "refused"
  end
  local server = setmetatable({
    world = self, ehlo = self.pipelines and "250-server.example\r\n250 PIPELINING\r\n" or "250 server.example\r\n",
  }, Server)
  local peer = memory_server.new(setmetatable({}, { __index = function(_, key)
    return function(line) return server:answer(key, line) end
  end }))
  server.peer = peer
  server.transport = memory_server.transport(peer, {
    reads = server.cut_at, told = self:random(2) == 1,
    writes = self:random(5) == 1 and self:random(3000) or nil,
    silent = function(deadline) clock.now = max(clock.now, deadline) end,
    wait = function()
      if self:random(3) == 1 then
        scheduler.sleep(core.clock())
      end
    end,
  })
  self.transports[#self.transports + 1] = server.transport
  return server.transport
end

local LISTS = { "accepted", "rejected", "unknown", "not_sent" }

-- What is said of every recipient, each of them once.
local function said_of(outcome)
  local said, count = {}, 0
  for _, name in ipairs(LISTS) do
    for _, item in ipairs(outcome[name]) do
      local address = type(item) == "table" and item.address or item
      assert.is_nil(said[address])
      said[address], count = name, count + 1
    end
  end
  return said, count
end

function World:check(message, outcome)
  local said, count = said_of(outcome)
  assert.equal(#message.to, count)
  for _, address in ipairs(message.to) do
    local number = message.from:match "%d+"
    local copies = self.taken[number .. " " .. address] or 0
    local wanted = said[address] == "accepted" and 1 or said[address] == "unknown" and math.min(copies, 1) or 0
    if wanted ~= copies then
      error(("round %s: message %s is %s to %s, and arrived %d times: %s"):format(
        self.round, number, said[address], address, copies, tostring(outcome)))
    end
    self.tally[said[address]] = (self.tally[said[address]] or 0) + 1
  end
end

local function message_of(number)
  local to = {}
  for i = 1, number % 3 + 1 do
    to[i] = ("abc"):sub(i, i) .. "@example.com"
  end
  return { from = ("n%d@example.com"):format(number), to = to, subject = "s", text = "hi\r\n" }
end

function World:assert_nothing_is_lost(mailer)
  local pool, open = mailer.pool, 0
  for _, transport in ipairs(self.transports) do
    open = open + (transport.closed and 0 or 1)
  end
  assert.equal(0, pool.count)
  assert.is_nil(next(pool.in_use))
  assert.is_true(#pool.idle <= pool.settings.connections)
  assert.equal(#pool.idle, open)
end

-- Another kind of server and mailer each round.
local function begin(round, seed, tally)
  world = world_of(seed)
  world.round, world.tally = round, tally
  world.fault_every = ({ 8, 30, 100 })[round % 3 + 1]
  world.pipelines = round % 4 > 0
  local patience = round % 2 == 0 and 5 or 60
  return assert(library.mailer {
    host = "server.example", security = "none", ehlo_name = "me.example",
    connections = round % 5 + 1, messages_per_connection = ({ 1, 3, 100 })[round % 3 + 1],
    all_or_nothing = round % 7 == 0, timeout = round % 6 == 0 and 20 or nil,
    timeouts = { command = patience, data = patience, final = 10, block = 5, greeting = 5 },
  })
end

local function finish(mailer)
  world:assert_nothing_is_lost(mailer)
  mailer:close()
  for _, transport in ipairs(world.transports) do
    assert.is_true(transport.closed)
  end
end

local function send_each(mailer)
  for number = 1, MESSAGES do
    local message = message_of(number)
    local result, err = mailer:send(message)
    world:check(message, result or err)
  end
end

-- Every fifth batch is stopped at random.
local function send_all(mailer)
  local given, told, may_stop = 0, {}, world.round % 5 == 0
  local summary = mailer:send_all(function()
    if given < MESSAGES then
      given = given + 1
      return message_of(given)
    end
  end, {
    on_result = function(message, result, err, index)
      assert.is_nil(told[index])
      told[index] = true
      world:check(message, result or err)
    end,
    stop_on = function() return may_stop and world:random(100) == 1 end,
  })
  assert.is_true(given == MESSAGES or summary.stopped)
  assert.equal(given, #told)
  assert.equal(given, summary.total)
end

describe("ten thousand messages to servers that fail at random", function()
  clock = virtual_clock.during(before_each, after_each)

  for name, send in pairs { ["one by one"] = send_each, ["by send_all"] = send_all } do
    it("sent " .. name .. ", have each one true result, and cost no connection", function()
      local tally = {}
      for round = 1, ROUNDS do
        local mailer = begin(round, 4711 * round, tally)
        send(mailer)
        finish(mailer)
      end
      for _, list in ipairs(LISTS) do
        assert.is_true(tally[list] > MESSAGES / 4, list .. " " .. tostring(tally[list]))
      end
    end)
  end
end)
