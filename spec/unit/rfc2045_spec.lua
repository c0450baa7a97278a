-- RFC 2045 and 2046, MIME: versions, types, encodings, boundaries; what binds whoever composes.

local composed = require "support.composed"
local core = require "ettsumailer.core"
local foreign = require "interop.foreign.compose"
local generator = require "support.generator_messages"
local mime = require "support.mime"

local parse = composed.parse

local function each_part(part, visit, depth)
  visit(part, depth or 0)
  for _, child in ipairs(part) do
    each_part(child, visit, (depth or 0) + 1)
  end
end

local generated

-- Calls visit for each part of a hundred messages made at random.
local function each_generated(visit)
  if not generated then
    local random = generator.new(2045)
    generated = {}
    for i = 1, 100 do
      local bytes = foreign.compose(random:message())
      generated[i] = { bytes = bytes, message = mime.parse(bytes) }
    end
  end
  for _, one in ipairs(generated) do
    each_part(one.message, function(part, depth)
      visit(part, depth, one.bytes)
    end)
  end
end

local function lines_of(text)
  return (text:gsub("\r\n$", "") .. "\r\n"):gmatch "(.-)\r\n"
end

local function text_part(text)
  return parse { text = text }
end

describe("RFC 2045 4: MIME-Version", function()
  it("is 1.0, in the header section of the message and in no part", function()
    each_generated(function(part, depth)
      assert.equal(depth == 0 and "1.0" or nil, part.headers["mime-version"])
    end)
  end)
end)

describe("RFC 2045 5: Content-Type", function()
  it("is a type and a subtype, with parameters that are tokens or quoted", function()
    each_generated(function(part)
      local rest = part.content_type:gsub("^[%w.+-]+/[%w.+-]+", ""):gsub("\\.", "x")
      rest = rest:gsub('; ?[%w*-]+="[^"]*"', ""):gsub("; ?[%w*-]+=[^%c ()<>@,;:\\\"/%[%]?=]+", "")
      assert.equal("", rest, part.content_type)
    end)
  end)

  it("is refused when it is none", function()
    for _, bad in ipairs {
      "text", "text/", "/plain", "te xt/plain", "text/pl ain", "text/plain; x", "text/plain\r\nX: y",
    } do
      composed.refusal { attachments = { { content = "", filename = "x", type = bad } } }
    end
  end)
end)

