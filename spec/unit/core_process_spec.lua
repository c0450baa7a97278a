local core = require "ettsumailer.core"

-- Everything that a child writes.
local function output_of(process)
  local pieces = {}
  while true do
    local bytes, code = process:read(4096)
    if bytes then
      pieces[#pieces + 1] = bytes
    elseif code == "DONE" then
      return table.concat(pieces)
    else
      assert.equal("WAIT", code)
      assert(core.wait(process, "r", core.clock() + 10000))
    end
  end
end

local function exit_of(process)
  local deadline = core.clock() + 10000
  while core.clock() < deadline do
    local code, signal = process:wait()
    if code then
      return code, signal
    end
    core.poll({}, core.clock() + 5)
  end
end

describe("a child process", function()
  it("gets its arguments as they are, with no shell in between", function()
    local process = assert(core.spawn { "printf", "%s|", "a b", "$HOME", "'; ls", "" })
    assert.equal("a b|$HOME|'; ls||", output_of(process))
    assert.equal(0, exit_of(process))
    process:close()
  end)

  it("reads what it is told, and ends when its input does", function()
    local process = assert(core.spawn { "cat" })
    assert.equal(6, process:write "hello\n")
    assert.equal(3, process:write("skip it", 5))
    process:close_input()
    assert.equal("hello\n it", output_of(process))
    assert.equal(0, exit_of(process))
    assert.is_nil(process:pid())
    process:close()
  end)

  it("tells how it ended", function()
    assert.equal(3, exit_of(assert(core.spawn { "sh", "-c", "exit 3" })))
    local process = assert(core.spawn { "cat" })
    assert.is_nil((process:wait()))
    assert(process:kill())
    local code, signal = exit_of(process)
    assert.equal(-1, code)
    assert.equal(15, signal)
  end)

  it("is not there when its program is not", function()
    local process, code, text = core.spawn { "/nonexistent/program" }
    assert.is_nil(process)
    assert.equal("CLOSED", code)
    assert.equal("No such file or directory", text)
  end)

  it("raises for arguments that are none", function()
    assert.has_error(function() core.spawn {} end)
    assert.has_error(function() core.spawn { "cat", 1 } end)
    assert.has_error(function() core.spawn { "ca\0t" } end)
    assert.has_error(function() core.spawn "cat" end)
  end)

  it("is not written to or read from once it is closed", function()
    local process = assert(core.spawn { "cat" })
    process:close()
    process:close()
    assert.error_matches(function() process:write "x" end, "closed")
    assert.equal(0, exit_of(process))
  end)
end)
