local ettsumailer = require "ettsumailer"

local ENTROPY = ("0123456789abcdef"):rep(2)

local function bytes_of(message, n)
  local reader, pieces = message:reader(), {}
  while true do
    local piece, code = reader:read(n or 4096)
    if not piece then
      assert.equal("DONE", code)
      return table.concat(pieces)
    end
    pieces[#pieces + 1] = piece
  end
end

local function compose(fields)
  local given = {
    from = "a@example.com", to = "b@example.com", text = "hi", date = 0, zone_minutes = 540, entropy = ENTROPY,
  }
  for name, value in pairs(fields or {}) do
    given[name] = value
  end
  return assert(ettsumailer.message(given))
end

local function refusal(fields)
  local given = { from = "a@example.com", to = "b@example.com", text = "hi" }
  for name, value in pairs(fields) do
    given[name] = value
  end
  local message, err = ettsumailer.message(given)
  assert.is_nil(message)
  return err
end

describe("a message", function()
  it("always has Date, Message-ID and MIME-Version", function()
    local text = bytes_of(compose())
    assert.matches("\nDate: Thu, 01 Jan 1970 09:00:00 %+0900\r\n", "\n" .. text)
    assert.matches("\nMessage%-ID: <[^@\r\n]+@example%.com>\r\n", "\n" .. text)
    assert.matches("\nMIME%-Version: 1%.0\r\n", "\n" .. text)
  end)

  it("is a pure function of what it is given", function()
    assert.equal(bytes_of(compose()), bytes_of(compose()))
  end)

  it("differs by its entropy", function()
    assert.are_not.equal(compose():id(), compose({ entropy = ("x"):rep(32) }):id())
  end)

  it("gives the same bytes whatever the size of a read", function()
    local message = compose { html = "<p>hi</p>", attachments = { { content = ("x"):rep(1000), filename = "x.bin" } } }
    local whole = bytes_of(message, 1048576)
    for _, n in ipairs { 1, 2, 3, 7, 76, 77, 160, 1000 } do
      assert.equal(whole, bytes_of(message, n))
    end
    assert.equal(#whole, message:size())
  end)

  it("has no bare CR or LF, and no line over 998 octets", function()
    local text = bytes_of(compose { text = "a\nb\rc\r\n" .. ("x"):rep(5000), subject = ("長い"):rep(200) })
    assert.is_nil(text:gsub("\r\n", ""):find "[\r\n]")
    for line in text:gmatch "([^\r\n]*)\r\n" do
      assert.is_true(#line <= 998)
    end
  end)

  it("keeps ASCII text readable, whatever it holds", function()
    assert.matches("\r\n\r\n=2E\r\n=2Ex\r\n$", bytes_of(compose { text = ".\n.x\n" }))
    assert.matches("Content%-Transfer%-Encoding: 7bit\r\n\r\nplain\r\n$", bytes_of(compose { text = "plain\n" }))
  end)

  it("never shows who is in bcc", function()
    local text = bytes_of(compose { bcc = "secret@example.com" })
    assert.is_nil(text:find("secret", 1, true))
    assert.is_nil(text:lower():find("bcc", 1, true))
  end)

  it("keeps the caller's Message-ID, with or without brackets", function()
    assert.equal("<x.1@example.com>", compose({ message_id = "x.1@example.com" }):id())
    assert.equal("<x.1@example.com>", compose({ message_id = "<x.1@example.com>" }):id())
  end)

  it("brackets every id of References", function()
    assert.matches("\r\nReferences: <a@b> <c@d>\r\n",
      "\r\n" .. bytes_of(compose { references = { "a@b", "<c@d>" } }))
    assert.matches("\r\nReferences: <a@b> <c@d>\r\n", "\r\n" .. bytes_of(compose { references = "a@b <c@d>" }))
  end)

  it("takes headers as a map in the order of names, or as a list in its own", function()
    assert.matches("X%-A: 1\r\nX%-B: 2\r\n", bytes_of(compose { headers = { ["X-B"] = "2", ["X-A"] = "1" } }))
    assert.matches("X%-B: 2\r\nX%-A: 1\r\n", bytes_of(compose { headers = { { "X-B", "2" }, { "X-A", "1" } } }))
  end)

  it("refuses a control character in any field, and names the field", function()
    for _, bad in ipairs { "a\rb", "a\nb", "a\r\nBcc: x@y.z", "a\0b", "a\127b", "a\1b" } do
      assert.matches("subject", refusal({ subject = bad }).text)
      assert.matches("headers", refusal({ headers = { ["X-A"] = bad } }).text)
      assert.matches("headers", refusal({ headers = { [bad] = "x" } }).text)
      assert.matches("to", refusal({ to = bad .. " <b@example.com>" }).text)
      assert.matches("from", refusal({ from = '"' .. bad .. '" <a@example.com>' }).text)
      assert.matches("attachments%[1%]", refusal({ attachments = { { content = "", filename = bad } } }).text)
      assert.matches("message_id", refusal({ message_id = bad .. "@x" }).text)
    end
  end)

  it("refuses text that is not UTF-8", function()
    assert.equal("CONFIG", refusal({ text = "\255" }).code)
    assert.equal("CONFIG", refusal({ subject = "\193\129" }).code)
    assert.equal("CONFIG", refusal({ html = "\237\160\128" }).code)
  end)

  it("refuses what is no address, and names the field", function()
    local err = refusal { to = "not an address" }
    assert.equal("ADDRESS", err.code)
    assert.matches("^to: ", err.text)
    assert.equal("ADDRESS", refusal({ cc = { "a@example.com", "b@" } }).code)
  end)

  it("wants an author", function()
    local message, err = ettsumailer.message { to = "b@example.com", text = "" }
    assert.is_nil(message)
    assert.matches("from is missing", err.text)
  end)

  it("wants a sender where there are several authors", function()
    assert.matches("sender", refusal({ from = "a@example.com, b@example.com" }).text)
    assert.is_truthy(compose { from = "a@example.com, b@example.com", sender = "a@example.com" })
  end)

  it("refuses a header that may be there only once, twice", function()
    assert.equal("CONFIG", refusal({ subject = "a", headers = { Subject = "b" } }).code)
    assert.equal("CONFIG", refusal({ headers = { { "Subject", "a" }, { "subject", "b" } } }).code)
  end)

  it("finds a missing attachment when it is made", function()
    local err = refusal { attachments = { "/nonexistent/file.pdf" } }
    assert.equal("SOURCE", err.code)
    assert.matches("attachments%[1%]: .*/nonexistent/file%.pdf", err.text)
  end)

  it("refuses a folder as an attachment", function()
    assert.equal("SOURCE", refusal({ attachments = { "/" } }).code)
  end)

  it("raises for an unknown field, with the nearest name", function()
    assert.error_matches(function() compose { subjet = "x" } end, "unknown option 'subjet' %(did you mean 'subject'")
    assert.error_matches(function() compose { attachments = { { contents = "x" } } } end, "did you mean 'content'")
    assert.error_matches(function() compose { attachments = { {} } } end, "exactly one of path, content and source")
    assert.error_matches(function() compose { to = { 12 } } end, "option 'to' must hold strings")
    assert.error_matches(function() compose { headers = { ["X-A"] = 1 } } end, "option 'headers'")
  end)

  it("can be read more than once", function()
    local message = compose { attachments = { { content = ("y"):rep(100000), filename = "y" } } }
    assert.equal(bytes_of(message), bytes_of(message))
  end)

  it("sends the base name of a path only", function()
    local text = bytes_of(compose { attachments = { { content = "x", filename = "C:\\Users\\me\\a.pdf" } } })
    assert.is_truthy(text:find('filename="a.pdf"', 1, true) or text:find("filename=a.pdf", 1, true))
    assert.is_nil(text:find("Users", 1, true))
  end)
end)
