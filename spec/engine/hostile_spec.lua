-- Servers that answer anything at any stage: nothing is raised, and nothing but the truth is told.

local dialogue = require "support.memory_dialogue"

local STAGES = { "greeting", "EHLO", "MAIL", "RCPT a", "RCPT b", "DATA", "final", "RSET" }

-- Each of these may stand in the place of any reply; the first ones also of any two.
local PAIRED = 10
local REPLIES = {
  "250 2.0.0 ok\r\n", "354 go ahead\r\n", "450 4.2.0 later\r\n", "550 5.1.1 no\r\n", "421 4.3.2 bye\r\n",
  "", "250 2.0.0 ok\r\n250 2.0.0 twice\r\n", "250-several\r\n250 lines\r\n", "250-one\r\n550 other\r\n",
  "250", "rubbish\r\n", "999 ?\r\n", "250 ok\n", "550 \0\255\r\n", "334 Pz8/\r\n", "220 again\r\n",
}

local IS_POSITIVE = {
  ["250 2.0.0 ok\r\n"] = true, ["250 2.0.0 ok\r\n250 2.0.0 twice\r\n"] = true,
  ["250-several\r\n250 lines\r\n"] = true, ["220 again\r\n"] = true,
}

local PIPELINED = "250-server.example\r\n250 PIPELINING\r\n"
local IN_STEPS = "250 server.example\r\n"

-- The replies of a server that is normal but at two stages.
local function replies_of(ehlo, odd)
  return {
    greeting = odd.greeting, EHLO = odd.EHLO or ehlo, MAIL = odd.MAIL, DATA = odd.DATA, final = odd.final,
    RSET = odd.RSET,
    RCPT = function(line)
      return odd["RCPT " .. line:match "<(%a)@"] or "250 2.1.5 ok\r\n"
    end,
  }
end

local function describe_odd(odd)
  local words = {}
  for stage, reply in pairs(odd) do
    words[#words + 1] = ("%s: %q"):format(stage, reply)
  end
  return table.concat(words, "; ")
end

-- The contents that a server took for somebody.
local function taken(server)
  local count = 0
  for _, content in ipairs(server.contents) do
    count = count + (content ~= "" and 1 or 0) -- the lone end of RFC 2920 is no content
  end
  return count
end

local function each_recipient_once(said)
  local count = { a = 0, b = 0 }
  for _, name in ipairs { "accepted", "rejected", "unknown", "not_sent" } do
    for _, item in ipairs(said[name] or {}) do
      local address = type(item) == "table" and item.address or item
      local letter = address:match "^(%a)@example%.com$"
      count[letter] = count[letter] + 1
    end
  end
  return count.a == 1 and count.b == 1
end

-- What is wrong with the delivery that an error tells of a content that was taken, or nil.
local function denial(delivery, final)
  if delivery == "not_sent" or (delivery == "rejected" and IS_POSITIVE[final]) then
    return "the server has it, and it is said to be " .. delivery
  end
end

-- What is wrong with what a send said, or nil.
local function lie(result, err, server, final)
  if not each_recipient_once(result or err) then
    return "not every recipient is in one list"
  elseif result then
    return (taken(server) ~= 1 or not IS_POSITIVE[final]) and "accepted is not true" or nil
  end
  return taken(server) > 0 and denial(err.delivery, final) or nil
end

local DEFAULT_FINAL = "250 2.0.0 ok\r\n"

-- Sends through such a server. Returns what is wrong, or nil.
local function attempt(ehlo, odd, options)
  odd.final = odd.final or DEFAULT_FINAL
  local self = dialogue.setting(replies_of(ehlo, odd), function() return {} end)
  local mailer = assert(dialogue.library.mailer(options))
  local ok, result, err = pcall(mailer.send, mailer, dialogue.order())
  if not ok then
    return "raised: " .. tostring(result)
  end
  local problem = lie(result, err, self.servers[1], odd.final)
  -- Once more, whatever has happened: over the same connection or a new one.
  ok, result, err = pcall(mailer.send, mailer, dialogue.order())
  mailer:close()
  for _, transport in ipairs(self.transports) do
    problem = problem or not transport.closed and "a connection is still open" or nil
  end
  if not ok then
    return "the second send raised: " .. tostring(result)
  elseif not each_recipient_once(result or err) then
    return "the second send lost a recipient"
  end
  return problem
end

-- What is odd of a server: any reply at any stage, or the first ones at any two.
local function combinations()
  local list = {}
  for i, first in ipairs(STAGES) do
    for _, reply in ipairs(REPLIES) do
      list[#list + 1] = { [first] = reply }
    end
    for j = i + 1, #STAGES do
      for n = 0, PAIRED * PAIRED - 1 do
        local one, two = math.floor(n / PAIRED) + 1, n % PAIRED + 1
        list[#list + 1] = { [first] = REPLIES[one], [STAGES[j]] = REPLIES[two] }
      end
    end
  end
  return list
end

describe("a server that answers anything at any two stages", function()
  local function check(ehlo, all_or_nothing)
    local options = { all_or_nothing = all_or_nothing }
    for key, value in pairs(dialogue.SERVER) do
      options[key] = value
    end
    for _, odd in ipairs(combinations()) do
      local problem = attempt(ehlo, odd, options)
      assert.is_nil(problem, problem and problem .. " with " .. describe_odd(odd))
    end
  end

  it("leads to the truth where commands are pipelined", function()
    check(PIPELINED, false)
    check(PIPELINED, true)
  end)

  it("leads to the truth where each command waits", function()
    check(IN_STEPS, false)
    check(IN_STEPS, true)
  end)
end)
