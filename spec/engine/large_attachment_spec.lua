-- A large file goes through block by block: whatever its size, the process stays small.
-- Each end is a process of its own, so that what is measured is the sender alone.

local OCTETS = 100 * 1024 * 1024
local BOUND_KB = 16 * 1024

-- Sanitizers and valgrind, which take memory of their own and do not give back what is freed.
local preloaded = os.getenv "LD_PRELOAD" or ""
local is_measurable = not (preloaded:find "asan" or preloaded:find "vgpreload")
local interpreter = os.getenv "ETTM_LUA" or "lua5.4"

-- A file with holes for all but its end: it takes no room on the disk.
local function make_file(octets)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  assert(file:seek("set", octets - 1))
  file:write "\0"
  file:close()
  return path
end

local function start(script, ...)
  local words = { "exec", "'" .. interpreter .. "'", "spec/support/" .. script, ... }
  return assert(io.popen(table.concat(words, " ") .. " 2>&1", "r"))
end

describe("an attachment of 100 MB", function()
  local path

  before_each(function()
    path = make_file(OCTETS)
  end)

  after_each(function()
    os.remove(path)
  end)

  local function check(security, sink_mode)
    local sink = start("sink.lua", sink_mode)
    local port = assert(tonumber(sink:read "*l"))
    local sender = start("send_large.lua", port, security, path)
    local said = sender:read "*a"
    sender:close()
    local received = sink:read "*a"
    sink:close()
    local size, peak = said:match "^size (%d+) sent %d+ rest %d+ connected %d+ peak (%d+)\n$"
    assert(size, said)
    assert.equal(size .. "\n", received)
    assert.is_true(tonumber(size) > OCTETS * 4 / 3)
    if is_measurable then
      assert.is_true(tonumber(peak) < BOUND_KB, said)
    end
  end

  it("is received whole, and the sender stays below 16 MB", function()
    check("none", "plain")
  end)

  it("is received whole over TLS, and the sender stays below 16 MB", function()
    check("implicit", "tls")
  end)
end)
