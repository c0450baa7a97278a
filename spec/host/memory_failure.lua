-- What spec/host/memory_failure_test.c runs while its memory fails: messages sent to a server that
-- is a table. Arguments: the scenario, the path of a file to attach, and kept(name) and
-- keep(name, code) for compiled modules. Returns run and judge.
-- run() sends: "sent", or the code of the error, or "LIE" when the error denies what was received.

local scenario_name, path, kept, keep = ...

package.path = "lua/?.lua;lua/?/init.lua;spec/?.lua"
package.cpath = ""

-- Lua 5.4's own string buffers are of no use any more when memory ends while the first large one
-- is made: that is not what is looked for here.
local _ = ("x"):rep(100000)

-- Each module is compiled once for all states: else that would take most of the time.
table.insert(package.searchers, 2, function(name)
  local code = kept(name)
  if not code then
    code = string.dump(assert(loadfile(assert(package.searchpath(name, package.path)))))
    keep(name, code)
  end
  return assert(load(code, name, "b"))
end)

local memory_server = require "support.memory_server"

local servers -- of this run
local replies = {
  RCPT = function(line)
    return line:find("<b@", 1, true) and "550 5.1.1 nobody\r\n" or "250 2.1.5 ok\r\n"
  end,
}

local how -- the transport is
local context -- of the servers' TLS, where there is any

local ettsumailer = memory_server.library(function()
  local server = memory_server.new(replies)
  servers[#servers + 1] = server
  return memory_server.transport(context and memory_server.secure(server, context) or server, how)
end)

local function contents_taken()
  local list = {}
  for _, server in ipairs(servers) do
    for _, content in ipairs(server.contents) do
      list[#list + 1] = content
    end
  end
  return list
end

local ENTROPY = ("e"):rep(32)
local SERVER = { host = "server.example", security = "none", ehlo_name = "client.example" }

local function order()
  return {
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
end

local SCENARIOS = {}

-- Level 3: a mailer, a message of each kind of part, two sends over one connection, one recipient
-- refused.
function SCENARIOS.mailer()
  local mailer, err = ettsumailer.mailer(SERVER)
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
      local was_taken = #servers > 0 and #servers[1].contents == n
      return was_taken and err.delivery ~= "unknown" and "LIE" or err.code
    end
  end
  mailer:close()
  return "sent"
end

-- A message in a charset: what does not fit it goes as UTF-8, but nothing does for want of memory.
function SCENARIOS.charset()
  local message, err = ettsumailer.message {
    charset = "ISO-2022-JP", from = "山田 <a@example.com>", to = "組: 佐藤 <b@example.com>;",
    subject = ("ご注文"):rep(20), text = "こんにちは\n", html = "<p>世界</p>", entropy = ENTROPY,
    date = 1700000000, zone_minutes = 540,
    attachments = { { content = "x", filename = ("長い名前"):rep(9) .. ".csv" } },
  }
  if not message then
    return err.code
  end
  local reader, sent = message:reader(), ""
  local piece, code = reader:read(1000)
  while piece do
    sent = sent .. piece
    piece, code = reader:read(1000)
  end
  local is_whole = code == "DONE" and #sent == message:size()
  return is_whole and not sent:lower():find("utf-8", 1, true) and "sent" or "LIE"
end

-- The content refused: an error that has to be made.
function SCENARIOS.rejection()
  replies.final = "554 5.7.1 no\r\n"
  local result, err = ettsumailer.send {
    host = "server.example", security = "none", ehlo_name = "client.example", entropy = ENTROPY,
    from = "a@example.com", to = "c@example.com", subject = "s", text = "t", date = 1700000000,
  }
  if result then
    return "accepted"
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

-- Logins by one mechanism of each kind; what SCRAM itself allocates, spec/c/scram_test.c fails. The
-- server has no proof of SCRAM's, which is then not believed.
function SCENARIOS.login()
  local core = require "ettsumailer.core"
  local mechanisms = table.concat(core.sasl_mechanisms(), " ")
  replies.EHLO = "250-server.example\r\n250 AUTH " .. mechanisms .. "\r\n"
  replies.AUTH = function(line)
    if line:find("PLAIN", 1, true) then
      return "235 2.7.0 welcome\r\n"
    end
    local initial = core.base64_decode(line:match "^AUTH SCRAM%S+ (%S+)" or "")
    local nonce = initial ~= "" and initial:match "r=([^,]*)"
    local challenge = nonce and "r=" .. nonce .. "x,s=c2FsdA==,i=4096" or "<1@server.example>"
    return "334 " .. core.base64_encode(challenge) .. "\r\n"
  end
  replies.response = function(line)
    return line:find("*", 1, true) and "501 5.7.0 given up\r\n" or "235 2.7.0 welcome\r\n"
  end
  for _, mechanism in ipairs { "SCRAM-SHA-256", "XOAUTH2", "PLAIN", "LOGIN" } do
    local conn, err = ettsumailer.connect {
      host = "server.example", security = "none", ehlo_name = "client.example",
      user = "ettsu", password = "secret", token = "secret", allow_plaintext_auth = true,
    }
    local ok = conn
    if ok then
      ok, err = conn:ehlo()
    end
    if ok then
      ok, err = conn:auth { mechanism = mechanism }
    end
    if not ok and not (err.code == "PROTOCOL" and mechanism:find "^SCRAM") then
      return err.code
    end
    conn:close()
  end
  return "sent"
end

-- STARTTLS, up to a handshake that the server breaks off with an alert.
function SCENARIOS.starttls()
  replies.EHLO, replies.STARTTLS = "250-server.example\r\n250 STARTTLS\r\n", "220 go ahead\r\n"
  how = { alert_after = "STARTTLS" }
  local mailer, err = ettsumailer.mailer {
    host = "server.example", security = "starttls", ehlo_name = "client.example",
    insecure_skip_verify = true,
  }
  local about
  if mailer then
    about, err = mailer:verify()
  end
  return about and "accepted" or err.code == "TLS" and "sent" or err.code
end

-- A whole send over TLS.
function SCENARIOS.tls()
  local result, err = ettsumailer.send {
    host = "server.example", security = "implicit", ehlo_name = "client.example",
    insecure_skip_verify = true, entropy = ENTROPY, date = 1700000000,
    from = "a@example.com", to = "c@example.com", subject = "s", text = "t",
  }
  if result then
    return "sent"
  end
  return #servers[1].contents > 0 and err.delivery ~= "unknown" and "LIE" or err.code
end

if scenario_name == "tls" then
  local core = require "ettsumailer.core"
  local certificate, key = core.certificate { names = { "server.example" } }
  context = core.tls_context { server = true, certificate = certificate, key = key }
end

local function run()
  servers = {}
  return SCENARIOS[scenario_name]()
end

-- After a run that may have failed: what the servers took of it is what they take of a run that has
-- all the memory it wants, in the same state. Raises what is wrong.
local function judge()
  local taken = contents_taken()
  assert(run() == "sent", "a run with memory at hand has failed")
  local wanted = contents_taken()
  assert(#taken <= #wanted, "the server took more contents than were sent")
  for i, content in ipairs(taken) do
    assert(content == wanted[i], "the server took a content that is not whole")
  end
end

servers = {}
return run, judge
