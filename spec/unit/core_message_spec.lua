-- ettsumailer.message and ettsumailer.reader of the C module: where content comes from and how it
-- is pulled. What the bytes look like is tested in C and in spec/unit/message_spec.lua.

local core = require "ettsumailer.core"

local SEAL = { now = 1700000000, zone = 540, entropy = ("e"):rep(32), host = "x.example" }

local function new_message()
  local message = core.message()
  assert(message:header("addresses", "From", "エッツ <ettsu@x.example>"))
  return message
end

local function sealed(content, desc)
  local message = new_message()
  assert(message:leaf(nil, desc or { text = true }, content))
  assert(message:seal(SEAL))
  return message
end

-- Reads it all; supplies what the list has when it is asked to.
local function read_all(reader, step, list)
  local pieces = {}
  while true do
    local piece, code, text = reader:read(step or 4096)
    if code == "NEED" then
      assert(reader:supply(list and table.remove(list, 1)))
    elseif not piece then
      return table.concat(pieces), code, text
    else
      assert.is_true(#piece >= 1 and #piece <= (step or 4096))
      pieces[#pieces + 1] = piece
    end
  end
end

local function body_of(text)
  return text:match "\r\n\r\n(.*)$"
end

local function file_with(content)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(content)
  file:close()
  return path
end

local DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local function decode_base64(text)
  local bytes, bits, count = {}, 0, 0
  for digit in text:gmatch "[%w+/]" do
    bits = bits * 64 + DIGITS:find(digit, 1, true) - 1
    count = count + 6
    if count >= 8 then
      count = count - 8
      local unit = 2 ^ count
      bytes[#bytes + 1] = string.char(math.floor(bits / unit) % 256)
      bits = bits % unit
    end
  end
  return table.concat(bytes)
end

describe("a message of the core", function()
  it("is the same bytes for the same input", function()
    local first, second = sealed "hello\n", sealed "hello\n"
    assert.are.equal((read_all(first:reader())), (read_all(second:reader())))
    assert.are.equal(first:id(), second:id())
    assert.is_truthy(first:id():find "^<[^<>@]+@x%.example>$")
  end)

  it("keeps a table for whoever made it, also when it is closed", function()
    local kept = {}
    local message = core.message(kept)
    assert(message:header("addresses", "From", "a@x.example"))
    assert(message:leaf(nil, { text = true }, ("x"):rep(5000)))
    assert.is_true(core.message_kept(message) == kept)
    message:close()
    assert.is_true(core.message_kept(message) == kept)
    assert.is_true(core.message_kept(core.message()) ~= core.message_kept(core.message()))
    assert.is_false((pcall(core.message, 1)))
    assert.is_false((pcall(core.message_kept, {})))
  end)

  it("takes time and entropy by itself when it is given none", function()
    local ids = {}
    for i = 1, 2 do
      local message = new_message()
      assert(message:leaf(nil, { text = true }, "hello\n"))
      assert(message:seal())
      ids[i] = message:id()
      assert.is_truthy(message:header_section():find "Date: ")
    end
    assert.are_not.equal(ids[1], ids[2])
  end)

  it("tells its size before it is read", function()
    for _, content in ipairs { "", "hello\n", ("日本語\n"):rep(3000), ("\0\255"):rep(9999) } do
      local message = sealed(content, { text = content:find "\0" == nil })
      assert.are.equal(#read_all(message:reader()), message:size())
    end
  end)

  it("does not know its size when a source does not", function()
    local message = new_message()
    assert(message:leaf_source(nil, {}))
    assert(message:seal(SEAL))
    assert.is_nil(message:size())
  end)

  it("is 7-bit and needs nothing of the server", function()
    local message = sealed "日本語\n"
    assert.is_false(message:needs_8bit())
    assert.is_false(message:needs_smtputf8())
    assert.is_nil((read_all(message:reader())):find "[\128-\255]")
  end)

  it("gives its header section", function()
    local message = new_message()
    assert(message:header("text", "Subject", "件名"))
    assert(message:header("ready", "X-Ready", "a; b=c"))
    assert(message:leaf(nil, { text = true }, "hello\n"))
    assert(message:seal(SEAL))
    local section = message:header_section()
    assert.is_truthy(section:find("Subject: =?UTF-8?", 1, true))
    assert.is_truthy(section:find("X-Ready: a; b=c\r\n", 1, true))
    assert.are.equal("\r\n\r\n", section:sub(-4))
    assert.are.equal(section, read_all(message:reader()):sub(1, #section))
  end)

  it("names the field that it refuses", function()
    local message = new_message()
    local ok, code, text = message:header("text", "Subject", "a\r\nBcc: b@y.example")
    assert.is_nil(ok)
    assert.are.equal("CONFIG", code)
    assert.are.equal("Subject: ", text:sub(1, 9))
    ok, code, text = message:header("addresses", "To", "a@x.example, b@@y.example")
    assert.is_nil(ok)
    assert.are.equal("ADDRESS", code)
    assert.are.equal("To: ", text:sub(1, 4))
    assert.is_truthy(text:find("position 16", 1, true))
    ok, code = message:header("text", "Sub ject", "x")
    assert.is_nil(ok)
    assert.are.equal("CONFIG", code)
  end)

  it("raises for a kind of header that there is not", function()
    local message = new_message()
    assert.is_false((pcall(message.header, message, "raw", "Subject", "x")))
    assert.is_false((pcall(message.header, message, "text", "Subject", 1)))
    assert.is_false((pcall(message.header, message, "text", "Subject")))
  end)

  it("numbers its parts and gives them headers", function()
    local message = new_message()
    local top = message:multipart(nil, "mixed")
    local inner = message:multipart(top, "related", "; type=\"text/html\"")
    local leaf = message:leaf(inner, { type = "text/html", text = true }, "<p>hello</p>\n")
    assert.are.same({ 0, 1, 2 }, { top, inner, leaf })
    assert.is_true(message:part_header(leaf, "text", "Content-Description", "a page"))
    assert.is_false((pcall(message.part_header, message, 99, "text", "X-A", "b")))
    assert(message:seal(SEAL))
    local text = read_all(message:reader())
    assert.is_truthy(text:find("Content-Description: a page\r\n", 1, true))
    assert.is_truthy(text:find("multipart/related", 1, true))
  end)

  it("refuses a parent that is no multipart", function()
    local message = new_message()
    local leaf = message:leaf(nil, { text = true }, "hello\n")
    local part, code = message:leaf(leaf, { text = true }, "hello\n")
    assert.is_nil(part)
    assert.are.equal("STATE", code)
  end)

  it("raises for a field of a part that it does not know", function()
    local message = new_message()
    local ok, text = pcall(message.leaf, message, nil, { file_name = "x" }, "x")
    assert.is_false(ok)
    assert.is_truthy(text:find("'file_name'", 1, true))
    assert.is_false((pcall(message.leaf, message, nil, { text = "yes" }, "x")))
    assert.is_false((pcall(message.leaf, message, nil, { type = 1 }, "x")))
    assert.is_false((pcall(message.leaf, message, nil, nil, "x")))
    assert.is_false((pcall(message.leaf, message, -1, {}, "x")))
    assert.is_false((pcall(message.leaf, message, nil, {}, 1)))
  end)

  it("refuses text that is no UTF-8, be it short or long", function()
    for _, content in ipairs { "\255\n", ("hello\n"):rep(1000) .. "\255" } do
      local message = new_message()
      local part, code, text = message:leaf(nil, { text = true }, content)
      assert.is_nil(part)
      assert.are.equal("CONFIG", code)
      assert.is_truthy(text:find("UTF-8", 1, true))
    end
  end)

  it("leaves text of another charset alone", function()
    local content = ("\147\250\150\123\n"):rep(2000)
    local message = sealed(content, { text = true, charset = "Shift_JIS" })
    assert.are.equal(message:size(), #read_all(message:reader()))
  end)

  it("encodes a long string as it does a short one", function()
    local line = "日本語の一行 = \t\n"
    local short = sealed(line:rep(10))
    local long = sealed(line:rep(1000))
    local function encoding(message)
      return message:header_section():match "Content%-Transfer%-Encoding: (%S+)"
    end
    assert.are.equal(encoding(short), encoding(long))
  end)

  it("cannot be sealed without a From, and is gone then", function()
    local message = core.message()
    assert(message:leaf(nil, { text = true }, "hello\n"))
    local ok, code, text = message:seal(SEAL)
    assert.is_nil(ok)
    assert.are.equal("CONFIG", code)
    assert.is_truthy(text:find("From", 1, true))
    assert.is_false((pcall(message.is_sealed, message)))
  end)

  it("cannot be sealed without a part", function()
    local message = new_message()
    local ok, code = message:seal(SEAL)
    assert.is_nil(ok)
    assert.are.equal("STATE", code)
  end)

  it("cannot be sealed twice nor changed then", function()
    local message = sealed "hello\n"
    for _, call in ipairs {
      { "seal", SEAL }, { "header", "text", "Subject", "x" }, { "leaf", nil, {}, "x" },
      { "multipart", nil, "mixed" }, { "part_header", 0, "text", "X-A", "b" },
      { "leaf_source", nil, {} },
    } do
      local ok, code = message[call[1]](message, call[2], call[3], call[4], call[5])
      assert.is_nil(ok)
      assert.are.equal("STATE", code)
    end
    assert.is_true(message:is_sealed())
    assert.is_true(#read_all(message:reader()) > 0)
  end)

  it("raises when a sealed one is needed", function()
    local message = new_message()
    assert.is_false(message:is_sealed())
    for _, name in ipairs {
      "id", "size", "needs_8bit", "needs_smtputf8", "header_section", "reader",
    } do
      assert.is_false((pcall(message[name], message)))
    end
    assert.is_false((pcall(message.seal, message, { nwo = 1 })))
    assert.is_false((pcall(message.seal, message, { now = 0.5 })))
    assert.is_false((pcall(message.seal, message, { zone = 1441 })))
  end)
end)

describe("an address field of the core", function()
  local function field(value, mode)
    local message = core.message()
    local list = message:addresses("From", value, mode)
    assert(message:leaf(nil, { text = true }, ""))
    local ok = message:seal(SEAL)
    return list, ok and message:header_section():match "From: ([^\r]*)"
  end

  it("is read and written in one go, from a text, an address and a list of both", function()
    local one = core.address "エッツ <e@x.example>"
    for _, value in ipairs {
      "エッツ <e@x.example>", one, { "エッツ <e@x.example>" }, { one },
    } do
      local list, written = field(value)
      assert.are.equal(1, #list)
      assert.are.equal("エッツ <e@x.example>", tostring(list[1]))
      assert.are.equal("=?UTF-8?B?44Ko44OD44OE?= <e@x.example>", written)
    end
    local message = core.message()
    local list = message:addresses("To", { "a@x.example, b@x.example", one })
    assert.are.equal(3, #list)
    assert.is_true(list[3] == one)
  end)

  it("is the same as one that is written from the text of its list", function()
    for _, text in ipairs {
      "a@x.example", '"A, B" <a@x.example>', "=?UTF-8?B?44GC?= <a@x.example>", '"" <a@x.example>',
      "A <@r.example:a@x.example>", "a@日本語.example", "用@x.example", '"a b"@x.example',
      "a@[127.0.0.1]", "(c) a (d) @ (e) x.example", ("n "):rep(60) .. "<a@x.example>",
    } do
      local list, written = field(text)
      local message = core.message()
      local found, _, plain = core.address_list(text)
      assert(message:header("addresses", "From", plain))
      assert(message:leaf(nil, { text = true }, ""))
      assert(message:seal(SEAL))
      assert.is_true(#list == #found and list[1] == found[1])
      assert.are.equal(message:header_section():match "From: ([^\r]*)", written)
    end
  end)

  it("takes dots in odd places as its mode says", function()
    assert.is_nil((field "a..b@x.example"))
    local list, written = field("a..b@x.example", "lenient")
    assert.are.equal("a..b", list[1].local_part)
    assert.are.equal('"a..b"@x.example', written)
  end)

  it("is nil, and nothing is added, for groups and for what is no address", function()
    local member = core.address_parts(nil, "a", "x.example", "Staff")
    for _, value in ipairs {
      "Staff: a@x.example;", "a@x.example, b", { "a@x.example", "b" }, member, { member }, { 1 },
      1, true, setmetatable({ "a@x.example" }, {}), "a\n@x.example", "用@\255",
    } do
      local message = core.message()
      assert.is_nil(message:addresses("To", value))
      assert(message:header("addresses", "From", "a@x.example"))
      assert(message:leaf(nil, { text = true }, ""))
      assert(message:seal(SEAL))
      assert.is_nil(message:header_section():find "To:")
    end
    local message = new_message()
    assert.is_nil(message:addresses("From", "b@x.example"))
    assert.is_nil(message:addresses("Bcc", "b@x.example"))
    assert.is_nil(message:addresses("Sender", "b@x.example, c@x.example"))
  end)

  it("is no field where there is nobody in it", function()
    assert.are.same({}, (core.message():addresses("To", "")))
    assert.are.same({}, (core.message():addresses("To", {})))
  end)

  it("gives a Message-ID the domain of its author, also after one that was refused", function()
    local message = core.message()
    assert.is_nil(message:addresses("From", "a@y.example, b"))
    assert(message:addresses("From", "a@日本語.example"))
    assert(message:leaf(nil, { text = true }, ""))
    assert(message:seal { now = SEAL.now, entropy = SEAL.entropy })
    assert.is_truthy(message:id():find("@xn--wgv71a119e.example>", 1, true))
  end)
end)

describe("a text of the core", function()
  it("is a leaf that is text", function()
    local function body(add)
      local message = new_message()
      assert(add(message))
      assert(message:seal(SEAL))
      return (read_all(message:reader()))
    end
    for _, content in ipairs { "", "hello\n", "日本語\n", ("x"):rep(5000) } do
      for _, allow in ipairs { true, false } do
        assert.are.equal(
          body(function(m) return m:leaf(nil, { type = "text/html", text = true, allow_8bit = allow }, content) end),
          body(function(m) return m:text(nil, "text/html", content, nil, allow) end))
      end
    end
    assert.are.equal(
      body(function(m) return m:leaf(nil, { charset = "iso-8859-1", text = true }, "\228") end),
      body(function(m) return m:text(nil, "text/plain", "\228", "iso-8859-1") end))
  end)
end)

describe("a reader of the core", function()
  it("gives the same bytes however they are pulled", function()
    local message = sealed(("日本語の一行\n"):rep(2000))
    local whole = read_all(message:reader(), 1048576)
    for _, step in ipairs { 1, 7, 4096, 32768, 32769, 2 ^ 40 } do
      assert.is_true(whole == read_all(message:reader(), step))
    end
  end)

  it("says DONE again and again", function()
    local reader = sealed("hello\n"):reader()
    read_all(reader)
    for _ = 1, 3 do
      assert.are.same({ nil, "DONE", n = 2 }, { n = 2, reader:read(10) })
    end
  end)

  it("has its own place in the message", function()
    local message = sealed "hello\n"
    local first, second = message:reader(), message:reader()
    first:read(100)
    assert.are.equal(message:header_section():sub(1, 20), second:read(20))
  end)

  it("is used again for another message once it is closed, and not before", function()
    local first, second = sealed(("one\n"):rep(3000)), sealed "two\n"
    local wanted = read_all(second:reader())
    local reader = first:reader()
    assert.are_not.equal(reader, second:reader(reader))
    reader:read(100)
    reader:close()
    assert.is_false((pcall(reader.read, reader, 1)))
    assert.are.equal(reader, second:reader(reader))
    assert.are.equal(wanted, read_all(reader))
    reader:close()
    assert.are.equal(reader, first:reader(reader))
    assert.are.equal(first:size(), #read_all(reader))
    assert.are_not.equal(second, first:reader(second))
  end)

  it("raises for a size that is none", function()
    local reader = sealed("hello\n"):reader()
    for _, n in ipairs { 0, -1, 1.5, 0 / 0, 2 ^ 53 + 2, "10" } do
      assert.is_false((pcall(reader.read, reader, n)))
    end
  end)

  it("reads a file, from its start each time", function()
    local content = ("\0\1\2abc\255"):rep(30000)
    local path = file_with(content)
    local message = new_message()
    assert(message:leaf_file(nil, { type = "application/octet-stream", filename = path }, path))
    assert(message:seal(SEAL))
    for _ = 1, 2 do
      local text, code = read_all(message:reader(), 10000)
      assert.are.equal("DONE", code)
      assert.are.equal(message:size(), #text)
      assert.is_true(content == decode_base64(body_of(text)))
    end
    os.remove(path)
  end)

  it("fails when a file has grown or shrunk or is gone", function()
    for _, change in ipairs { "abc", ("x"):rep(200000), false } do
      local path = file_with(("x"):rep(100000))
      local message = new_message()
      assert(message:leaf_file(nil, {}, path))
      assert(message:seal(SEAL))
      os.remove(path)
      if change then
        local file = assert(io.open(path, "wb"))
        file:write(change)
        file:close()
      end
      local reader = message:reader()
      for _ = 1, 2 do
        local _, code, text = read_all(reader)
        assert.are.equal("SOURCE", code)
        assert.is_truthy(text:find(path, 1, true))
      end
      os.remove(path)
    end
  end)

  it("asks Lua for the content of a source", function()
    local message = new_message()
    local top = message:multipart(nil, "mixed")
    assert(message:leaf(top, { text = true }, "hello\n"))
    assert(message:leaf_source(top, { filename = "a.bin" }, 9))
    assert(message:leaf_source(top, { filename = "b.bin" }))
    assert(message:seal(SEAL))
    local text, code = read_all(message:reader(), 50, { "abc", "", "defghi", nil })
    assert.are.equal("DONE", code)
    assert.is_truthy(text:find("\r\nYWJjZGVmZ2hp\r\n", 1, true))
    local bytewise = message:reader()
    local list = {}
    for letter in ("abcdefghi"):gmatch "." do
      list[#list + 1] = letter
    end
    assert.are.equal(text, (read_all(bytewise, 50, list)))
  end)

  it("reads sources, strings and files one behind the other", function()
    local path = file_with(("f"):rep(70000))
    local message = new_message()
    local top = message:multipart(nil, "mixed")
    assert(message:leaf(top, { text = true }, ("long\n"):rep(2000)))
    assert(message:leaf_source(top, { filename = "a.bin" }, 3))
    assert(message:leaf_file(top, { filename = "b.bin" }, path))
    assert(message:leaf(top, { filename = "c.bin" }, ("\0"):rep(5000)))
    assert(message:leaf_file(top, { filename = "d.bin" }, path))
    assert(message:seal(SEAL))
    for _, step in ipairs { 100, 32768 } do
      local text, code, problem = read_all(message:reader(), step, { "abc" })
      assert(code == "DONE", problem)
      assert.are.equal(message:size(), #text)
    end
    os.remove(path)
  end)

  it("fails for a source that gives more or less than it said", function()
    for _, list in ipairs { { "abcd" }, { "ab" } } do
      local message = new_message()
      assert(message:leaf_source(nil, {}, 3))
      assert(message:seal(SEAL))
      local _, code, text = read_all(message:reader(), 100, list)
      assert.are.equal("SOURCE", code)
      assert.is_string(text)
    end
  end)

  it("raises when it is supplied with what it did not ask for", function()
    local message = new_message()
    assert(message:leaf_source(nil, {}, 3))
    assert(message:seal(SEAL))
    local reader = message:reader()
    assert.is_false((pcall(reader.supply, reader, "abc")))
    repeat
      local piece, code = reader:read(4096)
    until not piece and code == "NEED"
    assert.is_false((pcall(reader.supply, reader, 1)))
    assert(reader:supply "abc")
    assert.is_false((pcall(reader.supply, reader, "def")))
  end)
end)

describe("a file of the core's message", function()
  it("has to be there, readable and regular", function()
    local message = new_message()
    local part, code, text = message:leaf_file(nil, {}, "/nonexistent/file")
    assert.is_nil(part)
    assert.are.equal("SOURCE", code)
    assert.are.equal("cannot open /nonexistent/file: No such file or directory", text)
    part, code, text = message:leaf_file(nil, {}, "/")
    assert.is_nil(part)
    assert.are.equal("SOURCE", code)
    assert.are.equal("cannot open /: it is not a regular file", text)
    part, code = message:leaf_file(nil, {}, "/etc/passwd\0.png")
    assert.is_nil(part)
    assert.are.equal("SOURCE", code)
  end)

  it("does not wait for the writer of a FIFO", function()
    local path = os.tmpname()
    os.remove(path)
    os.execute("mkfifo " .. path)
    local part, code = new_message():leaf_file(nil, {}, path)
    os.remove(path)
    assert.is_nil(part)
    assert.are.equal("SOURCE", code)
  end)
end)

describe("what the core tells of content", function()
  it("is found in pieces as in one", function()
    local text = "a\r\n" .. ("x"):rep(999) .. "\nb\0\n日本"
    for _, size in ipairs { 1, 2, 7, 5000 } do
      local scan = core.scan()
      for at = 1, #text, size do
        assert(scan:feed(text:sub(at, at + size - 1)))
      end
      assert.are.same({ size = #text, high = 6, long_line = 2, bare_line = 2, nul_line = 3 }, scan:finish())
      assert.are.same(scan:finish(), scan:finish())
      assert.is_false((pcall(scan.feed, scan, "x")))
    end
    local scan = core.scan()
    scan:feed("abc", 3)
    assert.are.equal(1, scan:finish().size)
    assert.is_false((pcall(core.message().leaf_source, core.message(), nil, {}, nil, nil, core.scan())))
  end)

  it("is the size of a file that can be read", function()
    local path = file_with "hello"
    assert.are.equal(5, core.file_size(path))
    os.remove(path)
    for _, bad in ipairs { path, "/", "a\0b" } do
      local size, code, text = core.file_size(bad)
      assert.is_nil(size)
      assert.are.equal("SOURCE", code)
      assert.is_string(text)
    end
  end)

  it("lets a string and a file begin behind their start", function()
    local content = ("front\n"):rep(2) .. ("body\n"):rep(5000)
    local path = file_with(content)
    for _, add in ipairs {
      function(message) return message:leaf(nil, { text = true }, content, 13) end,
      function(message) return message:leaf(nil, { text = true }, content:sub(1, 22), 13) end,
      function(message)
        local scan = core.scan()
        scan:feed(content, 13)
        scan:finish()
        return message:leaf_file(nil, { text = true }, path, 13, scan)
      end,
    } do
      local message = new_message()
      assert(add(message))
      assert(message:seal(SEAL))
      local text = read_all(message:reader(), 1000)
      assert.are.equal(message:size(), #text)
      assert.is_truthy(body_of(text):find "^body\r\nbody\r\n")
    end
    os.remove(path)
  end)

  it("lists what is read from elsewhere", function()
    local path = file_with "x"
    local source = {}
    local message = new_message()
    local top = message:multipart(nil, "mixed")
    assert(message:leaf(top, { text = true }, ("long\n"):rep(2000)))
    assert(message:leaf_source(top, {}, nil, source))
    assert(message:leaf_file(top, {}, path))
    assert(message:leaf_source(top, {}))
    assert(message:seal(SEAL))
    local sources, paths = message:sources()
    os.remove(path)
    assert.are.equal(1, #sources)
    assert.are.equal(source, sources[1])
    assert.are.same({ path }, paths)
  end)

  it("is asked for by what it was given, and fails by what Lua says", function()
    local source = {}
    local message = new_message()
    assert(message:leaf_source(nil, {}, nil, source))
    assert(message:seal(SEAL))
    local reader = message:reader()
    assert.is_nil(reader:source())
    assert.is_false((pcall(reader.fail, reader, "too early")))
    repeat
      local piece, code = reader:read(4096)
    until not piece and code == "NEED"
    assert.are.equal(source, reader:source())
    assert(reader:fail "gone")
    for _ = 1, 2 do
      assert.are.same({ nil, "SOURCE", "gone", n = 3 }, { n = 3, reader:read(10) })
    end
    assert.is_nil(reader:source())
  end)
end)

describe("the core's small helpers", function()
  it("read a header section, as far as it is there", function()
    local text = "A: b\r\n c\r\nD:\r\n\r\nbody"
    local fields, start, line = core.read_header(text)
    assert.are.same({ { name = "A", value = " b c", line = 1 }, { name = "D", value = "", line = 3 } }, fields)
    assert.are.equal("body", text:sub(start))
    assert.are.equal(5, line)
    for n = 0, #text - 5 do
      assert.are.same({ nil, "MORE", n = 2 }, { n = 2, core.read_header(text:sub(1, n)) })
    end
    assert.are.equal(1, #core.read_header("A: b", true))
    local found, code, why = core.read_header("A: b\nC\n", true)
    assert.is_nil(found)
    assert.are.equal("CONFIG", code)
    assert.are.equal("line 2: this is no header field", why)
    assert.is_nil((core.read_header("A: b\n\n", true, true)))
  end)

  it("write parameters and dates", function()
    assert.are.equal("; a=b", core.parameter("a", "b"))
    assert.are.equal("; a*=UTF-8''%E6%97%A5", core.parameter("a", "日"))
    assert.are.equal("CONFIG", (select(2, core.parameter("a b", "c"))))
    assert.are.equal("Thu, 01 Jan 1970 09:00:00 +0900", core.date(0, 540))
    assert.is_truthy(core.date():find "^%a%a%a, %d%d %a%a%a %d%d%d%d %d%d:%d%d:%d%d [+-]%d%d%d%d$")
    assert.is_nil((core.date(2 ^ 52, 0)))
  end)

  it("put fields into a message as they stand", function()
    local message = core.message()
    assert(message:section "From: a@x.example\nX:  y\n\tz\nBcc: b@x.example\n")
    assert(message:leaf(nil, { ready = true }, "body"))
    assert(message:seal(SEAL))
    assert.are.equal("From: a@x.example\r\nX:  y\r\n\tz\r\n\r\nbody\r\n", (read_all(message:reader())))
    local ok, code, why = core.message():section "Subject: a\nSubject: b\n"
    assert.is_nil(ok)
    assert.are.equal("CONFIG", code)
    assert.is_truthy(why:find "^line 2: ")
  end)
end)
