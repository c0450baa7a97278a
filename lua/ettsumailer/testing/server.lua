-- A scriptable SMTP server on this library's own sockets, for testing programs that send mail.
-- Why: every reply, delay, silence and cut can be had on demand, without a mail server.
-- Not: a mail server: it listens on the loopback, keeps all it gets in memory, trusts everyone.

local core = require "ettsumailer.core"

local error, ipairs, pairs, setmetatable, type = error, ipairs, pairs, setmetatable, type
local insert, remove, min, huge = table.insert, table.remove, math.min, math.huge

local M = {}

---@class ettsumailer.testing.server
---@field port integer
---@field messages table[]  { helo, from, to = { ... }, data }: from and to as they were on the line
---@field log string[]      "C: ..." and "S: ..." lines in their order
local Server = {}
Server.__index = Server

local EXTENSIONS = {
  "PIPELINING", "SIZE 104857600", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES",
}

local REPLIES = {
  greeting = "220 testing.example ESMTP",
  HELO = "250 testing.example",
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

---Makes a server that listens on 127.0.0.1.
---@param given table?
---  port: integer, 0 for any free one;
---  extensions: list of EHLO keywords with their parameters;
---  replies: what to answer, by verb, or "greeting", "content" (the end of it) or "other": a string
---  (with LF between the lines of a longer one); a table { text = string, delay = seconds, cut =
---  true to close behind it, octets = to send only so many of it and close }; false for silence; a
---  function(line, client) that returns any of these; or a list of these, one a time, the last one
---  for ever;
---  on_line: function("C" or "S", line) called for every line.
---@return ettsumailer.testing.server
function M.new(given)
  given = given or {}
  local listener, code, text = core.listen("127.0.0.1", given.port or 0)
  if not listener then
    error("testing server: " .. code .. ": " .. text, 2)
  end
  local _, port = listener:local_address()
  local self = setmetatable({
    listener = listener, port = port, clients = {}, messages = {}, log = {}, asked = {},
    extensions = given.extensions or EXTENSIONS, replies = given.replies or {},
    on_line = given.on_line,
  }, Server)
  return self
end

function Server:note(direction, line)
  insert(self.log, direction .. ": " .. line)
  if self.on_line then
    self.on_line(direction, line)
  end
end

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
  return table.concat(lines)
end

local function is_list(value)
  return type(value) == "table" and value.text == nil and #value > 0
end

-- The reply of the script, or of the defaults, to the n-th question of that kind.
function Server:reply_to(key, line, client)
  local reply = self.replies[key]
  self.asked[key] = (self.asked[key] or 0) + 1
  if is_list(reply) then
    reply = reply[min(self.asked[key], #reply)]
  end
  if type(reply) == "function" then
    reply = reply(line, client)
  end
  if reply == nil and key == "EHLO" then
    reply = "250 testing.example\n" .. table.concat(self.extensions, "\n")
  end
  if reply == nil then
    reply = REPLIES[key] or "500 5.5.2 what?"
  end
  return type(reply) == "string" and { text = reply } or reply
end

-- Queues bytes: they leave in their order, each not before its time.
local function send_later(client, bytes, delay, cut)
  insert(client.out, { bytes = bytes, due = core.clock() + (delay or 0) * 1000, cut = cut })
end

-- Answers as the script says. Returns the first digit of the reply, or nil for silence.
function Server:answer(client, key, line)
  local reply = self:reply_to(key, line, client)
  client.is_silent = client.is_silent or not reply
  if client.is_silent then
    return nil
  end
  local bytes = lines_of(reply.text)
  if reply.octets then
    bytes = bytes:sub(1, reply.octets)
  end
  send_later(client, bytes, reply.delay, reply.cut or reply.octets ~= nil or key == "QUIT")
  self:note("S", reply.text)
  return reply.text:sub(1, 1)
end

local COMMANDS = {}

function COMMANDS.EHLO(self, client, line)
  client.helo = line:match "^%S+%s+(.-)%s*$"
  client.from, client.to = nil, {}
  self:answer(client, "EHLO", line)
end

function COMMANDS.HELO(self, client, line)
  client.helo = line:match "^%S+%s+(.-)%s*$"
  self:answer(client, "HELO", line)
end

function COMMANDS.MAIL(self, client, line)
  if self:answer(client, "MAIL", line) == "2" then
    client.from, client.to = line:match "^%S+ [Ff][Rr][Oo][Mm]:(.*)$", {}
  end
end

-- A command out of its order, unless the script answers it all the same.
local function is_out_of_order(self, client, key, missing)
  if not missing or self.replies[key] ~= nil then
    return false
  end
  if client.is_silent then
    return true
  end
  local text = key == "DATA" and client.from and "554 5.5.1 nobody" or "503 5.5.1 MAIL first"
  send_later(client, text .. "\r\n")
  self:note("S", text)
  return true
end

function COMMANDS.RCPT(self, client, line)
  if is_out_of_order(self, client, "RCPT", client.from == nil) then
    return
  end
  if self:answer(client, "RCPT", line) == "2" then
    insert(client.to, line:match "^%S+ [Tt][Oo]:(.*)$")
  end
end

function COMMANDS.DATA(self, client, line)
  if is_out_of_order(self, client, "DATA", #client.to == 0) then
    return
  end
  if self:answer(client, "DATA", line) == "3" then
    client.content = {}
  end
end

function COMMANDS.RSET(self, client, line)
  client.from, client.to = nil, {}
  self:answer(client, "RSET", line)
end

for _, verb in ipairs { "NOOP", "VRFY", "EXPN", "HELP", "QUIT" } do
  COMMANDS[verb] = function(self, client, line)
    self:answer(client, verb, line)
  end
end

function Server:take_content(client, line)
  if line ~= "." then
    insert(client.content, (line:gsub("^%.", "")))
    return
  end
  insert(client.content, "")
  local message = {
    helo = client.helo, from = client.from, to = client.to,
    data = table.concat(client.content, "\r\n"),
  }
  client.content, client.from, client.to = nil, nil, {}
  self:note("C", "(content, " .. #message.data .. " octets)")
  if self:answer(client, "content", ".") == "2" then
    insert(self.messages, message)
  end
end

function Server:take_line(client, line)
  if client.content then
    self:take_content(client, line)
    return
  end
  self:note("C", line)
  local verb = (line:match "^%a+" or ""):upper()
  if self.replies[verb] ~= nil and not COMMANDS[verb] then
    self:answer(client, verb, line)
  else
    (COMMANDS[verb] or function() self:answer(client, "other", line) end)(self, client, line)
  end
end

-- Takes the whole lines out of what has come; the rest stays.
function Server:take(client, bytes)
  client.input = client.input .. bytes
  local at = 1
  while not client.closed do
    local from, to = client.input:find("\r\n", at, true)
    if not from then
      break
    end
    self:take_line(client, client.input:sub(at, from - 1))
    at = to + 1
  end
  client.input = client.input:sub(at)
end

function Server:drop(client)
  client.closed = true
  client.socket:close()
  for i, other in ipairs(self.clients) do
    if other == client then
      remove(self.clients, i)
    end
  end
end

local function next_due(client)
  local first = client.out[1]
  return first and first.due or huge
end

-- Writes the replies whose time has come.
function Server:write(client)
  while not client.closed and next_due(client) <= core.clock() do
    local reply = client.out[1]
    local n, code = 0, nil
    if reply.bytes ~= "" then
      n, code = client.socket:send(reply.bytes)
    end
    if not n then
      if code ~= "WAIT" then
        self:drop(client)
      end
      return
    end
    reply.bytes = reply.bytes:sub(n + 1)
    if reply.bytes == "" then
      remove(client.out, 1)
      if reply.cut then
        self:drop(client)
      end
    end
  end
end

function Server:read(client)
  local bytes, code = client.socket:receive(65536)
  if bytes then
    self:take(client, bytes)
  elseif code ~= "WAIT" then
    self:drop(client)
  end
end

function Server:accept()
  local socket = self.listener:accept()
  if socket then
    local client = { socket = socket, input = "", out = {}, to = {} }
    insert(self.clients, client)
    self:answer(client, "greeting", "")
  end
end

-- Everything that poll should look at, and when it must be back.
function Server:watch(deadline)
  local items, now = { { self.listener, "r" } }, core.clock()
  for _, client in ipairs(self.clients) do
    local due = next_due(client)
    local item = { client.socket, due <= now and "rw" or "r", client = client }
    insert(items, item)
    if due > now then
      deadline = min(deadline, due)
    end
  end
  return items, deadline
end

---Does what there is to do, and waits for more until the deadline at most.
---@param seconds number
function Server:step(seconds)
  local items, deadline = self:watch(core.clock() + seconds * 1000)
  core.poll(items, deadline)
  if items[1].ready then
    self:accept()
  end
  for _, item in pairs(items) do
    local client = item.client
    if client and not client.closed then
      if item.ready and item.ready:find "r" then
        self:read(client)
      end
      self:write(client)
    end
  end
end

---Closes everything.
function Server:close()
  for _, client in ipairs(self.clients) do
    client.socket:close()
  end
  self.clients = {}
  self.listener:close()
end

return M
