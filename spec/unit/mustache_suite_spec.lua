-- The public test-suite of the Mustache specification, where it is at hand: every module, also the
-- optional ones. Its folder is what MUSTACHE_SPEC names, or else ../shared/mustache-spec.
local json = require "support.json"
local template = require "ettsumailer.template"

local MODULES = {
  "comments", "delimiters", "interpolation", "inverted", "partials", "sections",
  "~dynamic-names", "~inheritance", "~lambdas",
}

-- What the suite gives in other languages, by the name of the test.
local LAMBDAS = {
  ["Interpolation"] = function() return "world" end,
  ["Interpolation - Expansion"] = function() return "{{planet}}" end,
  ["Interpolation - Alternate Delimiters"] = function() return "|planet| => {{planet}}" end,
  ["Interpolation - Multiple Calls"] = (function()
    local calls = 0
    return function()
      calls = calls + 1
      return calls
    end
  end)(),
  ["Escaping"] = function() return ">" end,
  ["Section"] = function(text) return text == "{{x}}" and "yes" or "no" end,
  ["Section - Expansion"] = function(text) return text .. "{{planet}}" .. text end,
  ["Section - Alternate Delimiters"] = function(text)
    return text .. "{{planet}} => |planet|" .. text
  end,
  ["Section - Multiple Calls"] = function(text) return "__" .. text .. "__" end,
  ["Inverted Section"] = function() return false end,
}

local function read_file(path)
  local file = io.open(path, "rb")
  local text = file and file:read "*a"
  return file and file:close() and text
end

local function folder_of()
  local folder = os.getenv "MUSTACHE_SPEC" or "../shared/mustache-spec"
  return read_file(folder .. "/" .. MODULES[1] .. ".json") and folder
end

-- JSON's null is nothing in Lua; code is the function of that test.
local function data_of(value, test)
  if value == json.null then
    return nil
  elseif type(value) ~= "table" then
    return value
  elseif value.__tag__ == "code" then
    return assert(LAMBDAS[test.name], "no function for " .. test.name)
  end
  local made = {}
  for name, inner in pairs(value) do
    made[name] = data_of(inner, test)
  end
  return made
end

describe("the Mustache suite", function()
  local folder = folder_of()
  if not folder then
    pending "is not here: MUSTACHE_SPEC names its folder"
    return
  end

  for _, name in ipairs(MODULES) do
    local text = assert(read_file(("%s/%s.json"):format(folder, name)), name)
    local tests = assert(json.decode(text)).tests
    it(("%s has its tests"):format(name), function()
      assert.is_true(#tests >= 10)
    end)
    for _, test in ipairs(tests) do
      it(("%s: %s: %s"):format(name, test.name, test.desc), function()
        local made = assert(template.compile(test.template, { partials = test.partials }))
        assert.equal(test.expected, (assert(made:render(data_of(test.data, test)))))
      end)
    end
  end
end)
