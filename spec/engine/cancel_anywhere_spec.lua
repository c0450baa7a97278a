-- A batch over two connections that is cancelled, or whose mailer is closed, at every line of its
-- dialogue in turn.
-- Why: every message that was taken has one true result then, too, and no connection is left.

local core = require "ettsumailer.core"
local dialogue = require "support.memory_dialogue"

local library, order = dialogue.library, dialogue.order

local MESSAGES = 6

-- b is one recipient too many, so that there are further transactions, too.
local REPLIES = { RCPT = function(line)
  return line:find("<b@", 1, true) and "452 4.5.3 too many\r\n" or "250 ok\r\n"
end }

local function count_open(setting)
  local count = 0
  for _, transport in ipairs(setting.transports) do
    count = count + (transport.closed and 0 or 1)
  end
  return count
end

local function arrivals(setting)
  local count = {}
  for _, content in ipairs(setting:contents()) do
    local number = tonumber(content:match "Subject: number (%d+)")
    if number then
      count[number] = (count[number] or 0) + 1
    else
      assert.equal("", content) -- the lone end that a 354 without recipients asks for
    end
  end
  return count
end

-- What is said of a message, against how often it arrived. Only a took it.
local function assert_truth(copies, result, err, number)
  local said = result or err
  assert.equal(number % 2 + 1, #said.accepted + #said.rejected + #said.unknown + #said.not_sent)
  if result then
    assert.same({ "a@example.com" }, result.accepted)
    assert.equal(1, copies)
  else
    assert.same({}, err.accepted)
    assert.is_true(copies <= #err.unknown)
  end
end

-- Sends, and does something at a line of the dialogue. Returns whether there is such a line.
local function run(at, act)
  local lines, mailer = 0, nil
  local setting = dialogue.setting(REPLIES, function()
    return { read_size = 20, wait = function() dialogue.scheduler.sleep(core.clock()) end }
  end)
  mailer = assert(library.mailer {
    host = "server.example", security = "none", ehlo_name = "client.example", connections = 2,
    messages_per_connection = 3, on_protocol = function()
      lines = lines + 1
      if lines == at then
        act(mailer)
      end
    end,
  })
  local given, told = 0, {}
  local summary = mailer:send_all(function()
    if given < MESSAGES then
      given = given + 1
      return order { subject = "number " .. given, to = given % 2 == 0 and "a@example.com" or nil }
    end
  end, { on_result = function(_, result, err, number)
    assert.is_nil(told[number])
    told[number] = { result = result, err = err }
  end })
  local copies = arrivals(setting)
  assert.equal(given, summary.total)
  for number = 1, given do
    assert_truth(copies[number] or 0, told[number].result, told[number].err, number)
  end
  return lines >= at, mailer, setting, summary
end

describe("a batch at every line of its dialogue", function()
  it("can be cancelled, with the truth about every message, and the mailer is of use still", function()
    local at, goes_on = 1, true
    while goes_on do
      local has_come, mailer, setting, summary = run(at, function(m) m:cancel() end)
      goes_on = has_come
      assert.equal(0, mailer.pool.count)
      assert.equal(#mailer.pool.idle, count_open(setting))
      assert.is_true(summary.stopped or summary.sent == MESSAGES)
      assert(not goes_on or mailer:send(order())) -- else the line comes only now
      mailer:close()
      assert.equal(0, count_open(setting))
      at = at + 1
    end
    assert.is_true(at > 80)
  end)

  it("can have its mailer closed, and nothing stays open", function()
    local at, goes_on = 1, true
    while goes_on do
      local has_come, mailer, setting = run(at, function(m) m:close() end)
      goes_on = has_come
      assert.equal(0, mailer.pool.count)
      mailer:close()
      assert.equal(0, count_open(setting))
      at = at + 1
    end
    assert.is_true(at > 80)
  end)
end)
