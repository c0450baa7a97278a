-- The contact form of examples/, in a real nginx with its own configuration.

local core = require "ettsumailer.core"
local fake = require "support.fake"
local nginx_of = require "support.nginx"

local SECRET = ("s"):rep(32)

-- The example's files are as they are; beside its form stand tokens that were made long ago.
local SERVER = [[
lingering_timeout 200ms;
location = /token { content_by_lua_block {
  ngx.print(require("contact_form.token").make(ngx.var.arg_session, ngx.time() - ngx.var.arg_age))
} }
location = /ping { return 200 pong; }
]]

local nginx, why, server

local function environment_of(more)
  local list = {
    ("ETTSUMAILER_URL=smtp://%s127.0.0.1:%d"):format(more.login or "", more.port or server.port),
    "CONTACT_FROM=お問い合わせ窓口 <form@example.jp>", "CONTACT_TO=shop@example.jp",
    "CONTACT_SECRET=" .. SECRET, "CONTACT_RETRY_SECONDS=" .. (more.retry or 0),
    more.ca_file and "SSL_CERT_FILE=" .. more.ca_file or "CONTACT_SECURITY=none",
  }
  list[#list + 1] = more.folder and "CONTACT_FOLDER=" .. more.folder
  return list
end

-- folder: where the example is, in place of a copy that nginx itself is started in.
local function start(more)
  more = more or {}
  local place = more.folder and more.folder .. "/" or ""
  server = not more.port and fake.start(more.script) or nil
  nginx, why = nginx_of.start {
    tree = not more.folder and "examples/contact-form" or nil,
    main = ("include %senv.conf;"):format(place), http = ("include %shttp.conf;"):format(place),
    server = ("include %sserver.conf;\n"):format(place) .. SERVER .. (more.server or ""),
    extra_path = (more.folder or "$prefix") .. "/lua/?.lua", files = more.files,
    environment = environment_of(more),
  }
  return nginx
end

-- A port that nobody listens on.
local function unused_port()
  local listener = assert(core.listen("127.0.0.1", 0))
  local _, port = listener:local_address()
  listener:close()
  return port
end

local function encoded(text)
  return (text:gsub("[^%w]", function(c) return ("%%%02X"):format(c:byte()) end))
end

local function form_of(fields)
  local pairs_of = {}
  for _, name in ipairs { "token", "name", "address", "subject", "message", "website", "more" } do
    if fields[name] then
      pairs_of[#pairs_of + 1] = name .. "=" .. encoded(fields[name])
    end
  end
  return table.concat(pairs_of, "&")
end

-- What nginx answers to a post of this body: status, head, body.
local function post_raw(body, session, headers)
  local request = ("POST /contact HTTP/1.0\r\nHost: localhost\r\n%s%s\r\n%s"):format(
    session and "Cookie: contact_session=" .. session .. "\r\n" or "",
    headers or ("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n"):format(#body), body)
  local answer, status, whole = nginx:begin("/contact", request):answer()
  return status, whole:match "^.-\r\n\r\n", answer
end

-- A form as a browser gets it: the session and the token; and the head of the answer.
local function open_form()
  local body, status, whole = nginx:begin("/contact"):answer()
  assert.equal(200, status)
  local head = whole:match "^.-\r\n\r\n"
  return head:match "Set%-Cookie: contact_session=([%w_-]+);", body:match 'name="token" value="([^"]+)"', head, body
end

local GOOD = {
  name = "山田 太郎", address = "taro@example.com", subject = "送料について", message = "こんにちは。\r\n送料はいくらですか。",
}

-- A good post but for what is given; false leaves a field out.
local function post(fields, session)
  local form, token = {}, nil
  if not session then
    session, token = open_form()
  end
  for name, value in pairs(GOOD) do
    form[name] = value
  end
  form.token = token
  for name, value in pairs(fields or {}) do
    form[name] = value or nil
  end
  return post_raw(form_of(form), session)
end

-- What has come to the mail server when nginx has ended in peace.
local function messages()
  nginx:stop "QUIT"
  nginx = nil
  return server:stop()
end

-- A message as Python's email reads it: lines "name: value", then its text.
local function read_mail(data)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(data)
  file:close()
  local pipe = assert(io.popen("python3 spec/support/read_contact.py " .. path))
  local text = pipe:read "*a"
  pipe:close()
  os.remove(path)
  return text
end

-- The error log, once it tells of a mail that was not delivered.
local function log_of_undelivered()
  local log, deadline = nginx:error_log(), core.clock() + 100000
  while not log:find("is undelivered", 1, true) and core.clock() < deadline do
    core.poll({}, core.clock() + 20)
    log = nginx:error_log()
  end
  return log
end

-- A case, or the reason why it cannot be had here.
local function here(name, f, more)
  it(name, function()
    if not start(more) then
      pending(why)
      return
    end
    f()
  end)
end

describe("the contact form", function()
  after_each(function()
    if nginx then
      nginx:stop()
    end
    if server then
      server:stop()
    end
    nginx, server = nil, nil
  end)

  here("sends one mail: from the site, to the shop, with the visitor in Reply-To", function()
    local status, head = post()
    assert.equal(303, status)
    assert.is_truthy(head:find("Location: /contact?sent=1\r\n", 1, true), head)
    local list = messages()
    assert.equal(1, #list)
    assert.matches("^<form@example%.jp>", list[1].from)
    assert.same({ "<shop@example.jp>" }, list[1].to)
    local text = read_mail(list[1].data)
    assert.is_truthy(text:find("From: お問い合わせ窓口 <form@example.jp>\n", 1, true), text)
    assert.is_truthy(text:find("To: shop@example.jp\n", 1, true), text)
    assert.is_truthy(text:find("Reply-To: 山田 太郎 <taro@example.com>\n", 1, true), text)
    assert.is_truthy(text:find("Subject: 【お問い合わせ】送料について\n", 1, true), text)
    assert.is_truthy(text:find("送信元: 127.0.0.1\n", 1, true), text)
    assert.is_truthy(text:find("\nこんにちは。\n送料はいくらですか。\n", 1, true), text)
  end)

  here("thanks on a page of its own, and a form that is sent again is no second mail", function()
    local session, token = open_form()
    for _ = 1, 3 do
      assert.equal(303, (post({ token = token }, session)))
    end
    assert.matches("お問い合わせを受け付けました", (nginx:get "/contact?sent=1"))
    assert.equal(1, #messages())
  end)

  here("has security headers on its page, and on pages that nginx makes", function()
    local _, _, head = open_form()
    local _, refused = post_raw("x", nil, "Content-Type: text/plain\r\nContent-Length: 16777216\r\n")
    for _, of in ipairs { head, refused } do
      assert.matches("Content%-Security%-Policy: default%-src 'none'; style%-src 'self'; form%-action 'self';", of)
      assert.is_truthy(of:find("frame-ancestors 'none'", 1, true))
      assert.is_truthy(of:find("X-Content-Type-Options: nosniff\r\n", 1, true))
      assert.is_truthy(of:find("X-Frame-Options: DENY\r\n", 1, true))
      assert.is_truthy(of:find("Referrer-Policy: same-origin\r\n", 1, true))
      assert.is_nil(of:find "Server: nginx/")
    end
    assert.is_truthy(head:find("Cache-Control: no-store\r\n", 1, true))
    assert.matches("Set%-Cookie: contact_session=[%w_-]+; Path=/; HttpOnly; SameSite=Lax\r\n", head)
    local css, status, whole = nginx:begin("/contact/style.css"):answer()
    assert.equal(200, status)
    assert.matches("Content%-Type: text/css", whole)
    assert.matches("font%-family", css)
  end)

  here("gives its cookie to this host alone, and over TLS alone, where the visitor came by TLS", function()
    local request = "GET /contact HTTP/1.0\r\nHost: localhost\r\nX-Forwarded-Proto: https\r\n\r\n"
    local _, _, whole = nginx:begin("/contact", request):answer()
    assert.matches("Set%-Cookie: __Host%-contact_session=[%w_-]+; Path=/; HttpOnly; SameSite=Lax; Secure\r\n", whole)
  end)

  here("refuses a post without a token of this browser's session", function()
    local session, token = open_form()
    local other = open_form()
    local made_at, proof = token:match "^(%d+)%.(.*)$"
    local last = proof:sub(-1) == "A" and "B" or "A"
    for name, case in pairs {
      missing = { false, session }, empty = { "", session }, nonsense = { "x.y", session },
      ["another's session"] = { token, other }, ["no session"] = { token, nil },
      ["another time"] = { (made_at + 1) .. "." .. proof, session },
      ["another proof"] = { made_at .. "." .. proof:sub(1, -2) .. last, session },
      ["a shorter proof"] = { made_at .. "." .. proof:sub(1, -2), session },
    } do
      local fields = { name = "山田", address = "a@example.com", subject = "x", message = "y" }
      fields.token = case[1] or nil
      local status, _, body = post_raw(form_of(fields), case[2])
      assert.equal(name .. " 403", name .. " " .. status)
      assert.is_nil(body:find("山田", 1, true)) -- what another site had posted is not shown as ours
    end
    assert.equal(0, #messages())
  end)

  here("refuses a token that is too old, or of the future, and keeps what was written", function()
    local session = open_form()
    for _, age in ipairs { 3601, 86400, -60 } do
      local token = nginx:get(("/token?session=%s&age=%d"):format(session, age))
      local status, _, body = post({ token = token }, session)
      assert.equal(403, status)
      assert.is_truthy(body:find("有効期限が切れました", 1, true))
      assert.is_truthy(body:find('value="山田 太郎"', 1, true))
      assert.matches('name="token" value="%d+%.', body)
    end
    local young = nginx:get(("/token?session=%s&age=3000"):format(session))
    assert.equal(303, (post({ token = young }, session)))
    assert.equal(1, #messages())
  end)

  here("refuses more posts of one client than the limit, and others go on", function()
    for _ = 1, 10 do
      assert.equal(303, (post()))
    end
    local status, head, body = post()
    assert.equal(429, status)
    assert.matches("Retry%-After: 600\r\n", head)
    assert.is_truthy(body:find("送信回数が多すぎます", 1, true))
    open_form()
    assert.equal(10, #messages())
  end)

  -- A post through a proxy, for a client of this address.
  local function post_of(client)
    local session, token = open_form()
    local body = form_of { token = token, name = "a", address = "a@example.com", subject = "s", message = "m" }
    return (post_raw(body, session, ("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n" ..
      "X-Forwarded-For: %s\r\n"):format(#body, client)))
  end

  here("counts each client by itself, and all of an IPv6 network as one", function()
    for i = 1, 10 do
      assert.equal(303, post_of("2001:db8:1:2::" .. i))
    end
    assert.equal(429, post_of "2001:db8:1:2:ffff::1")
    assert.equal(303, post_of "2001:db8:1:3::1")
    assert.equal(303, post_of "192.0.2.1")
  end, { server = "set_real_ip_from 127.0.0.1; real_ip_header X-Forwarded-For;" })

  here("keeps the form where too many mails wait, and takes it the next time", function()
    local session, token = open_form()
    local status, _, body = post({ token = token }, session)
    assert.equal(503, status)
    assert.is_truthy(body:find("送料はいくらですか", 1, true))
    assert.equal(303, (post({ token = token }, session)))
  end, { files = { ["lua/contact_form/mail"] = [[
    local calls = 0
    return { enqueue = function()
      calls = calls + 1
      if calls == 1 then
        return nil, { code = "QUEUE_FULL" }
      end
      return true
    end }
  ]] } })

  -- Words that would be a header field, a recipient, a second address or markup.
  local EVIL = {
    "x\r\nBcc: evil@example.net", "x\nBcc: evil@example.net", "x\rBcc: evil@example.net",
    "x\r\n\r\n<b>", "x\0y", "x\27[2J", "\255\254",
  }

  for _, field in ipairs { "name", "address", "subject" } do
    here(("refuses control characters and broken UTF-8 in %s"):format(field), function()
      for _, text in ipairs(EVIL) do
        local status, _, body = post { [field] = text }
        assert.equal(422, status)
        assert.is_truthy(body:find("入力内容をご確認ください", 1, true))
      end
      assert.equal(0, #messages())
    end)
  end

  here("takes one address and nothing else", function()
    local session = open_form()
    for _, text in ipairs {
      "a@example.com, b@example.com", "B <b@example.com>", "a@example.com>", "a", "@example.com", "a b@example.com",
      "Staff: a@example.com;", ("a"):rep(65) .. "@example.com",
    } do
      local token = nginx:get(("/token?session=%s&age=0"):format(session))
      local status = post({ address = text, token = token }, session)
      assert.equal(text .. " 422", text .. " " .. status)
    end
    assert.equal(303, (post { address = "  taro@例え.example  " }))
    local list = messages()
    assert.equal(1, #list)
    assert.is_truthy(read_mail(list[1].data):find("reply to: taro@xn--r8jz45g.example\n", 1, true))
  end)

  here("injects nothing, whatever is in its fields", function()
    local evil = '"Evil" <evil@example.net>, y@example.net \\ </textarea><script> {{address}} {{{name}}}'
    local status = post { name = evil, subject = evil, message = evil .. "\r\n.\r\nRCPT TO:<evil@example.net>\r\n" }
    assert.equal(303, status)
    local list = messages()
    assert.equal(1, #list)
    assert.same({ "<shop@example.jp>" }, list[1].to)
    local text = read_mail(list[1].data)
    assert.is_truthy(text:find("reply to: taro@example.com\n", 1, true), text) -- the one address in it
    assert.is_truthy(text:find("Subject: 【お問い合わせ】" .. evil .. "\n", 1, true), text)
    assert.is_truthy(text:find("\n" .. evil .. "\n.\nRCPT TO:<evil@example.net>\n", 1, true), text)
    assert.is_truthy(text:find("parts: text/plain\n", 1, true), text)
  end)

  here("writes what was typed as text into its page", function()
    local evil = '"><script>alert(1)</script>&amp;\''
    local _, _, body = post { name = evil, subject = evil, message = evil, address = evil }
    assert.is_nil(body:find("<script", 1, true))
    assert.is_truthy(body:find("&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;", 1, true))
    assert.is_nil((nginx:get "/contact?sent=<script>"):find("<script", 1, true))
  end)

  here("tells beside its field what is missing or too long", function()
    local status, _, body = post { name = " ", subject = ("あ"):rep(101), message = ("x"):rep(5001) }
    assert.equal(422, status)
    assert.is_truthy(body:find("入力してください。", 1, true))
    assert.is_truthy(body:find("100文字以内で入力してください。", 1, true))
    assert.is_truthy(body:find("5000文字以内で入力してください。", 1, true))
    assert.equal(303, (post { subject = ("あ"):rep(100), message = ("あ"):rep(5000) }))
    assert.equal(1, #messages())
  end)

  here("thanks a robot that fills the hidden field, and sends nothing", function()
    assert.equal(303, (post { website = "http://example.net" }))
    assert.equal(0, #messages())
  end)

  here("refuses what is no form, too many fields and a field twice", function()
    local session, token = open_form()
    local form = form_of { token = token, name = "a", address = "a@example.com", subject = "s", message = "m" }
    local plain = ("Content-Type: text/plain\r\nContent-Length: %d\r\n"):format(#form)
    assert.equal(415, (post_raw(form, session, plain)))
    assert.equal(415, (post_raw(form .. ("&x=y"):rep(30), session)))
    assert.equal(422, (post_raw(form .. "&address=b%40example.com", session)))
    assert.equal(403, (post_raw(form .. "&token=" .. token, session)))
    assert.equal(0, #messages())
  end)

  here("refuses a body of 16 MB before it is sent", function()
    local head = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 16777216\r\n"
    assert.equal(413, (post_raw(("x"):rep(1000), nil, head)))
    assert.equal("pong", (nginx:get "/ping"))
  end)

  here("refuses a body of 16 MB that does not tell its length", function()
    local head = "POST /contact HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
      .. "Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n"
    local _, status = nginx:begin("/contact", head .. "1000000\r\n" .. ("x"):rep(70000)):answer()
    assert.equal(413, status)
  end)

  here("says which methods it knows", function()
    local _, status, whole = nginx:begin("/contact", "PUT /contact HTTP/1.0\r\nContent-Length: 0\r\n\r\n"):answer()
    assert.equal(405, status)
    assert.matches("Allow: GET, HEAD, POST\r\n", whole)
  end)

  here("answers at once while the mail server keeps silent, and the mail arrives later", function()
    local status = post()
    assert.equal(303, status)
    assert.is_nil(server:log():find("C: DATA", 1, true))
    assert.equal(1, #messages())
  end, { script = "{ replies = { EHLO = { text = '250 ok', delay = 2 } } }" })

  here("answers as well when there is no mail server, and the error log tells of the mail", function()
    assert.equal(303, (post()))
    local log = log_of_undelivered()
    assert.matches("contact form: message <%S+> is undelivered %(not_sent%): ", log)
    assert.is_nil(log:find("taro@example.com", 1, true))
  end, { port = unused_port() })

  here("tells as well of a mail that waits for another try when nginx ends its worker", function()
    assert.equal(303, (post()))
    nginx:reload()
    assert.matches("contact form: message <%S+> is undelivered %(not_sent%): CANCELLED", log_of_undelivered())
  end, { port = unused_port(), retry = 600 })

  it("is served from a folder that is not nginx's own", function()
    local pipe = assert(io.popen "pwd")
    local folder = pipe:read "*l" .. "/examples/contact-form"
    pipe:close()
    if not start { folder = folder } then
      pending(why)
      return
    end
    assert.equal(303, (post()))
    assert.equal(1, #messages())
  end)

  it("sends over TLS with a login, by a mailer that was made before nginx had its workers", function()
    local certificate, key = core.certificate { names = { "127.0.0.1" } }
    local ca_file = os.tmpname()
    local file = assert(io.open(ca_file, "wb"))
    file:write(certificate)
    file:close()
    local script = ("{ tls = true, user = 'ettsu', password = 'p@ss', tls_options = { certificate = %q, key = %q } }")
      :format(certificate, key)
    if not start { script = script, login = "ettsu:p%40ss@", ca_file = ca_file } then
      pending(why)
      return
    end
    for _ = 1, 2 do
      assert.equal(303, (post()))
      nginx:reload()
      assert.equal(303, (post()))
    end
    local list = messages()
    os.remove(ca_file)
    assert.equal(4, #list)
  end)
end)

describe("nginx.conf of the contact form", function()
  it("is one that nginx takes", function()
    local does, said = nginx_of.takes("examples/contact-form", "nginx.conf")
    if not does and not said:find "nginx: " then
      pending(said)
      return
    end
    assert.is_true(does, said)
  end)

  it("is not started without its settings", function()
    local ok, err = pcall(nginx_of.start, {
      tree = "examples/contact-form", main = "include env.conf;", http = "include http.conf;",
      extra_path = "$prefix/lua/?.lua",
    })
    assert.is_false(ok)
    assert.is_truthy(tostring(err):find("CONTACT_FROM is not set in nginx's environment", 1, true), err)
  end)
end)
