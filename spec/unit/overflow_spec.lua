-- A server that takes only so many recipients in one transaction (RFC 5321 4.5.3.1.8, 4.5.3.1.10).

local dialogue = require "support.memory_dialogue"

local library, SERVER = dialogue.library, dialogue.SERVER

-- Takes `limit` recipients a transaction, and answers the others with `reply`.
local function replies_of(limit, reply)
  local taken = 0
  return {
    MAIL = function()
      taken = 0
      return "250 ok\r\n"
    end,
    RCPT = function()
      taken = taken + 1
      return taken <= limit and "250 ok\r\n" or reply
    end,
  }
end

local function recipients(count)
  local list = {}
  for i = 1, count do
    list[i] = ("r%d@example.com"):format(i)
  end
  return list
end

local function send(server, more)
  local setting = dialogue.setting(server, function() return {} end)
  local given = { host = SERVER.host, security = "none", ehlo_name = "client.example" }
  for name, value in pairs(more or {}) do
    given[name] = value
  end
  local mailer = assert(library.mailer(given))
  local result, err = mailer:send(dialogue.order { to = recipients(250) })
  mailer:close()
  return setting, result, err
end

describe("a message with more recipients than the server takes at a time", function()
  for _, reply in ipairs { "452 4.5.3 too many\r\n", "452 too many\r\n", "552 5.5.3 too many\r\n",
    "552 too many\r\n" } do
    it("goes to all of them, by further transactions, after " .. reply:sub(1, 9), function()
      local setting, result = send(replies_of(100, reply))
      assert.equal(3, #setting:contents())
      assert.same(recipients(250), result.accepted)
      assert.same({}, result.rejected)
      assert.equal(1, #setting.servers)
    end)
  end

  it("is not sent again to a recipient whose mailbox is full", function()
    local setting, result = send(replies_of(249, "452 4.2.2 mailbox full\r\n"))
    assert.equal(1, #setting:contents())
    assert.equal(249, #result.accepted)
    assert.is_true(result.rejected[1].temporary)
  end)

  it("ends when the server does not take even the first recipient", function()
    local _, result, err = send(replies_of(0, "452 4.5.3 too many\r\n"))
    assert.is_nil(result)
    assert.equal(250, #err.rejected)
    assert.is_true(err.retryable)
  end)

  it("is not sent at all where it is for all or nothing", function()
    local setting, _, err = send(replies_of(100, "452 4.5.3 too many\r\n"), { all_or_nothing = true })
    assert.equal(0, #setting:contents())
    assert.equal("rejected", err.delivery)
    assert.equal(100, #err.not_sent)
  end)

  it("tells of the part that nobody knows about when the reply to it cannot be read", function()
    local contents = 0
    local server = replies_of(100, "452 4.5.3 too many\r\n")
    server.final = function()
      contents = contents + 1
      return contents == 1 and "250 ok\r\n" or "2500 ok\r\n"
    end
    local _, result, err = send(server)
    assert.is_nil(result)
    assert.equal("unknown", err.delivery)
    assert.equal(100, #err.accepted)
    assert.equal(100, #err.unknown)
    assert.equal(50, #err.rejected + #err.not_sent)
  end)
end)
