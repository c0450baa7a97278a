local settings = require "ettsumailer.settings"

local function server(given)
  return settings.server("mailer", given, settings.SERVER, 1)
end

describe("the settings of a server", function()
  it("follow from the port", function()
    assert.equal("starttls", server({ host = "h" }).security)
    assert.equal(587, server({ host = "h" }).port)
    assert.equal("implicit", server({ host = "h", port = 465 }).security)
    assert.equal("opportunistic", server({ host = "h", port = 2525 }).security)
    assert.equal(465, server({ host = "h", security = "implicit" }).port)
  end)

  it("keep the timeouts of RFC 5321 unless told otherwise", function()
    local timeouts = server({ host = "h", timeouts = { final = 1.5 } }).timeouts
    assert.equal(300, timeouts.greeting)
    assert.equal(120, timeouts.data)
    assert.equal(180, timeouts.block)
    assert.equal(1.5, timeouts.final)
  end)

  it("are read from a URL, which other options beat", function()
    local found = server { url = "smtp://mail.example.com:2525" }
    assert.equal("mail.example.com", found.host)
    assert.equal(2525, found.port)
    assert.equal(26, server({ url = "smtp://mail.example.com:2525", port = 26 }).port)
    assert.equal("implicit", server({ url = "smtps://mail.example.com" }).security)
    assert.equal(465, server({ url = "smtps://mail.example.com" }).port)
    assert.equal("2001:db8::1", server({ url = "smtp://[2001:db8::1]:25" }).host)
  end)

  it("refuse a URL of another kind", function()
    for _, url in ipairs { "http://h", "h", "smtp://", "smtp://h/path", "smtp://h?x=1", "smtp://h:abc" } do
      local found, err = server { url = url }
      assert.is_nil(found, url)
      assert.equal("CONFIG", err.code)
    end
  end)

  it("refuse a host that no name can be", function()
    for _, host in ipairs { "", "a\r\nb", "a\0b", " a", "a ", ("x"):rep(254) } do
      local found, err = server { host = host }
      assert.is_nil(found)
      assert.equal("CONFIG", err.code)
      assert.matches("host", err.text)
    end
  end)

  it("refuse a port out of range and a security that is none", function()
    assert.equal("CONFIG", select(2, server { host = "h", port = 0 }).code)
    assert.equal("CONFIG", select(2, server { host = "h", port = 65536 }).code)
    assert.equal("CONFIG", select(2, server { host = "h", security = "tls" }).code)
  end)

  it("want a name for the certificate of a server behind a Unix socket", function()
    for _, security in ipairs { "starttls", "implicit" } do
      local _, err = server { unix_socket = "/run/smtp", security = security }
      assert.equal("CONFIG", err.code)
      assert.matches("tls_name", err.text)
      assert(server { unix_socket = "/run/smtp", security = security, tls_name = "mail.example.com" })
    end
    assert(server { unix_socket = "/run/smtp", security = "none" })
  end)

  it("say that the host is missing", function()
    assert.matches("host is missing", tostring(select(2, server {})))
  end)

  it("raise for an unknown timeout", function()
    assert.has_error(function() server { host = "h", timeouts = { connet = 1 } } end)
  end)

  it("list the extensions that are switched off", function()
    assert.equal("8BITMIME SIZE", server({ host = "h", extensions = { size = false, ["8BITMIME"] = false } }).without)
    assert.equal("CONFIG", select(2, server { host = "h", extensions = { SIZE = true } }).code)
    assert.equal("CONFIG", select(2, server { host = "h", extensions = { ["A B"] = false } }).code)
  end)

  it("name a certificate file that cannot be read", function()
    local found, err = server { host = "h", client_cert = "/nonexistent/cert.pem" }
    assert.is_nil(found)
    assert.matches("client_cert: /nonexistent/cert%.pem", err.text)
  end)

  it("make a TLS context at once where an option of it may be wrong, or TLS is a must", function()
    assert.is_nil(server({ host = "h", port = 25 }).tls_context) -- only if the server offers TLS
    assert.is_false(server({ host = "h", security = "none" }).tls_context)
    assert.equal("userdata", type(server({ host = "h" }).tls_context))
    assert.equal("userdata", type(server({ host = "h", port = 25, tls_min_version = "1.3" }).tls_context))
    local wrong = {
      ca_file = "/nonexistent/ca.pem", ca_pem = "none", crl_file = "/nonexistent/crl.pem",
      pin_sha256 = "none", client_cert = "/nonexistent/cert.pem", tls_min_version = "0.9",
      ciphers = "NONE", security_level = 9,
    }
    for name, value in pairs(wrong) do
      local found, err = server { host = "h", port = 25, [name] = value }
      assert.is_nil(found, name)
      assert.is_string(err.code, name)
    end
  end)

  it("make it once, when it is needed", function()
    local found = server { host = "h", port = 25 }
    local context = settings.tls_context(found)
    assert.equal("userdata", type(context))
    assert.equal(context, settings.tls_context(found))
    assert.is_false(settings.tls_context(server { host = "h", security = "none" }))
  end)
end)
