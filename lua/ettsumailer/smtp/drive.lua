-- The loop between a session, which knows bytes and events, and a transport, which moves bytes.
-- Why: one loop for every I/O world; the only place where a call may wait (and a coroutine yield).
-- Not: what a reply means for a message (transaction.lua), nor how bytes are moved (transport/).
--
-- A link is any table with: session (core), io (a transport's connection) and its now, or none;
-- timeouts (seconds by name), deadline (ms on io's clock), on_protocol, each perhaps none. It gets:
-- dead (a code, once the connection can no longer be used), since (when the present wait began).

local core = require "ettsumailer.core"
local errors = require "ettsumailer.errors"
local reading = require "ettsumailer.message.reading"
local scheduler = require "ettsumailer.scheduler"

local huge, min = math.huge, math.min

local M = {}

local WAITING = {
  greeting = "the server did not greet in time",
  TLS = "the TLS handshake took too long",
  body = "the server stopped taking the content",
  final = "the server did not tell in time whether it took the message",
}

local function clock(link)
  local now = link.now
  return now and now(link.io) or core.clock()
end

-- Transports that know strings only: whole blocks out, what there is in.
local function exchange(io, session, _, write, deadline)
  if write then
    local bytes = session:peek(16384)
    local n, code, text, sent = io:write(bytes, deadline)
    -- Where nobody knows how much left, all of it counts as sent before the fate is asked.
    session:skip(n or sent or #bytes)
    return n, code, text
  end
  local bytes, code, text = io:read(min(session:room(), 8192), deadline)
  if bytes then
    return session:feed(bytes)
  elseif code == "DONE" then
    return session:feed_eof()
  end
  return nil, code, text
end

-- Behind a failure of TLS's peek lends the alert, which tells the peer's operator why. It goes out
-- as far as it does without waiting.
local function send_alert(link)
  if link.session:peek(1) ~= "" then
    local both_ways = link.io.exchange or exchange
    both_ways(link.io, link.session, false, true, clock(link))
  end
end

-- What is being done: the end of a content that waits for room is not awaited yet, it is sent.
local function stage_of(session)
  local phase = session:phase()
  return phase == "final" and session:fate() == "not_sent" and "body" or phase
end

---Marks the link as of no more use, closes its transport, and makes the error.
---@param link table
---@param code string
---@param text string
---@return nil, ettsumailer.error
function M.fail(link, code, text)
  local stage = stage_of(link.session)
  local is_of_tls = code:find "^TLS" ~= nil
  link.dead = link.dead or code
  if is_of_tls then
    send_alert(link)
  end
  link.io:close()
  M.report(link)
  return nil, errors.of_tls({
    code = code, stage = stage, text = text, transcript = link.session:transcript(),
  }, is_of_tls and link.session:tls_failure())
end

---Hands the lines of the dialogue that are new to on_protocol.
---@param link table
function M.report(link)
  if not link.on_protocol then
    return
  end
  for direction, line in link.session:take_transcript():gmatch "(%u): ([^\n]*)\n" do
    local ok, why = scheduler.guard(link.on_protocol, direction, line)
    if not ok then
      -- Who only looks on must not change what becomes of a mail.
      link.on_protocol, link.on_protocol_error = false, why
      link.session:watch(false)
      return
    end
  end
end

-- When the wait is over that want calls so (RFC 5321 4.5.3.2).
local function deadline_of(link, patience)
  local timeouts = link.unproven_timeouts or link.is_in_flight and link.flight_timeouts
    or link.timeouts
  local deadline, limit = link.since + timeouts[patience] * 1000, link.deadline
  if limit and limit < deadline then
    return limit
  end
  return deadline < huge and deadline or nil
end

local function cannot_move(link, code, text)
  if code == "TIMEOUT" then
    local stage = stage_of(link.session)
    text = WAITING[stage] or ("the server did not answer " .. stage .. " in time")
  end
  return M.fail(link, code, text)
end

-- Nothing to wait for: only memory can have failed the session since it was asked; next says so.
local function stuck(link)
  local _, code, text = link.session:next()
  return M.fail(link, code or "STATE", text or "the session waits for nothing")
end

local REPLIES = 8 -- an octet of a reply is as much work as so many of a content

-- Replies that are there already, and a content that the transport takes at once, keep nobody
-- waiting who shares the loop.
local function give_turn(link, work)
  local sent, received = link.session:bytes()
  local octets = sent + REPLIES * received
  local done = octets - (link.worked or octets)
  link.worked = octets
  work:done(done)
end

-- Only what is sent is progress: a server that talks meanwhile does not take the content.
local function note_moved(link, before)
  if link.work then
    give_turn(link, link.work)
  end
  if before and link.session:bytes() ~= before then
    link.since = clock(link)
  end
end

---Moves some bytes in one direction or both, waiting until it can.
---@param link table
---@return true? moved
---@return ettsumailer.error?
local function move(link)
  local io, session = link.io, link.session
  if link.dead then
    return M.fail(link, link.dead, "the connection is closed")
  end
  if link.on_protocol then
    M.report(link) -- a flight that is longer than the transcript goes out piece by piece
  end
  local read, write, _, tls, _, patience = session:want()
  if not (read or write or tls) then
    return stuck(link)
  end
  local both_ways, sent = io.exchange or exchange, write and session:bytes()
  local ok, code, text = both_ways(io, session, true, write, deadline_of(link, patience))
  if ok then
    note_moved(link, sent)
    return true
  end
  return cannot_move(link, code, text)
end

-- The next event that is there already. Returns event; or nil; or nil, error.
local function pull(link)
  local early = link.early
  if early then
    link.early = false
    return early
  end
  local event, code, text = link.session:next()
  if link.on_protocol then
    M.report(link)
  end
  if event then
    if link.session:phase() == "closed" then
      link.dead = "CLOSED"
    end
    return event
  elseif code == "DONE" then
    return M.fail(link, "CLOSED", "the connection is closed")
  elseif code then
    return M.fail(link, code, text)
  elseif link.cancelled then
    return M.fail(link, "CANCELLED", "the sending was cancelled")
  end
end

---Moves what can leave without waiting; a failure is told by the next event.
---@param link table
function M.flush(link)
  local session, io = link.session, link.io
  if link.on_protocol then
    M.report(link)
  end
  if io.exchange and not link.dead then
    local _, write = session:want()
    if write then
      io:exchange(session, false, true, clock(link))
    end
  end
end

---Waits for the next event: each wait begins when the last octets went out (RFC 5321 4.5.3.2).
---@param link table
---@return table? event as of the session's next
---@return ettsumailer.error?
function M.event(link)
  local event, err = pull(link)
  if event or err then
    return event, err
  end
  link.since = clock(link)
  while not event and not err do
    local moved
    moved, err = move(link)
    if moved then
      event, err = pull(link)
    end
  end
  return event, err
end

-- Moves bytes until there is a reply of a transaction.
local function wait_for_reply(link)
  local count, recipients, kind = 0, 0, nil
  link.since = clock(link)
  while count == 0 and not kind do
    if link.cancelled then
      local _, err = M.fail(link, "CANCELLED", "the sending was cancelled")
      return nil, err
    end
    local moved, err = move(link)
    if not moved then
      return nil, err
    end
    count, recipients, kind = link.session:pass()
    if link.on_protocol then
      M.report(link)
    end
  end
  return count, recipients, kind
end

---Waits for replies of a transaction, and passes over those that say yes.
---@param link table
---@return integer? count  how many there were: none only where something else came
---@return integer|ettsumailer.error recipients  of them to RCPT
---@return string? kind    what came last: "BODY", "SENT", or "OTHER": the next event tells
function M.accepted(link)
  local count, recipients, kind = link.session:pass()
  if link.on_protocol then
    M.report(link)
  end
  if count > 0 or kind then
    return count, recipients, kind
  end
  return wait_for_reply(link)
end

local function reply_of(event)
  return { smtp_code = event.smtp_code, enhanced = event.enhanced, text = event.text }
end

---A refusal, or the 421 that ends everything, as an error.
---@param link table
---@param event table
---@return nil, ettsumailer.error
function M.refusal(link, event)
  return nil, errors.of_event(event, link.session:transcript())
end

local BAD = { REFUSED = true, SHUTDOWN = true, CLOSED = true }

---The next event as a reply, or as an error where it is a refusal or the end.
---@param link table
---@return table? reply
---@return table event_or_error
function M.await(link)
  local event, err = M.event(link)
  if not event then
    return nil, err
  elseif BAD[event.kind] and not (event.kind == "CLOSED" and event.verb == "QUIT") then
    return M.refusal(link, event)
  end
  return reply_of(event), event
end

---Goes on until the TLS handshake is done.
---@param link table
---@return true?
---@return ettsumailer.error?
function M.handshake(link)
  link.since = clock(link)
  while link.session:phase() == "TLS" do
    local event, err = pull(link)
    if err then
      return nil, err
    end
    link.early = event -- the greeting may come in one packet with the end of the handshake
    if link.session:phase() == "TLS" then
      local moved, move_err = move(link)
      if not moved then
        return nil, move_err
      end
    end
  end
  return true
end

-- Feeds a string to the session's body, piece by piece. State is in the table given.
local function pump_string(session, source)
  while source.at <= #source.text do
    local n, code, text = session:body(source.text, source.at)
    if not n then
      return nil, code, text
    elseif n == 0 then
      return nil, "WAIT"
    end
    source.at = source.at + n
  end
  return session:body_end()
end

-- Does what the content stopped for: it waits for room, or for what Lua gives. Returns true; or nil
-- and an event that came instead, or an error.
local function make_way(link, reader, code, text)
  if code == "WAIT" then
    local event, err = pull(link)
    if event or err then
      return nil, event or err
    end
    return move(link)
  elseif code ~= "NEED" then
    return M.fail(link, code, text)
  elseif not (reader and reading.supply(reader)) then
    return M.fail(link, "SOURCE", "the message has a part whose content nobody gives")
  end
  link.since = clock(link) -- the time that a source takes is not the server's
  return true
end

-- A source that takes its time may never make the transport wait: then nobody else looks at the
-- clock before the end of the content has left, and the fate is unknown.
local function may_go_on(link)
  if link.cancelled then
    return M.fail(link, "CANCELLED", "the sending was cancelled")
  elseif link.deadline and clock(link) >= link.deadline then
    return M.fail(link, "TIMEOUT", "the time was over before the whole content was there")
  end
  return true
end

---Sends a whole content after the BODY event, up to its queued end; what is still to be written
---leaves with the wait for the next event. A content that fails leaves one way on: the connection
---is dropped.
---@param link table
---@param reader userdata?
---@param source table?  in place of a reader: { text = string, at = 1 }
---@return true?
---@return table? event or error: a reply that came in the middle of the content
function M.content(link, reader, source)
  local session, has_begun = link.session, false
  if link.work then
    link.work:renew() -- the 354 was waited for
  end
  while true do
    local is_on, err = may_go_on(link)
    if not is_on then
      return nil, err
    end
    local done, code, text
    if reader then
      done, code, text = session:pump(reader)
    else
      done, code, text = pump_string(session, source)
    end
    if done then
      return true
    elseif not has_begun then
      link.since, has_begun = clock(link), true
    end
    local ok, event = make_way(link, reader, code, text)
    if not ok then
      return nil, event
    end
  end
end

return M
