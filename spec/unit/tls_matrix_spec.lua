-- The certificate matrix: whom a client talks to, and what it says of those it does not talk to;
-- the same with TLS from the start and by STARTTLS.
local authorities = require "support.certificates"
local core = require "ettsumailer.core"
local ettsumailer = require "ettsumailer"
local server_of = require "ettsumailer.testing.server"

local NAME = "mail.example.com"
local USER, PASSWORD = "ettsu", "correct horse battery staple"

local authority = authorities.authority "Test CA"
local other_authority = authorities.authority "Other CA"
local intermediate = authorities.authority("Intermediate CA", authority)

local function issued(options)
  return authority:issue(options)
end

local function self_signed(names)
  local certificate, key = core.certificate { names = names }
  return { certificate = certificate, key = key }
end

local good = issued { names = { NAME } }
local revoked = issued { names = { NAME } }
local alone = intermediate:issue { names = { NAME } }
local chain = { certificate = alone.certificate .. intermediate.certificate, key = alone.key }
local own = self_signed { NAME }
local weak = authority:issue_rsa(NAME, 1024)
local revocation_list = authority:revocation_list { revoked }

local function with(identity, more)
  local all = { certificate = identity.certificate, key = identity.key }
  for name, value in pairs(more) do
    all[name] = value
  end
  return all
end

local old = { tls_min_version = "1.0", tls_max_version = "1.1", security_level = 0, ciphers = "DEFAULT:@SECLEVEL=0" }

-- What the server has, and what is asked of it beyond { tls_name = NAME } and the test CA.
local GOOD = {
  { "the name it was asked for", good },
  { "the name in other letters", good, { tls_name = "MAIL.Example.COM" } },
  { "the name with the dot of the root", good, { tls_name = NAME .. "." } },
  { "a wildcard for one label", issued { names = { "*.example.com" } } },
  { "the IP address it was asked for", issued { names = { "127.0.0.1" } }, { tls_name = false } },
  { "its intermediate certificate", chain },
  { "a certificate that is trusted by itself", own, { ca_pem = own.certificate } },
  { "a certificate that is on no revocation list", good, { crl_file = revocation_list } },
  { "a weak key, where it is allowed", with(weak, { security_level = 0 }), { security_level = 0 } },
  { "an old version, where it is allowed", with(good, old), { tls_min_version = "1.0", security_level = 0 } },
}

-- The same with the code, OpenSSL's number, its words, and a part of the hint.
local BAD = {
  { "a certificate of its own making", own, {}, "TLS_VERIFY", 18, "self.signed certificate", "ca_file" },
  { "another name", issued { names = { "other.example.com" } }, {},
    "TLS_VERIFY", 62, "hostname mismatch.*wanted mail.example.com; it is for other.example.com", "tls_name" },
  { "a wildcard for another domain", issued { names = { "*.example.net" } }, {},
    "TLS_VERIFY", 62, "it is for %*.example.net", "tls_name" },
  { "a wildcard that would have to stand for two labels", issued { names = { "*.com" } }, {},
    "TLS_VERIFY", 62, "it is for %*.com", "tls_name" },
  { "a common name only", issued { common_name = NAME }, {},
    "TLS_VERIFY", 62, "it names no host %(a common name does not count%)", "tls_name" },
  { "another IP address", issued { names = { "127.0.0.2" } }, { tls_name = false },
    "TLS_VERIFY", 64, "ip address mismatch.*wanted 127.0.0.1; it is for 127.0.0.2", "tls_name" },
  { "a name, where an IP address was asked for", issued { names = { "127.0.0.1.example.com" } },
    { tls_name = false }, "TLS_VERIFY", 64, "ip address mismatch", "tls_name" },
  { "a certificate that has run out", issued { names = { NAME }, not_before = -7200, not_after = -3600 }, {},
    "TLS_VERIFY", 10, "expired.*valid from .* to ", "clock" },
  { "a certificate that is not valid yet", issued { names = { NAME }, not_before = 3600, not_after = 7200 }, {},
    "TLS_VERIFY", 9, "not yet valid", "clock" },
  { "a certificate of an unknown authority", other_authority:issue { names = { NAME } }, {},
    "TLS_VERIFY", 20, "local issuer certificate.*issuer cn=other ca", "ca_file" },
  { "no intermediate certificate", alone, {},
    "TLS_VERIFY", 20, "local issuer certificate.*issuer cn=intermediate ca", "add the intermediate one" },
  { "a certificate that was revoked", revoked, { crl_file = revocation_list },
    "TLS_VERIFY", 23, "revoked", "taken it back" },
  { "a key that is too weak", with(weak, { security_level = 0 }), {},
    "TLS_VERIFY", 66, "key too weak", "security_level" },
  { "another key than the pinned one", good, { pin_sha256 = ("ab"):rep(32) },
    "TLS_PIN", nil, "not the one of pin_sha256", "in between" },
  { "TLS 1.1 only", with(good, old), {},
    "TLS", nil, "protocol version.*wanted tls 1.2 or later at security level 2", "tls_min_version" },
  { "TLS 1.0 only", with(good, with(old, { tls_max_version = "1.0" })), { tls_min_version = "1.1" },
    "TLS", nil, "wanted tls 1.1 or later", "tls_min_version" },
  { "TLS 1.2 only, where 1.3 was asked for", with(good, { tls_max_version = "1.2" }), { tls_min_version = "1.3" },
    "TLS", nil, "wanted tls 1.3 or later", "tls_min_version" },
  { "TLS 1.1 only, where the version is allowed and its cryptography is not", with(good, old),
    { tls_min_version = "1.0" }, "TLS", nil, "wanted tls 1.0 or later at security level 2", "security_level" },
  { "no cipher in common", with(good, { tls_max_version = "1.2" }),
    { ciphers = "ECDHE-RSA-AES256-GCM-SHA384" }, "TLS", nil, "handshake failure", "ciphers" },
}

