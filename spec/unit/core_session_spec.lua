-- ettsumailer.session of the C module: what the binding makes of the dialogue, its commands and its
-- content. The dialogue itself is tested in C and by transcripts (spec/wire).

local core = require "ettsumailer.core"

-- What the session has to send, all of it.
local function sent(session)
  local pieces = {}
  while true do
    local piece = session:peek()
    if piece == "" then
      return table.concat(pieces)
    end
    session:skip(#piece)
    pieces[#pieces + 1] = piece
  end
end

-- Every event that the bytes bring.
local function events_of(session, bytes)
  local events = {}
  assert(session:feed(bytes))
  while true do
    local event, code, text = session:next()
    if not event then
      assert(code == nil or code == "DONE", text)
      return events
    end
    events[#events + 1] = event
  end
end

local function kinds(events)
  local names = {}
  for i, event in ipairs(events) do
    names[i] = event.kind
  end
  return table.concat(names, " ")
end

local OFFERS = "250-mail.example\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250-DSN\r\n"
  .. "250-AUTH PLAIN LOGIN\r\n250-STARTTLS\r\n250 ENHANCEDSTATUSCODES\r\n"

local function greeted(options, offers)
  local session = core.session(options)
  events_of(session, "220 mail.example ESMTP\r\n")
  assert(session:command("EHLO", "me.example"))
  sent(session)
  events_of(session, offers or OFFERS)
  return session
end

-- A session that wants content.
local function in_body(options)
  local session = greeted(options)
  assert(session:submit { from = "a@x.example", recipients = { "b@y.example" }, data = true })
  sent(session)
  local events = events_of(session, "250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 Go\r\n")
  assert.are.equal("MAIL RCPT BODY", kinds(events))
  return session
end

local function message_of(content, desc)
  local message = core.message()
  assert(message:header("addresses", "From", "a@x.example"))
  assert(message:leaf(nil, desc or { text = true }, content))
  assert(message:seal { now = 0, zone = 0, entropy = ("e"):rep(32) })
  return message
end

local function text_of(message)
  local reader, pieces = message:reader(), {}
  while true do
    local piece, code = reader:read(777)
    if not piece then
      assert.are.equal("DONE", code)
      return table.concat(pieces)
    end
    pieces[#pieces + 1] = piece
  end
end

describe("a session of the core", function()
  it("gives the greeting as an event", function()
    local session = core.session()
    assert.are.equal("greeting", session:phase())
    assert.is_nil(session:next())
    local event = events_of(session, "220-mail.example\r\n220 is ready\r\n")[1]
    assert.are.same({
      kind = "GREETING", stage = "greeting", verb = "", tag = 0, smtp_code = 220, lines = 2,
      text = "mail.example\nis ready", raw_text = "mail.example\nis ready",
    }, event)
  end)

  it("tells enhanced code, verb, tag and 8-bit text of a reply", function()
    local session = greeted()
    assert(session:command("MAIL", "a@x.example", nil, 7))
    sent(session)
    local event = events_of(session, "250 2.1.0 d\195\169j\195\160\r\n")[1]
    assert.are.equal("MAIL", event.kind)
    assert.are.equal("MAIL", event.verb)
    assert.are.equal(7, event.tag)
    assert.are.equal("2.1.0", event.enhanced)
    assert.are.equal("d\195\169j\195\160", event.text)
    assert.are.equal("2.1.0 d\195\169j\195\160", event.raw_text)
    assert.is_true(event.has_8bit)
  end)

  it("tells what it wants in five booleans, and how long it may take by name", function()
    local session = core.session()
    assert.are.same({ true, false, false, false, false, "greeting" }, { session:want() })
    events_of(session, "220 mail.example\r\n")
    local _, _, _, _, command = session:want()
    assert.is_true(command)
    assert(session:command("EHLO", "me.example"))
    local _, write = session:want()
    assert.is_true(write)
  end)

  it("awaits the reply to a content only once the content is out", function()
    local session = in_body()
    assert.are.equal("block", (select(6, session:want())))
    assert(session:body "x\n" and session:body_end())
    assert.are.equal("block", (select(6, session:want())))
    sent(session)
    assert.are.equal("final", (select(6, session:want())))
    events_of(session, "250 ok\r\n")
    assert(session:command "NOOP")
    assert.are.equal("command", (select(6, session:want())))
  end)

  it("lends at most what peek is asked for and skips no more than that", function()
    local session = core.session()
    events_of(session, "220 mail.example\r\n")
    assert(session:command("EHLO", "me.example"))
    assert.are.equal("EHL", session:peek(3))
    assert.is_false((pcall(session.skip, session, 1000)))
    session:skip(5)
    assert.are.equal("me.example\r\n", session:peek())
    session:skip(0)
    assert.are.equal("me.example\r\n", sent(session))
    assert.are.equal("", session:peek())
  end)

  it("raises when more is fed than there is room", function()
    local session = core.session()
    local room = session:room()
    assert.is_true(room > 0)
    assert.is_false((pcall(session.feed, session, ("x"):rep(room + 1))))
    assert.are.equal(room, session:room())
  end)

  it("returns a failure of the server's again and again", function()
    local session = core.session()
    assert(session:feed "what?\r\n")
    for _ = 1, 3 do
      local event, code, text = session:next()
      assert.is_nil(event)
      assert.are.equal("PROTOCOL", code)
      assert.is_string(text)
    end
    assert.are.same({ false, false, false, false, false, "greeting" }, { session:want() })
    local fed, code = session:feed "220 mail.example\r\n"
    assert.is_nil(fed)
    assert.are.equal("PROTOCOL", code)
  end)

  it("reports a server that leaves without a word", function()
    local session = core.session()
    assert.is_true(session:feed_eof())
    local event, code = session:next()
    assert.is_nil(event)
    assert.are.equal("CLOSED", code)
  end)

  it("ends with DONE behind the answer to QUIT", function()
    local session = greeted()
    assert(session:command "QUIT")
    sent(session)
    assert(session:feed "221 bye\r\n")
    assert.are.equal("CLOSED", session:next().kind)
    assert.are.same({ nil, "DONE", n = 2 }, { n = 2, session:next() })
  end)

  it("tells what the server offers", function()
    local session = greeted()
    assert.are.equal("PLAIN LOGIN", session:offers "auth")
    assert.are.equal("", session:offers "PIPELINING")
    assert.is_nil(session:offers "CHUNKING")
    assert.are.equal(1000, session:size_limit())
    assert.are.same({
      PIPELINING = "", SIZE = "1000", ["8BITMIME"] = "", DSN = "", AUTH = "PLAIN LOGIN",
      STARTTLS = "", ENHANCEDSTATUSCODES = "",
    }, session:capabilities())
  end)

  it("does not believe in what it was told to do without", function()
    local session = greeted { without = "SIZE dsn" }
    assert.is_nil(session:offers "SIZE")
    assert.is_nil(session:size_limit())
    assert.is_nil(session:offers "DSN")
    assert.are.equal("", session:offers "PIPELINING")
  end)

  it("knows no offers before there are any", function()
    local session = core.session()
    assert.are.same({}, session:capabilities())
    assert.is_nil(session:offers "SIZE")
    assert.is_nil(session:size_limit())
    assert.is_nil(session:tls())
  end)

  it("counts octets and turns", function()
    local session = core.session()
    assert.are.same({ 0, 0 }, { session:bytes() })
    assert.are.equal(0, session:turns())
    events_of(session, "220 mail.example\r\n")
    assert(session:command("EHLO", "me.example"))
    session:skip(3)
    sent(session)
    assert.are.same({ 17, 18 }, { session:bytes() })
    assert.are.equal(1, session:turns())
    events_of(session, OFFERS)
    assert.are.equal(1, session:turns())
    assert(session:command "NOOP")
    sent(session)
    assert.are.equal(2, session:turns())
  end)

  it("shows its phase in its name", function()
    assert.are.equal("ettsumailer.session (greeting)", tostring(core.session()))
  end)
end)

describe("a command of the core's session", function()
  it("raises for a verb that is none", function()
    local session = greeted()
    for _, verb in ipairs { "FOO", "ehlo", "MAIL ", "MAIL\0" } do
      assert.is_false((pcall(session.command, session, verb)))
    end
  end)

  it("is a whole line when the verb is empty", function()
    local session = greeted()
    assert(session:command("", "XCLIENT NAME=x.example"))
    assert.are.equal("XCLIENT NAME=x.example\r\n", sent(session))
    local event = events_of(session, "220 ok\r\n")[1]
    assert.are.equal("REPLY", event.kind)
    assert.are.equal("", event.verb)
  end)

  it("is refused with its verb when it would break the line", function()
    local session = greeted()
    local ok, code, text = session:command("RCPT", "a@x.example\r\nQUIT")
    assert.is_nil(ok)
    assert.are.equal("CONFIG", code)
    assert.are.equal("RCPT: ", text:sub(1, 6))
    assert.are.equal("", session:peek())
  end)

  it("never shows its argument when it is refused", function()
    local session = greeted()
    local ok, _, text = session:command("AUTH", "PLAIN", "secret\n")
    assert.is_nil(ok)
    assert.is_nil(text:find "secret")
  end)

  it("takes tags from 0 to 2^32 - 1 only", function()
    local session = greeted()
    for _, tag in ipairs { -1, 0.5, 2 ^ 32, 0 / 0, "1" } do
      assert.is_false((pcall(session.command, session, "NOOP", nil, nil, tag)))
    end
    assert(session:command("NOOP", nil, nil, 2 ^ 32 - 1))
    sent(session)
    assert.are.equal(2 ^ 32 - 1, events_of(session, "250 ok\r\n")[1].tag)
  end)

  it("answers a challenge without showing it", function()
    local session = greeted()
    assert(session:command("AUTH", "LOGIN"))
    assert.are.equal("AUTH LOGIN\r\n", sent(session))
    assert.are.equal("CHALLENGE", kinds(events_of(session, "334 VXNlcm5hbWU6\r\n")))
    assert.is_true(session:respond "c2VjcmV0")
    assert.are.equal("c2VjcmV0\r\n", sent(session))
    assert.is_nil(session:transcript():find "c2VjcmV0")
    local ok, code = session:respond "c2VjcmV0"
    assert.is_nil(ok)
    assert.are.equal("STATE", code)
  end)

  it("leaves its line in the transcript once", function()
    local session = greeted()
    assert.is_truthy(session:transcript():find("C: EHLO me.example\n", 1, true))
    assert.is_truthy(session:take_transcript():find("S: 220 mail.example ESMTP\n", 1, true))
    assert.are.equal("", session:take_transcript())
    assert.is_truthy(session:transcript():find("C: EHLO me.example\n", 1, true))
  end)
end)

describe("submit", function()
  it("queues an envelope in one flight and numbers the recipients", function()
    local session = greeted()
    assert.is_true(session:submit {
      from = "", from_parameters = "SIZE=10", recipients = { "b@y.example", "c@y.example" },
      recipient_parameters = { "NOTIFY=NEVER", "" }, data = true,
    })
    assert.are.equal("MAIL FROM:<> SIZE=10\r\nRCPT TO:<b@y.example> NOTIFY=NEVER\r\n"
      .. "RCPT TO:<c@y.example>\r\nDATA\r\n", sent(session))
    local events = events_of(session, "250 ok\r\n250 ok\r\n550 5.1.1 no such user\r\n354 go\r\n")
    assert.are.equal("MAIL RCPT REFUSED BODY", kinds(events))
    assert.are.same({ 0, 1, 2 }, { events[1].tag, events[2].tag, events[3].tag })
    assert.are.equal("RCPT", events[3].verb)
    assert.are.equal("5.1.1", events[3].enhanced)
  end)

  it("gives every recipient the same parameters when they are one string", function()
    local session = greeted()
    assert(session:submit {
      from = "a@x.example", recipients = { "b@y.example", "c@y.example" },
      recipient_parameters = "NOTIFY=NEVER",
    })
    assert.are.equal("MAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example> NOTIFY=NEVER\r\n"
      .. "RCPT TO:<c@y.example> NOTIFY=NEVER\r\n", sent(session))
  end)

  it("queues nothing when one recipient is bad and tells which", function()
    local session = greeted()
    local ok, code, text, index = session:submit {
      from = "a@x.example", recipients = { "b@y.example", "c@@y.example" }, data = true,
    }
    assert.is_nil(ok)
    assert.are.equal("ADDRESS", code)
    assert.are.equal("RCPT: ", text:sub(1, 6))
    assert.are.equal(2, index)
    assert.are.equal("", session:peek())
    assert(session:command "NOOP")
    assert.are.equal("NOOP\r\n", sent(session))
  end)

  it("tells index 0 when it is the sender", function()
    local session = greeted()
    local ok, code, text, index = session:submit { from = "a@x\n", recipients = { "b@y.example" } }
    assert.is_nil(ok)
    assert.are.equal("CONFIG", code)
    assert.are.equal("MAIL: ", text:sub(1, 6))
    assert.are.equal(0, index)
  end)

  it("refuses a parameter that the server does not offer", function()
    local session = greeted({}, "250 mail.example\r\n")
    local ok, code, _, index = session:submit {
      from = "a@x.example", recipients = { "b@y.example" }, recipient_parameters = "NOTIFY=NEVER",
    }
    assert.is_nil(ok)
    assert.are.equal("CONFIG", code)
    assert.are.equal(1, index)
  end)

  it("raises when the envelope is none", function()
    local session = greeted()
    for _, envelope in ipairs {
      {}, { from = "a@x.example" }, { recipients = { "a@x.example" } },
      { from = "a@x.example", recipients = {} }, { from = "a@x.example", recipients = { 1 } },
      { from = "a@x.example", recipients = "b@y.example" },
      { from = 1, recipients = { "b@y.example" } },
      { from = "a@x.example", recipients = { "b@y.example" }, recipient_parameters = {} },
      { from = "a@x.example", recipients = { "b@y.example" }, recipient_parameters = 1 },
      { from = "a@x.example", recipients = { "b@y.example" }, data = "yes" },
      { from = "a@x.example", recipients = { "b@y.example" }, colour = "red" },
    } do
      assert.is_false((pcall(session.submit, session, envelope)))
      assert.are.equal("", session:peek())
    end
  end)

  it("takes thousands of recipients", function()
    local session = greeted()
    local recipients = {}
    for i = 1, 5000 do
      recipients[i] = ("user%d@y.example"):format(i)
    end
    assert(session:submit { from = "a@x.example", recipients = recipients })
    local lines = 0
    for _ in sent(session):gmatch "RCPT TO:" do
      lines = lines + 1
    end
    assert.are.equal(5000, lines)
  end)
end)

local A, B, C = core.address "a@x.example", core.address "B <b@y.example>", core.address "c@y.example"

describe("transact", function()
  it("queues RSET, MAIL with the server's parameters, every RCPT and DATA in one flight", function()
    local session = greeted()
    local message = message_of "hello\n"
    assert.are.same({ 5, true, true }, { session:transact(message, A, { B, C }, false, false, true) })
    assert.are.equal(("RSET\r\nMAIL FROM:<a@x.example> SIZE=%d\r\nRCPT TO:<b@y.example>\r\n"
      .. "RCPT TO:<c@y.example>\r\nDATA\r\n"):format(message:size()), sent(session))
    local events = events_of(session, "250 ok\r\n250 ok\r\n250 ok\r\n550 no\r\n354 go\r\n")
    assert.are.equal("REPLY MAIL RCPT REFUSED BODY", kinds(events))
    assert.are.same({ 0, 0, 1, 2, 0 }, { events[1].tag, events[2].tag, events[3].tag,
      events[4].tag, events[5].tag })
  end)

  it("takes the null reverse-path, and says nothing that is not asked for", function()
    local session = greeted({}, "250 x\r\n")
    assert.are.same({ 2, false, false }, { session:transact(message_of "hello\n", "", { B }, false) })
    assert.are.equal("MAIL FROM:<>\r\n", sent(session))
    assert(session:feed "250 ok\r\n" and session:next())
    assert.are.equal("RCPT TO:<b@y.example>\r\n", sent(session))
    assert.is_false((select(5, session:want())))
  end)

  it("writes in UTF-8 the paths that cannot be written otherwise, and no others", function()
    local session = greeted({}, "250-x\r\n250-PIPELINING\r\n250 SMTPUTF8\r\n")
    local domain = core.has_idna and core.address "d@例え.jp" or B
    local message, to = message_of "hello\n", { core.address "エッツ@y.example", domain }
    local addresses, utf8 = core.envelope(message, A, to)
    assert.are.equal("エッツ@y.example", addresses[1])
    assert.is_true(utf8)
    assert.are.same({ 3, false, true }, { session:transact(message, A, to, utf8, true) })
    assert.are.equal("MAIL FROM:<a@x.example> SMTPUTF8\r\nRCPT TO:<エッツ@y.example>\r\n"
      .. (core.has_idna and "RCPT TO:<d@xn--r8jz45g.jp>\r\n" or "RCPT TO:<b@y.example>\r\n"),
      sent(session))
  end)

  it("queues nothing of what cannot go to the server, and says why", function()
    local message = message_of(("x"):rep(900) .. "\n" .. ("y"):rep(900) .. "\n")
    local session = greeted()
    local ok, code, text = session:transact(message, A, { B }, false, false, true)
    assert.are.same({ nil, "TOO_LARGE" }, { ok, code })
    assert.matches("^the message has %d+ octets, the server takes 1000$", text)
    session = greeted()
    ok, code = session:transact(message_of "x\n", A, { B }, true)
    assert.are.same({ nil, "SMTPUTF8_REQUIRED" }, { ok, code })
    ok, code, text = session:transact(message_of "x\n", A, { B, core.address "エ@y.example" }, false,
      false, true)
    assert.are.same({ nil, "SMTPUTF8_REQUIRED" }, { ok, code })
    assert.matches("^RCPT: ", text)
    assert.are.equal("", session:peek())
    assert(session:command "NOOP")
    assert.are.equal("NOOP\r\n", sent(session))
  end)

  it("raises when something is no message, no address or no list", function()
    local session, message = greeted(), message_of "x\n"
    for _, given in ipairs {
      { nil, A, { B } }, { core.message(), A, { B } }, { message, nil, { B } },
      { message, A, B }, { message, A, {} }, { message, A, { "b@y.example" } }, { message, 1, { B } },
    } do
      assert.is_false((pcall(session.transact, session, given[1], given[2], given[3], false)))
      assert.is_false((pcall(core.envelope, given[1], given[2], given[3])))
      assert.are.equal("", session:peek())
    end
  end)
end)

describe("an envelope", function()
  it("whose path cannot be written tells whose, and who else is in it", function()
    local long = core.address(("x"):rep(65) .. "@y.example")
    local message = message_of "x\n"
    local addresses, utf8, code, text, number = core.envelope(message, A, { B, long })
    assert.are.same({ { "b@y.example", tostring(long) }, nil, "ADDRESS", 2 },
      { addresses, utf8, code, number })
    assert.are.equal("string", type(text))
    assert.are.equal(0, (select(5, core.envelope(message, long, { B }))))
  end)
end)

describe("pass", function()
  local function under_way(offers)
    local session = greeted({}, offers)
    session:account()
    assert(session:transact(message_of "x\n", A, { B, C, A }, false, false, true))
    sent(session)
    return session
  end

  it("counts the replies that say yes, up to the 354", function()
    local session = under_way()
    assert.are.same({ 0, 0, nil, n = 3 }, { n = 3, session:pass() })
    session:feed "250 ok\r\n250 ok\r\n250 ok\r\n25"
    assert.are.same({ 3, 1, nil, n = 3 }, { n = 3, session:pass() })
    session:feed "0 ok\r\n250 ok\r\n354 go\r\n"
    assert.are.same({ 3, 2, "BODY", n = 3 }, { n = 3, session:pass() })
  end)

  it("leaves to next what does not", function()
    local session = under_way()
    session:feed "250 ok\r\n250 ok\r\n550 5.1.1 b\r\n250 ok\r\n250 ok\r\n354 go\r\n"
    assert.are.same({ 2, 0, "OTHER", n = 3 }, { n = 3, session:pass() })
    assert.are.same({ 0, 0, "OTHER", n = 3 }, { n = 3, session:pass() })
    local event = session:next()
    assert.are.same({ "REFUSED", "RCPT", 1, 550, "5.1.1", "b" },
      { event.kind, event.stage, event.tag, event.smtp_code, event.enhanced, event.text })
    assert.are.same({ 3, 2, "BODY", n = 3 }, { n = 3, session:pass() })
  end)

  it("leaves to next what has gone wrong, and the end", function()
    local session = under_way()
    session:feed "250 ok\r\nwhat\r\n"
    assert.are.same({ 1, 0, "OTHER", n = 3 }, { n = 3, session:pass() })
    assert.are.equal("PROTOCOL", select(2, session:next()))
    assert.are.same({ 0, 0, "OTHER", n = 3 }, { n = 3, session:pass() })
    session = under_way()
    session:feed "421 bye\r\n"
    assert.are.same({ 0, 0, "OTHER", n = 3 }, { n = 3, session:pass() })
    assert.are.equal("SHUTDOWN", session:next().kind)
    assert.are.same({ 0, 0, "OTHER", n = 3 }, { n = 3, session:pass() })
    assert.are.equal("DONE", select(2, session:next()))
  end)

  it("tells of each reply while the session is watched", function()
    local session = under_way()
    session:watch(true)
    session:feed "250 ok\r\n250 ok\r\n250 ok\r\n"
    assert.are.same({ 1, 0, nil, n = 3 }, { n = 3, session:pass() })
    assert.are.same({ 1, 0, nil, n = 3 }, { n = 3, session:pass() })
    assert.are.same({ 1, 1, nil, n = 3 }, { n = 3, session:pass() })
    assert.are.same({ 0, 0, nil, n = 3 }, { n = 3, session:pass() })
  end)

  it("is not needed for what waits in vain: withdraw takes it back", function()
    local session = under_way "250 x\r\n"
    session:feed "250 ok\r\n"
    session:pass()
    assert.are.equal("MAIL FROM:<a@x.example>\r\n", sent(session))
    session:feed "550 no\r\n"
    assert.are.equal("REFUSED", session:next().kind)
    session:withdraw()
    assert.are.equal("", sent(session))
    assert(session:command "NOOP")
    assert.are.equal("NOOP\r\n", sent(session))
  end)

  it("ends with the receipt, and account tells what it took", function()
    local session = under_way()
    session:feed "250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n"
    session:pass()
    assert(session:body "x\n" and session:body_end())
    sent(session)
    session:feed "250-2.0.0 Ok:\r\n250 2.0.0 queued as 4F-2.x)\r\n"
    assert.are.same({ 1, 0, "SENT", n = 3 }, { n = 3, session:pass() })
    assert.are.same({ "250 2.0.0 Ok:\n2.0.0 queued as 4F-2.x)", "4F-2.x" }, { session:receipt() })
    local turns, out, back = session:account()
    assert.are.equal(2, turns)
    assert.is_true(out > 100 and back > 50)
    assert.are.same({ 0, 0, 0 }, { session:account() })
    assert.are.equal(out, (session:bytes()) - #"EHLO me.example\r\n")
  end)
end)

describe("the content of a session", function()
  it("is stuffed and ended", function()
    local session = in_body()
    local text = "one\n.two\r\n"
    assert.are.equal(#text, session:body(text))
    assert.are.equal("not_sent", session:fate())
    assert.is_true(session:body_end())
    assert.are.equal("one\r\n..two\r\n.\r\n", sent(session))
    assert.are.equal("unknown", session:fate())
    assert.are.equal("SENT", kinds(events_of(session, "250 2.0.0 queued\r\n")))
    assert.are.equal("accepted", session:fate())
  end)

  it("may be given from any place of a string", function()
    local session = in_body()
    assert.are.equal(3, session:body("abcdef", 4))
    assert.are.equal(0, session:body("abcdef", 7))
    for _, first in ipairs { 0, 8, -1, 1.5, "4" } do
      assert.is_false((pcall(session.body, session, "abcdef", first)))
    end
    assert(session:body_end())
    assert.are.equal("def\r\n.\r\n", sent(session))
  end)

  it("is not taken when the wire is full", function()
    local session = in_body()
    local block = ("x"):rep(76) .. "\r\n"
    local n
    for _ = 1, 2000 do
      n = session:body(block)
      if n == 0 then
        break
      end
    end
    assert.are.equal(0, n)
    assert.is_true(#sent(session) > 1000)
    assert.is_true(session:body(block) > 0)
  end)

  it("has no place before the 354", function()
    local session = greeted()
    local n, code = session:body "text"
    assert.is_nil(n)
    assert.are.equal("STATE", code)
    local ok, end_code = session:body_end()
    assert.is_nil(ok)
    assert.are.equal("STATE", end_code)
    local pumped, pump_code = session:pump(message_of("text"):reader())
    assert.is_nil(pumped)
    assert.are.equal("STATE", pump_code)
  end)

  it("is pumped out of a reader as it is read from it", function()
    local message = message_of((".a line that is stuffed\n"):rep(20000))
    local session, reader = in_body(), message:reader()
    local pieces, waits = {}, 0
    while true do
      local done, code, text = session:pump(reader)
      pieces[#pieces + 1] = sent(session)
      if done then
        break
      end
      assert(code == "WAIT", text)
      waits = waits + 1
    end
    assert.is_true(waits > 3)
    local wire = table.concat(pieces)
    assert.are.equal(".\r\n", wire:sub(-3))
    assert.is_true(text_of(message) == wire:sub(1, -4):gsub("\r\n%.%.", "\r\n."):gsub("^%.%.", "."))
    assert.are.equal("SENT", kinds(events_of(session, "250 ok\r\n")))
  end)

  it("is pumped from where a read of the same reader stopped", function()
    local message = message_of "hello\n"
    local session, reader = in_body(), message:reader()
    local start = reader:read(10)
    assert.are.equal(10, #start)
    assert(session:pump(reader))
    assert.are.equal(text_of(message) .. ".\r\n", start .. sent(session))
  end)

  it("asks for what a Lua source has to give", function()
    local message = core.message()
    assert(message:header("addresses", "From", "a@x.example"))
    local part = message:leaf_source(nil, { type = "application/octet-stream" }, 6)
    assert(message:seal())
    local session, reader = in_body(), message:reader()
    local pumped, code, wanted = session:pump(reader)
    assert.is_nil(pumped)
    assert.are.equal("NEED", code)
    assert.are.equal(part, wanted)
    assert(reader:supply "abc")
    assert.are.equal("NEED", select(2, session:pump(reader)))
    assert(reader:supply "def")
    assert.are.equal("NEED", select(2, session:pump(reader)))
    assert(reader:supply(nil))
    assert.is_true(session:pump(reader))
    assert.is_truthy(sent(session):find "\r\n\r\nYWJjZGVm\r\n%.\r\n$")
  end)

  it("never ends when its source fails", function()
    local message = core.message()
    assert(message:header("addresses", "From", "a@x.example"))
    assert(message:leaf_source(nil, {}, 6))
    assert(message:seal())
    local session, reader = in_body(), message:reader()
    assert.are.equal("NEED", select(2, session:pump(reader)))
    assert(reader:supply "abc")
    assert.are.equal("NEED", select(2, session:pump(reader)))
    assert(reader:supply(nil))
    for _ = 1, 2 do
      local pumped, code, text = session:pump(reader)
      assert.is_nil(pumped)
      assert.are.equal("SOURCE", code)
      assert.is_string(text)
    end
    assert.is_nil(sent(session):find "\r\n%.\r\n")
    assert.are.equal("not_sent", session:fate())
  end)
end)

describe("TLS in a session", function()
  it("begins at once for implicit TLS", function()
    local session = core.session()
    assert.is_true(session:start_tls(assert(core.tls_context()), "mail.example"))
    assert.are.equal("TLS", session:phase())
    assert.are.equal("\22\3", session:peek(2))
    assert.is_nil(session:tls())
  end)

  it("needs a name when certificates are verified", function()
    local session = core.session()
    local ok, code, text = session:start_tls(assert(core.tls_context()))
    assert.is_nil(ok)
    assert.are.equal("CONFIG", code)
    assert.is_string(text)
  end)

  it("says so when the server speaks plain SMTP", function()
    local session = core.session()
    assert(session:start_tls(assert(core.tls_context()), "mail.example"))
    sent(session)
    assert(session:feed "220 mail.example ESMTP\r\n")
    local event, code, text = session:next()
    assert.is_nil(event)
    assert.are.equal("TLS_MODE", code)
    assert.is_string(text)
  end)

  it("is not started in the middle of a dialogue", function()
    local session = greeted()
    local ok, code = session:start_tls(assert(core.tls_context()), "mail.example")
    assert.is_nil(ok)
    assert.are.equal("STATE", code)
    local done, done_code = session:tls_done()
    assert.is_nil(done)
    assert.are.equal("STATE", done_code)
  end)

  it("may be done by somebody else, and what was offered is forgotten", function()
    local session = greeted()
    assert(session:command "STARTTLS")
    assert.are.equal("STARTTLS\r\n", sent(session))
    assert.are.equal("STARTTLS", kinds(events_of(session, "220 go ahead\r\n")))
    local _, _, _, tls = session:want()
    assert.is_true(tls)
    assert.is_true(session:tls_done())
    assert.are.same({}, session:capabilities())
    assert(session:command("EHLO", "me.example"))
    assert.are.equal("EHLO me.example\r\n", sent(session))
    assert.is_nil(session:tls())
  end)

  it("is closed without harm where there is none", function()
    local session = core.session()
    session:tls_close()
    assert.are.equal("", session:peek())
  end)
end)
