-- The bare TLS engine of the C module and the certificates it makes, against a client's session,
-- back to back in memory. TLS as a user of the library sees it is in tls_spec.lua.

local core = require "ettsumailer.core"

local NAMES = { "localhost", "127.0.0.1" }

local certificate, key = core.certificate { names = NAMES, days = 1 }

local function server_engine(own_certificate, own_key)
  return assert(core.tls(assert(core.tls_context {
    server = true, certificate = own_certificate or certificate, key = own_key or key,
  })))
end

local function client_context(options)
  options = options or {}
  options.ca_pem = options.ca_pem or certificate
  return assert(core.tls_context(options))
end

-- Hands what one has to send to the other, in pieces of at most `size` octets.
local function carry(from, to, size)
  local moved = false
  local bytes = from:peek(math.min(size or 65536, math.max(to:room(), 1)))
  while bytes ~= "" and to:room() >= #bytes do
    assert(to:feed(bytes))
    from:skip(#bytes)
    moved = true
    bytes = from:peek(math.min(size or 65536, math.max(to:room(), 1)))
  end
  return moved
end

-- Both ways until neither has anything to say. Returns what the server's handshake said last, and
-- the kinds of the client's events, or its failure.
local function shake(session, engine, size)
  local events = {}
  local failure, server
  repeat
    local moved = carry(session, engine, size)
    server = { engine:handshake() }
    moved = carry(engine, session, size) or moved
    local event, code, text = session:next()
    while event do
      events[#events + 1] = event.kind
      event, code, text = session:next()
    end
    failure = failure or (code and { code, text })
  until not moved
  return server, table.concat(events, " "), failure
end

-- All plain text that the engine has.
local function read_all(engine)
  local pieces = {}
  while true do
    local piece, code, text = engine:read(1000)
    if not piece then
      return table.concat(pieces), code, text
    end
    pieces[#pieces + 1] = piece
  end
end

local function implicit(options, name)
  local session = assert(core.session())
  assert(session:start_tls(client_context(options), name or "localhost"))
  return session, server_engine()
end

-- Implicit TLS, done, greeted and past EHLO.
local function connected()
  local session, engine = implicit()
  shake(session, engine)
  engine:write "220 mail.example ESMTP\r\n"
  shake(session, engine)
  assert(session:command("EHLO", "me.example"))
  shake(session, engine)
  assert.are.equal("EHLO me.example\r\n", (read_all(engine)))
  engine:write "250-mail.example\r\n250 SIZE 1000000\r\n"
  shake(session, engine)
  return session, engine
end

describe("a TLS engine of the core", function()
  for _, size in ipairs { 65536, 100, 1 } do
    it(("does the server's side of implicit TLS in pieces of %d octets"):format(size), function()
      local session, engine = implicit()
      assert.are.same({ nil, "WAIT" }, { engine:handshake() })
      assert.is_nil(session:tls())
      local server, events, failure = shake(session, engine, size)
      assert.are.same({ true }, server)
      assert.are.equal("", events)
      assert.is_nil(failure)
      assert.is_true(session:tls().verified)
      assert.are.equal(11, engine:write "220 ready\r\n")
      assert.are.equal("GREETING", select(2, shake(session, engine, size)))
    end)

    it(("does the server's side of STARTTLS in pieces of %d octets"):format(size), function()
      local session = assert(core.session())
      assert(session:feed "220 mail.example ESMTP\r\n")
      session:next()
      assert(session:command("EHLO", "me.example"))
      session:skip(#session:peek())
      assert(session:feed "250-mail.example\r\n250 STARTTLS\r\n")
      session:next()
      assert(session:command "STARTTLS")
      assert.are.equal("STARTTLS\r\n", session:peek())
      session:skip(10)
      assert(session:feed "220 go ahead\r\n")
      assert.are.equal("STARTTLS", session:next().kind)
      assert(session:start_tls(client_context(), "127.0.0.1"))
      local engine = server_engine()
      assert.are.same({ true }, (shake(session, engine, size)))
      assert(session:command("EHLO", "me.example"))
      shake(session, engine, size)
      assert.are.equal("EHLO me.example\r\n", (read_all(engine)))
      assert(engine:write "250-mail.example\r\n250 AUTH PLAIN\r\n")
      local _, events = shake(session, engine, size)
      assert.are.equal("CAPABILITIES", events)
      assert.are.equal("PLAIN", session:offers "AUTH")
      assert.is_nil(session:offers "STARTTLS")
    end)
  end

  it("lets nothing of what it carries show on the wire", function()
    local session, engine = connected()
    assert(session:command("MAIL", "a@x.example"))
    assert.is_nil(session:peek():find("MAIL", 1, true))
    shake(session, engine)
    assert.are.equal("MAIL FROM:<a@x.example>\r\n", (read_all(engine)))
    engine:write "250 2.1.0 a secret\r\n"
    assert.is_nil(engine:peek():find("secret", 1, true))
    assert.are.equal("MAIL", select(2, shake(session, engine)))
  end)

  it("takes what it has room for and says WAIT for the rest", function()
    local session, engine = implicit()
    shake(session, engine)
    local large, at, code = ("x"):rep(1000000), 1, nil
    while at <= #large do
      local n
      n, code = engine:write(large, at)
      if not n then
        break
      end
      at = at + n
    end
    assert.are.equal("WAIT", code)
    assert.is_true(at > 16384 and at < 200000)
    assert.are.equal(0, engine:write("abc", 4))
    assert.is_false((pcall(engine.write, engine, "abc", 5)))
  end)

  it("ends a connection with close_notify, in both directions", function()
    local session, engine = connected()
    session:tls_close()
    shake(session, engine)
    assert.are.same({ "", "DONE" }, { read_all(engine) })
    engine:finish()
    engine:finish()
    carry(engine, session)
    assert.are.equal("CLOSED", session:next().kind)
  end)

  it("tells an end without close_notify from one with it", function()
    local _, engine = connected()
    assert.is_true(engine:feed_eof())
    local _, code, text = read_all(engine)
    assert.are.equal("CLOSED", code)
    assert.is_truthy(text:find("close_notify", 1, true))
  end)

  it("has no plain text before the handshake is done", function()
    local engine = server_engine()
    assert.are.equal("STATE", select(2, engine:read(10)))
    assert.are.equal("STATE", select(2, engine:write "x"))
  end)

  it("knows a client that speaks no TLS", function()
    local engine = server_engine()
    engine:feed "EHLO me.example\r\n"
    local ok, code, text = engine:handshake()
    assert.is_nil(ok)
    assert.are.equal("TLS_MODE", code)
    assert.is_truthy(text:find("does not speak TLS", 1, true))
    assert.are.equal("TLS_MODE", select(2, engine:handshake()))
  end)

  it("learns from an alert that the client does not trust it", function()
    local session = assert(core.session())
    assert(session:start_tls(client_context { ca_pem = core.certificate {} }, "localhost"))
    local engine = server_engine()
    local server, _, failure = shake(session, engine)
    assert.are.equal("TLS_VERIFY", failure[1])
    assert.are.equal("TLS", server[2])
    assert.is_string(server[3])
  end)

  it("raises when more is fed than there is room, or skipped than peek lends", function()
    local engine = server_engine()
    assert.is_false((pcall(engine.feed, engine, ("x"):rep(engine:room() + 1))))
    assert.is_false((pcall(engine.skip, engine, 1)))
    assert.are.equal("", engine:peek())
    assert.is_false((pcall(engine.peek, engine, 0)))
  end)

  it("is of no use once it is closed", function()
    local engine = server_engine()
    engine:close()
    assert.are.equal("ettsumailer.tls (closed)", tostring(engine))
    assert.is_false((pcall(engine.peek, engine)))
  end)

  it("needs a name to verify, as a client", function()
    local engine, code, text = core.tls(client_context())
    assert.is_nil(engine)
    assert.are.equal("CONFIG", code)
    assert.is_string(text)
  end)

  it("is a client as well", function()
    local client = assert(core.tls(client_context(), "localhost"))
    local server = server_engine()
    repeat
      client:handshake()
      local moved = carry(client, server)
      server:handshake()
      moved = carry(server, client) or moved
    until not moved
    assert.is_true(client:handshake())
    assert.are.equal(5, client:write "hello")
    carry(client, server)
    assert.are.equal("hello", (read_all(server)))
  end)
end)

describe("core.certificate", function()
  -- How a client takes it.
  local function verdict(options, name, ca_pem)
    local own, own_key = assert(core.certificate(options))
    local session = assert(core.session())
    assert(session:start_tls(client_context { ca_pem = ca_pem or own }, name or "localhost"))
    local _, _, failure = shake(session, server_engine(own, own_key))
    return failure and failure[1] or "ok", failure and failure[2]
  end

  it("makes one that is good for its names", function()
    assert.are.equal("ok", (verdict { names = NAMES, days = 1 }))
    assert.are.equal("ok", (verdict({ names = NAMES }, "127.0.0.1")))
    assert.are.equal("TLS_VERIFY", (verdict({ names = NAMES }, "other.example")))
  end)

  it("makes one that has run out, or is not good yet", function()
    local code, text = verdict { names = NAMES, not_before = -7200, not_after = -3600 }
    assert.are.equal("TLS_VERIFY", code)
    assert.is_truthy(text:find("expired", 1, true))
    code, text = verdict { names = NAMES, not_before = 3600, not_after = 7200 }
    assert.are.equal("TLS_VERIFY", code)
    assert.is_truthy(text:find("not yet valid", 1, true))
    assert.are.equal("TLS_VERIFY", (verdict { names = NAMES, not_after = 0 }))
  end)

  it("makes one that another has signed", function()
    local authority, authority_key = core.certificate { common_name = "Test CA", authority = true }
    local signed = { names = NAMES, issuer_certificate = authority, issuer_key = authority_key }
    assert.are.equal("ok", (verdict(signed, "localhost", authority)))
    assert.are.equal("TLS_VERIFY", (verdict({ names = NAMES }, "localhost", authority)))
  end)

  it("gives PEM text, another key each time", function()
    local one, one_key = core.certificate()
    local _, other_key = core.certificate()
    assert.is_truthy(one:find("^%-%-%-%-%-BEGIN CERTIFICATE%-%-%-%-%-\n"))
    assert.is_truthy(one_key:find("^%-%-%-%-%-BEGIN PRIVATE KEY%-%-%-%-%-\n"))
    assert.are_not.equal(one_key, other_key)
  end)

  it("answers for a value that is none, and raises for what is misuse", function()
    local ok, code, text = core.certificate { issuer_certificate = "x", issuer_key = "y" }
    assert.is_nil(ok)
    assert.are.equal("CONFIG", code)
    assert.is_string(text)
    for _, options in ipairs {
      { names = "localhost" }, { names = { 1 } }, { names = { "a b" } }, { names = { "a,b" } }, { names = { "a\0" } },
      { names = { "a", false, "b" } }, { days = 0 }, { days = 1, not_after = 5 }, { nonsense = 1 }, { not_after = "1" },
      { names = { (("x "):rep(65)):match "^(.*) $" } },
    } do
      assert.is_false((pcall(core.certificate, options)))
    end
    local many = {}
    for i = 1, 65 do
      many[i] = "x" .. i
    end
    assert.is_false((pcall(core.certificate, { names = many })))
  end)
end)
