local options = require "ettsumailer.options"

local KNOWN = { host = "string", port = "integer", timeout = "seconds", password = "string", to = "texts" }

local function complaint(given)
  local ok, err = pcall(options.check, "mailer", given, KNOWN)
  assert.is_false(ok)
  return err
end

describe("options", function()
  it("takes known options of the right type", function()
    assert.has_no.errors(function()
      options.check("mailer", { host = "h", port = 25, timeout = 0.5, to = { "a@b.c" } }, KNOWN)
    end)
  end)

  it("names an unknown option and the nearest known one", function()
    assert.matches("mailer: unknown option 'pasword' %(did you mean 'password'%?%)", complaint { pasword = "x" })
  end)

  it("names an unknown option that is like none without guessing", function()
    local text = complaint { completely_different = 1 }
    assert.matches("unknown option 'completely_different'", text)
    assert.is_nil(text:find "did you mean")
  end)

  it("names the option, the type wanted and the type given", function()
    assert.matches("option 'port' must be a whole number, not a string", complaint { port = "25" })
    assert.matches("option 'port' must be a whole number, not a number", complaint { port = 2.5 })
    assert.matches("option 'timeout' must be seconds", complaint { timeout = -1 })
    assert.matches("option 'timeout' must be seconds", complaint { timeout = 0 / 0 })
  end)

  it("refuses entries without a name", function()
    assert.matches("unknown option '1'", complaint { "smtp.example.com" })
  end)

  it("refuses what is not a table", function()
    assert.matches("a table of options expected, got a string", complaint "smtp.example.com")
  end)

  it("blames the line that called", function()
    local function api(given)
      options.check("mailer", given, KNOWN, 2)
    end
    local ok, err = pcall(function()
      api { hots = "x" }
    end)
    assert.is_false(ok)
    assert.matches("options_spec%.lua:%d+: mailer: unknown option 'hots'", err)
  end)

  it("never runs a metamethod of the caller's table", function()
    local given = setmetatable({}, { __index = function() error "called" end, __pairs = function() error "called" end })
    assert.has_no.errors(function() options.check("mailer", given, KNOWN) end)
  end)

  it("tells the nearest name the same way every time", function()
    assert.equal("host", options.nearest("hots", KNOWN))
    assert.equal("port", options.nearest("prot", { from = true, port = true, proto_x = true }))
    assert.is_nil(options.nearest("zzzzzzzzz", KNOWN))
    assert.is_nil(options.nearest(12, KNOWN))
  end)
end)
