-- In a process that has loaded another OpenSSL than the module was built for, require says so; and
-- what becomes of TLS and logins where the module that holds OpenSSL cannot be had.

local interpreter = os.getenv "ETTM_LUA" or "lua5.4"

local OTHER = [[
const char *OpenSSL_version(int what) { (void)what; return "OpenSSL 1.0.2u  20 Dec 2019"; }
unsigned long OpenSSL_version_num(void) { return 0x1000215fUL; }
]]

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

local function run(command)
  local pipe = assert(io.popen(command .. " 2>&1"))
  local said = pipe:read "*a"
  pipe:close()
  return said
end

-- What a chunk prints, in a process of its own.
local function child(text)
  local path = os.tmpname()
  write(path, text)
  local said = run(("'%s' '%s'"):format(interpreter, path))
  os.remove(path)
  return said
end

describe("another major version of OpenSSL", function()
  it("is an error of require that names both", function()
    local base = os.tmpname()
    local library, source, chunk = base .. ".so", base .. ".c", base .. ".lua"
    write(source, OTHER)
    write(chunk, 'print(pcall(require, "ettsumailer"))\n')
    local compiled = run(("cc -shared -fPIC -o '%s' '%s' && echo compiled"):format(library, source))
    local preload = (os.getenv "LD_PRELOAD" or "") .. " " .. library
    local said = run(("LD_PRELOAD='%s' '%s' '%s'"):format(preload, interpreter, chunk))
    for _, path in ipairs { base, library, source, chunk } do
      os.remove(path)
    end
    assert.equal("compiled\n", compiled)
    assert.matches("^false\t", said)
    assert.matches("ettsumailer: this module was built for OpenSSL %d", said)
    assert.matches("has loaded OpenSSL 1%.0%.2u", said)
  end)
end)

describe("ettsumailer.openssl", function()
  it("is asked for by core, and by nobody before core", function()
    local said = child 'print(pcall(require, "ettsumailer.openssl"))'
    assert.matches("^false\t", said)
    assert.matches("require that one first", said)
  end)

  it("does not work with a core of another build", function()
    local said = child [==[
      local core = require "ettsumailer.core"
      debug.getregistry()["ettsumailer.core interface"] = "0.0.1 interface 9"
      print(pcall(function() return core.tls_context end))
    ]==]
    assert.matches("^false\t", said)
    assert.matches("core is 0.0.1 interface 9: start the program anew", said)
  end)

  it("is not needed for mail without TLS; with it, its absence is an error, not raised", function()
    local said = child [==[
      local ettsumailer = require "ettsumailer"
      package.cpath = ""
      assert(ettsumailer.mailer { host = "localhost", port = 25 })
      local mailer, err = ettsumailer.mailer { host = "localhost", port = 587 }
      print(mailer, err.code, err.text:match "^there is no TLS: module 'ettsumailer.openssl' not found")
    ]==]
    assert.equal("nil\tCONFIG\tthere is no TLS: module 'ettsumailer.openssl' not found\n", said)
  end)

  it("is needed for a login, whose error its absence is", function()
    local said = child [==[
      local session = require "ettsumailer.core".session()
      package.cpath = ""
      local ok, code, text = session:auth("PLAIN", "ettsu", "secret")
      print(ok, code, text:match "module 'ettsumailer.openssl' not found")
    ]==]
    assert.equal("nil\tCONFIG\tmodule 'ettsumailer.openssl' not found\n", said)
  end)
end)
