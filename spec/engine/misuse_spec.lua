-- Whatever a script does with an object of the core, it gets an error or an answer, never a crash.
-- The methods are read from the metatables, so that a new one is covered the day it is written.
-- Not: what the methods do when they are used as they should be (spec/unit).

local core = require "ettsumailer.core"

local function sealed()
  local message = core.message()
  assert(message:header("addresses", "From", "a@x.example"))
  assert(message:leaf(nil, { text = true }, "hello\n"))
  assert(message:seal { now = 0, zone = 0, entropy = ("e"):rep(32) })
  return message
end

local QUICK = { insecure_skip_verify = true } -- reads no trust store

local CLASSES = {
  { name = "session", new = function() return core.session() end },
  { name = "message", new = function() return core.message() end },
  { name = "message", state = "sealed", new = sealed },
  { name = "reader", new = function() return sealed():reader() end },
  { name = "address", new = function() return core.address "a@x.example" end, stays_open = true },
  { name = "scan", new = function() return core.scan() end, stays_open = true },
  { name = "socket", new = function() return assert(core.listen("127.0.0.1", 0)) end },
  { name = "resolver", new = function() return assert(core.resolve("127.0.0.1", 25)) end },
  { name = "tls_context", new = function() return assert(core.tls_context(QUICK)) end },
  { name = "tls", new = function() return assert(core.tls(core.tls_context(QUICK), "x.example")) end },
  {
    name = "process", new = function() return assert(core.spawn { "true" }) end,
    outlives_close = { wait = true, kill = true, pid = true }, -- the child may run on
  },
}

-- The methods by name; where __index is a function, the metatable has them beside it.
local function methods_of(object)
  local metatable = debug.getmetatable(object)
  return metatable.__methods or metatable.__index
end

local function sorted_names(methods)
  local names = {}
  for name in pairs(methods) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

local nan = 0 / 0
local JUNK = {
  false, true, 0, -1, 1, 1.5, 2 ^ 31, 2 ^ 53, -2 ^ 63, 2 ^ 64, 1 / 0, -1 / 0, nan,
  "", "\0", "x", "EHLO", "text", ("x"):rep(5000), {}, { 1, 2 }, print, io.stdout,
  coroutine.create(function() end),
}
local MORE_JUNK = { false, 1, -1.5, nan, "x", {}, print, io.stdout }

local function title(class)
  return class.name .. (class.state and " (" .. class.state .. ")" or "")
end

