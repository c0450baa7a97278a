-- An error of misuse names the caller's line, whichever module finds it, and however late that one
-- is read.

local ettsumailer = require "ettsumailer"

-- No tail calls here: on some engines the line of one is nobody's.
local MISUSE = {
  ["an unknown option"] = function()
    local made = ettsumailer.mailer { hosst = "a.example" }
    return made
  end,
  ["an unknown option of one of several servers"] = function()
    local made = ettsumailer.mailer { servers = { { hosst = "a.example" } } }
    return made
  end,
  ["a mechanism of a wrong type"] = function()
    local made = ettsumailer.mailer { host = "a.example", mechanisms = { 1 } }
    return made
  end,
  ["a mechanism of a wrong type, of one of several servers"] = function()
    local made = ettsumailer.mailer { servers = { { host = "a.example", mechanisms = { 1 } } } }
    return made
  end,
  ["a server beside several"] = function()
    local made = ettsumailer.mailer { servers = { "smtp://a.example" }, host = "a.example" }
    return made
  end,
  ["a mechanism of a wrong type, of a connection"] = function()
    local made = ettsumailer.connect { host = "a.example", mechanisms = { 1 } }
    return made
  end,
  ["an address of a wrong type"] = function()
    local made = ettsumailer.address(7)
    return made
  end,
}

describe("misuse", function()
  for what, call in pairs(MISUSE) do
    it("is told with the line that did it: " .. what, function()
      local ok, message = pcall(call)
      assert.is_false(ok)
      assert.matches("^%S*misuse_line_spec%.lua:%d+: ", message)
    end)
  end
end)
