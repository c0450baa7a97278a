local errors = require "ettsumailer.errors"
local retry = require "ettsumailer.mailer.retry"

local function recipient(text)
  local local_part, domain = text:match "^(.*)@(.*)$"
  return { local_part = local_part, domain = domain }
end

local function envelope_of(...)
  local to = {}
  for i, text in ipairs { ... } do
    to[i] = recipient(text)
  end
  return { from = recipient "s@example.com", to = to }
end

local function refused(address, smtp_code, enhanced, text)
  return {
    address = address, smtp_code = smtp_code, enhanced = enhanced, text = text or "",
    temporary = smtp_code < 500,
  }
end

-- What a send gave: a result, or an error where fields say so.
local function result_of(lists)
  return {
    accepted = lists.accepted or {}, rejected = lists.rejected or {}, unknown = lists.unknown or {},
    not_sent = lists.not_sent or {},
  }
end

local function error_of(fields)
  fields.text = fields.text or "x"
  return errors.new(fields)
end

local function addresses_of(envelope)
  local list = {}
  for i, to in ipairs(envelope.to) do
    list[i] = to.local_part .. "@" .. to.domain
  end
  return list
end

local function middle() return 0.5 end

local ENVELOPE = envelope_of("a@x.jp", "b@x.jp", "c@x.jp")

