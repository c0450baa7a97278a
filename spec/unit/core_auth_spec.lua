-- The login of a session: AUTH, challenges and responses, and that no secret is left anywhere.
-- Not: the connection's choice of a mechanism (spec/unit/connection_spec.lua).

local core = require "ettsumailer.core"

local USER, PASSWORD = "tim", "tanstaaftanstaaf"
local PLAIN = "AHRpbQB0YW5zdGFhZnRhbnN0YWFm" -- RFC 4616 4
local USER_64, PASSWORD_64 = "dGlt", "dGFuc3RhYWZ0YW5zdGFhZg=="

-- What the session has to send, all of it.
local function sent(session)
  local pieces, piece = {}, session:peek()
  while piece ~= "" do
    session:skip(#piece)
    pieces[#pieces + 1] = piece
    piece = session:peek()
  end
  return table.concat(pieces)
end

-- The kind of each event that the bytes bring; then the last one.
local function kinds(session, bytes)
  local names, last = {}, nil
  assert(session:feed(bytes))
  local event = session:next()
  while event do
    names[#names + 1], last = event.kind, event
    event = session:next()
  end
  return table.concat(names, " "), last
end

local function greeted(auth)
  local session = assert(core.session())
  kinds(session, "220 mail.example ESMTP\r\n")
  assert(session:command("EHLO", "me.example"))
  sent(session)
  kinds(session, "250-mail.example\r\n250-PIPELINING\r\n250 " .. (auth or "AUTH PLAIN LOGIN") .. "\r\n")
  return session
end

-- Begins a login; the AUTH line has left.
local function begun(mechanism, user, password)
  local session = greeted()
  assert.is_true(session:auth(mechanism, user or USER, password or PASSWORD))
  return session, sent(session)
end

local function has_no_secret(text)
  for _, secret in ipairs { PASSWORD, PLAIN, PASSWORD_64 } do
    assert.is_nil(tostring(text):find(secret, 1, true))
  end
end

describe("core.sasl_mechanisms", function()
  it("tells the mechanisms in the order to try them", function()
    local list, needs = core.sasl_mechanisms()
    assert.are.same({
      "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1", "OAUTHBEARER", "XOAUTH2", "PLAIN",
      "LOGIN", "CRAM-MD5", "EXTERNAL",
    }, list)
    assert.are.equal("password", needs["SCRAM-SHA-1"])
    assert.are.equal("token", needs.XOAUTH2)
    assert.are.equal("nothing", needs.EXTERNAL)
  end)
end)

describe("a login over a session of the core", function()
  it("sends PLAIN's message with the command", function()
    local session, line = begun "PLAIN"
    assert.are.equal("AUTH PLAIN " .. PLAIN .. "\r\n", line)
    assert.are.equal("AUTHENTICATED", (kinds(session, "235 2.7.0 welcome\r\n")))
  end)

  it("knows a mechanism in any case", function()
    local _, line = begun "plain"
    assert.are.equal("AUTH PLAIN " .. PLAIN .. "\r\n", line)
  end)

  it("answers LOGIN's two challenges", function()
    local session, line = begun "LOGIN"
    assert.are.equal("AUTH LOGIN\r\n", line)
    local kind, event = kinds(session, "334 VXNlcm5hbWU6\r\n")
    assert.are.equal("CHALLENGE", kind)
    assert.is_true(session:auth_step(event.text))
    assert.are.equal(USER_64 .. "\r\n", sent(session))
    kind, event = kinds(session, "334 UGFzc3dvcmQ6\r\n")
    assert.are.equal("CHALLENGE", kind)
    assert.is_true(session:auth_step(event.text))
    assert.are.equal(PASSWORD_64 .. "\r\n", sent(session))
    assert.are.equal("AUTHENTICATED", (kinds(session, "235 ok\r\n")))
  end)

  it("answers an empty user name with an empty line", function()
    local session = begun("LOGIN", "", "p")
    kinds(session, "334 VXNlcm5hbWU6\r\n")
    assert.is_true(session:auth_step "VXNlcm5hbWU6")
    assert.are.equal("\r\n", sent(session))
  end)

  it("keeps the AUTH line within 512 octets; a longer response waits for the challenge", function()
    local lengths = {}
    for size = 360, 384 do
      local password = ("p"):rep(size - 3)
      local session, line = begun("PLAIN", "u", password)
      lengths[#line] = true
      assert.are.equal(13 + math.ceil(size / 3) * 4 > 512, line == "AUTH PLAIN\r\n")
      if line == "AUTH PLAIN\r\n" then
        kinds(session, "334 \r\n")
        assert.is_true(session:auth_step "")
        assert.are.equal(core.base64_encode("\0u\0" .. password) .. "\r\n", sent(session))
      end
    end
    assert.is_true(lengths[509] and lengths[12])
    assert.is_nil(lengths[513])
  end)

  it("sends the longest secret that there may be", function()
    local password = ("p"):rep(4096)
    local session = begun("PLAIN", password, password)
    kinds(session, "334 \r\n")
    assert.is_true(session:auth_step "")
    assert.are.equal(#core.base64_encode(password .. password .. "ab") + 2, #sent(session))
  end)

  for _, challenge in ipairs { "=AAA", "AA=A", "!", "Password:", "AAA" } do
    it(("cancels at the challenge %s, which is no base64"):format(challenge), function()
      local session = begun "LOGIN"
      local kind, event = kinds(session, "334 " .. challenge .. "\r\n")
      assert.are.equal("CHALLENGE", kind)
      local ok, code, text = session:auth_step(event.text)
      assert.is_nil(ok)
      assert.are.equal("PROTOCOL", code)
      has_no_secret(text)
      assert.are.equal("*\r\n", sent(session))
      assert.are.equal("REFUSED", (kinds(session, "501 5.7.0 cancelled\r\n")))
      assert.is_true(session:auth("PLAIN", USER, PASSWORD))
    end)
  end

  it("cancels at a challenge too many", function()
    local session = begun "PLAIN"
    kinds(session, "334 \r\n")
    assert.are.equal("PROTOCOL", select(2, session:auth_step ""))
    assert.are.equal("*\r\n", sent(session))
  end)

  it("may be tried again when it was refused", function()
    local session = begun "PLAIN"
    assert.are.equal("REFUSED", (kinds(session, "535 5.7.8 no\r\n")))
    assert.are.equal("STATE", select(2, session:auth_step ""))
    assert.is_true(session:auth("LOGIN", USER, PASSWORD))
    assert.are.equal("AUTH LOGIN\r\n", sent(session))
  end)

  it("is one at a time", function()
    local session = begun "LOGIN"
    local ok, code = session:auth("PLAIN", USER, PASSWORD)
    assert.is_nil(ok)
    assert.are.equal("STATE", code)
    assert.are.equal("", sent(session))
    kinds(session, "334 VXNlcm5hbWU6\r\n")
    assert.is_true(session:auth_step "VXNlcm5hbWU6")
  end)

  it("waits for what was queued before it", function()
    local session = greeted()
    assert(session:command "NOOP")
    assert.is_true(session:auth("LOGIN", USER, PASSWORD))
    sent(session)
    assert.are.equal("REPLY", (kinds(session, "250 ok\r\n")))
    assert.are.equal("AUTH LOGIN\r\n", sent(session))
    kinds(session, "334 VXNlcm5hbWU6\r\n")
    assert.is_true(session:auth_step "VXNlcm5hbWU6")
    assert.are.equal(USER_64 .. "\r\n", sent(session))
  end)

  it("ends with the session", function()
    for _, bytes in ipairs { "421 4.3.2 going down\r\n", "nonsense\r\n" } do
      local session = begun "LOGIN"
      kinds(session, bytes)
      assert.are.equal("STATE", select(2, session:auth_step "VXNlcm5hbWU6"))
    end
    local session = begun "LOGIN"
    assert(session:feed_eof())
    session:next()
    assert.are.equal("STATE", select(2, session:auth_step "VXNlcm5hbWU6"))
    session:close()
  end)

  it("is not there where AUTH is not offered", function()
    local session = greeted "SIZE"
    local ok, code, text = session:auth("PLAIN", USER, PASSWORD)
    assert.is_nil(ok)
    assert.are.equal("CONFIG", code)
    has_no_secret(text)
    assert.are.equal("", sent(session))
  end)

  it("refuses what no server could take, and queues nothing", function()
    local session = greeted()
    for _, case in ipairs {
      { "GSSAPI", USER, PASSWORD }, { "", USER, PASSWORD }, { "PLAIN", "a\0b", PASSWORD },
      { "PLAIN", USER, PASSWORD .. "\0" }, { "LOGIN", USER, PASSWORD .. "\255" },
      { "LOGIN", USER, PASSWORD:rep(1000) },
    } do
      local ok, code, text = session:auth(case[1], case[2], case[3])
      assert.is_nil(ok)
      assert.are.equal("CONFIG", code)
      assert.is_truthy(text:find("AUTH", 1, true))
      has_no_secret(text)
    end
    assert.are.equal("", sent(session))
    assert.is_true(session:auth("PLAIN", USER, PASSWORD))
  end)

  it("raises where a user or a password is missing", function()
    local session = greeted()
    assert.is_false((pcall(session.auth, session, "PLAIN")))
    assert.is_false((pcall(session.auth, session, "PLAIN", USER)))
    assert.is_false((pcall(session.auth, session, "PLAIN", USER, 1)))
    assert.is_false((pcall(session.auth_step, session)))
  end)

  it("is hidden in the transcript", function()
    for _, mechanism in ipairs { "PLAIN", "LOGIN" } do
      local session = begun(mechanism)
      kinds(session, mechanism == "LOGIN" and "334 VXNlcm5hbWU6\r\n" or "235 ok\r\n")
      if mechanism == "LOGIN" then
        session:auth_step "VXNlcm5hbWU6"
        sent(session)
        kinds(session, "334 UGFzc3dvcmQ6\r\n")
        session:auth_step "UGFzc3dvcmQ6"
        sent(session)
        kinds(session, "235 ok\r\n")
      end
      local transcript = session:transcript()
      has_no_secret(transcript)
      assert.is_nil(transcript:find(USER_64, 1, true))
      assert.is_truthy(transcript:find("AUTH " .. mechanism, 1, true))
      has_no_secret(session)
    end
  end)

  it("is masked where the server says it again, whole or cut", function()
    for _, words in ipairs { PLAIN, PLAIN:sub(1, 20), PASSWORD, PASSWORD:sub(1, 10) } do
      local session = begun "PLAIN"
      local kind, event = kinds(session,
        "500-5.5.2 unrecognized: AUTH PLAIN " .. words .. "\r\n500 5.5.2 " .. words .. "!\r\n")
      assert.are.equal("REFUSED", kind)
      for _, text in ipairs { event.text, event.raw_text, session:transcript() } do
        assert.is_nil(text:find(words, 1, true))
        has_no_secret(text)
        assert.is_truthy(text:find("unrecognized", 1, true))
        assert.is_truthy(text:find("%*%*%*!"), text)
      end
    end
    local session = begun "LOGIN"
    kinds(session, "334 VXNlcm5hbWU6\r\n")
    session:auth_step "VXNlcm5hbWU6"
    sent(session)
    kinds(session, "334 UGFzc3dvcmQ6\r\n")
    session:auth_step "UGFzc3dvcmQ6"
    sent(session)
    has_no_secret(select(2, kinds(session, "535 what is " .. PASSWORD_64 .. " for?\r\n")).text)
    has_no_secret(session:transcript())
  end)

  it("by SCRAM is no login until the server has proven itself, and stays none", function()
    local session = greeted "AUTH SCRAM-SHA-256"
    assert.is_true(session:auth("SCRAM-SHA-256", "user", "pencil", { nonce = "rOprNGfwEbeRWgbNEkqO" }))
    assert.are.equal("AUTH SCRAM-SHA-256 biwsbj11c2VyLHI9ck9wck5HZndFYmVSV2diTkVrcU8=\r\n", sent(session))
    assert(session:feed "235 2.7.0 welcome\r\n")
    for _ = 1, 3 do
      local event, code, text = session:next()
      assert.is_nil(event)
      assert.are.equal("PROTOCOL", code)
      assert.is_truthy(text:find("without proving", 1, true))
    end
  end)

  it("raises for options that nobody knows", function()
    local session = greeted()
    assert.is_false((pcall(session.auth, session, "PLAIN", USER, PASSWORD, { nonsense = 1 })))
    assert.is_false((pcall(session.auth, session, "PLAIN", USER, PASSWORD, { port = 0 })))
    assert.are.equal("CONFIG", select(2, session:auth("SCRAM-SHA-1", USER, PASSWORD, { nonce = "a,b" })))
    assert.are.equal("CONFIG", select(2, session:auth("SCRAM-SHA-1-PLUS", USER, PASSWORD)))
    assert.is_nil(session:channel_binding())
  end)

  it("lets the server say what it likes once it is over", function()
    local session = begun "PLAIN"
    kinds(session, "535 no\r\n")
    assert(session:command "NOOP")
    sent(session)
    local _, event = kinds(session, "250 " .. PASSWORD .. "\r\n")
    assert.are.equal(PASSWORD, event.text) -- nothing of it is kept to compare with
  end)

  it("goes at any point of it with the session that is forgotten", function()
    for _ = 1, 20 do
      begun "LOGIN"
      begun "PLAIN"
      local session = greeted()
      session:auth("LOGIN", USER, PASSWORD)
      collectgarbage()
    end
  end)
end)
