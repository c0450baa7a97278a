-- A mailer that was closed while a send hung up an old connection opened another, with TLS without a
-- context; cancel at that moment has to be heard, too.
local core = require "ettsumailer.core"
local dialogue = require "support.memory_dialogue"
local virtual_clock = require "support.virtual_clock"

local certificate, key = core.certificate { names = { "server.example" } }
local context = core.tls_context { server = true, certificate = certificate, key = key }

describe("a send that hangs up an old connection first", function()
  local clock = virtual_clock.during(before_each, after_each)

  -- Sends a message, then another an hour later, and does something while the first one's
  -- connection is told QUIT.
  local function send(act)
    local mailer, result, err
    local setting = dialogue.setting(nil, function() return { tls = context } end)
    mailer = assert(dialogue.library.mailer {
      host = "server.example", ehlo_name = "client.example", security = "implicit",
      ca_pem = certificate, on_protocol = function(_, line)
        if line == "QUIT" then
          act(mailer)
        end
      end,
    })
    assert(mailer:send(dialogue.order()))
    clock.now = clock.now + 3600 * 1000
    result, err = mailer:send(dialogue.order())
    assert.is_nil(result)
    assert.equal("CANCELLED", err.code)
    assert.same({ "a@example.com", "b@example.com" }, err.not_sent)
    assert.equal(1, #setting:contents())
    assert.equal(0, mailer.pool.count)
    return mailer
  end

  it("is CANCELLED when its mailer is closed meanwhile", function()
    send(function(mailer) mailer:close() end)
  end)

  it("is CANCELLED when it is cancelled meanwhile, and the next one is sent", function()
    local mailer = send(function(mailer) mailer:cancel() end)
    assert(mailer:send(dialogue.order()))
    mailer:close()
  end)
end)
