-- The header fields that the options of a message ask for.

local ettsumailer = require "ettsumailer"
local mime = require "support.mime"

local function given_with(fields)
  local given = {
    from = "a@example.com", to = "b@example.com", text = "", date = 0, zone_minutes = 0, entropy = ("e"):rep(32),
  }
  for name, value in pairs(fields) do
    given[name] = value
  end
  return given
end

local function fields_of(fields)
  local message = assert(ettsumailer.message(given_with(fields)))
  return mime.fields(message:header_section()), message
end

local function refusal(fields)
  local message, err = ettsumailer.message(given_with(fields))
  assert.is_nil(message)
  return err
end

describe("the fields of a message", function()
  it("tell its priority in both ways that programs read", function()
    for name, values in pairs { high = { "1", "high" }, normal = { "3", "normal" }, low = { "5", "low" } } do
      local fields = fields_of { priority = name }
      assert.same(values, { fields["x-priority"], fields.importance })
    end
    assert.matches("^priority: ", refusal({ priority = "urgent" }).text)
    assert.is_nil(fields_of({})["x-priority"])
  end)

  it("ask for a receipt (RFC 8098 2.1)", function()
    assert.equal("a@example.com", fields_of({ read_receipt = true })["disposition-notification-to"])
    local fields = fields_of { read_receipt = { "エッツ <c@example.com>", "d@example.com" } }
    assert.matches("<c@example.com>, d@example.com", fields["disposition-notification-to"], 1, true)
    assert.matches("^read_receipt: ", refusal({ read_receipt = "nobody" }).text)
    assert.matches("^read_receipt: ", refusal({ read_receipt = {} }).text)
  end)

  it("say that a program wrote it (RFC 3834 5)", function()
    assert.equal("auto-generated", fields_of({ auto_submitted = true })["auto-submitted"])
    assert.equal("auto-replied", fields_of({ auto_submitted = "auto-replied" })["auto-submitted"])
    assert.matches("^auto_submitted: ", refusal({ auto_submitted = "yes" }).text)
  end)

  it("keep the order of the caller's own, and names by the grammar", function()
    local fields = fields_of { headers = { { "X-B", "1" }, { "X-A", "2" }, { "X-B", "3" } } }
    local own = {}
    for _, field in ipairs(fields) do
      own[#own + 1] = field[1]:match "^X%-." and field[1] .. field[2] or nil
    end
    assert.same({ "X-B1", "X-A2", "X-B3" }, own)
    for _, name in ipairs { "", "X A", "X:A", "Ü", "X\tA", "X\0", ("x"):rep(100) } do
      assert.matches("^headers: ", refusal({ headers = { [name] = "x" } }).text)
    end
  end)

  it("hold what has an option of its own to the same", function()
    local fields = fields_of { headers = { ["In-Reply-To"] = "a@b", Date = "Mon, 23 Nov 2026 22:28:01 +0900" } }
    assert.equal("<a@b>", fields["in-reply-to"])
    assert.equal("Mon, 23 Nov 2026 22:28:01 +0900", fields.date)
    for name, value in pairs {
      ["In-Reply-To"] = "no", References = "<a@b> no", ["Message-ID"] = "a@b c@d", Date = "today",
      ["To"] = "no", ["MIME-Version"] = "1.0", ["content-type"] = "text/html", ["Bcc"] = "a@b.example",
      ["Return-Path"] = "<>", ["resent-date"] = "Mon, 24 Nov 2026 22:28:01 +0900",
    } do
      local err = refusal { to = {}, headers = { [name] = value } }
      assert.matches("^headers: ", err.text)
      assert.is_truthy(err.text:lower():find(name:lower(), 1, true), err.text)
    end
  end)

  it("know a date from what looks like one (RFC 5322 3.3)", function()
    local good = {
      "Thu, 29 Feb 2024 00:00:00 -0330", "1 Jan 1900 23:59:60 +0000", "Fri, 21 Nov 1997 09:55 -0600",
      "Sat, 01 Jan 2000 00:00:00 +1400",
    }
    local bad = {
      "Thu, 29 Feb 2023 00:00:00 +0000", "Fri, 29 Feb 2024 00:00:00 +0000", "31 Apr 2024 00:00:00 +0000",
      "1 Jan 1899 00:00:00 +0000", "1 Jan 2024 24:00:00 +0000", "1 Jan 2024 00:60:00 +0000",
      "1 Jan 2024 00:00:61 +0000", "1 Jan 2024 00:00:00 +0060", "1 Jan 2024 00:00:00 GMT", "1 Jan 24 00:00:00 +0000",
      "Mon,1 Jan 2024 00:00:00 +0000", "1 Jän 2024 00:00:00 +0000", "2024-01-01", "", "1 Jan 2024 00:00:0 +0000",
      "0 Jan 2024 00:00:00 +0000", "1 Jan 2024 00:00:00 +0000 (x)",
    }
    for _, date in ipairs(good) do
      assert.equal(date, fields_of({ headers = { Date = date } }).date)
    end
    for _, date in ipairs(bad) do
      assert.matches("Date: not a date", refusal({ headers = { Date = date } }).text, 1, true)
    end
  end)

  it("write no receiver's decoding into text that only looks encoded (RFC 2047 7)", function()
    local fields = fields_of { subject = "see =?utf-8?Q?a b?= here", headers = { ["X-A"] = "=?utf-8?Q?ok?=" } }
    assert.is_nil(fields.subject:find("=?utf-8?Q?a", 1, true))
    assert.is_nil(fields["x-a"]:find("=?utf-8?Q?ok", 1, true))
  end)

  it("send a TAB as a space, and refuse every other control character", function()
    assert.equal("a b", fields_of({ subject = "a\tb" }).subject)
    for code = 0, 127 do
      local c = string.char(code)
      if (code < 32 or code == 127) and c ~= "\t" then
        assert.matches("^subject: ", refusal({ subject = "a" .. c .. "b" }).text)
        assert.matches("^attachments%[1%]: ", refusal({ attachments = { { content = "", filename = "a" .. c } } }).text)
      end
    end
  end)

  it("name the value that the world cannot have", function()
    assert.matches("^date: ", refusal({ date = -1e15 }).text)
    assert.matches("^date: ", refusal({ date = 1e300 }).text)
    assert.matches("^zone_minutes: ", refusal({ zone_minutes = 1440 }).text)
    assert.matches("^entropy: ", refusal({ entropy = "short" }).text)
    for _, host in ipairs { "", "a b", "a@b", "a\nb", "example..com" } do
      assert.matches("^message_id_host: ", refusal({ message_id_host = host }).text)
    end
  end)

  it("have the host that is given in Message-ID", function()
    local _, message = fields_of { message_id_host = "mail.example.org" }
    assert.matches("@mail%.example%.org>$", message:id())
  end)

  it("want a sender for groups, which are written only when they are asked for (RFC 6854)", function()
    local group = "Staff: c@example.com, d@example.com;"
    assert.equal("ADDRESS", refusal({ from = group }).code)
    assert.matches("sender", refusal({ from = group, allow_group_from = true }).text)
    local fields = fields_of { from = group, sender = "c@example.com", allow_group_from = true }
    assert.equal(group, fields.from)
    fields = fields_of { from = "Nobody:;", sender = "c@example.com", allow_group_from = true }
    assert.equal("Nobody:;", fields.from)
  end)

  it("take dots in odd places for all domains only when they are asked to", function()
    assert.equal("ADDRESS", refusal({ to = "foo..bar@example.com" }).code)
    local fields = fields_of { to = "foo..bar@example.com", lenient_local_part = true }
    assert.equal('"foo..bar"@example.com', fields.to)
    assert.equal('"foo."@docomo.ne.jp', fields_of({ to = "foo.@docomo.ne.jp" }).to)
    assert.equal("ADDRESS", refusal({ from = "foo..bar@example.com", lenient_local_part = true }).code)
  end)
end)

describe("the fields of a list", function()
  local LIST = {
    id = "エッツ通信 <news.example.com>", help = "https://example.com/help",
    unsubscribe = {
      "https://example.com/u?t=abc,(1)", { url = "mailto:u@example.com?subject=bye", comment = "a) (b\\" },
    },
    subscribe = "mailto:s@example.com", post = false, owner = "mailto:o@example.com",
    archive = "https://example.com/archive", one_click = true,
  }

  it("are those of RFC 2369, 2919 and 8058, each once", function()
    local fields = fields_of { list = LIST }
    assert.matches("^=%?UTF%-8%?B%?[^ ]+%?= <news%.example%.com>$", fields["list-id"])
    assert.equal("<https://example.com/help>", fields["list-help"])
    assert.equal("<https://example.com/u?t=abc,(1)>, <mailto:u@example.com?subject=bye> (a\\) \\(b\\\\)",
      fields["list-unsubscribe"])
    assert.equal("List-Unsubscribe=One-Click", fields["list-unsubscribe-post"])
    assert.equal("<mailto:s@example.com>", fields["list-subscribe"])
    assert.equal("NO", fields["list-post"])
    assert.equal("<mailto:o@example.com>", fields["list-owner"])
    assert.equal("<https://example.com/archive>", fields["list-archive"])
  end)

  it("take an identifier with or without a name", function()
    for _, id in ipairs { "news.example.com", "<news.example.com>", { id = "news.example.com" } } do
      assert.equal("<news.example.com>", fields_of({ list = { id = id } })["list-id"])
    end
    assert.equal('"Doe, J." <a.b>', fields_of({ list = { id = { name = "Doe, J.", id = "a.b" } } })["list-id"])
    local long = ("a."):rep(130) .. "b"
    for _, id in ipairs { "news", "a..b", ".a.b", "a.b.", "a b.c", "a.b\n", "ü.example", long, "<>" } do
      assert.matches("^list%.id: ", refusal({ list = { id = id } }).text)
    end
  end)

  it("hold URLs only (RFC 3986 2)", function()
    for _, url in ipairs {
      "", "example.com", "u@example.com", "https:", "https://", "https:///x", "mailto:", "mailto:x", "javascript:x",
      "https://example.com/a b", "https://example.com/>", "https://example.com/\n", "https://example.com/ü",
      "https://example.com/%zz", "https://example.com/\"", "<https://example.com/>",
    } do
      assert.matches("^list%.help: ", refusal({ list = { help = url } }).text)
    end
  end)

  it("promise one click only where there is one https URL to click (RFC 8058 3.1)", function()
    for _, unsubscribe in ipairs {
      "http://example.com/u", "mailto:u@example.com", { "https://example.com/u", "https://example.com/v" },
      { "https://example.com/u", "http://example.com/u" },
    } do
      assert.matches("^list%.one_click: ", refusal({ list = { unsubscribe = unsubscribe, one_click = true } }).text)
    end
    assert.matches("^list%.one_click: ", refusal({ list = { one_click = true } }).text)
    local fields = fields_of { list = { unsubscribe = "https://example.com/u" } }
    assert.is_nil(fields["list-unsubscribe-post"])
  end)

  it("are refused the second time", function()
    local err = refusal {
      list = { help = "https://example.com/" }, headers = { ["List-Help"] = "<https://x.example/>" },
    }
    assert.equal("CONFIG", err.code)
  end)

  it("are misuse when their names or kinds are wrong", function()
    local function raises(list, words)
      assert.error_matches(function() ettsumailer.message { list = list } end, words)
    end
    raises({ unsubscribed = "x" }, "did you mean 'unsubscribe'")
    raises({ help = {} }, "empty list")
    raises({ help = { { link = "x" } } }, "list.help")
    raises({ id = { name = "x" } }, "id must be given")
  end)
end)
