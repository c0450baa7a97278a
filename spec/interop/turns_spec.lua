-- Round trips, where each takes 50 ms: counted by the delaying proxy of bench/, not by us.
-- Against the sink of bench/, and a real Postfix and a real Exim behind the proxy.

local bench_tool = require "support.bench_tool"
local ettsumailer = require "ettsumailer"

local MESSAGES, RTT_MS = 100, 50

-- A server of mta.sh: its port, or nil and why it cannot run here.
local function start_mta(name)
  local pipe = assert(io.popen(("spec/interop/mta.sh %s start 2>&1 </dev/null"):format(name)))
  local output = pipe:read "*a"
  pipe:close()
  return tonumber(output:match "port=(%d+)"), output:match "([^\n]+)\n?$"
end

local function stop_mta(name)
  os.execute(("spec/interop/mta.sh %s stop"):format(name))
end

local function recipients(count)
  local list = {}
  for i = 1, count do
    list[i] = ("person%d@example.test"):format(i)
  end
  return list
end

-- The message for each call, up to their number.
local function messages(to)
  local sent = 0
  return function()
    sent = sent + 1
    return sent <= MESSAGES and {
      to = to, subject = "Number " .. sent, text = ("Line of a message.\n"):rep(20),
    } or nil
  end
end

-- Sends them all over one connection through the proxy. Returns what it counted.
local function send_through_proxy(port, to)
  local proxy = assert(bench_tool.start(("delayproxy --rtt-ms %d --to %d"):format(RTT_MS, port)))
  local mailer = assert(ettsumailer.mailer {
    host = "127.0.0.1", port = proxy.port, security = "none", ehlo_name = "client.example.test",
    from = "sender@example.test", messages_per_connection = MESSAGES,
  })
  local accepted = 0
  local summary = assert(mailer:send_all(messages(to), {
    connections = 1,
    on_result = function(_, result, err)
      assert(result, err)
      accepted = accepted + #result.accepted
    end,
  }))
  mailer:close()
  local counts = proxy:stop()
  assert.equal(MESSAGES, summary.sent)
  assert.equal(MESSAGES * #to, accepted)
  return counts
end

describe("send_all over a round trip of 50 ms", function()
  if not bench_tool.build() then
    return pending "the tools of bench/ cannot be built here"
  end

  for _, count in ipairs { 1, 10 } do
    local to = recipients(count)

    it(("takes 1.1 turns a message of %d recipients at most, to the sink"):format(count), function()
      local sink = assert(bench_tool.start "sink --port 0")
      local counts = send_through_proxy(sink.port, to)
      local taken = sink:stop()
      assert.equal(MESSAGES, taken.messages)
      assert.equal(MESSAGES * count, taken.recipients)
      assert.equal(0, taken.violations)
      assert.equal(1, taken.connections)
      assert.is_true(counts.turns <= 1.1 * MESSAGES, counts.turns .. " turns")
    end)

    for _, name in ipairs { "postfix", "exim" } do
      it(("takes them to %s, %d recipients each"):format(name, count), function()
        local port, why = start_mta(name)
        if not port then
          return pending(name .. ": " .. tostring(why))
        end
        finally(function() stop_mta(name) end)
        local counts = send_through_proxy(port, to)
        assert.is_true(counts.turns <= 1.1 * MESSAGES, counts.turns .. " turns")
      end)
    end
  end
end)