describe("with TLS", function()
  local server

  after_each(function()
    server:stop()
  end)

  teardown(function()
    authority:close()
  end)

  local function send(security, identity, more)
    server = assert(server_of.start {
      tls = security ~= "implicit", implicit_tls = security == "implicit", tls_options = identity,
      user = USER, password = PASSWORD,
    })
    local given = {
      host = "127.0.0.1", port = server.port, security = security, timeout = 20, ehlo_name = "client.example",
      ca_pem = authority.certificate, tls_name = NAME, user = USER, password = PASSWORD,
      from = "a@example.com", to = "b@example.com", subject = "s", text = "hi\n",
    }
    for name, value in pairs(more or {}) do
      given[name] = value or nil
    end
    return ettsumailer.send(given)
  end

  for _, security in ipairs { "implicit", "starttls" } do
    describe(security .. ", a client", function()
      for _, row in ipairs(GOOD) do
        it("talks to a server that has " .. row[1], function()
          local result = assert(send(security, row[2], row[3]))
          assert.is_true(result.tls.verified)
          assert.is_true(server:messages()[1].tls)
        end)
      end

      local told = {}
      for _, row in ipairs(BAD) do
        it("does not talk to a server that has " .. row[1], function()
          local result, err = send(security, row[2], row[3])
          assert.is_nil(result)
          assert.equal(row[4], err.code)
          assert.equal("TLS", err.stage)
          assert.equal("not_sent", err.delivery)
          assert.equal(row[5], err.tls.verify_code)
          assert.matches(row[6], err.text:lower())
          assert.matches(row[7], err.hint, 1, true)
          local sentence = tostring(err)
          assert.is_truthy(sentence:find(err.text, 1, true) and sentence:find(err.hint, 1, true))
          assert.is_nil(told[sentence])
          told[sentence] = true
          for _, line in ipairs(server:log()) do
            assert.is_nil(line:find "^C: [MA]", line) -- neither MAIL nor AUTH
          end
        end)
      end
    end)
  end

  it("an error has what is known of the certificate as fields", function()
    local names = { "other.example.com", "192.0.2.1", "*.example.net" }
    local _, err = send("implicit", issued { names = names, not_before = -3600, not_after = 3600 })
    assert.equal(NAME, err.tls.wanted)
    assert.equal("other.example.com, 192.0.2.1, *.example.net", err.tls.names)
    assert.equal("CN=other.example.com", err.tls.subject)
    assert.equal("CN=Test CA", err.tls.issuer)
    assert.matches("^%a%a%a [ %d]%d %d%d:%d%d:%d%d %d%d%d%d GMT$", err.tls.not_before)
    assert.matches(" GMT$", err.tls.not_after)
    assert.is_string(err.tls.verify_text)
  end)
end)
