-- RFC 5321, what may stand between < and > on the wire: built from the parts of an address, never
-- copied from a text; and RFC 6531 for what is not ASCII.

local ettsumailer = require "ettsumailer"
local core = require "ettsumailer.core"
local generator = require "support.generator"
local message = require "ettsumailer.message"

local address = ettsumailer.address

-- The path of an address that is read from a text, or the code of the error.
local function path_of(text, utf8)
  local a, err = address(text)
  if not a then
    return nil, err.code
  end
  return a:path(utf8)
end

-- The grammar of RFC 5321 4.1.2, for ASCII: Dot-string or Quoted-string, "@", Domain or a literal.
local function is_path(path)
  local at = path:match('^"()')
  while at and not path:find('^"', at) do
    at = path:match("^[ !#-Z%[%]^-~]()", at) or path:match("^\\[ -~]()", at)
  end
  local domain = at and path:match('^"@(.*)$', at)
  if not at then
    local left
    left, domain = path:match "^([%w!#$%%&'*+/=?^_`{|}~.-]+)@(.*)$"
    if not left or ("." .. left .. "."):find("..", 1, true) then
      return false
    end
  end
  return domain ~= nil and (domain:find "^%w[%w.-]*%w$" or domain:find "^%[[%w:.]+%]$") ~= nil
end

describe("RFC 5321 4.1.2: the path", function()
  it("is exactly one, or an error, whatever the text tries", function()
    for text, path in pairs {
      ['"a@evil x"@good.example'] = '"a@evil x"@good.example',
      ['"x> ORCPT=y"@d.example'] = '"x> ORCPT=y"@d.example',
      ['"a> RET=FULL <b"@d.example'] = '"a> RET=FULL <b"@d.example',
      ['"a\\"b"@d.example'] = '"a\\"b"@d.example',
      ['"a\\\\"@d.example'] = '"a\\\\"@d.example',
      ['"a@b>"@d.example'] = '"a@b>"@d.example',
      ["<@evil.example:a@d.example>"] = "a@d.example",
      ["x@evil.example <a@d.example>"] = false,
      ['"x@evil.example" <a@d.example>'] = "a@d.example",
      ["a@d.example> ORCPT=rfc822;b@c"] = false,
      ["a@d.example SIZE=1"] = false,
      ["<a@d.example> SIZE=1"] = false,
      ["a@d.example(x)evil.example"] = false,
      ["a@good.example\r\nRCPT TO:<b@evil.example>"] = false,
      ["a@good.example\nRCPT TO:<b@evil.example>"] = false,
      ["a@good.example\0evil.example"] = false,
      ['"a\r\n b"@good.example'] = '"a b"@good.example',
      ["a@b@c.example"] = false,
      ["a%b@c.example"] = "a%b@c.example",
      ["evil.example!a@c.example"] = "evil.example!a@c.example",
    } do
      assert.equal(path or nil, (path_of(text)), text)
    end
  end)

  it("holds no control character", function()
    for code = 0, 31 do
      local c = string.char(code)
      local a = address { local_part = "a" .. c .. "b", domain = "x.example" }
      assert.is_nil(a and a:path())
      assert.is_nil((path_of('"a\\' .. c .. 'b"@x.example')))
      assert.is_nil((address { local_part = "a", domain = "x" .. c .. "y" }))
    end
    assert.is_nil((path_of '"a\127b"@x.example'))
  end)

  it("is by the grammar for every address that can be made", function()
    local random, good = generator.new(412), 0
    for _ = 1, 5000 do
      local parts = random:address { utf8 = 0, quoted = 40 }
      local path = assert(address(parts)):path()
      if path then
        good = good + 1
        assert.is_true(is_path(path), path)
        local again = assert(address(path))
        assert.equal(parts.local_part, again.local_part)
      end
    end
    assert.is_true(good > 4000)
  end)

  it("has the least quoting, and one form for all the ways to quote a local part", function()
    for _, text in ipairs { "ada@x.example", '"ada"@x.example', [["\a\d\a"@x.example]], 'A <"a\\da"@x.example>' } do
      assert.equal("ada@x.example", path_of(text))
      assert.equal(address "ada@x.example", address(text))
    end
    assert.equal('"a b"@x.example', path_of [["\a\ \b"@x.example]])
  end)

  it("keeps the local part as it is: case, dots, tags and signs (2.3.11, 2.4)", function()
    for _, text in ipairs {
      "A.b+c%d!e@x.example", "UPPER@x.example", "a=b@x.example", "a/b@x.example", "x'y@x.example",
    } do
      assert.equal(text, path_of(text))
    end
    assert.not_equal(address "Ada@x.example", address "ada@x.example")
  end)

  it("has domains of letters, digits and hyphens, none of them at a label's end", function()
    for _, bad in ipairs { "a@x_y.example", "a@-x.example", "a@x-.example", "a@x#1", "a@x!y", "a@" .. ("x"):rep(64) } do
      local path, code = path_of(bad)
      assert.is_nil(path, bad)
      assert.equal("ADDRESS", code)
    end
    assert.equal("a@1x.x-1.example", path_of "a@1x.x-1.example")
    assert.equal("a@" .. ("x"):rep(63) .. ".example", path_of("a@" .. ("x"):rep(63) .. ".example"))
  end)

  it("holds no source route, and is never a number with # (3.3, F.2, F.4)", function()
    assert.equal("a@b.example", path_of "<@r.example,@s.example:a@b.example>")
    assert.is_nil((path_of "a@#12345"))
  end)
end)

