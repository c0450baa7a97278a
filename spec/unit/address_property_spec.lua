-- What holds for all addresses: what is written is read as the same; and reading takes time in
-- proportion to its text, whatever the text.

local core = require "ettsumailer.core"
local generator = require "support.generator"

local clock, floor, huge, max, min = os.clock, math.floor, math.huge, math.max, math.min

local COUNT = 100000

-- The parts of one address of a header, or why there is none.
local function reading(text)
  local a, _, why = core.address(text)
  if not a then
    return why
  end
  return a, a.name, a.local_part, a.domain
end

describe("an address", function()
  it("is read as it was, from the header text of any of 100,000", function()
    local random, differences = generator.new(6541), {}
    for _ = 1, COUNT do
      local parts = random:address()
      local made = assert(core.address_parts(parts.name, parts.local_part, parts.domain))
      local text = made:format() or tostring(made)
      local read, name, local_part = reading(text)
      if read ~= made or name ~= parts.name or local_part ~= parts.local_part then
        differences[#differences + 1] = text
      end
    end
    assert.same({}, differences)
  end)

  it("is read with its very domain, from the text for people", function()
    local random, differences = generator.new(6542), {}
    for _ = 1, COUNT / 10 do
      local parts = random:address()
      local text = tostring(assert(core.address_parts(parts.name, parts.local_part, parts.domain)))
      local read, name, local_part, domain = reading(text)
      if not read or name ~= parts.name or local_part ~= parts.local_part or domain ~= parts.domain then
        differences[#differences + 1] = text
      end
    end
    assert.same({}, differences)
  end)
end)

-- The least of some runs, so that a busy machine does not count.
local function seconds_for(unit, size)
  local text = unit:rep(floor(size / #unit))
  local least = huge
  for _ = 1, 4 do
    collectgarbage()
    local start = clock()
    core.address_list(text, "lenient")
    least = min(least, clock() - start)
  end
  return least
end

describe("reading a list", function()
  -- 1 MB and 4 MB: four times the time when it is linear, sixteen times when it is not.
  for _, unit in ipairs {
    "(", "()", '"\\', '"\\""', ",", "<", "a(x)", "a@b(x),", "x <a@b>,", "g:;", "=?utf-8?q?a?= ",
  } do
    it(("takes time in proportion to its size when it is a row of %s"):format(unit), function()
      local small = max(seconds_for(unit, 1000000), 0.001)
      assert.is_true(seconds_for(unit, 4000000) < 10 * small)
    end)
  end

  it("keeps what it says of an error short", function()
    for _, unit in ipairs { "(", '"\\', "<", "a(x)", "a " } do
      local list, code, why, position = core.address_list(unit:rep(500000))
      assert.is_nil(list)
      assert.equal("ADDRESS", code)
      assert.is_true(#why < 200)
      assert.is_true(position >= 1 and position <= #unit * 500000 + 1)
    end
  end)
end)
