-- TLS and logins from the outside: what is sent, what is not, and what a person is told.
local core = require "ettsumailer.core"
local ettsumailer = require "ettsumailer"
local server_of = require "ettsumailer.testing.server"

local USER, PASSWORD = "ettsu", "correct horse battery staple"

local server

local function start(given)
  server = assert(server_of.start(given))
  return server
end

local function options(more)
  local given = {
    host = "127.0.0.1", port = server.port, timeout = 20, ehlo_name = "client.example",
    from = "a@example.com", to = "b@example.com", subject = "s", text = "hi\n",
  }
  for name, value in pairs(more or {}) do
    given[name] = value
  end
  return given
end

local function login(more)
  local given = { ca_pem = server.certificate, user = USER, password = PASSWORD }
  for name, value in pairs(more or {}) do
    given[name] = value
  end
  return options(given)
end

local function dialogue()
  return table.concat(server:log(), "\n") .. "\n"
end

-- The server's process takes note of things in its own time.
local function comes_to_be(condition)
  local limit = core.clock() + 10000
  while not condition() and core.clock() < limit do
    core.poll({}, core.clock() + 10)
  end
  return condition() ~= nil
end

-- The error of a send that must fail, and nothing of the mail or of the secret was sent.
local function failure(given)
  local lines = {}
  given.on_protocol = function(direction, line)
    lines[#lines + 1] = direction .. ": " .. line
  end
  local result, err = ettsumailer.send(given)
  assert.is_nil(result)
  assert.equal("not_sent", err.delivery == "rejected" and "not_sent" or err.delivery)
  local shown = table.concat(lines, "\n") .. tostring(err) .. (err.transcript or "") .. dialogue()
  assert.is_nil(shown:find("MAIL FROM", 1, true))
  assert.is_nil(shown:find(PASSWORD, 1, true))
  assert.is_nil(shown:find(core.base64_encode(PASSWORD), 1, true))
  assert.is_nil(shown:find(core.base64_encode("\0" .. USER .. "\0" .. PASSWORD), 1, true))
  return err
end

describe("TLS and logins", function()
  after_each(function()
    server:stop()
  end)

  it("send a password through STARTTLS, and say what protected it", function()
    start { tls = true, user = USER, password = PASSWORD }
    local result = assert(ettsumailer.send(login()))
    assert.is_true(result.tls.verified)
    assert.matches("^TLSv1%.[23]$", result.tls.version)
    local message = server:messages()[1]
    assert.is_true(message.tls)
    assert.equal(USER, message.user)
    assert.is_truthy(dialogue():find("C: EHLO client.example\nS: .-C: STARTTLS\nS: .-C: EHLO client.example\n"))
    assert.is_truthy(dialogue():find("C: AUTH PLAIN <hidden>\n", 1, true))
  end)

  it("work with TLS from the start", function()
    start { implicit_tls = true, user = USER, password = PASSWORD }
    assert(ettsumailer.send(login { security = "implicit" }))
    assert.is_true(server:messages()[1].tls)
    assert.is_nil(dialogue():find("STARTTLS", 1, true))
  end)

  it("use LOGIN where it is all there is", function()
    start { tls = true, user = USER, password = PASSWORD, replies = { EHLO = {
      "250 hi\nSTARTTLS", "250 hi\nAUTH LOGIN" } } }
    assert(ettsumailer.send(login()))
    assert.is_truthy(dialogue():find("C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: <hidden>\n"
      .. "S: 334 UGFzc3dvcmQ6\nC: <hidden>\nS: 235", 1, true))
  end)

  it("try the next mechanism after a 504", function()
    start { tls = true, user = USER, password = PASSWORD, replies = { AUTH = { "504 not this one", "235 ok" } } }
    assert(ettsumailer.send(login()))
    assert.is_truthy(dialogue():find "C: AUTH PLAIN <hidden>\nS: 504 .-C: AUTH LOGIN")
  end)

  it("take the longest user name and password there may be, and none longer", function()
    local user, password = ("u"):rep(4096), ("p"):rep(4096)
    start { tls = true, user = user, password = password }
    assert.equal("CONFIG", failure(login { user = user .. "u", password = password }).code)
    assert(ettsumailer.send(login { user = user, password = password }))
  end)

  it("are used where they are offered, on any port", function()
    start { tls = true }
    local result = assert(ettsumailer.send(options { ca_pem = server.certificate }))
    assert.is_true(result.tls.verified)
  end)

  it("are not asked for where security is none", function()
    start { tls = true }
    assert.is_nil(assert(ettsumailer.send(options { security = "none" })).tls)
  end)

  it("refuse a certificate that nobody vouches for", function()
    start { tls = true, user = USER, password = PASSWORD }
    local err = failure(login { ca_pem = core.certificate { names = { "127.0.0.1" } } })
    assert.equal("TLS_VERIFY", err.code)
    assert.matches("self%-signed certificate", tostring(err))
    assert.matches("ca_file", tostring(err))
  end)

  for _, security in ipairs { "starttls", "implicit" } do
    it("tell the server why its certificate was refused, " .. security, function()
      start { tls = security == "starttls", implicit_tls = security == "implicit", names = { "other.example" } }
      failure(options { ca_pem = server.certificate, security = security })
      assert.is_true(comes_to_be(function()
        return dialogue():find "S: %(TLS: [^\n]*alert bad certificate"
      end))
    end)
  end

  it("refuse a certificate for another name", function()
    start { tls = true, names = { "other.example" }, user = USER, password = PASSWORD }
    local err = failure(login())
    assert.equal("TLS_VERIFY", err.code)
    assert.matches("other%.example", tostring(err))
  end)

  it("go on with another name when it is given as tls_name", function()
    start { tls = true, names = { "other.example" } }
    assert(ettsumailer.send(options { ca_pem = server.certificate, tls_name = "other.example" }))
  end)

  it("go on with any certificate only when told so in an ugly word, and say so", function()
    start { tls = true }
    local result = assert(ettsumailer.send(options { insecure_skip_verify = true }))
    assert.is_false(result.tls.verified)
  end)

  it("say what is wrong when a password is not accepted", function()
    start { tls = true, user = USER, password = "another" }
    local err = failure(login())
    assert.equal("AUTH", err.code)
    assert.equal("AUTH", err.stage)
    assert.equal(535, err.smtp_code)
    assert.is_false(err.temporary)
    assert.matches("check user and password", tostring(err))
  end)

  it("send no password where AUTH is not offered", function()
    start { tls = true }
    local err = failure(login())
    assert.equal("AUTH", err.code)
    assert.matches("does not offer AUTH", tostring(err))
    assert.is_nil(dialogue():find("C: AUTH", 1, true))
  end)

  it("send no password where STARTTLS is not offered", function()
    start { user = USER, password = PASSWORD, allow_plaintext_auth = true }
    local err = failure(login())
    assert.equal("TLS", err.code)
    assert.equal("STARTTLS", err.stage)
    assert.is_nil(dialogue():find("C: AUTH", 1, true))
  end)

  it("send no password where STARTTLS is refused", function()
    start { tls = true, user = USER, password = PASSWORD, replies = { STARTTLS = "454 4.7.0 not now" } }
    local err = failure(login())
    assert.equal("STARTTLS", err.stage)
    assert.equal(454, err.smtp_code)
    assert.is_true(err.temporary)
  end)

  it("do not go on in clear after a handshake that failed", function()
    start { tls = true }
    local err = failure(options {})
    assert.equal("TLS_VERIFY", err.code)
  end)

  it("believe nothing that came behind the 220 in clear", function()
    start { tls = true, user = USER, password = PASSWORD,
      replies = { STARTTLS = { text = "220 go\r\n250 injected" } } }
    local err = failure(login())
    assert.equal("PROTOCOL", err.code)
  end)

  it("forget what was offered before the handshake", function()
    start { tls = true, replies = { EHLO = { "250 hi\nSTARTTLS\nSIZE 10", "250 hi" } } }
    assert(ettsumailer.send(options { ca_pem = server.certificate, text = ("x"):rep(100) }))
    assert.is_nil(server:messages()[1].from:find("SIZE", 1, true))
  end)

  it("tell a plain server on a TLS port, within a moment", function()
    start {}
    local err = failure(options { security = "implicit" })
    assert.equal("TLS_MODE", err.code)
    assert.matches("starttls", tostring(err))
  end)

  for _, security in ipairs { "none", "opportunistic", "starttls" } do
    it("tell a TLS port to a client that speaks plain SMTP, long before the wait for the greeting is over, "
      .. security, function()
      start { implicit_tls = true }
      local began = core.clock()
      local err = failure(options { security = security, timeout = 300 })
      assert.is_true(core.clock() - began < 30000)
      assert.equal("TLS_MODE", err.code)
      assert.equal("greeting", err.stage)
      assert.matches('security = "implicit"', err.hint, 1, true)
    end)
  end

  it("wait for a plain server that is slow to greet, and ask it once whether it wants TLS", function()
    start { replies = { greeting = { text = "220 at last", delay = 1.3 } } }
    local mailer = assert(ettsumailer.mailer {
      host = "127.0.0.1", port = server.port, from = "a@example.com", messages_per_connection = 1, timeout = 20,
    })
    for _ = 1, 2 do
      assert(mailer:send { to = "b@example.com", subject = "s", text = "hi\n" })
    end
    mailer:close()
    assert.equal(3, select(2, dialogue():gsub("S: 220 at last", "")))
  end)

  it("tell an alert of TLS where a greeting was due", function()
    start { replies = { greeting = { text = "\21\3\3\0\2\2\40", raw = true } } }
    assert.equal("TLS_MODE", failure(options { security = "starttls" }).code)
  end)

  it("need a name by which passwords go in clear", function()
    start { user = USER, password = PASSWORD, allow_plaintext_auth = true }
    local result, err = ettsumailer.send(login { security = "none" })
    assert.is_nil(result)
    assert.equal("CONFIG", err.code)
    assert.same({}, server:log())
    assert(ettsumailer.send(login { security = "none", allow_plaintext_auth = true }))
  end)

  it("need user and password together", function()
    start {}
    assert.equal("CONFIG", select(2, ettsumailer.send(options { user = USER })).code)
    assert.equal("CONFIG", select(2, ettsumailer.send(options { password = PASSWORD })).code)
  end)

  it("refuse a NUL in a password before anything of it is sent", function()
    start { tls = true, user = USER, password = PASSWORD }
    local err = failure(login { password = "a\0b" })
    assert.equal("CONFIG", err.code)
    assert.equal("AUTH", err.stage)
  end)

  it("can be had command by command", function()
    start { tls = true, user = USER, password = PASSWORD }
    local conn = assert(ettsumailer.connect {
      host = "127.0.0.1", port = server.port, ca_pem = server.certificate, timeout = 20,
    })
    assert(conn:ehlo())
    assert(conn:starttls())
    assert(conn:ehlo())
    assert.equal(235, assert(conn:auth { user = USER, password = PASSWORD }).smtp_code)
    assert.error_matches(function() conn:auth {} end, "user and password")
    assert(conn:quit())
  end)
end)
