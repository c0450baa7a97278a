-- A message that others made: what is changed in it, what is refused, and who gets it.

local ettsumailer = require "ettsumailer"
local message_of = require "ettsumailer.message"
local mime = require "support.mime"

local HEAD = "From: A <a@example.com>\nTo: b@example.com\nDate: Mon, 23 Nov 2026 22:28:01 +0900\n"
  .. "Message-ID: <x@example.com>\n"

local function compose(raw, fields)
  local given = { raw = raw, date = 0, zone_minutes = 0, entropy = ("e"):rep(32) }
  for name, value in pairs(fields or {}) do
    given[name] = value
  end
  return ettsumailer.message(given)
end

local function bytes_of(raw, fields)
  local message = assert(compose(raw, fields))
  local bytes, code = mime.read(message:reader())
  assert.equal("DONE", code)
  assert.equal(#bytes, message:size())
  assert.equal(bytes, (mime.read(message:reader(), 1)))
  return bytes, message
end

local function refusal(raw, fields)
  local message, err = compose(raw, fields)
  assert.is_nil(message)
  return err
end

local function envelope_of(raw, fields)
  local envelope = message_of.envelope(assert(compose(raw, fields)))
  local to = {}
  for i, address in ipairs(envelope.to) do
    to[i] = address.local_part .. "@" .. address.domain
  end
  return tostring(envelope.from), to
end

local function crlf(text)
  return (text:gsub("\n", "\r\n"))
end

local function file_with(content)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(content)
  file:close()
  return path
end

local function chunks_of(text, size)
  local at = 1
  return function()
    local chunk = text:sub(at, at + size - 1)
    at = at + size
    return chunk ~= "" and chunk or nil
  end
end

describe("a ready-made message", function()
  it("is sent as it is, with CRLF at each line's end", function()
    local text = HEAD .. "X-Odd:  two  spaces, and\n\ta fold\nContent-Type: text/plain\n\n.\nFrom x\n \n"
    assert.equal(crlf(text), (bytes_of(text)))
    assert.equal(crlf(text), (bytes_of(crlf(text))))
    assert.equal(crlf(text), (bytes_of((text:gsub("\n", "\r")))))
  end)

  it("lets no lone CR or LF through (RFC 5322 2.3)", function()
    for _, body in ipairs { "\n.\n", "\n.\r\n", "\r.\r", "\r\n.\r", "\r\r\n", "a\rb\nc\r\nd", "\n\r" } do
      for _, n in ipairs { 1, 2, 3, 1000 } do
        local bytes = bytes_of { source = function() return chunks_of(HEAD .. "\n" .. body, n) end }
        assert.is_nil(bytes:gsub("\r\n", ""):find "[\r\n]")
      end
    end
  end)

  it("is refused for a line end that is none when that is asked, with its line", function()
    local strict = { raw_newlines = "reject" }
    assert.equal(crlf(HEAD .. "\nx\n"), (bytes_of(crlf(HEAD .. "\nx\n"), strict)))
    assert.matches("^raw: line 1: ", refusal(HEAD .. "\nx\n", strict).text)
    assert.matches("^raw: line 7: ", refusal(crlf(HEAD .. "\nx\n") .. "y\nz", strict).text)
    assert.matches("^raw: line 6: ", refusal(crlf(HEAD .. "\n") .. "y\rz", strict).text)
    assert.matches("^raw_newlines: ", refusal(HEAD, { raw_newlines = "no" }).text)
  end)

  it("is the same from a string, a file, an open file and functions", function()
    local text = HEAD .. "\n" .. ("a line of it, 日本\n"):rep(20000)
    text = "MIME-Version: 1.0\n" .. text
    local wanted = bytes_of(text)
    local path = file_with(text)
    local file = assert(io.open(path, "rb"))
    for _, raw in ipairs {
      chunks_of(text, 1000), chunks_of(text, 1000000), { content = chunks_of(text, 7) }, { path = path }, file,
      { source = function() return chunks_of(text, 5000) end },
    } do
      local bytes, message = bytes_of(raw)
      assert.is_true(wanted == bytes)
      assert.is_true(message:needs_8bit())
    end
    file:close()
    os.remove(path)
  end)

  it("never shows Bcc, however it is written", function()
    for _, field in ipairs {
      "Bcc: s@secret.example\n", "bCc:\n s@secret.example\n", "BCC: s@secret.example\nBcc: t@secret.example\n",
      "Resent-From: r@example.com\nResent-Bcc: s@secret.example\n",
    } do
      local bytes = bytes_of(field .. HEAD .. "\n")
      assert.is_nil(bytes:find("secret", 1, true))
      bytes = bytes_of(HEAD .. field .. "\n")
      assert.is_nil(bytes:lower():find("bcc", 1, true))
    end
  end)

  it("loses Return-Path, which is written on delivery (RFC 5321 4.4)", function()
    assert.equal(crlf(HEAD .. "\n"), (bytes_of("Return-Path: <x@y.example>\n" .. HEAD .. "\n")))
  end)

  it("gets Date and Message-ID where they are missing, in front", function()
    local bytes, message = bytes_of "From: a@example.com\nSubject: x\n\nhello\n"
    assert.equal("Date: Thu, 01 Jan 1970 00:00:00 +0000\r\nMessage-ID: " .. message:id()
      .. "\r\nFrom: a@example.com\r\nSubject: x\r\n\r\nhello\r\n", bytes)
    assert.matches("^<65656565656565656565656565656565@example%.com>$", message:id())
    message = assert(compose("From: a@example.com\n", { message_id_host = "h.example" }))
    assert.matches("@h%.example>$", message:id())
  end)

  it("may have no body, and no empty line", function()
    assert.equal(crlf(HEAD .. "\n"), (bytes_of(HEAD)))
    assert.equal(crlf(HEAD .. "\n"), (bytes_of(HEAD .. "\n")))
    assert.equal(crlf(HEAD .. "\n"), (bytes_of(HEAD:sub(1, -2))))
  end)

  it("names its line above 998 octets, and nothing is encoded (RFC 5322 2.1.1)", function()
    local fits = ("x"):rep(998)
    assert.equal(crlf(HEAD .. "\n" .. fits .. "\n"), (bytes_of(HEAD .. "\n" .. fits .. "\n")))
    local err = refusal(HEAD .. "\na\n" .. fits .. "x\n")
    assert.equal("CONFIG", err.code)
    assert.matches("^raw: line 7: it has more than 998 octets", err.text)
    assert.matches("^raw: line 2: it has more than 998", refusal("From: a@example.com\nX: " .. fits .. "\n\n").text)
    assert.matches("^raw: line 1: ", refusal(chunks_of(("x"):rep(200000), 1000)).text)
  end)

  it("needs 8BITMIME when it is 8-bit, and says its MIME-Version then (RFC 6152)", function()
    local _, message = bytes_of("MIME-Version: 1.0\n" .. HEAD .. "\n日本\n")
    assert.is_true(message:needs_8bit())
    assert.is_false(message:needs_smtputf8())
    assert.matches("^raw: .*MIME%-Version", refusal(HEAD .. "\n日本\n").text)
  end)

  it("needs SMTPUTF8 when its header section is not ASCII (RFC 6532)", function()
    local _, message = bytes_of(HEAD .. "Subject: 日本\n\n")
    assert.is_true(message:needs_smtputf8())
    assert.is_false(message:needs_8bit())
  end)

  it("is refused with the line when its header section is none", function()
    local cases = {
      ["From x Mon Nov 23\n" .. HEAD] = 1, [HEAD .. "hello\n"] = 5, [HEAD .. " \n"] = 5, [HEAD .. "A B: c\n"] = 5,
      [HEAD .. "A : c\n"] = 5, [HEAD .. ": c\n"] = 5, [HEAD .. "X: a\0b\n"] = 5, [HEAD .. "X: a\n b\127\n"] = 6,
      [HEAD .. "X: \255\n"] = 5, [" x\n" .. HEAD] = 1, [HEAD .. "From: b@example.com\n"] = 5,
      [HEAD .. "X: y\nTO: c@example.com\n"] = 6, [HEAD .. "\na\0\n"] = 6, [HEAD .. "X\252: y\n"] = 5,
    }
    for text, line in pairs(cases) do
      local err = refusal(text)
      assert.equal("CONFIG", err.code)
      assert.matches(("^raw: line %d: "):format(line), err.text)
    end
  end)

  it("wants an author, one Sender for several, and addresses that are some", function()
    assert.matches("author", refusal("To: b@example.com\n\n").text)
    assert.matches("author", refusal("").text)
    assert.matches("Resent%-From", refusal("Resent-To: b@example.com\n" .. HEAD).text)
    assert.equal("CONFIG", refusal("From: a@example.com, b@example.com\n\n").code)
    local from = envelope_of "From: a@example.com, b@example.com\nSender: c@example.com\n\n"
    assert.equal("c@example.com", from)
    local err = refusal(HEAD .. "Cc: a@@b\n\n")
    assert.equal("ADDRESS", err.code)
    assert.matches("^raw: line 5: Cc: ", err.text)
  end)

  it("goes to whom it names: To, Cc and Bcc, each once, groups too", function()
    local from, to = envelope_of(HEAD .. "Cc: =?UTF-8?Q?J=C3=B6?= <c@example.com>,\n b@EXAMPLE.com (again)\n"
      .. "Bcc: G: d@example.com, e@example.com;\nbcc: f@example.com\n\n")
    assert.equal("A <a@example.com>", from)
    assert.same({ "b@example.com", "c@example.com", "d@example.com", "e@example.com", "f@example.com" }, to)
  end)

  it("goes to whom the envelope names, when it is given", function()
    local from, to = envelope_of(HEAD, { envelope = { from = "", to = "z@example.com" } })
    assert.equal("", from)
    assert.same({ "z@example.com" }, to)
  end)

  it("goes to whom the newest resent block names (RFC 5322 3.6.6)", function()
    local raw = "Received: from x\nResent-From: r@example.com\nResent-Date: Mon, 23 Nov 2026 22:28:01 +0900\n"
      .. "Resent-To: s@example.com\nResent-Bcc: t@example.com\n"
      .. "Resent-From: old@example.com\nResent-To: old2@example.com\n" .. HEAD .. "\n"
    local from, to = envelope_of(raw)
    assert.equal("r@example.com", from)
    assert.same({ "s@example.com", "t@example.com" }, to)
    assert.equal((crlf(raw):gsub("Resent%-Bcc: [^\r]+\r\n", "")), (bytes_of(raw)))
  end)

  it("is misuse together with what it says itself", function()
    assert.error_matches(function() compose(HEAD, { subject = "x" }) end, "option 'subject' cannot be given with raw")
    assert.error_matches(function() compose { file = "x" } end, "unknown option 'file'")
    assert.error_matches(function() compose {} end, "exactly one of")
    assert.error_matches(function() compose(1) end, "option 'raw' must be")
    assert.error_matches(function() ettsumailer.message { from = "a@b.example", resent = {} } end, "go with raw only")
  end)

  it("fails when its file or function does", function()
    assert.equal("SOURCE", refusal({ path = "/nonexistent/x" }).code)
    assert.equal("SOURCE", refusal({ path = "/" }).code)
    local err = refusal(function() return nil, "boom" end)
    assert.equal("SOURCE", err.code)
    assert.matches("^raw: boom", err.text)
    assert.equal("SOURCE", refusal({ source = function() return nil, "no" end }).code)
  end)

  it("fails in the reading when its file has changed since", function()
    local path = file_with(HEAD .. "\n" .. ("hello\n"):rep(1000))
    local message = assert(compose { path = path })
    local file = io.open(path, "wb")
    file:write(HEAD .. "\n" .. ("h\195\164llo"):rep(1000))
    file:close()
    local _, code = mime.read(message:reader())
    assert.equal("SOURCE", code)
    os.remove(path)
  end)
end)

describe("a resent block", function()
  local RESENT = {
    from = "エッツ <e@example.jp>", to = { "f@example.com", "g@example.com" }, cc = "h@example.com", bcc = "i@example.com",
  }

  it("stands in front, and all else is as it was", function()
    local raw = "Received: from x\nResent-From: old@example.com\n" .. HEAD .. "\nhello\n"
    local bytes = bytes_of(raw, { resent = RESENT })
    local front, rest = bytes:sub(1, -#crlf(raw) - 1), bytes:sub(-#crlf(raw))
    assert.equal(crlf(raw), rest)
    local fields = mime.fields(front)
    local names = {}
    for i, field in ipairs(fields) do
      names[i] = field[1]
    end
    assert.same({ "Resent-Date", "Resent-From", "Resent-To", "Resent-Cc", "Resent-Message-ID" }, names)
    assert.equal("Thu, 01 Jan 1970 00:00:00 +0000", fields["resent-date"])
    assert.matches("^<[%x]+@example%.jp>$", fields["resent-message-id"])
    assert.equal("f@example.com, g@example.com", fields["resent-to"])
    assert.is_nil(bytes:find("i@example.com", 1, true))
  end)

  it("is the envelope, and keeps the Message-ID", function()
    local from, to = envelope_of(HEAD, { resent = RESENT })
    assert.equal("エッツ <e@example.jp>", from)
    assert.same({ "f@example.com", "g@example.com", "h@example.com", "i@example.com" }, to)
    local _, message = bytes_of(HEAD, { resent = RESENT })
    assert.equal("<x@example.com>", message:id())
  end)

  it("adds no Date to the message, which it does not touch", function()
    local bytes = bytes_of("From: a@example.com\n\n", { resent = RESENT })
    assert.is_nil(bytes:find "\nDate:")
    assert.is_nil(bytes:find "\nMessage%-ID:")
  end)

  it("names who sends it on, and one of several", function()
    assert.matches("resent.from is missing", refusal(HEAD, { resent = { to = "a@example.com" } }).text, 1, true)
    local two = { from = "a@example.com, b@example.com", to = "c@example.com" }
    assert.matches("resent.sender", refusal(HEAD, { resent = two }).text, 1, true)
    two.sender = "b@example.com"
    assert.matches("\r\nResent%-Sender: b@example.com\r\n", (bytes_of(HEAD, { resent = two })))
    assert.matches("^resent%.to: ", refusal(HEAD, { resent = { from = "a@example.com", to = "x" } }).text)
    local odd = { from = "a@example.com", message_id = "x" }
    assert.matches("^resent%.message_id: ", refusal(HEAD, { resent = odd }).text)
    assert.error_matches(function() compose(HEAD, { resent = { form = "x" } }) end, "did you mean 'from'")
  end)
end)
