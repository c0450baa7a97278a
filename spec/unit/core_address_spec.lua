-- ettsumailer.address of the C module: fields, forms, equality, and the answers of its parsers.
-- The grammar is tested in C.

local core = require "ettsumailer.core"

describe("core.address", function()
  it("has its parts as fields", function()
    local address = assert(core.address "エッツ <ettsu@x.example>")
    assert.are.equal("エッツ", address.name)
    assert.are.equal("ettsu", address.local_part)
    assert.are.equal("x.example", address.domain)
    assert.is_nil(address.group)
    assert.is_nil(address.colour)
    assert.is_nil(address[1])
  end)

  it("has no name when none was given", function()
    assert.is_nil(core.address("a@x.example").name)
    assert.is_nil(core.address("<a@x.example>").name)
    assert.is_nil(core.address("\"\" <a@x.example>").name)
  end)

  it("decodes a name", function()
    local address = assert(core.address "=?UTF-8?B?44Ko44OD44OE?= <ettsu@x.example>")
    assert.are.equal("エッツ", address.name)
  end)

  it("is UTF-8 for people and ASCII for headers", function()
    local address = assert(core.address "エッツ <ettsu@例え.jp>")
    assert.are.equal("エッツ <ettsu@例え.jp>", tostring(address))
    assert.is_nil(address:format():find "[\128-\255]")
    assert.are.equal("エッツ", core.address(address:format()).name)
  end)

  it("gives what goes on the wire", function()
    assert.are.equal("a@x.example", core.address("Name <a@x.example>"):path())
    assert.are.equal("\"a b\"@x.example", core.address("\"a b\"@x.example"):path())
    local path, code = core.address("日本@x.example"):path()
    assert.is_nil(path)
    assert.are.equal("SMTPUTF8_REQUIRED", code)
    assert.are.equal("日本@x.example", core.address("日本@x.example"):path(true))
  end)

  it("tells what was wrong and where", function()
    local address, code, text, position = core.address "a@x.example, b@y.example"
    assert.is_nil(address)
    assert.are.equal("ADDRESS", code)
    assert.are.equal(12, position)
    assert.is_truthy(text:find("position 12", 1, true))
    for _, bad in ipairs {
      "", " ", "a", "a@", "@x", "a@x.example b", "<a@x.example", "g: a@x.example;",
    } do
      address, code, text, position = core.address(bad)
      assert.is_nil(address)
      assert.are.equal("ADDRESS", code)
      assert.is_string(text)
      assert.is_true(position >= 1 and position <= #bad + 1)
    end
  end)

  it("takes the addresses that Japanese carriers gave out", function()
    assert.are.equal("\"a..b\"@docomo.ne.jp", core.address("a..b@docomo.ne.jp"):path())
    assert.are.equal("\"a.\"@ezweb.ne.jp", core.address("a.@ezweb.ne.jp"):path())
    assert.is_nil((core.address "a..b@x.example"))
    assert.are.equal("\"a..b\"@x.example", core.address("a..b@x.example", "lenient"):path())
    assert.is_false((pcall(core.address, "a@x.example", "loose")))
  end)

  it("is equal by local part and domain", function()
    assert.is_true(core.address "Name <a@X.example>" == core.address "a@x.EXAMPLE")
    assert.is_false(core.address "a@x.example" == core.address "A@x.example")
    assert.is_false(core.address "a@x.example" == core.address "a@y.example")
    if core.has_idna then
      assert.is_true(core.address "a@例え.jp" == core.address "a@XN--R8JZ45G.jp")
    end
  end)

  it("is not equal to anything else", function()
    local address = core.address "a@x.example"
    assert.is_false(address == "a@x.example")
    assert.is_false(address == io.stdout)
    assert.is_false(address == core.session())
  end)

  it("cannot be changed", function()
    local address = core.address "a@x.example"
    assert.is_false((pcall(function() address.domain = "y.example" end)))
    assert.are.equal("x.example", address.domain)
  end)
end)

describe("core.address_parts", function()
  it("makes an address that reads back as the same", function()
    for _, parts in ipairs {
      { nil, "a", "x.example" }, { "Name", "a.b", "x.example" }, { "a, b", "a b", "x.example" },
      { "エッツ \"x\" \\", "日本", "例え.jp" }, { "=?UTF-8?B?44Ko?=", "a@b", "[192.0.2.1]" },
    } do
      local address = assert(core.address_parts(parts[1], parts[2], parts[3]))
      local again = assert(core.address(tostring(address)))
      assert.are.equal(parts[1], again.name)
      assert.are.equal(parts[2], again.local_part)
      assert.are.equal(parts[3], again.domain)
    end
  end)

  it("refuses what would not", function()
    for _, parts in ipairs {
      { nil, "a", "x example" }, { nil, "a", "" }, { nil, "a", "x.example>, <b@y.example" },
      { "a\r\nb", "a", "x.example" }, { nil, "a\nb", "x.example" }, { "\255", "a", "x.example" },
    } do
      local address, code, text = core.address_parts(parts[1], parts[2], parts[3])
      assert.is_nil(address)
      assert.is_string(code)
      assert.is_string(text)
    end
  end)
end)

describe("core.address_list", function()
  it("gives every mailbox, and its group", function()
    local list = assert(core.address_list "Staff: a@x.jp, B <b@x.jp>;, c@y.jp, Empty:;")
    assert.are.equal(3, #list)
    assert.are.same({ "Staff", "Staff" }, { list[1].group, list[2].group })
    assert.is_nil(list[3].group)
    assert.are.equal("B <b@x.jp>", tostring(list[2]))
  end)

  it("may be empty", function()
    assert.are.same({}, core.address_list "")
  end)

  it("tells the position of what is wrong", function()
    local list, code, text, position = core.address_list "a@x.example, b@@y.example"
    assert.is_nil(list)
    assert.are.equal("ADDRESS", code)
    assert.is_string(text)
    assert.are.equal(16, position)
  end)

  it("takes thousands", function()
    local text = ("名 <a@x.example>, "):rep(5000) .. "b@y.example"
    assert.are.equal(5001, #assert(core.address_list(text)))
  end)
end)

describe("core.encode_header", function()
  it("leaves plain text and encodes the rest", function()
    assert.are.equal("plain text", core.encode_header "plain text")
    assert.are.equal("=?UTF-8?B?44Ko44OD44OE?=", core.encode_header "エッツ")
    assert.are.equal("\"a, b\"", core.encode_header("a, b", "phrase"))
    assert.are.equal("", core.encode_header "")
  end)

  it("refuses line ends", function()
    local text, code = core.encode_header "a\r\nBcc: b@y.example"
    assert.is_nil(text)
    assert.are.equal("CONFIG", code)
  end)
end)
