local core = require "ettsumailer.core"
local ettsumailer = require "ettsumailer"
local message_of = require "ettsumailer.message"

local file = require "ettsumailer.sender.file"
local memory = require "ettsumailer.sender.memory"
local null = require "ettsumailer.sender.null"
local sendmail = require "ettsumailer.sender.sendmail"

local FOLDER = require("support.scratch") .. "/senders"

local function read_file(path)
  local handle = assert(io.open(path, "rb"))
  local text = handle:read "*a"
  handle:close()
  return text
end

local function files_of(folder)
  local pipe, list = io.popen(("ls '%s'"):format(folder)), {}
  for name in pipe:lines() do
    list[#list + 1] = name
  end
  pipe:close()
  return list
end

local function composed(more)
  local given = { from = "a@example.com", to = { "b@example.com", "C <c@example.com>" }, bcc = "hidden@example.com",
    subject = "お知らせ", text = "one\n.\n..two\n" }
  for name, value in pairs(more or {}) do
    given[name] = value
  end
  local message = assert(ettsumailer.message(given))
  return message, message_of.envelope(message)
end

local function is_each_in_one_list(outcome, envelope)
  local seen = {}
  for _, name in ipairs { "accepted", "rejected", "unknown", "not_sent" } do
    for _, item in ipairs(outcome[name]) do
      local address = type(item) == "table" and item.address or item
      assert.is_nil(seen[address])
      seen[address] = name
    end
  end
  for _, recipient in ipairs(envelope.to) do
    assert.is_truthy(seen[recipient.local_part .. "@" .. recipient.domain])
  end
  return seen
end

-- A source that fails in the middle.
local function broken_attachment()
  return { { filename = "x", source = function()
    local n = 0
    return function()
      n = n + 1
      if n > 3 then
        return nil, "the disk is gone"
      end
      return ("x"):rep(100000)
    end
  end } }
end

-- A function whose content can be looked at once, for composing, but is never sent whole.
local function composed_broken()
  return composed { attachments = broken_attachment() }
end

describe("every sender", function()
  setup(function()
    os.execute("rm -rf " .. FOLDER .. " && mkdir -p " .. FOLDER)
  end)

  it("gives the result that a server's would be", function()
    local message, envelope = composed()
    for _, sender in ipairs {
      null.new(), memory.new(), assert(file.new { folder = FOLDER .. "/each" }),
      assert(sendmail.new { program = "cat" , arguments = { "/dev/null" } }) and memory.new(),
    } do
      local result = assert(sender:send(message, envelope, {}))
      assert.same({ "b@example.com", "c@example.com", "hidden@example.com" }, result.accepted)
      assert.equal(message:id(), result.message_id)
      assert.same({ rejected = {}, unknown = {}, not_sent = {} },
        { rejected = result.rejected, unknown = result.unknown, not_sent = result.not_sent })
      assert.equal(1, result.attempts)
      assert.is_string(result.response)
      assert.is_number(result.bytes.sent)
    end
  end)
end)

describe("the file sender", function()
  it("writes each message whole into a file of its own", function()
    local folder = FOLDER .. "/eml"
    local sender = assert(file.new { folder = folder })
    local message, envelope = composed()
    local result = assert(sender:send(message, envelope, {}))
    assert(sender:send(message, envelope, {}))
    local names = files_of(folder)
    assert.equal(2, #names)
    assert.matches("%.eml$", names[1])
    local text = read_file(result.response)
    assert.equal(message:size(), #text)
    assert.is_truthy(text:find("\r\n\r\none\r\n", 1, true))
    assert.is_nil(text:find("hidden@example", 1, true))
  end)

  it("writes a Maildir, with LF line ends, into new by way of tmp", function()
    local folder = FOLDER .. "/maildir"
    local sender = assert(file.new { folder = folder, maildir = true })
    local message, envelope = composed()
    local result = assert(sender:send(message, envelope, {}))
    assert.equal(1, #files_of(folder .. "/new"))
    assert.equal(0, #files_of(folder .. "/tmp"))
    assert.equal(0, #files_of(folder .. "/cur"))
    local text = read_file(result.response)
    assert.is_nil(text:find("\r", 1, true))
    assert.is_truthy(text:find("\n\none\n", 1, true))
  end)

  it("leaves nothing behind of a message that fails in the middle", function()
    for _, maildir in ipairs { true, false } do
      local folder = FOLDER .. "/broken" .. tostring(maildir)
      local sender = assert(file.new { folder = folder, maildir = maildir })
      local message, envelope = composed_broken()
      local result, err = sender:send(message, envelope, {})
      assert.is_nil(result)
      assert.equal("SOURCE", err.code)
      assert.equal("not_sent", is_each_in_one_list(err, envelope)["b@example.com"])
      assert.equal(0, #files_of(folder .. (maildir and "/new" or "")) )
      assert.equal(0, #files_of(folder .. (maildir and "/tmp" or "")) )
    end
  end)

  it("says why it cannot write", function()
    local sender, err = file.new { folder = "/proc/none" }
    assert.is_nil(sender)
    assert.equal("CONFIG", err.code)
    assert.matches("/proc/none", err.text)
    assert.equal("CONFIG", select(2, file.new {}).code)
    assert.equal("CONFIG", select(2, file.new { folder = "a\0b" }).code)
    local folder = FOLDER .. "/gone"
    sender = assert(file.new { folder = folder })
    os.execute("rmdir " .. folder)
    local message, envelope = composed()
    err = select(2, sender:send(message, envelope, {}))
    assert.equal("CONFIG", err.code)
    assert.equal(3, #err.not_sent)
  end)
end)

describe("the memory sender", function()
  it("keeps what was sent, read apart", function()
    local outbox = memory.new()
    local message, envelope = composed {
      html = "<p>あ</p>\n", attachments = { { content = "a,b\n", filename = "売上 11月.csv", type = "text/csv" } },
    }
    assert(outbox:send(message, envelope, { fields = "what was given" }))
    local last = outbox:last()
    assert.equal("a@example.com", last.from)
    assert.same({ "b@example.com", "c@example.com", "hidden@example.com" }, last.to)
    assert.equal("お知らせ", last.subject)
    assert.equal("one\n.\n..two\n", last.text)
    assert.equal("<p>あ</p>\n", last.html)
    assert.same({ { filename = "売上 11月.csv", type = "text/csv", content = "a,b\n" } }, last.attachments)
    assert.equal("a@example.com", last.headers.from)
    assert.equal(message:size(), #last.data)
    assert.equal("what was given", last.fields)
  end)

  it("finds messages, and says what there was where there is none", function()
    local outbox = memory.new()
    local message, envelope = composed()
    assert(outbox:send(message, envelope, {}))
    assert.equal("お知らせ", outbox:assert_sent({ to = "hidden@example.com", subject = "知ら", count = 1 }).subject)
    assert.error_matches(function() outbox:assert_sent { to = "x@example.com" } end,
      '0 of 1 messages are with { to = "x@example.com" }:\n  from a@example.com to b@example.com, c@example.com')
    assert.error_matches(function() outbox:assert_sent { count = 2 } end, "1 of 1 messages")
    assert.error_matches(function() outbox:assert_not_sent { from = "a@example.com" } end, "1 of 1 messages")
    outbox:assert_not_sent { text = "three" }
    assert.error_matches(function() outbox:find { too = "x" } end, "find: unknown option 'too' %(did you mean 'to'")
    outbox:clear()
    outbox:assert_not_sent()
  end)

  it("refuses recipients as a server would", function()
    local outbox = memory.new()
    outbox:refuse("b@example.com", "550 5.1.1 no such user")
    outbox:refuse("c@example.com", "450 4.2.0 not now")
    local message, envelope = composed()
    local result = assert(outbox:send(message, envelope, {}))
    assert.same({ "hidden@example.com" }, result.accepted)
    assert.same({ address = "b@example.com", smtp_code = 550, enhanced = "5.1.1", text = "no such user",
      temporary = false }, result.rejected[1])
    assert.is_true(result.rejected[2].temporary)
    local none, err = outbox:send(message, envelope, { all_or_nothing = true })
    assert.is_nil(none)
    assert.equal(550, err.smtp_code)
    is_each_in_one_list(err, envelope)
    outbox:refuse("b@example.com")
    assert.equal(2, #assert(outbox:send(message, envelope, {})).accepted)
    assert.equal(2, #outbox.messages)
    assert.error_matches(function() outbox:refuse("b@example.com", "250 ok") end, "a reply like")
  end)

  it("refuses one message as a whole", function()
    local outbox = memory.new()
    outbox:refuse_next "451 4.3.0 try again later"
    local message, envelope = composed()
    local result, err = outbox:send(message, envelope, {})
    assert.is_nil(result)
    assert.equal(451, err.smtp_code)
    assert.is_true(err.retryable)
    assert.equal(3, #err.rejected)
    assert(outbox:send(message, envelope, {}))
    assert.equal(1, #outbox.messages)
  end)

  it("is bounded", function()
    local outbox = memory.new { max_messages = 2 }
    local message, envelope = composed()
    assert(outbox:send(message, envelope, {}))
    assert(outbox:send(message, envelope, {}))
    local result, err = outbox:send(message, envelope, {})
    assert.is_nil(result)
    assert.equal("QUEUE_FULL", err.code)
  end)
end)

-- A program in place of sendmail.
local function program(text)
  local path = FOLDER .. "/sendmail-" .. tostring(math.random(1e9))
  local handle = assert(io.open(path, "wb"))
  handle:write("#!/bin/sh\n", text, "\n")
  handle:close()
  os.execute("chmod +x " .. path)
  return path
end

local function send_through(text, message, envelope, how)
  local sender = assert(sendmail.new { program = program(text), arguments = { "-oi" } })
  if not message then
    message, envelope = composed()
  end
  local result, err = sender:send(message, envelope, how or {})
  is_each_in_one_list(result or err, envelope)
  return result, err
end

describe("the sendmail sender", function()
  setup(function()
    os.execute("mkdir -p " .. FOLDER)
  end)

  it("hands over arguments without a shell, and the message with LF line ends", function()
    local message, envelope = composed {
      from = "o'neil$(id)@example.com", to = { "b`id`@example.com", '"; ls"@example.com' }, bcc = "-x@example.com",
    }
    local result, err = send_through("exit 0", message, envelope)
    assert.is_nil(result)
    assert.equal("ADDRESS", err.code)
    message, envelope = composed { from = "o'neil$id@example.com", to = "b`id`@example.com" }
    assert(send_through(('printf "%%s\\n" "$@" >%s/args; cat >%s/content'):format(FOLDER, FOLDER), message, envelope))
    assert.equal("-oi\n-i\n-f\no'neil$id@example.com\n--\nb`id`@example.com\nhidden@example.com\n",
      read_file(FOLDER .. "/args"))
    local content = read_file(FOLDER .. "/content")
    assert.is_nil(content:find("\r", 1, true))
    assert.is_truthy(content:find("\n\none\n", 1, true))
  end)

  it("names the null sender <>", function()
    local message, envelope = composed { envelope = { from = "", to = "b@example.com" } }
    assert(send_through(('printf "%%s\\n" "$@" >%s/args; cat >/dev/null'):format(FOLDER), message, envelope))
    assert.equal("-oi\n-i\n-f\n<>\n--\nb@example.com\n", read_file(FOLDER .. "/args"))
  end)

  it("takes what it says for the response or the reason", function()
    assert.equal("queued as X1", assert(send_through "cat >/dev/null; echo 'queued as X1'").response)
    local _, err = send_through "cat >/dev/null; echo 'sendmail: fatal: no space' >&2; exit 75"
    assert.equal("sendmail: fatal: no space", err.text)
  end)

  it("knows refusals for now and for good by the exit status", function()
    local cases = {
      { 75, "REJECTED", true }, { 67, "REJECTED", false }, { 69, "REJECTED", false }, { 65, "REJECTED", false },
      { 71, "REJECTED", true }, { 74, "REJECTED", true }, { 77, "CONFIG", false }, { 78, "CONFIG", false },
      { 64, "CONFIG", false }, { 1, "REJECTED", false },
    }
    for _, case in ipairs(cases) do
      local result, err = send_through(("cat >/dev/null; exit %d"):format(case[1]))
      assert.is_nil(result)
      assert.equal(case[2], err.code)
      assert.equal(case[3], err.temporary)
      assert.equal(case[3], err.retryable)
      assert.equal("rejected", err.delivery)
      assert.equal(3, #err.rejected)
    end
  end)

  it("never shows it an end of a message that failed in the middle", function()
    local message, envelope = composed_broken()
    local mark = FOLDER .. "/saw-the-end"
    local result, err = send_through(("cat >/dev/null; touch %s"):format(mark), message, envelope)
    assert.is_nil(result)
    assert.equal("SOURCE", err.code)
    assert.equal("not_sent", err.delivery)
    assert.is_nil(io.open(mark))
  end)

  it("does not know what became of a message when a signal ended it", function()
    local result, err = send_through "cat >/dev/null; kill -9 $$"
    assert.is_nil(result)
    assert.equal("unknown", err.delivery)
    assert.is_false(err.retryable)
  end)

  it("stands a program that does not read, or says a great deal", function()
    local message, envelope = composed { attachments = { { content = ("x"):rep(1000000), filename = "x" } } }
    local result, err = send_through("echo 'too large' >&2; exit 69", message, envelope)
    assert.is_nil(result)
    assert.equal("too large", err.text)
    result, err = send_through("exit 0", message, envelope)
    assert.is_nil(result)
    assert.equal("unknown", err.delivery)
    result = assert(send_through("head -c 500000 /dev/zero | tr '\\0' x; cat >/dev/null", message, envelope))
    assert.is_true(#result.response <= 2000)
  end)

  it("waits no longer than it is told", function()
    local message, envelope = composed { attachments = { { content = ("x"):rep(1000000), filename = "x" } } }
    local result, err = send_through("exec sleep 1000", message, envelope, { deadline = core.clock() + 100 })
    assert.is_nil(result)
    assert.equal("TIMEOUT", err.code)
    assert.equal("not_sent", err.delivery)
    result, err = send_through("cat >/dev/null; exec sleep 1000", nil, nil, { deadline = core.clock() + 300 })
    assert.is_nil(result)
    assert.equal("TIMEOUT", err.code)
    assert.equal("unknown", err.delivery)
  end)

  it("takes a thousand recipients", function()
    local to = {}
    for i = 1, 1000 do
      to[i] = ("r%d@example.com"):format(i)
    end
    local message, envelope = composed { envelope = { to = to } }
    assert(send_through(('echo $# >%s/count; cat >/dev/null'):format(FOLDER), message, envelope))
    assert.equal("1005\n", read_file(FOLDER .. "/count"))
    to[1001] = "more@example.com"
    message, envelope = composed { envelope = { to = to } }
    assert.equal("ADDRESS", select(2, send_through("exit 0", message, envelope)).code)
  end)

  it("says so where there is no such program", function()
    local sender = assert(sendmail.new { program = FOLDER .. "/none" })
    local about, err = sender:verify()
    assert.is_nil(about)
    assert.equal("CONFIG", err.code)
    local message, envelope = composed()
    err = select(2, sender:send(message, envelope, {}))
    assert.equal("CONFIG", err.code)
    assert.equal(3, #err.not_sent)
    assert.equal("CONFIG", select(2, sendmail.new { program = "" }).code)
    assert.equal("CONFIG", select(2, sendmail.new { arguments = { 1 } }).code)
  end)
end)
