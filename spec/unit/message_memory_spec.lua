-- The memory of a reader is fixed, whatever a message holds.
-- Why in a process of its own: what the specs before have left behind would hide any growth.

local function interpreter()
  local i = 0
  while arg and arg[i - 1] do
    i = i - 1
  end
  return os.getenv "ETTM_LUA" or os.getenv "LUA_BIN" or (arg and arg[i]) or "lua"
end

local CHILD = [[
  local ettsumailer = require "ettsumailer"
  local path = ...
  local function resident()
    for line in io.lines "/proc/self/status" do
      local size = line:match "^VmRSS:%s*(%d+) kB"
      if size then
        return tonumber(size)
      end
    end
  end
  local message = assert(ettsumailer.message {
    from = "a@example.com", to = "b@example.com", text = "t", attachments = { path },
  })
  local reader = message:reader()
  local size, before, most = 0, nil, 0
  local piece, code = reader:read(32768)
  while piece do
    size = size + #piece
    piece, code = reader:read(32768)
    if size > 4000000 and size % 100 == 0 or not before and size > 4000000 then
      before = before or resident()
      most = math.max(most, resident())
    end
  end
  most = math.max(most, resident())
  assert(code == "DONE" and size == message:size(), tostring(code))
  print(("%d %d"):format(size, most - before))
]]

local function write_file(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

local has_proc = io.open "/proc/self/status" ~= nil

describe("a reader's memory", function()
  -- A sanitizer keeps what was freed: its figures are not the program's.
  local is_sanitized = (os.getenv "LD_PRELOAD" or ""):find("asan", 1, true) ~= nil
  local maybe = has_proc and not is_sanitized and it or pending

  maybe("grows by less than 1 MB over an attachment of 1 GB", function()
    local script, path = os.tmpname(), os.tmpname()
    write_file(script, CHILD)
    local file = assert(io.open(path, "wb"))
    file:seek("set", 2 ^ 30 - 1)
    file:write "\0" -- all in front of it is a hole
    file:close()
    local pipe = assert(io.popen(("'%s' '%s' '%s'"):format(interpreter(), script, path), "r"))
    local size, growth = (pipe:read "*a"):match "^(%d+) (%-?%d+)\n$"
    pipe:close()
    os.remove(script)
    os.remove(path)
    assert.is_truthy(size)
    assert.is_true(tonumber(size) > 1400000000)
    assert.is_true(tonumber(growth) < 1024, growth .. " kB")
  end)
end)
