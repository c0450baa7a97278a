local errors = require "ettsumailer.errors"
local rate = require "ettsumailer.mailer.rate"

-- Sends as fast as the bucket lets, from the moment given. Returns the moments, and the last one.
local function moments_of(bucket, count, now, recipients)
  local moments = {}
  for i = 1, count do
    local wait = bucket:take(now, recipients)
    while wait > 0 do
      now = now + wait
      wait = bucket:take(now, recipients)
    end
    moments[i] = now
  end
  return moments, now
end

-- The most that fall into any second.
local function most_in_a_second(moments)
  local most = 0
  for i, from in ipairs(moments) do
    local count = 0
    for j = i, #moments do
      count = count + (moments[j] < from + 1 - 1e-6 and 1 or 0)
    end
    most = math.max(most, count)
  end
  return most
end

local function refusal(smtp_code, enhanced, text)
  return errors.new {
    code = "REJECTED", smtp_code = smtp_code, enhanced = enhanced, text = text or "", delivery = "rejected",
  }
end

describe("a rate", function()
  it("lets no more than it says leave in any second", function()
    local moments, last = moments_of(assert(rate.new(10)), 50, 1000)
    assert.equal(10, most_in_a_second(moments))
    assert.is_true(math.abs(last - 1004.9) < 1e-6)
  end)

  it("does not save up for more than a burst", function()
    local bucket = assert(rate.new { messages = 10, burst = 5 })
    local moments = moments_of(bucket, 5, 1000)
    assert.equal(1000, moments[5])
    moments = moments_of(bucket, 6, 5000)
    assert.equal(5000, moments[5])
    assert.is_true(math.abs(moments[6] - 5000.1) < 1e-6)
  end)

  it("counts by any length of time", function()
    local _, last = moments_of(assert(rate.new { messages = 30, per = 60 }), 31, 0)
    assert.is_true(math.abs(last - 60) < 1e-6)
  end)

  it("counts recipients, and pays for a message of many afterwards", function()
    local bucket = assert(rate.new { recipients = 100 })
    assert.equal(0, bucket:take(0, 50))
    local wait = bucket:take(0, 50)
    assert.is_true(wait > 0.4 and wait <= 0.51)
    local both = assert(rate.new { messages = 1000, recipients = 10 })
    local _, last = moments_of(both, 11, 0, 2)
    assert.is_true(math.abs(last - 2) < 0.11)
  end)

  it("takes nothing where it asks to wait", function()
    local bucket = assert(rate.new(1))
    assert.equal(0, bucket:take(0))
    for _ = 1, 10 do
      assert.equal(1, bucket:take(0))
    end
    assert.equal(0, bucket:take(1))
  end)

  it("stands a clock that goes back", function()
    local bucket = assert(rate.new(1))
    assert.equal(0, bucket:take(100))
    assert.equal(1, bucket:take(50))
    assert.equal(0, bucket:take(101))
  end)

  it("halves when the server complains, and recovers within a minute", function()
    local bucket = assert(rate.new(10))
    bucket:note(refusal(421, "4.7.0"), 0)
    local moments, last = moments_of(bucket, 5, 0)
    local gap = moments[5] - moments[4]
    assert.is_true(gap > 0.18 and gap <= 0.2, gap)
    moments = moments_of(bucket, 20, last + 60)
    assert.is_true(math.abs(moments[20] - moments[19] - 0.1) < 1e-6)
  end)

  it("hears one complaint in those of many connections", function()
    local bucket = assert(rate.new(10))
    for _ = 1, 5 do
      bucket:note(refusal(421), 0)
    end
    assert.equal(0.5, bucket.factor)
  end)

  it("never comes to a halt", function()
    local bucket = assert(rate.new(64))
    for i = 1, 100 do
      bucket:note(refusal(421), i * 1.5)
    end
    assert.is_true(bucket:take(200) <= 1)
  end)

  it("takes 421, 432, and 454 of too fast for complaints, and nothing else", function()
    local cases = {
      { 421, nil, "", true }, { 432, "4.3.2", "", true }, { 454, "4.7.0", "", true },
      { 454, nil, "Throttling failure: Maximum sending rate exceeded.", true },
      { 454, "4.3.0", "TLS not available", false }, { 450, "4.7.1", "", false }, { 452, nil, "", false },
      { 550, nil, "rate", false },
    }
    for _, case in ipairs(cases) do
      local bucket = assert(rate.new(10))
      bucket:note(refusal(case[1], case[2], case[3]), 0)
      assert.equal(case[4], bucket.factor < 1, case[1])
      bucket = assert(rate.new(10))
      bucket:note({ rejected = { refusal(case[1], case[2], case[3]) } }, 0)
      assert.equal(case[4], bucket.factor < 1, case[1])
    end
  end)

  it("refuses options that make no sense", function()
    for _, given in ipairs { {}, 0, { messages = 1, per = 0 }, { messages = 1, burst = 0 } } do
      local made, err = rate.new(given)
      assert.is_nil(made)
      assert.equal("CONFIG", err.code)
    end
    assert.error_matches(function() rate.new { mesages = 3 } end, "rate: unknown option 'mesages' %(did you mean")
    assert.error_matches(function() rate.new { messages = -1 } end, "option 'messages' must be a number")
    assert.error_matches(function() rate.new { messages = 1 / 0 } end, "option 'messages' must be a number")
    assert.error_matches(function() rate.new "fast" end, "option 'rate' must be a number or a table")
  end)
end)
