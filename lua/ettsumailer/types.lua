---@meta ettsumailer.types
-- The annotations of what has no source in Lua: the C objects, results. Nothing of it is run.
-- Why: editors and docs/reference.md know them as they know the rest.
-- Not: a module to require.

---What became of a message that was taken.
---@class ettsumailer.result
---@field message_id string   with its brackets
---@field accepted string[]   recipients that the server has taken responsibility for
---@field rejected ettsumailer.refusal[]
---@field unknown string[]    always empty: a message with any of these is an error
---@field not_sent string[]   recipients that nothing was sent to
---@field response string     the server's reply to the end of the content, or what stands for it
---@field queue_id string?    how the server calls the message, where it tells
---@field attempts integer    transactions and tries, those that failed included
---@field tls table|false|nil { version, cipher, verified, resumed ... }
---@field timings table       seconds: { total, setup = of a new connection, waited = for rate and
---  retries }
---@field turns integer       round trips
---@field bytes table         octets: { sent, received }

---A recipient that was refused.
---@class ettsumailer.refusal
---@field address string
---@field smtp_code integer   550 and the like
---@field enhanced string?    "5.1.1" and the like (RFC 3463)
---@field text string         the server's words
---@field temporary boolean   it may be taken later

---A message: composed, sealed, never changed again, sent as often as you like.
---@class ettsumailer.message
local Message = {}

---What is read from it, and from where it was: a cursor of its own.
---
---Example: `local reader = message:reader()`
---@param closed ettsumailer.reader?  one that was closed, and is used again
---@return ettsumailer.reader
function Message:reader(closed) end

---The octets of it as they are sent, without dots that SMTP adds.
---
---Example: `print(message:size())`
---@return integer? octets  nil where content is of unknown size
function Message:size() end

---Its Message-ID.
---
---Example: `print(message:id()) --> <20261128...@example.com>`
---@return string id  with its brackets
function Message:id() end

---Whether a server has to offer SMTPUTF8 for it (RFC 6531).
---
---Example: `if message:needs_smtputf8() then print "not every server takes it" end`
---@return boolean
function Message:needs_smtputf8() end

---Whether a server has to offer 8BITMIME for it: only with body = "8bit".
---
---Example: `print(message:needs_8bit())`
---@return boolean
function Message:needs_8bit() end

---Whether it is sealed. Those of ettsumailer.message are.
---
---Example: `assert(message:is_sealed())`
---@return boolean
function Message:is_sealed() end

---Gives its memory back at once, not when it is collected.
---
---Example: `message:close()`
function Message:close() end

---A cursor over a message.
---@class ettsumailer.reader
local Reader = {}

---Gives its memory back, and closes what it reads from.
---
---Example: `reader:close()`
function Reader:close() end

---An address of RFC 5322: ettsumailer.address and address.parse_list make it.
---@class ettsumailer.address.object
---@field name string?          the display name
---@field local_part string     without quotes
---@field domain string         as it was given
---@field group string?         the group that it stands in
---@field domain_ascii string?  in A-labels
---@field domain_unicode string?
local Address = {}

---As a header has it: the name quoted or encoded, the domain in A-labels.
---
---Example: `ettsumailer.address("エッツ <e@example.jp>"):format()`
---@return string? text
---@return string? code  an error's code
---@return string? why
function Address:format() end

---As the envelope has it, for between < and >.
---
---Example: `ettsumailer.address("B <b@example.com>"):path() --> b@example.com`
---@param utf8 boolean?  true: UTF-8 may stay, where SMTPUTF8 is offered
---@return string? path
---@return string? code  SMTPUTF8_REQUIRED, ADDRESS
---@return string? why
function Address:path(utf8) end

---The protocol without I/O: bytes in, bytes and events out. It never waits.
---@class ettsumailer.session
local Session = {}

---Octets that feed would take now.
---
---Example: `local n = session:room()`
---@return integer
function Session:room() end

---Takes what came from the server: all of it or, where there is no room, nothing.
---
---Example: `session:feed "220 smtp.example.com ESMTP\r\n"`
---@param bytes string
---@return true?
---@return string? code
---@return string? text
function Session:feed(bytes) end

---Says that the server will send no more.
---
---Example: `session:feed_eof()`
---@return true?
---@return string? code
---@return string? text
function Session:feed_eof() end

