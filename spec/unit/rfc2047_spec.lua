-- RFC 2047, text other than ASCII in header fields: what is written, and how display names are
-- read; and the examples of section 8.

local composed = require "support.composed"
local core = require "ettsumailer.core"
local ettsumailer = require "ettsumailer"
local generator = require "support.generator"

local address = ettsumailer.address
local encode, decode = core.encode_header, core.decode_words

local WORD = "=%?[^?%s]+%?[BQ]%?[^?%s]*%?="

local function words_of(text)
  local words = {}
  for word in text:gmatch(WORD) do
    words[#words + 1] = word
  end
  return words
end

-- Texts of many scripts, of lengths around where words end.
local function texts(count)
  local random, list = generator.new(2047), {}
  for i = 1, count do
    list[i] = random:chance(50) and random:subject() or random:script_letters(random:integer(1, 90))
  end
  return list
end

local function is_utf8(text)
  return (core.encode_header(text)) ~= nil
end

describe("RFC 2047 2: encoded words", function()
  it("have at most 75 octets, and their lines at most 76", function()
    for _, text in ipairs(texts(300)) do
      for _, word in ipairs(words_of(encode(text))) do
        assert.is_true(#word <= 75, word)
      end
      for _, field in ipairs { composed.field({ subject = text }, "Subject"),
        composed.field({ from = assert(address { name = text, local_part = "a", domain = "b" }) }, "From") } do
        for line in field:gmatch "(.-)\r\n" do
          assert.is_true(#line <= 76 or not line:find "=%?", line)
        end
      end
    end
  end)

  it("have no white space inside", function()
    for _, text in ipairs(texts(300)) do
      if text:find "[\128-\255]" then
        assert.equal("", (encode(text):gsub(WORD, ""):gsub(" ", "")))
      end
    end
  end)
end)

describe("RFC 2047 4.2: the Q encoding", function()
  it("writes SPACE as _, and upper-case digits for what does not stand for itself", function()
    assert.equal("=?UTF-8?Q?caf=C3=A9_au_lait?=", encode "café au lait")
    assert.equal("=?UTF-8?Q?An_=C3=A9_and_long_text_with_=5F_and_=3D_and_=3F_in_it?=",
      encode("An é and long text with _ and = and ? in it", "phrase"))
    for _, text in ipairs(texts(300)) do
      for _, word in ipairs(words_of(encode(text))) do
        local payload = word:match "%?Q%?(.*)%?="
        assert.is_nil(payload and payload:gsub("=%x%x", function(hex)
          return hex == hex:upper() and "" or "!"
        end):find "[ \t!=?\128-\255]")
      end
    end
  end)
end)

describe("RFC 2047 5: where words stand", function()
  it("(1) white space is around each, in text and in names", function()
    for _, text in ipairs(texts(200)) do
      local field = composed.field({ from = assert(address { name = text, local_part = "a", domain = "b" }) }, "From")
      assert.is_nil(field:find("[^ ]" .. WORD))
      assert.is_nil(field:find(WORD .. "[^ \r]"))
    end
    assert.matches("%?= :", composed.field({ to = "グループ: a@b.example;" }, "To"))
  end)

  it("(2) a comment is not written at all", function()
    local field = composed.field({ from = "a@b.example (=?UTF-8?Q?x?=)" }, "From")
    assert.equal("From: a@b.example\r\n", field)
  end)

  it("(3) in a name only letters, digits and !*+-/=_ stand for themselves", function()
    for _, text in ipairs(texts(300)) do
      for _, word in ipairs(words_of(encode(text, "phrase"))) do
        assert.is_nil(word:match "%?[BQ]%?(.*)%?=":find "[^%w!*+/=_-]")
      end
    end
  end)

  it("no word stands in an addr-spec, in a quoted-string or in Received", function()
    for _, text in ipairs(texts(200)) do
      local list = { assert(address { name = text, local_part = "a", domain = "例え.jp" }) }
      local field = assert(address.format(list))
      for quoted in field:gmatch '"([^"\\]*)"' do
        assert.is_nil(quoted:find(WORD))
      end
      assert.is_nil(field:match "<.->$":find "=%?")
    end
    local text, code = address("山@b.example"):format()
    assert.is_nil(text)
    assert.equal("SMTPUTF8_REQUIRED", code)
  end)

  it("each word decodes by itself, into whole characters", function()
    for _, text in ipairs(texts(300)) do
      local whole = {}
      for _, word in ipairs(words_of(encode(text))) do
        local shown = decode(word)
        assert.is_true(is_utf8(shown), word)
        assert.not_equal(word, shown)
        local payload = word:match "%?B%?(.*)%?="
        assert.equal(0, payload and #payload % 4 or 0)
        whole[#whole + 1] = shown
      end
      assert.equal(#whole > 0 and text or "", table.concat(whole))
    end
  end)

  it("no word hides a line end or another control character", function()
    for code = 0, 31 do
      if code ~= 9 then
        assert.is_nil((encode("é" .. string.char(code))))
        assert.is_nil((encode("é" .. string.char(code), "phrase")))
      end
    end
  end)
end)

describe("RFC 2047 6.2: display", function()
  it("white space between words is dropped, and kept elsewhere", function()
    for _, text in ipairs { "a b", "ä b", "a ö", "ä ö", "ä  ö", "ä ö b c ü", "ä   b", ("ä "):rep(60) .. "b" } do
      assert.equal(text, decode(encode(text)))
      assert.equal(text, assert(address(encode(text, "phrase") .. " <a@b>")).name)
    end
    for _, text in ipairs(texts(300)) do
      assert.equal(text, decode(encode(text)))
    end
  end)

  it("words of a phrase are decoded, and not those of a quoted-string", function()
    assert.equal("Keld Jørn", address("=?ISO-8859-1?Q?Keld_J=F8rn?= <a@b>").name)
    assert.equal("=?ISO-8859-1?Q?Keld_J=F8rn?=", address('"=?ISO-8859-1?Q?Keld_J=F8rn?=" <a@b>').name)
    assert.equal("山田 太郎", address("=?ISO-2022-JP?B?GyRCOzNFRBsoQiAbJEJCQE86GyhC?= <a@b>").name)
  end)

  it("a word of a name is decoded once: what it says is no address and no word", function()
    local a = assert(address "=?UTF-8?Q?b=40evil=2Eexample=2C?= <a@good.example>")
    assert.equal("b@evil.example,", a.name)
    assert.equal("good.example", a.domain)
    a = assert(address "=?UTF-8?Q?=3D=3FUTF-8=3FQ=3Fx=3F=3D?= <a@b>")
    assert.equal("=?UTF-8?Q?x?=", a.name)
    assert.equal("=?UTF-8?Q?x?=", address(a:format()).name)
  end)
end)

describe("RFC 2047 7: text that looks like a word", function()
  it("is encoded, so that it is shown as it is", function()
    for _, text in ipairs { "=?UTF-8?Q?x?=", "a =?utf-8?b?44GC?= b", "=?x?=", "=?a?b?c?=", "x=?ISO-8859-1?Q?a?=y" } do
      assert.is_nil(encode(text):find(text, 1, true))
      assert.equal(text, decode(encode(text)))
      assert.equal(text, address(assert(address { name = text, local_part = "a", domain = "b" }):format()).name)
    end
    for _, text in ipairs { "=?", "?=", "=?=", "a =? b", "?= =?" } do
      assert.equal(text, encode(text))
    end
  end)

  it("is encoded in the names of UTF-8 headers too, where readers decode it all the same", function()
    local a = assert(address { name = "エ =?utf-8?b?44GC?=", local_part = "山", domain = "b.example" })
    local field = composed.field({ from = a }, "From")
    assert.is_nil(field:find("=?utf-8?b?44GC?=", 1, true))
    assert.matches("<山@b%.example>", field)
    assert.equal(a.name, address(field:match "^From: (.*)\r\n$").name)
  end)
end)

describe("RFC 2047 8: examples", function()
  it("names", function()
    for text, name in pairs {
      ["=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>"] = "Keith Moore",
      ["=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?= <keld@dkuug.dk>"] = "Keld Jørn Simonsen",
      ["=?ISO-8859-1?Q?Andr=E9?= Pirard <PIRARD@vm1.ulg.ac.be>"] = "André Pirard",
      ["=?ISO-8859-1?Q?Olle_J=E4rnefors?= <ojarnef@admin.kth.se>"] = "Olle Järnefors",
      ["=?ISO-8859-1?Q?Patrik_F=E4ltstr=F6m?= <paf@nada.kth.se>"] = "Patrik Fältström",
      ["Nathaniel Borenstein <nsb@thumper.bellcore.com>\r\n      (=?iso-8859-8?b?7eXs+SDv4SDp7Oj08A==?=)"] =
        "Nathaniel Borenstein",
    } do
      local a = assert(address(text))
      assert.equal(name, a.name)
      assert.equal(name, assert(address(a:format())).name)
    end
  end)

  it("lists", function()
    local list = assert(address.parse_list(
      "Greg Vaudreuil <gvaudre@NRI.Reston.VA.US>, Ned Freed\r\n   <ned@innosoft.com>, Keith Moore <moore@cs.utk.edu>"))
    assert.same({ "Greg Vaudreuil", "Ned Freed", "Keith Moore" }, { list[1].name, list[2].name, list[3].name })
  end)

  it("a subject in two charsets, and plain ones", function()
    assert.equal("If you can read this you understand the example.", decode(
      "=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n    =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?="))
    for _, text in ipairs { "Time for ISO 10646?", "Re: RFC-HDR care and feeding", "Test of new header generator" } do
      assert.equal(text, encode(text))
      assert.equal(text, decode(text))
    end
  end)

  it("white space between and within words", function()
    for text, shown in pairs {
      ["=?ISO-8859-1?Q?a?="] = "a", ["=?ISO-8859-1?Q?a?= b"] = "a b",
      ["=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?="] = "ab", ["=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?="] = "ab",
      ["=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?="] = "ab", ["=?ISO-8859-1?Q?a_b?="] = "a b",
      ["=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?="] = "a b",
    } do
      assert.equal(shown, decode(text))
      assert.equal(shown, address(text .. " <a@b>").name)
    end
  end)
end)
