local core = require "ettsumailer.core"
local scheduler = require "ettsumailer.scheduler"

describe("the scheduler", function()
  it("waits for several tasks at a time, each as long as it asked", function()
    local order, start = {}, core.clock()
    local tasks = {}
    for i, delay in ipairs { 60, 20, 40 } do
      tasks[i] = function()
        scheduler.sleep(start + delay)
        order[#order + 1] = i
      end
    end
    assert.is_true(scheduler.run(tasks))
    assert.same({ 2, 3, 1 }, order)
    assert.is_true(core.clock() - start >= 60)
  end)

  it("answers TIMEOUT where nothing came, as a wait outside of it does", function()
    local listener = assert(core.listen("127.0.0.1", 0))
    local function wait()
      local _, code = scheduler.wait(listener, "r", core.clock() + 5)
      return code
    end
    local inside
    assert(scheduler.run { function() inside = wait() end })
    assert.same({ "TIMEOUT", "TIMEOUT" }, { inside, wait() })
    listener:close()
  end)

  it("switches between tasks to wait, but for a task that is alone", function()
    local listener = assert(core.listen("127.0.0.1", 0))
    local yield, switches = coroutine.yield, 0
    coroutine.yield = function(...) -- luacheck: ignore 122
      switches = switches + 1
      return yield(...)
    end
    local function wait(n)
      return function()
        for _ = 1, n do
          scheduler.wait(listener, "r", core.clock())
        end
      end
    end
    local ok = scheduler.run { wait(3) }
    local alone = switches
    local both_ok = scheduler.run { wait(3), wait(1) }
    coroutine.yield = yield -- luacheck: ignore 122
    listener:close()
    assert.same({ true, 0, true }, { ok, alone, both_ok })
    assert.is_true(switches >= 2 and switches <= 4)
  end)

  it("passes on what is not for it, and the answer back", function()
    local thread = coroutine.create(function()
      local got
      assert(scheduler.run { function() got = { coroutine.yield("a", nil, "c") } end })
      return got[1], got[2]
    end)
    local answer = { coroutine.resume(thread) }
    assert.same({ true, "a", nil, "c" }, answer)
    assert.same({ true, 1, 2 }, { coroutine.resume(thread, 1, 2) })
  end)

  it("lets a task wait for what another one does", function()
    local done, seen = false, nil
    assert(scheduler.run {
      function()
        scheduler.wait_until(function() return done end)
        seen = done
      end,
      function()
        scheduler.sleep(core.clock() + 5)
        done = true
      end,
    })
    assert.is_true(seen)
  end)

  it("ends with the error that a task raises", function()
    local ok, err = scheduler.run {
      function() scheduler.sleep(core.clock() + 10000) end, function() error("mine", 0) end,
    }
    assert.is_false(ok)
    assert.equal("mine", err)
  end)

  it("does not take the yields of a coroutine that a task resumes itself", function()
    local inner
    assert(scheduler.run { function()
      local thread = coroutine.create(function()
        scheduler.sleep(core.clock() + 5) -- blocks: nobody but its resumer may see a yield of it
        coroutine.yield "inner"
      end)
      inner = select(2, coroutine.resume(thread))
    end })
    assert.equal("inner", inner)
  end)

  it("guards a call: what it raises is caught, what it yields goes out", function()
    local thread = coroutine.create(function()
      return scheduler.guard(function(a)
        local b = coroutine.yield(a)
        error(b, 0)
      end, 1)
    end)
    assert.same({ true, 1 }, { coroutine.resume(thread) })
    assert.same({ true, false, "raised" }, { coroutine.resume(thread, "raised") })
    assert.same({ true, 1, 2 }, { scheduler.guard(function() return 1, 2 end) })
  end)
end)
