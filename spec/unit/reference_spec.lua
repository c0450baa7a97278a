-- The reference is up to date, and nothing that users can reach is missing from it.
local ettsumailer = require "ettsumailer"
local core = require "ettsumailer.core"

local reference = dofile "docs/make-reference.lua"

local function read_file(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

local function names_in(arguments)
  local names = {}
  for name in arguments:gmatch "[%w_.]+" do
    names[#names + 1] = name
  end
  return names
end

-- What an annotation of a function lacks, or nothing.
local function lack(item)
  local block, described = item.block, {}
  if #block.text == 0 then
    return "a description"
  end
  for _, param in ipairs(block.param) do
    described[param.name:gsub("%?$", "")] = true
    if param.type == "" then
      return "the type of " .. param.name
    end
  end
  for _, name in ipairs(names_in(item.arguments or "")) do
    if not described[name] then
      return "@param " .. name
    end
  end
  if not table.concat(block.text, "\n"):find "Example:" then
    return "an example"
  end
end

local load_text = loadstring or load -- luacheck: ignore

-- The examples of a block: those within a line, and those in fences.
local function examples_of(block)
  local text, list = table.concat(block.text, "\n"), {}
  for code in text:gmatch "Example: `(.-)`" do
    list[#list + 1] = code
  end
  for code in text:gmatch "Example:\n```lua\n(.-)```" do
    list[#list + 1] = code
  end
  return list
end

describe("the reference", function()
  it("is what `make docs` makes of the annotations", function()
    assert(read_file "docs/reference.md" == reference.make(), "docs/reference.md is out of date: run make docs")
  end)

  it("says of every function what it does, what it takes, and how it is called", function()
    local lacking = {}
    for _, section in ipairs(reference.sections) do
      for _, item in ipairs(section.owner and reference.functions_of(section) or {}) do
        local what = lack(item)
        if what then
          lacking[#lacking + 1] = ("%s:%d: %s has not %s"):format(item.path, item.line, item.name, what)
        end
      end
    end
    assert(#lacking == 0, table.concat(lacking, "\n"))
  end)

  it("has examples that are Lua", function()
    local count = 0
    for _, section in ipairs(reference.sections) do
      for _, item in ipairs(section.owner and reference.functions_of(section) or {}) do
        for _, code in ipairs(examples_of(item.block)) do
          count = count + 1
          assert(load_text("return " .. code) or load_text(code), ("%s:%d: %s"):format(item.path, item.line, code))
        end
      end
    end
    assert.is_true(count > 80)
  end)

  local function key_of(section)
    return section.module .. " " .. (section.names and section.names[1] or "")
  end

  local function known_to(section)
    return reference.table_of(section.module, section.names and section.names[1])
  end

  -- By table of options: the names that some section tells of.
  local function all_told()
    local told = {}
    for _, section in ipairs(reference.sections) do
      local names = {}
      for _, option in ipairs(section.module and reference.options_of(section) or {}) do
        for _, name in ipairs(option.names) do
          names[name] = true
        end
      end
      if section.module then
        told[key_of(section)] = names
      end
    end
    return told
  end

  local function is_told_beside(section, name)
    for _, beside in ipairs(section.beside or {}) do
      local names = reference.table_of(beside[1], beside[2])
      if names and names[name] ~= nil then
        return true
      end
    end
    return false
  end

  it("has every option, and no other", function()
    local told = all_told()
    for _, section in ipairs(reference.sections) do
      local known = section.module and known_to(section) or {}
      for name in pairs(known) do
        assert(told[key_of(section)][name] or is_told_beside(section, name),
          section[1] .. ": nothing is said of " .. name)
      end
      for name in pairs(section.module and told[key_of(section)] or {}) do
        assert(known[name] ~= nil, section[1] .. ": there is no " .. name)
      end
    end
  end)

  -- The names of the functions that a section, or those of the same prefix, tell of.
  local function told(prefix)
    local names = {}
    for _, section in ipairs(reference.sections) do
      if section.prefix == prefix then
        for _, item in ipairs(reference.functions_of(section)) do
          names[item.name] = true
        end
        local class = section.class and reference.class_of(section)
        for _, field in ipairs(class and class.block.field or {}) do
          names[field.name] = true
        end
      end
    end
    return names
  end

  local function methods_of(object)
    local metatable = debug.getmetatable(object)
    return metatable.__methods or metatable.__index
  end

  -- What composes a message; the library does it.
  local COMPOSING = {
    "addresses", "charset", "header", "header_section", "leaf", "leaf_file", "leaf_source", "multipart",
    "part_header", "seal", "section", "sources", "text",
  }
  local SUPPLYING = { "fail", "source", "supply" }

  local function check_all(methods, prefix, except)
    local names = told(prefix)
    for _, name in ipairs(except or {}) do
      names[name] = true
    end
    for name, value in pairs(methods) do
      if type(value) == "function" and not name:find "^__" then
        assert(names[name], prefix .. name .. " is not told of")
      end
    end
  end

  it("has every function of the library and every method of its objects", function()
    check_all(ettsumailer, "ettsumailer.")
    check_all(require "ettsumailer.template", "ettsumailer.template.")
    check_all(require "ettsumailer.testing", "testing.")
    check_all(methods_of(assert(ettsumailer.mailer { via = "null" })), "mailer:")
    check_all(methods_of(core.session()), "session:")
    local message = assert(ettsumailer.message { from = "a@example.com", to = "b@example.com", text = "x" })
    check_all(methods_of(message), "message:", COMPOSING)
    check_all(methods_of(message:reader()), "reader:", SUPPLYING)
    check_all(methods_of(assert(ettsumailer.address "a@example.com")), "address:")
    check_all(methods_of(require("ettsumailer.testing").outbox()), "outbox:", { "send" })
  end)

  it("has every command of a connection", function()
    local names = told "conn:"
    for _, name in ipairs { "ehlo", "helo", "starttls", "auth", "mail", "rcpt", "data", "rset", "noop", "vrfy", "expn",
      "help", "command", "send", "quit", "close", "capabilities", "transcript" } do
      assert(names[name], name .. " is not told of")
    end
  end)
end)