---What is to be sent now; it stays until it is skipped. After an error there may be something, too.
---
---Example: `local bytes = session:peek()`
---@param max integer?  octets at most
---@return string bytes  "" where there is nothing
function Session:peek(max) end

---So many octets of it were sent.
---
---Example: `session:skip(#bytes)`
---@param n integer
function Session:skip(n) end

---The next event; nil where more has to come first.
---
---Example: `local event = session:next() -- { kind = "GREETING", smtp_code = 220, ... }`
---@return table? event   { kind, stage, verb, tag, smtp_code, enhanced, text }; kind is GREETING,
---  CAPABILITIES, STARTTLS, CHALLENGE, AUTHENTICATED, MAIL, RCPT, BODY, SENT, REPLY, REFUSED,
---  SHUTDOWN or CLOSED
---@return string? code  where the dialogue has failed
---@return string? text
function Session:next() end

---What the session waits for. None of it: hang up.
---
---Example: `local read, write, body, tls, command, patience = session:want()`
---@return boolean read     bytes of the server
---@return boolean write    peek and skip
---@return boolean body     content
---@return boolean tls      start_tls, or tls_done
---@return boolean command  the next command
---@return string patience  which timeout this wait has: "greeting", "tls", "command", "data",
---  "block", "final" or "quit"
function Session:want() end

---Which wait this is, to choose a timeout.
---
---Example: `print(session:phase()) --> greeting`
---@return string  "greeting", "EHLO", "TLS", "AUTH", "MAIL", "body", "final", "idle" and the like
function Session:phase() end

---Begins TLS, behind the event STARTTLS or before everything else.
---
---Example: `assert(session:start_tls(context, "smtp.example.com"))`
---@param context userdata  of ettsumailer.core.tls_context
---@param name string?      the name that the certificate is to be for
---@return true?
---@return string? code
---@return string? text
function Session:start_tls(context, name) end

---Says that TLS is there, where somebody else has made it.
---
---Example: `assert(session:tls_done())`
---@return true?
---@return string? code
---@return string? text
function Session:tls_done() end

---What TLS there is.
---
---Example: `print(session:tls().version) --> TLSv1.3`
---@return table?  { version, cipher, verified, resumed }; nil without it
function Session:tls() end

---What is known of a failure of TLS.
---
---Example: `local why = session:tls_failure()`
---@return table?  { hint, wanted, names, subject, issuer, not_before, not_after, verify_code,
---  verify_text }; nil without one
function Session:tls_failure() end

---Ends TLS: what it has to say is to be sent.
---
---Example: `session:tls_close()`
function Session:tls_close() end

---Begins a login.
---
---Example: `assert(session:auth("PLAIN", "ettsu", password))`
---@param mechanism string  "SCRAM-SHA-256", "PLAIN" and the like
---@param user string
---@param secret string     the password or the token
---@param given table?      { host, port, nonce }
---@return true?
---@return string? code
---@return string? text
function Session:auth(mechanism, user, secret, given) end

---Answers a challenge of the login, behind the event CHALLENGE.
---
---Example: `assert(session:auth_step(event.text))`
---@param challenge string
---@return true?
---@return string? code
---@return string? text
function Session:auth_step(challenge) end

---Does a part of what the answer to a challenge takes, where SCRAM's server asks for much of it;
---else auth_step does all at once.
---
---Example: `while session:auth_work(event.text, 1000) do give_a_turn() end`
---@param challenge string
---@param most integer  iterations, at most
---@return true?  there is more
function Session:auth_work(challenge, most) end

---Says that no login goes on; its secrets are wiped.
---
---Example: `session:auth_end()`
function Session:auth_end() end

---Answers a challenge with octets of the caller's, as they are to stand on the line.
---
---Example: `session:respond "*"`
---@param response string
---@return true?
---@return string? code
---@return string? text
function Session:respond(response) end

---What a login can be bound to (RFC 5929, 9266).
---
---Example: `local name, octets = session:channel_binding()`
---@return string? name   nil where there is no TLS to bind to
---@return string? octets
function Session:channel_binding() end

---Queues a command.
---
---Example: `session:command("EHLO", "client.example.com")`
---@param verb string         "" for a whole line as the argument
---@param argument string?    checked: no control character gets to the wire
---@param parameters string?  of MAIL and RCPT
---@param tag integer?        comes back in the event
---@param utf8 boolean?       the argument may hold UTF-8
---@return true?
---@return string? code
---@return string? text
function Session:command(verb, argument, parameters, tag, utf8) end

