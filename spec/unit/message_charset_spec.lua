-- Whole messages in charsets other than UTF-8: the option charset. What is sent is read again by
-- core.convert and core.decode_words, which spec/unit/charset_spec.lua holds against Python's.

local composed = require "support.composed"
local core = require "ettsumailer.core"
local mime = require "support.mime"

local function jp(fields)
  fields.charset = "ISO-2022-JP"
  return fields
end

-- The parts of a message that are no multiparts, in their order.
local function leaves(part, list)
  list = list or {}
  for _, child in ipairs(part) do
    leaves(child, list)
  end
  if not part[1] then
    list[#list + 1] = part
  end
  return list
end

describe("A message in ISO-2022-JP", function()
  it("has its texts as 7bit, in ASCII at each line's end (RFC 1468)", function()
    local bytes, message = composed.bytes(jp { text = "こんにちは\n世界 hello\n", subject = "x" })
    assert.matches("\r\nContent%-Type: text/plain; charset=ISO%-2022%-JP\r\n", bytes)
    assert.matches("\r\nContent%-Transfer%-Encoding: 7bit\r\n", bytes)
    local body = bytes:match "\r\n\r\n(.*)$"
    assert.equal("\27$B$3$s$K$A$O\27(B\r\n\27$B@$3&\27(B hello\r\n", body)
    assert.is_false(message:needs_8bit())
  end)

  it("has subject, names and file names in it, each word in ASCII at its end", function()
    local bytes = composed.bytes(jp {
      subject = "日本語", from = "山田 <a@example.jp>", to = "組: 佐藤 <b@example.jp>;",
      attachments = { { content = "x", filename = "請求書.pdf" } },
    })
    assert.matches("\r\nSubject: =%?ISO%-2022%-JP%?B%?GyRCRnxLXDhsGyhC%?=\r\n", bytes)
    assert.matches("\r\nFrom: =%?ISO%-2022%-JP%?B%?GyRCOzNFRBsoQg==%?= <a@example.jp>\r\n", bytes)
    assert.is_nil(bytes:find("UTF-8", 1, true))
    assert.is_truthy(bytes:find("filename*=ISO-2022-JP''%1B$B%40A5a%3Dq%1B%28B.pdf", 1, true))
    for word in bytes:gmatch "=%?ISO%-2022%-JP%?B%?([^?]+)%?=" do
      assert.equal("(B", core.base64_decode(word):match ".*\27(..)")
    end
    local fields = mime.fields(bytes:match "^(.-\r\n)\r\n")
    assert.equal("日本語", core.decode_words(fields.subject))
    assert.equal("山田 <a@example.jp>", core.decode_words(fields.from))
  end)

  it("exchanges what everybody writes and JIS has otherwise, and widens half-width kana", function()
    local given = jp { text = "～－∥￠￡￢ｶﾞﾊﾟｱ\n", subject = "～ｶﾞ", charset_strict = true }
    local bytes = composed.bytes(given)
    local body = bytes:match "\r\n\r\n(.*)\r\n$"
    assert.equal("〜−‖¢£¬ガパア", core.convert(body, "UTF-8", "ISO-2022-JP"))
    assert.equal("〜ガ", core.decode_words(composed.fields(given).subject))
  end)

  it("sends what does not fit as UTF-8, that text only", function()
    local bytes = composed.bytes(jp {
      subject = "①番", from = "髙橋 <a@example.jp>", to = "佐藤 <b@example.jp>", text = "㈱\n", html = "<p>株</p>",
      attachments = { { content = "x", filename = "①.txt" }, { content = "x", filename = "一.txt" } },
    })
    local fields = mime.fields(bytes:match "^(.-\r\n)\r\n")
    assert.equal("①番", core.decode_words(fields.subject))
    assert.matches("^=%?UTF%-8", fields.subject)
    assert.matches("^=%?UTF%-8", fields.from)
    assert.matches("^=%?ISO%-2022%-JP", fields.to)
    local parts = leaves(mime.parse(bytes))
    assert.matches("charset=utf%-8", parts[1].headers["content-type"])
    assert.equal("㈱\r\n", parts[1].body)
    assert.matches("charset=ISO%-2022%-JP", parts[2].headers["content-type"])
    assert.matches("filename%*=UTF%-8''%%E2%%91%%A0%.txt", parts[3].headers["content-disposition"])
    assert.matches("filename%*=ISO%-2022%-JP''", parts[4].headers["content-disposition"])
  end)

  it("is refused for what does not fit when it is strict, with the place", function()
    for field, given in pairs {
      subject = { subject = "①番" }, from = { from = "髙橋 <a@example.jp>" }, text = { text = "一㈱" },
      html = { html = "<p>①</p>" }, headers = { headers = { ["X-A"] = "①" } },
      ["attachments%[1%]"] = { attachments = { { content = "", filename = "①.txt" } } },
      ["list%.id"] = { list = { id = "① <a.example.jp>" } },
    } do
      given.charset_strict = true
      local err = composed.refusal(jp(given))
      assert.equal("CONFIG", err.code)
      assert.matches("^" .. field .. ": .*character U%+%x+ at byte %d+ does not fit", err.text)
    end
  end)

  it("leaves ASCII, addresses and files as they are", function()
    local bytes = composed.bytes(jp {
      subject = "plain", text = "plain\n",
      attachments = { { content = "日本", filename = "a.txt", type = "text/plain", charset = "utf-8" } },
    })
    assert.is_nil(bytes:find("ISO-2022-JP", 1, true))
    local parts = leaves(mime.parse(bytes))
    assert.matches("us%-ascii", parts[1].headers["content-type"])
    assert.equal("日本", parts[2].body)
  end)

  it("keeps lines of up to 998 octets as 7bit, and encodes longer ones", function()
    local function encoding(text)
      return composed.parse(jp { text = text }).headers["content-transfer-encoding"]
    end
    assert.equal("7bit", encoding(("あ"):rep(496) .. "\n"))
    assert.is_not.equal("7bit", encoding(("あ"):rep(497) .. "\n"))
    assert.is_not.equal("7bit", encoding "あ \n")
    assert.is_not.equal("7bit", encoding "あ\1\n")
    for _, text in ipairs { ("あ"):rep(600) .. "\n", "あ \n.\nFrom あ\n" } do
      local part = composed.parse(jp { text = text })
      assert.equal(text:gsub("\n", "\r\n"), core.convert(part.body, "UTF-8", "ISO-2022-JP"))
    end
  end)
end)

describe("A message in any charset", function()
  it("is read as it was written", function()
    for charset, text in pairs {
      ["ISO-8859-1"] = "Grüße, Ærlig", ["Shift_JIS"] = "日本語のテキスト", ["EUC-JP"] = "日本語のテキスト",
      ["KOI8-R"] = "Привет", ["GB18030"] = "汉字①髙", ["Big5"] = "漢字", ["ISO-2022-KR"] = "한국어",
      ["windows-1252"] = "“quoted” €", ["UTF-8"] = "日本語", ["utf-8"] = "①",
    } do
      if core.convert("", charset) then
        local bytes = composed.bytes {
          charset = charset, subject = text, text = text .. "\n", charset_strict = true,
        }
        assert.is_nil(bytes:find "[\128-\255]", charset)
        local part = mime.parse(bytes)
        assert.equal(text, core.decode_words(part.headers.subject))
        assert.equal(text .. "\r\n", core.convert(part.body, "UTF-8", charset))
        assert.matches("charset=" .. charset:lower():gsub("%p", "%%%0"),
          (part.headers["content-type"]:lower()))
      end
    end
  end)

  it("is refused when the charset is none, or not known, or changes ASCII", function()
    for charset, why in pairs {
      ["no such"] = "no charset's name", [""] = "no charset's name", ["x-nothing"] = "not known",
      ["UTF-16"] = "ASCII", ["UTF-8//TRANSLIT"] = "no charset's name",
    } do
      local err = composed.refusal { charset = charset, subject = "x" }
      assert.equal("CONFIG", err.code)
      assert.matches("^charset: ", err.text)
      assert.matches(why, err.text)
    end
  end)

  it("is still UTF-8 where it comes from", function()
    local err = composed.refusal(jp { text = "\200" })
    assert.matches("^text: ", err.text)
    composed.refusal(jp { subject = "\200" })
  end)

  it("has one, given before anything else is", function()
    local message = core.message()
    assert.is_true(message:charset "ISO-2022-JP")
    local ok, code = message:charset "EUC-JP"
    assert.is_nil(ok)
    assert.equal("STATE", code)
    message = core.message()
    assert.is_true(message:charset "UTF-8")
    assert.is_true(message:header("text", "Subject", "①"))
  end)
end)
