-- Plays one transcript against a session of the core (level 1).
--
-- A transcript is a text file; its first line, "# ...", is a true sentence, the lines after it say
-- which RFC asks for it or whose server does so. Every other line is one step:
--   O: without DSN SIZE   options of the session: extensions switched off; or "O: lock_step"
--   > MAIL a@b.example | SIZE=1   queues a command; its tag is its number, from 1. "MAIL <>" is the
--                         null reverse-path; parameters "SMTPUTF8" open the transaction to UTF-8
--   ! CODE > MAIL ...     a command that the session does not take, and the code of its no
--   S: 250 ok             the server says a line; lines in a row are one flight, cut as told
--   s: 250                the same without a line's end
--   S! 220 go\r\n250 x    the same in one piece, however the rest is cut
--   EOF.                  the server says no more
--   C: MAIL FROM:<...>    the next line that the client sent
--   E: RCPT RCPT #3 250 [2.1.5] ok    the next event: kind, stage, tag, reply, "(8-bit)"
--   B: text    b: octets    B.   content, a line or less of it; it is whole
--   R: dXNlcg==           the response to a challenge
--   A: PLAIN user secret  logs in by a mechanism; "A." answers the challenge, "A. CODE" in vain
--   T.                    the handshake is done
--   W: RC                 what is wanted, of R W B T C; "-" for nothing
--   P: MAIL    F: unknown phase and fate
--   K: DSN; SIZE 10    L: 10    what is offered; the limit that SIZE tells, or "-"
--   =: DONE               what next said last: INPUT, DONE, or a code and its sentence
-- In text \r, \n, \xHH are octets and <500*ab> is "ab" 500 times. Before the server speaks and in
-- the end every line that the client sent has been told, in the end every event; each transcript
-- tells its fate and its end.

local core = require "ettsumailer.core"
local steps = require "wire.steps"

local expect, line_of, SAYS, STEPS = steps.expect, steps.line_of, steps.SAYS, steps.STEPS

local OCTETS = { r = "\r", n = "\n" }

local function unescaped(text)
  text = text:gsub("<(%d+)%*([^>]*)>", function(times, what)
    return what:rep(tonumber(times))
  end)
  text = text:gsub("\\x(%x%x)", function(hex)
    return string.char(tonumber(hex, 16))
  end)
  return (text:gsub("\\([rn])", OCTETS))
end

local M = {}

-- The pieces in which each way lets the server's octets arrive.
local WAYS = {}
M.WAYS = WAYS

function WAYS.whole(bytes)
  return { bytes }
end

function WAYS.lines(bytes)
  local pieces = {}
  for piece in bytes:gmatch "[^\n]*\n?" do
    pieces[#pieces + 1] = piece
  end
  return pieces
end

function WAYS.bytes(bytes)
  local pieces = {}
  for i = 1, #bytes do
    pieces[i] = bytes:sub(i, i)
  end
  return pieces
end

local Player = {}
Player.__index = Player

local function player_of(cut)
  return setmetatable({
    cut = cut, last = "INPUT", heard = "", events = {}, said = {}, tag = 0, log = {}, told = {},
  }, Player)
end

function Player:note(what, text)
  self.log[#self.log + 1] = what .. ": " .. text
end

-- Every event there is now.
function Player:pull()
  local event, code, text = self.session:next()
  while event do
    self.events[#self.events + 1] = event
    self:note("E", line_of(event))
    event, code, text = self.session:next()
  end
  self.last = code == nil and "INPUT" or code == "DONE" and code or code .. " " .. text
  self.challenge = self.events[#self.events] and self.events[#self.events].text or self.challenge
end

-- Lets the client send all it has.
function Player:drain()
  local piece = self.session:peek()
  while piece ~= "" do
    self.session:skip(#piece)
    self.heard = self.heard .. piece
    piece = self.session:peek()
  end
end

-- Feeds one piece, as far as there is room; what comes after the end is not heard.
function Player:feed(piece)
  while piece ~= "" do
    local n = math.min(self.session:room(), #piece)
    if n == 0 then
      return
    end
    assert(self.session:feed(piece:sub(1, n)))
    piece = piece:sub(n + 1)
    self:pull()
  end
end

-- Lets the server say what it has to say.
function Player:say()
  if #self.said == 0 then
    return
  end
  self:drain()
  expect("", self.heard, "sent before this, and told by no C: line")
  for _, said in ipairs(self.said) do
    for _, piece in ipairs(said.is_one and { said.bytes } or self.cut(said.bytes)) do
      self:feed(piece)
    end
  end
  self.said = {}
end

function Player:add(bytes, is_one)
  local last = self.said[#self.said]
  if last and not last.is_one and not is_one then
    last.bytes = last.bytes .. bytes
  else
    self.said[#self.said + 1] = { bytes = bytes, is_one = is_one }
  end
end

local VERBS = {}
for verb in ("EHLO HELO STARTTLS AUTH MAIL RCPT DATA RSET NOOP VRFY EXPN HELP QUIT"):gmatch "%a+" do
  VERBS[verb] = verb
end

function Player:command(text)
  local verb, rest = text:match "^(%S+) ?(.*)$"
  local argument, parameters = rest:match "^(.-) ?| (.*)$"
  if verb == "MAIL" then
    self.utf8 = parameters ~= nil and parameters:find("SMTPUTF8", 1, true) ~= nil
  end
  self.tag = self.tag + 1
  if not VERBS[verb] then
    return self.session:command("", text, "", self.tag)
  end
  argument = argument or rest
  argument = argument == "<>" and "" or argument
  return self.session:command(verb, argument, parameters or "", self.tag, self.utf8 or false)
end

function Player:step(line)
  local word, text = line:match "^(%S+) ?(.*)$"
  text = unescaped(text)
  if SAYS[word] then
    SAYS[word](self, text)
    return
  end
  self:say()
  self.told[word] = true
  assert(STEPS[word], "there is no such step: " .. word)(self, text)
end

local function options_of(lines)
  local options = {}
  for _, line in ipairs(lines) do
    local name, value = line:match "^O: (%S+) ?(.*)$"
    if name then
      options[name] = value == "" or value
    end
  end
  return options
end

---Plays a transcript in one way. Returns all there is to compare; raises where it is wrong.
function M.play(lines, cut)
  local self = player_of(cut)
  self.session = assert(core.session(options_of(lines)))
  for number, line in ipairs(lines) do
    if line ~= "" and not line:find "^#" and not line:find "^O:" then
      local ok, message = pcall(self.step, self, line)
      if not ok then
        error(("line %d, %s: %s"):format(number, line, tostring(message)), 0)
      end
    end
  end
  self:say()
  self:drain()
  expect("", self.heard, "in the end, sent and told by no C: line")
  local untold = self.events[1]
  expect(nil, untold and line_of(untold), "in the end, an event told by no E: line")
  assert(self.told["F:"] and self.told["=:"], "a transcript tells its fate and its end")
  return {
    log = self.log, fate = self.session:fate(), last = self.last, phase = self.session:phase(),
    transcript = self.session:transcript(), capabilities = self.session:capabilities(),
  }
end

return M
