-- Rows of CSV files: RFC 4180, byte order marks, charsets, bounds; in blocks of every size.
local csv = require "ettsumailer.csv"
local ettsumailer = require "ettsumailer"

-- A function that gives the text in pieces of n octets.
local function pieces_of(text, n)
  local at = 1
  return function()
    local piece = text:sub(at, at + n - 1)
    at = at + n
    return piece ~= "" and piece or nil
  end
end

local function rows_of(reader)
  local rows = {}
  local row, err = reader:next()
  while row or err do
    rows[#rows + 1] = row or err.text
    row, err = reader:next()
  end
  return rows
end

local function read(text, given, n)
  return rows_of(assert(csv.open(pieces_of(text, n or 7), given)))
end

local CASES = {
  { "a plain file", "a,b\r\n1,2\r\n3,4\r\n", { { a = "1", b = "2" }, { a = "3", b = "4" } } },
  { "the last line without its end", "a,b\n1,2", { { a = "1", b = "2" } } },
  { "ends that are LF or CR", "a,b\n1,2\r3,4\n", { { a = "1", b = "2" }, { a = "3", b = "4" } } },
  { "quotes, commas and line ends in quotes", 'a,b\r\n"1,""x""","2\r\n3"\r\n4,5', {
    { a = '1,"x"', b = "2\r\n3" }, { a = "4", b = "5" },
  } },
  { "empty fields, quoted or not", 'a,b,c\n,"",\n', { { a = "", b = "", c = "" } } },
  { "empty lines", "a,b\n\n1,2\n\r\n\n3,4\n\n", { { a = "1", b = "2" }, { a = "3", b = "4" } } },
  { "a quoted name, and names with spaces", '"a b", c \n1, 2\n', { { ["a b"] = "1", c = " 2" } } },
  { "a byte order mark", "\239\187\191a\n1\n", { { a = "1" } } },
  { "a byte order mark in front of a quote", '\239\187\191"a"\n1\n', { { a = "1" } } },
  { "columns without a name", "a,,b,\n1,2,3,4\n", { { a = "1", b = "3" } } },
  { "empty fields behind the last column", "a,b\n1,2,,\n", { { a = "1", b = "2" } } },
  { "UTF-8", "名前,b\n山田,é\n", { { ["名前"] = "山田", b = "é" } } },
  { "another separator", "a;b\n1;2,5\n", { { a = "1", b = "2,5" } }, { separator = ";" } },
  { "a tab", "a\tb\n1\t2\n", { { a = "1", b = "2" } }, { separator = "\t" } },
  { "columns that the file does not name", "1,2\n", { { x = "1", y = "2" } }, { columns = { "x", "y" } } },
  { "Shift_JIS", "\150\188,a\n\142R\147c\131\\,\"\149\\,\"\n",
    { { ["名"] = "山田ソ", a = "表," } },
    { charset = "Shift_JIS" } },
  { "no rows", "a,b\n", {} },
  { "a row with too few fields, and the next one", "a,b\n1\n2,3\n", {
    "csv:2: 1 fields where there are 2 columns", { a = "2", b = "3" },
  } },
  { "a row with too many", "a\n\"1\n\",2\n3\n", { "csv:2: 2 fields where there are 1 columns", { a = "3" } } },
  { "lines counted behind quoted line ends", "a,b\n\"\n\n\",1\n2\n", {
    { a = "\n\n", b = "1" }, "csv:5: 1 fields where there are 2 columns",
  } },
  { "what is not UTF-8, and the next row", "a,b\n\255,1\n2,3\n", {
    "csv:2: column a: the text is not UTF-8 (byte 1)", { a = "2", b = "3" },
  } },
  { "a quote that is not closed", 'a\n1\n"2\n3\n', { { a = "1" }, "csv:3: a quote that is not closed" } },
  { "a quote in a field without", 'a\n1"2\n3\n', { "csv:2: a quote within a field that does not begin with one" } },
  { "something behind a quote", 'a\n"1"2\n3\n',
    { "csv:2: something between a closing quote and the end of the field" } },
}

describe("a CSV file", function()
  for _, case in ipairs(CASES) do
    it("may have " .. case[1], function()
      for n = 1, #case[2] + 1 do
        assert.same(case[3], read(case[2], case[4], n))
      end
    end)
  end

  it("has names of its columns, each once", function()
    for text, why in pairs {
      [""] = "csv:1: there is no line with the names of the columns",
      ["a,b,a\n1,2,3\n"] = "csv:1: two columns are called 'a'",
      ["\255\n"] = "csv:1: column 1: the text is not UTF-8 (byte 1)",
      ["\"a"] = "csv:1: a quote that is not closed",
    } do
      local reader, err = csv.open(pieces_of(text, 100))
      assert.is_nil(reader)
      assert.equal(why, err.text)
      assert.equal("SOURCE", err.code)
    end
  end)

  it("has fields and columns of a bounded size", function()
    local long = ("x"):rep(101)
    assert.same({ "csv:2: a field of more than 100 octets" }, read("a\n" .. long .. "\n", { max_field = 100 }))
    assert.same({ "csv:2: a field of more than 100 octets" }, read("a\n\"" .. long .. "\"\n", { max_field = 100 }))
    assert.same({ { a = ("x"):rep(100) } }, read("a\n" .. ("x"):rep(100) .. "\n", { max_field = 100 }))
    local reader, err = csv.open(pieces_of((","):rep(1000), 100))
    assert.is_nil(reader)
    assert.equal("csv:1: more than 1000 columns", err.text)
  end)

  it("is read in blocks, however long it is", function()
    local lines, count = 0, 0
    local reader = assert(csv.open(function()
      lines = lines + 1
      return lines == 1 and "a,b\n" or lines <= 20001 and ("%d,\"%s\"\n"):format(lines, ("x"):rep(20)) or nil
    end))
    local most = 0
    local row = reader:next()
    while row do
      count, most = count + 1, math.max(most, #reader.records.buffer)
      row = reader:next()
    end
    assert.equal(20000, count)
    assert.is_true(most < 200000)
  end)

  it("tells why it cannot be read", function()
    local reader, err = csv.open "build/no-such-file.csv"
    assert.is_nil(reader)
    assert.equal("SOURCE", err.code)
    assert.is_truthy(err.text:find("build/no-such-file.csv", 1, true))
    reader, err = csv.open(function() return nil, "no luck" end)
    assert.is_nil(reader)
    assert.equal("csv:1: no luck", err.text)
    local given = { "a\n1\n", nil }
    reader = assert(csv.open(function() return table.remove(given, 1), "the disk is gone" end))
    assert.same({ { a = "1" }, "csv:2: the disk is gone" }, rows_of(reader))
    assert.is_true(reader.is_over)
    reader, err = csv.open(function() return 1 end)
    assert.is_nil(reader)
    assert.is_truthy(err.text:find("a number", 1, true))
    reader, err = csv.open(pieces_of("a\n", 1), { charset = "nonsense" })
    assert.is_nil(reader)
    assert.equal("CONFIG", err.code)
    assert.is_true(ettsumailer.is_error(err))
  end)

  it("is opened with options that make sense", function()
    assert.has_error(function() csv.open("a", { separator = ",," }) end,
      "csv: separator must be one character that is no quote and no line end")
    assert.has_error(function() csv.open("a", { columns = { 1 } }) end, "csv: columns must be strings")
    assert.has_error(function() csv.open("a", { seperator = "," }) end,
      "csv: unknown option 'seperator' (did you mean 'separator'?)")
  end)
end)
