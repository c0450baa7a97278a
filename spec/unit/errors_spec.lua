local errors = require "ettsumailer.errors"

describe("an error", function()
  it("is one sentence with the code, the stage, the reply and what to do", function()
    local err = errors.new {
      code = "REJECTED", stage = "RCPT", smtp_code = 550, enhanced = "5.1.1", text = "no such user",
    }
    assert.equal("REJECTED at RCPT: 550 5.1.1 no such user; check the address; the server may also want "
      .. "a login, or refuse this sender", tostring(err))
  end)

  it("knows the refusals of logins that people meet", function()
    for reply, words in pairs {
      ["535 5.7.8"] = "app password", ["534 5.7.9"] = "app password", ["535 5.7.139"] = "XOAUTH2",
      ["550 5.7.30"] = "XOAUTH2", ["530 5.7.57"] = "wants a login first",
    } do
      local code, enhanced = reply:match "^(%d+) (.*)$"
      for _, stage in ipairs { "AUTH", "MAIL", "final" } do
        local err = errors.of_event({ stage = stage, smtp_code = tonumber(code), enhanced = enhanced, text = "x" }, "")
        assert.is_truthy(err.hint:find(words, 1, true), reply .. ": " .. err.hint)
      end
    end
    local busy = errors.of_event({ stage = "AUTH", smtp_code = 454, enhanced = "4.7.0", text = "x" }, "")
    assert.matches("wait some minutes", busy.hint)
    local other = errors.of_event({ stage = "RCPT", smtp_code = 550, enhanced = "5.1.1", text = "x" }, "")
    assert.matches("check the address", other.hint)
  end)

  it("stays on one line whatever the server says", function()
    local err = errors.new { code = "REJECTED", stage = "MAIL", smtp_code = 451, text = "first\nsecond" }
    assert.is_nil(tostring(err):find "\n")
  end)

  it("is temporary for a 4yz, not for a 5yz", function()
    assert.is_true(errors.new({ code = "REJECTED", smtp_code = 450, text = "" }).temporary)
    assert.is_false(errors.new({ code = "REJECTED", smtp_code = 550, text = "" }).temporary)
  end)

  it("is temporary where the network may mend itself", function()
    for _, code in ipairs { "CONNECT", "DNS", "TIMEOUT", "CLOSED" } do
      assert.is_true(errors.new({ code = code, text = "" }).temporary)
    end
    for _, code in ipairs { "CONFIG", "ADDRESS", "TLS_VERIFY", "PROTOCOL", "SOURCE" } do
      assert.is_false(errors.new({ code = code, text = "" }).temporary)
    end
  end)

  it("is never retryable where the delivery is unknown", function()
    assert.is_false(errors.new({ code = "CLOSED", text = "", delivery = "unknown" }).retryable)
    assert.is_true(errors.new({ code = "CLOSED", text = "", delivery = "not_sent" }).retryable)
  end)

  it("always has the four lists of recipients", function()
    local err = errors.new { code = "CONFIG", text = "x" }
    for _, name in ipairs { "accepted", "rejected", "unknown", "not_sent" } do
      assert.same({}, err[name])
    end
  end)

  it("is told from other tables", function()
    assert.is_true(errors.is(errors.new { code = "DNS", text = "" }))
    assert.is_false(errors.is { code = "DNS" })
    assert.is_false(errors.is "DNS")
    assert.is_false(errors.is(nil))
  end)

  it("calls a full server TOO_LARGE and a refused login AUTH", function()
    assert.equal("TOO_LARGE", errors.of_event({ stage = "MAIL", smtp_code = 552 }, "").code)
    assert.equal("TOO_LARGE", errors.of_event({ stage = "final", smtp_code = 554, enhanced = "5.3.4" }, "").code)
    assert.equal("AUTH", errors.of_event({ stage = "AUTH", smtp_code = 535 }, "").code)
    assert.equal("REJECTED", errors.of_event({ stage = "RCPT", smtp_code = 552 }, "").code)
    assert.equal("CLOSED", errors.of_event({ stage = "idle" }, "").code)
  end)
end)
