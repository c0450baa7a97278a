-- In a process that has loaded another OpenSSL than the module was built for, require says so.

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