---Queues MAIL, every RCPT and DATA, as one flight where PIPELINING is offered.
---
---Example: `session:submit { from = "a@x.jp", recipients = { "b@x.jp" }, data = true }`
---@param given table  from, from_parameters, recipients, data (boolean), utf8 (boolean)
---@return true?
---@return string? code
---@return string? text
function Session:submit(given) end

---Queues the envelope of a message: MAIL with what the server's offers ask for, every RCPT, and
---where PIPELINING is offered DATA, all in one flight.
---
---Example: `local due, has_data = assert(session:transact(message, from, { to }, false))`
---@param message userdata        sealed
---@param from userdata|string    an address, or "" for the null reverse-path
---@param to userdata[]           addresses
---@param utf8 boolean            SMTPUTF8 is needed, as core.envelope says
---@param data_is_late boolean?   DATA is to wait for the replies, whatever is offered
---@param with_reset boolean?     RSET in front
---@return integer? due  replies that will come
---@return boolean|string has_data  DATA is among what they answer; or a code: TOO_LARGE,
---  SMTPUTF8_REQUIRED, CONFIG: it cannot go to this server, and nothing was queued
---@return boolean|string is_flight  or why not
function Session:transact(message, from, to, utf8, data_is_late, with_reset) end

---Takes back the commands that wait for a reply before they may leave.
---
---Example: `session:withdraw()`
function Session:withdraw() end

---Passes over the replies to a transaction that say yes.
---
---Example: `local count, recipients, kind = session:pass()`
---@return integer count       how many there were
---@return integer recipients  of them to RCPT
---@return string? kind        what ended them: "BODY", "SENT", or "OTHER", which next tells; nil
---  where more has to come first
function Session:pass() end

---The reply that came last, behind the event SENT.
---
---Example: `local response, queue_id = session:receipt()`
---@return string response   "250 2.0.0 Ok: queued as 4F2"
---@return string? queue_id  what the server calls the message by, where that is to be seen
function Session:receipt() end

---What has been counted since it was asked last.
---
---Example: `local turns, sent, received = session:account()`
---@return integer turns
---@return integer sent      octets
---@return integer received  octets
function Session:account() end

---Hands over content, behind the event BODY. Line ends become CRLF, dots are doubled.
---
---Example: `local n = session:body(text)`
---@param bytes string
---@param first integer?  from this octet on
---@return integer? n  octets that were taken
---@return string? code
---@return string? text
function Session:body(bytes, first) end

---The content ends here.
---
---Example: `assert(session:body_end())`
---@return true?
---@return string? code
---@return string? text
function Session:body_end() end

---Moves a message's content into the session, as much as there is room for, and its end.
---
---Example: `local ok, code = session:pump(message:reader())`
---@param reader ettsumailer.reader
---@return true?          all of it is in
---@return string? code  "WAIT": there is no room; "NEED": the reader wants content from Lua
---@return string? text
function Session:pump(reader) end

---The parameters of an extension, where the server offers it.
---
---Example: `local may_pipeline = session:offers "PIPELINING" ~= nil`
---@param keyword string
---@return string?  "" for none
function Session:offers(keyword) end

---All that the server offers.
---
---Example: `print(session:capabilities().SIZE)`
---@return table<string, string>
function Session:capabilities() end

---The size of a message that the server takes at most, as it says (RFC 1870).
---
---Example: `local octets = session:size_limit()`
---@return integer?  octets; nil where it does not say
function Session:size_limit() end

---What became of the content of the last transaction.
---
---Example: `assert(session:fate() ~= "unknown")`
---@return string  "not_sent", "unknown", "accepted" or "rejected"
function Session:fate() end

---The last lines of the dialogue, secrets masked.
---
---Example: `print(session:transcript())`
---@return string
function Session:transcript() end

---Whether every line is kept for take_transcript, however many there are, or only the last.
---
---Example: `session:watch(true)`
---@param is_watched boolean
function Session:watch(is_watched) end

---The same, and forgets them.
---
---Example: `log(session:take_transcript())`
---@return string
function Session:take_transcript() end

---Round trips so far.
---
---Example: `print(session:turns())`
---@return integer
function Session:turns() end

---Octets so far, TLS's own included.
---
---Example: `local sent, received = session:bytes()`
---@return integer sent
---@return integer received
function Session:bytes() end

---Gives its memory back at once.
---
---Example: `session:close()`
function Session:close() end