describe("RFC 5321 4.1.3: address literals", function()
  it("are IPv4 or IPv6 addresses, to the letter", function()
    for _, good in ipairs {
      "[192.0.2.1]", "[0.0.0.0]", "[255.255.255.255]", "[IPv6:2001:db8::1]", "[IPv6:::]", "[IPv6:::1]",
      "[IPv6:1:2:3:4:5:6:7:8]", "[IPv6:::ffff:192.0.2.1]", "[IPv6:1:2:3:4:5:6:192.0.2.1]",
    } do
      assert.equal("a@" .. good, path_of("a@" .. good))
    end
    for _, bad in ipairs {
      "[256.0.2.1]", "[192.0.2]", "[192.0.2.1.2]", "[192.0.2.1 x]", "[]", "[x]", "[2001:db8::1]", "[IPv6:1]", "[IPv6:]",
      "[IPv6:1::2::3]", "[IPv6:1:2:3:4:5:6:7::8]", "[IPv6:12345::]", "[IPv6:g::]", "[Tag:x]", "[IPv6:::1%eth0]",
    } do
      assert.is_nil((path_of("a@" .. bad)), bad)
    end
  end)
end)

describe("RFC 5321 4.5.3.1: sizes", function()
  it("a local part has at most 64 octets, its quotes among them", function()
    assert.is_string((path_of(("a"):rep(64) .. "@x.example")))
    assert.is_nil((path_of(("a"):rep(65) .. "@x.example")))
    assert.is_string((path_of('"' .. (" "):rep(62) .. '"@x.example')))
    assert.is_nil((path_of('"' .. (" "):rep(63) .. '"@x.example')))
  end)

  it("a domain has at most 255 octets, and the whole 254", function()
    local label = ("x"):rep(49) .. "."
    local domain = label:rep(4) .. ("y"):rep(50)
    assert.equal(250, #domain)
    assert.is_string((path_of("abc@" .. domain)))
    assert.is_nil((path_of("abcd@" .. domain)))
    assert.is_nil((path_of("a@" .. label:rep(5) .. "123456")))
  end)
end)

describe("RFC 6531 3.3: what is not ASCII", function()
  it("a local part goes as it is and with SMTPUTF8 only, never in punycode", function()
    local path, code = path_of "山田@x.example"
    assert.is_nil(path)
    assert.equal("SMTPUTF8_REQUIRED", code)
    assert.equal("山田@x.example", path_of("山田@x.example", true))
    assert.equal('"山 田"@x.example', path_of('"山 田"@x.example', true))
  end)

  if core.has_idna then
    it("a domain goes in A-labels, and with SMTPUTF8 in U-labels (3.7)", function()
      assert.equal("a@xn--r8jz45g.jp", path_of "a@例え.jp")
      assert.equal("a@xn--r8jz45g.jp", path_of "a@xn--r8jz45g.jp")
      assert.equal("a@例え.jp", path_of("a@例え.jp", true))
      assert.equal("山@例え.jp", path_of("山@xn--r8jz45g.jp", true))
      assert.equal("a@xn--bcher-kva.example", path_of "a@BÜCHER.example")
    end)

    it("one recipient is one, in U-labels or A-labels, quoted or not, in to, cc and bcc", function()
      local given = assert(message.new {
        from = "a@example.com", text = "", to = "B <b@bücher.example>, b@XN--BCHER-KVA.example",
        cc = "\"b\"@bücher.example, B@bücher.example", bcc = "G: b@BÜCHER.example;",
      })
      local paths = {}
      for i, recipient in ipairs(message.envelope(given).to) do
        paths[i] = recipient:path()
      end
      assert.same({ "b@xn--bcher-kva.example", "B@xn--bcher-kva.example" }, paths)
    end)

    it("a domain that has no A-labels is refused", function()
      for _, bad in ipairs { "a@例 え.jp", "a@☃.☃☃\226\128\139☃", "a@\226\128\139", "a@é" .. ("x"):rep(70), "a@a..é" } do
        assert.is_nil((path_of(bad)), bad)
      end
    end)

    it("a look-alike of a dot, an @ or a slash is no way around", function()
      assert.equal("a@b.example", path_of "a@b．example")
      for _, bad in ipairs { "a@good.example＠evil.example", "a@good.example／evil", "a@b＃c", "a＠b" } do
        assert.is_nil((path_of(bad)), bad)
      end
    end)
  end
end)

describe("addresses that Japanese carriers issued", function()
  it("are taken for the two domains, and rebuilt as those hosts take them", function()
    assert.equal('"foo..bar"@docomo.ne.jp', path_of "foo..bar@docomo.ne.jp")
    assert.equal('"foo."@ezweb.ne.jp', path_of "foo.@ezweb.ne.jp")
    assert.equal('".foo"@DOCOMO.ne.jp', path_of ".foo@DOCOMO.ne.jp")
    assert.equal('"a...b."@docomo.ne.jp', path_of "携帯 <a...b.@docomo.ne.jp>")
    for _, bad in ipairs {
      "foo..bar@example.jp", "foo.@x.docomo.ne.jp", "foo.@softbank.ne.jp", "..@", "foo.@ezweb.ne.jp.x",
    } do
      assert.is_nil((path_of(bad)), bad)
    end
  end)

  it("are taken for all domains when that is asked for", function()
    local lenient = { lenient_local_part = true }
    assert.equal('"foo..bar"@example.jp', address("foo..bar@example.jp", lenient):path())
    assert.equal('".x."@b.example', address.parse_list("a@b, .x.@b.example", lenient)[2]:path())
    assert.is_nil((address("foo..bar", lenient)))
    assert.is_nil((address("foo..bar@a..b", lenient)))
    assert.is_nil((address("@b.example", lenient)))
    assert.is_nil((address("..@b.example", lenient)))
  end)

  it("are written to headers in quotes", function()
    assert.equal('"foo..bar"@docomo.ne.jp', address("foo..bar@docomo.ne.jp"):format())
    assert.equal("foo..bar", address('"foo..bar"@docomo.ne.jp').local_part)
  end)
end)
