-- Sending from coroutines of luv, which goes on with the others.

require("support.loop_cases").describe("luv", {
  describe = describe, it = it, pending = pending, after_each = after_each, assert = assert,
})
