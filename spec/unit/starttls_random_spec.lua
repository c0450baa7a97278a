-- A server that speaks no TLS, and everything else in any order: with security = "starttls" it never
-- hears of a login or of a mail, whatever it says.
local ettsumailer = require "ettsumailer"
local server_of = require "ettsumailer.testing.server"

local RUNS = 60

local TEXTS = {
  "220 hi", "250 hi", "250 hi\nSTARTTLS", "250 hi\nAUTH PLAIN LOGIN", "250 STARTTLS\nAUTH PLAIN\nSTARTTLS",
  "235 welcome",
  "334 ", "354 go ahead", "421 bye", "454 not now", "500 what?", "502 no", "530 login first", "554 no", "221 bye",
  "250 hi\nSTARTTLS \nPIPELINING", "220 \22\3\3", "25 hi", "2500 hi", "999 hi", "",
}

-- The same numbers in each run and on each engine.
local state = 20261128

local function random(n)
  state = state * 16807 % 2147483647 -- Park and Miller's
  return state % n + 1
end

local function reply()
  local text = TEXTS[random(#TEXTS)]
  local how = random(8)
  if how == 1 then
    return { text = text .. "\r\n" .. TEXTS[random(#TEXTS)] .. "\r\n", raw = true }
  elseif how == 2 then
    return { text = text, octets = random(#text + 2) }
  elseif how == 3 then
    return { text = text, later = TEXTS[random(#TEXTS)] .. "\r\n" }
  elseif how == 4 then
    return { text = text, cut = true }
  end
  return text
end

-- In most of the dialogues it begins as it should.
local function script()
  local replies = { other = reply() }
  for _, verb in ipairs { "EHLO", "HELO", "STARTTLS", "QUIT" } do
    replies[verb] = reply()
  end
  replies.greeting = random(4) == 1 and reply() or nil
  replies.EHLO = random(4) > 1 and "250 hi\nSTARTTLS\nAUTH PLAIN" or replies.EHLO
  return replies
end

local HARMLESS = { EHLO = true, HELO = true, STARTTLS = true, QUIT = true }

describe("a server without TLS, whatever it says,", function()
  local server

  after_each(function()
    server:stop()
  end)

  it(("hears of no login and of no mail, in %d dialogues"):format(RUNS), function()
    server = assert(server_of.start { extensions = { "STARTTLS" }, allow_plaintext_auth = true })
    for _ = 1, RUNS do
      assert(server:set_replies(script()))
      local result, err = ettsumailer.send {
        host = "127.0.0.1", port = server.port, security = "starttls", ehlo_name = "client.example",
        timeouts = { greeting = 0.1, command = 0.1, tls = 0.1, quit = 0.05 },
        user = "ettsu", password = "secret", from = "a@example.com", to = "b@example.com", text = "hi\n",
      }
      assert.is_nil(result)
      assert.same({ "b@example.com" }, err.not_sent)
    end
    local heard = {}
    for _, line in ipairs(server:log()) do
      local verb = line:match "^C: (%a%a%a%a+)"
      assert.is_true(verb == nil or HARMLESS[verb], line)
      heard[verb or ""] = (heard[verb or ""] or 0) + 1
    end
    assert.is_true(heard.STARTTLS > RUNS / 4)
    assert.same({}, server:messages())
  end)
end)
