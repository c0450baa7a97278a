-- Sending from coroutines of luv, which goes on with the others.

require("support.loop_cases").describe("luv", {
  describe = describe, it = it, pending = pending, after_each = after_each, assert = assert,
})

local has_luv, uv = pcall(require, "luv")
if has_luv and uv.loop_mode then
  describe("a callback of luv", function()
    it("gets an error of code PHASE from a send, as it cannot wait", function()
      local ettsumailer = require "ettsumailer"
      local mailer = assert(ettsumailer.mailer {
        host = "127.0.0.1", port = 2525, from = "a@example.com", transport = "luv",
        security = "none",
      })
      local err
      local timer = uv.new_timer()
      timer:start(1, 0, function()
        err = select(2, mailer:send { to = "b@example.com", text = "hi\n" })
        timer:close()
      end)
      uv.run()
      assert.equal("PHASE", err.code)
      assert.matches("coroutine", err.text)
      mailer:close()
    end)
  end)
end
