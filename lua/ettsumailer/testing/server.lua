-- A scriptable SMTP server on this library's own sockets and TLS, for testing programs.
-- Why: every reply, delay, silence and cut can be had on demand, without a mail server.
-- Not: a mail server: it listens on the loopback, keeps all it gets in memory, trusts everyone.

local channel_of = require "ettsumailer.testing.channel"
local core = require "ettsumailer.core"
local login = require "ettsumailer.testing.login"
local options = require "ettsumailer.options"
local protocol = require "ettsumailer.testing.protocol"

local assert, error, ipairs, pairs, setmetatable = assert, error, ipairs, pairs, setmetatable
local insert, remove, min, huge = table.insert, table.remove, math.min, math.huge
local io, tostring = io, tostring

local M = {}

---@class ettsumailer.testing.server
---@field port integer
---@field certificate string? PEM, to be trusted with ca_pem
---@field messages table[]  { helo, from, to, data, user, tls, path }: from and to as on the line
---@field log string[]      "C: ..." and "S: ..." lines in their order, secrets hidden
local Server = {}
Server.__index = Server

---The options of a server.
M.OPTIONS = options.merge(login.OPTIONS, {
  port = "integer", extensions = "table", replies = "table", on_line = "function",
  tls = "boolean", implicit_tls = "boolean", names = "table", store = "string",
  certificate = "table", tls_options = "table",
})

local NAMES = { "localhost", "127.0.0.1", "::1" }

-- A certificate made on the spot, trusted by whoever is given it.
local function make_certificate(self, given)
  local wanted = options.merge({ names = given.names or NAMES }, given.certificate)
  local certificate, key, text = core.certificate(wanted)
  if not certificate then
    error("testing server: " .. tostring(text), 3)
  end
  local code
  local own = options.merge({
    server = true, certificate = certificate, key = key,
  }, given.tls_options)
  self.certificate = own.certificate
  self.context, code, text = core.tls_context(own)
  if not self.context then
    error("testing server: " .. tostring(text or code), 3)
  end
end

---Makes a server that listens on 127.0.0.1; step makes it work.
---
---Example: `local server = server_of.new { replies = { DATA = "451 4.3.0 later" } }`
---@param given table?
---  port: integer, 0 (the default) for any free one;
---  extensions: list of EHLO keywords with their parameters;
---  tls: offers STARTTLS; implicit_tls: TLS from the start; names: what the certificate is for;
---  user, password, token: wants a login, after TLS only unless allow_plaintext_auth;
---  mechanisms: those offered, PLAIN and LOGIN by default; scram: { iterations, nonce, proof =
---  "wrong" or "none" }: what is odd about the server's side of it;
---  store: a folder, where each message becomes a file 000001.eml;
---  tls_options: options of core.tls_context, such as a certificate and key (PEM) of one's own,
---  tls_max_version, ca_pem (then it wants a certificate of the client);
---  certificate: more of core.certificate's options, such as { not_after = -60 };
---  replies: what to answer, by verb, or "greeting", "content" (the end of it), "cancel" (of a
---  login) or "other": a string (with LF between the lines of a longer one); a table { text =
---  string, delay = seconds, cut = true to close behind it, octets = to send only so many of it and
---  close, raw = true for no line end of its own, later = bytes that follow by themselves };
---  false for silence; a function(line, client) that returns any of these; or a list of these, one
---  a time, the last one for ever. AUTH is asked at each turn of a login. "tls" is the handshake:
---  false, or a table without text;
---  on_line: function("C" or "S", line) called for every line.
---@return ettsumailer.testing.server
function M.new(given)
  given = given or {}
  options.check("testing server", given, M.OPTIONS, 2)
  local listener, code, text = core.listen("127.0.0.1", given.port or 0)
  if not listener then
    error("testing server: " .. code .. ": " .. text, 2)
  end
  local _, port = listener:local_address()
  local self = setmetatable({
    listener = listener, port = port, clients = {}, messages = {}, log = {}, asked = {},
    token = given.token, mechanisms = given.mechanisms, scram = given.scram,
    extensions = given.extensions or protocol.EXTENSIONS, replies = given.replies or {},
    on_line = given.on_line, user = given.user, password = given.password, store = given.store,
    allow_plaintext_auth = given.allow_plaintext_auth, implicit_tls = given.implicit_tls,
  }, Server)
  if given.tls or given.implicit_tls then
    make_certificate(self, given)
  end
  return self
end

---Starts a server in a child process, so that a blocking send in this one works.
---
---Example: `local server = assert(server_of.start { tls = true })`
---@param given table? as of new, but no functions; interpreter: the program to run, as this one
---@return table? handle port, certificate, messages(), log(), set_replies(), stop()
---@return string? code
---@return string? text
function M.start(given)
  local own = options.merge(given)
  local interpreter = own.interpreter
  own.interpreter = nil
  options.check("testing server", own, M.OPTIONS, 2)
  local handle, code, text = require("ettsumailer.testing.child").start(own, interpreter)
  return handle, code, text -- no tail call: an error names the line that called this
