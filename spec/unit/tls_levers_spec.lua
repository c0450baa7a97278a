-- The levers of TLS, each for one mailer only: what is trusted, versions and ciphers, the client's
-- own certificate.
local authorities = require "support.certificates"
local core = require "ettsumailer.core"
local ettsumailer = require "ettsumailer"
local server_of = require "ettsumailer.testing.server"

local PHRASE = "a phrase that opens it"

local authority = authorities.authority "Test CA"
local leaf = authority:issue { names = { "127.0.0.1" } }
local own = authority:issue { names = { "client.example" } }
local locked_key = authority:lock(own.key, PHRASE)

describe("a mailer", function()
  local server

  after_each(function()
    if server then
      server:stop()
    end
    server = nil
  end)

  teardown(function()
    authority:close()
  end)

  local function start(more)
    local own_options = { certificate = leaf.certificate, key = leaf.key }
    for name, value in pairs(more or {}) do
      own_options[name] = value
    end
    server = assert(server_of.start { implicit_tls = true, tls_options = own_options })
  end

  local function send(more)
    local given = {
      host = "127.0.0.1", port = server.port, security = "implicit", timeout = 20, ca_pem = authority.certificate,
      ehlo_name = "client.example", from = "a@example.com", to = "b@example.com", subject = "s", text = "hi\n",
    }
    for name, value in pairs(more or {}) do
      given[name] = value
    end
    return ettsumailer.send(given)
  end

  it("has ciphers of its own", function()
    start { tls_max_version = "1.2" }
    local cipher = "ECDHE-ECDSA-AES128-GCM-SHA256"
    assert.equal(cipher, assert(send { ciphers = cipher }).tls.cipher)
    assert.is_not.equal(cipher, assert(send()).tls.cipher)
    local _, err = send { ciphers = "NO-SUCH-CIPHER" }
    assert.equal("CONFIG", err.code)
    assert.matches("ciphers", err.text)
  end)

  it("has versions and a level of its own, and the next one does not", function()
    start { tls_min_version = "1.0", tls_max_version = "1.1", security_level = 0, ciphers = "DEFAULT:@SECLEVEL=0" }
    assert.equal("TLSv1.1", assert(send { tls_min_version = "1.0", security_level = 0 }).tls.version)
    assert.equal("TLS", select(2, send()).code)
    for _, wrong in ipairs { "1.4", "TLSv1.2", "1.2 " } do
      local _, err = send { tls_min_version = wrong }
      assert.equal("CONFIG", err.code)
      assert.matches("tls_min_version", err.text)
    end
  end)

  it("shows a certificate of its own where one is wanted", function()
    start { ca_pem = authority.certificate }
    local _, err = send()
    assert.equal("TLS", err.code)
    assert.equal("not_sent", err.delivery)
    assert.matches("client_cert", err.hint)
    assert(send { client_cert = own.certificate, client_key = own.key })
    assert(send { client_cert = own.certificate .. own.key })
    assert(send {
      client_cert = authority:file("own.pem", own.certificate), client_key = authority:file("own.key", own.key),
    })
  end)

  it("opens its key with the pass phrase and with no other, and asks nobody for one", function()
    start { ca_pem = authority.certificate }
    assert(send { client_cert = own.certificate, client_key = locked_key, client_key_password = PHRASE })
    for _, phrase in ipairs { "", "another phrase", PHRASE .. "x" } do
      local _, err = send {
        client_cert = own.certificate, client_key = locked_key, client_key_password = phrase ~= "" and phrase or nil,
      }
      assert.equal("CONFIG", err.code)
      assert.matches("pass phrase", err.text)
      assert.is_nil(tostring(err):find("another phrase", 1, true))
      assert.is_nil(tostring(err):find(PHRASE, 1, true))
    end
  end)

  it("takes a pinned key whoever vouches for it, as hexadecimal or base64, and no other", function()
    start()
    local pin = authorities.key_digest(leaf.certificate)
    local raw = pin:gsub("%x%x", function(x) return string.char(tonumber(x, 16)) end)
    local stranger = core.certificate { names = { "stranger.example" } }
    assert(send { ca_pem = stranger, pin_sha256 = pin })
    assert(send { ca_pem = stranger, pin_sha256 = core.base64_encode(raw) })
    assert(send { ca_pem = stranger, pin_sha256 = ("00"):rep(32) .. ", " .. pin })
    local _, err = send { ca_pem = stranger, pin_sha256 = ("00"):rep(32) }
    assert.equal("TLS_PIN", err.code)
    _, err = send { ca_pem = stranger, pin_sha256 = pin, tls_name = "other.example" }
    assert.equal("TLS_VERIFY", err.code)
    assert.equal("CONFIG", select(2, send { pin_sha256 = "abc" }).code)
  end)

  -- Sends without any option of TLS, in a process whose environment names the trust store.
  local function send_in_child(environment)
    local chunk = authority:file("child.lua", ([[
      local result, err = require("ettsumailer").send {
        host = "127.0.0.1", port = %d, security = "implicit", timeout = 20, ehlo_name = "client.example",
        from = "a@example.com", to = "b@example.com", text = "hi\n",
      }
      print(result and result.tls.verified, err)
    ]]):format(server.port))
    local pipe = assert(io.popen(("%s '%s' '%s' 2>&1"):format(environment, os.getenv "ETTM_LUA" or "lua5.4", chunk)))
    local said = pipe:read "*a"
    pipe:close()
    return said
  end

  it("verifies without an option, by the certificates that SSL_CERT_FILE names", function()
    start()
    local ca = authority:file("trusted.pem", authority.certificate)
    assert.equal("true\tnil\n", send_in_child("SSL_CERT_FILE='" .. ca .. "'"))
    assert.matches("^nil\tTLS_VERIFY at TLS: ", send_in_child "env -u SSL_CERT_FILE -u SSL_CERT_DIR")
    assert.matches("SSL_CERT_FILE is set to /nonexistent/ca.pem",
      send_in_child "env -u SSL_CERT_DIR SSL_CERT_FILE=/nonexistent/ca.pem")
  end)
end)
