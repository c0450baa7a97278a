-- Many messages over few connections, to servers in memory that see every octet.

local dialogue = require "support.memory_dialogue"

local library, SERVER, order = dialogue.library, dialogue.SERVER, dialogue.order

-- A mailer, and the setting that it connects to.
local function mailer_of(replies, how_of, more)
  local setting = dialogue.setting(replies, how_of or function() return {} end)
  local given = { host = SERVER.host, security = "none", ehlo_name = "client.example" }
  for name, value in pairs(more or {}) do
    given[name] = value
  end
  return assert(library.mailer(given)), setting
end

local function messages(count, more)
  local list = {}
  for i = 1, count do
    list[i] = order { subject = "number " .. i, to = "a@example.com" }
    for name, value in pairs(more or {}) do
      list[i][name] = value
    end
  end
  return list
end

-- "1 2 3": the numbers in the subjects of what arrived.
local function arrived(setting)
  local numbers = {}
  for i, content in ipairs(setting:contents()) do
    numbers[i] = content:match "Subject: number (%d+)\r\n"
  end
  table.sort(numbers, function(a, b) return tonumber(a) < tonumber(b) end)
  return table.concat(numbers, " ")
end

describe("send_all", function()
  it("sends every message of a list once, in turn, over one connection", function()
    local mailer, setting = mailer_of()
    local summary = mailer:send_all(messages(5), { connections = 1 })
    mailer:close()
    assert.equal("1 2 3 4 5", arrived(setting))
    assert.equal(1, #setting.servers)
    assert.same({ 5, 5, 0, 0 }, { summary.total, summary.sent, summary.failed, summary.unknown })
    for i = 1, 5 do
      assert.same({ "a@example.com" }, summary.results[i].result.accepted)
    end
  end)

  it("takes one round trip a message where PIPELINING is offered", function()
    local mailer = mailer_of()
    local turns = {}
    mailer:send_all(messages(20), {
      connections = 1, on_result = function(_, result) turns[#turns + 1] = result.turns end,
    })
    mailer:close()
    assert.equal(3, table.remove(turns, 1)) -- EHLO, the envelope, the content
    for _, n in ipairs(turns) do
      assert.equal(1, n)
    end
  end)

  it("waits for every reply where PIPELINING is not offered", function()
    local mailer, setting = mailer_of { EHLO = "250 server.example\r\n" }
    local summary = mailer:send_all(messages(4), { connections = 1 })
    mailer:close()
    assert.equal(4, summary.sent)
    assert.equal("1 2 3 4", arrived(setting))
    assert.equal(4, summary.results[3].result.turns)
  end)

  it("takes messages from a function, and tells each result with its message and number", function()
    local mailer, setting = mailer_of()
    local n, told = 0, {}
    local summary = mailer:send_all(function()
      n = n + 1
      return n <= 3 and order { subject = "number " .. n } or nil
    end, {
      connections = 2,
      on_result = function(message, result, err, index)
        told[index] = message.subject
        assert.is_nil(err)
        assert.equal(2, #result.accepted)
      end,
    })
    mailer:close()
    assert.same({ "number 1", "number 2", "number 3" }, told)
    assert.is_nil(summary.results)
    assert.equal("1 2 3", arrived(setting))
  end)

  it("gives every message its own result when one of them cannot be made", function()
    local mailer, setting = mailer_of()
    local list = messages(4)
    list[2].to = "nobody"
    list[3].text = "\255"
    local summary = mailer:send_all(list, { connections = 1 })
    mailer:close()
    assert.equal("1 4", arrived(setting))
    assert.equal("ADDRESS", summary.results[2].err.code)
    assert.is_nil(summary.results[3].result)
    assert.same({ 4, 2, 2 }, { summary.total, summary.sent, summary.failed })
  end)

  it("tells an error object in place of a message as that message's result", function()
    local mailer = mailer_of()
    local list = messages(2)
    local _, bad = library.message { from = "a@example.com", to = "nobody" }
    table.insert(list, 2, bad)
    local summary = mailer:send_all(list, { connections = 1 })
    mailer:close()
    assert.equal(bad, summary.results[2].err)
    assert.equal(2, summary.sent)
  end)

  it("goes on behind a message whose recipients are all refused, clearing what it left", function()
    local log = {}
    local mailer, setting = mailer_of({
      MAIL = function(line) log[#log + 1] = line:match "^%w+" return "250 ok\r\n" end,
      RSET = function(line) log[#log + 1] = line:match "^%w+" return "250 ok\r\n" end,
      RCPT = function(line) return line:find "gone" and "550 5.1.1 no\r\n" or "250 ok\r\n" end,
      DATA = function() return "354 go\r\n" end,
    })
    local list = messages(3)
    list[2].to = "gone@example.com"
    local summary = mailer:send_all(list, { connections = 1 })
    mailer:close()
    assert.equal("rejected", summary.results[2].err.delivery)
    assert.equal(2, summary.sent)
    assert.same({ "MAIL", "MAIL", "RSET", "MAIL" }, log)
    assert.truthy(setting)
  end)

  it("goes on behind a content that is refused", function()
    local n = 0
    local mailer = mailer_of { final = function()
      n = n + 1
      return n == 2 and "554 5.7.1 spam\r\n" or "250 ok\r\n"
    end }
    local summary = mailer:send_all(messages(3), { connections = 1 })
    mailer:close()
    assert.equal(554, summary.results[2].err.smtp_code)
    assert.equal(2, summary.sent)
  end)

  it("begins a new connection after messages_per_connection, saying QUIT with the last content", function()
    local mailer, setting = mailer_of(nil, nil, { messages_per_connection = 3 })
    local summary = mailer:send_all(messages(7), { connections = 1 })
    mailer:close()
    assert.equal(7, summary.sent)
    assert.equal("1 2 3 4 5 6 7", arrived(setting))
    assert.equal(3, #setting.servers)
    assert.equal("QUIT", setting.servers[1].verb)
  end)

  it("moves to a new connection, once, what a server that hangs up between messages did not take", function()
    local mailer, setting = mailer_of({
      MAIL = function(line) return line:find "leave" and "421 4.3.2 bye\r\n" or "250 ok\r\n" end,
    })
    local list = messages(3)
    list[2].from = "leave@example.com"
    local summary = mailer:send_all(list, { connections = 1 })
    mailer:close()
    assert.equal(421, summary.results[2].err.smtp_code)
    assert.equal("not_sent", summary.results[2].err.delivery)
    assert.equal(2, summary.sent)
    assert.equal("1 3", arrived(setting))
  end)

  it("sends the rest of the recipients in a further transaction where the server takes few", function()
    local taken = 0
    local mailer, setting = mailer_of {
      MAIL = function() taken = 0 return "250 ok\r\n" end,
      RCPT = function()
        taken = taken + 1
        return taken <= 2 and "250 ok\r\n" or "452 4.5.3 too many\r\n"
      end,
    }
    local list = messages(2)
    list[1].to = { "a@example.com", "b@example.com", "c@example.com", "d@example.com", "e@example.com" }
    local summary = mailer:send_all(list, { connections = 1 })
    mailer:close()
    assert.equal(5, #summary.results[1].result.accepted)
    assert.same({}, summary.results[1].result.rejected)
    assert.equal("1 1 1 2", arrived(setting))
    assert.equal(2, summary.total)
  end)

  it("does not send DATA before every recipient is taken, where it is all or nothing", function()
    local datas = 0
    local mailer, setting = mailer_of({
      RCPT = dialogue.REFUSE_B.RCPT,
      DATA = function() datas = datas + 1 return "354 go\r\n" end,
    }, nil, { all_or_nothing = true })
    local list = messages(3)
    list[2].to = { "a@example.com", "b@example.com" }
    local summary = mailer:send_all(list, { connections = 1 })
    mailer:close()
    assert.equal("1 3", arrived(setting))
    assert.equal(2, datas)
    assert.same({ "a@example.com" }, summary.results[2].err.not_sent)
  end)

  it("stops when stop_on says so: what is not under way is CANCELLED, and nothing is sent empty or cut", function()
    local mailer, setting = mailer_of { final = "554 5.7.1 no\r\n" }
    local taken = 0
    local told = {}
    local summary = mailer:send_all(function()
      taken = taken + 1
      return order { subject = "number " .. taken }
    end, {
      connections = 1, stop_on = function(_, result) return not result end,
      on_result = function(_, _, err, index) told[index] = err.code end,
    })
    mailer:close()
    assert.is_true(summary.stopped)
    assert.equal("REJECTED", told[1])
    assert.equal(#told, summary.total)
    assert.equal(taken, summary.total)
    for i = 2, #told do
      assert.equal("CANCELLED", told[i])
    end
    assert.equal(1, #setting:contents())
  end)

  it("is ended by cancel, each message with the truth about it", function()
    local mailer, setting = mailer_of()
    local n = 0
    local summary = mailer:send_all(messages(10), {
      connections = 1, on_progress = function(summary)
        n = n + 1
        if summary.total == 3 then
          mailer:cancel()
        end
      end,
    })
    assert.is_true(summary.stopped)
    assert.equal("1 2 3", arrived(setting))
    assert.equal(3, summary.sent)
    assert.is_true(summary.total < 10)
    assert.equal(n, summary.total)
    assert(mailer:send(order())) -- the mailer is still of use
    mailer:close()
  end)

  it("raises what a function of the user's raises, and loses no connection by it", function()
    local mailer = mailer_of(nil, nil, { connections = 1 })
    for _ = 1, 3 do
      assert.error_matches(function()
        mailer:send_all(messages(3), { on_result = function() error "mine" end })
      end, "mine")
    end
    assert(mailer:send(order()))
    mailer:close()
  end)

  it("refuses options that nobody knows, and what is no list", function()
    local mailer = mailer_of()
    assert.error_matches(function() mailer:send_all({}, { conections = 1 }) end,
      "send_all: unknown option 'conections' %(did you mean 'connections'%?%)")
    assert.error_matches(function() mailer:send_all "x" end, "a list or a function expected, got string")
    assert.error_matches(function() mailer:send_all({}, { connections = 0 }) end, "must be 1 or more")
    mailer:close()
  end)

  it("of nothing opens nothing", function()
    local mailer, setting = mailer_of()
    local summary = mailer:send_all {}
    assert.same({ 0, 0 }, { summary.total, #setting.servers })
    mailer:close()
  end)
end)
