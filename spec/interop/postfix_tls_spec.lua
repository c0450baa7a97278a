-- A real Postfix that takes mail only behind TLS and a login (Cyrus SASL): what it says happened.
local core = require "ettsumailer.core"
local ettsumailer = require "ettsumailer"
local postfix_of = require "support.postfix"

local FOLDER = "build/interop"
local USER, PASSWORD = "ettsu", "うなぎ 'eel' \\ 100%"

local function write_file(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  return path
end

describe("a real Postfix with TLS and logins", function()
  local postfix, reason, certificate, mark

  lazy_setup(function()
    os.execute("mkdir -p " .. FOLDER)
    local key
    certificate, key = core.certificate { names = { "localhost", "127.0.0.1" } }
    postfix, reason = postfix_of.start {
      certificate = write_file(FOLDER .. "/postfix.pem", key .. certificate),
      user = USER, password = PASSWORD,
    }
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
      mark = #postfix_of.raw(postfix.log) + 1
      test()
    end)
  end

  -- What Postfix has logged since the test began, once the connections are over.
  local function logged(connections)
    for _ = 1, 100 do
      local text = postfix_of.raw(postfix.log):sub(mark)
      local _, count = text:gsub("disconnect from ", "")
      if count >= (connections or 1) then
        return text
      end
      os.execute "sleep 0.1"
    end
    error "Postfix has not logged the end of the connection"
  end

  local function options(more)
    local given = {
      host = "localhost", port = postfix.submission, security = "starttls", ca_pem = certificate,
      user = USER, password = PASSWORD, timeout = 60, ehlo_name = "client.example.test",
      from = "ettsu@example.test", to = "b@example.test", subject = "件名", text = "本文\n",
    }
    for name, value in pairs(more or {}) do
      given[name] = value or nil
    end
    return given
  end

  -- The file with this Message-ID, once it is there.
  local function arrival(message_id)
    for _ = 1, 300 do
      for _, path in ipairs(postfix_of.wait(postfix, 0)) do
        if postfix_of.raw(path):find(message_id, 1, true) then
          return path
        end
      end
      os.execute "sleep 0.1"
    end
    error("the message did not arrive: " .. message_id)
  end

  local function delivers(more)
    local result = assert(ettsumailer.send(options(more)))
    assert.is_true(result.tls.verified)
    assert.matches("^TLSv1%.[23]$", result.tls.version)
    local mail = postfix_of.read({ arrival(result.message_id) })[1]
    assert.same({}, mail.defects)
    assert.equal("本文\n", (mail.parts[1].text:gsub("\r\n", "\n")))
    return logged()
  end

  -- The error of a send that must fail; no mail got through, and nobody was told the secret.
  local function failure(more)
    local before, lines = #postfix_of.wait(postfix, 0), {}
    local given = options(more)
    given.on_protocol = function(_, line)
      lines[#lines + 1] = line
    end
    local result, err = ettsumailer.send(given)
    assert.is_nil(result)
    local log = logged()
    assert.is_nil(log:find("client=", 1, true), "a transaction was begun")
    assert.equal(before, #postfix_of.wait(postfix, 0))
    local shown = table.concat(lines, "\n") .. tostring(err) .. (err.transcript or "") .. log
    for _, secret in ipairs { PASSWORD, given.password or PASSWORD } do
      assert.is_nil(shown:find(secret, 1, true))
      assert.is_nil(shown:find(core.base64_encode(secret), 1, true))
      assert.is_nil(shown:find(core.base64_encode("\0" .. USER .. "\0" .. secret), 1, true))
    end
    return err, log
  end

  here("delivers through STARTTLS and a login, with verification on", function()
    local log = delivers()
    assert.matches("sasl_method=PLAIN, sasl_username=ettsu@example%.test", log)
    assert.matches("TLS connection established", log)
    assert.matches("ehlo=2 starttls=1 auth=1 mail=1 rcpt=1 data=1 quit=1 commands=8\n", log)
  end)

  here("delivers through TLS from the start", function()
    local log = delivers { port = postfix.smtps, security = "implicit" }
    assert.matches("sasl_method=PLAIN, sasl_username=ettsu@example%.test", log)
    assert.matches("ehlo=1 auth=1 mail=1 rcpt=1 data=1 quit=1 commands=6\n", log)
  end)

  here("delivers to a host given by its address, which the certificate has too", function()
    delivers { host = "127.0.0.1" }
  end)

  for _, mechanism in ipairs { "PLAIN", "LOGIN" } do
    here("takes the login by " .. mechanism, function()
      local conn = assert(ettsumailer.connect {
        host = "localhost", port = postfix.submission, ca_pem = certificate, timeout = 60,
      })
      assert(conn:ehlo "client.example.test")
      assert.is_nil(conn:capabilities().AUTH)
      assert(conn:starttls())
      assert(conn:ehlo "client.example.test")
      assert.matches(mechanism, conn:capabilities().AUTH)
      local reply = assert(conn:auth { mechanism = mechanism, user = USER, password = PASSWORD })
      assert.equal(235, reply.smtp_code)
      assert(conn:mail "ettsu@example.test")
      assert(conn:rcpt "b@example.test")
      assert.equal(250, assert(conn:data "Subject: by hand\n\ntext\n").smtp_code)
      assert(conn:quit())
      assert.matches("sasl_method=" .. mechanism, logged())
    end)
  end

  here("refuses a wrong password, and takes no mail", function()
    local err, log = failure { password = "another fish" }
    assert.equal("AUTH", err.code)
    assert.equal(535, err.smtp_code)
    assert.is_false(err.temporary)
    assert.matches("auth=0/1", log)
    assert.is_nil(log:find("mail=", 1, true))
  end)

  here("gets neither a login nor a mail under a certificate that nobody vouches for", function()
    for _, where in ipairs {
      { port = postfix.submission, security = "starttls" },
      { port = postfix.smtps, security = "implicit" },
    } do
      mark = #postfix_of.raw(postfix.log) + 1
      where.ca_pem = core.certificate { names = { "localhost" } }
      local err, log = failure(where)
      assert.equal("TLS_VERIFY", err.code)
      assert.equal("not_sent", err.delivery)
      assert.is_nil(log:find("mail=", 1, true))
      assert.is_nil(log:find("auth=", 1, true))
    end
  end)

  here("gets neither under a name that the certificate has not", function()
    local err, log = failure { tls_name = "mx.example.test" }
    assert.equal("TLS_VERIFY", err.code)
    assert.is_nil(log:find("auth=", 1, true))
  end)

  here("refuses a mail without a login, and the code is told", function()
    local err, log = failure { user = false, password = false }
    assert.equal("REJECTED", err.code)
    assert.equal("RCPT", err.stage)
    assert.equal(554, err.smtp_code)
    assert.equal("rejected", err.delivery)
    assert.matches("starttls=1 mail=1 rcpt=0/1", log)
  end)

  here("refuses a mail without TLS, and the code is told", function()
    local err, log = failure { user = false, password = false, security = "none" }
    assert.equal("REJECTED", err.code)
    assert.equal(530, err.smtp_code)
    assert.matches("mail=0/1", log)
  end)

  here("takes ten messages over one TLS connection, after one login", function()
    local mailer = assert(ettsumailer.mailer(options { subject = false, text = false, to = false }))
    local ids = {}
    for i = 1, 10 do
      ids[i] = assert(mailer:send { to = "b@example.test", subject = "no. " .. i, text = "x" }).message_id
    end
    mailer:close()
    for _, id in ipairs(ids) do
      arrival(id)
    end
    assert.matches("ehlo=2 starttls=1 auth=1 mail=10 rcpt=10 data=10 .-quit=1 ", logged())
  end)
end)