describe("a retry policy", function()
  local policy

  before_each(function()
    policy = assert(retry.new(true, 1, middle))
  end)

  it("tries again for those refused for now and those nothing was sent to", function()
    local delay, rest = policy:plan(ENVELOPE, result_of {
      accepted = { "a@x.jp" }, rejected = { refused("b@x.jp", 450) }, not_sent = { "c@x.jp" },
    }, 1, 0)
    assert.equal(10, delay)
    assert.same({ "b@x.jp", "c@x.jp" }, addresses_of(rest))
    assert.equal(ENVELOPE.from, rest.from)
  end)

  it("has done with a result that leaves nobody for later", function()
    assert.is_nil(policy:plan(ENVELOPE, result_of {
      accepted = { "a@x.jp", "b@x.jp" }, rejected = { refused("c@x.jp", 550) },
    }, 1, 0))
  end)

  it("tries a connection that failed again for all", function()
    for _, code in ipairs { "CONNECT", "DNS", "TIMEOUT", "CLOSED", "QUEUE_FULL" } do
      local _, rest = policy:plan(ENVELOPE, error_of {
        code = code, not_sent = { "a@x.jp", "b@x.jp", "c@x.jp" },
      }, 1, 0)
      assert.equal(3, #rest.to)
    end
  end)

  it("never tries again where it is not known what became of it", function()
    assert.is_nil(policy:plan(ENVELOPE, error_of {
      code = "CLOSED", delivery = "unknown", unknown = { "a@x.jp" }, rejected = { refused("b@x.jp", 450) },
      not_sent = { "c@x.jp" },
    }, 1, 0))
    assert.is_nil(policy:plan(ENVELOPE, result_of { unknown = { "a@x.jp" }, not_sent = { "b@x.jp" } }, 1, 0))
  end)

  it("never tries again what was refused for good", function()
    assert.is_nil(policy:plan(ENVELOPE, error_of {
      code = "REJECTED", smtp_code = 554, delivery = "rejected", rejected = { refused("a@x.jp", 554) },
      not_sent = { "b@x.jp" },
    }, 1, 0))
    for _, code in ipairs { "AUTH", "TLS_VERIFY", "CONFIG", "ADDRESS", "SOURCE", "CANCELLED", "PROTOCOL" } do
      assert.is_nil(policy:plan(ENVELOPE, error_of { code = code, not_sent = { "a@x.jp" } }, 1, 0), code)
    end
  end)

  it("sends to all or none where that is asked", function()
    local err = error_of {
      code = "REJECTED", smtp_code = 450, delivery = "rejected",
      rejected = { refused("a@x.jp", 450) }, not_sent = { "b@x.jp", "c@x.jp" },
    }
    local _, rest = policy:plan(ENVELOPE, err, 1, 0, true)
    assert.equal(3, #rest.to)
    err.rejected[2], err.not_sent = refused("b@x.jp", 550), { "c@x.jp" }
    assert.is_nil(policy:plan(ENVELOPE, err, 1, 0, true))
    assert.equal(2, #select(2, policy:plan(ENVELOPE, err, 1, 0, false)).to)
  end)

  it("makes the attempts it is told to make and no more", function()
    local err = error_of { code = "CONNECT", not_sent = { "a@x.jp" } }
    assert.is_number((policy:plan(ENVELOPE, err, 4, 0)))
    assert.is_nil(policy:plan(ENVELOPE, err, 5, 0))
    assert.is_nil(retry.new({ attempts = 1 }):plan(ENVELOPE, err, 1, 0))
  end)

  it("begins none behind its budget", function()
    local err = error_of { code = "CONNECT", not_sent = { "a@x.jp" } }
    assert.equal(10, (policy:plan(ENVELOPE, err, 1, 1790)))
    assert.is_nil(policy:plan(ENVELOPE, err, 1, 1791))
  end)

  it("waits longer each time, up to max_delay", function()
    local delays = {}
    for i = 1, 6 do
      delays[i] = policy:next_delay(i)
    end
    assert.same({ 10, 30, 90, 270, 600, 600 }, delays)
  end)

  it("spreads its delays by the jitter, and no further", function()
    local low = assert(retry.new({ jitter = 0.5, first_delay = 10 }, 1, function() return 0 end))
    local high = assert(retry.new({ jitter = 0.5, first_delay = 10 }, 1, function() return 1 end))
    assert.equal(5, low:next_delay(1))
    assert.equal(15, high:next_delay(1))
    local own, seen = assert(retry.new(true)), {}
    for _ = 1, 100 do
      local delay = own:next_delay(1)
      assert.is_true(delay >= 8 and delay < 12)
      seen[delay] = true
    end
    assert.is_truthy(next(seen, (next(seen))))
  end)

  it("comes back to a server that greylists when it may, never earlier", function()
    local function delay_after(smtp_code, enhanced, text)
      return math.floor(0.5 + policy:plan(ENVELOPE, result_of {
        accepted = { "a@x.jp" }, rejected = { refused("b@x.jp", smtp_code, enhanced, text) },
      }, 1, 0))
    end
    assert.equal(330, delay_after(450, "4.7.1", "try again later"))
    assert.equal(330, delay_after(451, nil, "Greylisted, see http://example.com/"))
    assert.equal(330, delay_after(450, "4.2.0", "Recipient address rejected: Greylisted for 1 minutes"))
    assert.equal(660, delay_after(451, "4.7.1", "Greylisting in action, please come back in 00:10:00"))
    assert.equal(440, delay_after(450, "4.7.1", "greylisted for 400 seconds"))
    assert.equal(10, delay_after(450, "4.2.1", "mailbox busy"))
    assert.equal(10, delay_after(452, "4.7.1", "greylisted"))
    local shortest = assert(retry.new(true, 1, function() return 0 end))
    assert.equal(300, (shortest:plan(ENVELOPE, error_of {
      code = "REJECTED", smtp_code = 451, enhanced = "4.7.1", delivery = "rejected", rejected = {
        refused("a@x.jp", 451, "4.7.1") },
    }, 1, 0)))
  end)

  it("is not misled by a server that asks for ever, or tells the time of the day", function()
    for _, text in ipairs {
      "greylisted for 99999 seconds", "in " .. ("9"):rep(400) .. " seconds", "greylisted at 12:30:45",
      "greylisted, session 2 min 2 sec",
    } do
      local delay = policy:plan(ENVELOPE, result_of {
        accepted = { "a@x.jp" }, rejected = { refused("b@x.jp", 450, "4.7.1", text) },
      }, 1, 0)
      assert.equal(330, math.floor(delay + 0.5), text)
    end
  end)

  it("refuses options that make no sense", function()
    for _, given in ipairs { { attempts = 0 }, { factor = 0.5 }, { jitter = 2 } } do
      local made, err = retry.new(given)
      assert.is_nil(made)
      assert.equal("CONFIG", err.code)
    end
    assert.error_matches(function() retry.new { attemps = 3 } end, "retry: unknown option 'attemps' %(did you mean")
    assert.error_matches(function() retry.new { jitter = "much" } end, "option 'jitter' must be a number")
    assert.error_matches(function() retry.new(5) end, "option 'retry' must be true, false or a table")
  end)
end)
