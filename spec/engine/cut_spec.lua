-- A connection that is cut after any octet, in either direction, in the clear and over TLS.
-- Why: accepted is what the server said, not sent is what it cannot have; all else is unknown.

local core = require "ettsumailer.core"
local dialogue = require "support.memory_dialogue"

local SERVER, library = dialogue.SERVER, dialogue.library
local order, outcome, send, setting = dialogue.order, dialogue.outcome, dialogue.send, dialogue.setting
local REFUSE_B = dialogue.REFUSE_B

-- A whole dialogue: how much each side says up to the reply to the content (QUIT comes with close),
-- where the client's writes begin and end, and where each reply ends.
local function whole_dialogue(given, replies)
  local self = setting(replies or REFUSE_B, function() return {} end)
  local mailer = assert(library.mailer(SERVER))
  assert.equal("result: accepted a, rejected b", outcome(mailer:send(given or order())))
  local transport, server = self.transports[1], self.servers[1]
  local ends, recipients = {}, 0
  for _, reply in ipairs(server.ends) do
    recipients = recipients + (reply.key == "RCPT" and 1 or 0)
    ends[reply.key == "RCPT" and "RCPT" .. recipients or reply.key] = reply.at
  end
  return { octets = transport.written, blocks = transport.blocks, ends = ends, replies = server.sent }
end

-- What has to come of a dialogue of whose replies so many octets have arrived.
local function expected_of(ends, k)
  if k >= ends.final then
    return "result: accepted a, rejected b"
  elseif k >= ends.DATA then
    return "unknown: rejected b, unknown a"
  elseif k >= ends.RCPT2 then
    return "not_sent: rejected b, not_sent a"
  end
  return "not_sent: not_sent a b"
end

