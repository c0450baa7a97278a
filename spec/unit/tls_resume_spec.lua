-- Connections of one mailer take up each other's TLS sessions; those of different settings do not.
local core = require "ettsumailer.core"
local ettsumailer = require "ettsumailer"
local server_of = require "ettsumailer.testing.server"

describe("a mailer's next connection", function()
  local server, mailers

  local function start(more)
    local given = { tls = true }
    for name, value in pairs(more or {}) do
      given[name] = value
    end
    server = assert(server_of.start(given))
  end

  local function mailer(more)
    local given = {
      host = "127.0.0.1", port = server.port, security = "starttls", timeout = 20, ca_pem = server.certificate,
      from = "a@example.com", ehlo_name = "client.example", messages_per_connection = 1,
    }
    for name, value in pairs(more or {}) do
      given[name] = value
    end
    local made = assert(ettsumailer.mailer(given))
    mailers[#mailers + 1] = made
    return made
  end

  local function send(by)
    return by:send { to = "b@example.com", subject = "s", text = "hi\n" }
  end

  before_each(function()
    mailers = {}
  end)

  after_each(function()
    for _, made in ipairs(mailers) do
      made:close()
    end
    server:stop()
  end)

  for _, version in ipairs { "1.2", "1.3" } do
    for _, security in ipairs { "starttls", "implicit" } do
      it(("resumes TLS %s, %s, again and again"):format(version, security), function()
        start {
          tls = security == "starttls", implicit_tls = security == "implicit",
          tls_options = { tls_min_version = version, tls_max_version = version },
        }
        local by = mailer { security = security }
        for i = 1, 4 do
          local tls = assert(send(by)).tls
          assert.equal("TLSv" .. version, tls.version)
          assert.equal(i > 1, tls.resumed)
          assert.is_true(tls.verified)
        end
      end)
    end

    it(("of TLS %s makes a whole handshake where the server has forgotten"):format(version), function()
      local certificate, key = core.certificate { names = { "127.0.0.1" } }
      local own = { certificate = certificate, key = key, tls_max_version = version }
      start { tls_options = own }
      local by = mailer()
      assert.is_false(assert(send(by)).tls.resumed)
      server:stop()
      start { tls_options = own, port = server.port }
      assert.is_false(assert(send(by)).tls.resumed)
      assert.is_true(assert(send(by)).tls.resumed)
    end)

    it(("of TLS %s does not resume what was made with a certificate that has run out since"):format(version), function()
      start { certificate = { not_after = 2 }, tls_options = { tls_max_version = version } }
      local by, began = mailer(), core.clock()
      assert.is_false(assert(send(by)).tls.resumed)
      assert.is_true(assert(send(by)).tls.resumed)
      core.poll({}, began + 3100)
      local result, err = send(by)
      assert.is_nil(result)
      assert.equal(10, err.tls.verify_code)
    end)
  end

  it("resumes no session of another mailer", function()
    start()
    assert(send(mailer()))
    assert.is_false(assert(send(mailer())).tls.resumed)
    assert.is_false(assert(send(mailer { tls_name = "localhost" })).tls.resumed)
  end)

  it("tells still that nothing was verified", function()
    start()
    local by = mailer { insecure_skip_verify = true }
    assert(send(by))
    local tls = assert(send(by)).tls
    assert.is_true(tls.resumed)
    assert.is_false(tls.verified)
  end)
end)
