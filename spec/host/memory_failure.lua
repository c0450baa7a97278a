-- What spec/host/memory_failure_test.c runs while its memory fails: messages sent to a server that
-- is a table. Arguments: the scenario, the path of a file to attach. Returns run and judge.
-- run() sends: "sent", or the code of the error, or "LIE" when the error denies what was received.

local scenario_name, path = ...

package.path = "lua/?.lua;lua/?/init.lua"
package.cpath = ""

-- Lua 5.4's own string buffers are of no use any more when memory ends while the first large one
-- is made: that is not what is looked for here.
local _ = ("x"):rep(100000)

-- The server, and the transport that leads to it in memory.

local REPLIES = {
  EHLO = "250-server.example\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n250-ENHANCEDSTATUSCODES\r\n"
    .. "250 AUTH PLAIN CRAM-MD5 LOGIN\r\n",
  MAIL = "250 2.1.0 ok\r\n", RCPT = "250 2.1.5 ok\r\n", DATA = "354 go ahead\r\n",
  RSET = "250 2.0.0 ok\r\n", QUIT = "221 2.0.0 bye\r\n", AUTH = "235 2.7.0 welcome\r\n",
  final = "250-2.0.0 taken\r\n250 2.0.0 Ok: queued as MEM1\r\n",
}

local seen = {} -- what the server got in this run: contents, whole ones only

local Server = {}
Server.__index = Server

local function answer(self, verb, line)
  local reply = self.replies[verb] or REPLIES[verb] or "500 5.5.2 what?\r\n"
  if type(reply) == "function" then
    reply = reply(line)
  end
  self.out = self.out .. reply
  return reply:sub(1, 1)
end

local function take_content(self)
  local first, last = self.input:find("\r\n.\r\n", 1, true)
  if not first then
    return false
  end
  local content = self.input:sub(1, first + 1)
  self.input, self.in_content = self.input:sub(last + 1), false
  answer(self, "final")
  seen[#seen + 1] = content
  return true
end

local function take_line(self)
  local line, rest = self.input:match "^([^\n]*)\r\n(.*)$"
  if not line then
    return false
  end
  self.input = rest
  local verb = line:match "^%a*"
  self.in_content = answer(self, verb, line) == "3" and verb == "DATA"
  return true
end

function Server:write(bytes)
  self.input = self.input .. bytes
  local taken
  repeat
    if self.in_content then
      taken = take_content(self)
    else
      taken = take_line(self)
    end
  until not taken
  return #bytes
end

function Server:read(max)
  local bytes = self.out:sub(1, max)
  self.out = self.out:sub(max + 1)
  if bytes == "" then
    return nil, "TIMEOUT", "the server has nothing to say"
  end
  return bytes
end

function Server:has_news()
  return self.out ~= ""
end

function Server:close()
  self.closed = true
end

local replies = {
  RCPT = function(line)
    return line:find("<b@", 1, true) and "550 5.1.1 nobody\r\n" or "250 2.1.5 ok\r\n"
  end,
}

package.loaded["ettsumailer.transport.native"] = {
  connect = function()
    return setmetatable({
      input = "", out = "220 server.example ESMTP\r\n", replies = replies,
    }, Server)
  end,
}

local ettsumailer = require "ettsumailer"

-- The messages.

local ENTROPY = ("e"):rep(32)

local function order(more)
  local given = {
    from = "エッツ <ettsu@example.jp>", sender = "ettsu@example.jp", date = 1700000000,
    to = { "a@example.com", "B <b@example.com>", "Staff: x@example.com, y@example.com;" },
    cc = "c@example.com", bcc = "d@example.com", zone_minutes = 540, entropy = ENTROPY,
    subject = ("ご注文ありがとうございます "):rep(5), headers = { ["X-Order"] = "4711" },
    references = { "<1@example.com>", "<2@example.com>" },
    text = ("ありがとうございました。\n.\n"):rep(20), html = "<p>ありがとう</p>",
    attachments = {
      path, { content = ("d,é\n"):rep(2000), filename = "売上.csv", type = "text/csv" },
      { content = "small", filename = "small.txt" },
    },
  }
  for name, value in pairs(more or {}) do
    given[name] = value
  end
  return given
end

local SERVER = { host = "server.example", security = "none", ehlo_name = "client.example" }

-- Level 3: a mailer, a message of each kind of part, two sends over one connection, one recipient
-- refused.
local function send_with_a_mailer(options)
  local mailer, err = ettsumailer.mailer(options)
  if not mailer then
    return err.code
  end
  local message
  message, err = ettsumailer.message(order())
  if not message then
    return err.code
  end
  for n = 1, 2 do
    local result
    result, err = mailer:send(message)
    if not result then
      return #seen == n and err.delivery ~= "unknown" and "LIE" or err.code
    end
  end
  mailer:close()
  return "sent"
end

local SCENARIOS = {}

function SCENARIOS.mailer()
  return send_with_a_mailer(SERVER)
end

local LOGIN = {
  host = "server.example", security = "none", ehlo_name = "client.example",
  user = "ettsu", password = "secret", allow_plaintext_auth = true,
}

-- A login, with each mechanism there is.
function SCENARIOS.login()
  return send_with_a_mailer(LOGIN)
end

-- The whole content refused: an error that has to be made.
function SCENARIOS.rejection()
  replies.final = "554 5.7.1 no\r\n"
  local result, err = ettsumailer.send {
    host = "server.example", security = "none", ehlo_name = "client.example", entropy = ENTROPY,
    from = "a@example.com", to = "c@example.com", subject = "s", text = "t", date = 1700000000,
  }
  if result then
    return "sent"
  end
  return err.code == "REJECTED" and tostring(err):find("554", 1, true) and "sent" or err.code
end

-- Level 2: every command by name; a content that is a string.
function SCENARIOS.connection()
  local conn, err = ettsumailer.connect(SERVER)
  local ok = conn
  for _, step in ipairs {
    { "ehlo" }, { "mail", "a@example.com", { SIZE = 10 } }, { "rcpt", "c@example.com" },
    { "data", ("a line\n.\n"):rep(3000) }, { "rset" }, { "quit" },
  } do
    if ok then
      ok, err = conn[step[1]](conn, step[2], step[3])
    end
  end
  return ok and "sent" or err.code
end

local run = SCENARIOS[scenario_name]

-- After a run that may have failed: what the server took of it is what a run takes that has all the
-- memory it wants, in the same state. Raises what is wrong.
local function judge()
  local taken = seen
  seen = {}
  assert(run() == "sent", "a run with memory at hand has failed")
  assert(#taken <= #seen, "the server took more contents than were sent")
  for i, content in ipairs(taken) do
    assert(content == seen[i], "the server took a content that is not whole")
  end
end

return function()
  seen = {}
  return run()
end, judge
