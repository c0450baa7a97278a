-- Objects may be collected in any order, at any time; nothing that is needed goes, nothing stays.
-- Why: the order of finalizers follows the order of creation, whatever refers to what.

local core = require "ettsumailer.core"

local LARGE = ("a line of a large text part\r\n"):rep(1000)

local function collect()
  collectgarbage()
  collectgarbage()
end

local function new_message()
  local message = core.message()
  assert(message:header("addresses", "From", "a@x.example"))
  return message
end

local function seal(message)
  assert(message:seal { now = 0, zone = 0, entropy = ("e"):rep(32) })
  return message
end

local function read_all(reader)
  local pieces = {}
  while true do
    local piece, code, text = reader:read(1000)
    if not piece then
      assert(code == "DONE", text)
      return table.concat(pieces)
    end
    pieces[#pieces + 1] = piece
    collectgarbage "step"
  end
end

local function large_reader()
  local message = new_message()
  assert(message:leaf(nil, { text = true }, LARGE .. ""))
  return seal(message):reader()
end

-- Without io.popen, whose pipe would be counted now and then.
local function open_descriptors()
  local path = os.tmpname()
  os.execute("ls /proc/$PPID/fd 2>/dev/null | wc -l > " .. path)
  local file = assert(io.open(path))
  local count = file:read "*n"
  file:close()
  os.remove(path)
  return count
end

describe("the collector", function()
  it("leaves a large content to the reader of a message that is gone", function()
    local reader = large_reader()
    collect()
    local junk = {} -- takes the place of what was freed
    for i = 1, 1000 do
      junk[i] = ("x"):rep(3000) .. i
    end
    assert.are.equal(1000, #junk)
    assert.is_truthy(read_all(reader):find(LARGE, 1, true))
  end)

  it("leaves a large content to the reader of a message that was closed", function()
    local message = new_message()
    assert(message:leaf(nil, { text = true }, LARGE))
    local reader = seal(message):reader()
    message:close()
    collect()
    assert.is_truthy(read_all(reader):find(LARGE, 1, true))
  end)

  it("leaves the bytes that were supplied to the reader", function()
    local message = new_message()
    local part = message:leaf_source(nil, { type = "application/octet-stream" })
    local reader = seal(message):reader()
    local piece, code, wanted
    local text = {}
    repeat
      piece, code, wanted = reader:read(100)
      text[#text + 1] = piece
    until not piece
    assert.are.equal("NEED", code)
    assert.are.equal(part, wanted)
    assert(reader:supply(("s"):rep(5000)))
    collect()
    repeat
      piece, code = reader:read(100)
      text[#text + 1] = piece
    until not piece
    assert.are.equal("NEED", code)
    assert(reader:supply(nil))
    text[#text + 1] = read_all(reader)
    local content = table.concat(text):match "\r\n\r\n(.*)$":gsub("[\r\n]", "")
    assert.are.equal(math.ceil(5000 / 3) * 4, #content)
  end)

  it("takes a message and its readers in either order", function()
    for _ = 1, 50 do
      local message = new_message()
      assert(message:leaf(nil, { text = true }, LARGE))
      seal(message)
      local first, second = message:reader(), message:reader()
      first:read(10)
      second:read(20)
      message, first = nil, nil -- luacheck: ignore
      collectgarbage "step"
      second:read(10)
      second = nil -- luacheck: ignore
    end
    collect()
  end)

  it("takes a TLS context before or after the session that uses it", function()
    for i = 1, 20 do
      local session, context
      if i % 2 == 0 then
        context = assert(core.tls_context())
        session = core.session()
      else
        session = core.session()
        context = assert(core.tls_context())
      end
      assert(session:start_tls(context, "mail.example"))
      context = nil -- luacheck: ignore
      collect()
      assert.is_true(#session:peek() > 0)
      session = nil -- luacheck: ignore
      collect()
    end
  end)

  it("lets a TLS context be closed under a session that uses it", function()
    local context = assert(core.tls_context())
    local session = core.session()
    assert(session:start_tls(context, "mail.example"))
    context:close()
    assert.is_true(#session:peek() > 0)
    assert.is_false((pcall(session.start_tls, session, context)))
  end)

  it("closes the files of readers and the sockets that were forgotten", function()
    collect()
    local before = open_descriptors()
    if before == 0 then
      return -- no /proc here
    end
    local path = os.tmpname()
    local file = assert(io.open(path, "wb"))
    file:write(("f"):rep(200000))
    file:close()
    for _ = 1, 20 do
      local message = new_message()
      assert(message:leaf_file(nil, {}, path))
      local reader = seal(message):reader()
      reader:read(1000)
      reader:read(100000)
      reader:read(100000)
      assert(core.listen("127.0.0.1", 0))
      assert(core.resolve("127.0.0.1", 25))
    end
    os.remove(path)
    collect()
    assert.are.equal(before, open_descriptors())
  end)

  it("gives back what a thousand forgotten objects of each class took", function()
    local function make()
      core.session()
      large_reader()
      core.address_list "Staff: a@x.example, b@x.example;"
      core.encode_header "日本語の件名"
    end
    make()
    collect()
    local before = collectgarbage "count"
    for _ = 1, 1000 do
      make()
    end
    collect()
    assert.is_true(collectgarbage "count" < before + 200)
  end)

  it("may run at every step", function()
    local pause = collectgarbage("setpause", 0)
    local multiplier = collectgarbage("setstepmul", 1000)
    local text = read_all(large_reader())
    local addresses = core.address_list "Staff: a@x.example, b@x.example;, 名 <c@y.example>"
    local session = core.session()
    session:feed "220 mail.example ready\r\n"
    local event = session:next()
    collectgarbage("setpause", pause)
    collectgarbage("setstepmul", multiplier)
    assert.is_truthy(text:find(LARGE, 1, true))
    assert.are.equal(3, #addresses)
    assert.are.equal("GREETING", event.kind)
  end)

  it("ends a state with every object still open", function()
    local session = core.session()
    local context = assert(core.tls_context())
    assert(session:start_tls(context, "mail.example"))
    _G.ettsumailer_open_at_exit = { -- luacheck: ignore
      session, context, large_reader(), core.listen("127.0.0.1", 0), core.resolve("127.0.0.1", 25),
    }
  end)
end)
