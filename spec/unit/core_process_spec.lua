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

  it("tells the descriptors of its pipes", function()
    local process = assert(core.spawn { "cat" })
    assert.is_true(process:fd "r" > 2)
    assert.is_true(process:fd "w" > 2)
    assert.is_true(process:fd "r" ~= process:fd "w")
    process:close_input()
    assert.is_nil(process:fd "w")
    assert.equal(0, exit_of(process))
    process:close()
    assert.error_matches(function() process:fd "r" end, "closed")
  end)

  it("has a pipe for its errors where that is asked", function()
    local process = assert(core.spawn({ "sh", "-c", "echo out; echo wrong >&2" }, "errors"))
    assert.equal(0, exit_of(process))
    assert.equal("wrong\n", process:read_errors(100))
    assert.equal("out\n", output_of(process))
    assert.equal("DONE", select(2, process:read_errors()))
    process:close()
    process = assert(core.spawn { "true" })
    assert.error_matches(function() process:read_errors() end, "no pipe for that")
    assert.equal(0, exit_of(process))
    process:close()
    assert.error_matches(function() process:read_errors() end, "closed")
    assert.error_matches(function() core.spawn({ "true" }, "all") end, "invalid option 'all'")
  end)

  it("takes thousands of arguments, and no more than 4096", function()
    local arguments = { "sh", "-c", "echo $#" }
    for i = 4, 4096 do
      arguments[i] = "x"
    end
    local process = assert(core.spawn(arguments))
    assert.equal("4092\n", output_of(process))
    assert.equal(0, exit_of(process))
    process:close()
    arguments[4097] = "x"
    assert.error_matches(function() core.spawn(arguments) end, "at most 4096 strings")
    for _, bad in ipairs { {}, { "" }, { "true", 1 }, { "a\0b" }, { "true", {} } } do
      assert.error_matches(function() core.spawn(bad) end, "bad argument #1")
    end
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

  it("tells its end as often as it is asked", function()
    local process = assert(core.spawn { "sh", "-c", "exit 7" })
    assert.equal(7, exit_of(process))
    assert.same({ 7, 0 }, { process:wait() })
    assert.equal("STATE", select(2, process:kill()))
    assert.equal("ettsumailer.process (ended)", tostring(process))
    process:close()
    assert.same({ 7, 0 }, { process:wait() })
  end)

  it("can be ended by a signal that it cannot mind", function()
    local process = assert(core.spawn { "sh", "-c", "trap '' TERM; echo ready; exec cat" })
    assert(core.wait(process, "r", core.clock() + 10000))
    assert(process:kill "TERM")
    assert(process:kill "KILL")
    local code, signal = exit_of(process)
    assert.same({ -1, 9 }, { code, signal })
    assert.has_error(function() process:kill "HUP" end)
  end)

  it("is waited for in one direction at a time", function()
    local process = assert(core.spawn { "cat" })
    assert.equal("w", core.wait(process, "w", core.clock() + 10000))
    assert.same({ nil, "TIMEOUT" }, { (core.wait(process, "r", 0)), (select(2, core.wait(process, "r", 0))) })
    assert.has_error(function() core.wait(process, "rw", 0) end)
    local items = { { process, "r" }, { process, "w" } }
    assert(core.poll(items, core.clock() + 10000))
    assert.same({ nil, "w" }, { items[1].ready, items[2].ready })
    process:close_input()
    process:close_input()
    assert.has_error(function() core.wait(process, "w", 0) end)
    assert.error_matches(function() process:write "x" end, "input is closed")
    assert.equal(0, exit_of(process))
  end)

  it("says WAIT when it takes no more, and CLOSED when it never will", function()
    local process = assert(core.spawn { "sleep", "60" })
    local block, code = ("x"):rep(65536), nil
    for _ = 1, 100 do
      local n
      n, code = process:write(block)
      if not n then
        break
      end
    end
    assert.equal("WAIT", code)
    assert.equal(0, process:write "")
    assert.equal(0, process:write("abc", 4))
    assert.has_error(function() process:write("abc", 5) end)
    assert(process:kill "KILL")
    exit_of(process)
    assert.equal("CLOSED", select(2, process:write "x"))
    assert.same({ nil, "DONE" }, { process:read(10) })
  end)

  it("is told of its end by the collector, which neither waits nor kills", function()
    local witness = assert(core.spawn { "sh", "-c", "cat >/dev/null; echo gone" })
    local began = core.clock()
    core.spawn { "sleep", "1" }
    collectgarbage()
    collectgarbage()
    assert.is_true(core.clock() - began < 900)
    witness:close_input()
    assert.equal("gone\n", output_of(witness))
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

describe("core.standard_input", function()
  it("waits for and reads what this process is told, and is never closed", function()
    local script = ([[
      package.cpath = %q
      local core = require "ettsumailer.core"
      local input = core.standard_input()
      assert(core.wait(input, "r", core.clock() + 10000) == "r")
      local bytes = input:read(5)
      input:close()
      input = nil
      collectgarbage()
      input = core.standard_input()
      io.write(bytes, "|", input:read(100), "|", tostring(input:pid()), "|", (select(2, input:wait())))
      assert(not pcall(input.write, input, "x"))
    ]]):format(package.cpath)
    local process = assert(core.spawn { os.getenv "ETTM_LUA" or "lua5.4", "-e", script })
    assert.equal(11, process:write "hello there")
    assert.equal("hello| there|nil|STATE", output_of(process))
    assert.equal(0, exit_of(process))
  end)
end)

describe("make_folder", function()
  it("makes one folder, or says why not", function()
    local path = os.tmpname()
    os.remove(path)
    assert.is_true(core.make_folder(path))
    assert.is_true(core.make_folder(path))
    local made, code, why = core.make_folder(path .. "/a/b")
    assert.is_nil(made)
    assert.equal("CONFIG", code)
    assert.matches("cannot make .*/a/b: No such file", why)
    os.execute("rmdir " .. path)
    local file = assert(io.open(path, "wb"))
    file:close()
    assert.is_nil((core.make_folder(path)))
    os.remove(path)
    assert.error_matches(function() core.make_folder "a\0b" end, "NUL")
  end)
end)