end

---Notes a line of the dialogue.
function Server:note(direction, line)
  insert(self.log, direction .. ": " .. line)
  if self.on_line then
    self.on_line(direction, line)
  end
end

---Keeps a message that was taken.
function Server:keep(message)
  insert(self.messages, message)
  if self.store then
    message.path = ("%s/%06d.eml"):format(self.store, #self.messages)
    local file = assert(io.open(message.path, "wb"))
    assert(file:write(message.data))
    file:close()
  end
end

---Queues bytes for a client: they leave in their order, each not before its time.
---@param client table
---@param bytes string
---@param how table? delay (seconds), cut (close behind it), ends (the same, politely), start_tls
---  (handshake behind it)
function Server:send(client, bytes, how) -- luacheck: no self
  how = how or {}
  insert(client.out, {
    bytes = bytes, due = core.clock() + (how.delay or 0) * 1000, cut = how.cut, ends = how.ends,
    start_tls = how.start_tls,
  })
end

-- Takes the whole lines out of what has come; the rest stays. What is in the clear behind STARTTLS
-- is nobody's command.
local function take(self, client, bytes)
  client.input = client.input .. bytes
  local at = 1
  while not client.closed and not client.awaits_tls do
    local from, to = client.input:find("\r\n", at, true)
    if not from then
      break
    end
    protocol.take_line(self, client, client.input:sub(at, from - 1))
    at = to + 1
  end
  client.input = client.input:sub(at)
end

local function drop(self, client, is_polite)
  client.closed = true
  if is_polite then
    client.channel:finish()
  else
    client.channel:close()
  end
  for i, other in ipairs(self.clients) do
    if other == client then
      remove(self.clients, i)
    end
  end
end

local function start_tls(self, client)
  client.input, client.awaits_tls = "", nil
  client.channel:start_tls(self.context, protocol.handshake(self, client))
end

local function next_due(client)
  local first = client.out[1]
  return first and first.due or huge
end

-- Writes what is left of a reply, then does what comes behind it. Returns true when it is all out.
local function flush(self, client)
  local ok, code = client.channel:flush()
  if not ok and code ~= "WAIT" then
    drop(self, client)
  end
  return ok
end

-- Writes the replies whose time has come.
local function write(self, client)
  while not client.closed and flush(self, client) and next_due(client) <= core.clock() do
    local reply = remove(client.out, 1)
    local ok = client.channel:write(reply.bytes) and flush(self, client)
    if ok and reply.start_tls then
      start_tls(self, client)
    elseif (reply.cut or reply.ends) and not client.closed then
      drop(self, client, not reply.cut)
    end
  end
end

local function read(self, client)
  local bytes, code, reason = client.channel:read()
  if bytes then
    take(self, client, bytes)
  elseif code ~= "WAIT" then
    if reason then
      self:note("S", "(TLS: " .. reason .. ")")
    end
    flush(self, client) -- an alert may wait to be told
    if not client.closed then
      drop(self, client)
    end
  end
end

local function accept(self)
  local socket = self.listener:accept()
  if not socket then
    return
  end
  local client = { channel = channel_of.new(socket), input = "", out = {}, to = {} }
  insert(self.clients, client)
  if self.implicit_tls then
    start_tls(self, client)
  end
  protocol.greet(self, client)
end

-- The greeting of an implicit TLS waits for the handshake.
local function may_write(client)
  return not client.channel.tls or client.channel.is_secure
end

-- Everything that poll should look at, and when it must be back.
local function watch(self, extra, deadline)
  local items, now = { { self.listener, "r" } }, core.clock()
  for _, client in ipairs(self.clients) do
    local due = may_write(client) and next_due(client) or client.channel:due_at()
    local wants_write = due <= now or client.channel:wants_write()
    insert(items, { client.channel.socket, wants_write and "rw" or "r", client = client })
    if due > now then
      deadline = min(deadline, due)
    end
  end
  for _, object in ipairs(extra or {}) do
    insert(items, { object, "r" })
  end
  return items, deadline
end

local function serve(self, item)
  local client = item.client
  if item.ready and item.ready:find "r" then
    read(self, client)
  end
  if not client.closed then
    if may_write(client) then
      write(self, client)
    else
      flush(self, client)
    end
  end
end

---Does what there is to do, and waits for more until the deadline at most.
---
---Example: `server:step(0.1)`
---@param seconds number
---@param extra userdata[]? sockets that end the waiting when they have something to read
function Server:step(seconds, extra)
  local items, deadline = watch(self, extra, core.clock() + seconds * 1000)
  core.poll(items, deadline)
  if items[1].ready then
    accept(self)
  end
  for _, item in pairs(items) do
    if item.client and not item.client.closed then
      serve(self, item)
    end
  end
end

---Closes everything.
---
---Example: `server:close()`
function Server:close()
  for _, client in ipairs(self.clients) do
    client.channel:close()
  end
  self.clients = {}
  self.listener:close()
end

return M
