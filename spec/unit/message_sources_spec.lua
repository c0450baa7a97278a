-- Content from files, open files and functions: reading it, again and again, and what happens when it
-- fails; and writing a message into a file.

local core = require "ettsumailer.core"
local ettsumailer = require "ettsumailer"
local fake = require "support.fake"
local mime = require "support.mime"

local function compose(attachment)
  return ettsumailer.message {
    from = "a@example.com", to = "b@example.com", text = "t", date = 0, zone_minutes = 0, entropy = ("e"):rep(32),
    attachments = { attachment },
  }
end

local function file_with(content)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(content)
  file:close()
  return path
end

local function read_file(path)
  local file = io.open(path, "rb")
  if not file then
    return nil
  end
  local text = file:read "*a"
  file:close()
  return text
end

-- What LTN12 calls a source of a string.
local function chunks_of(text, size, ending)
  local at = 1
  return function()
    local chunk = text:sub(at, at + size - 1)
    at = at + size
    if chunk ~= "" then
      return chunk
    end
    return nil, ending
  end
end

local CONTENT = ("\0\1\2 some octets \255"):rep(9000)

local function content_of(message)
  local bytes, code, text = mime.read(message:reader())
  if code ~= "DONE" then
    return nil, code, text, bytes
  end
  return mime.parse(bytes)[2].body
end

