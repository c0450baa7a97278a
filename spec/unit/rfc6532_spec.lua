-- RFC 6532, headers in UTF-8: only where an address asks for it.

local composed = require "support.composed"
local core = require "ettsumailer.core"

local function section_of(fields)
  local _, message = composed.bytes(fields)
  return message:header_section(), message
end

describe("RFC 6532 3: UTF-8 in header fields", function()
  it("stands there only when a local part needs it, and the message says so", function()
    local section, message = section_of { from = "山田 <a@例え.jp>", subject = "日本", to = "日本 <b@x.example>" }
    assert.is_nil(section:find "[\128-\255]")
    assert.is_false(message:needs_smtputf8())
    section, message = section_of { from = "山田 <山田@例え.jp>" }
    assert.is_truthy(section:find("山田 <山田@例え.jp>", 1, true))
    assert.is_true(message:needs_smtputf8())
    section, message = section_of { to = { "a@x.example", "山@x.example" } }
    assert.is_truthy(section:find("a@x.example, 山@x.example", 1, true))
    assert.is_true(message:needs_smtputf8())
  end)

  it("3.1: is sent in the form in which it was given", function()
    for _, name in ipairs { "é", "e\204\129", "が", "か\227\130\153", "①", "ﬁ", "ｶﾞ" } do
      assert.equal(name, core.decode_words(composed.fields({ subject = name }).subject))
    end
  end)

  it("3.4: counts octets for the 998 of a line", function()
    local section = section_of { from = { (("山"):rep(700)) .. " <山@x.example>" }, sender = "a@x.example" }
    for line in section:gmatch "(.-)\r\n" do
      assert.is_true(#line <= 998)
    end
  end)

  it("3.6: has no encoded word in an address that is in UTF-8", function()
    assert.is_nil(composed.field({ from = '"山田, 太郎" <山田@x.example>' }, "From"):find "=%?")
  end)

  it("never stands in a field's name", function()
    composed.refusal { headers = { ["X-日本"] = "x" } }
  end)

  it("3.7: stands in a message within the message only when the server takes such", function()
    local head, body = "From: a@x.example\nSubject: %s\n", "\n%s\n"
    local function needs(subject, text, type)
      local _, message = composed.bytes {
        attachments = { { content = head:format(subject) .. body:format(text), type = type or "message/rfc822" } },
      }
      return message:needs_smtputf8()
    end
    assert.is_true(needs("日本", "ascii"))
    assert.is_true(needs("日本", "日本"))
    assert.is_false(needs("plain", "日本"))
    assert.is_false(needs("=?UTF-8?B?5pel5pys?=", "ascii"))
    assert.is_false(needs("日本", "日本", "text/plain"))
  end)

  it("3.7: message/global is nothing that is made; a part that is given as one is encoded", function()
    local bytes, message = composed.bytes {
      attachments = { { content = "Subject: 日本\r\n\r\n日本\r\n", type = "message/global" } },
    }
    assert.is_truthy(bytes:find "Content%-Type: message/global\r\n")
    assert.is_nil(bytes:find "[\128-\255]")
    assert.is_false(message:needs_smtputf8() or message:needs_8bit())
  end)
end)
