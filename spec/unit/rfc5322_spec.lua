-- RFC 5322, Internet Message Format: what binds whoever writes messages and reads addresses, by
-- section; and the examples of appendix A.

local composed = require "support.composed"
local ettsumailer = require "ettsumailer"
local generator = require "support.generator_messages"
local grammar = require "support.grammar"
local mime = require "support.mime"

local address = ettsumailer.address
local compose = composed.bytes

local function names_of(list)
  local found = {}
  for i, one in ipairs(list) do
    found[i] = one.name or ""
  end
  return found
end

local function specs_of(list)
  local found = {}
  for i, one in ipairs(list) do
    found[i] = one.local_part .. "@" .. one.domain
  end
  return found
end

-- One mailbox as "name|local part|domain".
local function parts_of(text)
  local a = assert(address(text))
  return ("%s|%s|%s"):format(a.name or "", a.local_part, a.domain)
end

local function body_of(bytes)
  return bytes:match "\r\n\r\n(.*)$"
end

local function longest_line(bytes)
  local longest = 0
  for line in (bytes .. "\r\n"):gmatch "(.-)\r\n" do
    longest = math.max(longest, #line)
  end
  return longest
end

-- Address fields of messages made at random, as they were sent, with their folds.
local function generated_fields(count)
  local random, fields = generator.new(5322), {}
  for i = 1, count do
    local list = {}
    for j, parts in ipairs(random:addresses(6, { utf8 = 0 })) do
      list[j] = assert(address(parts))
    end
    fields[i] = composed.field({ to = list }, "To"):match "^To:(.*)\r\n$"
  end
  return fields
end

describe("RFC 5322 2.1.1: line lengths", function()
  it("no line of a body is longer than 998 octets", function()
    for _, n in ipairs { 997, 998, 999, 5000 } do
      local bytes = compose { text = ("x"):rep(n) .. "\n", html = ("é"):rep(n) }
      assert.is_true(longest_line(bytes) <= 998)
      assert.equal(("x"):rep(n), mime.parse(bytes)[1].body:match "^x+")
    end
  end)

  it("no header line is longer than 998 octets, whatever the value", function()
    for _, n in ipairs { 70, 77, 78, 79, 900, 985, 990, 997, 998, 999, 5000 } do
      for _, value in ipairs { ("x"):rep(n), ("é"):rep(n), ("x "):rep(n) .. "x" } do
        assert.is_true(longest_line(compose { subject = value, headers = { ["X-A"] = value } }) <= 998)
      end
      local name = ("x"):rep(n)
      assert.is_true(longest_line(compose { from = name .. " <a@example.com>" }) <= 998)
      assert.is_true(longest_line(compose { from = '"' .. name .. ',"  <a@example.com>' }) <= 998)
    end
  end)

  it("lists of addresses, identifiers and subjects of words keep to 78", function()
    local to, ids = {}, {}
    for i = 1, 50 do
      to[i] = ("Some Body <somebody%d@example.com>"):format(i)
      ids[i] = ("<%d@example.com>"):format(i)
    end
    local lines = composed.header_lines {
      to = to, cc = to, references = ids, subject = ("some words "):rep(40), from = "山田 太郎 <taro@例え.jp>",
      headers = { ["X-Note"] = ("長い "):rep(80) },
    }
    for _, line in ipairs(lines) do
      assert.is_true(#line <= 78, line)
    end
  end)
end)

describe("RFC 5322 2.2: header fields", function()
  it("a field's name is of printable ASCII without a colon", function()
    for code = 0, 255 do
      local name = "X" .. string.char(code) .. "Y"
      local message = ettsumailer.message {
        from = "a@example.com", to = "b@example.com", text = "", headers = { { name, "v" } },
      }
      assert.equal(code >= 33 and code <= 126 and code ~= 58, message ~= nil, name)
    end
    assert.equal("CONFIG", composed.refusal({ headers = { { "", "v" } } }).code)
  end)

  it("no value brings a line end of its own", function()
    for _, bad in ipairs { "a\r\nBcc: x@y.example", "a\nX: y", "a\rX: y", "a\r\n b", "\r\n", "a\r\n\r\nbody" } do
      composed.refusal { subject = bad }
      composed.refusal { headers = { ["X-A"] = bad } }
      composed.refusal { message_id = "<" .. bad .. "@x>" }
      composed.refusal { references = { "<a@b>", bad } }
      assert.is_nil((address { name = bad, local_part = "a", domain = "b" }))
      assert.is_nil((address { local_part = bad, domain = "b" }))
      assert.is_nil((address { local_part = "a", domain = bad }))
    end
    for _, bad in ipairs { "a\r\nBcc: x@y.example", "a\nX: y", "a\n b", "a\rX: y", "a\r\n\r\nbody", "\n" } do
      composed.refusal { from = { bad .. " <a@example.com>" } }
      composed.refusal { to = '"' .. bad .. '" <a@example.com>' }
      composed.refusal { cc = "a@example.com" .. bad }
    end
  end)

  it("a fold in a name that is read is one white space in it", function()
    assert.equal("a b <a@example.com>", composed.fields({ from = "a\r\n b <a@example.com>" }).from)
  end)

  it("values are printable ASCII and white space; all else is encoded", function()
    local bytes = compose {
      subject = "é", from = "é <a@例え.jp>", to = "グループ: 山田 <b@例え.jp>;", headers = { ["X-A"] = "日本" },
      attachments = { { content = "", filename = "日本.txt" } },
    }
    assert.is_nil(bytes:match("^(.-)\r\n\r\n"):find "[^\t\r\n -~]")
  end)
end)

describe("RFC 5322 2.2.3: folding", function()
  it("stands where white space may stand, never inside an address or an identifier", function()
    for i, field in ipairs(generated_fields(200)) do
      assert.is_true(grammar.is_address_list(field), i .. field)
      assert.is_nil(field:find "@\r\n")
      assert.is_nil(field:find "\r\n@")
    end
    local ids = {}
    for i = 1, 30 do
      ids[i] = ("<%s%d@example.com>"):format(("x"):rep(40), i)
    end
    assert.is_true(grammar.is_message_ids(composed.field({ references = ids }, "References"):match ":(.*)\r\n$"))
  end)

  it("comes after a comma first, where a list is too long for a line", function()
    local field = composed.field({ to = ("A Body <somebody@example.com>, "):rep(8) .. "b@example.com" }, "To")
    assert.is_nil(field:gsub(",\r\n", ""):find "\r\n.")
  end)

  it("is undone by deleting the line end alone: all spaces stay", function()
    local random = generator.new(223)
    for _ = 1, 200 do
      local subject = random:letters_of({ "a", "bb", "c", " ", " ", "   " }, 200):gsub("^ +", ""):gsub(" +$", "")
      local field = composed.field({ subject = subject }, "Subject")
      assert.equal(subject, (field:gsub("\r\n([ \t])", "%1"):match "^Subject: (.*)\r\n$"))
    end
  end)
end)

describe("RFC 5322 2.3: the body", function()
  it("has CR and LF together only", function()
    for _, text in ipairs { "a\nb", "a\rb", "a\r\nb", "\n\n", "\r\r\n", "a\n\rb", "", "\r" } do
      for _, html in ipairs { false, text } do
        local bytes = compose { text = text, html = html, attachments = { { content = text, filename = "x" } } }
        assert.is_nil(bytes:gsub("\r\n", ""):find "[\r\n]")
      end
    end
  end)

  it("of lines above 78 is encoded so that each line is short", function()
    assert.is_true(longest_line(body_of(compose { text = ("word "):rep(30) .. "\n" })) <= 76)
    assert.is_true(longest_line(body_of(compose { text = ("長"):rep(2000) })) <= 76)
  end)
end)

describe("RFC 5322 3.1: what is generated", function()
  it("is in the grammar of section 3 alone", function()
    local random = generator.new(31)
    for i = 1, 200 do
      local given = random:message()
      local message = require("interop.foreign.compose").compose(given)
      local section = message:match "^(.-\r\n)\r\n"
      if not section:find "[\128-\255]" then
        for name, value in (section .. "X"):gmatch "([%w-]+):(.-)\r\n%f[%w]" do
          local check = grammar.is_unstructured
          if ("From Sender Reply-To To Cc"):find(name, 1, true) then
            check = grammar.is_address_list
          elseif name == "Message-ID" then
            check = grammar.is_message_ids
          elseif name == "Date" then
            value, check = value:sub(2), grammar.is_date_time
          end
          assert.is_true(check(value), i .. " " .. name .. ":" .. value)
        end
      end
    end
  end)
end)

describe("RFC 5322 3.2: tokens", function()
  it("3.2.1: a quoted pair stands for its second character", function()
    assert.equal([[a"b\c d|x|y.example]], parts_of [["a\"b\\c\ \d" <x@y.example>]])
    assert.equal("|a b|y.example", parts_of [["\a\ b"@y.example]])
  end)

  it("3.2.2: no folded line is of white space only", function()
    for _, n in ipairs { 1, 70, 77, 78, 79, 200, 1000, 3000 } do
      local spaces = (" "):rep(n)
      local section = table.concat(composed.header_lines {
        subject = "a" .. spaces .. "b", from = '"a' .. spaces .. 'b" <a@example.com>',
        to = '"' .. spaces .. '" <b@x.example>', headers = { ["X-A"] = spaces, ["X-B"] = "x" .. spaces },
        attachments = { { content = "", filename = "a" .. spaces } },
      }, "\r\n")
      assert.is_nil(("\r\n" .. section .. "\r\n"):find "\r\n[ \t]+\r\n")
    end
  end)

  it("3.2.2: comments nest, hold quoted pairs, and mean nothing", function()
    assert.equal("|a|b.example", parts_of "(x (y \\) \\( (z))) a (\\\\) @ ((())) b.example ( )")
    assert.equal("A B|a|b.example", parts_of "A (c) (d) B (e) < (f) a@b.example (g) > (h)")
    assert.is_nil((address "a@b.example (("))
    assert.is_nil((address "(a@b.example"))
  end)

  it("3.2.2: a row of comments and white space is one space in a name", function()
    assert.equal("A B|a|b.example", parts_of "A \t \r\n  (x)\t (y) B <a@b.example>")
    assert.equal("A B|a|b.example", parts_of "A(x)B <a@b.example>")
  end)

  it("3.2.3: a dot-atom has no dot at its ends and none beside another", function()
    assert.equal("|!#$%&'*+-/=?^_`{|}~.x1|b", parts_of "!#$%&'*+-/=?^_`{|}~.x1@b")
    for _, bad in ipairs {
      ".a@b", "a.@b", "a..b@c", "a@.b", "a@b.", "a@b..c", "a b@c", "a[b@c", "a,b@c", "a;b@c",
    } do
      assert.is_nil((address(bad)), bad)
    end
  end)

  it("3.2.4: quotes are no part of the value, and a quoted atom equals the bare one", function()
    assert.equal(address "abc@b.example", address '"abc"@b.example')
    assert.equal("", address('""@b.example').local_part)
    assert.equal("abc", address('"a\r\n b\r\n c" <a@b>').name:gsub(" ", ""))
  end)

  it("3.2.5: a name with a full stop or another special is quoted", function()
    for _, name in ipairs {
      "J. Smith", "Doe, John", "a@b", "x:y;", "<x>", "a (b)", 'say "hi"', "back\\slash", "[x]",
    } do
      local text = assert(address { name = name, local_part = "a", domain = "b.example" }):format()
      assert.matches('^".*" <a@b%.example>$', text)
      assert.equal(name, address(text).name)
    end
    assert.equal("Who? <a@b.example>", address('"Who?" <a@b.example>'):format())
  end)
end)

describe("RFC 5322 3.3: dates", function()
  local function date(now, zone_minutes)
    return composed.fields({ date = now, zone_minutes = zone_minutes }).date
  end

  it("have one space between their parts, and weekday and month in English", function()
    for now = 0, 1800000000, 12345678 do
      assert.is_true(grammar.is_date_time(date(now, 540)))
    end
  end)

  it("are in the zone that is given, half-hours and negative ones too", function()
    assert.equal("Thu, 01 Jan 1970 09:00:00 +0900", date(0, 540))
    assert.equal("Fri, 21 Nov 1997 09:55:06 -0600", date(880127706, -360))
    assert.equal("Thu, 13 Feb 1969 23:32:54 -0330", date(-27723426, -210))
    assert.equal("Thu, 01 Jan 1970 05:30:00 +0530", date(0, 330))
    assert.equal("Thu, 01 Jan 1970 00:00:00 +0000", date(0, 0))
  end)

  it("exist: leap days, ends of years and centuries", function()
    assert.matches("^Tue, 29 Feb 2000 ", date(951782400, 0))
    assert.matches("^Mon, 29 Feb 2016 ", date(1456704000, 0))
    assert.matches("^Fri, 31 Dec 1999 23:59:59 ", date(946684799, 0))
    assert.matches("^Mon, 01 Mar 2100 ", date(4107542400, 0))
  end)

  it("do not follow the locale", function()
    local before = os.setlocale(nil, "all")
    for _, locale in ipairs { "ja_JP.UTF-8", "de_DE.UTF-8", "fr_FR", "tr_TR.UTF-8" } do
      os.setlocale(locale, "all")
    end
    local text = date(0, 540)
    os.setlocale(before, "all")
    assert.equal("Thu, 01 Jan 1970 09:00:00 +0900", text)
  end)

  it("of the caller's own are refused when there is no such day", function()
    for _, bad in ipairs {
      "Thu, 30 Feb 2023 10:00:00 +0000", "Mon, 21 Nov 1997 09:55:06 -0600", "Fri, 21 Nov 1997 24:00:00 +0000",
      "Fri, 21 Nov 1997 09:55:06 -0660", "21 Nov 97 09:55:06 GMT", "1997-11-21",
    } do
      composed.refusal { headers = { Date = bad } }
    end
    local own = "Fri, 21 Nov 1997 09:55:06 -0600"
    assert.equal(own, composed.fields({ headers = { Date = own } }).date)
  end)
end)

describe("RFC 5322 3.4: addresses", function()
  it("have their names in front, never in comments", function()
    for _, text in ipairs {
      "Name <a@b.example>", "a@b.example", '"(x)" <a@b.example>', "A (comment) B <a@b.example>",
    } do
      assert.is_nil(address(text):format():gsub('"[^"]*"', ""):find "[()]")
    end
  end)

  it("3.4: a group is a name, a colon, any number of mailboxes and a semicolon", function()
    local list = assert(address.parse_list("A: a@x, B <b@x>;, E:;, F: (none) ;, c@x", { keep_groups = true }))
    assert.equal("A: a@x, B <b@x>;, E:;, F:;, c@x", address.format(list))
    assert.same({ "A", "E", "F" }, { list[1].group, list[2].group, list[3].group })
    assert.same({ 2, 0, 0 }, { #list[1], #list[2], #list[3] })
  end)

  it("3.4: groups do not stand in groups, and end", function()
    for _, bad in ipairs { "A: B: a@x;;", "A: a@x", "A: a@x,", ": a@x;", "A: a@x;;", "A; a@x", "A: a@x; b@x" } do
      assert.is_nil((address.parse_list(bad)), bad)
    end
  end)

  it("3.4.1: a local part is quoted only if it has to be", function()
    assert.equal("abc@b.example", address('"abc"@b.example'):format())
    assert.equal("a.b-c+d@b.example", address('"a.b-c+d"@b.example'):format())
    assert.equal('"a b"@b.example', address('"a\\ b"@b.example'):format())
    assert.equal('"a..b"@b.example', address('"a..b"@b.example'):format())
    assert.equal('""@b.example', address('""@b.example'):format())
  end)

  it("3.4.1: no white space or comment stands beside the @", function()
    assert.equal("a@b.example", address("a (x) @ (y) b . example"):format())
    for _, field in ipairs(generated_fields(50)) do
      assert.is_nil(field:gsub('"[^"\r\n]*"', "q"):find "[ )]@", 1)
      assert.is_nil(field:find "@[ (]%f[%w]")
    end
  end)

  it("3.4.1: a domain is a dot-atom or a literal, and nothing else", function()
    assert.equal("[192.0.2.1]", address("a@[192.0.2.1]").domain)
    assert.equal("[IPv6:2001:db8::1]", address("a@[ IPv6:2001:db8::1 ]").domain)
    for _, bad in ipairs { "a@b c", "a@[b", "a@b]", "a@[b]c", "a@", "a@b@c", 'a@"b"', "a@b,c@", "a@[[b]]" } do
      assert.is_nil((address(bad)), bad)
    end
  end)
end)

describe("RFC 5322 3.5: the message", function()
  it("holds no control character but TAB and line ends, whatever the text", function()
    for code = 0, 31 do
      local c = string.char(code)
      local bytes = compose { text = "a" .. c .. "b\n", attachments = { { content = c, filename = "x" } } }
      assert.is_nil(bytes:find "[%z\1-\8\11\12\14-\31\127]")
      local text = mime.parse(bytes)[1].body
      if c ~= "\n" and c ~= "\r" then
        assert.equal("a" .. c .. "b\r\n", text)
      end
    end
  end)

  it("has an empty line behind its header section, also without a body", function()
    assert.matches("[^\r\n]\r\n\r\n$", compose { text = "" })
  end)
end)

describe("RFC 5322 3.6: fields", function()
  it("Date and From are there exactly once, and each of the others at most once", function()
    local fields = {
      sender = "s@example.com", reply_to = "r@example.com", cc = "c@example.com", bcc = "d@example.com",
      in_reply_to = "<i@x>", references = "<i@x>", subject = "s",
    }
    for _, name in ipairs { "Date", "From", "Message-ID" } do
      assert.equal(1, composed.count({}, name))
      assert.equal(1, composed.count(fields, name))
    end
    for _, name in ipairs { "Sender", "Reply-To", "To", "Cc", "In-Reply-To", "References", "Subject" } do
      assert.equal(1, composed.count(fields, name), name)
      assert.is_nil(composed.fields({ to = false })[name:lower()], name)
    end
  end)

  it("that may stand once are refused the second time, however they are given", function()
    for name, value in pairs {
      From = "x@y.example", Sender = "x@y.example", ["Reply-To"] = "x@y.example", To = "x@y.example",
      Cc = "x@y.example", ["Message-ID"] = "<a@b>", ["In-Reply-To"] = "<a@b>", References = "<a@b>", Subject = "x",
      Date = "Fri, 21 Nov 1997 09:55:06 -0600",
    } do
      composed.refusal { to = false, headers = { { name, value }, { name:upper(), value } } }
    end
  end)

  it("Comments, Keywords and optional fields may stand as often as they are given", function()
    for _, name in ipairs { "Comments", "Keywords", "X-Any" } do
      assert.equal(3, composed.count({ headers = { { name, "a" }, { name, "b" }, { name, "a" } } }, name))
    end
  end)

  it("no destination field is needed", function()
    local fields = composed.fields { to = false, bcc = "x@y.example" }
    for _, name in ipairs { "to", "cc", "bcc", "apparently-to" } do
      assert.is_nil(fields[name])
    end
  end)

  it("keep the order in which they are given", function()
    local found = {}
    for _, field in ipairs(composed.fields { headers = { { "X-C", "1" }, { "X-A", "2" }, { "X-B", "3" } } }) do
      found[#found + 1] = field[1]:match "^X%-."
    end
    assert.same({ "X-C", "X-A", "X-B" }, found)
  end)

  it("3.6.1: Date is fixed when the message is made, and the same at each reading", function()
    local message = assert(ettsumailer.message { from = "a@example.com", to = "b@example.com", text = "" })
    local first = mime.read(message:reader())
    assert.equal(first, mime.read(message:reader()))
  end)

  it("3.6.2: several authors need one Sender", function()
    local several = { "a@example.com", "b@example.com" }
    assert.matches("sender", composed.refusal({ from = several }).text)
    composed.refusal { from = several, sender = "s@example.com, t@example.com" }
    assert.equal("s@example.com", composed.fields({ from = several, sender = "s@example.com" }).sender)
  end)

  it("3.6.2: a Sender that is the one author is not written", function()
    for _, sender in ipairs { "a@example.com", "A <a@EXAMPLE.com>", "a@other.example", "A@example.com" } do
      local is_same = sender:lower():find("a@example.com", 1, true) and sender ~= "A@example.com"
      local fields = composed.fields { from = "Ann <a@example.com>", sender = sender }
      assert.equal(not is_same and sender or nil, fields.sender)
    end
    assert.equal("a@x.example",
      composed.fields({ from = "a@x.example, b@x.example", sender = "a@x.example" }).sender)
  end)

  it("3.6.3: an empty list is no field", function()
    local fields = composed.fields { to = { "b@example.com" }, cc = {}, reply_to = {}, bcc = "" }
    assert.is_nil(fields.cc)
    assert.is_nil(fields["reply-to"])
  end)

  it("3.6.3: who is blind is in the envelope and nowhere else", function()
    local bytes = compose { bcc = { "Secret <secret@example.net>", "G: other@example.net;" } }
    assert.is_nil(bytes:find("secret", 1, true))
    assert.is_nil(bytes:find("example.net", 1, true))
    for _, name in ipairs { "Bcc", "bcc", "Resent-Bcc" } do
      composed.refusal { headers = { [name] = "x@y.example" } }
    end
  end)

  it("3.6.4: each message has an identifier of its own, with a domain of the sender", function()
    local seen = {}
    for _ = 1, 1000 do
      local message = assert(ettsumailer.message { from = "a@example.com", to = "b@example.com", text = "" })
      local id = message:id()
      assert.matches("^<[%w.]+@example%.com>$", id)
      assert.is_nil(seen[id])
      seen[id] = true
    end
    local _, message = compose { from = "a@例え.jp" }
    assert.matches("@xn%-%-r8jz45g%.jp>$", message:id())
  end)

  it("3.6.4: identifiers are dot-atoms beside one @, and nothing else stands in them", function()
    for _, good in ipairs { "<a@b>", "<a.b$c@d-e.f>", "<a@[192.0.2.1]>", "<1234@local.machine.example>" } do
      assert.equal(good, composed.fields({ message_id = good })["message-id"])
    end
    for _, bad in ipairs { "<>", "<a>", "<a@>", "<@b>", "<a b@c>", "<a@b@c>", "<.a@b>", "<a(x)@b>", "a@b>c", "" } do
      composed.refusal { message_id = bad }
    end
  end)

  it("3.6.4: References and In-Reply-To are lists of identifiers", function()
    local fields = composed.fields { references = { "<1@x>", "2@x" }, in_reply_to = "<2@x>" }
    assert.equal("<1@x> <2@x>", fields.references)
    assert.equal("<2@x>", fields["in-reply-to"])
    composed.refusal { in_reply_to = "no identifier" }
    composed.refusal { references = { "<1@x>", "x" } }
  end)

  it("3.6.6: what was resent has its block in front, with Resent-Date and Resent-Message-ID", function()
    local raw = "From: a@example.com\r\nDate: Fri, 21 Nov 1997 09:55:06 -0600\r\nMessage-ID: <1@x>\r\n\r\nhi\r\n"
    local message = assert(ettsumailer.message {
      raw = raw, resent = { from = "m@example.net", to = "j@other.example" }, date = 880410121, zone_minutes = -480,
    })
    local bytes = mime.read(message:reader())
    assert.equal(raw, bytes:sub(-#raw))
    local block = mime.fields(bytes:sub(1, -#raw - 1))
    assert.equal(4, #block)
    assert.equal("m@example.net", block["resent-from"])
    assert.equal("j@other.example", block["resent-to"])
    assert.equal("Mon, 24 Nov 1997 14:22:01 -0800", block["resent-date"])
    assert.is_true(grammar.is_message_ids(block["resent-message-id"]))
  end)

  it("3.6.6: several who resend need one Resent-Sender", function()
    local raw = "From: a@example.com\r\n\r\nhi\r\n"
    local message, err = ettsumailer.message {
      raw = raw, resent = { from = "m@x.example, n@x.example", to = "j@x.example" },
    }
    assert.is_nil(message)
    assert.matches("sender", err.text)
    message = assert(ettsumailer.message {
      raw = raw, resent = { from = "M <m@x.example>", sender = "m@X.example", to = "j@x.example" },
    })
    assert.is_nil(mime.fields(message:header_section())["resent-sender"])
  end)

  it("3.6.7: no trace field is composed", function()
    local fields = composed.fields {}
    assert.is_nil(fields.received)
    assert.is_nil(fields["return-path"])
    composed.refusal { headers = { ["Return-Path"] = "<a@b>" } }
  end)

  it("3.6.8: an optional field cannot smuggle in a field that is defined", function()
    assert.equal("ADDRESS", composed.refusal({ to = false, headers = { To = "no address" } }).code)
    composed.refusal { headers = { ["message-id"] = "no identifier" } }
    composed.refusal { headers = { ["Content-Type"] = "text/plain" } }
    composed.refusal { headers = { ["MIME-Version"] = "1.0" } }
  end)
end)

describe("RFC 5322 4: obsolete forms are read", function()
  it("4.1: a name may have full stops", function()
    assert.equal("Joe Q. Public|j|b.example", parts_of "Joe Q. Public <j@b.example>")
    assert.equal("J.R.R. T|j|b.example", parts_of "J.R.R. T <j@b.example>")
    assert.equal('"Joe Q. Public" <j@b.example>', address("Joe Q. Public <j@b.example>"):format())
  end)

  it("4.2: folds may follow each other, and lines of white space only", function()
    assert.equal("A B|a|b.example", parts_of "A \r\n \r\n\t \r\n  B\r\n \r\n <a@b.example>")
  end)

  it("4.4: a route is read and dropped", function()
    assert.equal("N|a|b.example", parts_of "N <@r.example,@s.example:a@b.example>")
    assert.equal("|a|b.example", parts_of "<, @r.example ,, @s.example : a@b.example>")
    assert.equal("N <a@b.example>", address("N <@r.example:a@b.example>"):format())
  end)

  it("4.4: white space and comments may stand around each dot, and quoted words between them", function()
    assert.equal("|a.b.c d|e.f.example", parts_of 'a . b (x) . "c d" @ e (y) . \r\n f . example')
  end)

  it("4.4: members of lists and groups may be empty", function()
    assert.same({ "a@b", "c@d" }, specs_of(address.parse_list ", ,a@b,, c@d,(x),"))
    assert.same({ "a@b", "c@d" }, specs_of(address.parse_list "G: , a@b, , c@d ,;"))
    assert.equal("a@b, c@d", address.format(address.parse_list ",a@b,,c@d,"))
  end)

  it("4: none of them is written", function()
    local list = assert(address.parse_list('A. B <@r:a@b>, , c . d @ e, G: ,f@g,;', { keep_groups = true }))
    local text = address.format(list)
    assert.equal('"A. B" <a@b>, c.d@e, G: f@g;', text)
    assert.is_true(grammar.is_address_list(text))
  end)
end)

describe("RFC 5322 5: security", function()
  it("a name cannot bring control characters to whoever prints it, encoded or not", function()
    for code = 0, 31 do
      if code ~= 9 then
        local a = address(("=?UTF-8?Q?a=%02Xb?= <a@b.example>"):format(code))
        assert.is_nil(a and (a.name or ""):find "%c")
        assert.is_nil((address('"' .. string.char(code) .. '" <a@b.example>')))
      end
    end
    assert.is_nil(assert(address "=?UTF-8?Q?a=7Fb?= <a@b.example>").name:find "\127")
  end)
end)

describe("RFC 5322 appendix A", function()
  local HELLO = 'This is a message just to say hello.\nSo, "Hello".\n'

  -- The fields as they are sent, but for MIME's own.
  local function section(fields)
    local lines = {}
    for _, line in ipairs(composed.header_lines(fields)) do
      lines[#lines + 1] = not line:find "^MIME%-" and not line:find "^Content%-" and line or nil
    end
    return lines
  end

  it("A.1.1: one person writes to another", function()
    local fields = {
      from = "John Doe <jdoe@machine.example>", to = "Mary Smith <mary@example.net>", subject = "Saying Hello",
      date = 880127706, zone_minutes = -360, message_id = "<1234@local.machine.example>", text = HELLO,
    }
    assert.same({
      "Date: Fri, 21 Nov 1997 09:55:06 -0600", "From: John Doe <jdoe@machine.example>",
      "To: Mary Smith <mary@example.net>", "Subject: Saying Hello", "Message-ID: <1234@local.machine.example>",
    }, section(fields))
    assert.equal(HELLO:gsub("\n", "\r\n"), body_of(compose(fields)))
    fields.sender = "Michael Jones <mjones@machine.example>"
    assert.equal("Sender: Michael Jones <mjones@machine.example>", section(fields)[3])
  end)

  it("A.1.2: different types of mailboxes", function()
    local to = assert(address.parse_list "Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>")
    assert.same({ "Mary Smith", "", "Who?" }, names_of(to))
    assert.same({ "mary@x.test", "jdoe@example.org", "one@y.test" }, specs_of(to))
    assert.equal("Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>", address.format(to))
    local cc = assert(address.parse_list [[<boss@nil.test>, "Giant; \"Big\" Box" <sysservices@example.net>]])
    assert.same({ "", 'Giant; "Big" Box' }, names_of(cc))
    assert.equal([[boss@nil.test, "Giant; \"Big\" Box" <sysservices@example.net>]], address.format(cc))
    local from = address '"Joe Q. Public" <john.q.public@example.com>'
    assert.equal("Joe Q. Public", from.name)
    assert.equal('"Joe Q. Public" <john.q.public@example.com>', from:format())
  end)

  it("A.1.3: groups", function()
    local text = "A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;"
    local to = assert(address.parse_list(text))
    assert.same({ "Ed Jones", "", "John" }, names_of(to))
    assert.same({ "A Group", "A Group", "A Group" }, { to[1].group, to[2].group, to[3].group })
    local lines = section {
      from = "Pete <pete@silly.example>", to = text, cc = "Undisclosed recipients:;", date = -27723426,
      zone_minutes = -210, message_id = "testabcd.1234@silly.example",
    }
    assert.same({
      "Date: Thu, 13 Feb 1969 23:32:54 -0330", "From: Pete <pete@silly.example>",
      "To: A Group: Ed Jones <c@a.test>, joe@where.test, John <jdoe@one.test>;", "Cc: Undisclosed recipients:;",
      "Message-ID: <testabcd.1234@silly.example>",
    }, lines)
  end)

  it("A.2: replies", function()
    local lines = section {
      from = "Mary Smith <mary@example.net>", to = "John Doe <jdoe@machine.example>", subject = "Re: Saying Hello",
      reply_to = '"Mary Smith: Personal Account" <smith@home.example>', date = 880128070, zone_minutes = -360,
      message_id = "<3456@example.net>", in_reply_to = "<1234@local.machine.example>",
      references = "<1234@local.machine.example>", text = "This is a reply to your hello.\n",
    }
    table.sort(lines)
    assert.same({
      "Date: Fri, 21 Nov 1997 10:01:10 -0600", "From: Mary Smith <mary@example.net>",
      "In-Reply-To: <1234@local.machine.example>", "Message-ID: <3456@example.net>",
      "References: <1234@local.machine.example>",
      'Reply-To: "Mary Smith: Personal Account" <smith@home.example>', "Subject: Re: Saying Hello",
      "To: John Doe <jdoe@machine.example>",
    }, lines)
  end)

  it("A.3: a resent message", function()
    local raw = table.concat({
      "From: John Doe <jdoe@machine.example>", "To: Mary Smith <mary@example.net>", "Subject: Saying Hello",
      "Date: Fri, 21 Nov 1997 09:55:06 -0600", "Message-ID: <1234@local.machine.example>", "",
      "This is a message just to say hello.", 'So, "Hello".', "",
    }, "\r\n")
    local message = assert(ettsumailer.message {
      raw = raw, date = 880410121, zone_minutes = -480, resent = {
        from = "Mary Smith <mary@example.net>", to = "Jane Brown <j-brown@other.example>",
        message_id = "<78910@example.net>",
      },
    })
    local bytes = mime.read(message:reader())
    assert.equal(raw, bytes:sub(-#raw))
    local lines = {}
    for line in bytes:sub(1, -#raw - 1):gmatch "(.-)\r\n" do
      lines[#lines + 1] = line
    end
    table.sort(lines)
    assert.same({
      "Resent-Date: Mon, 24 Nov 1997 14:22:01 -0800", "Resent-From: Mary Smith <mary@example.net>",
      "Resent-Message-ID: <78910@example.net>", "Resent-To: Jane Brown <j-brown@other.example>",
    }, lines)
  end)

  it("A.4: trace fields of others stay as they are", function()
    local raw = "Received: from x.y.test\r\n   by example.net\r\n   via TCP\r\n   with ESMTP\r\n   id ABC12345\r\n"
      .. "   for <mary@example.net>;  21 Nov 1997 10:05:43 -0600\r\n"
      .. "Received: from node.example by x.y.test; 21 Nov 1997 10:01:22 -0600\r\n"
      .. "From: John Doe <jdoe@node.example>\r\nTo: Mary Smith <mary@example.net>\r\nSubject: Saying Hello\r\n"
      .. "Date: Fri, 21 Nov 1997 09:55:06 -0600\r\nMessage-ID: <1234@local.node.example>\r\n\r\nhello\r\n"
    local message = assert(ettsumailer.message { raw = raw })
    assert.equal(raw, (mime.read(message:reader())))
  end)

  it("A.5: white space, comments and other oddities", function()
    assert.equal("Pete|pete|silly.test", parts_of "Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>")
    local to = assert(address.parse_list(
      "A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n"
      .. "         joe@example.org,\r\n  John <jdoe@one.test> (my dear friend); (the end of the group)\r\n "))
    assert.same({ "Chris Jones", "", "John" }, names_of(to))
    assert.same({ "c@public.example", "joe@example.org", "jdoe@one.test" }, specs_of(to))
    assert.equal("A Group", to[3].group)
    local cc = assert(address.parse_list("(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;", {
      keep_groups = true,
    }))
    assert.equal("Hidden recipients", cc[1].group)
    assert.equal(0, #cc[1])
  end)

  it("A.6.1: obsolete addresses", function()
    assert.equal("Joe Q. Public|john.q.public|example.com", parts_of "Joe Q. Public <john.q.public@example.com>")
    local to = assert(address.parse_list "Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example")
    assert.same({ "mary@example.net", "jdoe@test.example" }, specs_of(to))
    assert.equal("Mary Smith", to[1].name)
  end)

  it("A.6.3: obsolete white space and comments", function()
    assert.equal("John Doe|jdoe|machine.example", parts_of "John Doe <jdoe@machine(comment).  example>")
    assert.equal("Mary Smith|mary|example.net", parts_of "Mary Smith\r\n  \r\n          <mary@example.net>")
  end)
end)
