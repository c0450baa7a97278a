-- The testing server where things go wrong: logins by script, handshakes that fail, what a client
-- says too early, children and parents that are gone. Its ordinary days are in testing_server_spec.

local core = require "ettsumailer.core"
local data = require "ettsumailer.testing.data"
local ettsumailer = require "ettsumailer"
local server_of = require "ettsumailer.testing.server"

local USER, PASSWORD = "ettsu", "correct horse battery staple"

describe("the testing server", function()
  local server

  after_each(function()
    if server then
      server:stop()
    end
    server = nil
  end)

  local function send(more)
    local given = {
      host = "127.0.0.1", port = server.port, security = "none", timeout = 20, ehlo_name = "client.example",
      from = "a@example.com", to = "b@example.com", subject = "s", text = "hi\n",
    }
    for name, value in pairs(more or {}) do
      given[name] = value
    end
    return ettsumailer.send(given)
  end

  local function login()
    return send { security = "starttls", ca_pem = server.certificate, user = USER, password = PASSWORD }
  end

  -- Says the lines in the clear and returns what comes until the server closes, or stops talking.
  local function talk(bytes)
    local socket = assert(core.connect("127.0.0.1", server.port))
    assert(core.wait(socket, "w", core.clock() + 5000))
    assert.equal(#bytes, socket:send(bytes))
    local pieces = {}
    while core.wait(socket, "r", core.clock() + 300) do
      local piece = socket:receive(65536)
      if not piece then
        break
      end
      pieces[#pieces + 1] = piece
    end
    socket:close()
    return table.concat(pieces)
  end

  local function dialogue()
    return table.concat(server:log(), "\n")
  end

  describe("tells what goes wrong with the handshake:", function()
    for _, case in ipairs {
      { "it is cut", { cut = true }, "CLOSED" },
      { "it is cut in its middle", { octets = 100 }, "CLOSED" },
      { "it is never answered", false, "TIMEOUT" },
      { "it is late", { delay = 0.3 } },
      { "the second is good", { { cut = true }, {} }, "CLOSED" },
    } do
      for _, security in ipairs { "starttls", "implicit" } do
        it(case[1] .. ", " .. security, function()
          server = assert(server_of.start {
            tls = security == "starttls", implicit_tls = security == "implicit", replies = { tls = case[2] },
          })
          local began = core.clock()
          local more = { security = security, ca_pem = server.certificate, timeouts = { tls = 1 } }
          if case[3] == "TIMEOUT" then
            more.timeouts.tls = 0.2
          end
          local result, err = send(more)
          assert.equal(case[3], err and err.code)
          assert.equal(case[3] == nil, result ~= nil)
          if case[1] == "it is late" then
            assert.is_true(core.clock() - began >= 300)
          elseif case[1] == "the second is good" then
            assert(send(more))
          end
        end)
      end
    end

    it("its certificate has run out", function()
      server = assert(server_of.start { tls = true, certificate = { not_before = -7200, not_after = -3600 } })
      local _, err = send { security = "starttls", ca_pem = server.certificate }
      assert.equal("TLS_VERIFY", err.code)
      assert.matches("expired", tostring(err))
    end)

    it("the client's reason is in the log", function()
      server = assert(server_of.start { implicit_tls = true })
      assert.equal("", talk "EHLO x.example\r\n")
      assert.equal("S: (TLS: the client does not speak TLS where a handshake was due)", server:log()[2])
    end)
  end)

  it("answers STARTTLS as it is told, also without TLS", function()
    server = assert(server_of.start { tls = true, replies = { STARTTLS = "454 4.7.0 not now" } })
    assert.equal(454, select(2, send { security = "starttls", ca_pem = server.certificate }).smtp_code)
    server:stop()
    server = assert(server_of.start {
      extensions = { "STARTTLS" }, replies = { STARTTLS = { text = "220 go", cut = true } },
    })
    assert.equal("CLOSED", select(2, send { security = "starttls", ca_pem = core.certificate() }).code)
    server:set_replies { STARTTLS = "220 go" }
    assert.equal(1, #server:messages() + 1)
  end)

  it("takes nothing that was said in the clear behind STARTTLS", function()
    server = assert(server_of.start { tls = true })
    local answer = talk "EHLO x.example\r\nSTARTTLS\r\nMAIL FROM:<a@x.example>\r\nEHLO y.example\r\n"
    assert.matches("220 2%.0%.0 go ahead\r\n$", answer)
    assert.is_nil(dialogue():find("C: MAIL", 1, true))
    assert.is_nil(dialogue():find("y.example", 1, true))
  end)

  it("answers every turn of a login by the script", function()
    server = assert(server_of.start { tls = true, user = USER, password = PASSWORD })
    for code, replies in pairs {
      [454] = { AUTH = "454 4.7.0 later" }, [535] = { AUTH = { "535 5.7.8 no", "235 ok" } },
      [501] = { AUTH = { "334 =AAA", "235 never" } },
    } do
      server:set_replies(replies)
      local result, err = login()
      assert.is_nil(result)
      assert.equal(code == 501 and "PROTOCOL" or "AUTH", err.code)
      assert.equal(code ~= 501 and code or nil, err.smtp_code)
    end
    assert.matches("C: <hidden>\nS: 501", dialogue())
    server:set_replies { AUTH = { text = "235 ok", cut = true } }
    assert.equal("CLOSED", select(2, login()).code)
    server:set_replies { AUTH = "235 whatever you say" }
    assert(login())
    assert.is_nil(dialogue():find(core.base64_encode("\0" .. USER .. "\0" .. PASSWORD), 1, true))
  end)

  it("shows no secret, however it was said", function()
    server = assert(server_of.start { user = USER, password = PASSWORD, allow_plaintext_auth = true })
    local secret = core.base64_encode("\0" .. USER .. "\0" .. PASSWORD)
    local user, password = core.base64_encode(USER), core.base64_encode(PASSWORD)
    talk("EHLO x\r\nauth plain " .. secret .. "\r\n")
    talk("EHLO x\r\nAUTH\tPLAIN\t" .. secret .. "\r\n")
    talk("EHLO x\r\n  AUTH  PLAIN  " .. secret .. "\r\n")
    talk("EHLO x\r\nAUTH PLAIN\r\n" .. secret .. "\r\n")
    talk("EHLO x\r\nAUTH LOGIN " .. user .. "\r\n" .. password .. "\r\n")
    talk("EHLO x\r\nAUTH LOGIN\r\n" .. user .. "\r\n" .. password .. "\r\n")
    talk("EHLO x\r\nAUTH NONE " .. secret .. "\r\n")
    server:set_replies { AUTH = false }
    talk("EHLO x\r\nAUTH LOGIN\r\n" .. user .. "\r\n" .. password .. "\r\n")
    local log = dialogue()
    for _, hidden in ipairs { secret, password, user, PASSWORD } do
      assert.is_nil(log:find(hidden, 1, true))
    end
    local _, welcomes = log:gsub("S: 235", "")
    assert.equal(4, welcomes)
  end)

  it("offers no login before TLS", function()
    server = assert(server_of.start { tls = true, user = USER, password = PASSWORD })
    local answer = talk "EHLO x\r\nMAIL FROM:<a@x.example>\r\n"
    assert.is_nil(answer:find("AUTH", 1, true))
    assert.matches("530 5%.7%.0", answer)
    assert(login())
    assert.matches("AUTH PLAIN LOGIN", dialogue())
  end)

  it("takes a message of a megabyte, and hands it over as it was", function()
    server = assert(server_of.start { tls = true })
    local text = ("0123456789 abcdefghijklmnopqrstuvwxyz\n"):rep(30000)
    assert(send { text = text, security = "starttls", ca_pem = server.certificate })
    assert.equal(text, (server:messages()[1].data:match "\r\n\r\n(.*)$":gsub("\r\n", "\n")))
  end)

  it("keeps a log of any length", function()
    server = assert(server_of.start {})
    talk(("NOOP\r\n"):rep(40000) .. "QUIT\r\n")
    assert.equal(80003, #server:log())
  end)

  it("says what is wrong with the interpreter or an option", function()
    local handle, code, text = server_of.start { interpreter = "/nonexistent/lua" }
    assert.is_nil(handle)
    assert.equal("CLOSED", code)
    assert.matches("/nonexistent/lua: No such file", text)
    handle, code, text = server_of.start { interpreter = "false" }
    assert.is_nil(handle)
    assert.equal("CONFIG", code)
    assert.matches("did not start", text)
    local taken = assert(core.listen("127.0.0.1", 0))
    handle, code, text = server_of.start { port = select(2, taken:local_address()) }
    assert.is_nil(handle)
    assert.equal("CONFIG", code)
    assert.matches("in use", text)
    taken:close()
  end)

  it("raises, in the caller's line, for a script that cannot be handed over", function()
    server = assert(server_of.start {})
    local loop = {}
    loop.loop = loop
    for problem, misuse in pairs {
      ["a function cannot"] = function() server:set_replies { MAIL = print } end,
      ["not finite"] = function() server_of.start { replies = { 0 / 0 } } end,
      ["within itself"] = function() server:set_replies(loop) end,
    } do
      local ok, message = pcall(misuse)
      assert.is_false(ok)
      assert.matches("^[^\n]*faults_spec%.lua:%d+: testing server: .*" .. problem, message)
    end
    assert(send())
  end)

  it("answers nil when its process is gone", function()
    server = assert(server_of.start {})
    server.process:kill "KILL"
    local messages, code = server:messages()
    assert.is_nil(messages)
    assert.equal("CLOSED", code)
  end)

  it("ends when the process that started it has gone, however that went", function()
    local script = ([[
      package.path = %q package.cpath = %q
      local server = assert(require("ettsumailer.testing.server").start { interpreter = %q })
      io.write(server.port, "\n") io.flush() io.read "*l"
    ]]):format(package.path, package.cpath, os.getenv "ETTM_LUA" or "lua5.4")
    local parent = assert(core.spawn { os.getenv "ETTM_LUA" or "lua5.4", "-e", script })
    assert(core.wait(parent, "r", core.clock() + 20000))
    local port = tonumber(parent:read(100))
    parent:kill "KILL"
    local deadline = core.clock() + 10000
    local code
    repeat
      local socket = assert(core.connect("127.0.0.1", port))
      core.wait(socket, "w", deadline)
      code = select(2, socket:connected())
      socket:close()
    until code == "CONNECT" or core.clock() > deadline
    assert.equal("CONNECT", code)
    while select(2, parent:wait()) == "WAIT" do
      core.poll({}, core.clock() + 2)
    end
  end)
end)

describe("the data of the testing server", function()
  for _, value in ipairs {
    "", "a\0b\1\r\n\"\\", ("x"):rep(100000), 0, -1, 1.5, 2 ^ 53, 1e300, true, false,
    {}, { 1, 2, { a = { b = "c" } }, [10] = "x", [true] = false }, { [""] = "" },
  } do
    it("comes back as it was: " .. type(value) .. " " .. tostring(value):sub(1, 20):gsub("%W", "."), function()
      assert.same(value, data.decode(data.encode(value)))
    end)
  end

  it("may be nothing", function()
    assert.is_nil(data.decode(data.encode(nil)))
  end)

  it("is refused when it is something else", function()
    for _, text in ipairs { "", "x", "{", "return 1" } do
      assert.is_false((pcall(data.decode, text)))
    end
  end)
end)
