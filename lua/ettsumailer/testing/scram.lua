-- SCRAM's server side (RFC 5802, RFC 7677), with channel binding or without.
-- Why: a client's proof and its mistrust of the server can be tested without a mail server.
-- Not: storing passwords well: the testing server has the one that it was given.

local core = require "ettsumailer.core"

local concat, insert = table.concat, table.insert

local M = {}

local HASHES = { ["SCRAM-SHA-1"] = "sha1", ["SCRAM-SHA-256"] = "sha256" }

local Exchange = {}
Exchange.__index = Exchange

---@param mechanism string  in upper case
---@param account table     user, password; iterations, salt, nonce, proof ("wrong", "none")
---@param binding table     name, octets of the connection (nil: none); is_offered: -PLUS was
---@return table? exchange  nil where it is none of SCRAM's
function M.new(mechanism, account, binding)
  local plain_name = mechanism:gsub("%-PLUS$", "")
  local hash = HASHES[plain_name]
  return hash and setmetatable({
    hash = hash, account = account, binding = binding, is_plus = plain_name ~= mechanism,
  }, Exchange) or nil
end

-- Whether the gs2-header fits the mechanism and the connection (RFC 5802 6).
local function takes_header(self, flag, name)
  if self.is_plus then
    return flag == "p" and name == self.binding.name
  end
  return flag == "n" or flag == "y" and not self.binding.is_offered
end

---@param message string  client-first-message
---@return string? challenge  nil: refused
function Exchange:first(message)
  local header, flag, name, bare = message:match "^(([pny])=?([%w-]*),,)(n=[^,]*,r=[^,]+)$"
  if not header or not takes_header(self, flag, name) then
    return nil
  end
  local user, nonce = bare:match "^n=(.*),r=(.*)$"
  self.user = user:gsub("=2C", ","):gsub("=3D", "=")
  self.header, self.bare = header, bare
  self.nonce = nonce .. (self.account.nonce or core.base64_encode(core.random(18)))
  self.salt = self.account.salt or core.random(16)
  self.iterations = self.account.iterations or 4096
  self.challenge = ("r=%s,s=%s,i=%d"):format(
    self.nonce, core.base64_encode(self.salt), self.iterations)
  return self.challenge
end

local function xor(a, b)
  local out = {}
  for i = 1, #a do
    local x, y, byte = a:byte(i), b:byte(i), 0
    for bit = 0, 7 do
      if x % 2 ~= y % 2 then
        byte = byte + 2 ^ bit
      end
      x, y = (x - x % 2) / 2, (y - y % 2) / 2
    end
    insert(out, string.char(byte))
  end
  return concat(out)
end

-- What the server says of itself, and the proof that it wants.
local function keys_of(self, without_proof)
  local hash = self.hash
  local salted = core.pbkdf2(hash, self.account.password, self.salt, self.iterations)
  local auth = concat({ self.bare, self.challenge, without_proof }, ",")
  local client_key = core.hmac(hash, salted, "Client Key")
  local signature = core.hmac(hash, core.digest(hash, client_key), auth)
  return xor(client_key, signature), core.hmac(hash, core.hmac(hash, salted, "Server Key"), auth)
end

local function proof_of(self, verifier)
  if self.account.proof == "wrong" then
    return ("x"):rep(#verifier)
  end
  return verifier
end

---@param message string  client-final-message
---@return string? verifier  "v=...", "" where the server is told not to prove itself; nil: refused
function Exchange:final(message)
  local without_proof, channel, nonce, proof =
    message:match "^(c=([^,]*),r=([^,]*)),p=([^,]*)$"
  local octets = self.is_plus and self.binding.octets or ""
  if not proof or nonce ~= self.nonce or self.user ~= self.account.user
    or core.base64_decode(channel) ~= self.header .. octets then
    return nil
  end
  local wanted, verifier = keys_of(self, without_proof)
  if core.base64_decode(proof) ~= wanted then
    return nil
  end
  return self.account.proof == "none" and ""
    or "v=" .. core.base64_encode(proof_of(self, verifier))
end

return M
