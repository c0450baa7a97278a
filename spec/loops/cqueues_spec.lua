-- Sending from coroutines of cqueues, which goes on with the others.

require("support.loop_cases").describe("cqueues", {
  describe = describe, it = it, pending = pending, after_each = after_each, assert = assert,
})
