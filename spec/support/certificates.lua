-- Certificates for the specs: an authority and what it vouches for. What core.certificate cannot
-- make (RSA keys that are too short, revocation lists) the openssl command makes in a folder of its
-- own, which `close` removes.

local core = require "ettsumailer.core"

local M = {}

local Authority = {}
Authority.__index = Authority

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  file:close()
end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

-- Runs a command; what it says is shown when it fails.
local function run(command)
  local pipe = assert(io.popen(command .. " 2>&1 && echo ends well"))
  local said = pipe:read "*a"
  pipe:close()
  assert(said:find("ends well", 1, true), command .. "\n" .. said)
  return said
end

-- A name for a file in the authority's folder.
function Authority:path(name)
  if not self.folder then
    self.folder = os.tmpname()
    os.remove(self.folder)
    run("mkdir -m 700 " .. self.folder)
    write(self.folder .. "/ca.pem", self.certificate)
    write(self.folder .. "/ca.key", self.key)
  end
  return self.folder .. "/" .. name
end

---A certificate for some names; see core.certificate for the rest.
---@return table { certificate, key }
function Authority:issue(options)
  options.issuer_certificate, options.issuer_key = self.certificate, self.key
  local certificate, key = core.certificate(options)
  return { certificate = assert(certificate, key), key = key }
end

---The same with an RSA key of so many bits.
function Authority:issue_rsa(name, bits)
  local base = self:path("rsa" .. bits)
  write(base .. ".ext", "subjectAltName = DNS:" .. name .. "\n")
  run(("openssl req -new -newkey rsa:%d -nodes -keyout %s.key -out %s.csr -subj /CN=%s"):format(
    bits, base, base, name))
  local how = "-req -in %s.csr -CA %s -CAkey %s -set_serial %d -days 30 -extfile %s.ext -out %s.pem"
  run("openssl x509 " .. how:format(
    base, self:path "ca.pem", self:path "ca.key", bits, base, base))
  return { certificate = read(base .. ".pem"), key = read(base .. ".key") }
end

---A key locked with a pass phrase.
function Authority:lock(key, phrase)
  write(self:path "open.key", key)
  write(self:path "phrase", phrase .. "\n")
  run(("openssl pkey -aes256 -in %s -passout file:%s -out %s"):format(
    self:path "open.key", self:path "phrase", self:path "locked.key"))
  return read(self:path "locked.key")
end

---The path of a file with the text.
function Authority:file(name, text)
  write(self:path(name), text)
  return self:path(name)
end

---The path of a revocation list that names the certificates given.
---@param revoked table[] of issue
function Authority:revocation_list(revoked)
  local lines = {}
  for i, one in ipairs(revoked) do
    write(self:path "one.pem", one.certificate)
    local said = run("openssl x509 -noout -serial -in " .. self:path "one.pem")
    local serial = said:match "serial=(%x+)"
    lines[i] = ("R\t400101000000Z\t200101000000Z\t%s\tunknown\t/CN=revoked\n"):format(serial)
  end
  write(self:path "index.txt", table.concat(lines))
  write(self:path "ca.cnf", "[ca]\ndefault_ca = own\n[own]\ndefault_md = sha256\n"
    .. "database = " .. self:path "index.txt" .. "\n")
  run(("openssl ca -gencrl -config %s -cert %s -keyfile %s -crldays 30 -out %s"):format(
    self:path "ca.cnf", self:path "ca.pem", self:path "ca.key", self:path "crl.pem"))
  return self:path "crl.pem"
end

---Removes what was written.
function Authority:close()
  if self.folder then
    run("rm -r " .. self.folder)
    self.folder = nil
  end
end

---An authority, by itself or below another one.
---@param name string
---@param above table?
function M.authority(name, above)
  local options = { common_name = name, authority = true }
  local made
  if above then
    made = above:issue(options)
  else
    made = {}
    made.certificate, made.key = core.certificate(options)
  end
  return setmetatable(made, Authority)
end

local function der_of(pem)
  return core.base64_decode((pem:gsub("%-%-%-%-%-[^\n]*", ""):gsub("%s", "")))
end

-- What stands before the public key in every P-256 certificate.
local P256 = "\48\89\48\19\6\7\42\134\72\206\61\2\1\6\8\42\134\72\206\61\3\1\7\3\66\0\4"

---The SHA-256 of a certificate's public key, in hexadecimal; of P-256 only.
function M.key_digest(pem)
  local der = der_of(pem)
  local at = assert(der:find(P256, 1, true))
  return core.sha256(der:sub(at, at + #P256 + 63))
end

M.der_of = der_of

return M
