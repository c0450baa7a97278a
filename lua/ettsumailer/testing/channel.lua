-- One client's connection to the testing server: plain bytes in and out, TLS underneath or not.
-- Why: the server's protocol need not know whether it is encrypted.
-- Not: SMTP.

local core = require "ettsumailer.core"

local setmetatable = setmetatable
local min = math.min

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
function Channel:start_tls(context)
  self.tls = core.tls(context)
end

-- What waits to be written; with TLS it is the engine that keeps it.
function Channel:outgoing()
  return self.tls and self.tls:peek() or self.pending
end

---True when there is something to write.
function Channel:wants_write()
  return self:outgoing() ~= ""
end

---Writes as much as goes now.
---@return true? done everything is out
---@return string? code WAIT, or what ended the connection
function Channel:flush()
  local bytes = self:outgoing()
  while bytes ~= "" do
    local n, code = self.socket:send(bytes)
    if not n then
      return nil, code
    end
    if self.tls then
      self.tls:skip(n)
    else
      self.pending = self.pending:sub(n + 1)
    end
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

-- Hands ciphertext to the engine and takes the plain text that comes of it.
local function decrypt(self, bytes)
  local at, plain = 1, {}
  while at <= #bytes do
    local n = min(self.tls:room(), #bytes - at + 1)
    self.tls:feed(bytes:sub(at, at + n - 1))
    at = at + n
    if not self.is_secure then
      local ok, code, reason = self.tls:handshake()
      self.is_secure = ok == true
      if not ok and code ~= "WAIT" then
        return nil, code, reason
      end
    end
    local piece = self.is_secure and self.tls:read(16384)
    while piece do
      plain[#plain + 1] = piece
      piece = self.tls:read(16384)
    end
  end
  return table.concat(plain)
end

---Takes what has come.
---@return string? bytes plain; may be empty
---@return string? code WAIT, or what ended the connection
function Channel:read()
  local bytes, code = self.socket:receive(65536)
  if not bytes or not self.tls then
    return bytes, code
  end
  return decrypt(self, bytes)
end

function Channel:close()
  self.socket:close()
  if self.tls then
    self.tls:close()
  end
end

return M
