-- Retries and rates of send_all over SMTP, to servers in memory, on a clock that the spec moves.
local dialogue = require "support.memory_dialogue"
local moved_clock = require "support.moved_clock"

local library, SERVER, order = dialogue.library, dialogue.SERVER, dialogue.order

local function mailer_of(replies, clock, more)
  local setting = dialogue.setting(replies, function() return {} end)
  local given = {
    host = SERVER.host, security = "none", ehlo_name = "client.example", clock = clock, retry = { jitter = 0 },
  }
  for name, value in pairs(more or {}) do
    given[name] = value
  end
  return assert(library.mailer(given)), setting
end

-- Refuses b so often, and notes who is asked for and when.
local function refusing_b(times, clock)
  local asked = {}
  return { RCPT = function(line)
    local name = line:match "<(%w+)@"
    asked[#asked + 1] = ("%g %s"):format(clock.at, name)
    if name == "b" and times > 0 then
      times = times - 1
      return "450 4.2.0 later\r\n"
    end
    return "250 2.1.5 ok\r\n"
  end }, asked
end

describe("send_all that retries over SMTP", function()
  it("sends again to who was refused for now, with the same octets", function()
    local clock = moved_clock.new(0)
    local replies, asked = refusing_b(2, clock)
    local mailer, setting = mailer_of(replies, clock)
    local summary = mailer:send_all { order() }
    mailer:close()
    local result = summary.results[1].result
    assert.same({ "0 a", "0 b", "10 b", "40 b" }, asked)
    assert.same({ "a@example.com", "b@example.com" }, result.accepted)
    assert.same({}, result.rejected)
    assert.equal(3, result.attempts)
    local contents = setting:contents()
    assert.equal(3, #contents)
    assert.equal("", contents[2]) -- the lone end behind the 354 for nobody
    assert.equal(contents[1], contents[3])
  end)

  it("sends the other messages meanwhile, one connection or many", function()
    for connections = 1, 3 do
      local clock = moved_clock.new(0)
      local mailer = mailer_of(refusing_b(1, clock), clock)
      local ended = {}
      local summary = mailer:send_all({
        order { to = "b@example.com", subject = "1" }, order { to = "a@example.com", subject = "2" },
        order { to = "c@example.com", subject = "3" },
      }, { connections = connections, on_result = function(_, result, _, index)
        assert(result)
        ended[#ended + 1] = index
      end })
      mailer:close()
      assert.equal(3, summary.sent)
      assert.equal(1, ended[3])
    end
  end)

  it("gives up with the truth", function()
    local clock = moved_clock.new(0)
    local replies, asked = refusing_b(100, clock)
    local mailer = mailer_of(replies, clock, { retry = { attempts = 2 } })
    local summary = mailer:send_all { order(), order { to = "b@example.com" } }
    mailer:close()
    local first, second = summary.results[1].result, summary.results[2].err
    assert.same({ "a@example.com" }, first.accepted)
    assert.equal(450, first.rejected[1].smtp_code)
    assert.equal(450, second.smtp_code)
    assert.equal("b@example.com", second.rejected[1].address)
    assert.equal(5, #asked)
    assert.equal(0, mailer.pool.count)
  end)

  it("keeps the rate over all connections", function()
    local clock, moments = moved_clock.new(0), {}
    local mailer = mailer_of({ MAIL = function()
      moments[#moments + 1] = clock.at
      return "250 ok\r\n"
    end }, clock, { rate = 4 })
    local list = {}
    for i = 1, 9 do
      list[i] = order { to = "a@example.com" }
    end
    assert.equal(9, mailer:send_all(list, { connections = 3 }).sent)
    mailer:close()
    table.sort(moments)
    assert.same({ 0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2 }, moments)
  end)
end)
