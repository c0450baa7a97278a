-- The whole path into a real Postfix, read back by Python's email.
local ettsumailer = require "ettsumailer"
local postfix_of = require "support.postfix"

local HOME = "build/interop"

local BINARY = {}
for i = 0, 255 do
  BINARY[#BINARY + 1] = string.char(i)
end
BINARY = table.concat(BINARY):rep(50)

local function write_file(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

local function sha256(text)
  return require("ettsumailer.core").sha256(text)
end

-- What a text has become: the maildir has LF line ends, or the decoded content CRLF.
local function text_of(part)
  return (part.text:gsub("\r\n", "\n"))
end

local function header(mail, name)
  for _, field in ipairs(mail.headers) do
    if field.name:lower() == name:lower() then
      assert.same({}, field.defects, name)
      return field.value
    end
  end
end

local function mailboxes(list)
  local found = {}
  for i, address in ipairs(list) do
    found[i] = address.name .. " <" .. address.local_part .. "@" .. address.domain .. ">"
  end
  return found
end

-- The parts that are no multiparts.
local function leaves(mail)
  local found = {}
  for _, part in ipairs(mail.parts) do
    assert.same({}, part.defects)
    if not part.type:find "^multipart/" then
      found[#found + 1] = part
    end
  end
  return found
end

local function types(mail)
  local found = {}
  for i, part in ipairs(mail.parts) do
    found[i] = ("  "):rep(part.depth) .. part.type
  end
  return found
end

describe("a real Postfix", function()
  local postfix, reason

  lazy_setup(function()
    os.execute("mkdir -p " .. HOME)
    postfix, reason = postfix_of.start()
  end)

  lazy_teardown(function()
    if postfix then
      postfix_of.stop()
    end
  end)

  local function here(name, test)
    it(name, function()
      if not postfix then
        print("skipped, there is no Postfix: " .. tostring(reason))
        return
      end
      test()
    end)
  end

  local function options(more)
    local given = {
      host = "127.0.0.1", port = postfix.port, security = "none", timeout = 60,
      ehlo_name = "client.example.test", from = "エッツ <ettsu@example.test>",
    }
    for name, value in pairs(more or {}) do
      given[name] = value
    end
    return given
  end

  -- The delivered copies of a message, as Python reads them, once there are so many.
  local function received(message_id, count)
    for _ = 1, 300 do
      local found = {}
      for _, path in ipairs(postfix_of.wait(postfix, 0)) do
        if postfix_of.raw(path):find(message_id, 1, true) then
          found[#found + 1] = path
        end
      end
      if #found >= count then
        return postfix_of.read(found)
      end
      os.execute "sleep 0.1"
    end
    error("the message did not arrive: " .. message_id)
  end

  local function send(more)
    local result = assert(ettsumailer.send(options(more)))
    assert.same({}, result.rejected)
    assert.is_string(result.queue_id)
    local mail = received(result.message_id, 1)[1]
    assert.same({}, mail.defects)
    assert.is_true(mail.longest_line <= 998)
    return mail, result
  end

  here("delivers a plain text, every character as it was", function()
    local text = "ご注文ありがとうございます。\n.\n..\n.dot\nFrom here\ntrailing space \n\ttab\n"
      .. ("長"):rep(2000) .. "\n"
    local mail = send { to = "b@example.test", subject = "short", text = text }
    assert.same({ "text/plain" }, types(mail))
    assert.equal("utf-8", mail.parts[1].charset)
    assert.equal(text, text_of(mail.parts[1]))
    assert.is_true(mail.seven_bit)
  end)

  here("delivers ASCII text without any encoding", function()
    local mail = send { to = "b@example.test", subject = "plain", text = "Hello\nWorld\n" }
    assert.equal("plain", header(mail, "Subject"))
    assert.equal("7bit", mail.parts[1].encoding)
    assert.equal("Hello\nWorld\n", text_of(mail.parts[1]))
  end)

  here("delivers HTML by itself", function()
    local mail = send { to = "b@example.test", html = "<p>こんにちは</p>\n" }
    assert.same({ "text/html" }, types(mail))
    assert.equal("<p>こんにちは</p>\n", text_of(mail.parts[1]))
  end)

  here("delivers names, subject, bodies and attachments in Japanese, byte for byte", function()
    local path = HOME .. "/請求書 11月.bin"
    write_file(path, BINARY)
    local subject = "【重要】ご注文内容の確認とお支払い方法のお知らせ（注文番号：２０２６−１１）" .. ("長い件名"):rep(20)
    local mail = send {
      from = "株式会社エッツ 山田 太郎 <ettsu@example.test>",
      to = { '"Doe, John" <b@example.test>', "佐藤 花子 <hanako@example.test>" },
      cc = "c@example.test", bcc = "hidden@example.test", reply_to = "返信先 <reply@example.test>",
      subject = subject, text = "本文です。\n", html = "<p>本文です。</p>\n",
      headers = { ["X-Campaign"] = "冬のセール ❄" },
      attachments = {
        path, { content = "a,b\r\n1,2\r\n", filename = "売上.csv", type = "text/csv" },
        { content = "", filename = "empty.txt" }, { content = BINARY, filename = 'a"b (1).dat' },
      },
    }
    assert.equal(subject, header(mail, "Subject"))
    assert.equal("冬のセール ❄", header(mail, "X-Campaign"))
    assert.same({ "株式会社エッツ 山田 太郎 <ettsu@example.test>" }, mailboxes(mail.addresses.from))
    assert.same({ "Doe, John <b@example.test>", "佐藤 花子 <hanako@example.test>" },
      mailboxes(mail.addresses.to))
    assert.same({ " <c@example.test>" }, mailboxes(mail.addresses.cc))
    assert.same({ "返信先 <reply@example.test>" }, mailboxes(mail.addresses["reply-to"]))
    assert.is_nil(header(mail, "Bcc"))
    assert.same({
      "multipart/mixed", "  multipart/alternative", "    text/plain", "    text/html",
      "  application/octet-stream", "  text/csv", "  text/plain", "  application/octet-stream",
    }, types(mail))
    local parts = leaves(mail)
    assert.equal("本文です。\n", text_of(parts[1]))
    assert.equal("<p>本文です。</p>\n", text_of(parts[2]))
    assert.equal("請求書 11月.bin", parts[3].filename)
    assert.equal(sha256(BINARY), parts[3].sha256)
    assert.equal("売上.csv", parts[4].filename)
    assert.equal(sha256 "a,b\r\n1,2\r\n", parts[4].sha256)
    assert.equal("empty.txt", parts[5].filename)
    assert.equal(0, parts[5].size)
    assert.equal('a"b (1).dat', parts[6].filename)
    assert.equal(sha256(BINARY), parts[6].sha256)
    for i = 3, 6 do
      assert.equal("attachment", parts[i].disposition)
    end
    for _, name in ipairs { "Date", "Message-ID", "MIME-Version" } do
      assert.is_string(header(mail, name), name)
    end
  end)

  here("delivers to a hundred recipients, and to those in bcc without a trace", function()
    local to = {}
    for i = 1, 100 do
      to[i] = ("user%d@example.test"):format(i)
    end
    local mail, result = send { to = to, bcc = "hidden@example.test", subject = "many", text = "x" }
    assert.equal(101, #result.accepted)
    assert.equal(100, #mail.addresses.to)
    assert.is_nil(header(mail, "Bcc"))
  end)

  here("tells who was refused, for good or for now, and delivers to the others", function()
    local result = assert(ettsumailer.send(options {
      to = { "refused@example.test", "later@example.test", "b@example.test" }, text = "x",
    }))
    assert.same({ "b@example.test" }, result.accepted)
    assert.equal(2, #result.rejected)
    assert.equal("refused@example.test", result.rejected[1].address)
    assert.equal(550, result.rejected[1].smtp_code)
    assert.is_false(result.rejected[1].temporary)
    assert.equal(450, result.rejected[2].smtp_code)
    assert.is_true(result.rejected[2].temporary)
    received(result.message_id, 1)
  end)

  here("delivers to a quoted local part", function()
    local mail, result = send { to = '"a b"@example.test', subject = "quoted", text = "x" }
    assert.same({ "a b@example.test" }, result.accepted)
    assert.equal("a b", mail.addresses.to[1].local_part)
  end)

  here("delivers to a Japanese local part by SMTPUTF8", function()
    local mail = send { to = "山田@example.test", subject = "国際化", text = "x" }
    assert.same({ " <山田@example.test>" }, mailboxes(mail.addresses.to))
  end)

  here("answers every command on a connection", function()
    local conn = assert(ettsumailer.connect {
      host = "127.0.0.1", port = postfix.port, security = "none", timeout = 30,
    })
    assert(conn:helo "client.example.test")
    assert(conn:ehlo "client.example.test")
    assert.is_string(conn:capabilities().PIPELINING)
    assert(conn:noop())
    assert.equal(252, assert(conn:vrfy "b@example.test").smtp_code)
    assert(conn:mail("ettsu@example.test", { SIZE = 100 }))
    assert(conn:rcpt "b@example.test")
    local reply, err = conn:rcpt "refused@example.test"
    assert.is_nil(reply)
    assert.equal("RCPT", err.stage)
    assert.equal(550, err.smtp_code)
    assert(conn:rset())
    assert(conn:mail "")
    assert(conn:rcpt "b@example.test")
    assert(conn:rcpt "c@example.test")
    assert.equal(250, assert(conn:data "Subject: by hand\n\n.\ntext").smtp_code)
    assert.equal(221, assert(conn:quit()).smtp_code)
  end)

  here("takes many messages over one connection", function()
    local mailer = assert(ettsumailer.mailer(options()))
    local ids = {}
    for i = 1, 20 do
      ids[i] = assert(mailer:send { to = "b@example.test", subject = "no. " .. i, text = "x" }).message_id
    end
    mailer:close()
    for i, id in ipairs(ids) do
      assert.equal("no. " .. i, header(received(id, 1)[1], "Subject"))
    end
  end)
end)
