-- Fields of a message that its table has from another (a metatable's __index), as of defaults that
-- many messages share: once those beyond from, to, subject, text and html were left out in silence.

local ettsumailer = require "ettsumailer"

describe("fields that a message's table has from its metatable", function()
  it("count as its own", function()
    local defaults = {
      from = "a@x.example", headers = { ["X-Shared"] = "yes" }, priority = "high", html = "<p>1",
    }
    local message = assert(ettsumailer.message(
      setmetatable({ to = "b@x.example", text = "1" }, { __index = defaults })))
    local section = message:header_section()
    assert.matches("From: a@x.example\r\n", section, 1, true)
    assert.matches("X-Shared: yes\r\n", section, 1, true)
    assert.matches("X-Priority: 1\r\n", section, 1, true)
    assert.matches("multipart/alternative", section, 1, true)
  end)
end)
