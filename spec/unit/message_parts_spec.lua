-- The parts of a message: what stands beside what, images and their references, invitations, trees
-- of a caller's own.

local ettsumailer = require "ettsumailer"
local mime = require "support.mime"

local function given_with(fields)
  local given = {
    from = "a@example.com", to = "b@example.com", date = 0, zone_minutes = 0, entropy = ("e"):rep(32),
  }
  for name, value in pairs(fields) do
    given[name] = value
  end
  return given
end

local function compose(fields)
  local message = assert(ettsumailer.message(given_with(fields)))
  local bytes, code = mime.read(message:reader())
  assert.equal("DONE", code)
  assert.equal(#bytes, message:size())
  return mime.parse(bytes), bytes
end

local function refusal(fields)
  local message, err = ettsumailer.message(given_with(fields))
  assert.is_nil(message)
  return err
end

local IMAGE = { content = "\137PNG\r\n\26\n", type = "image/png", cid = "logo", filename = "logo.png" }
local EVENT = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n"

local function file_with(content)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(content)
  file:close()
  return path
end

describe("the parts of a message", function()
  it("are nested in one way, and a level with one part is left out (RFC 2046 5.1.4, RFC 2387)", function()
    local fields = {
      { text = "t" }, { html = "<p>h</p>" }, { inline = { IMAGE }, html = "<p>h</p>" },
      { attachments = { { content = "x", filename = "x.bin" } } },
    }
    local shapes = {
      [0] = "text/plain", "text/plain", "text/html", "alternative(text/plain, text/html)",
      "related(text/html, image/png)", "related(alternative(text/plain, text/html), image/png)",
      "related(text/html, image/png)", "related(alternative(text/plain, text/html), image/png)",
    }
    for set = 0, 15 do
      local all = {}
      for i = 1, 4 do
        if math.floor(set / 2 ^ (i - 1)) % 2 == 1 then
          for name, value in pairs(fields[i]) do
            all[name] = value
          end
        end
      end
      local wanted = shapes[set % 8]
      if set >= 8 then
        wanted = ("mixed(%s, application/octet-stream)"):format(wanted)
      end
      assert.equal(wanted, mime.shape(compose(all)), "set " .. set)
    end
  end)

  it("name the type of the root of what is related (RFC 2387 3.1)", function()
    local part = compose { html = "<p>", text = "t", inline = { IMAGE } }
    assert.matches('type="multipart/alternative"', part.content_type, 1, true)
  end)

  it("have the plainest first, and an invitation last", function()
    local part = compose { text = "t", html = "<p>h</p>", calendar = EVENT }
    assert.equal("alternative(text/plain, text/html, text/calendar)", mime.shape(part))
  end)

  it("refuse a charset, type or name that is none, by the name of the field", function()
    for _, bad in ipairs { { type = "text" }, { type = "a/b; x y=1" }, { charset = "a b" }, { filename = "a\nb" } } do
      bad.content = "x"
      assert.matches("^attachments%[1%]: ", refusal({ attachments = { bad } }).text)
      bad.cid = "logo"
      assert.matches("^inline%[1%]: ", refusal({ html = "", inline = { bad } }).text)
    end
  end)

  it("never encode a message in a message (RFC 2046 5.2.1)", function()
    local ascii = "Subject: x\r\n\r\nhello\r\n"
    local part, bytes = compose { attachments = { { content = ascii, type = "message/rfc822" } } }
    assert.equal("7bit", part[2].headers["content-transfer-encoding"])
    assert.is_truthy(bytes:find(ascii, 1, true))
    for _, content in ipairs { "Subject: x\n\nh\195\164llo\n", ("x\n"):rep(5000) .. "\195\164\n" } do
      local path = file_with(content)
      for _, given in ipairs { { content = content }, { path = path } } do
        given.type = "message/rfc822"
        local message = assert(ettsumailer.message(given_with { attachments = { given } }))
        assert.is_true(message:needs_8bit())
        assert.equal(#mime.read(message:reader()), message:size())
      end
      os.remove(path)
    end
  end)

  it("look a file through when it is a message, and send it as 7bit when it is that", function()
    local path = file_with "Subject: x\n\nhello\n"
    local part = compose { attachments = { { path = path, type = "message/rfc822" } } }
    os.remove(path)
    assert.equal("7bit", part[2].headers["content-transfer-encoding"])
    assert.equal("Subject: x\r\n\r\nhello\r\n", part[2].body)
  end)

  it("are 7-bit unless the body may be 8bit (RFC 6152)", function()
    for _, case in ipairs { { "日本\n", true }, { "ascii\n", false }, { "日本 \n", false }, { ("長"):rep(400), false } } do
      local message = assert(ettsumailer.message(given_with { text = case[1], body = "8bit" }))
      assert.equal(case[2], message:needs_8bit(), case[1])
      local bytes = mime.read(message:reader())
      assert.equal(case[2], bytes:find "[\128-\255]" ~= nil)
      assert.equal(#bytes, message:size())
      assert.is_false(assert(ettsumailer.message(given_with { text = case[1] })):needs_8bit())
    end
  end)

  it("refuse a body that is binary, and say what it would need (RFC 3030)", function()
    local err = refusal { text = "", body = "binary" }
    assert.equal("CONFIG", err.code)
    assert.matches("BINARYMIME and CHUNKING", err.text)
    assert.matches("^body: ", refusal({ text = "", body = "9bit" }).text)
  end)
end)

describe("an inline image", function()
  it("has a Content-ID that the HTML refers to, different in each message", function()
    local html = [[<img src="cid:logo"><img src='CID:logo'><p style="background:url(cid:logo)">cid:logos xcid:logo]]
    local part = compose { html = html, inline = { IMAGE } }
    local id = part[2].headers["content-id"]:match "^<(logo@[^<>]+%.example%.com)>$"
    assert.is_truthy(id)
    assert.equal((html:gsub("([cC][iI][dD]:logo)(['\")])", function(name, stop)
      return name:sub(1, 4) .. id .. stop
    end)), part[1].body)
    local other = compose { html = html, inline = { IMAGE }, entropy = ("f"):rep(32) }
    assert.are_not.equal(part[2].headers["content-id"], other[2].headers["content-id"])
  end)

  it("keeps an id that has a host, and the HTML with it", function()
    local image = { content = "x", type = "image/png", cid = "logo@id.example" }
    local part = compose { html = '<img src="cid:logo@id.example">', inline = { image } }
    assert.equal("<logo@id.example>", part[2].headers["content-id"])
    assert.equal('<img src="cid:logo@id.example">', part[1].body)
  end)

  it("is percent-encoded in the reference where a URL wants that (RFC 2392)", function()
    local image = { content = "x", type = "image/png", cid = "a#b" }
    local part = compose { html = '<img src="cid:a%23b">', inline = { image } }
    assert.matches('src="cid:a%23b@', part[1].body, 1, true)
    assert.matches("<a#b@", part[2].headers["content-id"], 1, true)
  end)

  it("leaves the names of others alone", function()
    local html = '<img src="cid:other"><img src="cid:logo2">'
    assert.equal(html, compose({ html = html, inline = { IMAGE } })[1].body)
  end)

  it("is inline, with its name and type", function()
    local part = compose({ html = "<p>", inline = { IMAGE } })[2]
    assert.matches("^inline; filename=\"?logo%.png", part.headers["content-disposition"])
    assert.equal("image/png", part.type)
    assert.equal(IMAGE.content, part.body)
  end)

  it("is refused when its name is none, or another's", function()
    for _, cid in ipairs { "", "a b", "a\nb", "<a>", "ü", "a@b@c", "a..b" } do
      local err = refusal { html = "", inline = { { content = "x", type = "image/png", cid = cid } } }
      assert.equal("CONFIG", err.code, cid)
      assert.matches("^inline%[1%]", err.text)
    end
    assert.matches("^inline%[2%]", refusal({ html = "", inline = { IMAGE, IMAGE } }).text)
  end)

  it("is misuse without HTML or a cid", function()
    assert.error_matches(function() ettsumailer.message { inline = { IMAGE } } end, "need html")
    assert.error_matches(function() ettsumailer.message { html = "", inline = { { content = "x" } } } end, "cid")
    assert.error_matches(function() ettsumailer.message { html = "", inline = { "logo.png" } } end, "inline%[1%]")
  end)
end)

describe("an invitation", function()
  it("has the method of its content (RFC 6047 2.4)", function()
    local part = compose { calendar = EVENT }
    assert.matches("^text/calendar; method=REQUEST; charset=us%-ascii", part.content_type)
    assert.equal(EVENT, part.body)
    part = compose { calendar = { content = "BEGIN:VCALENDAR\n", method = "CANCEL" } }
    assert.matches("method=CANCEL", part.content_type)
    assert.is_nil(compose({ calendar = "BEGIN:VCALENDAR\n" }).content_type:find "method")
  end)

  it("can be attached as a file, too", function()
    local part = compose { text = "t", calendar = { content = EVENT, filename = "invite.ics" } }
    assert.equal("mixed(alternative(text/plain, text/calendar), application/ics)", mime.shape(part))
    assert.equal(EVENT, part[2].body)
  end)

  it("is refused when it is none, or is of two minds", function()
    for _, bad in ipairs { "hello", { content = EVENT, method = "CANCEL" }, { content = EVENT, method = "a b" },
      { content = EVENT, method = "" }, "BEGIN:VCALENDAR\n\255" } do
      local err = refusal { calendar = bad }
      assert.equal("CONFIG", err.code)
      assert.matches("^calendar: ", err.text)
    end
  end)
end)

describe("a tree of parts", function()
  it("is sent as it is described", function()
    local part = compose { parts = {
      type = "multipart/mixed", headers = { ["X-Tree"] = "日本" },
      {
        type = "multipart/alternative", { content = "t", type = "text/plain" }, { content = "<p>", type = "text/html" },
      },
      { type = "image/png", content = "\0", filename = "売上.png", disposition = "attachment", cid = "a@b.example",
        headers = { { "Content-Description", "a picture" } } },
      { type = "text/csv", content = "a\nb\n", disposition = "attachment", parameters = { header = "present" } },
    } }
    assert.equal("mixed(alternative(text/plain, text/html), image/png, text/csv)", mime.shape(part))
    assert.matches("=?UTF-8?", part.headers["x-tree"], 1, true)
    assert.equal("<a@b.example>", part[2].headers["content-id"])
    assert.equal("a picture", part[2].headers["content-description"])
    assert.equal("\0", part[2].body)
    assert.equal("a\nb\n", part[3].body)
    assert.matches("header=present", part[3].content_type)
  end)

  it("may be one part only, and reads text as text", function()
    local part = compose { parts = { type = "text/x-note", content = "a\nü\n" } }
    assert.equal("text/x-note", part.type)
    assert.matches("charset=utf%-8", part.content_type)
    assert.equal("a\r\nü\r\n", part.body)
  end)

  it("reads the text of files as text, and refuses what is not UTF-8", function()
    local path = file_with(("a\nü\n"):rep(40000))
    local part = compose { parts = { type = "text/plain", path = path } }
    assert.equal(("a\r\nü\r\n"):rep(40000), part.body)
    os.remove(path)
    path = file_with(("a\n"):rep(40000) .. "\255")
    local err = refusal { parts = { type = "text/plain", path = path } }
    os.remove(path)
    assert.equal("CONFIG", err.code)
    assert.matches("^parts: .*UTF%-8", err.text)
  end)

  it("takes the parameters of a multipart", function()
    local part = compose { parts = {
      type = "multipart/report", parameters = { ["report-type"] = "delivery-status" },
      { type = "text/plain", content = "t" },
    } }
    assert.matches('multipart/report; report%-type=delivery%-status; boundary=', part.content_type)
    part = compose { parts = { type = "multipart/report; report-type=x", { type = "text/plain", content = "t" } } }
    assert.matches("multipart/report; report%-type=x;", part.content_type)
  end)

  it("refuses a parameter's name that is no token, and the part's fields by its place", function()
    local function inside(part)
      return refusal({ parts = { type = "multipart/mixed", { type = "text/plain", content = "" }, part } }).text
    end
    local part = { type = "a/b", content = "", parameters = { ["a b"] = "x" } }
    assert.matches("^parts%[2%]: parameter a b: ", inside(part))
    part.parameters = { x = "a\nb" }
    assert.matches("^parts%[2%]: parameter x: ", inside(part))
    assert.matches("^parts%[2%]: ", inside { type = "a/b", content = "", headers = { ["Content-Type"] = "c/d" } })
    assert.matches("^parts%[2%]: ", inside { type = "a/b", content = "", headers = { ["X-A"] = "a\nb" } })
    assert.matches("^parts%[2%]: ", inside { type = "a/b", content = "", cid = "logo" })
    assert.matches("^parts%[2%]", inside { type = "multipart/mixed" })
  end)

  it("ends with an error when it is too deep, too large or holds itself", function()
    local deep = { type = "text/plain", content = "" }
    for _ = 1, 17 do
      deep = { type = "multipart/mixed", deep }
    end
    assert.equal("CONFIG", refusal({ parts = deep }).code)
    local round = { type = "multipart/mixed" }
    for i = 1, 20 do
      round[i] = round
    end
    assert.equal("CONFIG", refusal({ parts = round }).code)
    local wide = { type = "multipart/mixed" }
    for i = 1, 10001 do
      wide[i] = { type = "text/plain", content = "" }
    end
    assert.equal("CONFIG", refusal({ parts = wide }).code)
    local fits = deep[1]
    assert.is_truthy(ettsumailer.message(given_with { parts = fits }))
  end)

  it("stands alone, and knows its fields", function()
    local part = { type = "text/plain", content = "" }
    local function raises(given, words)
      assert.error_matches(function() ettsumailer.message(given) end, words)
    end
    raises({ parts = part, text = "x" }, "in place of 'text'")
    raises({ parts = { type = "text/plain" } }, "exactly one of")
    raises({ parts = { typ = "x", content = "" } }, "did you mean 'type'")
    raises({ parts = { type = "multipart/mixed", 1 } }, "parts%[1%]")
    raises({ parts = { type = "multipart/x", content = "" } }, "unknown")
  end)
end)

describe("the text of HTML", function()
  it("is made when it is asked for, and only then", function()
    local part = compose { html = "<p>a &amp; b</p>", auto_text = true }
    assert.equal("alternative(text/plain, text/html)", mime.shape(part))
    assert.equal("a & b\r\n", part[1].body)
    assert.equal("t", compose({ html = "<p>", text = "t", auto_text = true })[1].body)
    assert.equal("text/html", compose({ html = "<p>", auto_text = false }).type)
  end)

  it("is misuse without HTML", function()
    assert.error_matches(function() ettsumailer.message { text = "t", auto_text = true } end, "auto_text")
  end)
end)
