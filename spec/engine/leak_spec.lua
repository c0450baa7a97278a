-- A thousand sends leave behind what one leaves: Lua's memory, the process's, its descriptors.

local fake = require "support.fake"

local SENDS = 1000
-- Sanitizers and valgrind, which take memory of their own and do not give back what is freed.
local preloaded = os.getenv "LD_PRELOAD" or ""
local is_measurable = not (preloaded:find "asan" or preloaded:find "vgpreload")

-- Sends twice as many messages in a process of its own (here the specs themselves take memory).
-- Returns what it holds before and behind the second half.
local function usage(how, port)
  local command = ("exec '%s' spec/support/send_many.lua %s %d %d 2>&1"):format(
    os.getenv "ETTM_LUA" or "lua5.4", how, port, 2 * SENDS)
  local pipe = assert(io.popen(command, "r"))
  local text = pipe:read "*a"
  pipe:close()
  local before, behind = {}, {}
  for name, value in text:gmatch "(%w+)\t(%w+)\n" do
    (before[name] and behind or before)[name] = value
  end
  assert(behind.Threads, text)
  return before, behind
end

describe("a thousand sends", function()
  local server

  after_each(function()
    server:stop()
  end)

  local function check(how, script)
    server = fake.start(script)
    local before, behind = usage(how, server.port)
    local function growth(name)
      return tonumber(behind[name]) - tonumber(before[name])
    end
    assert.is_true(growth "lua" < 50, ("Lua took %d KB more"):format(growth "lua"))
    for _, name in ipairs { "descriptors", "SigCgt", "SigIgn", "Threads" } do
      assert.equal(before[name], behind[name], name)
    end
    if before.VmRSS ~= "none" and is_measurable then
      assert.is_true(growth "VmRSS" < 2048, ("the process took %d KB more"):format(growth "VmRSS"))
    end
  end

  it("through one mailer leave nothing behind", function()
    check "mailer"
  end)

  it("that are refused, at the envelope or at the end, leave nothing behind", function()
    check("refused", [[{ replies = {
      RCPT = function(line) return line:find("<c@", 1, true) and "550 5.1.1 no" or "250 ok" end,
      content = function() return "554 5.7.1 no" end,
    } }]])
  end)

  it("each with a connection of its own leave nothing behind", function()
    check "single"
  end)
end)
