-- Writes docs/reference.md from the annotations in the sources: make docs.
-- Why: what an editor shows, what the reference says and what a spec checks are one text.
-- Not: prose of its own, beyond the headings below.
--
-- As a chunk with an argument it writes; without one it returns { text, sections, annotations }.

local annotations = require "support.annotations"
local options = require "ettsumailer.options"

local concat, insert = table.concat, table.insert

local FOLDER = "lua/ettsumailer/"

-- What there is to tell, in its order. Of each: a heading, and
--  file, owner   the functions of this table of this file (owner "M": the module's own)
--  prefix        how they are called
--  class         its fields, too
--  module, names tables of options of this module
--  only          of the functions, these
local SECTIONS = {
  { "The library", text = 'local ettsumailer = require "ettsumailer"', file = "init.lua",
    owner = "M", prefix = "ettsumailer." },
  { "A mailer", file = "mailer.lua", owner = "Mailer", prefix = "mailer:",
    class = "ettsumailer.mailer" },
  { "A result", file = "types.lua", class = "ettsumailer.result" },
  { "A refusal", file = "types.lua", class = "ettsumailer.refusal" },
  { "An error", file = "errors.lua", class = "ettsumailer.error" },
  { "Options of a server", module = "server_options", names = { "SERVER" } },
  { "Options of a server: timeouts", module = "server_options", names = { "TIMEOUTS" } },
  { "Options of a server: a transport of one's own", module = "transport_option",
    names = { "OPTIONS" } },
  { "Options of a pool of connections", module = "smtp.pool", names = { "OPTIONS" } },
  { "Options of the way that messages go", module = "mailer.ways", names = { "OPTIONS" },
    beside = { { "server_options", "SERVER" }, { "smtp.pool", "OPTIONS" } } },
  { "Options of a mailer", module = "mailer", names = { "OPTIONS" },
    beside = { { "mailer.ways", "OPTIONS" } } },
  { "Options of retry", module = "mailer.retry", names = { "OPTIONS" }, defaults = "DEFAULTS" },
  { "Options of rate", module = "mailer.rate", names = { "OPTIONS" } },
  { "Options of shared", module = "mailer.shared", names = { "OPTIONS" } },
  { "Options of queue", module = "mailer.outbound_queue", names = { "OPTIONS" } },
  { "Options of send_all", module = "mailer.batch", names = { "OPTIONS" } },
  { "Fields of a message", module = "message", names = { "FIELDS" },
    beside = { { "message.ready_fields" } } },
  { "Fields of a message that others made", module = "message.ready_fields" },
  { "Fields of an envelope", module = "message.envelope", names = { "FIELDS" } },
  { "Fields of content", module = "message.source", names = { "FIELDS" } },
  { "Fields of an attachment", module = "message.body", names = { "ATTACHMENT" },
    beside = { { "message.source", "FIELDS" } } },
  { "Fields of an inline image", module = "message.body", names = { "INLINE" },
    beside = { { "message.body", "ATTACHMENT" } } },
  { "Fields of a calendar", module = "message.body", names = { "CALENDAR" } },
  { "Fields of a list", module = "message.list_fields", names = { "FIELDS" } },
  { "A message", file = "types.lua", owner = "Message", prefix = "message:",
    class = "ettsumailer.message" },
  { "A message: more", file = "message/methods.lua", owner = "Message", prefix = "message:" },
  { "A reader", file = "message/methods.lua", owner = "Reader", prefix = "reader:" },
  { "A reader: more", file = "types.lua", owner = "Reader", prefix = "reader:",
    class = "ettsumailer.reader" },
  { "Addresses", file = "address.lua", owner = "M", prefix = "ettsumailer.address.",
    only = { "parse_list", "format", "is" } },
  { "An address", file = "types.lua", owner = "Address", prefix = "address:",
    class = "ettsumailer.address.object" },
  { "Templates", file = "template.lua", owner = "M", prefix = "ettsumailer.template." },
  { "Options of template.compile", module = "template", names = { "COMPILE" },
    beside = { { "template", "HOW" } } },
  { "Options of template.load", module = "template", names = { "LOAD" },
    beside = { { "template", "COMPILE" } } },
  { "A compiled template", file = "template/compiled.lua", owner = "Compiled",
    prefix = "template:", only = { "render" } },
  { "Mail merge", file = "merge.lua", owner = "M", prefix = "ettsumailer.merge.",
    only = { "row_of" } },
  { "CSV", text = 'local csv = require "ettsumailer.csv"', file = "csv.lua", owner = "M",
    prefix = "csv.", only = { "open" } },
  { "A CSV reader", file = "csv.lua", owner = "Reader", prefix = "reader:",
    class = "ettsumailer.csv" },
  { "Options of csv.open", module = "csv", names = { "OPTIONS" } },
  { "A connection", file = "smtp/connection.lua", owner = "Connection", prefix = "conn:",
    class = "ettsumailer.connection" },
  { "A connection: by hand", file = "smtp/by_hand.lua", owner = "Connection", prefix = "conn:" },
  { "A connection: more", file = "smtp/link.lua", owner = "Link", prefix = "conn:",
    only = { "close" } },
  { "A session", file = "types.lua", owner = "Session", prefix = "session:",
    class = "ettsumailer.session" },
  { "Testing", text = 'local testing = require "ettsumailer.testing"',
    file = "testing/init.lua", owner = "M", prefix = "testing." },
  { "An outbox", file = "sender/memory.lua", owner = "Outbox", prefix = "outbox:",
    class = "ettsumailer.outbox", only = { "refuse", "refuse_next", "clear", "last", "find",
      "assert_sent", "assert_not_sent" } },
  { "A testing server in a process of its own", file = "testing/child.lua", owner = "Handle",
    prefix = "server:", class = "ettsumailer.testing.handle" },
  { "A testing server in this process", file = "testing/server.lua", owner = "M",
    prefix = "server_of.", only = { "new", "start" },
    text = 'local server_of = require "ettsumailer.testing.server"' },
  { "A testing server in this process: more", file = "testing/server.lua", owner = "Server",
    prefix = "server:", class = "ettsumailer.testing.server", only = { "step", "close" } },
}

local HEAD = [[
# Reference

Made from the annotations in the sources by `make docs`; do not edit it. Times are seconds and
sizes octets where nothing else is said.
What the world can cause returns `nil` and an [error](#an-error); misuse of a function is raised.
Types with `?` may be absent or `nil`.
]]

local Writer = {}
Writer.__index = Writer

function Writer:put(...)
  for _, text in ipairs { ... } do
    insert(self.lines, text)
  end
end

local function cell(text)
  return (text:gsub("|", "\\|"):gsub("<", "&lt;"))
end

local function is_among(list, name)
  for _, item in ipairs(list or {}) do
    if item == name then
      return true
    end
  end
  return false
end

-- What only the library itself gives or needs.
local function is_internal(item)
  return item.text:find "^internal" ~= nil or item.text:find "^as of `error`" ~= nil
end

-- Tables of options have names in capitals, and sections of their own.
local function is_hidden(section, item)
  return item.block.private or item.block.package or item.name:find "^[_%u]"
    or (section.only and not is_among(section.only, item.name))
end

local function is_of(section, item)
  return item.owner == section.owner and item.name ~= nil
    and (item.kind == "function" or item.kind == "value" and #item.block.text > 0)
end

---The functions of a section, as they are to be told.
local function functions_of(section)
  local list = {}
  for _, item in ipairs(annotations.read(FOLDER .. section.file)) do
    if is_of(section, item) and not is_hidden(section, item) then
      insert(list, item)
    end
  end
  return list
end

local function class_of(section)
  for _, item in ipairs(annotations.read(FOLDER .. section.file)) do
    local class = item.block.class and item.block.class[1]
    if class and class.name == section.class then
      return item
    end
  end
end

-- "given [, how]"
local function arguments_of(params)
  local text, closing = "", ""
  for _, param in ipairs(params) do
    local name = (text ~= "" and ", " or "") .. param.name:gsub("%?$", "")
    if param.name:find "%?$" or param.type:find "%?$" then
      name, closing = (text ~= "" and " [" or "[") .. name, closing .. "]"
    end
    text = text .. name
  end
  return text .. closing
end

local function signature(section, item)
  local params = {}
  for _, param in ipairs(item.block.param) do
    if not is_internal(param) then
      insert(params, param)
    end
  end
  return section.prefix .. item.name .. "(" .. arguments_of(params) .. ")"
end

-- "Example: `x`" and what is in fences stay as they are.
local function write_prose(writer, lines)
  for _, line in ipairs(lines) do
    writer:put((line:gsub("^ ", "")))
  end
end

local function write_items(writer, heading, list)
  local shown = {}
  for _, item in ipairs(list) do
    if not is_internal(item) then
      local name = item.name and ("`%s` "):format(item.name) or ""
      insert(shown, ("- %s*%s*%s"):format(name, item.type, item.text ~= ""
        and ": " .. item.text or ""))
    end
  end
  if #shown > 0 then
    writer:put("", heading, "")
    writer:put(concat(shown, "\n"))
  end
end

local function write_function(writer, section, item)
  local title = item.kind == "function" and signature(section, item)
    or section.prefix .. item.name
  writer:put("", "### `" .. title .. "`", "")
  write_prose(writer, item.block.text)
  write_items(writer, "Takes:", item.block.param)
  write_items(writer, "Returns:", item.block["return"])
end

-- A table of options, as the module has it when it runs.
local function table_of(module, name)
  local loaded = require("ettsumailer." .. module)
  return name and loaded[name] or loaded
end

local function block_of(module, name)
  local path = FOLDER .. module:gsub("%.", "/") .. ".lua"
  for _, item in ipairs(annotations.read(path)) do
    local is_it = item.name == (name or "M") and (item.owner == "M" or item.kind == "local")
    if is_it and #item.block.text > 0 then
      return item.block
    end
  end
  return { text = {} }
end

---The options of a section: { names, text } of each that is told there, and the prose around them.
local function options_of(section)
  local block = block_of(section.module, section.names and section.names[1])
  return annotations.options(block.text)
end

local function kind_of(section, name)
  local known = table_of(section.module, section.names and section.names[1])
  local kind = known and known[name]
  return type(kind) == "string" and options.words(kind) or "seconds"
end

local function default_of(section, name)
  local defaults = section.defaults and table_of(section.module, section.defaults)
  return defaults and defaults[name] ~= nil and ("; %g where absent"):format(defaults[name]) or ""
end

local function write_options(writer, section)
  local list, prose = options_of(section)
  write_prose(writer, prose)
  writer:put("", "| option | kind | meaning |", "|---|---|---|")
  for _, option in ipairs(list) do
    for i, name in ipairs(option.names) do
      local meaning = i == 1 and option.text or "as `" .. option.names[1] .. "`"
      writer:put(("| `%s` | %s | %s%s |"):format(name, cell(kind_of(section, name)), cell(meaning),
        default_of(section, name)))
    end
  end
end

local function write_class(writer, section)
  local item = class_of(section)
  if not item then
    return
  end
  write_prose(writer, item.block.text)
  if #item.block.field > 0 then
    writer:put("", "| field | type | meaning |", "|---|---|---|")
    for _, field in ipairs(item.block.field) do
      writer:put(("| `%s` | %s | %s |"):format(field.name, cell(field.type), cell(field.text)))
    end
  end
end

local function write_section(writer, section)
  local title, is_more = section[1], section[1]:find ": more$"
  if not is_more then
    writer:put("", "## " .. title, "")
  end
  if section.text then
    writer:put("```lua", section.text, "```")
  end
  if section.class then
    write_class(writer, section)
  end
  if section.module then
    write_options(writer, section)
  end
  for _, item in ipairs(section.owner and functions_of(section) or {}) do
    write_function(writer, section, item)
  end
end

local function make()
  local writer = setmetatable({ lines = { HEAD } }, Writer)
  for _, section in ipairs(SECTIONS) do
    write_section(writer, section)
  end
  return (concat(writer.lines, "\n"):gsub("\n\n\n+", "\n\n")) .. "\n"
end

local path = ...
if path and path:find "%.md$" then
  local file = assert(io.open(path, "wb"))
  assert(file:write(make()))
  file:close()
end

return {
  make = make, sections = SECTIONS, functions_of = functions_of, class_of = class_of,
  options_of = options_of, table_of = table_of, is_internal = is_internal,
}
