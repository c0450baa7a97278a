-- A batch of two messages behind STARTTLS and a login, one of three recipients refused, whose first
-- connection is cut after any octet in either direction, in the clear and inside TLS.
-- Why: none reported sent that was not accepted, none not sent that was, nothing twice, no hang.

local core = require "ettsumailer.core"
local dialogue = require "support.memory_dialogue"
local memory_server = require "support.memory_server"

local library, outcome = dialogue.library, dialogue.outcome

local certificate, key = core.certificate { names = { "server.example" } }
local context = core.tls_context { server = true, certificate = certificate, key = key }

local EHLO = "250-server.example\r\n250-PIPELINING\r\n250-AUTH PLAIN\r\n250 %s\r\n"

local function replies_of(is_tls)
  return {
    EHLO = EHLO:format(is_tls and "STARTTLS" or "SIZE"), STARTTLS = "220 go\r\n",
    AUTH = "235 2.7.0 ok\r\n", RCPT = dialogue.REFUSE_B.RCPT,
  }
end

local function message(i)
  return dialogue.order {
    subject = "number " .. i, to = { "a@example.com", "b@example.com", "c@example.com" },
  }
end

-- Sends two messages; how_of(n) as of the dialogue's setting.
local function send(is_tls, how)
  local peers = {}
  local setting = dialogue.setting(replies_of(is_tls), function(n)
    local peer = {}
    if is_tls then
      peer.wrap = function(server)
        peers[n] = memory_server.starttls(server, context)
        return peers[n]
      end
    end
    for name, value in pairs(n == 1 and how or {}) do
      peer[name] = value
    end
    return peer
  end)
  local mailer = assert(library.mailer {
    host = "server.example", ehlo_name = "client.example", user = "u", password = "p",
    security = is_tls and "starttls" or "none", allow_plaintext_auth = not is_tls or nil,
    ca_pem = certificate,
  })
  local summary = mailer:send_all({ message(1), message(2) }, { connections = 1 })
  mailer:close()
  return summary.results, setting, peers[1]
end

-- How often each message arrived, in all.
local function arrivals(setting)
  local count = { 0, 0 }
  for _, content in ipairs(setting:contents()) do
    local number = tonumber(content:match "Subject: number (%d)")
    count[number] = count[number] + 1
  end
  return count
end

-- Where each reply of an uncut dialogue ends: EHLO1, MAIL2, final1 and so on.
local function ends_of(server)
  local ends, seen = {}, {}
  for _, reply in ipairs(server.ends) do
    seen[reply.key] = (seen[reply.key] or 0) + 1
    ends[reply.key .. seen[reply.key]] = reply.at
  end
  return ends
end

local SENT, UNKNOWN = "result: accepted a c, rejected b", "unknown: rejected b, unknown a c"

-- What has to come of both when k octets of the server's plain text have arrived.
local function expected_of(ends, k)
  local first, second = SENT, SENT
  if k < ends.final1 then
    first = k >= ends.DATA1 and UNKNOWN or "not_sent"
  elseif k >= ends.MAIL2 and k < ends.final2 then
    second = k >= ends.DATA2 and UNKNOWN or "not_sent"
  end
  return first, second
end

local function assert_outcome(wanted, result, k)
  local said = outcome(result.result, result.err)
  assert.equal(k .. " " .. wanted, k .. " " .. said:sub(1, #wanted))
  local given = result.result or result.err
  assert.equal(3, #given.accepted + #given.rejected + #given.unknown + #given.not_sent)
end

local function assert_truth(results, count, k)
  for i, said in ipairs(results) do
    local delivery = said.err and said.err.delivery or "accepted"
    local wanted = ({ accepted = 1, not_sent = 0 })[delivery] or count[i]
    assert.equal(("%d: message %d is %s, arrived %d"):format(k, i, delivery, wanted),
      ("%d: message %d is %s, arrived %d"):format(k, i, delivery, count[i]))
    assert.is_true(count[i] <= 1)
  end
end

local function assert_unknown_has_left(results, count)
  for i, said in ipairs(results) do
    assert.is_true(not said.err or said.err.delivery == "not_sent" or count[i] == 1)
  end
end

-- How many of the server's plain octets a client can know when so many have left on the wire.
local function plain_of(peer, octets)
  if not peer then
    return octets
  end
  local plain = octets < peer.clear_size and octets or peer.clear_size
  for _, mark in ipairs(peer.secure and peer.secure.marks or {}) do
    if mark.wire + peer.clear_size <= octets then
      plain = peer.clear_size + mark.plain
    end
  end
  return plain
end

-- Inside TLS a cut costs two handshakes: one engine tries every octet, the others every eleventh.
local TLS_STRIDE = _VERSION == "Lua 5.4" and 1 or 11

for name, is_tls in pairs { ["in the clear"] = false, ["inside TLS"] = true } do
  describe("a batch " .. name, function()
    local results, setting, whole = send(is_tls, {})
    local ends = ends_of(setting.servers[1])
    local from_server = setting.servers[1].sent
    local from_client = setting.transports[1].written
    local handshake = 0
    if whole then
      from_server = whole.clear_size + whole.secure.sent
      handshake = whole.clear_size + whole.secure.marks[1].wire - 200
    end

    local function stride(is_in_handshake)
      return is_in_handshake and 31 or is_tls and TLS_STRIDE or 1
    end

    it("goes through whole, over one connection", function()
      assert.equal(SENT, outcome(results[1].result))
      assert.equal(SENT, outcome(results[2].result))
      assert.equal(1, #setting.servers)
      assert.equal(1, results[2].result.turns)
    end)

    it("cut after any octet that the server sends, tells the truth of each message", function()
      local k = 0
      while k <= from_server do
        local told, cut, peer = send(is_tls, { reads = k })
        local first, second = expected_of(ends, plain_of(peer, k))
        assert_outcome(first, told[1], k)
        assert_outcome(second, told[2], k)
        assert_truth(told, arrivals(cut), k)
        k = k + stride(k > 300 and k < handshake)
      end
    end)

    for _, counted in ipairs { true, false } do
      it(("cut after any octet that the client sends, the count %s, tells the truth of each message"):format(
        counted and "told" or "not told"), function()
        local k = 0
        while k < from_client do
          local told, cut = send(is_tls, { writes = k, told = counted or nil })
          local count = arrivals(cut)
          assert_truth(told, count, k)
          if counted and not is_tls then
            assert_unknown_has_left(told, count)
          end
          k = k + stride(is_tls and k > 60 and k < 500)
        end
      end)
    end
  end)
end
