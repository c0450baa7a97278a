-- How TLS may end: behind the reply that is the result it may end in any way; before it, an end
-- without close_notify is a cut.
local core = require "ettsumailer.core"
local ettsumailer = require "ettsumailer"
local server_of = require "ettsumailer.testing.server"

local CUT = { text = "250 2.0.0 taken", cut = true }

for _, security in ipairs { "starttls", "implicit" } do
  describe("over TLS, " .. security .. ",", function()
    local server

    after_each(function()
      server:stop()
    end)

    local function mailer(replies)
      server = assert(server_of.start {
        tls = security == "starttls", implicit_tls = security == "implicit", replies = replies,
      })
      return assert(ettsumailer.mailer {
        host = "127.0.0.1", port = server.port, security = security, ca_pem = server.certificate,
        from = "a@example.com", ehlo_name = "client.example", timeout = 20,
      })
    end

    local function send(by)
      return by:send { to = "b@example.com", subject = "s", text = "hi\n" }
    end

    it("a server that hangs up behind the last reply without a word has taken the message", function()
      local by = mailer { content = { CUT } }
      for i = 1, 3 do
        assert.equal("250 2.0.0 taken", assert(send(by)).response)
        assert.equal(i, #server:messages())
      end
      by:close()
    end)

    it("a server that hangs up at QUIT without a word, or says nothing, is no error", function()
      for _, quit in ipairs { { text = "221 bye", cut = true }, { text = "221 bye", octets = 2 }, false } do
        local by = mailer { QUIT = quit }
        assert(send(by))
        local began = core.clock()
        by:close()
        assert.is_true(core.clock() - began < 10000)
        assert.equal(1, #server:messages())
        server:stop()
      end
      mailer {}
    end)

    it("one mail, sent with QUIT, is taken whatever becomes of the QUIT", function()
      mailer { content = { CUT }, QUIT = { text = "221 bye", cut = true } }
      assert(ettsumailer.send {
        host = "127.0.0.1", port = server.port, security = security, ca_pem = server.certificate,
        from = "a@example.com", to = "b@example.com", text = "hi\n", ehlo_name = "client.example", timeout = 20,
      })
      assert.equal(1, #server:messages())
    end)

    it("an end in the middle of the last reply leaves the fate unknown", function()
      local by = mailer { content = { text = "250 2.0.0 taken", octets = 5 } }
      local result, err = send(by)
      assert.is_nil(result)
      assert.equal("CLOSED", err.code)
      assert.equal("unknown", err.delivery)
      assert.is_false(err.retryable)
      assert.matches("close_notify", err.text)
      by:close()
    end)

    for _, verb in ipairs { "greeting", "EHLO", "MAIL", "RCPT", "DATA" } do
      it("an end in the middle of the reply to " .. verb .. " is a cut, and nothing was sent", function()
        local by = mailer { [verb] = { text = "250 2.0.0 ok", octets = 4 } }
        local result, err = send(by)
        assert.is_nil(result)
        assert.equal("CLOSED", err.code)
        assert.equal("not_sent", err.delivery)
        by:close()
      end)
    end
  end)
end
