-- An envelope that left behind the content of another message had to answer for that one's end: it
-- failed with it, or the server was taken for one that only claims PIPELINING.
local core = require "ettsumailer.core"
local dialogue = require "support.memory_dialogue"

local library, order = dialogue.library, dialogue.order

local function messages(count)
  local list = {}
  for i = 1, count do
    list[i] = order { subject = "number " .. i, to = "a@example.com" }
  end
  return list
end

local function mailer_of(how_of, more)
  local setting = dialogue.setting(nil, how_of)
  local given = { host = "server.example", security = "none", ehlo_name = "client.example" }
  for name, value in pairs(more or {}) do
    given[name] = value
  end
  return assert(library.mailer(given)), setting
end

-- Lets the other connections of a batch go on.
local function take_turns()
  dialogue.scheduler.sleep(core.clock())
end

-- A server that does something to the n-th content of its connection.
local function at_content(number, act)
  return function(server)
    local contents = 0
    server.replies = { final = function()
      contents = contents + 1
      return contents == number and act(server) or "250 ok\r\n"
    end }
    return server
  end
end

local ENDS = {
  ["a silence"] = function(server)
    server.replies = setmetatable({}, { __index = function() return "" end })
    return ""
  end,
  ["a reply that is none"] = function() return "what\r\n" end,
}

describe("a message whose envelope left behind a content", function()
  for what, act in pairs(ENDS) do
    it("is sent over another connection when that content comes to " .. what, function()
      local mailer, setting = mailer_of(function(n)
        return { wrap = n == 1 and at_content(2, act) or nil }
      end)
      local summary = mailer:send_all(messages(5), { connections = 1 })
      mailer:close()
      assert.equal("unknown", summary.results[2].err.delivery)
      assert.same({ 4, 1 }, { summary.sent, summary.failed })
      assert.equal(2, #setting.servers)
      assert.equal(1, summary.results[5].result.turns) -- the server may pipeline as before
    end)
  end

  -- What a server says to a second message on one connection.
  for what, reply in pairs { ["a 421"] = "421 4.7.0 too many\r\n", ["the end"] = "" } do
    it("is sent by a server that has " .. what .. " for every second one, too", function()
      local setting, mailer
      mailer, setting = mailer_of(function(n)
        return { wait = take_turns, wrap = function(server)
          local count = 0
          server.replies = { MAIL = function()
            count = count + 1
            if count == 2 and reply == "" then
              setting.transports[n].reads = #table.concat(server.out)
            end
            return count == 1 and "250 ok\r\n" or reply
          end }
          return server
        end }
      end)
      local summary = mailer:send_all(messages(30))
      mailer:close()
      assert.same({ 30, 0 }, { summary.sent, summary.failed })
      assert.equal(30, #setting:contents())
    end)
  end
end)
