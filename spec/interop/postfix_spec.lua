-- The whole path into a real Postfix, read back by Python's email.
local ettsumailer = require "ettsumailer"
local json = require "support.json"
local postfix_of = require "support.postfix"

local BINARY = {}
for i = 0, 255 do
  BINARY[#BINARY + 1] = string.char(i)
end
BINARY = table.concat(BINARY):rep(5)

local HOME = "build/interop"

local function run(command)
  local pipe = assert(io.popen(command, "r"))
  local text = pipe:read "*a"
  pipe:close()
  return text
end

local function write_file(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

local function hex_of_file(path)
  return run(("sha256sum '%s'"):format(path)):match "^%x+"
end

local function sha256(text)
  write_file(HOME .. "/bytes", text)
  return hex_of_file(HOME .. "/bytes")
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
      host = "127.0.0.1", port = postfix.port, security = "none", ehlo_name = "client.example.test", timeout = 60,
      from = "エッツ <ettsu@example.test>",
    }
    for name, value in pairs(more) do
      given[name] = value
    end
    return given
  end

  -- The message with that id, as Python reads it, once Postfix has put it into the mailbox.
  local function received(message_id)
    local ends = os.time() + 30
    while os.time() <= ends do
      local path = run(("grep -rlF -- '%s' '%s' 2>/dev/null | head -n 1"):format(message_id, postfix.maildir))
      path = path:match "^[^\n]+"
      if path and not path:find("/tmp/", 1, true) then
        return json.decode(run(("python3 spec/support/read_mail.py '%s'"):format(path)))
      end
      os.execute "sleep 0.2"
    end
    error("the message did not arrive: " .. message_id)
  end

  local function send(more)
    local result = assert(ettsumailer.send(options(more)))
    assert.same({}, result.rejected)
    assert.is_string(result.queue_id)
    return received(result.message_id), result
  end

  local function header(mail, name)
    for _, pair in ipairs(mail.headers) do
      if pair[1]:lower() == name:lower() then
        return pair[2]
      end
    end
  end

  here("delivers a plain text, every character as it was", function()
    local text = "ご注文ありがとうございます。\n.\n..\n.dot\nFrom here\ntrailing space \n\ttab\n" .. ("長"):rep(2000) .. "\n"
    local mail = send { to = "b@example.test", subject = "short", text = text }
    assert.same({}, mail.defects)
    assert.equal(1, #mail.parts)
    assert.equal("text/plain", mail.parts[1].type)
    assert.equal("utf-8", mail.parts[1].charset:lower())
    assert.equal(sha256((text:gsub("\n", "\r\n"))), mail.parts[1].sha256)
  end)

  here("delivers ASCII text without any encoding", function()
    local mail = send { to = "b@example.test", subject = "plain", text = "Hello\nWorld\n" }
    assert.equal("plain", header(mail, "Subject"))
    assert.equal(sha256 "Hello\r\nWorld\r\n", mail.parts[1].sha256)
  end)

  here("delivers names, subject, bodies and attachments in Japanese, byte for byte", function()
    local path = HOME .. "/請求書 11月.bin"
    write_file(path, BINARY)
    local subject = "【重要】ご注文内容の確認とお支払い方法についてのお知らせ（注文番号：２０２６−１１−０００１）" .. ("長い件名"):rep(20)
    local mail = send {
      from = "株式会社エッツ 山田 太郎 <ettsu@example.test>",
      to = { '"Doe, John" <b@example.test>', "佐藤 花子 <hanako@example.test>" }, cc = "c@example.test",
      bcc = "hidden@example.test", reply_to = "返信先 <reply@example.test>", subject = subject,
      text = "本文です。\n", html = "<p>本文です。</p>\n", headers = { ["X-Campaign"] = "冬のセール ❄" },
      attachments = {
        path, { content = "a,b\r\n1,2\r\n", filename = "売上.csv", type = "text/csv" },
        { content = "", filename = "empty.txt" }, { content = BINARY, filename = "a\"b\\c (1).dat" },
      },
    }
    assert.same({}, mail.defects)
    assert.equal(subject, header(mail, "Subject"))
    assert.equal("冬のセール ❄", header(mail, "X-Campaign"))
    assert.same({ { "株式会社エッツ 山田 太郎", "ettsu@example.test" } }, mail.addresses.from)
    assert.same({ { "Doe, John", "b@example.test" }, { "佐藤 花子", "hanako@example.test" } }, mail.addresses.to)
    assert.same({ { "", "c@example.test" } }, mail.addresses.cc)
    assert.same({ { "返信先", "reply@example.test" } }, mail.addresses["reply-to"])
    assert.is_nil(header(mail, "Bcc"))
    local parts = mail.parts
    assert.equal(6, #parts)
    assert.same({ "text/plain", "text/html", "application/octet-stream", "text/csv", "text/plain",
      "application/octet-stream" }, { parts[1].type, parts[2].type, parts[3].type, parts[4].type, parts[5].type,
      parts[6].type })
    assert.equal(sha256 "本文です。\r\n", parts[1].sha256)
    assert.equal(sha256 "<p>本文です。</p>\r\n", parts[2].sha256)
    assert.equal(hex_of_file(path), parts[3].sha256)
    assert.equal("請求書 11月.bin", parts[3].filename)
    assert.equal("売上.csv", parts[4].filename)
    assert.equal(sha256 "a,b\r\n1,2\r\n", parts[4].sha256)
    assert.equal("empty.txt", parts[5].filename)
    assert.equal(sha256 "", parts[5].sha256)
    assert.equal("c (1).dat", parts[6].filename)
    assert.equal(sha256(BINARY), parts[6].sha256)
    for _, name in ipairs { "Date", "Message-ID", "MIME-Version", "From", "To", "Subject" } do
      assert.is_string(header(mail, name), name)
    end
  end)

  here("delivers to a hundred recipients, names them all, and to those in bcc without a trace", function()
    local to = {}
    for i = 1, 100 do
      to[i] = ("user%d@example.test"):format(i)
    end
    local mail, result = send { to = to, bcc = "hidden@example.test", subject = "many", text = "x" }
    assert.equal(101, #result.accepted)
    assert.equal(100, #mail.addresses.to)
  end)

  here("delivers a mailbox with a quoted local part and one with an international domain", function()
    local _, result = send { to = { '"a b"@example.test' }, subject = "quoted", text = "x" }
    assert.same({ "a b@example.test" }, result.accepted)
  end)

  here("delivers to a Japanese local part by SMTPUTF8", function()
    local mail = send { to = "山田@example.test", subject = "国際化", text = "x" }
    assert.same({ { "", "山田@example.test" } }, mail.addresses.to)
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
    local reply, err = conn:rcpt "nobody@elsewhere.invalid"
    assert.is_nil(reply)
    assert.equal("RCPT", err.stage)
    assert(conn:rset())
    assert(conn:mail "")
    assert(conn:rcpt "b@example.test")
    assert.equal(250, assert(conn:data "Subject: by hand\n\n.\ntext").smtp_code)
    assert.equal(221, assert(conn:quit()).smtp_code)
  end)

  here("takes many messages over one connection", function()
    local given = options {}
    local mailer = assert(ettsumailer.mailer(given))
    local ids = {}
    for i = 1, 20 do
      ids[i] = assert(mailer:send { to = "b@example.test", subject = "no. " .. i, text = "x" }).message_id
    end
    mailer:close()
    assert.equal("no. 20", header(received(ids[20]), "Subject"))
    assert.equal("no. 1", header(received(ids[1]), "Subject"))
  end)
end)
