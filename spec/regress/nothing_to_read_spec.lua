-- A socket that was said to be readable and was not ended a connection that was being written to.

describe("a socket that is said to be readable and is not", function()
  it("is waited for further", function()
    local flushes, waits = { "WAIT", "WAIT", true }, 0
    local socket = {
      flush = function()
        local answer = table.remove(flushes, 1)
        if answer == true then
          return true
        end
        return nil, answer
      end,
      fill = function() return nil, "WAIT" end,
      connected = function() return true end, close = function() end,
    }
    local kept = {}
    for _, name in ipairs { "ettsumailer.core", "ettsumailer.scheduler", "ettsumailer.transport.native" } do
      kept[name], package.loaded[name] = package.loaded[name] or false, nil
    end
    package.loaded["ettsumailer.core"] = {
      clock = function() return 0 end, connect_path = function() return socket end,
      wait = function() waits = waits + 1 return "rw" end,
    }
    local io = require("ettsumailer.transport.native").connect { unix_socket = "path" }
    for name, module in pairs(kept) do
      package.loaded[name] = module or nil
    end
    assert.is_true(io:exchange({}, true, true, 1))
    assert.equal(3, waits)
  end)
end)
