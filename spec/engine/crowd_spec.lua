-- Two thousand recipients in one transaction: more commands, and more replies, than the buffers
-- between the two sides hold. Whoever only writes, while the other side only writes, waits for ever.

local ettsumailer = require "ettsumailer"

local RECIPIENTS = 2000
local DOMAIN = ("subdomain."):rep(17) .. "example.test"

local recipients = {}
for i = 1, RECIPIENTS do
  recipients[i] = ("somebody-with-a-long-name-of-fifty-octets-%06d@%s"):format(i, DOMAIN)
end

-- Runs f with the path of a socket on which such a server listens. Returns what f does, and the
-- server's counts.
local function with_server(manner, f)
  local path = os.tmpname()
  os.remove(path)
  local command = ("timeout 120 python3 spec/support/crowd_server.py '%s' %s"):format(path, manner)
  local server = assert(io.popen(command, "r"))
  assert(server:read "*l" == "ready")
  local result, err = f(path)
  local taken, content = server:read("*a"):match "^(%d+) (%d+)\n$"
  server:close()
  os.remove(path)
  return result, err, tonumber(taken), tonumber(content)
end

local function send_to(path, on_protocol)
  return ettsumailer.send {
    unix_socket = path, security = "none", ehlo_name = "client.example.test", timeout = 100,
    on_protocol = on_protocol, from = "sender@example.test", to = "everybody@example.test",
    envelope = { to = recipients }, subject = "To all", text = "Hello\n",
  }
end

describe("two thousand recipients in one transaction", function()
  for _, manner in ipairs { "greedy", "slow" } do
    it("are all taken by a server that is " .. manner, function()
      local result, err, taken, content = with_server(manner, send_to)
      assert(result, err)
      assert.equal(RECIPIENTS, #result.accepted)
      assert.equal(RECIPIENTS, taken)
      assert.is_true(content > 100)
    end)
  end

  it("are each told to on_protocol, with the reply", function()
    local asked, told, others = {}, 0, {}
    local result, err = with_server("greedy", function(path)
      return send_to(path, function(direction, line)
        local address = direction == "C" and line:match "^RCPT TO:<(.*)>$"
        if address then
          asked[#asked + 1] = address
        elseif direction == "S" and line:find "^250 2%.1%.5 accepted" then
          told = told + 1
        else
          others[#others + 1] = direction .. ": " .. line:match "^%S+"
        end
      end)
    end)
    assert(result, err)
    assert.same(recipients, asked)
    assert.equal(RECIPIENTS, told)
    assert.same({
      "S: 220", "C: EHLO", "S: 250-crowd.example.test", "S: 250-PIPELINING",
      "S: 250", "C: MAIL", "S: 250", "C: DATA", "S: 354", "C: (content,", "C: QUIT", "S: 250",
      "S: 221",
    }, others)
  end)

  it("are sent, too, when on_protocol raises", function()
    local calls = 0
    local result, err = with_server("greedy", function(path)
      return send_to(path, function()
        calls = calls + 1
        error "enough"
      end)
    end)
    assert(result, err)
    assert.equal(RECIPIENTS, #result.accepted)
    assert.equal(1, calls)
  end)
end)
