-- The login of a connection against the testing server: which mechanism, what it says, what comes of
-- the server's answers; and that no secret is in anything that is shown.

local core = require "ettsumailer.core"
local ettsumailer = require "ettsumailer"
local server_of = require "ettsumailer.testing.server"

local USER, PASSWORD, TOKEN = "ettsu", "correct horse battery staple", "ya29.another-fish-token"
local ALL = {
  "LOGIN", "CRAM-MD5", "PLAIN", "XOAUTH2", "OAUTHBEARER", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS",
  "SCRAM-SHA-256-PLUS",
}

describe("a login", function()
  local server

  after_each(function()
    if server then
      server:stop()
      server = nil
    end
  end)

  local function start(more)
    local given = { tls = true, user = USER, password = PASSWORD, token = TOKEN, mechanisms = ALL }
    for name, value in pairs(more or {}) do
      given[name] = value
    end
    server = assert(server_of.start(given))
  end

  local function options(more)
    local given = {
      host = "127.0.0.1", port = server.port, security = "starttls", ca_pem = server.certificate, timeout = 60,
      user = USER, password = PASSWORD, ehlo_name = "client.example",
      from = "a@example.com", to = "b@example.com", subject = "s", text = "hi\n",
    }
    for name, value in pairs(more or {}) do
      given[name] = value or nil
    end
    return given
  end

  local function dialogue()
    return table.concat(server:log(), "\n")
  end

  -- The mechanisms tried, in their order.
  local function tried()
    local list = {}
    for name in dialogue():gmatch "C: AUTH (%S+)" do
      list[#list + 1] = name
    end
    return list
  end

  -- Sends; everything that the library shows is searched for secrets.
  local function send(more)
    local shown = {}
    local given = options(more)
    given.on_protocol = function(_, line)
      shown[#shown + 1] = line
    end
    local result, err = ettsumailer.send(given)
    shown[#shown + 1] = tostring(err) .. (err and (err.transcript or "") .. err.text or "")
    local text = table.concat(shown, "\n")
    for _, secret in ipairs { PASSWORD, TOKEN, given.password or PASSWORD } do
      assert.is_nil(text:find(secret, 1, true))
      assert.is_nil(text:find(core.base64_encode(secret), 1, true))
      assert.is_nil(text:find(core.base64_encode("\0" .. USER .. "\0" .. secret), 1, true))
      assert.is_nil(text:find(core.base64_encode("user=" .. USER .. "\1auth=Bearer " .. secret .. "\1\1"), 1, true))
    end
    return result, err
  end

  for _, name in ipairs(ALL) do
    it("works by " .. name, function()
      start()
      assert(send { mechanisms = { name }, token = TOKEN })
      assert.same({ name }, tried())
      assert.equal(USER, server:messages()[1].user)
    end)

    it("by " .. name .. " is refused where the secret is wrong", function()
      start()
      local result, err = send { mechanisms = { name }, password = "another fish", token = "another-fish" }
      assert.is_nil(result)
      assert.equal("AUTH", err.code)
      assert.equal(535, err.smtp_code)
      assert.equal("not_sent", err.delivery == "rejected" and "not_sent" or err.delivery)
      assert.same({}, server:messages())
    end)
  end

  for _, version in ipairs { "1.2", "1.3" } do
    it("is bound to its channel of TLS " .. version, function()
      start { tls_options = { tls_max_version = version } }
      local result = assert(send())
      assert.equal("TLSv" .. version, result.tls.version)
      assert.same({ "SCRAM-SHA-256-PLUS" }, tried())
    end)
  end

  it("tries the strongest first, in DESIGN's order", function()
    local left = {}
    for i, name in ipairs(ALL) do
      left[i] = name
    end
    for _, expected in ipairs {
      "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1", "OAUTHBEARER", "XOAUTH2", "PLAIN",
      "LOGIN", "CRAM-MD5",
    } do
      start { mechanisms = left }
      assert(send { token = TOKEN })
      assert.same({ expected }, tried())
      server:stop()
      for i, name in ipairs(left) do
        if name == expected then
          table.remove(left, i)
        end
      end
    end
  end)

  it("goes to the next mechanism on a 504 and a 534, and on nothing else", function()
    start { mechanisms = { "PLAIN", "LOGIN", "CRAM-MD5" }, replies = {
      AUTH = { "504 5.5.4 not this one", "534 5.7.9 nor this", "334 PDFAeD4=", "235 2.7.0 welcome" },
    } }
    assert(send())
    assert.same({ "PLAIN", "LOGIN", "CRAM-MD5" }, tried())
    server:stop()
    for _, reply in ipairs { "535 5.7.8 no", "454 4.7.0 later", "500 5.5.1 what", "538 5.7.11 no" } do
      start { mechanisms = { "PLAIN", "LOGIN" }, replies = { AUTH = reply } }
      assert.equal("AUTH", select(2, send()).code)
      assert.same({ "PLAIN" }, tried())
      server:stop()
    end
  end)

  it("reads an offer in the form of old (AUTH=)", function()
    start { replies = { EHLO = "250 x\nSTARTTLS\nAUTH=LOGIN" }, mechanisms = { "LOGIN" } }
    assert(send())
    assert.same({ "LOGIN" }, tried())
  end)

  it("says by what name it failed where nothing fits, and sends nothing", function()
    start { mechanisms = { "GSSAPI", "NTLM" } }
    local _, err = send()
    assert.equal("AUTH", err.code)
    assert.matches("GSSAPI NTLM", err.text)
    assert.same({}, tried())
    server:stop()
    start { mechanisms = { "PLAIN" } }
    _, err = send { mechanisms = { "SCRAM-SHA-256" } }
    assert.equal("AUTH", err.code)
    assert.same({}, tried())
  end)

  it("is an error where AUTH is not offered, never a send without", function()
    server = assert(server_of.start { tls = true })
    local _, err = send()
    assert.equal("AUTH", err.code)
    assert.matches("does not offer AUTH", err.text)
    assert.same({}, server:messages())
  end)

  it("of no kind is there without TLS", function()
    for _, name in ipairs(ALL) do
      server = assert(server_of.start {
        user = USER, password = PASSWORD, token = TOKEN, mechanisms = ALL, allow_plaintext_auth = true,
      })
      local conn = assert(ettsumailer.connect { host = "127.0.0.1", port = server.port, security = "opportunistic" })
      assert(conn:ehlo())
      local reply, err = conn:auth { user = USER, password = PASSWORD, token = TOKEN, mechanism = name }
      assert.is_nil(reply)
      assert.equal("TLS", err.code)
      conn:close()
      assert.same({}, tried())
      server:stop()
    end
  end)

  describe("by SCRAM", function()
    it("does not believe a server with a wrong proof", function()
      start { scram = { proof = "wrong" } }
      local result, err = send()
      assert.is_nil(result)
      assert.equal("PROTOCOL", err.code)
      assert.matches("does not know the password", err.text)
      assert.same({}, server:messages())
      assert.same({ "SCRAM-SHA-256-PLUS" }, tried()) -- and no weaker one
    end)

    it("does not believe a 235 without a proof", function()
      start { scram = { proof = "none" } }
      local result, err = send()
      assert.is_nil(result)
      assert.equal("PROTOCOL", err.code)
      assert.matches("without proving", err.text)
      assert.same({}, server:messages())
    end)

    it("does not work for a server that asks for too few or too many rounds", function()
      for _, iterations in ipairs { 1, 4095, 600001, 1e9 } do
        start { scram = { iterations = iterations } }
        local _, err = send()
        assert.equal("PROTOCOL", err.code)
        assert.matches("iterations", err.text)
        server:stop()
      end
    end)

    it("notices that -PLUS was taken out of the offer", function()
      -- The server knows -PLUS; somebody between has told the client otherwise.
      start { replies = { EHLO = { "250 x\nSTARTTLS", "250 x\nAUTH SCRAM-SHA-256" } } }
      local _, err = send()
      assert.equal("AUTH", err.code)
      assert.equal(535, err.smtp_code)
    end)

    it("takes names and passwords of every script, commas and equals signs", function()
      local user, password = "a,b=c", "うなぎ 'eel' \\ 100%"
      start { user = user, password = password, mechanisms = { "SCRAM-SHA-256" } }
      local result, err = send { user = user, password = password }
      if core.has_saslprep then
        assert(result, tostring(err))
        server:stop()
        start { password = "I\194\173X \194\170", mechanisms = { "SCRAM-SHA-1" } }
        -- The server has it as it is; prepared it would be "IX a".
        assert.equal(535, select(2, send { password = "IX a\0" }).smtp_code or 535)
      else
        assert.equal("CONFIG", err.code)
        assert.matches("libunistring", err.text)
      end
    end)
  end)

  describe("by a token", function()
    it("asks a function for it, and once more when it is refused", function()
      start { mechanisms = { "OAUTHBEARER" } }
      local asked = {}
      assert(send { password = false, token = function(refresh)
        asked[#asked + 1] = refresh
        return refresh and TOKEN or "stale"
      end })
      assert.same({ false, true }, asked)
      assert.same({ "OAUTHBEARER", "OAUTHBEARER" }, tried())
    end)

    it("asks no third time", function()
      start { mechanisms = { "XOAUTH2" } }
      local count = 0
      local _, err = send { password = false, token = function()
        count = count + 1
        return "stale"
      end }
      assert.equal(2, count)
      assert.equal(535, err.smtp_code)
    end)

    it("tells what the server had to say about it", function()
      for name, dummy in pairs { OAUTHBEARER = "(01)", XOAUTH2 = "()" } do
        start { mechanisms = { name } }
        local _, err = send { password = false, token = "stale" }
        assert.matches("status 401", err.text)
        assert.matches("scope mail.send", err.text)
        assert.is_truthy(dialogue():find("C: " .. dummy, 1, true))
        server:stop()
      end
    end)

    it("may come from a function that yields, on every engine", function()
      start { mechanisms = { "XOAUTH2" } }
      local run = coroutine.create(function()
        return ettsumailer.send(options { password = false, token = function()
          coroutine.yield "mine"
          return TOKEN
        end })
      end)
      local yields = 0
      local ok, result, err = coroutine.resume(run)
      while ok and coroutine.status(run) ~= "dead" do
        yields = yields + (result == "mine" and 1 or 0)
        ok, result, err = coroutine.resume(run)
      end
      assert.is_true(ok)
      assert(result, tostring(err))
      assert.equal(1, yields)
    end)

    it("that the function does not give is an error of its words", function()
      for _, token in ipairs {
        function() return nil, "the provider is down" end, function() error("the provider is down", 0) end,
        function() return nil, nil end, function() return 42 end, function() return "" end,
      } do
        start { mechanisms = { "XOAUTH2" } }
        local _, err = send { password = false, token = token }
        assert.equal("AUTH", err.code)
        assert.matches("token function gave no token: [ti]", err.text)
        assert.same({}, tried())
        server:stop()
      end
    end)

    it("with a control character in it goes nowhere", function()
      start { mechanisms = { "XOAUTH2", "OAUTHBEARER" } }
      local _, err = send { password = false, token = "a\r\nb" }
      assert.equal("CONFIG", err.code)
      assert.same({}, tried())
    end)
  end)

  describe("by a mechanism of one's own", function()
    local function own(more)
      local mechanism = {
        name = "LOGIN",
        start = function() return nil end,
        step = function(challenge)
          if challenge == "Username:" then
            return USER
          end
          coroutine.yield()
          return PASSWORD
        end,
      }
      for name, value in pairs(more or {}) do
        mechanism[name] = value
      end
      return mechanism
    end

    local function send_yielding(given)
      local run = coroutine.wrap(function()
        return true, ettsumailer.send(options(given))
      end)
      local is_done, result, err
      repeat
        is_done, result, err = run()
      until is_done == true
      return result, err
    end

    it("answers challenges, and may yield", function()
      start { mechanisms = { "LOGIN" } }
      assert(send_yielding { user = false, password = false, mechanisms = { own() } })
      assert.equal(USER, server:messages()[1].user)
    end)

    it("has an initial response, which waits where the line has no room for it", function()
      for _, size in ipairs { 10, 1000 } do
        start { mechanisms = { "PLAIN" }, password = ("p"):rep(size) }
        assert(send { user = false, password = false, mechanisms = { { name = "PLAIN", start = function(about)
          assert(about.host == "127.0.0.1" and about.binding_name == "tls-exporter")
          return "\0" .. USER .. "\0" .. ("p"):rep(size)
        end } } })
        server:stop()
      end
    end)

    it("gives up with a sentence, and the server is told", function()
      for _, step in ipairs {
        function() return nil, "no idea" end, function() error("no idea", 0) end,
        function() return ("x"):rep(20000) end,
      } do
        start { mechanisms = { "LOGIN" } }
        local _, err = send { user = false, password = false, mechanisms = { own { step = step } } }
        assert.equal("AUTH", err.code)
        assert.matches("^LOGIN: ", err.text)
        assert.is_truthy(dialogue():find("501 5.7.0 cancelled", 1, true))
        server:stop()
      end
    end)

    it("is checked before anything is opened", function()
      start()
      assert.error_matches(function() send { mechanisms = { {} } } end, "start")
      assert.error_matches(function() send { mechanisms = { 1 } } end, "mechanisms")
      assert.equal("CONFIG", select(2, send { mechanisms = { own { name = "a b" } } }).code)
      assert.equal("CONFIG", select(2, send { mechanisms = { "GSSAPI" } }).code)
      assert.same({}, tried())
    end)
  end)

  it("as somebody a client certificate tells, by EXTERNAL", function()
    start { mechanisms = { "EXTERNAL", "PLAIN" } }
    assert(send { user = false, password = false, mechanisms = { "EXTERNAL" } })
    assert.same({ "EXTERNAL" }, tried())
    server:stop()
    start { mechanisms = { "EXTERNAL", "PLAIN" } }
    assert(send())
    assert.same({ "PLAIN" }, tried()) -- nobody had asked for it
  end)

  it("leaves no secret in the session when its time is over", function()
    start { mechanisms = { "LOGIN" }, replies = { AUTH = false } }
    local conn = assert(ettsumailer.connect(options { from = false, to = false, subject = false, text = false,
      timeouts = { command = 0.5 } }))
    assert(conn:ehlo())
    assert(conn:starttls())
    assert(conn:ehlo())
    local reply, err = conn:auth()
    assert.is_nil(reply)
    assert.equal("TIMEOUT", err.code)
    assert.equal("STATE", select(2, conn.session:auth_step "")) -- no login is under way any more
  end)
end)
