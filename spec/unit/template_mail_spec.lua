-- Templates of whole messages: heads, files, fields that win, and data that inject nothing.
local ettsumailer = require "ettsumailer"
local expand = require "ettsumailer.template.expand"
local mime = require "support.mime"
local testing = require "ettsumailer.testing"

local template = ettsumailer.template
local FOLDER = require("support.scratch") .. "/templates"

local function write_file(path, text)
  local file = assert(io.open(FOLDER .. "/" .. path, "wb"))
  file:write(text)
  file:close()
end

local function fields_of(given, data, own)
  return assert(template.new(given)):fields_with(data, own)
end

local function with_addresses(fields)
  fields.from = fields.from or "a@example.com"
  fields.to = fields.to or "b@example.com"
  return fields
end

-- The bytes of a message of a template.
local function bytes_of(fields)
  return mime.read(assert(ettsumailer.message(with_addresses(fields))):reader())
end

local function parsed(fields)
  return mime.parse(bytes_of(fields))
end

describe("a template of messages", function()
  it("makes the subject, the text and the HTML, each escaped as it needs", function()
    local made = assert(fields_of({
      subject = "To {{name}}", text = "Hi {{name}}\n", html = "<p>{{name}}{{{name}}}</p>",
      headers = { ["X-Name"] = "{{name}}" }, priority = "{{prio}}",
    }, { name = "<B> & C", prio = "high" }))
    assert.same({
      subject = "To <B> & C", text = "Hi <B> & C\n", html = "<p>&lt;B&gt; &amp; C<B> & C</p>",
      headers = { { "X-Name", "<B> & C" } }, priority = "high",
    }, made)
  end)

  it("lets the caller's fields win, and adds the caller's header fields", function()
    local made = assert(fields_of(
      { subject = "a", text = "b", html = "c", from = "a@example.com", headers = { ["X-A"] = "1", ["X-B"] = "2" } },
      {}, { subject = "d", from = "e@example.com", headers = { ["x-b"] = "3", ["X-C"] = "4" } }))
    assert.equal("d", made.subject)
    assert.equal("e@example.com", made.from)
    assert.equal("b", made.text)
    assert.same({ { "X-A", "1" }, { "X-C", "4" }, { "x-b", "3" } }, made.headers)
  end)

  it("leaves out what comes out empty", function()
    local given = { cc = "{{cc}}", subject = " {{s}}", text = "{{b}}", headers = { ["X-A"] = "{{a}}" } }
    assert.same({ text = "", headers = {} }, fields_of(given, {}))
  end)

  it("has the text made of the HTML, where there is only this", function()
    local message = parsed(assert(fields_of({ html = "<p>Hello {{a}}</p>" }, { a = "<b>" })))
    assert.equal("multipart/alternative", message.type)
    assert.equal("Hello <b>", (message[1].body:gsub("%s+$", "")))
  end)

  it("knows its fields, and what is like them", function()
    assert.has_error(function() template.new { subjct = "x" } end,
      "template: unknown option 'subjct' (did you mean 'subject'?)")
  end)

  it("tells where a field has a mistake", function()
    local made, err = template.new { name = "hello", subject = "a {{#b}}", text = "" }
    assert.is_nil(made)
    assert.equal("hello: subject:1:3: {{#b}} is not closed", err.text)
    assert.same({ "hello: subject", 1, 3 }, { err.file, err.line, err.column })
  end)
end)

