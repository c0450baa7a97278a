-- One client's connection to the testing server: plain bytes in and out, TLS underneath or not.
-- Why: the server's protocol need not know whether it is encrypted.
-- Not: SMTP.

local core = require "ettsumailer.core"

local assert, setmetatable = assert, setmetatable
local insert, concat = table.insert, table.concat
local huge, min = math.huge, math.min

local M = {}

---@class ettsumailer.testing.channel
---@field is_secure boolean the handshake is done
local Channel = {}
Channel.__index = Channel

---@param socket userdata of the core, connected
---@return ettsumailer.testing.channel
function M.new(socket)
  return setmetatable({ socket = socket, pending = "", is_secure = false }, Channel)
end

---Begins the handshake, as a server: at once, or behind the 220 to STARTTLS.
---@param context userdata a server's tls_context
---@param how table|false|nil what goes wrong with it: { delay = seconds, cut = true, octets = how
---  many of it are written before the cut }; false: it is never answered
function Channel:start_tls(context, how)
  self.tls = assert(core.tls(context))
  self.is_deaf = how == false
  how = how or {}
  self.due = core.clock() + (how.delay or 0) * 1000
  self.left = how.octets or how.cut and 0 or huge
end

-- What waits to be written; with TLS it is the engine that keeps it.
function Channel:outgoing()
  if not self.tls then
    return self.pending
  elseif not self.is_secure and core.clock() < self.due then
    return ""
  end
  return self.tls:peek()
end

---When there is something to write, at the latest.
---@return number ms on core.clock's scale
function Channel:due_at()
  local waits = self.tls and not self.is_secure and self.tls:peek() ~= ""
  return waits and self.due or huge
end

---True when there is something to write.
function Channel:wants_write()
  return self:outgoing() ~= ""
end

local function written(self, n)
  if self.tls then
    self.tls:skip(n)
    self.left = self.left - n
  else
    self.pending = self.pending:sub(n + 1)
  end
end

---Writes as much as goes now.
---@return true? done everything is out
---@return string? code WAIT, CUT, or what ended the connection
function Channel:flush()
  local bytes = self:outgoing()
  while bytes ~= "" do
    if self.tls then
      bytes = bytes:sub(1, min(#bytes, self.left))
    end
    if bytes == "" then
      return nil, "CUT"
    end
    local n, code = self.socket:send(bytes)
    if not n then
      return nil, code
    end
    written(self, n)
    bytes = self:outgoing()
  end
  return true
end

---Queues plain bytes.
---@param bytes string
---@return true?
---@return string? code
function Channel:write(bytes)
  if not self.tls then
    self.pending = self.pending .. bytes
    return true
  end
  local at = 1
  while at <= #bytes do
    local n, code = self.tls:write(bytes, at)
    if n then
      at = at + n
    elseif code ~= "WAIT" or not self:flush() then
      return nil, code
    end
  end
  return true
end

-- Moves the engine on and appends the plain text that comes of it.
local function advance(self, plain)
  if not self.is_secure then
    local ok, code, reason = self.tls:handshake()
    if not ok then
      return ok, code, reason
    end
    self.is_secure, self.left = true, huge
  end
  local piece, code, reason
  repeat
    piece, code, reason = self.tls:read(16384)
    insert(plain, piece)
  until not piece
  return nil, code, reason
end

-- Hands ciphertext to the engine and takes the plain text that comes of it.
local function decrypt(self, bytes)
  local at, plain = 1, {}
  while at <= #bytes do
    local n = min(self.tls:room(), #bytes - at + 1)
    local ok, code, reason = self.tls:feed(bytes:sub(at, at + n - 1))
    if ok then
      ok, code, reason = advance(self, plain)
    end
    if not ok and code ~= "WAIT" and code ~= "DONE" then
      return nil, code, reason
    end
    at = at + n
  end
  return concat(plain)
end

---Takes what has come.
---@return string? bytes plain; may be empty
---@return string? code WAIT, or what ended the connection
---@return string? reason of TLS
function Channel:read()
  local bytes, code = self.socket:receive(65536)
  if not bytes or not self.tls then
    return bytes, code
  end
  if self.is_deaf then
    return ""
  end
  return decrypt(self, bytes)
end

---Says that nothing more comes, where TLS has a word for it, and closes.
function Channel:finish()
  if self.is_secure then
    self.tls:finish()
    self:flush()
  end
  self:close()
end

function Channel:close()
  self.socket:close()
  if self.tls then
    self.tls:close()
  end
end

return M
