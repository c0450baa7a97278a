-- An SMTP server in memory and the transport that leads to it: no process, no socket, no waiting,
-- so every split, fault and cut of a dialogue can be had, and all of it looked at afterwards.

local core = require "ettsumailer.core"

local concat, insert, min, huge = table.concat, table.insert, math.min, math.huge

local M = {}

local REPLIES = {
  greeting = "220 server.example ESMTP\r\n",
  EHLO = "250-server.example\r\n250-PIPELINING\r\n250-SIZE 100000000\r\n"
    .. "250 ENHANCEDSTATUSCODES\r\n",
  MAIL = "250 2.1.0 ok\r\n", RCPT = "250 2.1.5 ok\r\n", DATA = "354 go ahead\r\n",
  RSET = "250 2.0.0 ok\r\n", NOOP = "250 2.0.0 ok\r\n", QUIT = "221 2.0.0 bye\r\n",
  final = "250-2.0.0 taken\r\n250 2.0.0 Ok: queued as MEM1\r\n",
}

local Server = {}
Server.__index = Server

---@param replies table? by verb, "greeting", "final" or "response" (to a 334): a wire text, or
---  function(line) giving it
---@return table server
---  contents: those that came whole; ends: { key, at } of each reply's end in its stream
function M.new(replies)
  local self = setmetatable({
    replies = replies or {}, contents = {}, partial = "", out = {}, sent = 0, ends = {},
  }, Server)
  self:answer "greeting"
  return self
end

