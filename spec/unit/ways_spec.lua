-- From options to the way that a message goes.
local core = require "ettsumailer.core"
local ettsumailer = require "ettsumailer"
local presets = require "ettsumailer.mailer.presets"
local testing = require "ettsumailer.testing.server"

local MESSAGE = { from = "f@example.com", to = "a@x.jp", subject = "s", text = "x" }

local function refused(given, pattern)
  local mailer, err = ettsumailer.mailer(given)
  assert.is_nil(mailer)
  assert.equal("CONFIG", err.code)
  assert.matches(pattern, err.text)
end

-- A port of the loopback where nobody listens.
local function closed_port()
  local listener = assert(core.listen("127.0.0.1", 0))
  local _, port = listener:local_address()
  listener:close()
  return port
end

describe("via", function()
  it("names a way to send", function()
    local mailer = assert(ettsumailer.mailer { via = "memory", from = "f@example.com" })
    assert(mailer:send { to = "a@x.jp", subject = "s", text = "x" })
    assert.equal("s", mailer.outbox:assert_sent({ from = "f@example.com", to = "a@x.jp" }).subject)
    assert.equal("x\n", mailer.outbox:last().text)
    assert.equal("a@x.jp", mailer.outbox:last().fields.to)
    mailer:close()
    mailer:close()
    assert.error_matches(function() mailer:send(MESSAGE) end, "this mailer is closed")
  end)

  it("works in one call, too", function()
    local result = assert(ettsumailer.send { via = "null", from = "f@example.com", to = "a@x.jp", text = "x" })
    assert.same({ "a@x.jp" }, result.accepted)
    assert.is_number(result.timings.total)
    result = assert(ettsumailer.send {
      via = "file", folder = require("support.scratch") .. "/ways", from = "f@example.com", to = "a@x.jp", text = "x",
    })
    assert(os.remove(result.response))
    result = assert(ettsumailer.send {
      via = "sendmail", program = "sh", arguments = { "-c", "cat >/dev/null" }, from = "f@example.com", to = "a@x.jp",
      text = "x", timeout = 20,
    })
    assert.same({ "a@x.jp" }, result.accepted)
  end)

  it("takes a sender of one's own", function()
    local seen
    local mailer = assert(ettsumailer.mailer { via = {
      send = function(_, message, envelope, how)
        seen = { message:id(), #envelope.to, how.fields }
        return { accepted = {}, rejected = {}, unknown = {}, not_sent = {}, attempts = 1 }
      end,
    } })
    assert(mailer:send(MESSAGE))
    assert.same({ seen[1], 1, MESSAGE }, seen)
    assert.same({}, mailer:verify())
    mailer:cancel()
    mailer:close()
  end)

  it("fills in what a sender of one's own leaves out", function()
    local answer
    local via = { send = function() return answer[1], answer[2] end }
    local mailer = assert(ettsumailer.mailer { via = via, retry = true })
    local function send(result, err)
      answer = { result, err }
      return mailer:send { from = "f@example.com", to = { "a@x.jp", "b@x.jp" }, text = "x" }
    end
    local result = assert(send { response = "ok" })
    assert.same({ { "a@x.jp", "b@x.jp" }, {}, "ok", 1 },
      { result.accepted, result.rejected, result.response, result.attempts })
    local _, err = send(nil, "it broke")
    assert.same({ "STATE", "unknown", false, 2 }, { err.code, err.delivery, err.retryable, #err.unknown })
    assert.is_true(ettsumailer.is_error(err))
    err = select(2, send(nil, { code = "REJECTED", text = "no", delivery = "rejected" }))
    assert.same({ "rejected", 2, "no" }, { err.delivery, #err.rejected, err.rejected[1].text })
    err = select(2, send())
    assert.equal("unknown", err.delivery)
  end)

  it("passes over the options of other ways", function()
    assert(ettsumailer.mailer { via = "null", host = "smtp.example.com", user = "u", password = "p" }):close()
  end)

  it("refuses what is no way", function()
    refused({ via = "pigeon" }, 'via must be "smtp", "sendmail", "file"')
    refused({ via = "file" }, "folder is missing")
    assert.error_matches(function() ettsumailer.mailer { via = 1 } end, "option 'via' must be a string or a table")
    assert.error_matches(function() ettsumailer.mailer { via = {} } end, "without the method send")
    assert.error_matches(function() ettsumailer.mailer { via = "file", foldr = "x" } end, "did you mean 'folder'")
    assert.error_matches(function() ettsumailer.mailer { via = "null", retry = "yes" } end,
      "option 'retry' must be true, false or a table")
    assert.error_matches(function() ettsumailer.mailer { via = "null", clock = {} } end, "option 'clock' must have")
  end)

  it("refuses a message for nobody, whatever the way", function()
    for _, via in ipairs { "null", "memory" } do
      local mailer = assert(ettsumailer.mailer { via = via, from = "f@example.com" })
      for _, to in ipairs { {}, "Staff:;" } do
        local result, err = mailer:send { to = to, text = "x" }
        assert.is_nil(result)
        assert.equal("ADDRESS", err.code)
        assert.equal("ADDRESS", mailer:send_all({ { to = to, text = "x" } }).results[1].err.code)
      end
    end
  end)
end)

describe("service", function()
  it("knows host, port and security, none of them in the clear", function()
    for name, preset in pairs(presets) do
      local mailer = assert(ettsumailer.mailer {
        service = name, host = not preset.host and "h.example.com" or nil, user = "u", password = "p",
      })
      assert.equal(preset.port == 465 and "implicit" or "starttls", mailer.settings.security)
      assert.equal(preset.host or "h.example.com", mailer.settings.host)
      assert.equal(preset.port, mailer.settings.port)
      mailer:close()
    end
  end)

  it("says of each what people want to know", function()
    for name, preset in pairs(presets) do
      assert.is_truthy(preset.host or preset.host_hint, name)
      assert.is_string(preset.login_hint, name)
      assert.is_true(preset.max_size > 1e6 and preset.recipients > 0, name)
    end
    for _, name in ipairs { "gmail", "outlook", "ses", "sendgrid", "mailgun", "postmark", "icloud", "yahoo", "yahoo_jp",
      "sakura", "xserver", "qq", "163" } do
      assert.is_table(presets[name], name)
    end
  end)

  it("is beaten by options", function()
    local mailer = assert(ettsumailer.mailer {
      service = "ses", host = "email-smtp.eu-west-1.amazonaws.com", port = 465,
    })
    assert.equal("email-smtp.eu-west-1.amazonaws.com", mailer.settings.host)
    assert.equal("implicit", mailer.settings.security)
    mailer:close()
  end)

  it("sets the user and the rate where the service has one for all", function()
    local mailer = assert(ettsumailer.mailer { service = "sendgrid", password = "key" })
    assert.equal("apikey", mailer.settings.user)
    mailer:close()
    mailer = assert(ettsumailer.mailer { service = "office365", user = "u", password = "p" })
    assert.equal(0.5, mailer.rate.messages.rate)
    mailer:close()
  end)

  it("says what is missing", function()
    refused({ service = "gmial" }, "'gmial' is none of 163, gmail, icloud")
    refused({ service = "gmail", url = "smtp://x" }, "give service or url")
    refused({ service = "sakura" }, 'host is missing for sakura: the initial domain: host = "NAME.sakura.ne.jp"')
  end)

  it("says what the login is when it is refused", function()
    local server = assert(testing.start { tls = true, user = "u", password = "p" })
    local given = {
      service = "gmail", host = "127.0.0.1", port = server.port, security = "starttls", ca_pem = server.certificate,
      user = "u", password = "wrong", from = "f@example.com", timeout = 20,
    }
    local mailer = assert(ettsumailer.mailer(given))
    local _, err = mailer:send { to = "a@x.jp", text = "x" }
    assert.equal("AUTH", err.code)
    assert.matches("app password", tostring(err))
    assert.matches("app password", tostring(select(2, mailer:verify())))
    assert.matches("app password", tostring(mailer:send_all({ { to = "a@x.jp", text = "x" } }).results[1].err))
    mailer:close()
    server:stop()
  end)
end)

describe("the environment", function()
  local script = [[
    local ettsumailer = require "ettsumailer"
    local given = %s
    local mailer, err = ettsumailer.mailer(given)
    local about = mailer and mailer.settings
    print(about and about.host .. " " .. about.port .. " " .. tostring(about.user) or err)
  ]]

  local function run(environment, given)
    local path = os.tmpname()
    local file = assert(io.open(path, "wb"))
    file:write(script:format(given))
    file:close()
    local interpreter = os.getenv "ETTM_LUA" or "lua5.4"
    local pipe = io.popen(("ETTSUMAILER_URL='%s' '%s' '%s'"):format(environment, interpreter, path))
    local line = pipe:read "*l"
    pipe:close()
    os.remove(path)
    return line
  end

  it("names the server where the program does not", function()
    assert.equal("smtp.example.com 465 us:er", run("smtps://us%3Aer:p@smtp.example.com", "{}"))
    assert.equal("smtp.example.com 2525 nil", run("smtp://smtp.example.com:2525", '{ from = "a@example.com" }'))
  end)

  it("is not asked where the program names it", function()
    assert.equal("h.example 587 nil", run("smtp://other.example", '{ host = "h.example" }'))
    assert.equal("smtp.gmail.com 465 nil", run("smtp://other.example", '{ service = "gmail" }'))
    assert.equal("u.example 587 nil", run("smtp://other.example", '{ url = "smtp://u.example" }'))
  end)

  it("is refused where it is no URL, and nothing where it is empty", function()
    assert.matches("CONFIG.*url must be like", run("smtp.example.com", "{}"))
    assert.matches("CONFIG.*host is missing", run("", "{}"))
  end)
end)

describe("servers", function()
  it("take the message where the first is down, without a second copy", function()
    local server = assert(testing.start {})
    local mailer = assert(ettsumailer.mailer {
      servers = { { host = "127.0.0.1", port = closed_port() }, ("smtp://127.0.0.1:%d"):format(server.port) },
      security = "none", from = "f@example.com", timeout = 20,
    })
    local result = assert(mailer:send { to = "a@x.jp", text = "x" })
    assert.equal(2, result.attempts)
    local about = assert(mailer:verify())
    assert.equal("CONNECT", about.servers[1].err.code)
    assert.is_truthy(about.servers[2].about.capabilities.PIPELINING)
    local summary = mailer:send_all { { to = "b@x.jp", text = "x" }, { to = "c@x.jp", text = "x" } }
    assert.equal(2, summary.sent)
    mailer:close()
    assert.equal(3, #server:messages())
    server:stop()
  end)

  it("are not asked where the fate is unknown", function()
    local first = assert(testing.start { replies = { content = { text = "", octets = 0 } } })
    local second = assert(testing.start {})
    local mailer = assert(ettsumailer.mailer {
      servers = { { host = "127.0.0.1", port = first.port }, { host = "127.0.0.1", port = second.port } },
      security = "none", from = "f@example.com", timeout = 20,
    })
    local result, err = mailer:send { to = "a@x.jp", text = "x" }
    assert.is_nil(result)
    assert.equal("unknown", err.delivery)
    mailer:close()
    assert.equal(0, #second:messages())
    first:stop()
    second:stop()
  end)

  it("never share a connection with another login", function()
    local server = assert(testing.start { tls = true, user = "u", password = "p" })
    local function login(password)
      return { host = "127.0.0.1", port = server.port, user = "u", password = password }
    end
    local given = { security = "starttls", ca_pem = server.certificate, from = "f@example.com", timeout = 20 }
    given.servers = { login "p", login "wrong" }
    given.order = "round_robin"
    local mailer = assert(ettsumailer.mailer(given))
    assert(mailer:send { to = "a@x.jp", text = "x" })
    local result = assert(mailer:send { to = "b@x.jp", text = "x" })
    assert.equal(2, result.attempts) -- the second server's own login was tried, and refused
    mailer:close()
    assert.equal(2, #server:messages())
    server:stop()
  end)

  it("are a list of servers", function()
    assert.error_matches(function() ettsumailer.mailer { servers = {} } end, "servers is empty")
    assert.error_matches(function() ettsumailer.mailer { servers = { { hots = "x" } } } end,
      "mailer: servers%[1%]: unknown option 'hots'")
    assert.error_matches(function() ettsumailer.mailer { host = "x", servers = { "smtp://y" } } end,
      "servers stands in place of 'host'")
    refused({ servers = { "smtp://y", "http://z" } }, "servers%[2%]: url must be like")
    refused({ servers = { "smtp://y" }, order = "random" }, "order must be")
  end)
end)
