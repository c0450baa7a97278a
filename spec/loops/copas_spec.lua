-- Sending from coroutines of copas, which goes on with the others.

require("support.loop_cases").describe("copas", {
  describe = describe, it = it, pending = pending, after_each = after_each, assert = assert,
})

local has_copas, socket = pcall(function()
  require "copas"
  return require "socket"
end)
if has_copas then
  describe("the loop of copas", function()
    local NAME = "ettsumailer.transport.copas"
    local kept, most

    before_each(function()
      kept, most = package.loaded[NAME], socket._SETSIZE
      package.loaded[NAME], socket._SETSIZE = nil, 3
    end)

    after_each(function()
      package.loaded[NAME], socket._SETSIZE = kept, most
    end)

    it("says so where a descriptor is beyond what select takes", function()
      local core = require "ettsumailer.core"
      local nothing, text = require(NAME).wait({}, 1)
      assert.is_nil(nothing)
      assert.matches(core.watch {} and "descriptor %d+ is more than select takes" or "^copas: ", text)
    end)
  end)
end