describe("a connection cut in what the server says", function()
  local whole = whole_dialogue()
  local ends = whole.ends

  local function expected(k)
    return expected_of(ends, k)
  end

  for name, cut in pairs { ["by its end"] = { "DONE" }, ["by a reset"] = { "CLOSED", "reset" } } do
    for _, size in ipairs { 1, 100000 } do
      it(("after any octet %s, read by at most %d, tells the truth"):format(name, size), function()
        for k = 0, whole.replies do
          local self = setting(REFUSE_B, function(n)
            assert.equal(1, n)
            return { reads = k, cut = cut, read_size = size }
          end)
          local said, err = send(order())
          assert.equal(("%d: %s"):format(k, expected(k)), ("%d: %s"):format(k, said))
          assert.equal(k < ends.final and "CLOSED" or nil, err and err.code)
          assert.equal(k >= ends.DATA and 1 or 0, #self:contents())
        end
      end)
    end
  end

  it("keeps a result although QUIT rode with the content and got no answer", function()
    for k = ends.DATA, whole.replies do
      setting(REFUSE_B, function() return { reads = k } end)
      local given = order(SERVER)
      assert.equal(expected(k), (outcome(library.send(given))))
    end
  end)

  it("is told to be safe to retry only where nothing can have been delivered", function()
    for k = 0, ends.final - 1 do
      setting(REFUSE_B, function() return { reads = k } end)
      local _, err = send(order())
      assert.equal(k < ends.DATA, err.retryable)
    end
  end)

  it("is replaced once when it was reused and nobody had answered, and nothing is sent twice", function()
    local function subjects(self)
      local found = {}
      for i, content in ipairs(self:contents()) do
        found[i] = content:match "Subject: (%w+)\r\n"
      end
      return table.concat(found, " ")
    end
    -- The replies of the second transaction, from where the first ended.
    local first = whole.ends.final
    local start = { MAIL = ends.MAIL - ends.EHLO, DATA = ends.DATA - ends.EHLO, final = first - ends.EHLO }
    for k = 0, start.final do
      local self = setting(REFUSE_B, function(n) return n == 1 and { reads = first + k } or {} end)
      local mailer = assert(library.mailer(SERVER))
      assert(mailer:send(order { subject = "first" }))
      -- Cut exactly behind the first transaction, it has news and is not reused at all.
      local said = outcome(mailer:send(order { subject = "second" }))
      mailer:close()
      if k < start.MAIL then
        assert.equal("result: accepted a, rejected b", said)
        assert.equal(2, #self.servers)
      else
        local wanted = expected(ends.EHLO + k)
        assert.equal(wanted, said)
        assert.equal(1, #self.servers)
      end
      local arrived = k < start.MAIL or k >= start.DATA
      assert.equal(arrived and "first second" or "first", subjects(self))
    end
  end)
end)

describe("a connection without PIPELINING", function()
  local replies = { RCPT = REFUSE_B.RCPT, EHLO = "250 server.example\r\n" }
  local whole = whole_dialogue(nil, replies)

  it("cut after any octet that the server sends, tells the truth", function()
    for k = 0, whole.replies do
      local self = setting(replies, function() return { reads = k } end)
      local said, err = send(order())
      assert.equal(k .. expected_of(whole.ends, k), k .. said)
      assert.equal(k < whole.ends.final and "CLOSED" or nil, err and err.code)
      assert.equal(k >= whole.ends.DATA and 1 or 0, #self:contents())
    end
  end)

  it("cut after any octet that the client sends, tells the truth", function()
    for k = 0, whole.octets do
      local self = setting(replies, function() return { writes = k, told = true } end)
      local said = send(order())
      assert.equal(k < whole.octets and "not_sent" or "result", (said:match "^[%w_]+"))
      assert.equal(k < whole.octets and 0 or 1, #self:contents())
    end
  end)
end)

describe("a connection cut in what the client says", function()
  local whole = whole_dialogue()
  local last = whole.octets -- of the end of the content

  it("after any octet, with the count told, tells the truth", function()
    for k = 0, last do
      local self = setting(REFUSE_B, function() return { writes = k, told = true } end)
      local said, err = send(order())
      if k < last then
        assert.equal("not_sent", err.delivery)
        assert.is_truthy(said:find("not_sent a", 1, true))
      else
        assert.equal("result: accepted a, rejected b", said)
      end
      assert.equal(k < last and 0 or 1, #self:contents())
    end
  end)

  it("after any octet, written one by one, tells the truth", function()
    for k = 0, last do
      local self = setting(REFUSE_B, function() return { writes = k, write_size = 1, told = true } end)
      local said = send(order())
      assert.equal(k < last and "not_sent" or "result", (said:match "^[%w_]+"))
      assert.equal(k < last and 0 or 1, #self:contents())
    end
  end)

  -- The last write that the octet after k is in; what of it left before the cut, nobody knows.
  local function block_of(blocks, k)
    for _, block in ipairs(blocks) do
      if k + 1 >= block[1] and k + 1 <= block[2] then
        return block
      end
    end
  end

  it("after any octet, with no count told, is unknown once the end was in the block", function()
    for k = 0, last - 1 do
      setting(REFUSE_B, function() return { writes = k } end)
      local said, err = send(order())
      -- The envelope was answered before the content's only write.
      local is_last = block_of(whole.blocks, k)[2] == last
      assert.equal(is_last and "unknown: rejected b, unknown a" or "not_sent: not_sent a b", said)
      assert.is_false(is_last and err.retryable)
    end
  end)

  it("at any write of a long content is unknown only where its end was in the block", function()
    local long = order { text = ("a line of a long text\r\n"):rep(3000) }
    local blocks = whole_dialogue(long).blocks
    assert.is_true(#blocks > 5)
    for i, block in ipairs(blocks) do
      for _, written in ipairs { 0, 1, block[2] - block[1] } do
        local self = setting(REFUSE_B, function() return { writes = block[1] - 1 + written } end)
        local _, err = send(long)
        assert.equal(i == #blocks and "unknown" or "not_sent", err.delivery)
        assert.equal(0, #self:contents())
      end
    end
  end)

  -- Lines that are so many octets together.
  local function lines_of(octets)
    local rest = (octets - 3) % 72 + 3
    return (("x"):rep(70) .. "\r\n"):rep((octets - rest) / 72) .. ("y"):rep(rest - 2) .. "\r\n"
  end

  it("is unknown wherever the end of the content falls between two writes", function()
    local short = whole_dialogue(order { text = lines_of(72) }).blocks
    local around = short[#short][2] - short[#short][1] + 1 - 72
    for n = 1, 7 do
      -- A write has 16384 octets: n are left for the last one, 5 are the end.
      local given = order { text = lines_of(16384 + n - around) }
      local blocks = whole_dialogue(given).blocks
      assert.equal(n, blocks[#blocks][2] - blocks[#blocks][1] + 1)
      for i, block in ipairs(blocks) do
        for _, k in ipairs { block[1] - 1, block[2] - 1 } do
          setting(REFUSE_B, function() return { writes = k } end)
          local _, err = send(given)
          assert.equal(i == #blocks and "unknown" or "not_sent", err.delivery)
        end
      end
    end
  end)

  it("in the QUIT that rode with the content does not make it not sent", function()
    for k = last, last + #"QUIT\r\n" do
      for _, told in ipairs { true, false } do
        local self = setting(REFUSE_B, function() return { writes = k, told = told } end)
        local result, err = library.send(order(SERVER))
        assert.is_true(result ~= nil or err.delivery == "unknown")
        assert.equal(1, #self:contents())
      end
    end
  end)
end)

describe("a connection over TLS", function()
  local ends = whole_dialogue().ends
  local certificate, key = core.certificate { names = { "server.example" } }
  local context = core.tls_context { server = true, certificate = certificate, key = key }
  local client = { security = "implicit", ca_pem = certificate }
  for name, value in pairs(SERVER) do
    client[name] = client[name] or value
  end

  -- How many of the server's octets could be deciphered of so many on the wire.
  local function plain_of(secure, octets)
    local plain = 0
    for _, mark in ipairs(secure.marks) do
      plain = mark.wire <= octets and mark.plain or plain
    end
    return plain
  end

  local function try(how)
    how.tls = context
    local self = setting(REFUSE_B, function() return how end)
    local said, err = send(order(), client)
    return said, err, self.servers[1], self.transports[1]
  end

  for _, size in ipairs { 1, 1000 } do
    it(("goes through with reads and writes of %d octets"):format(size), function()
      local said, _, server = try { read_size = size, write_size = size }
      assert.equal("result: accepted a, rejected b", said)
      assert.equal(1, #server.contents)
    end)
  end

  it("cut after any octet that the server sends, tells the truth", function()
    local _, _, _, whole = try {}
    local secure = whole.server
    local handshake = secure.marks[1].wire - secure.marks[1].plain
    local k = 0
    while k <= secure.sent do
      local said, err, server, transport = try { reads = k }
      local wanted = expected_of(ends, plain_of(transport.server, k))
      assert.equal(("%d: %s"):format(k, wanted), ("%d: %s"):format(k, said))
      assert.is_true(#server.contents == 1 or err.delivery == "not_sent")
      k = k + (k < handshake - 100 and 29 or 1)
    end
  end)

  -- Where the write that holds the content begins and ends in what the client sends.
  local function content_block()
    local self, found
    self = setting(REFUSE_B, function()
      return { tls = context, wait = function()
        if not found and self.transports[1] and #self.servers[1].contents == 1 then
          found = self.transports[1].blocks[#self.transports[1].blocks]
        end
      end }
    end)
    assert.equal("result: accepted a, rejected b", (send(order(), client)))
    return found[1], found[2]
  end

  -- The engine has the whole content once its first octet is to be written.
  local function expected(k, first, last)
    if k >= last then
      return "result"
    end
    return k >= first - 1 and "unknown" or "not_sent"
  end

  it("cut after any octet that the client sends, tells the truth", function()
    local first, last = content_block()
    local k = 0
    while k <= last do
      for _, told in ipairs { true, false } do
        local _, err, server = try { writes = k, told = told }
        assert.equal(k .. expected(k, first, last), k .. (err and err.delivery or "result"))
        assert.equal(k < last and 0 or 1, #server.contents)
      end
      k = k + (k < 400 and 29 or 1)
    end
  end)
end)
