-- RFC 2920, command pipelining, over real sockets: what only shows where the kernel's buffers fill.

local ettsumailer = require "ettsumailer"

local RECIPIENTS = 30000 -- about 8 MB of commands and 15 MB of replies: more than loopback holds
local REPLY = 490 -- octets

describe("RFC 2920 3.1: a flight far larger than what TCP holds", function()
  it("ends in no deadlock with a server that answers each command before it reads on", function()
    local child = assert(io.popen(("exec '%s' spec/support/stubborn_server.lua %d"):format(
      os.getenv "ETTM_LUA" or "lua5.4", REPLY)))
    local port = tonumber(child:read("*l"):match "^port (%d+)$")
    local to = {}
    for i = 1, RECIPIENTS do -- long and far from alike
      to[i] = ("r%d@%sexample.com"):format(i, (("%06d"):format(i):rep(9) .. "."):rep(4))
    end
    local result, err = ettsumailer.send {
      host = "127.0.0.1", port = port, security = "none", ehlo_name = "client.example", timeout = 250,
      from = "a@example.com", envelope = { to = to }, subject = "s", text = "hi\n",
    }
    local heard = child:read "*l"
    child:close()
    assert.is_table(result, tostring(err))
    assert.equal(RECIPIENTS, #result.accepted)
    assert.equal("recipients " .. RECIPIENTS, heard)
  end)
end)
