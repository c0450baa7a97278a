-- Each clause of the Mustache specification in cases of our own, and what is ours beyond it.
local ettsumailer = require "ettsumailer"

local template = ettsumailer.template

local function compiled(text, given)
  return assert(template.compile(text, given))
end

local function rendered(text, data, given)
  local made = compiled(text, given)
  return assert(made:render(data))
end

local function error_of(text, given)
  local made, err = template.compile(text, given)
  assert.is_nil(made)
  assert.is_true(ettsumailer.is_error(err))
  assert.equal("CONFIG", err.code)
  return err.text
end

local function render_error(text, data, given)
  local made, err = compiled(text, given):render(data)
  assert.is_nil(made)
  assert.is_true(ettsumailer.is_error(err))
  return err.text
end

-- { what is true, template, data, expected, partials }
local CASES = {
  -- Text and comments
  { "text alone is itself", "a\n b\r\n", {}, "a\n b\r\n" },
  { "an empty template is empty", "", {}, "" },
  { "one brace is text", "a { b } }} {", {}, "a { b } }} {" },
  { "a comment is nothing", "a{{! b {{ }}c", {}, "ac" },
  { "a comment may span lines", "a {{! b\nc }} d", {}, "a  d" },
  { "a comment takes its line along", "a\n  {{! b }}  \nc", {}, "a\nc" },
  { "a comment within a line leaves the line", "a {{! b }}\nc", {}, "a \nc" },

  -- Variables
  { "a variable is its value", "{{a}} {{ b }} {{\tc\n}}", { a = "1", b = "2", c = "3" }, "1 2 3" },
  { "a variable is escaped for HTML", "{{a}}", { a = "<b c=\"d\" e='f'>&" },
    "&lt;b c=&quot;d&quot; e=&#39;f&#39;&gt;&amp;" },
  { "three braces and the ampersand do not escape", "{{{a}}}{{&a}}{{& a }}{{{ a }}}", { a = "<" }, "<<<<" },
  { "a variable that is not there is nothing", "[{{a}}{{{b}}}{{&c.d}}]", {}, "[]" },
  { "whole numbers have no point", "{{a}} {{b}} {{c}} {{d}}", { a = 3, b = 6 / 2, c = -0.5, d = 2 ^ 40 },
    "3 3 -0.5 1099511627776" },
  { "large numbers and small ones are written as Lua does", "{{a}} {{b}} {{c}}", { a = 1e300, b = 1.5e-7, c = -2 ^ 50 },
    "1e+300 1.5e-07 -1125899906842624" },
  { "true and false are words", "{{a}} {{b}}", { a = true, b = false }, "true false" },
  { "values are not templates", "{{{a}}}", { a = "{{b}}", b = "c" }, "{{b}}" },
  { "a name may have spaces in it, as columns do", "{{First name}}", { ["First name"] = "a" }, "a" },
  { "what can be a string is one", "{{a}}", { a = setmetatable({}, { __tostring = function() return "<x>" end }) },
    "&lt;x&gt;" },

  -- Dotted names
  { "a dotted name goes into maps", "{{a.b.c}}", { a = { b = { c = "d" } } }, "d" },
  { "a dotted name is no key", "[{{a.b}}]", { ["a.b"] = "c" }, "[]" },
  { "a dotted name that breaks off is nothing", "[{{a.b.c}}]", { a = { b = "c" } }, "[]" },
  { "only the first part is looked for outside", "{{#a}}[{{b.c}}]{{/a}}",
    { a = { b = {}, x = 1 }, b = { c = "d" } }, "[]" },
  { "the dot is the context", "{{#a}}{{.}},{{/a}}", { a = { 1, "<", true } }, "1,&lt;,true," },
  { "the dot unescaped", "{{#a}}{{{.}}}{{&.}}{{/a}}", { a = { "<" } }, "<<" },
  { "data may be a text", "{{.}}", "a", "a" },
  { "data may be a number", "{{.}}", 1, "1" },

  -- Sections
  { "true and any text show", "{{#a}}b{{/a}}{{#c}}d{{/c}}{{#e}}f{{/e}}", { a = true, c = "x", e = 0 }, "bdf" },
  { "nothing, false, the empty text and the empty list do not", "{{#a}}1{{/a}}{{#b}}2{{/b}}{{#c}}3{{/c}}{{#d}}4{{/d}}",
    { b = false, c = "", d = {} }, "" },
  { "a map is the context", "{{#a}}{{b}}{{c}}{{/a}}", { a = { b = 1 }, b = 2, c = 3 }, "13" },
  { "a text is the context", "{{#a}}{{.}}{{a}}{{/a}}", { a = "x" }, "xx" },
  { "a list repeats", "{{#a}}({{b}}{{c}}){{/a}}", { a = { { b = 1 }, { b = 2 } }, c = "c" }, "(1c)(2c)" },
  { "lists in lists", "{{#a}}{{#.}}{{.}}{{/.}};{{/a}}", { a = { { 1, 2 }, { 3 } } }, "12;3;" },
  { "data may be a list", "{{#.}}{{a}}{{/.}}", { { a = 1 }, { a = 2 } }, "12" },
  { "sections of one name within another", "{{#a}}1{{#a}}2{{/a}}3{{/a}}", { a = true }, "123" },
  { "a dotted name opens a section", "{{#a.b}}c{{/a.b}}", { a = { b = true } }, "c" },
  { "spaces around the name", "{{# a }}b{{/ a }}{{ #a }}c{{ /a }}", { a = true }, "bc" },
  { "an inverted section shows where a section would not", "{{^a}}1{{/a}}{{^b}}2{{/b}}{{^c}}3{{/c}}{{^d}}4{{/d}}",
    { a = false, b = {}, c = "", d = true }, "123" },
  { "an inverted section of a dotted name", "{{^a.b}}1{{/a.b}}{{^a.c}}2{{/a.c}}", { a = { b = 1 } }, "2" },
  { "a map of methods is no empty list", "{{#a}}{{b}}{{/a}}",
    { a = setmetatable({}, { __index = { b = "c" } }) }, "c" },

  -- Lines of their own
  { "section tags take their lines along", "a\n{{#b}}\nc\n{{/b}}\nd", { b = true }, "a\nc\nd" },
  { "with white space around them, too", "a\n \t{{#b}} \nc\n  {{/b}}\t\nd", { b = true }, "a\nc\nd" },
  { "with CRLF, too", "a\r\n{{#b}}\r\nc\r\n{{/b}}\r\nd", { b = true }, "a\r\nc\r\nd" },
  { "on the last line without its end", "{{#b}}\nc\n  {{/b}}", { b = true }, "c\n" },
  { "within a line they leave all", " {{#b}} c {{/b}} \n", { b = true }, "  c  \n" },
  { "with a text on the line they leave all", "x{{#b}}\nc{{/b}}\n", { b = true }, "x\nc\n" },
  { "several on one line take it along", "{{#a}}{{#b}}\nc\n{{/b}} {{/a}}\nd", { a = 1, b = 1 }, "c\nd" },
  { "a variable never takes its line", "  {{a}}\n", { a = "b" }, "  b\n" },

  -- Delimiters
  { "delimiters can be set", "{{=<% %>=}}<%a%>{{a}}<%={{ }}=%>{{a}}", { a = "b" }, "b{{a}}b" },
  { "by signs that patterns know", "{{=[ ]=}}[a]{{=( )=}}[=%. .%=]%.a.%", { a = "b" }, "b{{=( )=}}b" },
  { "they reach over sections", "{{#a}}{{=| |=}}{{/a}}|b||/a||b|", { a = true, b = "c" }, "{{/a}}cc" },
  { "setting them takes the line along", "a\n {{= | | =}}\n|b|", { b = "c" }, "a\nc" },
  { "partials do not take part", "{{=| |=}}|>p||a|", { a = "b" }, "b|a|b", { p = "{{a}}|a|" } },
  { "nor hand theirs on", "{{>p}}{{a}}|a|", { a = "b" }, "bb|a|", { p = "{{=| |=}}|a|" } },

  -- Partials
  { "a partial is rendered in its context", "{{#a}}{{>p}}{{/a}}", { a = { { b = 1 }, { b = 2 } } }, "12",
    { p = "{{b}}" } },
  { "a partial that is not there is nothing", "[{{>p}}]", {}, "[]" },
  { "a partial may name itself", "{{>p}}", { v = 1, n = { { v = 2, n = {} }, { v = 3, n = {} } } },
    "1<2<>3<>>", { p = "{{v}}<{{#n}}{{>p}}{{/n}}>" } },
  { "on its own line it is indented", "a\n  {{>p}}\nd", {}, "a\n  b\n  c\nd", { p = "b\nc\n" } },
  { "values are not", " {{>p}}\n", { v = "1\n2" }, " 1\n2\n", { p = "{{v}}\n" } },
  { "indentations add up", " {{>p}}\n", {}, " a\n   b\n", { p = "a\n  {{>q}}\n", q = "b\n" } },
  { "within a line it is not indented", " a {{>p}}\n", {}, " a b\nc\n", { p = "b\nc" } },

  -- Dynamic names
  { "the name of a partial may be in the data", "{{>*a}}{{> * b.c }}", { a = "p", b = { c = "q" } }, "12",
    { p = "1", q = "2" } },
  { "a name that is not there is nothing", "[{{>*a}}{{>*b}}]", { b = "none" }, "[]", { a = "x" } },
  { "a parent's, too", "{{<*a}}{{$b}}2{{/b}}{{/*a}}", { a = "p" }, "(2)", { p = "({{$b}}1{{/b}})" } },
  { "names are looked up once", "[{{>**a}}]", { a = "b", b = "p" }, "[]", { p = "x" } },

  -- Inheritance
  { "a block is what it holds", "{{$a}}b{{c}}{{/a}}", { c = "d" }, "bd" },
  { "a child puts something else there", "{{<p}}{{$a}}2{{/a}}{{/p}}", {}, "(2)", { p = "({{$a}}1{{/a}})" } },
  { "or nothing else", "{{<p}}{{/p}}", {}, "(1)", { p = "({{$a}}1{{/a}})" } },
  { "what is no block in a parent's tags is nothing", "{{<p}}x{{$a}}2{{/a}}{{y}}{{/p}}", { y = "y" }, "2",
    { p = "{{$a}}1{{/a}}" } },
  { "the outermost child wins", "{{<p}}{{$a}}3{{/a}}{{/p}}", {}, "3",
    { p = "{{<q}}{{$a}}2{{/a}}{{/q}}", q = "{{$a}}1{{/a}}" } },
  { "data are not blocks", "{{<p}}{{/p}}", { a = "x" }, "1", { p = "{{$a}}1{{/a}}" } },
  { "a block is rendered where it comes to stand", "{{<p}}{{$a}}{{b}}{{/a}}{{/p}}", { b = 1, c = { b = 2 } }, "2",
    { p = "{{#c}}{{$a}}{{/a}}{{/c}}" } },
  { "a block is moved to the indentation of the other", "{{<p}}\n{{$a}}\n    1\n      2\n{{/a}}\n{{/p}}\n", {},
    "x\n  1\n    2\n", { p = "x\n  {{$a}}\n  {{/a}}\n" } },
  { "a parent that is not there is nothing", "[{{<p}}{{$a}}1{{/a}}{{/p}}]", {}, "[]" },
  { "a parent on its own line is indented", "a\n  {{<p}}{{/p}}\nd", {}, "a\n  b\n  c\nd", { p = "b\nc\n" } },

  -- Functions
  { "a function gives a text", "{{a}}", { a = function() return "<" end }, "&lt;" },
  { "or none", "[{{a}}]", { a = function() end }, "[]" },
  { "or a template, escaped once", "{{a}}", { a = function() return "{{b}}<" end, b = "&" }, "&amp;&lt;" },
  { "unescaped, its own variables still are", "{{{a}}}", { a = function() return "<{{b}}>" end, b = "&" }, "<&amp;>" },
  { "a variable's template has the usual delimiters", "{{=| |=}}|a|", { a = function() return "{{b}}|b|" end, b = 1 },
    "1|b|" },
  { "a section's gets what it holds, as it is written", "{{#a}}{{b}}{{! c }}{{/a}}",
    { a = function(text) return text:gsub("[{}]", "") end }, "b! c " },
  { "a section's template has the delimiters of there", "{{=| |=}}|#a|x|/a|",
    { a = function(text) return text .. "|b|{{b}}" end, b = 1 }, "x1{{b}}" },
  { "a function is true", "{{^a}}b{{/a}}", { a = function() return false end }, "" },
}