for _, class in ipairs(CLASSES) do
  describe("ettsumailer.core's " .. title(class), function()
    local methods = methods_of(class.new())
    local registry_name = "ettsumailer." .. class.name

    it("has methods", function()
      assert.is_true(#sorted_names(methods) > 0)
    end)

    for _, name in ipairs(sorted_names(methods)) do
      local method = methods[name]

      it("raises when " .. name .. " is called on what is no " .. class.name, function()
        for _, other in ipairs { false, 1, "x", {}, io.stdout, print, setmetatable({}, {}) } do
          assert.is_false((pcall(method, other)))
          assert.is_false((pcall(method, other, 1, 2, 3)))
        end
        for _, other in ipairs(CLASSES) do
          if other.name ~= class.name then
            assert.is_false((pcall(method, other.new())))
          end
        end
      end)

      it("raises when " .. name .. " is called with no arguments at all", function()
        assert.is_false((pcall(method)))
        assert.is_false((pcall(method, nil)))
      end)

      local outlives_close = class.outlives_close and class.outlives_close[name]
      if not class.stays_open and name ~= "close" and not outlives_close then
        it("raises when " .. name .. " is called on a closed " .. class.name, function()
          local object = class.new()
          object:close()
          local ok, message = pcall(method, object, "x", "x", "x")
          assert.is_false(ok)
          assert.is_truthy(tostring(message):find("closed", 1, true))
        end)
      end

      it("survives " .. name .. " with any arguments", function()
        pcall(method, class.new())
        for _, first in ipairs(JUNK) do
          local object = class.new()
          pcall(method, object, first)
          for _, second in ipairs(MORE_JUNK) do
            pcall(method, object, first, second)
            pcall(method, object, second, "x", first)
            pcall(method, object, "text", "x", "x", first, second)
          end
          assert.is_string(tostring(object))
        end
      end)
    end

    it("tells what it is in a few words", function()
      local text = tostring(class.new())
      assert.is_true(#text < 60)
      if not class.stays_open then
        assert.are.equal(registry_name, text:match "^[%w_.]+")
      end
    end)

    it("hides its metatable", function()
      local object = class.new()
      assert.are.equal(registry_name, getmetatable(object))
      assert.is_false((pcall(setmetatable, object, {})))
    end)

    it("takes no new fields", function()
      local object = class.new()
      assert.is_false((pcall(function() object.field = 1 end)))
    end)

    if not class.stays_open then
      it("can be closed again and again", function()
        local object = class.new()
        object:close()
        object:close()
        debug.getmetatable(object).__gc(object)
        assert.are.equal(registry_name .. " (closed)", tostring(object))
      end)

      it("is closed at the end of its block where the language knows that", function()
        local block = _VERSION == "Lua 5.4" and load [[
          local new = ...
          local object
          do
            local closing <close> = new()
            object = closing
          end
          return object
        ]]
        if block then
          assert.are.equal(registry_name .. " (closed)", tostring(block(class.new)))
        end
      end)

      it("has a finalizer that minds what it is called on", function()
        local metatable = debug.getmetatable(class.new())
        for _, other in ipairs { false, 1, {}, io.stdout } do
          assert.is_false((pcall(metatable.__gc, other)))
          assert.is_false((pcall(metatable.__tostring, other)))
        end
      end)
    end
  end)
end

describe("ettsumailer.core", function()
  it("survives each function without arguments", function()
    for _, value in pairs(core) do
      if type(value) == "function" then
        pcall(value)
      end
    end
  end)

  it("survives each function with any arguments", function()
    for name, value in pairs(core) do
      if type(value) == "function" and name ~= "wait" and name ~= "poll" and name ~= "listen" then
        for _, first in ipairs(JUNK) do
          for _, second in ipairs(MORE_JUNK) do
            pcall(value, first)
            pcall(value, first, second)
            pcall(value, first, first, second)
          end
        end
      end
    end
  end)

  it("names the unknown field of a table of options", function()
    for _, name in ipairs { "session", "tls_context" } do
      local ok, message = pcall(core[name], { hoost = "x" })
      assert.is_false(ok)
      assert.is_truthy(message:find("'hoost'", 1, true))
    end
  end)

  it("names the field that has the wrong type", function()
    local ok, message = pcall(core.session, { without = 1 })
    assert.is_false(ok)
    assert.is_truthy(message:find("'without'", 1, true))
    assert.is_false((pcall(core.session, { lock_step = 1 })))
    assert.is_false((pcall(core.tls_context, { security_level = "2" })))
    assert.is_false((pcall(core.tls_context, { security_level = 9 })))
  end)

  it("does not call metamethods of a table of options", function()
    local options = setmetatable({}, { __index = function() error "called" end })
    assert.is_truthy(core.session(options))
  end)

  it("takes whole numbers only where a size is meant", function()
    for _, n in ipairs { 0, -1, 1.5, nan, 1 / 0, -1 / 0, 1e300, 1025, "10" } do
      assert.is_false((pcall(core.random, n)))
    end
    assert.are.equal(10, #core.random(10))
  end)

  it("can be opened twice in one process", function()
    local loader = package.loaded["ettsumailer.core"]
    package.loaded["ettsumailer.core"] = nil
    local again = require "ettsumailer.core"
    package.loaded["ettsumailer.core"] = loader
    assert.is_truthy(again.session())
    assert.are.equal(core.version, again.version)
    assert.are.equal("a@x.example", tostring(again.address "a@x.example"))
    assert.is_truthy(core.address "a@x.example" == again.address "a@x.example")
  end)
end)