function Server:answer(key, line)
  local reply = self.replies[key] or REPLIES[key] or "500 5.5.2 what?\r\n"
  if type(reply) == "function" then
    reply = reply(line)
  end
  self.out[#self.out + 1] = reply
  self.sent = self.sent + #reply
  self.ends[#self.ends + 1] = { key = key, at = self.sent }
  return reply:sub(1, 1)
end

-- Takes the first line of the bytes, if it is whole. Returns the rest.
function Server:take_command(bytes)
  local stop = bytes:find("\n", 1, true)
  self.partial = self.partial .. bytes:sub(1, stop)
  if not stop then
    return ""
  end
  local line = self.partial
  self.partial = ""
  assert(line:find "^[^\r\n]*\r\n$", "a line that does not end with CRLF, or holds CR or LF")
  local verb = self.is_asking and "response" or line:match "^%a*"
  self.verb = verb
  local goes_on = self:answer(verb, line) == "3"
  self.is_asking = goes_on and verb ~= "DATA"
  if goes_on and verb == "DATA" then
    self.content, self.tail = {}, "\r\n"
  end
  return bytes:sub(stop + 1)
end

-- Takes content, up to its end. The tail is what a terminator may have begun with.
function Server:take_content(bytes)
  local tail = self.tail
  local _, stop = (tail .. bytes):find("\r\n.\r\n", 1, true)
  stop = stop and stop - #tail
  insert(self.content, bytes:sub(1, stop))
  if not stop then
    self.tail = (tail .. bytes:sub(-4)):sub(-4)
    return ""
  end
  local content = concat(self.content)
  self.content = nil
  self:answer "final"
  insert(self.contents, (("\r\n" .. content:sub(1, -4)):gsub("\r\n%.", "\r\n"):sub(3)))
  return bytes:sub(stop + 1)
end

---What comes from the client.
function Server:take(bytes)
  while bytes ~= "" do
    if self.content then
      bytes = self:take_content(bytes)
    else
      bytes = self:take_command(bytes)
    end
  end
end

---What goes to the client: at most so many octets, "" when there are none.
function Server:give(max)
  local all = concat(self.out)
  self.out = { all:sub(max + 1) }
  return all:sub(1, max)
end

function Server:has_output()
  return #concat(self.out) > 0
end

local ALL = 2 ^ 30 -- octets: string.sub knows no infinity

-- A server behind TLS.
local Secure = {}
Secure.__index = Secure

---@param server table
---@param context userdata a server's tls_context
---@return table secure
---  marks: { wire, plain }, behind so many octets of the wire so many of the server's are whole
function M.secure(server, context)
  return setmetatable({
    server = server, tls = assert(core.tls(context)), wire = "", sent = 0, plain = 0, marks = {},
  }, Secure)
end

function Secure:drain()
  local bytes = self.tls:peek()
  self.tls:skip(#bytes)
  self.wire, self.sent = self.wire .. bytes, self.sent + #bytes
end

function Secure:flush()
  self:drain()
  local plain = self.is_ready and self.server:give(ALL) or ""
  if plain ~= "" then
    assert(self.tls:write(plain) == #plain)
    self:drain()
    self.plain = self.plain + #plain
    insert(self.marks, { wire = self.sent, plain = self.plain })
  end
end

function Secure:take(bytes)
  local at = 1
  while at <= #bytes do
    local n = min(self.tls:room(), #bytes - at + 1)
    self.tls:feed(bytes:sub(at, at + n - 1))
    at = at + n
    self.is_ready = self.is_ready or self.tls:handshake() == true
    local piece = self.is_ready and self.tls:read()
    while piece do
      self.server:take(piece)
      piece = self.tls:read()
    end
  end
  self:flush()
end

function Secure:give(max)
  local bytes = self.wire:sub(1, max)
  self.wire = self.wire:sub(max + 1)
  return bytes
end

function Secure:has_output()
  return self.wire ~= ""
end

-- A server that turns to TLS behind its reply to STARTTLS.
local Upgrade = {}
Upgrade.__index = Upgrade

---@param server table
---@param context userdata a server's tls_context
---@return table upgrade    as a server, and: secure, as of M.secure, once it is there
function M.starttls(server, context)
  return setmetatable({ server = server, context = context, clear = "", clear_size = 0 }, Upgrade)
end

function Upgrade:take(bytes)
  if self.secure then
    return self.secure:take(bytes)
  end
  self.server:take(bytes)
  self:drain()
  if self.server.verb == "STARTTLS" then
    self.secure = M.secure(self.server, self.context)
  end
end

function Upgrade:drain()
  local bytes = self.server:give(ALL)
  self.clear, self.clear_size = self.clear .. bytes, self.clear_size + #bytes
end

---What an upgrade said in the clear.
function M.give_clear(self, max)
  if not self.secure then
    self:drain()
  end
  local bytes = self.clear:sub(1, max)
  self.clear = self.clear:sub(max + 1)
  return bytes
end

function Upgrade:give(max)
  local bytes = M.give_clear(self, max)
  if bytes == "" and self.secure then
    return self.secure:give(max)
  end
  return bytes
end

function Upgrade:has_output()
  return self.clear ~= "" or (self.secure or self.server):has_output()
end

local Transport = {}
Transport.__index = Transport

local ALERT = "\21\3\3\0\2\2\40" -- fatal, handshake_failure (RFC 8446 6)

local function nothing() end

---@param server table  of new or secure
---@param how table?
---  wait: called before every read and write, may yield;
---  read_size, write_size: octets a call moves at most;
---  reads, writes: so many octets pass in all, then the connection is cut;
---  cut: what a read returns behind them, { "DONE" } by default;
---  told: whether the write that was cut tells how many octets it wrote;
---  pace: called with the deadline of a write; false: no octet could be written before it;
---  trickle: the same of a read: no octet came before it;
---  silent: called with the deadline of a read that finds nothing, of a write behind stuck octets;
---  stuck: so many octets are taken, then writes wait in vain;
---  alert_after: a verb, behind whose reply the server only ever says that it wants no handshake
---@return table io { blocks: what each write was given, as { from, to } in the client's stream }
function M.transport(server, how)
  how = how or {}
  return setmetatable({
    server = server, wait = how.wait or nothing, read_size = how.read_size or huge,
    write_size = how.write_size or huge, reads = how.reads or huge, writes = how.writes or huge,
    cut = how.cut or { "DONE" }, told = how.told, alert_after = how.alert_after,
    silent = how.silent or nothing, pace = how.pace, trickle = how.trickle,
    stuck = how.stuck or huge,
    written = 0, blocks = {}, calls = 0,
  }, Transport)
end

function Transport:read(max, deadline)
  self.calls = self.calls + 1
  self.wait()
  if self.trickle and not self.trickle(deadline) then
    return nil, "TIMEOUT", "nothing comes"
  end
  local bytes = self.server:give(min(max, self.read_size, self.reads))
  self.reads = self.reads - #bytes
  if bytes ~= "" then
    return bytes
  elseif self.reads == 0 then
    return nil, self.cut[1], self.cut[2]
  end
  self.silent(deadline)
  return nil, "TIMEOUT", "the server has nothing to say"
end

function Transport:write(bytes, deadline)
  self.calls = self.calls + 1
  self.wait()
  if self.written >= self.stuck or self.pace and not self.pace(deadline) then
    self.silent(deadline)
    return nil, "TIMEOUT", "nobody takes it", 0
  end
  self.blocks[#self.blocks + 1] = { self.written + 1, self.written + #bytes }
  local n = min(#bytes, self.write_size, self.writes)
  self.written, self.writes = self.written + n, self.writes - n
  if self.alert_after and self.server.verb == self.alert_after then
    self.server.out = { ALERT }
  else
    self.server:take(bytes:sub(1, n))
  end
  if n == #bytes or n == self.write_size then
    return n
  end
  return nil, "CLOSED", "the connection was cut", self.told and n or nil
end

function Transport:has_news()
  return self.reads == 0 or self.server:has_output()
end

function Transport:close()
  self.closed = true
end

---The library anew, connected by the function given instead of its own transport, in
---nginx, too.
---@param connect function(settings, deadline) returns a transport, or nil, code, text
---@return table ettsumailer
---@return table scheduler  that one's
function M.library(connect)
  local loaded, kept = package.loaded, {}
  for name, module in pairs(loaded) do
    if name:find "^ettsumailer" then
      kept[name] = module
    end
  end
  for name in pairs(kept) do
    loaded[name] = name == "ettsumailer.core" and kept[name] or nil
  end
  local transport = { connect = connect }
  loaded["ettsumailer.transport.native"] = transport
  loaded["ettsumailer.transport.resty"] = transport
  loaded["ettsumailer.lazy"] = { -- later it would be the other library's modules
    of = require,
    fields = function(owner, modules)
      for field, name in pairs(modules) do
        owner[field] = require(name)
      end
      return owner
    end,
  }
  local library, scheduler = require "ettsumailer", require "ettsumailer.scheduler"
  for name in pairs(loaded) do
    if name:find "^ettsumailer" then
      loaded[name] = kept[name]
    end
  end
  return library, scheduler
end

return M
