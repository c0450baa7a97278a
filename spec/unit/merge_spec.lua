-- Mail merge: rows from lists, functions and CSV files; rows that fail; what all have in common.
local core = require "ettsumailer.core"
local ettsumailer = require "ettsumailer"
local mime = require "support.mime"
local server_of = require "ettsumailer.testing.server"

local merge, template = ettsumailer.merge, ettsumailer.template
local FOLDER = require("support.scratch") .. "/merge"

local letter = assert(template.new {
  subject = "Hello {{name}}", to = "{{name}} <{{mail}}>", from = "shop@example.com",
  text = "Dear {{name}} of {{shop}},\n",
})

local function write_file(path, text)
  local file = assert(io.open(FOLDER .. "/" .. path, "wb"))
  file:write(text)
  file:close()
  return FOLDER .. "/" .. path
end

local function all(next_message)
  local list = {}
  local message = next_message()
  while message do
    list[#list + 1] = message
    message = next_message()
  end
  return list
end

local function merged(rows, given, of)
  return all(assert(merge(of or letter, rows, given)))
end

describe("a merge", function()
  setup(function()
    os.execute("mkdir -p " .. FOLDER)
  end)

  it("makes a message of each row of a list", function()
    local rows = { { name = "A", mail = "a@example.com" }, { name = "B, C", mail = "b@example.com", shop = "S" } }
    local list = merged(rows, { data = { shop = "common", name = "nobody" } })
    assert.same({
      { subject = "Hello A", to = "A <a@example.com>", from = "shop@example.com", text = "Dear A of common,\n" },
      { subject = "Hello B, C", to = '"B, C" <b@example.com>', from = "shop@example.com", text = "Dear B, C of S,\n" },
    }, list)
    assert.equal(rows[1], merge.row_of(list[1]))
    assert.same({ rows[2], 2 }, { merge.row_of(list[2]) })
    assert.is_nil(merge.row_of {})
    for _, message in ipairs(list) do
      assert.is_truthy(ettsumailer.message(message))
    end
  end)

  it("makes a message of each row that a function gives, which may wait", function()
    local thread = coroutine.create(function()
      local i = 0
      local next_message = assert(merge(letter, function()
        i = coroutine.yield()
        return i <= 2 and { name = "N" .. i, mail = ("n%d@example.com"):format(i) } or nil
      end, { fields = function(row, number)
        coroutine.yield()
        return { reply_to = ("r%d@example.com"):format(number), subject = row.name }
      end }))
      local list = {}
      local message = next_message()
      while message do
        list[#list + 1] = message
        message = next_message()
      end
      assert(next_message() == nil)
      return list
    end)
    assert(coroutine.resume(thread))
    assert(coroutine.resume(thread, 1))
    assert(coroutine.resume(thread))
    assert(coroutine.resume(thread, 2))
    assert(coroutine.resume(thread))
    local _, list = assert(coroutine.resume(thread, 3))
    assert.same({ "N1", "N2" }, { list[1].subject, list[2].subject })
    assert.equal("r2@example.com", list[2].reply_to)
  end)

  it("makes a message of each row of a CSV file", function()
    local path = write_file("list.csv",
      "name;mail\r\n山田;a@example.com\r\n\"B\r\nC\";b@example.com\r\nD\r\nE;e@example.com\r\n")
    local list = merged(path, { csv = { separator = ";" }, subject = "{{name}}様" })
    assert.equal(4, #list)
    assert.equal("山田様", list[1].subject)
    assert.is_true(ettsumailer.is_error(list[2]))
    assert.is_true(ettsumailer.is_error(list[3]))
    assert.equal(("row 3 (%s:5): %s:5: 1 fields where there are 2 columns"):format(path, path), list[3].text)
    assert.equal("E様", list[4].subject)
    assert.same({ { name = "E", mail = "e@example.com" }, 4 }, { merge.row_of(list[4]) })
  end)

  it("takes templates for the fields that it is given, and other fields as they are", function()
    local list = merged({ { name = "A", mail = "a@example.com" } }, {
      to = "{{mail}}", subject = "{{{name}}}!", cc = { "c@example.com" }, headers = { ["X-A"] = "{{name}}" },
      bcc = ettsumailer.address "d@example.com",
    })
    assert.equal("a@example.com", list[1].to)
    assert.equal("A!", list[1].subject)
    assert.same({ "c@example.com" }, list[1].cc)
    assert.same({ ["X-A"] = "{{name}}" }, list[1].headers)
    assert.equal("d@example.com", tostring(list[1].bcc))
  end)

  it("takes the path of a template, and a compiled one", function()
    write_file("note.txt", "Note {{a}}\n")
    assert.same({ { text = "Note 1\n" }, { text = "Note 2\n" } },
      merged({ { a = 1 }, { a = 2 } }, {}, FOLDER .. "/note"))
    assert.same({ { text = "1" } }, merged({ { a = 1 } }, {}, assert(template.compile("{{a}}", { escape = "text" }))))
  end)

  it("gives an error in place of a row that fails, and goes on", function()
    local rows = {
      { name = "A", mail = "a@example.com" }, { name = {}, mail = "b@example.com" }, "no row",
      { name = "D", mail = "d@example.com, e@example.com" }, { name = "F\r\nBcc: g", mail = "f@example.com" },
      { name = "H", mail = "h@example.com" },
    }
    local list = merged(rows, { fields = function(row)
      if row.name == "H" then
        return nil, "not this one"
      end
      return {}
    end })
    assert.equal(6, #list)
    assert.equal("Hello A", list[1].subject)
    local texts = {}
    for i = 2, 6 do
      assert.is_true(ettsumailer.is_error(list[i]))
      assert.same({ rows[i], i }, { merge.row_of(list[i]) })
      texts[#texts + 1] = list[i].text
    end
    assert.same({
      "row 2: template: subject:1:7: 'name' is a table where a text is due",
      "row 3: a string where a table is due",
      "row 4: template: to:1:1: 'd@example.com, e@example.com' is not one address ({{{ }}} would take it as it is)",
      "row 5: template: to:1:1: a control character is not allowed here",
      "row 6: not this one",
    }, texts)
    assert.same({ "template: subject", 1, 7 }, { list[2].file, list[2].line, list[2].column })
  end)

  it("ends where a function fails", function()
    local calls = 0
    local list = merged(function()
      calls = calls + 1
      if calls == 1 then
        return { name = "A", mail = "a@example.com" }
      end
      return nil, "the database is gone"
    end)
    assert.equal(2, #list)
    assert.equal("row 2: the database is gone", list[2].text)
    assert.equal(2, calls)
  end)

  it("is not begun where its template or its file has a mistake", function()
    local next_message, err = merge(FOLDER .. "/none", {})
    assert.is_nil(next_message)
    assert.equal("SOURCE", err.code)
    next_message, err = merge(letter, FOLDER .. "/none.csv")
    assert.is_nil(next_message)
    assert.equal("SOURCE", err.code)
    next_message, err = merge(letter, {}, { to = "{{#a}}" })
    assert.is_nil(next_message)
    assert.equal("merge: to:1:1: {{#a}} is not closed", err.text)
    next_message, err = merge(letter, {}, { attachments = { FOLDER .. "/none.pdf" } })
    assert.is_nil(next_message)
    assert.equal("SOURCE", err.code)
  end)

  it("raises misuse in the caller's line", function()
    for why, call in pairs {
      ["rows must be a list"] = function() merge(letter, 1) end,
      ["unknown option 'too'"] = function() merge(letter, {}, { too = "a" }) end,
      ["the template must be a path"] = function() merge({}, {}) end,
      ["attachments%[1%] must be a path or a table"] = function() merge(letter, {}, { attachments = { 1 } }) end,
      ["csv: unknown option"] = function() merge(letter, "a.csv", { csv = { x = 1 } }) end,
    } do
      local ok, err = pcall(call)
      assert.is_false(ok)
      assert.is_truthy(err:find("merge_spec.lua:%d+: .*" .. why), err)
    end
  end)
end)

describe("the attachments of a merge", function()
  local rows = {}
  for i = 1, 3 do
    rows[i] = { name = "N" .. i, mail = ("n%d@example.com"):format(i) }
  end

  it("are read once, also those that can be read only once", function()
    local path = write_file("photo.jpg", core.random(1000):rep(100))
    local calls = 0
    local file = assert(io.open(path, "rb"))
    file:seek("set", 10)
    local list = merged(rows, { attachments = {
      path, { content = function()
        calls = calls + 1
        return calls <= 2 and ("part %d\n"):format(calls) or nil
      end, filename = "log.txt" }, { content = file, filename = "rest.bin" },
    } })
    file:seek("set", 0)
    local photo = file:read "*a"
    file:close()
    os.remove(path)
    for _, message in ipairs(list) do
      assert.equal(list[1].attachments, message.attachments)
      local parts = mime.parse(mime.read(assert(ettsumailer.message(message)):reader()))
      assert.equal(photo, parts[2].body)
      assert.is_truthy(parts[2].headers["content-disposition"]:find("photo.jpg", 1, true))
      assert.equal("part 1\npart 2\n", parts[3].body)
      assert.equal(photo:sub(11), parts[4].body)
    end
    assert.equal(3, calls)
  end)

  it("say when what they are read from fails", function()
    local next_message, err = merge(letter, rows, { attachments = { {
      content = function() return nil, "no luck" end, filename = "a",
    } } })
    assert.is_nil(next_message)
    assert.equal("attachments[1]: no luck", err.text)
    next_message, err = merge(letter, rows, { attachments = { {
      content = function() return ("x"):rep(1024 * 1024) end, filename = "a",
    } } })
    assert.is_nil(next_message)
    assert.is_truthy(err.text:find("too large", 1, true))
  end)

  it("stay paths where they are too large to be kept", function()
    local path = FOLDER .. "/large.bin"
    local file = assert(io.open(path, "wb"))
    file:seek("set", 33 * 1024 * 1024)
    file:write "\0"
    file:close()
    local list = merged(rows, { attachments = { path } })
    assert.same({ { path = path } }, list[1].attachments)
    os.remove(path)
  end)
end)

describe("a merge that is sent", function()
  it("has a result for each row", function()
    local server = assert(server_of.start {})
    local mailer = assert(ettsumailer.mailer { host = "127.0.0.1", port = server.port })
    local rows = {
      { name = "A", mail = "a@example.com" }, { name = {}, mail = "b@example.com" },
      { name = "C", mail = "not an address" }, { name = "D", mail = "d@example.com" },
    }
    local results = {}
    local summary = mailer:send_all(assert(merge(letter, rows)), { on_result = function(message, result, err)
      local row, number = merge.row_of(message)
      results[number] = { row, result ~= nil, err ~= nil }
    end })
    assert.same({ 4, 2, 2 }, { summary.total, summary.sent, summary.failed })
    assert.same({
      { rows[1], true, false }, { rows[2], false, true }, { rows[3], false, true }, { rows[4], true, false },
    }, results)
    assert.equal(2, #server:messages())
    mailer:close()
    server:stop()
  end)

  it("keeps nothing of the rows that are done", function()
    local kept = setmetatable({}, { __mode = "k" })
    local i = 0
    local next_message = assert(merge(letter, function()
      i = i + 1
      local row = i <= 1000 and { name = "N", mail = "n@example.com" } or nil
      if row then
        kept[row] = true
      end
      return row
    end))
    local message = next_message()
    while message do
      message = next_message()
    end
    collectgarbage()
    collectgarbage()
    local count = 0
    for _ in pairs(kept) do
      count = count + 1
    end
    assert.is_true(count <= 2)
  end)
end)
