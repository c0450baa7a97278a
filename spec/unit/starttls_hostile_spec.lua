-- A server, or somebody before it, that plays tricks with STARTTLS: whatever it does, it hears of no
-- login and of no mail, and the caller is told what happened.
local authorities = require "support.certificates"
local core = require "ettsumailer.core"
local ettsumailer = require "ettsumailer"
local server_of = require "ettsumailer.testing.server"

local USER, PASSWORD = "ettsu", "correct horse battery staple"
local SECRETS = {
  PASSWORD, core.base64_encode(PASSWORD), core.base64_encode("\0" .. USER .. "\0" .. PASSWORD),
}

local authority = authorities.authority "Test CA"
local good = authority:issue { names = { "127.0.0.1" } }

local function with(identity, more)
  local all = { certificate = identity.certificate, key = identity.key }
  for name, value in pairs(more or {}) do
    all[name] = value
  end
  return all
end

local function issued(options)
  return with(authority:issue(options))
end

local function replies(of)
  return { replies = of }
end

-- A server that says 220 and then anything but TLS.
local function instead_of_tls(bytes)
  return {
    tls = false, extensions = { "STARTTLS" },
    replies = { STARTTLS = { text = "220 go", later = bytes } },
  }
end

local old = { tls_min_version = "1.0", tls_max_version = "1.1", security_level = 0, ciphers = "DEFAULT:@SECLEVEL=0" }

-- What it does; how the server is set up for it; the code and the stage, also where it is another
-- one with opportunistic TLS.
local TRICKS = {
  { "does not offer it", { tls = false }, "TLS", "STARTTLS", "TLS", "AUTH" },
  { "offers a login in the clear in its place", { tls = false, extensions = { "AUTH PLAIN LOGIN" } },
    "TLS", "STARTTLS", "TLS", "AUTH" },
  { "offers something that only begins like it", { tls = false, extensions = { "STARTTLSX", "AUTH PLAIN" } },
    "TLS", "STARTTLS", "TLS", "AUTH" },
  { "hides it in the greeting of EHLO",
    replies { EHLO = "250 STARTTLS\nAUTH PLAIN" }, "TLS", "STARTTLS", "TLS", "AUTH" },
  { "knows no EHLO", replies { EHLO = "502 what?" }, "REJECTED", "EHLO", "TLS", "AUTH" },
  { "refuses it for now", replies { STARTTLS = "454 4.7.0 not now" }, "REJECTED", "STARTTLS" },
  { "refuses it for good", replies { STARTTLS = "502 5.5.1 no" }, "REJECTED", "STARTTLS" },
  { "goes away instead", replies { STARTTLS = "421 4.3.2 bye" }, "REJECTED", "STARTTLS" },
  { "asks for more instead", replies { STARTTLS = "354 go on" }, "REJECTED", "STARTTLS" },
  { "hangs up instead of a reply", replies { STARTTLS = { text = "220 go", octets = 3 } }, "CLOSED", "STARTTLS" },
  { "injects a reply behind the 220",
    replies { STARTTLS = { text = "220 go\r\n250 AUTH PLAIN" } }, "PROTOCOL", "STARTTLS" },
  { "injects a part of a reply",
    replies { STARTTLS = { text = "220 go\r\n25", raw = true } }, "PROTOCOL", "STARTTLS" },
  { "injects a single octet", replies { STARTTLS = { text = "220 go\r\n\n", raw = true } }, "PROTOCOL", "STARTTLS" },
  { "injects what looks like TLS",
    replies { STARTTLS = { text = "220 go\r\n\22\3\3", raw = true } }, "PROTOCOL", "STARTTLS" },
  { "answers before it is asked", replies { EHLO = { text = "250-hi\r\n250 STARTTLS\r\n220 go\r\n", raw = true } },
    "PROTOCOL", "idle" },
  { "ends the line of its 220 badly",
    replies { STARTTLS = { text = "220 go\n", raw = true } }, "PROTOCOL", "STARTTLS" },
  { "hangs up behind the 220", replies { STARTTLS = { text = "220 go", cut = true } }, "CLOSED", "TLS" },
  { "never begins the handshake", replies { tls = false }, "TIMEOUT", "TLS" },
  { "hangs up at the handshake", replies { tls = { cut = true } }, "CLOSED", "TLS" },
  { "hangs up in the middle of the handshake", replies { tls = { octets = 300 } }, "CLOSED", "TLS" },
  { "goes on in the clear", instead_of_tls "250-hi\r\n250 AUTH PLAIN\r\n", "TLS_MODE", "TLS" },
  { "goes on in another language", instead_of_tls "HTTP/1.1 400 Bad Request\r\n\r\n", "TLS_MODE", "TLS" },
  { "sends rubbish in the form of TLS", instead_of_tls "\22\3\3\0\5hello", "TLS", "TLS" },
  { "sends a record that is larger than any", instead_of_tls("\22\3\3\255\255" .. ("x"):rep(70000)), "TLS", "TLS" },
  { "sends an alert", instead_of_tls "\21\3\3\0\2\2\40", "TLS", "TLS" },
  { "has an old version only", { tls_options = with(good, old) }, "TLS", "TLS" },
  { "has a certificate for another name", { tls_options = issued { names = { "127.0.0.2" } } }, "TLS_VERIFY", "TLS" },
  { "has a certificate that has run out",
    { tls_options = issued { names = { "127.0.0.1" }, not_before = -7200, not_after = -3600 } }, "TLS_VERIFY", "TLS" },
  { "has a certificate of its own making",
    { tls_options = with(authorities.authority "127.0.0.1") }, "TLS_VERIFY", "TLS" },
  { "offers no login behind the handshake",
    replies { EHLO = { "250 hi\nSTARTTLS\nAUTH PLAIN", "250 hi" } }, "AUTH", "AUTH" },
  { "knows no EHLO behind the handshake", replies { EHLO = { "250 hi\nSTARTTLS\nAUTH PLAIN", "502 what?" } },
    "REJECTED", "EHLO" },
  { "breaks the protocol behind the handshake",
    replies { EHLO = { "250 hi\nSTARTTLS\nAUTH PLAIN", { text = "25 AUTH PLAIN" } } }, "PROTOCOL", "EHLO" },
  { "hangs up behind the handshake",
    replies { EHLO = { "250 hi\nSTARTTLS\nAUTH PLAIN", { text = "250", octets = 1 } } }, "CLOSED", "EHLO" },
}

