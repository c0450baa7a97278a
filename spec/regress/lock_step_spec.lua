-- A reused connection that was dead, and a timeout of the whole send, were taken for a server that
-- only claims PIPELINING: every command waited for its reply from then on.
local dialogue = require "support.memory_dialogue"
local virtual_clock = require "support.virtual_clock"

local order = dialogue.order

describe("a server that pipelines", function()
  local clock = virtual_clock.during(before_each, after_each)

  -- Sends over connections of which the first falls silent at the word given.
  local function turns_of(word, more, count)
    local setting = dialogue.setting(nil, function(n)
      return { silent = function(deadline) clock.now = deadline end, wrap = n == 1 and function(server)
        local seen = 0
        server.replies = { [word] = function()
          seen = seen + 1
          if seen == count then
            server.replies = setmetatable({}, { __index = function() return "" end })
            return ""
          end
          return "250 ok\r\n"
        end }
        return server
      end or nil }
    end)
    local given = { host = "server.example", security = "none", ehlo_name = "client.example", timeout = more }
    local mailer = assert(dialogue.library.mailer(given))
    mailer:send(order())
    mailer:send(order())
    local result = assert(mailer:send(order()))
    mailer:close()
    return result.turns, #setting.servers
  end

  it("is known for it still when a reused connection was dead", function()
    assert.same({ 2, 2 }, { turns_of("MAIL", nil, 2) })
  end)

  it("is known for it still when a whole send took too long", function()
    assert.same({ 2, 2 }, { turns_of("RCPT", 5, 1) })
  end)
end)