describe("RFC 2045 6: Content-Transfer-Encoding", function()
  it("6.2: 7bit is short lines of ASCII, as it says", function()
    each_generated(function(part)
      if part.headers["content-transfer-encoding"] == "7bit" then
        assert.is_nil(part.raw:find "[%z\128-\255]")
        assert.is_nil(part.raw:gsub("\r\n", ""):find "[\r\n]")
        for line in lines_of(part.raw) do
          assert.is_true(#line <= 998)
        end
      end
    end)
  end)

  it("6.4: a multipart is 7bit, or 8bit when one of its parts is, and never encoded", function()
    each_generated(function(part)
      if part.type:find "^multipart/" then
        assert.is_nil(part.headers["content-transfer-encoding"])
      end
    end)
    local whole = parse { text = "é\n", html = "<p>é</p>", body = "8bit" }
    assert.equal("8bit", whole[1].headers["content-transfer-encoding"])
    assert.equal("8bit", whole.headers["content-transfer-encoding"])
  end)

  it("6.7: quoted-printable has lines of 76, upper-case digits and nothing loose at a line's end", function()
    local seen = 0
    each_generated(function(part)
      if part.headers["content-transfer-encoding"] == "quoted-printable" then
        seen = seen + 1
        for line in lines_of(part.raw) do
          assert.is_true(#line <= 76, line)
          assert.is_nil(line:find "[ \t]$", line)
          assert.is_nil(line:gsub("=[%dA-F][%dA-F]", ""):gsub("=$", ""):find "[^\t -<>-~]", line)
        end
      end
    end)
    assert.is_true(seen > 10)
  end)

  it("6.7: lines of 74 to 78 octets, with white space at their ends, are read as they were", function()
    for n = 72, 80 do
      for _, ending in ipairs { "", " ", "\t", " \t ", "=", ".", "é", "é ", " é" } do
        local text = ("x"):rep(n - #ending) .. ending .. "\n" .. ("x"):rep(n) .. ending .. "\né\n"
        assert.equal(text:gsub("\n", "\r\n"), text_part(text).body)
      end
    end
  end)

  it("6.7: line ends of a text are line ends, and octets elsewhere", function()
    local part = text_part("a =\nb \n" .. ("x"):rep(100) .. "\n")
    assert.equal("quoted-printable", part.headers["content-transfer-encoding"])
    assert.is_nil(part.raw:find "=0[AD]")
    local attached = parse { attachments = { { content = "a\nb\r\nc\r", filename = "x", type = "text/plain" } } }
    assert.equal("a\nb\r\nc\r", attached[2].body)
  end)

  it("6.8: base64 has lines of 76, padded at the end alone, of every length", function()
    local random = generator.new(68)
    for n = 0, 130 do
      local content = random:octets(n)
      local part = parse({ attachments = { { content = content, filename = "x.bin" } } })[2]
      assert.equal("base64", part.headers["content-transfer-encoding"])
      assert.equal(content, part.body)
      for line in lines_of(part.raw) do
        assert.is_true(#line <= 76)
      end
      assert.is_true(part.raw:gsub("\r\n", ""):find "^[%w+/]*=?=?$" ~= nil)
      assert.equal(0, #part.raw:gsub("\r\n", "") % 4)
    end
  end)

  it("6.8: text in base64 has CRLF line ends", function()
    local part = text_part(("日本語\n"):rep(20))
    assert.equal("base64", part.headers["content-transfer-encoding"])
    assert.equal(("日本語\r\n"):rep(20), part.body)
  end)
end)

describe("RFC 2045 7: Content-ID", function()
  it("is an identifier in angle brackets, and refused when it is none", function()
    each_generated(function(part)
      local id = part.headers["content-id"]
      assert.is_true(id == nil or id:find "^<[^<>@ ]+@[^<>@ ]+>$" ~= nil)
    end)
    for _, bad in ipairs { "a b@c", "<a@b", "a@b@c", "@b", "a@", "é@b" } do
      local message = core.message()
      assert.is_nil((message:leaf(nil, { type = "image/png", content_id = bad }, "")))
    end
  end)
end)

describe("RFC 2046 4.1: text", function()
  it("4.1.1: has CRLF between its lines and nowhere else", function()
    each_generated(function(part)
      if part.type:find "^text/" and not part.headers["content-disposition"] then
        assert.is_nil(part.body:gsub("\r\n", ""):find "[\r\n]")
      end
    end)
  end)

  it("4.1.2: names its charset, us-ascii when it is no more than that", function()
    assert.equal("text/plain; charset=us-ascii", text_part("plain\n").content_type)
    assert.equal("text/plain; charset=utf-8", text_part("é\n").content_type)
    assert.equal("text/html; charset=utf-8", parse({ text = false, html = "é" }).content_type)
  end)
end)

describe("RFC 2046 5.1: multiparts", function()
  it("5.1: a boundary stands in no part, not even as the beginning of a line", function()
    each_generated(function(part)
      local boundary = part.content_type:match 'boundary="?([^";]+)'
      if boundary then
        for _, child in ipairs(part) do
          assert.is_nil(("\r\n" .. child.raw):find("\r\n--" .. boundary, 1, true))
        end
      end
    end)
  end)

  it("5.1: text that looks like a delimiter is no delimiter", function()
    local bytes = composed.bytes { html = "<p>x</p>" }
    local boundary = bytes:match 'boundary="?([^";\r\n]+)'
    boundary = "--" .. boundary
    for _, line in ipairs { boundary, boundary .. "--", boundary .. "x", "--", "--=_", "--=_0" } do
      for _, text in ipairs { line, line .. "\n", "a\n" .. line .. "\nb\n", "\n" .. line } do
        local part = parse { text = text, html = "<p>" .. text }
        assert.equal(2, #part)
        assert.equal(text:gsub("\n", "\r\n"), part[1].body)
      end
    end
  end)

  it("5.1: no boundary is the beginning of another", function()
    each_generated(function(part, depth, bytes)
      if depth == 0 and part[1] then
        local list = {}
        for boundary in bytes:gmatch 'boundary="?([^";\r\n]+)' do
          for _, other in ipairs(list) do
            assert.is_nil(other:find(boundary, 1, true) == 1 or boundary:find(other, 1, true) == 1 or nil)
          end
          list[#list + 1] = boundary
        end
      end
    end)
  end)

  it("5.1.1: a boundary has at most 70 characters of the set, and begins a line; the last one is closed", function()
    each_generated(function(part)
      local boundary = part.content_type:match 'boundary="?([^";]+)'
      if boundary then
        assert.is_true(#boundary <= 70 and boundary:find "^[%w'()+_,./:=?-]+$" ~= nil)
        assert.equal("--" .. boundary, part.raw:sub(1, #boundary + 2))
        assert.is_true(part.raw:find("\r\n--" .. boundary .. "--", 1, true) ~= nil)
      end
    end)
  end)

  it("5.1.1: the line end in front of a delimiter belongs to it: content keeps its own, or has none", function()
    local long = ("x"):rep(77)
    for _, text in ipairs { "a", "a\n", "a\n\n", "", "\n", "é", "é\n", ("x"):rep(76), long, long .. "\n" } do
      local part = parse { text = text, html = text }
      assert.equal(text:gsub("\n", "\r\n"), part[1].body)
      assert.equal(text:gsub("\n", "\r\n"), part[2].body)
    end
  end)

  it("5.1.4: an alternative has the plainest first", function()
    assert.equal("alternative(text/plain, text/html)", mime.shape(parse { text = "a", html = "b" }))
  end)
end)

describe("RFC 2046 5.2.1: message/rfc822", function()
  it("is never encoded", function()
    local message = "Subject: é\n\nhi é\n"
    local part = parse({ attachments = { { content = message, type = "message/rfc822", filename = "m.eml" } } })[2]
    assert.equal("8bit", part.headers["content-transfer-encoding"])
    assert.equal(message:gsub("\n", "\r\n"), part.raw)
  end)
end)