-- { what, template, place, a word of the message, partials }
local MISTAKES = {
  { "a section that is not closed", "a\nb {{#c}} d", "t:2:3", "{{#c}} is not closed" },
  { "one that is closed by another name", "{{#a}}\n\n {{/b}}", "t:3:2", "line 1" },
  { "an end without a beginning", "a {{/b}}", "t:1:3", "closes nothing" },
  { "sections that overlap", "{{#a}}{{#b}}{{/a}}{{/b}}", "t:1:13", "{{#b}} of line 1" },
  { "a tag that is not closed", "ab\n{{c", "t:2:1", "not closed" },
  { "a tag that is not closed in front of another", "{{a {{b}}", "t:1:1", "not closed" },
  { "three braces closed by two", "{{{a}} b", "t:1:1", "not closed" },
  { "a tag without a name", "{{}}", "t:1:1", "without a name" },
  { "a section without a name", "あ{{# }}{{/ }}", "t:1:2", "without a name" },
  { "dots without names", "{{a..b}}", "t:1:1", "no name" },
  { "a line end within a name", "{{a\nb}}", "t:1:1", "line end" },
  { "delimiters that are none", "{{=a=}}", "t:1:1", "delimiters" },
  { "three delimiters", "{{=a b c=}}", "t:1:1", "delimiters" },
  { "a name that goes on and on", "{{" .. ("x"):rep(2000) .. "}}", "t:1:1", "too long" },
  { "a block that is not closed", "{{<p}}{{$a}}{{/p}}", "t:1:13", "{{$a}}" },
  { "a mistake in a partial", "{{>p}}", "p:2:1", "closes nothing", { p = "\n{{/a}}" } },
  { "a mistake in a partial of a partial", "{{#a}}{{>p}}{{/a}}", "q:1:2", "not closed",
    { p = "{{>q}}", q = " {{#b}}" } },
}

