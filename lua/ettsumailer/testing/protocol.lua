-- What the testing server says: SMTP's server side, by defaults that a script may replace.
-- Why: a client can be shown every reply, silence and cut that the world has in store.
-- Not: bytes and sockets (server.lua), nor judging what a client says.

local login = require "ettsumailer.testing.login"

local ipairs, type = ipairs, type
local insert, concat, min = table.insert, table.concat, math.min

local M = {}

M.EXTENSIONS = { "PIPELINING", "SIZE 104857600", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES" }

local LATER_SECONDS = 0.05

local REPLIES = {
  greeting = "220 testing.example ESMTP",
  HELO = "250 testing.example",
  STARTTLS = "220 2.0.0 go ahead",
  MAIL = "250 2.1.0 sender ok",
  RCPT = "250 2.1.5 recipient ok",
  DATA = "354 go ahead",
  content = "250 2.0.0 Ok: queued as TEST1",
  RSET = "250 2.0.0 ok",
  NOOP = "250 2.0.0 ok",
  VRFY = "252 2.1.5 send some mail",
  EXPN = "502 5.5.1 not here",
  HELP = "214 2.0.0 no help",
  QUIT = "221 2.0.0 bye",
}

-- "250-first" CRLF "250 last" CRLF of "250 first\nlast".
local function lines_of(text)
  local code, rest = text:match "^(%d%d%d) ?(.*)$"
  if not code or not rest:find("\n", 1, true) then
    return text .. "\r\n"
  end
  local lines = {}
  for line in (rest .. "\n"):gmatch "([^\n]*)\n" do
    insert(lines, code .. "-" .. line .. "\r\n")
  end
  lines[#lines] = lines[#lines]:gsub("^(%d%d%d)%-", "%1 ")
  return concat(lines)
end

local function is_list(value)
  return type(value) == "table" and value.text == nil and #value > 0
end

-- What the script says to the n-th question of a kind: nil where it says nothing.
local function scripted(server, key, line, client)
  local reply = server.replies[key]
  server.asked[key] = (server.asked[key] or 0) + 1
  if is_list(reply) then
    reply = reply[min(server.asked[key], #reply)]
  end
  if type(reply) == "function" then
    reply = reply(line, client)
  end
  return reply
end

-- The reply of the script, or the default one, as a table; false for silence.
local function reply_to(server, client, key, line, default)
  local reply = scripted(server, key, line, client)
  if reply == nil then
    reply = default or REPLIES[key] or "500 5.5.2 what?"
  end
  return type(reply) == "string" and { text = reply } or reply
end

local function bytes_of(reply)
  local bytes = reply.raw and reply.text or lines_of(reply.text)
  return bytes:sub(1, reply.octets or #bytes)
end

-- Answers as the script says, else by `default`. Returns the first digit, or nil for silence.
local function answer(server, client, key, line, default)
  local reply = reply_to(server, client, key, line, default)
  client.is_silent = client.is_silent or not reply
  if client.is_silent then
    return nil
  end
  local digit = reply.text:sub(1, 1)
  local is_cut = reply.cut or reply.octets ~= nil
  client.awaits_tls = key == "STARTTLS" and digit == "2" and server.context ~= nil and not is_cut
  server:send(client, bytes_of(reply), {
    delay = reply.delay, cut = is_cut, ends = key == "QUIT",
    start_tls = client.awaits_tls,
  })
  if reply.later then
    server:send(client, reply.later, { delay = LATER_SECONDS })
  end
  server:note("S", reply.text)
  return digit
end

---Greets a client that has just connected.
function M.greet(server, client)
  answer(server, client, "greeting", "")
end

local function keywords_of(server, client)
  local list = {}
  for _, keyword in ipairs(server.extensions) do
    insert(list, keyword)
  end
  if server.context and not client.channel.is_secure then
    insert(list, "STARTTLS")
  end
  insert(list, login.keyword(server, client))
  return list
end

local function reset(client)
  client.from, client.to = nil, {}
end

local COMMANDS = {}

function COMMANDS.EHLO(server, client, line)
  client.helo = line:match "^%S+%s+(.-)%s*$"
  reset(client)
  local keywords = concat(keywords_of(server, client), "\n")
  answer(server, client, "EHLO", line, "250 testing.example\n" .. keywords)
end

function COMMANDS.HELO(server, client, line)
  client.helo = line:match "^%S+%s+(.-)%s*$"
  reset(client)
  answer(server, client, "HELO", line)
end

function COMMANDS.STARTTLS(server, client, line)
  local default = not server.context and "502 5.5.1 not here" or nil
  if client.channel.is_secure then
    default = "503 5.5.1 TLS is on already"
  end
  if answer(server, client, "STARTTLS", line, default) == "2" then
    client.helo = nil
    reset(client)
  end
end

-- How the handshake goes, if the script has something to say about it.
function M.handshake(server, client)
  return scripted(server, "tls", "", client)
end

function COMMANDS.AUTH(server, client, line)
  login.take(server, client, line, answer)
end

-- A command out of its order, unless the script answers it all the same: the reply it gets.
local function disorder(server, client, key)
  if server.replies[key] ~= nil then
    return nil
  elseif key == "MAIL" then
    return server.user and not client.user and "530 5.7.0 log in first" or nil
  elseif not client.from then
    return "503 5.5.1 MAIL first"
  end
  return key == "DATA" and #client.to == 0 and "554 5.5.1 nobody is to get it" or nil
end

function COMMANDS.MAIL(server, client, line)
  if answer(server, client, "MAIL", line, disorder(server, client, "MAIL")) == "2" then
    client.from, client.to = line:match "^%S+ [Ff][Rr][Oo][Mm]:(.*)$", {}
  end
end

function COMMANDS.RCPT(server, client, line)
  if answer(server, client, "RCPT", line, disorder(server, client, "RCPT")) == "2" then
    insert(client.to, line:match "^%S+ [Tt][Oo]:(.*)$")
  end
end

function COMMANDS.DATA(server, client, line)
  if answer(server, client, "DATA", line, disorder(server, client, "DATA")) == "3" then
    client.content = {}
  end
end

function COMMANDS.RSET(server, client, line)
  reset(client)
  answer(server, client, "RSET", line)
end

for _, verb in ipairs { "NOOP", "VRFY", "EXPN", "HELP", "QUIT" } do
  COMMANDS[verb] = function(server, client, line)
    answer(server, client, verb, line)
  end
end

local function take_content(server, client, line)
  if line ~= "." then
    insert(client.content, (line:gsub("^%.", "")))
    return
  end
  insert(client.content, "")
  local message = {
    helo = client.helo, from = client.from, to = client.to, user = client.user,
    tls = client.channel.is_secure, data = concat(client.content, "\r\n"),
  }
  client.content = nil
  reset(client)
  server:note("C", "(content, " .. #message.data .. " octets)")
  if answer(server, client, "content", ".") == "2" then
    server:keep(message)
  end
end

-- What may be shown of a line: an initial response may not.
local function shown(line)
  local start, rest = line:match "^%s*(%a+%s*%S*)%s*(.*)$"
  local is_secret = rest and rest ~= "" and start:upper():find "^AUTH%s"
  return is_secret and start .. " <hidden>" or line
end

---Takes one line from a client.
---@param server ettsumailer.testing.server
---@param client table
---@param line string without its line end
function M.take_line(server, client, line)
  if client.content then
    take_content(server, client, line)
    return
  elseif client.next_line then
    client.next_line(line)
    return
  end
  server:note("C", shown(line))
  local verb = (line:match "^%a+" or ""):upper()
  if COMMANDS[verb] then
    COMMANDS[verb](server, client, line)
  else
    answer(server, client, server.replies[verb] ~= nil and verb or "other", line)
  end
end

return M
