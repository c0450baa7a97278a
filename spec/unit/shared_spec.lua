-- Limits in a dictionary that several processes share; here it is a table.

local errors = require "ettsumailer.errors"
local ettsumailer = require "ettsumailer"
local rate_of = require "ettsumailer.mailer.rate"
local shared_rate = require "ettsumailer.mailer.shared_rate"

local Dictionary = {}
Dictionary.__index = Dictionary

-- As those of ngx.shared; keys that are listed as full have no room.
local function dictionary()
  return setmetatable({ values = {}, full = {} }, Dictionary)
end

function Dictionary:get(key)
  return self.values[key]
end

function Dictionary:safe_set(key, value)
  if self.full[key] then
    return nil, "no memory"
  end
  self.values[key] = value
  return true
end

function Dictionary:safe_add(key, value)
  if self.values[key] ~= nil then
    return false, "exists"
  end
  return self:safe_set(key, value)
end

function Dictionary:delete(key)
  self.values[key] = nil
end

local function complaint()
  return errors.new { code = "REJECTED", smtp_code = 421, text = "slow down", delivery = "rejected" }
end

local LOCK = "ettsumailer:rate:x:lock"

describe("a rate that workers share", function()
  local shared, first, second

  local function worker(options)
    return assert(shared_rate.new(assert(rate_of.new(options)), shared, "x"))
  end

  before_each(function()
    shared = dictionary()
  end)

  it("gives its tokens to one of them only", function()
    first, second = worker(10), worker(10)
    assert.equal(0, first:take(1000))
    assert.is_true(math.abs(second:take(1000) - 0.1) < 1e-6)
    assert.equal(0, second:take(1000.1))
    assert.is_true(first:take(1000.1) > 0)
  end)

  it("counts recipients for all of them", function()
    first, second = worker { recipients = 100 }, worker { recipients = 100 }
    assert.equal(0, first:take(0, 1))
    first:charge(50)
    assert.is_true(math.abs(second:take(0) - 0.51) < 1e-6)
  end)

  it("is slower for all when one hears a complaint", function()
    first, second = worker(10), worker(10)
    first:note(complaint(), 0)
    local wait = second:take(0)
    assert.is_true(wait > 0.19 and wait < 0.21, wait)
  end)

  it("is asked again soon while another has the bucket, and takes nothing", function()
    first = worker(10)
    shared.values[LOCK] = true
    assert.equal(0.002, first:take(0))
    shared.values[LOCK] = nil
    assert.equal(0, first:take(0))
  end)

  it("forgets no complaint that came while another had the bucket", function()
    first, second = worker(10), worker(10)
    shared.values[LOCK] = true
    first:note(complaint(), 0)
    shared.values[LOCK] = nil
    assert.is_true(first:take(0) > 0)
    assert.is_true(second:take(0.1) > 0.05)
  end)

  it("leaves the bucket to others whatever it has done", function()
    first = worker(10)
    first:take(0)
    first:note(complaint(), 0)
    first:charge(1)
    assert.is_nil(shared.values[LOCK])
  end)

  it("needs no more room than it had at first", function()
    first = worker { messages = 10, recipients = 1000, burst = 5 }
    local size = #shared.values["ettsumailer:rate:x"]
    for i = 1, 1000 do
      first:take(i * 12345.678901234, 1000)
      assert.equal(size, #shared.values["ettsumailer:rate:x"])
    end
  end)

  it("says so where there is no room for it", function()
    shared.full["ettsumailer:rate:x"] = true
    local made, err = shared_rate.new(assert(rate_of.new(10)), shared, "x")
    assert.is_nil(made)
    assert.equal("CONFIG", err.code)
    shared.full = {}
    first = worker(10)
    shared.values, shared.full = {}, { [LOCK] = true }
    local wait, why = first:take(0)
    assert.is_nil(wait)
    assert.matches("the shared dictionary is full", why.text)
  end)

  it("fails a send, and each message of a batch, where there is no room any more", function()
    local mailer = assert(ettsumailer.mailer { via = "memory", from = "a@example.com", rate = 1000 })
    mailer.rate = worker(1000)
    shared.full = { [LOCK] = true }
    local given = { to = "b@example.com", text = "hi\n" }
    local result, err = mailer:send(given)
    assert.same({ nil, "CONFIG", "not_sent" }, { result, err.code, err.delivery })
    assert.same({ "b@example.com" }, err.not_sent)
    local summary = mailer:send_all { given, given }
    assert.same({ 2, 2 }, { summary.total, summary.failed })
    assert.equal("CONFIG", summary.results[2].err.code)
    assert.equal(given, summary.results[2].message)
    shared.full = {}
    assert.is_table(mailer:send(given))
    mailer:close()
  end)
end)

describe("shared limits outside of nginx", function()
  it("are refused", function()
    local mailer, err = ettsumailer.mailer { host = "mail.example", shared = "limits" }
    assert.is_nil(mailer)
    assert.equal("CONFIG", err.code)
    assert.matches("nginx", err.text)
  end)

  it("have a lease that can be put off in time", function()
    for _, lease in ipairs { 0, 0.5 } do
      local mailer, err = ettsumailer.mailer {
        host = "mail.example", shared = { dictionary = "limits", lease = lease },
      }
      assert.is_nil(mailer)
      assert.matches("lease must be 1 second or more", err.text)
    end
  end)

  it("are misuse where an option is unknown", function()
    assert.has_error(function()
      ettsumailer.mailer { host = "mail.example", shared = { dictionry = "limits" } }
    end, "mailer: shared: unknown option 'dictionry' (did you mean 'dictionary'?)")
  end)
end)