describe("mailer:send and ettsumailer.message", function()
  it("take a template and its data", function()
    local hello = assert(template.new { subject = "Hello {{name}}", text = "Dear {{name}},\n" })
    local message = assert(ettsumailer.message {
      template = hello, data = { name = "鈴木" }, from = "a@example.com", to = "b@example.com",
    })
    local part = mime.parse(mime.read(message:reader()))
    assert.equal("Dear 鈴木,\n", (part.body:gsub("\r\n", "\n")))
  end)

  it("take From of the template, where the mailer has one, too", function()
    local outbox = testing.outbox()
    local mailer = assert(ettsumailer.mailer { via = outbox, from = "mailer@example.com" })
    for i, from in ipairs { "{{who}}@example.com", "{{nobody}}" } do
      assert(mailer:send {
        template = assert(template.new { text = "{{who}}\n", from = from }), to = "b@example.com",
        data = { who = "template" },
      })
      assert.equal("template", (outbox.messages[i].text:gsub("%s+$", "")))
    end
    assert.equal("template@example.com", outbox.messages[1].from)
    assert.equal("mailer@example.com", outbox.messages[2].from)
    mailer:close()
  end)

  it("take a compiled template for the part that it is escaped for", function()
    local html = assert(template.compile "<b>{{a}}</b>")
    local text = assert(template.compile("{{a}}\n", { escape = "text" }))
    local both = { template = html, data = { a = "<" }, from = "a@example.com", to = "b@example.com" }
    local part = parsed(both)
    assert.equal("<b>&lt;</b>", (part[2].body:gsub("%s+$", "")))
    both.template = text
    assert.equal("<", (parsed(both).body:gsub("%s+$", "")))
  end)

  it("return what is wrong with template and data, and send nothing", function()
    local message, err = ettsumailer.message {
      template = assert(template.new { text = "{{a}}" }), data = { a = {} },
      from = "a@example.com", to = "b@example.com",
    }
    assert.is_nil(message)
    assert.equal("CONFIG", err.code)
    assert.equal("template: text:1:1: 'a' is a table where a text is due", err.text)
    message, err = ettsumailer.message { template = FOLDER .. "/none", from = "a@example.com", to = "b@example.com" }
    assert.is_nil(message)
    assert.equal("SOURCE", err.code)
  end)

  it("raise misuse in the caller's line", function()
    local ok, err = pcall(function() ettsumailer.message { data = {} } end)
    assert.is_false(ok)
    assert.is_truthy(err:find("template_mail_spec.lua:%d+: message: data goes with template"))
    ok, err = pcall(function() ettsumailer.message { template = {} } end)
    assert.is_false(ok)
    assert.is_truthy(err:find("template_mail_spec.lua:%d+: message: option 'template' must be a path or"))
    ok, err = pcall(function() ettsumailer.message { template = assert(template.new { text = "" }), data = print } end)
    assert.is_false(ok)
    assert.is_truthy(err:find "data must be a table")
    ok, err = pcall(function() ettsumailer.message { template = assert(template.new { text = "" }), subjct = "a" } end)
    assert.is_false(ok)
    assert.is_truthy(err:find "did you mean 'subject'")
  end)
end)

