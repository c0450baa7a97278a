-- run.lua SECONDS [JSON]: renders the cases of cases.lua and writes "case way nanoseconds" lines.
-- With JSON, writes the templates and their data there for the other languages, and ends.
local cases = dofile "bench/template/cases.lua"

local ORDER = { "letter", "order", "list" }

local function json(value)
  if type(value) == "table" then
    local pieces = {}
    if value[1] ~= nil then
      for i, item in ipairs(value) do
        pieces[i] = json(item)
      end
      return "[" .. table.concat(pieces, ",") .. "]"
    end
    for name, item in pairs(value) do
      pieces[#pieces + 1] = json(name) .. ":" .. json(item)
    end
    return "{" .. table.concat(pieces, ",") .. "}"
  elseif type(value) == "string" then
    return '"' .. value:gsub('[%c"\\]', function(c) return ("\\u%04x"):format(c:byte()) end) .. '"'
  end
  return tostring(value)
end

if arg[2] then
  local list = {}
  for i, name in ipairs(ORDER) do
    local case = cases[name]
    list[i] = {
      name = name, template = case.template, data = case.data, escape = case.escape,
      expected = case.by_hand(case.data),
    }
  end
  local file = assert(io.open(arg[2], "wb"))
  file:write(json(list))
  file:close()
  os.exit(0)
end

local template = require "ettsumailer.template"

-- Nanoseconds of a call, over calls that take about the seconds given.
local function time(call, seconds)
  local count, taken = 1, 0
  while taken < seconds do
    count = count * 2
    local started = os.clock()
    for _ = 1, count do
      call()
    end
    taken = os.clock() - started
  end
  return taken / count * 1e9
end

for _, name in ipairs(ORDER) do
  local case = cases[name]
  local made = assert(template.compile(case.template, { escape = case.escape }))
  assert(assert(made:render(case.data)) == case.by_hand(case.data), name)
  local seconds = tonumber(arg[1])
  print(("%s ettsumailer %.0f"):format(name, time(function()
    return made:render(case.data)
  end, seconds)))
  print(("%s by-hand %.0f"):format(name, time(function()
    return case.by_hand(case.data)
  end, seconds)))
  print(("%s compile %.0f"):format(name, time(function()
    return template.compile(case.template, { escape = case.escape })
  end, seconds)))
end