describe("a template", function()
  for _, case in ipairs(CASES) do
    it("holds: " .. case[1], function()
      assert.equal(case[4], rendered(case[2], case[3], { partials = case[5] }))
    end)
  end

  for _, case in ipairs(MISTAKES) do
    it("tells where it has " .. case[1], function()
      local text = error_of(case[2], { name = "t", partials = case[5] })
      assert.equal(case[3] .. ": ", text:sub(1, #case[3] + 2), text)
      assert.is_truthy(text:find(case[4], 1, true), text)
    end)
  end

  it("escapes nothing where it is for text", function()
    assert.equal("<&>", rendered("{{a}}{{{b}}}", { a = "<&", b = ">" }, { escape = "text" }))
  end)

  it("takes null of other libraries for nothing", function()
    local found, cjson = pcall(require, "cjson")
    local null = found and cjson.null
    assert.equal("[]", rendered("[{{a}}{{#a}}b{{/a}}]", { a = null or nil }))
  end)

  it("renders without data", function()
    assert.equal("[]", rendered "[{{a}}]")
  end)

  it("does not change what it is given", function()
    local data = { a = { { b = 1 }, { b = 2 } }, c = "d" }
    local made = compiled "{{#a}}{{b}}{{c}}{{/a}}"
    assert.equal("1d2d", made:render(data))
    assert.same({ a = { { b = 1 }, { b = 2 } }, c = "d" }, data)
    assert.equal("1d2d", made:render(data))
  end)

  it("keeps its partials when the table changes", function()
    local partials = { p = "1" }
    local made = compiled("{{>p}}", { partials = partials })
    partials.p = "2"
    assert.equal("1", made:render {})
  end)
end)

describe("data of another shape", function()
  local CASES_OF_SHAPE = {
    { "a list where a text is due", "x\n {{a}}", { a = { 1 } }, "t:2:2: 'a' is a table" },
    { "a map", "{{a.b}}", { a = { b = { c = 1 } } }, "t:1:1: 'a.b' is a table" },
    { "a coroutine", "{{a}}", { a = coroutine.create(function() end) }, "t:1:1: 'a' is a thread" },
    { "an open file where a text is due", "{{>*a}}", { a = {} }, "t:1:1: 'a' is a table" },
    { "a function that gives a table", "{{a}}", { a = function() return {} end }, "the function 'a' gave a table" },
    { "a function that fails", "{{#a}}{{/a}}", { a = function() return nil, "no luck" end },
      "t:1:1: the function 'a' failed: no luck" },
    { "a function that gives a broken template", "x {{a}}", { a = function() return "{{#b}}" end },
      "t:1:3: what 'a' gave:1:1: {{#b}} is not closed" },
  }
  for _, case in ipairs(CASES_OF_SHAPE) do
    it("is an error with its place: " .. case[1], function()
      local text = render_error(case[2], case[3], { name = "t" })
      assert.is_truthy(text:find(case[4], 1, true), text)
    end)
  end

  it("is found in an indented partial and in a block, too", function()
    local partials = { p = "\n x {{a}}", q = "  {{$b}}\n  {{/b}}\n" }
    assert.equal("p:2:4: 'a' is a table where a text is due",
      render_error("   {{>p}}", { a = {} }, { partials = partials }))
    assert.equal("t:3:4: 'a' is a table where a text is due",
      render_error("{{<q}}\n{{$b}}\n   {{a}}\n{{/b}}\n{{/q}}", { a = {} }, { partials = partials, name = "t" }))
  end)

  it("is raised where it can be no data at all", function()
    local made = compiled "a"
    assert.has_error(function() made:render(print) end,
      "render: data must be a table (or a string, a number), not a function")
  end)
end)

describe("a render", function()
  it("is bounded where a partial names itself for ever", function()
    local text = render_error("{{>p}}", {}, { partials = { p = "a{{>p}}{{>p}}" } })
    assert.equal("p:1:2: more than 500 sections and partials within one another", text)
  end)

  it("is bounded where sections and functions do so", function()
    local data = {}
    data.a = function() return "{{a}}" end
    data.self = data
    assert.is_truthy(render_error("{{a}}", data):find("more than 500", 1, true))
    assert.is_truthy(render_error("{{#self}}{{>p}}{{/self}}", data,
      { partials = { p = "{{#self}} {{>p}}{{/self}}" } }):find("more than 500", 1, true))
    local deep = ("{{^x}}"):rep(99) .. "{{>p}}" .. ("{{/x}}"):rep(99)
    assert.is_truthy(render_error(deep, data, { partials = { p = deep } }):find("more than 500", 1, true))
    assert.is_truthy(render_error(" {{>p}}\n", data, { partials = { p = " {{>p}}\n" } })
      :find("more than 500", 1, true))
    assert.is_truthy(render_error("{{<p}}{{$a}}{{$a}}{{/a}}{{/a}}{{/p}}", data, { partials = { p = "{{$a}}{{/a}}" } })
      :find("more than 500", 1, true))
  end)

  it("makes no more than max_size", function()
    local list = {}
    for i = 1, 1000 do
      list[i] = i
    end
    local text = "{{#l}}{{#l}}{{#l}}{{#l}}{{#l}}a{{/l}}{{/l}}{{/l}}{{/l}}{{/l}}"
    assert.is_truthy(render_error(text, { l = list }, { max_size = 10000, name = "t" })
      :find("max_size", 1, true))
    assert.equal("abc", rendered("{{a}}", { a = "abc" }, { max_size = 3 }))
    assert.equal("123", rendered("{{a}}", { a = 123 }, { max_size = 3 }))
    assert.is_truthy(render_error("{{a}}", { a = 1234 }, { max_size = 3 }):find("max_size", 1, true))
    assert.is_truthy(render_error("{{a}}", { a = "abcd" }, { max_size = 3 }):find("max_size", 1, true))
    assert.is_truthy(render_error("abcd", {}, { max_size = 3 }):find("max_size", 1, true))
  end)

  it("is linear in a line with many tags, and in nested sections", function()
    local many = ("{{a}}"):rep(20000)
    assert.equal(("b"):rep(20000), rendered(many, { a = "b" }))
    local spaces = (" "):rep(1000000)
    assert.is_truthy(error_of("{{a" .. spaces .. "b}}"):find("too long", 1, true))
    assert.equal("c", rendered("{{a" .. spaces .. "}}", { a = "c" }))
    assert.equal(spaces .. "c" .. spaces, rendered(spaces .. "{{a}}" .. spaces, { a = "c" }))
    assert.is_truthy(error_of("{{=a" .. spaces .. "b" .. spaces .. "c=}}"))
    assert.equal("x", rendered(("{{#a}}"):rep(99) .. "x" .. ("{{/a}}"):rep(99), { a = true }))
    assert.is_truthy(error_of(("{{#a}}"):rep(200) .. ("{{/a}}"):rep(200)):find("more sections", 1, true))
  end)

  it("may wait in a function, and two in turns never see each other's data", function()
    local made = compiled("{{>p}}{{#items}}{{name}}{{wait}}{{name}};{{#wrap}}{{name}}{{/wrap}}{{/items}}{{name}}",
      { partials = { p = "{{name}}-{{wait}}{{name}} " } })
    local function data_of(name)
      return {
        name = name, items = { { name = name .. "1" }, { name = name .. "2" } },
        wait = function() return coroutine.yield() end,
        wrap = function(text)
          coroutine.yield()
          return "<" .. text .. ">"
        end,
      }
    end
    local results, threads = {}, {}
    for _, name in ipairs { "alice", "bob" } do
      threads[name] = coroutine.create(function()
        results[name] = assert(made:render(data_of(name)))
      end)
    end
    for _ = 1, 6 do
      for _, name in ipairs { "alice", "bob" } do
        assert(coroutine.resume(threads[name], "." .. name .. "."))
      end
    end
    for _, name in ipairs { "alice", "bob" } do
      local wait = "." .. name .. "."
      local one, two = name .. "1", name .. "2"
      assert.equal(("%s-%s%s %s%s%s;<%s>%s%s%s;<%s>%s"):format(
        name, wait, name, one, wait, one, one, two, wait, two, two, name), results[name])
    end
  end)
end)

describe("strict partials", function()
  it("must be there", function()
    assert.equal("t:2:1: there is no partial 'p'", error_of("\n{{>p}}", { strict = true, name = "t" }))
    assert.equal("t:1:1: there is no partial 'p'",
      error_of("{{<p}}{{/p}}", { strict = true, name = "t", partials = {} }))
    assert.equal("template:1:1: there is no partial 'x'",
      render_error("{{>*a}}", { a = "x" }, { strict = true }))
    assert.equal("", rendered("{{>*a}}", {}, { strict = true }))
  end)

  it("may come from a function, which tells why not", function()
    local function find(name)
      if name == "a" then
        return "1"
      end
      return nil, "no such row"
    end
    assert.equal("1", rendered("{{>a}}", {}, { partials = find }))
    assert.equal("template:1:1: no such row", error_of("{{>b}}", { partials = find }))
    assert.equal("template:1:1: no such row", render_error("{{>*c}}", { c = "d" }, { partials = find }))
    assert.equal("template:1:1: it is a number, not a text", error_of("{{>a}}", { partials = function() return 1 end }))
  end)
end)

describe("mistakes in a call of compile", function()
  it("are raised", function()
    assert.has_error(function() template.compile(1) end, "template: the text must be a string, not a number")
    assert.has_error(function() template.compile("", { escap = "text" }) end,
      "template: unknown option 'escap' (did you mean 'escape'?)")
    assert.has_error(function() template.compile("", { escape = "xml" }) end,
      'template: escape must be "html" or "text"')
    assert.has_error(function() template.compile("", { partials = { a = 1 } }) end,
      'template: partials must be { name = "text" }')
  end)
end)
