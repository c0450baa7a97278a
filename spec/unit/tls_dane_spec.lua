-- DANE for a relay that the user names: TLSA records say which certificate it may have (RFC 7672).
local authorities = require "support.certificates"
local core = require "ettsumailer.core"
local ettsumailer = require "ettsumailer"
local server_of = require "ettsumailer.testing.server"

local NAME = "mail.example.com"

local authority = authorities.authority "Test CA"
local own_key_for_anyone = authorities.authority "nobody.example"
local leaf = authority:issue { names = { NAME } }
local expired = authority:issue { names = { NAME }, not_before = -7200, not_after = -3600 }
local elsewhere = authority:issue { names = { "other.example.com" } }

local der_of, key_of = authorities.der_of, authorities.key_digest

local function hex(bytes)
  return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

local function digest(pem)
  return core.sha256(der_of(pem))
end

local function both(identity)
  return { certificate = identity.certificate .. authority.certificate, key = identity.key }
end

local wrong = ("ab"):rep(32)

-- What the server has, the records, and the number of OpenSSL's when it is not to be talked to.
local ROWS = {
  { "takes the server's own certificate", leaf, { "3 0 1 " .. digest(leaf.certificate) } },
  { "takes the server's own certificate whole", leaf, { "3 0 0 " .. hex(der_of(leaf.certificate)) } },
  { "takes the server's own key", leaf, { "3 1 1 " .. key_of(leaf.certificate) } },
  { "reads capitals and blanks", leaf, { "3 1 1  " .. key_of(leaf.certificate):upper():gsub("^(%x%x%x%x)", "%1 ") } },
  { "takes one of several", leaf, { "3 1 1 " .. wrong, "3 1 1 " .. key_of(leaf.certificate) } },
  { "passes over usages that are not for mail", leaf, { "1 1 1 " .. wrong, "3 1 1 " .. key_of(leaf.certificate) } },
  { "takes the server's key whatever its name", elsewhere, { "3 1 1 " .. key_of(elsewhere.certificate) } },
  { "takes the server's key whatever its dates", expired, { "3 1 1 " .. key_of(expired.certificate) } },
  { "takes the server's key whoever signed", own_key_for_anyone,
    { "3 1 1 " .. key_of(own_key_for_anyone.certificate) } },
  { "takes the authority of the chain", both(leaf), { "2 1 1 " .. key_of(authority.certificate) } },
  { "takes the authority's certificate that the server does not send", leaf,
    { "2 0 0 " .. hex(der_of(authority.certificate)) } },
  { "refuses another key", leaf, { "3 1 1 " .. wrong }, 65 },
  { "refuses another authority", both(leaf), { "2 1 1 " .. wrong }, 65 },
  { "refuses a certificate that its authority signed for another name", both(elsewhere),
    { "2 1 1 " .. key_of(authority.certificate) }, 62 },
  { "refuses an old certificate of its authority's", both(expired), { "2 1 1 " .. key_of(authority.certificate) }, 10 },
  { "does not take the authority's key for the server's", both(leaf),
    { "3 1 1 " .. key_of(authority.certificate) }, 65 },
}

describe("tlsa", function()
  local server

  after_each(function()
    if server then
      server:stop()
    end
    server = nil
  end)

  local function options(records, more)
    local given = {
      host = "127.0.0.1", port = server and server.port or 25, tls_name = NAME, tlsa = records, timeout = 20,
      ehlo_name = "client.example", from = "a@example.com", to = "b@example.com", subject = "s", text = "hi\n",
    }
    for name, value in pairs(more or {}) do
      given[name] = value
    end
    return given
  end

  for _, security in ipairs { "starttls", "implicit" } do
    for _, row in ipairs(ROWS) do
      it(row[1] .. ", " .. security, function()
        server = assert(server_of.start {
          tls = security == "starttls", implicit_tls = security == "implicit",
          tls_options = { certificate = row[2].certificate, key = row[2].key },
        })
        local result, err = ettsumailer.send(options(row[3], { security = security }))
        if not row[4] then
          assert.is_nil(err)
          assert.is_true(result.tls.verified)
          return
        end
        assert.is_nil(result)
        assert.equal("TLS_VERIFY", err.code)
        assert.equal(row[4], err.tls.verify_code)
        assert.same({}, server:messages())
        if row[4] == 65 then
          assert.matches("TLSA", err.text)
          assert.matches("tlsa", err.hint)
        end
      end)
    end
  end

  it("makes TLS a must", function()
    server = assert(server_of.start {})
    local _, err = ettsumailer.send(options { "3 1 1 " .. wrong })
    assert.equal("TLS", err.code)
    assert.equal("STARTTLS", err.stage)
    for _, security in ipairs { "none", "opportunistic" } do
      _, err = ettsumailer.send(options({ "3 1 1 " .. wrong }, { security = security }))
      assert.equal("CONFIG", err.code)
    end
    assert.same({}, server:messages())
  end)

  it("refuses what is no record, before anything is opened", function()
    for _, records in ipairs {
      {}, { "" }, { "3 1 1" }, { "3 1 1 " }, { "3 1 1 xy" }, { "3 1 1 abc" },
      { "4 1 1 " .. wrong }, { "3 2 1 " .. wrong },
      { "3 1 3 " .. wrong }, { "3 1 2 " .. wrong }, { "3 1 1 " .. wrong .. "ab" }, { "0 1 1 " .. wrong },
      { "1 1 1 " .. wrong }, { "31 1 1 " .. wrong }, { 5 }, { "3 1 1 " .. wrong .. "\n3 1 1 " .. wrong },
      { "3 1 0 " .. ("ab"):rep(16385) },
    } do
      local result, err = ettsumailer.send(options(records))
      assert.is_nil(result)
      assert.equal("CONFIG", err.code)
      assert.matches("tlsa", err.text)
    end
    local many = {}
    for i = 1, 17 do
      many[i] = "3 1 1 " .. wrong
    end
    assert.matches("too many", select(2, ettsumailer.send(options(many))).text)
    assert.matches("insecure_skip_verify",
      select(2, ettsumailer.send(options({ "3 1 1 " .. wrong }, { insecure_skip_verify = true }))).text)
  end)
end)
