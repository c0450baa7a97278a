-- Sending from coroutines of copas, which goes on with the others.

require("support.loop_cases").describe("copas", {
  describe = describe, it = it, pending = pending, after_each = after_each, assert = assert,
})
