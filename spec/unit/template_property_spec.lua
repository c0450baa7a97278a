-- Templates and data by chance, the same in every run: nothing is raised, nobody gets mail but those
-- that the template means.
local ettsumailer = require "ettsumailer"

local template = ettsumailer.template

-- A generator of its own (Park and Miller), so that every engine sees the same.
local seed = 4711
local function below(n)
  seed = seed * 16807 % 2147483647
  return seed % n
end

local function any(list)
  return list[below(#list) + 1]
end

local function text_of(list, most)
  local pieces = {}
  for i = 1, below(most + 1) do
    pieces[i] = any(list)
  end
  return table.concat(pieces)
end

local TAGS = {
  "{{", "}}", "{{{", "}}}", "{{#a}}", "{{/a}}", "{{^a}}", "{{#b.c}}", "{{/b.c}}", "{{>p}}", "{{>*n}}",
  "{{<p}}", "{{/p}}", "{{$x}}", "{{/x}}", "{{a}}", "{{&a}}", "{{.}}", "{{#l}}", "{{/l}}", "{{! c }}",
  "{{=| |=}}", "|={{ }}=|", "|a|", "|#a|", "|/a|", "{{f}}", "{{#f}}", "{{/f}}", "{{#t}}", "{{/t}}",
  " ", "\t", "\n", "\r\n", "x", "é", "{", "}", "=", "|",
}

local function data_of(depth)
  local values = { true, false, "", "<&>", 0, 1.5, "{{a}}", function() return text_of(TAGS, 4) end }
  local data = {
    a = any(values), n = any { "p", "q", "none", "" }, f = function(text)
      return (text or "") .. text_of(TAGS, 3)
    end, l = { any(values), any(values) }, t = {},
  }
  data.b = depth > 0 and data_of(depth - 1) or nil
  return data
end

describe("any template with any data", function()
  it("is a text, or an error with its place", function()
    local made_count, rendered_count = 0, 0
    for _ = 1, 4000 do
      local partials = { p = text_of(TAGS, 6), q = text_of(TAGS, 3) }
      local made, err = template.compile(text_of(TAGS, 12), { partials = partials, max_size = 100000 })
      if made then
        made_count = made_count + 1
        made, err = made:render(data_of(2))
        rendered_count = rendered_count + (made and 1 or 0)
      end
      assert.is_true(type(made) == "string" or ettsumailer.is_error(err))
      if err then
        assert.is_true(err.line >= 1 and err.column >= 1, err.text)
        assert.is_truthy(err.text:find "^.-:%d+:%d+: ")
      end
    end
    assert.is_true(made_count > 500 and rendered_count > 300)
  end)

  it("is the same text each time", function()
    for _ = 1, 500 do
      local made = template.compile(text_of(TAGS, 10), { partials = { p = "{{a}}", q = "\n {{l}}" } })
      local data = { a = "<", b = { c = 1 }, l = { 1, 2 }, n = "p" }
      if made then
        local one, err = made:render(data)
        local two, err_two = made:render(data)
        assert.equal(one, two)
        assert.equal(err and err.text, err_two and err_two.text)
      end
    end
  end)
end)

local VALUES = {
  "a", "b@example.com", "@", ".", ",", ";", ":", "<", ">", "(", ")", "[", "]", "\"", "\\", " ", "\t",
  "\r\n", "\r", "\n", "\0", "evil@example.com", "<evil@example.com>", "é", "山", "=?", "?=", "\1", "\2",
  "1", "'", "&", "{{", "}}", "\127", "g:",
}

-- Templates of lists of addresses, and how many recipients each means; is_open: it takes addresses
-- from the data.
local LISTS = {
  { "{{x}} <a@example.com>", 1 }, { "\"{{x}}\" <a@example.com>", 1 }, { "{{x}} {{y}} <a@example.com>", 1 },
  { "{{x}}{{y}} <a@example.com>", 1 }, { "\"{{x}} {{y}}\" <a@example.com>, \"{{y}}\" <b@example.com>", 2 },
  { "{{x}} <{{y}}>", 1, is_open = true }, { "{{x}}", 1, is_open = true },
  { "{{x}}, {{y}}", 2, is_open = true }, { "a@example.com ({{x}})", 1 },
  { "a@example.com ({{x}} ({{y}}))", 1 }, { "{{x}} \"{{y}}\" {{x}} <a@example.com> ({{y}})", 1 },
  { "<{{x}}>", 1, is_open = true }, { "{{x}}@example.com", 1 }, { "\"\\\"{{x}}\" <a@example.com>", 1 },
  { "{{#l}}\"{{.}}\" <a@example.com>, {{/l}}b@example.com", 3 },
}

describe("any data in a list of addresses", function()
  it("add no recipient", function()
    local sent = 0
    for _ = 1, 4000 do
      local list = any(LISTS)
      local mail = assert(template.new { to = list[1], text = "" })
      local x, y = text_of(VALUES, 5), text_of(VALUES, 3)
      local fields, err = mail:fields_with { x = x, y = y, l = { x, y } }
      local found
      if fields and fields.to then
        found, err = ettsumailer.address.parse_list(fields.to, { lenient_local_part = true })
      end
      if found then
        sent = sent + 1
        assert.is_true(#found <= list[2], fields.to)
        for _, one in ipairs(found) do
          assert.is_nil(one.group, fields.to)
          local full = one.local_part .. "@" .. one.domain
          assert.is_true(full ~= "evil@example.com" or list.is_open, fields.to)
        end
      else
        assert.is_true(fields ~= nil and fields.to == nil or ettsumailer.is_error(err))
      end
    end
    assert.is_true(sent > 1000)
  end)
end)
