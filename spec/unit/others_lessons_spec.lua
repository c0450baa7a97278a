-- What other libraries had to mend in their first months and years: a case for each, with the input
-- that broke them. Addresses that went to a stranger's domain, headers that lost their text, parts
-- that lost their end.

local composed = require "support.composed"
local core = require "ettsumailer.core"
local ettsumailer = require "ettsumailer"
local message = require "ettsumailer.message"
local mime = require "support.mime"

local address = ettsumailer.address

-- The paths of a list, or nil.
local function paths(text)
  local list = address.parse_list(text)
  local found = {}
  for i, one in ipairs(list or {}) do
    found[i] = one:path() or "no path"
  end
  return list and found
end

describe("An address", function()
  local CASES = {
    { "space beside a dot of the domain is not its end", "user@victim.example .allowed.example",
      { "user@victim.example.allowed.example" } },
    { "nor is a comment", "user@victim.example(x).allowed.example",
      { "user@victim.example.allowed.example" } },
    { "only SP, TAB and folds are such space", "user@a\194\160.example", { "no path" } },
    { "a comment glues no atoms", "user@example.com(x)evil.com", nil },
    { "nor does it within < >", "<user@example.com(x)evil.com>", nil },
    { "a comment holds no mailbox", "(a@evil.com)", {} },
    { "nor does one within < >", "Display Name <(a comment)>", nil },
    { "nested comments end at their own )", "(a (b) \\) c) u@x.com", { "u@x.com" } },
    { "loose text behind it is an error", "user@good.com (x) evil@evil.com", nil },
    { "so are two @", "user@company(x).com@attacker.net", nil },
    { "a quoted local part stays quoted", '"user@evil.com"@good.com', { '"user@evil.com"@good.com' } },
    { "with a comma and a semicolon, too", '"a,b;c"@x.com', { '"a,b;c"@x.com' } },
    { "and when it is empty", '""@x.com', { '""@x.com' } },
    { "a < within quotes is text", '"a<b"@victim.com', { '"a<b"@victim.com' } },
    { "a domain literal begins at the @ in front of it", "a@[x@evil.com]", { "no path" } },
    { "and ends before a later comma", "a@[1.2.3.4], b@x.com", { "a@[1.2.3.4]", "b@x.com" } },
    { "a source route is dropped", "<@r1,@r2:u@e.com>", { "u@e.com" } },
    { "space beside the @ is nothing", "user @ good.com", { "user@good.com" } },
    { "two of them in < > are an error", "<user@e.com user@e.com>", nil },
    { "groups hold quoted names", 'G: a@x.com, "b;c" <d@x.com>;', { "a@x.com", "d@x.com" } },
    { "groups do not nest", "G: a@x.com, H: b@x.com;;", nil },
    { "a path and a parameter in quotes are a local part", '"foo@p.net> ORCPT=a@b.c"@test.com',
      { '"foo@p.net> ORCPT=a@b.c"@test.com' } },
    { "a domain is no URL", "a@evil.example/mail.corp.example", { "no path" } },
    { "nor has it a query", "a@evil.example?x=y", { "no path" } },
    { "nor a fragment", "a@evil.example#x", { "no path" } },
    { "nor octets as %", "a@evil%2eexample", { "no path" } },
    { "a label of 64 octets is none", "a@" .. ("x"):rep(64) .. ".com", { "no path" } },
    { "a label of 60,000 octets is none", "a@" .. ("ü"):rep(30000) .. ".com", { "no path" } },
  }
  for _, case in ipairs(CASES) do
    it(case[1], function()
      assert.same(case[3], paths(case[2]))
    end)
  end

  it("ends ten thousand groups within groups at the second", function()
    local list, err = address.parse_list(("g:"):rep(10000))
    assert.is_nil(list)
    assert.equal(4, err.position)
  end)

  if core.has_idna then
    it("is mapped as UTS 46 says before it becomes A-labels", function()
      assert.same({ "a@company.com" }, paths "a@compa\194\173ny.com")
      assert.same({ "a@strasse.de" }, paths "a@stra\225\186\158e.de")
      assert.same(paths "a@σασ.gr", paths "a@ΣΑΣ.gr")
    end)

    it("with a local part beyond ASCII has its domain in U-labels", function()
      local one = assert(address "jö@xn--exmple-cua.com")
      assert.equal("jö@exämple.com", one:path(true))
      assert.equal("SMTPUTF8_REQUIRED", select(2, one:path(false)))
    end)
  end

  it("is one recipient, over to, cc, bcc and groups, however many there are", function()
    local list = {}
    for i = 1, 3000 do
      list[i] = ("user%d@example.com"):format(i % 1000)
    end
    local given = assert(message.new {
      from = "a@example.com", text = "", to = list, cc = "G: user1@EXAMPLE.com, new@example.com;",
      bcc = { "user2@example.com" },
    })
    assert.equal(1001, #message.envelope(given).to)
  end)

  it("in a list that holds itself is misuse, not an endless loop", function()
    local list = { "a@example.com" }
    list[2] = list
    assert.has_error(function()
      ettsumailer.message { from = "a@example.com", to = list, text = "" }
    end)
  end)
end)

local function subject_of(text)
  return core.decode_words(composed.fields({ subject = text }).subject)
end

local function file_of(filename, more)
  local file = { content = "x", filename = filename }
  for name, value in pairs(more or {}) do
    file[name] = value
  end
  local bytes = composed.bytes { attachments = { file } }
  return mime.parse(bytes)[2], bytes
end

describe("A header", function()
  it("shows text that only looks like an encoded word as it is", function()
    for _, text in ipairs {
      "see =?utf-8?Q?a b?= here", "=?utf-8?Q?ok?=", "=?utf-8?B?!!?=", "=?x?q?y", "a =?= b", "?=",
    } do
      assert.equal(text, subject_of(text))
    end
  end)

  it("has a file's name octet for octet, whatever it looks like", function()
    for _, name in ipairs { "=?utf-8?Q?x?=.txt", 'Ærlig "x;y".pdf', "韩安.jpg", "😀.png", "a;b c.pdf" } do
      local disposition = file_of(name).headers["content-disposition"]
      local plain = disposition:match 'filename="?([^"]*)"?$'
      local extended = disposition:match "filename%*=UTF%-8''(.*)$"
      local read = extended and extended:gsub("%%(%x%x)", function(hex)
        return string.char(tonumber(hex, 16))
      end) or plain
      assert.equal(name, read)
    end
  end)

  it("has parameters by RFC 2045: one without a value is refused, spaces in quotes stay", function()
    local err = composed.refusal { text = false, parts = { type = "text/plain; flag", content = "" } }
    assert.equal("CONFIG", err.code)
    local bytes = composed.bytes { text = false, parts = { type = 'text/x; a="b  c"', content = "" } }
    assert.matches('a="b  c"', bytes)
  end)

  it("has no boundary of a caller's making", function()
    for _, name in ipairs { "boundary", "BOUNDARY" } do
      composed.refusal { text = false, parts = {
        type = "multipart/mixed", parameters = { [name] = "\r\n" }, { content = "", type = "text/x" },
      } }
      composed.refusal { text = false, parts = {
        type = "multipart/mixed", parameters = { [name] = "A" }, { content = "", type = "text/x" },
      } }
    end
  end)

  it("has a name by the grammar, and Bcc never, whatever its case", function()
    for _, name in ipairs { "From: x", "X\r\nBcc", "X Y", "", "bCC", "BCC", "X:", "Ü", "X\0" } do
      assert.equal("CONFIG", composed.refusal({ headers = { [name] = "a@example.com" } }).code)
    end
  end)

  it("has identifiers in brackets and in ASCII", function()
    local part = mime.parse(composed.bytes {
      html = '<img src="cid:a@x.example">', inline = { { content = "x", cid = "a@x.example" } }, text = false,
    })[2]
    assert.equal("<a@x.example>", part.headers["content-id"])
    composed.refusal { html = "", inline = { { content = "x", cid = "ü@x.example" } } }
    composed.refusal { message_id = "ü@x.example" }
    local references = composed.fields({ references = { "a@b.example", "<c@d.example> e@f.example" } })
    assert.equal("<a@b.example> <c@d.example> <e@f.example>", references.references)
  end)

  it("with a megabyte of < is refused at once", function()
    assert.equal("CONFIG", composed.refusal({ references = ("<"):rep(1000000) }).code)
    assert.equal("CONFIG", composed.refusal({ in_reply_to = ("<a@b"):rep(250000) }).code)
  end)

  it("of a list has comments that end where they should, and clean URLs", function()
    local field = composed.fields({
      list = { help = { { url = "https://x.example/", comment = "a) (b\\" } } },
    })["list-help"]
    assert.equal("<https://x.example/> (a\\) \\(b\\\\)", field)
    for _, url in ipairs { "https://x.example/>", "https://x.example/\1", "https://x.example/<a" } do
      composed.refusal { list = { help = url } }
    end
  end)

  it("is encoded the same by itself and in a message", function()
    for _, text in ipairs { "日本語", "plain", "=?utf-8?q?a?=", ("長い件名です"):rep(20) } do
      local sent = composed.field({ subject = text }, "Subject"):gsub("\r\n", "")
      assert.equal(core.decode_words(core.encode_header(text)), core.decode_words(sent:sub(10)))
    end
  end)
end)

describe("A part", function()
  it("that is a message of ASCII goes as 7bit, one of 8 bits as 8bit, never encoded", function()
    local function encoding(content)
      local part = file_of("m.eml", { content = content, type = "message/rfc822" })
      return part.headers["content-transfer-encoding"]
    end
    assert.equal("7bit", encoding "Subject: a\r\n\r\nb\r\n")
    assert.equal("8bit", encoding "Subject: a\r\n\r\nü\r\n")
  end)

  it("that is binary keeps its lone CR and LF", function()
    for _, content in ipairs { "a\rb\nc", "\r", "\n", "\r\n", "\r\r\n\n" } do
      assert.equal(content, file_of("x.bin", { content = content }).body)
    end
  end)

  it("is whole at any size, whatever is read at once", function()
    for _, size in ipairs { 0, 1, 2, 3, 56, 57, 58, 113, 114, 115, 4095, 4096, 4097, 10000 } do
      local content = ("\0\1\2\255"):rep(size):sub(1, size)
      local made = assert(ettsumailer.message {
        from = "a@example.com", to = "b@example.com", attachments = { { content = content } },
      })
      for _, n in ipairs { 1, 7, 65536 } do
        assert.equal(content, mime.parse(mime.read(made:reader(), n))[2].body)
      end
    end
  end)

  it("is whole though it holds lines like delimiters", function()
    for _, text in ipairs {
      "--=_65656565656565656565656565656565_00000000--\n", "--\n--=_\n", "\n.\n", "From a\n>From b\n",
    } do
      local part = mime.parse(composed.bytes { text = text, attachments = { { content = "x" } } })
      assert.equal(text:gsub("\n", "\r\n"), part[1].body)
      assert.equal("x", part[2].body)
    end
  end)

  it("has the base name of a path of any system", function()
    for _, path in ipairs { "C:\\Users\\me\\a.pdf", "/home/me/a.pdf", "../../a.pdf", "b\\../a.pdf" } do
      assert.equal("attachment; filename=a.pdf", file_of(path).headers["content-disposition"])
    end
  end)

  it("has a name of 300 characters and of octets that look like base64", function()
    for _, name in ipairs { ("長"):rep(300), ("あいう"):rep(66) .. "+==" } do
      local part = file_of(name)
      assert.equal(name, core.decode_words(part.headers["content-type"]:match 'name="(.*)"'))
    end
  end)

  it("of HTML brings no file that it names", function()
    local part = composed.parse { html = '<img src="file:///etc/passwd"><img src="/etc/passwd">' }
    assert.equal("alternative(text/plain, text/html)", mime.shape(part))
  end)
end)