-- Without a login opportunistic TLS may go on in the clear where none is offered, and only there.
local function matters(trick, has_login)
  return has_login or not (trick[5] or trick[4] == "AUTH")
end

for _, mode in ipairs { { "starttls", true }, { "opportunistic", true }, { "opportunistic", false } } do
  local security, has_login = mode[1], mode[2]
  local what = 'with security = "%s"%s a server that'
  describe(what:format(security, has_login and "" or " and no login"), function()
    local server

    after_each(function()
      server:stop()
    end)

    local function start(how)
      local given = { tls = true, tls_options = with(good), user = USER, password = PASSWORD }
      for name, value in pairs(how) do
        given[name] = value
      end
      if not (given.tls and has_login) then
        given.user, given.password = nil, nil
      end
      if not given.tls then
        given.tls_options = nil
      end
      server = assert(server_of.start(given))
    end

    local function send(lines)
      return ettsumailer.send {
        host = "127.0.0.1", port = server.port, security = security, timeout = 20, timeouts = { tls = 0.5 },
        ehlo_name = "client.example", ca_pem = authority.certificate,
        user = has_login and USER or nil, password = has_login and PASSWORD or nil,
        from = "a@example.com", to = "b@example.com", subject = "s", text = "hi\n",
        on_protocol = function(direction, line)
          lines[#lines + 1] = direction .. ": " .. line
        end,
      }
    end

    local function check(trick)
      it(trick[1] .. " hears of no login and of no mail", function()
        start(trick[2])
        local lines = {}
        local result, err = send(lines)
        assert.is_nil(result)
        local has_own = security == "opportunistic" and trick[5]
        assert.equal(has_own and trick[5] or trick[3], err.code)
        assert.equal(has_own and trick[6] or trick[4], err.stage)
        assert.is_true(err.delivery == "not_sent" or err.smtp_code ~= nil)
        assert.same({ "b@example.com" }, err.not_sent)
        local shown = table.concat(server:log(), "\n") .. table.concat(lines, "\n")
        assert.is_nil(shown:find "C: [AMRD][UAC][TIPA]") -- AUTH, MAIL, RCPT, DATA
        shown = shown .. tostring(err) .. err.transcript
        for _, secret in ipairs(SECRETS) do
          assert.is_nil(shown:find(secret, 1, true))
        end
        assert.same({}, server:messages())
      end)
    end

    for _, trick in ipairs(TRICKS) do
      if matters(trick, has_login) then
        check(trick)
      end
    end

    it("does it right gets what there is", function()
      start {}
      assert(send {})
      assert.is_true(server:messages()[1].tls)
      assert.equal(has_login and USER or nil, server:messages()[1].user)
    end)
  end)
end
