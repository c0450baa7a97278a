local ettsumailer = require "ettsumailer"

local address = ettsumailer.address

describe("an address", function()
  it("has a name, a local part and a domain", function()
    local a = assert(address "B <b@example.com>")
    assert.equal("B", a.name)
    assert.equal("b", a.local_part)
    assert.equal("example.com", a.domain)
  end)

  it("has no name where none is given", function()
    assert.is_nil(assert(address "b@example.com").name)
  end)

  it("is shown to people in their own language", function()
    assert.equal("山田 太郎 <taro@example.jp>", tostring(assert(address "山田 太郎 <taro@example.jp>")))
  end)

  it("is written to headers in ASCII", function()
    local text = assert(address "山田 太郎 <taro@example.jp>"):format()
    assert.is_nil(text:find "[\128-\255]")
    assert.equal("山田 太郎", assert(address(text)).name)
  end)

  it("keeps a comma inside a quoted name", function()
    local list = assert(address.parse_list '"Doe, John" <john@example.com>, jane@example.com')
    assert.equal(2, #list)
    assert.equal("Doe, John", list[1].name)
    assert.equal("jane", list[2].local_part)
  end)

  it("knows the group it was in", function()
    local list = assert(address.parse_list "Staff: a@x.jp, b@x.jp;, c@y.jp")
    assert.equal(3, #list)
    assert.equal("Staff", list[1].group)
    assert.equal("Staff", list[2].group)
    assert.is_nil(list[3].group)
  end)

  it("equals another that differs in the domain's case and in quotes only", function()
    assert.equal(address "ada@EXAMPLE.com", address "ada@example.com")
    assert.equal(address '"ada"@example.com', address "ada@example.com")
    assert.are_not.equal(address "Ada@example.com", address "ada@example.com")
  end)

  it("tells where an error is", function()
    local a, err = address "b@"
    assert.is_nil(a)
    assert.equal("ADDRESS", err.code)
    assert.equal("number", type(err.position))
  end)

  it("is never taken from a comment, nor glued by one", function()
    for _, text in ipairs {
      "(a@evil.com)", '"Name" <(comment)>', "user@example.com(x)evil.com", "user@company(x).com@attacker.net",
      "a@b, c@d", "", " ", "Group: a@b;",
    } do
      assert.is_nil((address(text)), text)
    end
  end)

  it("takes what Japanese carriers issued, and writes it quoted", function()
    local a = assert(address "foo..bar@docomo.ne.jp")
    assert.equal("foo..bar", a.local_part)
    assert.equal('"foo..bar"@docomo.ne.jp', a:path())
    assert.equal('"foo."@ezweb.ne.jp', assert(address "foo.@ezweb.ne.jp"):path())
  end)

  it("gives one exact path or an error", function()
    assert.equal('"a@evil x"@good.example', assert(address '"a@evil x"@good.example'):path())
    local path, code = assert(address "ユーザー@example.jp"):path()
    assert.is_nil(path)
    assert.equal("SMTPUTF8_REQUIRED", code)
    assert.equal("ユーザー@example.jp", assert(address "ユーザー@example.jp"):path(true))
  end)

  it("raises for what is no string", function()
    assert.has_error(function() address(12) end)
    assert.has_error(function() address.parse_list {} end)
    assert.has_error(function() address.format "a@b" end)
    assert.has_error(function() address.format { "a@b" } end)
    assert.has_error(function() address.format { { group = "G", "a@b" } } end)
    assert.has_error(function() address.format { io.stdout } end)
  end)

  it("raises for an unknown option, with the nearest name", function()
    local lenient = { lenient_local_parts = true }
    assert.error_matches(function() address("a@b", lenient) end, "did you mean 'lenient_local_part'")
    assert.error_matches(function() address.parse_list("a@b", lenient) end, "did you mean 'lenient_local_part'")
    assert.error_matches(function() address.format({}, { utf_8 = true }) end, "did you mean 'utf8'")
  end)

  it("tells what it is", function()
    assert.is_true(address.is(address "a@b"))
    for _, other in ipairs { "a@b", {}, io.stdout, 1, ettsumailer.session() } do
      assert.is_false(address.is(other))
    end
    assert.is_false(address.is(nil))
  end)
end)

describe("an address from parts", function()
  it("has them as they are, without any syntax", function()
    local a = assert(address { name = 'Doe, "J" \\', local_part = "a b@c", domain = "例え.jp", group = "社員" })
    assert.equal('Doe, "J" \\', a.name)
    assert.equal("a b@c", a.local_part)
    assert.equal("例え.jp", a.domain)
    assert.equal("社員", a.group)
    assert.equal([["Doe, \"J\" \\" <"a b@c"@例え.jp>]], tostring(a))
  end)

  it("equals the one from text", function()
    assert.equal(address "B <b@example.com>", address { local_part = "b", domain = "EXAMPLE.com" })
  end)

  it("has no name and no group where they are empty", function()
    local a = assert(address { name = "", group = "", local_part = "b", domain = "example.com" })
    assert.is_nil(a.name)
    assert.is_nil(a.group)
  end)

  it("is refused when the parts make no address", function()
    for _, parts in ipairs {
      { local_part = "a", domain = "" }, { local_part = "a", domain = "b c" }, { local_part = "a", domain = "b>,<c@d" },
      { local_part = "a\nb", domain = "c" }, { name = "a\r\nBcc: x", local_part = "a", domain = "b" },
      { name = "\255", local_part = "a", domain = "b" }, { group = "a\nb", local_part = "a", domain = "b" },
      { group = "\255", local_part = "a", domain = "b" },
    } do
      local a, err = address(parts)
      assert.is_nil(a)
      assert.equal("ADDRESS", err.code)
    end
  end)

  it("raises when a part is missing, unknown or no string", function()
    assert.error_matches(function() address { domain = "b" } end, "local_part and domain must be given")
    assert.error_matches(function() address { local_part = "a" } end, "local_part and domain must be given")
    assert.error_matches(function() address { localpart = "a", domain = "b" } end, "did you mean 'local_part'")
    assert.error_matches(function() address { local_part = 1, domain = "b" } end, "must be a string")
  end)
end)

describe("the domain of an address", function()
  it("is there in A-labels and in U-labels, in lower case", function()
    if require("ettsumailer.core").has_idna then
      for _, text in ipairs { "a@例え.jp", "a@xn--r8jz45g.jp", "a@XN--R8JZ45G.JP" } do
        local a = assert(address(text))
        assert.equal("xn--r8jz45g.jp", a.domain_ascii)
        assert.equal("例え.jp", a.domain_unicode)
      end
      assert.equal("strasse.example", address("a@STRASSE.example").domain_ascii)
      assert.equal("xn--strae-oqa.example", address("a@straße.example").domain_ascii)
    end
    assert.equal("example.com", address("a@Example.COM").domain_ascii)
    assert.equal("example.com", address("a@Example.COM").domain_unicode)
    assert.equal("Example.COM", address("a@Example.COM").domain)
  end)

  it("is nil in a form that it does not have", function()
    assert.is_nil(assert(address("a@é" .. ("x"):rep(70))).domain_ascii)
    assert.is_nil(assert(address "a@xn--0.example").domain_unicode)
  end)
end)

describe("a list of addresses", function()
  it("is written as a header has it", function()
    local list = assert(address.parse_list "山田 太郎 <taro@example.jp>, \"Doe, John\" <j@example.com>, b@例え.jp")
    local text = address.format(list)
    assert.is_nil(text:find "[\128-\255]")
    assert.equal("山田 太郎", address.parse_list(text)[1].name)
    assert.equal('山田 太郎 <taro@example.jp>, "Doe, John" <j@example.com>, b@例え.jp', address.format(list, { utf8 = true }))
    assert.equal("", address.format {})
  end)

  it("keeps its groups, neighbours together", function()
    local text = "Staff: a@x.jp, b@x.jp;, c@y.jp, Others: d@x.jp;"
    assert.equal(text, address.format(address.parse_list(text)))
  end)

  it("keeps empty groups, and two of one name apart, when that is asked for", function()
    local text = "A: a@x.jp;, A: b@x.jp;, Undisclosed recipients:;, c@x.jp, B:;"
    local list = assert(address.parse_list(text, { keep_groups = true }))
    assert.equal(5, #list)
    assert.equal("Undisclosed recipients", list[3].group)
    assert.equal(text, address.format(list))
    assert.equal(3, #assert(address.parse_list(text)))
  end)

  it("may have groups of the caller's own", function()
    local a = assert(address "a@x.jp")
    assert.equal("Team: a@x.jp, a@x.jp;, a@x.jp, Nobody:;", address.format {
      { group = "Team", a, a }, a, { group = "Nobody" },
    })
    assert.equal("=?UTF-8?B?56S+5ZOh?= : a@x.jp;", address.format { { group = "社員", a } })
    assert.equal("社員: a@x.jp;", address.format({ { group = "社員", a } }, { utf8 = true }))
    assert.equal('"A; B": a@x.jp;', address.format { { group = "A; B", a } })
  end)

  it("is refused when a member cannot be written", function()
    local text, err = address.format(address.parse_list "a@x.jp, 山@x.jp")
    assert.is_nil(text)
    assert.equal("SMTPUTF8_REQUIRED", err.code)
    assert.equal("a@x.jp, 山@x.jp", address.format(address.parse_list "a@x.jp, 山@x.jp", { utf8 = true }))
    text, err = address.format { { group = "a\nb" } }
    assert.is_nil(text)
    assert.equal("ADDRESS", err.code)
  end)

  it("takes thousands", function()
    local text = ("山田 <a@x.example>, "):rep(5000) .. "b@y.example"
    assert.equal(5001, #assert(address.parse_list(address.format(assert(address.parse_list(text))))))
  end)
end)

describe("the addresses of an option", function()
  it("may be texts, addresses and lists of both", function()
    local b = assert(address "B <b@x.jp>")
    local text, list = address.read("to", { "a@x.jp", b, "G: c@x.jp;, 山 <d@x.jp>" })
    assert.equal("a@x.jp, B <b@x.jp>, G: c@x.jp;, 山 <d@x.jp>", text)
    assert.equal(4, #list)
    text, list = address.read("to", b)
    assert.equal("B <b@x.jp>", text)
    assert.equal(b, list[1])
    text, list = address.read("to", nil)
    assert.equal("", text)
    assert.same({}, list)
  end)

  it("keep the groups that they were read from", function()
    local text = address.read("to", assert(address.parse_list "G: a@x.jp, b@x.jp;, c@x.jp"))
    assert.equal("G: a@x.jp, b@x.jp;, c@x.jp", text)
    assert.equal("N:;", (address.read("to", "N:;")))
  end)

  it("name the field when they are refused", function()
    local text, err = address.read("cc", { "a@x.jp", "b@" })
    assert.is_nil(text)
    assert.matches("^cc: .*position 3", err.text)
    text, err = address.read("from", "G: a@x.jp;", { groups = false })
    assert.is_nil(text)
    assert.matches("^from: a group %(G%)", err.text)
  end)

  it("are rebuilt so that strict readers take them", function()
    assert.equal('"a..b"@x.jp', (address.read("to", "a..b@x.jp", { lenient_local_part = true })))
    assert.equal('"a."@ezweb.ne.jp', (address.read("to", "a.@ezweb.ne.jp")))
    assert.equal("a@b", (address.read("to", "<@r:a@b> (x),,")))
  end)
end)