describe("content of a message", function()
  it("comes from an open file, from where it stands, again and again", function()
    local path = file_with("skipped" .. CONTENT)
    local file = assert(io.open(path, "rb"))
    file:read(7)
    local message = assert(compose { content = file, filename = "x.bin" })
    local first, second = message:reader(), message:reader()
    assert.equal(#mime.read(message:reader()), message:size())
    assert.is_true(CONTENT == content_of(message))
    local pieces = { {}, {} }
    repeat -- two readers in turn
      local one, two = first:read(10000), second:read(3000)
      pieces[1][#pieces[1] + 1], pieces[2][#pieces[2] + 1] = one, two
    until not one and not two
    assert.is_true(table.concat(pieces[1]) == table.concat(pieces[2]))
    file:close()
    local _, code, text = content_of(message)
    assert.equal("SOURCE", code)
    assert.equal("attachments[1]: the file was closed", text)
    os.remove(path)
  end)

  it("comes from a pipe, once", function()
    local pipe = assert(io.popen("printf abc", "r"))
    local message = assert(compose { content = pipe, filename = "x" })
    assert.is_nil(message:size())
    assert.equal("abc", content_of(message))
    local _, code = content_of(message)
    assert.equal("SOURCE", code)
    pipe:close()
  end)

  it("comes from a function, once; a second reading fails at its first octet", function()
    local message = assert(compose { content = chunks_of(CONTENT, 999), filename = "x" })
    assert.is_nil(message:size())
    assert.is_true(CONTENT == content_of(message))
    local _, code, text = content_of(message)
    assert.equal("SOURCE", code)
    assert.matches("^attachments%[1%]: it was read already", text)
  end)

  it("belongs to the first of two readers that asks for it", function()
    local message = assert(compose { content = chunks_of("abc", 1), filename = "x" })
    local reading = require "ettsumailer.message.reading"
    local first, second = assert(reading.open(message)), assert(reading.open(message))
    assert.equal("abc", mime.parse((mime.read(second)))[2].body)
    local _, code = mime.read(first)
    assert.equal("SOURCE", code)
  end)

  it("comes from a source that starts over, as often as it is read", function()
    local message = assert(compose {
      source = function() return chunks_of(CONTENT, 70000) end, size = #CONTENT, filename = "x",
    })
    for _, n in ipairs { 7, 4096, 1048576 } do
      local bytes, code = mime.read(message:reader(), n)
      assert.equal("DONE", code)
      assert.equal(message:size(), #bytes)
      assert.is_true(CONTENT == mime.parse(bytes)[2].body)
    end
  end)

  it("may come in empty pieces and pieces of any size", function()
    local list = { "", "a", "", ("b"):rep(200000), "", "c" }
    local i = 0
    local message = assert(compose { filename = "x", content = function()
      i = i + 1
      return list[i]
    end })
    assert.is_true(table.concat(list) == content_of(message))
  end)

  it("is never completed when it fails, ends early or grows", function()
    local cases = {
      { content = chunks_of(CONTENT, 1000, "disk on fire"), problem = "disk on fire" },
      { content = chunks_of(CONTENT, 1000), size = #CONTENT + 1, problem = "ended after 153000 of 153001" },
      { content = chunks_of(CONTENT, 1000), size = #CONTENT - 1, problem = "more than the 152999" },
      { source = function() return nil, "not there" end, problem = "not there" },
      { source = function() return 12 end, problem = "did not return a function" },
      { content = function() return 12 end, problem = "gave a number" },
      { content = function() return false end, problem = "gave a boolean" },
      { content = function() return nil, { "odd" } end, problem = "table" },
    }
    for _, case in ipairs(cases) do
      local problem = case.problem
      case.problem = nil
      local message = assert(compose(case))
      local reader = message:reader()
      local bytes, code, text = mime.read(reader)
      assert.equal("SOURCE", code)
      assert.matches("attachments[1]: ", text, 1, true)
      assert.is_truthy(text:find(problem, 1, true), text)
      assert.is_nil(bytes:find("--=_[%x_]+--\r\n$"))
      assert.same({ nil, "SOURCE", text, n = 3 }, { n = 3, reader:read(10) })
    end
  end)

  it("may wait: a function that yields is asked outside of all that could not", function()
    local message = assert(compose { filename = "x", content = function()
      return coroutine.yield "more"
    end })
    local thread = coroutine.create(function() return content_of(message) end)
    assert.same({ true, "more" }, { coroutine.resume(thread) })
    assert.same({ true, "more" }, { coroutine.resume(thread, "abc") })
    local ok, content = coroutine.resume(thread, nil)
    assert.is_true(ok)
    assert.equal("abc", content)
  end)

  it("is checked as misuse and as a value", function()
    local path = file_with "x"
    local closed = assert(io.open(path))
    closed:close()
    os.remove(path)
    assert.error_matches(function() compose { content = closed } end, "is closed")
    assert.error_matches(function() compose { content = "x", path = "y" } end, "exactly one of")
    assert.error_matches(function() compose { content = "x", size = 1 } end, "size is known")
    assert.error_matches(function() compose { content = 1 } end, "option 'content' must be")
    local message, err = compose { content = function() end, size = -1 }
    assert.is_nil(message)
    assert.matches("^attachments%[1%]: size", err.text)
  end)

  it("is no folder", function()
    local folder = io.open "/"
    if folder then
      local message, err = compose { content = folder, filename = "x" }
      if message then -- where its size cannot be told
        assert.equal("SOURCE", select(2, content_of(message)))
      else
        assert.equal("SOURCE", err.code)
      end
      folder:close()
    end
  end)
end)

describe("sending a message", function()
  local server

  after_each(function()
    server:stop()
  end)

  local function mailer()
    server = fake.start()
    return assert(ettsumailer.mailer {
      host = "127.0.0.1", port = server.port, security = "none", ehlo_name = "client.example", timeout = 20,
    })
  end

  it("asks Lua for its content, and can be done again where the source can", function()
    local message = assert(compose { source = function() return chunks_of(CONTENT, 5000) end, filename = "x" })
    local sender = mailer()
    assert(sender:send(message))
    assert(sender:send(message))
    sender:close()
    local list = server:stop()
    assert.equal(2, #list)
    for i = 1, 2 do
      assert.is_true(CONTENT == mime.parse(list[i].data)[2].body)
    end
  end)

  it("finds a source that was read before anything is sent", function()
    local message = assert(compose { content = chunks_of("abc", 2), filename = "x" })
    local sender = mailer()
    assert(sender:send(message))
    local result, err = sender:send(message)
    assert.is_nil(result)
    assert.equal("SOURCE", err.code)
    assert.equal("not_sent", err.delivery)
    assert.same({ "b@example.com" }, err.not_sent)
    sender:close()
    assert.equal(1, #server:stop())
  end)

  it("finds a file that is gone before anything is sent", function()
    local path = file_with(CONTENT)
    local message = assert(compose(path))
    os.remove(path)
    local sender = mailer()
    local result, err = sender:send(message)
    assert.is_nil(result)
    assert.equal("SOURCE", err.code)
    sender:close()
    assert.is_nil(server:log():find("C: MAIL", 1, true))
  end)

  it("drops the connection when content fails: nobody gets half of it", function()
    for _, case in ipairs {
      { content = chunks_of(CONTENT, 1000, "disk on fire") }, { content = chunks_of(CONTENT, 1000), size = 1000000 },
      { content = chunks_of(CONTENT, 1000), size = 100000 },
    } do
      local sender = mailer()
      local result, err = sender:send(assert(compose(case)))
      assert.is_nil(result)
      assert.equal("SOURCE", err.code)
      assert.equal("not_sent", err.delivery)
      assert.is_false(err.temporary)
      assert.same({ "b@example.com" }, err.not_sent)
      sender:close()
      assert.equal(0, #server:stop())
    end
  end)

  it("drops the connection when a file has grown or shrunk", function()
    for _, size in ipairs { 100000, 300000 } do
      local path = file_with(("x"):rep(200000))
      local message = assert(compose(path))
      os.remove(path)
      local file = assert(io.open(path, "wb"))
      file:write(("x"):rep(size))
      file:close()
      local sender = mailer()
      local _, err = sender:send(message)
      os.remove(path)
      assert.equal("SOURCE", err.code)
      assert.equal("not_sent", err.delivery)
      sender:close()
      assert.equal(0, #server:stop())
    end
  end)

  it("sends a ready-made message, whoever the mailer's from is", function()
    server = fake.start()
    local sender = assert(ettsumailer.mailer {
      host = "127.0.0.1", port = server.port, security = "none", ehlo_name = "client.example", from = "x@example.com",
    })
    assert(sender:send { raw = "From: a@example.com\nTo: b@example.com\nBcc: c@example.com\n\n.hello\n" })
    sender:close()
    local message = server:stop()[1]
    assert.matches("^<a@example.com> ", message.from)
    assert.same({ "<b@example.com>", "<c@example.com>" }, message.to)
    assert.matches("\r\nFrom: a@example.com\r\nTo: b@example.com\r\n\r\n.hello\r\n$", message.data)
  end)

  it("sends 8-bit content only where that is offered, and says so (RFC 6152)", function()
    local raw = "From: a@example.com\nTo: b@example.com\nMIME-Version: 1.0\n\n日本\n"
    local sender = mailer()
    assert(sender:send { raw = raw })
    sender:close()
    local message = server:stop()[1]
    assert.matches(" BODY=8BITMIME$", message.from)
    assert.matches("\r\n\r\n日本\r\n$", message.data)
    server = fake.start '{ extensions = { "PIPELINING" } }'
    for _, given in ipairs {
      { raw = raw }, { from = "a@example.com", to = "b@example.com", text = "日本\n", body = "8bit" },
    } do
      given.host, given.port, given.security = "127.0.0.1", server.port, "none"
      local result, err = ettsumailer.send(given)
      assert.is_nil(result)
      assert.equal("CONFIG", err.code)
      assert.matches("8BITMIME", err.text)
    end
    assert.is_nil(server:log():find("C: MAIL", 1, true))
  end)

  it("takes content from Lua on a connection by hand, too", function()
    server = fake.start()
    local conn = assert(ettsumailer.connect {
      host = "127.0.0.1", port = server.port, security = "none", ehlo_name = "client.example",
    })
    assert(conn:ehlo() and conn:mail "a@example.com" and conn:rcpt "b@example.com")
    local message = assert(compose { content = chunks_of(CONTENT, 5000), filename = "x" })
    assert(conn:data(message))
    assert(conn:mail "a@example.com" and conn:rcpt "b@example.com")
    local reply, err = conn:data(message)
    assert.is_nil(reply)
    assert.equal("SOURCE", err.code)
    assert(conn:rset())
    conn:quit()
    assert.is_true(CONTENT == mime.parse(server:stop()[1].data)[2].body)
  end)
end)

describe("writing a message", function()
  local folder

  before_each(function()
    folder = os.tmpname()
    os.remove(folder)
    os.execute("mkdir " .. folder)
  end)

  after_each(function()
    os.execute("rm -r " .. folder)
  end)

  local function names()
    local pipe = io.popen("ls -A " .. folder)
    local text = pipe:read "*a"
    pipe:close()
    return text
  end

  it("puts the whole of it into a file, over what was there", function()
    local message = assert(compose { content = CONTENT, filename = "x" })
    for _ = 1, 2 do
      assert.is_true(message:write(folder .. "/m.eml"))
      assert.is_true(mime.read(message:reader()) == read_file(folder .. "/m.eml"))
      assert.equal("m.eml\n", names())
    end
  end)

  it("leaves nothing behind when content fails or the place is none", function()
    local message = assert(compose { content = chunks_of(CONTENT, 1000, "disk on fire"), filename = "x" })
    local ok, err = message:write(folder .. "/m.eml")
    assert.is_nil(ok)
    assert.equal("SOURCE", err.code)
    assert.equal("", names())
    message = assert(compose { content = "x", filename = "x" })
    for _, path in ipairs { folder .. "/no/m.eml", folder, "a\0b" } do
      ok, err = message:write(path)
      assert.is_nil(ok)
      assert.is_true(ettsumailer.is_error(err))
      assert.equal("CONFIG", err.code)
    end
    assert.equal("", names())
  end)

  it("is misuse for what is no sealed message or no path", function()
    local message = assert(compose { content = "x" })
    assert.error_matches(function() message:write() end, "string expected")
    assert.error_matches(function() core.message():write "x" end, "not sealed")
    assert.is_false((pcall(message.write, io.stdout, "x")))
    message:close()
    assert.error_matches(function() message:write(folder .. "/x") end, "closed")
  end)
end)