describe("template.load", function()
  setup(function()
    os.execute("mkdir -p " .. FOLDER .. "/parts")
  end)

  it("takes the pair of files, with their heads", function()
    write_file("order.txt", "\239\187\191---\r\nSubject: Order {{number}}\r\nReply-To: {{clerk}} <help@example.com>\r\n"
      .. "X-Campaign: winter\r\n  {{year}}\r\n# a remark\r\n---\r\nHello {{name}}\r\n")
    write_file("order.html", "---\nfrom: Shop <shop@example.com>\n---\n<p>Hello {{name}}</p>\n")
    local mail = assert(template.load("order", { folder = FOLDER }))
    assert.same({
      subject = "Order 7", reply_to = '"A, B" <help@example.com>', from = "Shop <shop@example.com>",
      headers = { { "X-Campaign", "winter 2026" } },
      text = "Hello <B>\r\n", html = "<p>Hello &lt;B&gt;</p>\n",
    }, mail:fields_with { number = 7, clerk = "A, B", year = 2026, name = "<B>" })
  end)

  it("takes a path, also that of one file", function()
    write_file("a.txt", "text {{a}}")
    write_file("a.html", "<p>{{a}}")
    assert.same({ text = "text <", html = "<p>&lt;" }, assert(template.load(FOLDER .. "/a")):fields_with { a = "<" })
    assert.same({ text = "text <" }, assert(template.load(FOLDER .. "/a.txt")):fields_with { a = "<" })
    assert.same({ html = "<p>&lt;", auto_text = true },
      assert(template.load(FOLDER .. "/a.html")):fields_with { a = "<" })
    assert.same({ text = "text <", html = "<p>&lt;", from = "a@example.com" },
      expand.fields { template = FOLDER .. "/a", data = { a = "<" }, from = "a@example.com" })
  end)

  it("finds partials in the folder, by the kind of the part", function()
    write_file("p.txt", "{{>parts/head}} {{>both}}")
    write_file("p.html", "{{>parts/head}} {{>both}} {{>*dynamic}}")
    write_file("parts/head.txt", "TEXT")
    write_file("parts/head.html", "<b>{{a}}</b>")
    write_file("both.mustache", "both{{a}}")
    assert.same({ text = "TEXT both<", html = "<b>&lt;</b> both&lt; <b>&lt;</b>" },
      assert(template.load("p", { folder = FOLDER })):fields_with { a = "<", dynamic = "parts/head" })
    assert.same({ text = "mine both<", html = "mine both&lt; mine" },
      assert(template.load("p", { folder = FOLDER, partials = { ["parts/head"] = "mine" } }))
        :fields_with { a = "<", dynamic = "parts/head" })
  end)

  local MISTAKES = {
    { "a partial that is not there", "a\n {{>none}}", "%s:2:2: there is no partial 'none'" },
    { "a section that is not closed", "---\nSubject: a\n---\n\n{{#b}}", "%s:5:1: {{#b}} is not closed" },
    { "a mistake in the head", "---\nSubject:  a {{#b}}\n---\n", "%s:2:13: {{#b}} is not closed" },
    { "a head without an end", "---\nSubject: a\n", "%s:1:1: this head has no end" },
    { "a line that is none in a head", "---\nSubject: a\nhello\n---\n", "%s:3:1: neither" },
    { "a control character in a head", "---\nSubject: a\rb\n---\n", "%s:2:1: a control character" },
    { "another one", "---\nSubject: a\27b\n---\n", "%s:2:1: a control character" },
    { "a mistyped field", "---\nsubjekt: a\n---\n", "%s:2:10: there is no field 'subjekt' (did you mean 'subject'?)" },
    { "a field twice", "---\nSubject: a\nsubject: b\n---\n", "%s:3:10: 'subject' is there twice" },
    { "a partial outside of the folder", "{{>../mistake}}", "%s:1:1: '../mistake' is no name of a partial" },
  }
  for _, case in ipairs(MISTAKES) do
    it("tells where there is " .. case[1], function()
      write_file("mistake.txt", case[2])
      local mail, err = template.load("mistake", { folder = FOLDER })
      assert.is_nil(mail)
      local wanted = case[3]:format(FOLDER .. "/mistake.txt")
      assert.equal(wanted, err.text:sub(1, #wanted))
      assert.equal(FOLDER .. "/mistake.txt", err.file)
    end)
  end

  it("never follows a name in the data out of its folder", function()
    write_file("d.txt", "{{>*name}}")
    local mail = assert(template.load("d", { folder = FOLDER .. "/parts/.." }))
    for _, name in ipairs {
      "../order", "/etc/passwd", "parts/../../x", ".hidden", "a\\b", "a\0b", "C:x", "a//b", "a/",
    } do
      local made, err = mail:fields_with { name = name }
      assert.is_nil(made)
      assert.is_truthy(err.text:find("is no name of a partial", 1, true), err.text)
    end
  end)

  it("is not strict where it is told so", function()
    write_file("s.txt", "a{{>none}}b")
    assert.same({ text = "ab" }, assert(template.load("s", { folder = FOLDER, strict = false })):fields_with {})
  end)

  it("says what cannot be read", function()
    local mail, err = template.load("none", { folder = FOLDER })
    assert.is_nil(mail)
    assert.equal("SOURCE", err.code)
    assert.equal(FOLDER .. "/none: there is no such template (.txt or .html)", err.text)
    os.execute("mkdir -p " .. FOLDER .. "/folder.txt")
    mail, err = template.load("folder", { folder = FOLDER })
    assert.is_nil(mail)
    assert.is_truthy(err.text:find(FOLDER .. "/folder.txt: cannot be read: ", 1, true), err.text)
    mail, err = template.load "a\0b"
    assert.is_nil(mail)
    assert.equal("SOURCE", err.code)
  end)
end)

describe("data in a list of addresses", function()
  local CASES = {
    { "{{n}} <{{e}}>", { n = "Smith, John", e = "a@x.jp" }, '"Smith, John" <a@x.jp>' },
    { "{{n}} <{{e}}>", { n = "x <evil@e.com>, y", e = "a@x.jp" }, '"x <evil@e.com>, y" <a@x.jp>' },
    { "{{n}} <{{e}}>", { n = "", e = "a@x.jp" }, " <a@x.jp>" },
    { "{{n}} <{{e}}>", { n = "evil@e.com", e = "a@x.jp" }, '"evil@e.com" <a@x.jp>' },
    { "{{n}} <{{e}}>", { n = "=?utf-8?q?=2C_a?=", e = "a@x.jp" }, '"=?utf-8?q?=2C_a?=" <a@x.jp>' },
    { "{{n}}様 <{{e}}>", { n = "山田, 太郎", e = "foo..bar@docomo.ne.jp" }, '"山田, 太郎"様 <foo..bar@docomo.ne.jp>' },
    { '"{{n}}" <{{e}}>', { n = 'x" <evil@e.com>, "y', e = "a@x.jp" }, '"x\\" <evil@e.com>, \\"y" <a@x.jp>' },
    { '"{{n}}" <{{e}}>', { n = " <evil@e.com>, \\", e = "a@x.jp" }, '" <evil@e.com>, \\\\" <a@x.jp>' },
    { '"\\"{{n}}" <{{e}}>', { n = 'x"', e = "a@x.jp" }, '"\\"x\\"" <a@x.jp>' },
    { "{{e}} (c\\({{c}})", { e = "a@x.jp", c = "), evil@e.com (" }, "a@x.jp (c\\(\\), evil@e.com \\()" },
    { '{{e}} (a " b), {{e}}', { e = "a@x.jp" }, 'a@x.jp (a " b), a@x.jp' },
    { "{{e}}", { e = '"a b"@x.jp' }, '"a b"@x.jp' },
    { "{{e}}", { e = "B <b@x.jp>" }, "B <b@x.jp>" },
    { "{{{e}}}", { e = "a@x.jp, b@x.jp" }, "a@x.jp, b@x.jp" },
    { "{{#l}}{{n}} <{{e}}>, {{/l}}", { l = { { n = "A;", e = "a@x.jp" }, { n = "B", e = "b@x.jp" } } },
      '"A;" <a@x.jp>, B <b@x.jp>, ' },
  }
  for i, case in ipairs(CASES) do
    it(("is one name or one address: %d"):format(i), function()
      local made = assert(fields_of({ to = case[1], text = "" }, case[2]))
      assert.equal(case[3], made.to)
      made.from = "a@example.com"
      assert.is_truthy(ettsumailer.message(made))
    end)
  end

  local REFUSED = {
    { "{{e}}", { e = "a@x.jp, b@x.jp" } },
    { "{{e}}", { e = "g: a@x.jp, b@x.jp;" } },
    { "c@x.jp, {{e}}", { e = "B <b@x.jp>" } },
    { "{{n}} <{{e}}>", { n = "A", e = "a@x.jp>, <b@x.jp" } },
    { "{{n}} <{{e}}>", { n = "a\r\nBcc: b@x.jp", e = "a@x.jp" } },
    { "{{n}} <{{e}}>", { n = "\1\0011\2", e = "a@x.jp" } },
    { "{{{n}}} <{{e}}>", { n = "\0019\2", e = "a@x.jp" } },
    { '"\\{{n}}" <{{e}}>', { n = '"', e = "a@x.jp" } },
    { "{{{e}}}", { e = "a@x.jp\r\nBcc: b@x.jp" } },
    { "{{u}}@example.com", { u = "evil@x.jp" } },
  }
  for i, case in ipairs(REFUSED) do
    it(("never makes two of one: %d"):format(i), function()
      local made, err = fields_of({ to = case[1], text = "" }, case[2])
      if made then
        made.from = "a@example.com"
        made, err = ettsumailer.message(made)
      end
      assert.is_nil(made)
      assert.is_true(ettsumailer.is_error(err))
    end)
  end

  it("are placed in linear time", function()
    local names = {}
    for i = 1, 20000 do
      names[i] = "a,"
    end
    local made = assert(fields_of({ to = "{{#l}}{{.}} {{/l}}<a@example.com>", text = "" }, { l = names }))
    assert.equal(20000 * 5 + 15, #made.to)
  end)

  it("is checked in the caller's Resent-To and Disposition-Notification-To, too", function()
    local made, err = fields_of({ headers = { ["Disposition-Notification-To"] = "{{e}}" }, text = "" },
      { e = "a@x.jp, b@x.jp" })
    assert.is_nil(made)
    assert.is_truthy(err.text:find("not one address", 1, true))
  end)
end)

describe("data that would inject", function()
  local HOSTILE = {
    "a\r\nBcc: evil@example.com", "a\nBcc: evil@example.com", "a\rBcc: evil@example.com",
    "a\r\n\r\n<script>alert(1)</script>", "a\0b", "\27[2J", "\127", "\r\n.\r\nMAIL FROM:<evil@example.com>\r\n",
    "--=_boundary\r\nContent-Type: text/html\r\n\r\n<b>", "<img src=x onerror=alert(1)>", "\"><script>", "' onclick='x",
    "{{secret}}", "{{{secret}}}", "{{>secret}}", "=?utf-8?q?=0D=0ABcc:_evil=40example.com?=", "]]>", "&lt;b&gt;",
    "\226\128\168Bcc: evil@example.com", ("x"):rep(2000) .. "\r\nBcc: evil@example.com",
  }
  local mail = assert(template.new {
    text = "Dear {{name}},\n.{{name}}\n", html = "<p title=\"{{name}}\" class='{{name}}'>{{name}}</p>",
    partials = { secret = "SECRET" },
  })

  local WRAPS = {
    subject = "{{name}}", priority = "{{name}}", auto_submitted = "{{name}}",
    from = "{{name}} <c@example.com>", reply_to = "{{name}} <c@example.com>", cc = "\"{{name}}\" <c@example.com>",
    in_reply_to = "<{{name}}@example.com>", references = "<1@example.com> {{name}}",
  }

  local function no_more_fields(bytes)
    local header = bytes:match "^(.-\r\n)\r\n"
    for line in header:gmatch "([^\r\n]*)\r\n" do
      assert.is_nil(line:lower():find "^bcc", line)
    end
    assert.is_nil(bytes:gsub("\r\n", ""):find "[\r\n]")
  end

  for i, value in ipairs(HOSTILE) do
    it(("is only text in the text and the HTML: %d"):format(i), function()
      local made = assert(mail:fields_with { name = value, secret = "SECRET" })
      assert.equal("Dear " .. value .. ",\n." .. value .. "\n", made.text)
      local inner = made.html:match "^<p title=\"(.*)\" class='.*'>.*</p>$"
      assert.is_nil(inner:find "[<>\"']")
      local bytes = bytes_of(made)
      no_more_fields(bytes)
      local message = mime.parse(bytes)
      assert.equal("multipart/alternative", message.type)
      assert.equal(2, #message)
      local text = message[1].body:gsub("\r\n?", "\n")
      assert.equal((made.text:gsub("\r\n?", "\n")), text)
    end)

    it(("is refused or only text in header fields: %d"):format(i), function()
      for field, wrap in pairs(WRAPS) do
        local made, err = fields_of({ [field] = wrap, text = "t" }, { name = value, secret = "SECRET" })
        if made then
          made, err = ettsumailer.message(with_addresses(made))
        end
        if made then
          no_more_fields(mime.read(made:reader()))
          assert.is_nil(value:find "[%z\1-\8\10-\31\127]", field)
        end
        assert.is_true(made ~= nil or ettsumailer.is_error(err))
      end
    end)

    it(("is refused or only text in header fields of one's own: %d"):format(i), function()
      for name, wrap in pairs { ["X-A"] = "{{name}}", ["List-Unsubscribe"] = "<https://example.com/{{name}}>" } do
        local made = fields_of({ headers = { [name] = wrap }, text = "t" }, { name = value })
        made = made and ettsumailer.message(with_addresses(made))
        if made then
          no_more_fields(mime.read(made:reader()))
        end
      end
    end)
  end
end)
