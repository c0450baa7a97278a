-- docs/conformance.md: that it is well formed, and that what it names is there. Whether a spec shows
-- what its row says is for people to judge.

local DOCUMENT = "docs/conformance.md"

local ANSWERS = {
  yes = "^yes$", caller = "^by the caller: %S", none = "^not applicable: %S", later = "^not yet",
}

local function read_file(path)
  local file = io.open(path, "rb")
  local text = file and file:read "*a"
  if file then
    file:close()
  end
  return text
end

local function cells_of(line)
  local cells = {}
  for cell in line:gmatch "|([^|]*)%f[|]" do
    cells[#cells + 1] = cell:match "^%s*(.-)%s*$"
  end
  return cells
end

local function kind_of(answer)
  for kind, pattern in pairs(ANSWERS) do
    if answer:find(pattern) then
      return kind
    end
  end
end

local function items_of(cell)
  local items = {}
  for item in (cell .. "<br>"):gmatch "(.-)<br>" do
    items[#items + 1] = item ~= "" and item or nil
  end
  return items
end

local function is_row(line)
  return line:find "^|" ~= nil and not line:find "^| Id |" and not line:find "^|%-"
end

-- The rows of all tables: { line, cells, id, requirement, kind, shown }.
local function read_rows(text)
  local rows, number = {}, 0
  for line in text:gmatch "([^\n]*)\n" do
    number = number + 1
    if is_row(line) then
      local cells = cells_of(line)
      rows[#rows + 1] = {
        line = number, cells = #cells, id = cells[1], requirement = cells[2] or "",
        kind = kind_of(cells[3] or ""), shown = items_of(cells[4] or ""),
      }
    end
  end
  return rows
end

local function escaped(text)
  return (text:gsub("%p", "%%%0"))
end

-- Whether a file has the sentence: quoted as it is, or with something behind it that the file adds.
local function has_sentence(text, sentence, path)
  local wanted = escaped(sentence)
  if path:find "%.c$" then
    return text:find('{"' .. wanted .. '"') ~= nil
  end
  for _, before in ipairs { 'it%("', "it%('", 'it%(%("', 'it%([%w_%[%]]+ %.%. "' } do
    if text:find(before .. " ?" .. wanted .. " ?[\"']") then
      return true
    end
  end
  return false
end

-- Why an item of "shown by" shows nothing, or nil.
local function fault_of(item)
  local name, sentence = item:match "^(%S+): (.+)$"
  name = name or item
  local text = name:find "^%l+/[%w_-]+%.%l+$" and read_file("spec/" .. name)
  if not text then
    return "there is no spec/" .. name
  elseif name:find "^wire/.*%.txt$" then
    return sentence and "a transcript has one sentence, which is not repeated: " .. item
  elseif not sentence then
    return "it names no sentence: " .. item
  elseif not has_sentence(text, sentence, name) then
    return ("spec/%s has no %q"):format(name, sentence)
  end
end

describe("the document of conformance", function()
  local rows = read_rows(assert(read_file(DOCUMENT)))

  it("has four cells in each row, an id and one of four answers", function()
    for _, row in ipairs(rows) do
      local where = ("%s:%d"):format(DOCUMENT, row.line)
      assert.equal(4, row.cells, where)
      assert.matches("^%d+%-[%dA-F][%d.]*%-%d+$", row.id, nil, where)
      assert.is_truthy(row.requirement:find "%S", where)
      assert.is_string(row.kind, where)
    end
  end)

  it("has each id once, and a row for each requirement of RFC 5321, 7504, 5322 and 6854", function()
    local seen, count = {}, {}
    for _, row in ipairs(rows) do
      assert.is_nil(seen[row.id], row.id)
      seen[row.id] = true
      local rfc = row.id:match "^%d+"
      count[rfc] = (count[rfc] or 0) + 1
    end
    assert.same({ 146, 4, 71, 7 }, { count["5321"], count["7504"], count["5322"], count["6854"] })
  end)

  it("names a spec for what holds, and specs and sentences that are there", function()
    local faults = {}
    for _, row in ipairs(rows) do
      if row.kind == "yes" and #row.shown == 0 then
        faults[#faults + 1] = row.id .. ": nothing shows it"
      end
      for _, item in ipairs(row.shown) do
        local fault = fault_of(item)
        faults[#faults + 1] = fault and row.id .. ": " .. fault or nil
      end
    end
    assert.same({}, faults)
  end)

  it("is found out where it names what is not there (the check of this spec)", function()
    assert.is_nil(fault_of "unit/conformance_spec.lua: has four cells in each row, an id and one of four answers")
    assert.is_string(fault_of "unit/conformance_spec.lua: has five cells")
    assert.is_string(fault_of "unit/conformance_spec.lua: has four cells in each row")
    assert.is_string(fault_of "unit/no_such_spec.lua: x")
    assert.is_string(fault_of "unit/conformance_spec.lua")
    assert.is_string(fault_of "wire/no-such.txt")
    assert.is_nil(fault_of "wire/dots.txt")
    assert.is_nil(fault_of "c/path_test.c: knows no other tag of a literal")
    assert.is_string(fault_of "c/path_test.c: knows no other tag")
  end)
end)
