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
  end)
end)
