-- docs/replies.md is its own test: every row of its tables is played by a scripted server, with
-- PIPELINING and without, and what a program is told then is compared with what the row says.

local ettsumailer = require "ettsumailer"
local fake = require "support.fake"

local DOCUMENT = "docs/replies.md"
local SILENCE = 0.25 -- seconds, where the server says nothing
local TIMEOUT_OF = { greeting = "greeting", DATA = "data", final = "final" }

-- The rows of each table: { heading, line, cells by the names of their columns }.
local function cells_of(line)
  local cells = {}
  for cell in line:gmatch "|([^|]*)%f[|]" do
    cells[#cells + 1] = cell:match "^%s*(.-)%s*$"
  end
  return cells
end

local function read_tables(path)
  local tables, heading, names, number = {}, nil, nil, 0
  for line in io.lines(path) do
    number = number + 1
    heading = line:match "^## (.*)$" or heading
    if not line:find "^|" then
      names = nil
    elseif not names then
      names = cells_of(line)
      tables[heading] = tables[heading] or {}
    elseif not line:find "^|%-" then
      local row = { line = number, heading = heading }
      for i, cell in ipairs(cells_of(line)) do
        row[names[i]] = cell
      end
      table.insert(tables[heading], row)
    end
  end
  return tables
end

-- What the server does: { text = the one line } or { raw = all lines }, cut, silent.
local function action_of(row)
  local lines = {}
  for line in row.Reply:gmatch "`([^`]*)`" do
    lines[#lines + 1] = line
  end
  return {
    stage = row.Stage, text = lines[1], is_raw = #lines > 1 or row.Stage == "body",
    raw = table.concat(lines, "\r\n") .. "\r\n", cut = row.Reply:find "closes" ~= nil,
    silent = row.Reply:find "silent" ~= nil, of_second = row.Who == "the second",
  }
end

local function quoted(value)
  return type(value) == "string" and ("%q"):format(value):gsub("\r", "\\r"):gsub("\\\n", "\\n")
    or tostring(value)
end

local function source_of(actions)
  local words = {}
  for _, action in ipairs(actions) do
    local fields = {}
    for name, value in pairs(action) do
      fields[#fields + 1] = name .. "=" .. quoted(value)
    end
    words[#words + 1] = "{" .. table.concat(fields, ",") .. "}"
  end
  return "{" .. table.concat(words, ",\n") .. "}"
end

-- The script of the server: the n-th connection is answered as the n-th action says. What follows a
-- refusal is answered as servers do: 503 and 554 for what comes out of order.
local SCRIPT = [[(function()
local actions, n, asked = %s, 0, 0
local function perform(action, client)
  if action.silent then
    return false
  elseif action.is_raw then
    local before = action.stage == "body" and "354 go ahead\r\n" or ""
    table.insert(client.out, { bytes = before .. action.raw, due = 0, cut = action.cut })
    return false
  end
  return { text = action.text or "500", octets = not action.text and 0 or nil, cut = action.cut }
end

local function offers_for(action)
  return "250 testing.example\n8BITMIME\nSIZE 1000000\nAUTH PLAIN"
    .. (action.stage == "STARTTLS" and "\nSTARTTLS" or "")
    .. (action.pipelining and "\nPIPELINING" or "")
end

-- What comes out of order since everything before it was refused.
local function disorder(action, stage)
  if action.of_second or not action.text or action.text:find "^2" then
    return nil
  elseif action.stage == "MAIL" and (stage == "RCPT" or stage == "DATA") then
    return "503 5.5.1 out of order"
  end
  return action.stage == "RCPT" and stage == "DATA" and "554 5.5.1 nobody is to get it" or nil
end

local function answer(action, stage, client)
  if action.stage == stage and not (action.of_second and asked < 2) then
    return perform(action, client)
  elseif stage == "EHLO" then
    return action.stage == "HELO" and "502 5.5.1 what?" or offers_for(action)
  elseif stage == "AUTH" then
    return "235 2.7.0 welcome"
  end
  return disorder(action, stage)
end

local replies = {}
for key, stage in pairs { EHLO = "EHLO", HELO = "HELO", STARTTLS = "STARTTLS", AUTH = "AUTH",
    MAIL = "MAIL", RCPT = "RCPT", DATA = "DATA", content = "final" } do
  replies[key] = function(_, client)
    local action = actions[n] or {}
    asked = stage == "RCPT" and asked + 1 or asked
    return answer(action, action.stage == "body" and stage == "DATA" and "body" or stage, client)
  end
end
function replies.greeting(_, client)
  n, asked = n + 1, 0
  local action = actions[n] or {}
  if action.stage == "greeting" then
    return perform(action, client)
  end
end
return { replies = replies }
end)()]]

local server

local function send(action)
  local wants_login = action.stage == "AUTH"
  local timeouts = { quit = 0.05 }
  timeouts[TIMEOUT_OF[action.stage] or "command"] = action.silent and SILENCE or 10
  return ettsumailer.send {
    host = "127.0.0.1", port = server.port, ehlo_name = "client.example", timeout = 20,
    security = action.stage == "STARTTLS" and "opportunistic" or "none",
    user = wants_login and "user" or nil, password = wants_login and "secret" or nil,
    allow_plaintext_auth = wants_login or nil,
    timeouts = timeouts,
    from = "a@example.com", to = { "b@example.com", "c@example.com" }, subject = "s", text = "hi\n",
  }
end

local function yes_or_no(value)
  return value and "yes" or "no"
end

-- A result, or an error, as a row tells it.
local function told(result, err)
  if result then
    return { Code = "(sent)", Temporary = "", Retryable = "", Delivery = "", Hint = "" }
  end
  return {
    Code = "`" .. err.code .. "`", Temporary = yes_or_no(err.temporary),
    Retryable = yes_or_no(err.retryable), Delivery = "`" .. err.delivery .. "`",
    Hint = err.hint or "",
  }
end

-- Of a recipient that was refused while the other was taken.
local function told_of_second(result, err)
  assert(result, tostring(err))
  local refused = result.rejected[1]
  assert.same({ "b@example.com", not refused and "c@example.com" or nil }, result.accepted)
  return { Temporary = refused and yes_or_no(refused.temporary) or "" }
end

-- Every recipient is in exactly one list, and in the right one.
local function assert_lists(result, err)
  local outcome = result or err
  local count = 0
  for _, name in ipairs { "accepted", "rejected", "unknown", "not_sent" } do
    count = count + #(outcome[name] or {})
  end
  assert.equal(2, count)
  assert.equal(2, #outcome[result and "accepted" or err.delivery])
end

local function compare(row, got)
  for name, value in pairs(got) do
    assert.equal(row[name], value, ("line %d, %s %s: %s"):format(
      row.line, row.Stage or "", row.Reply, name))
  end
end

-- Plays rows over one server.
local function play(rows, pipelining)
  local actions = {}
  for i, row in ipairs(rows) do
    actions[i] = action_of(row)
    actions[i].pipelining = pipelining
    actions[i].stage = actions[i].stage or "RCPT"
  end
  server = fake.start(SCRIPT:format(source_of(actions)))
  for i, row in ipairs(rows) do
    local result, err = send(actions[i])
    if actions[i].of_second then
      compare(row, told_of_second(result, err))
    else
      compare(row, told(result, err))
      assert_lists(result, err)
    end
  end
end

local HOW = { [true] = "with PIPELINING", [false] = "without PIPELINING" }

describe("a reply", function()
  local tables = read_tables(DOCUMENT)

  after_each(function()
    server:stop()
  end)

  for _, heading in ipairs { "Replies", "One recipient of two", "No reply, or no valid one" } do
    for pipelining, how in pairs(HOW) do
      it(("means what the document says: %s, %s"):format(heading:lower(), how), function()
        play(tables[heading], pipelining)
      end)
    end
  end
end)

describe("the document of replies", function()
  it("has sixty rows at least, none of them twice", function()
    local count, seen = 0, {}
    for heading, rows in pairs(read_tables(DOCUMENT)) do
      for _, row in ipairs(rows) do
        local name = heading .. (row.Stage or "") .. row.Reply
        assert.is_nil(seen[name], name)
        seen[name], count = true, count + 1
      end
    end
    assert.is_true(count >= 60)
  end)
end)
