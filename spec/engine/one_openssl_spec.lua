-- A second OpenSSL in the process, in a file of its own or inside the program, is an error of require.

local interpreter = os.getenv "ETTM_LUA" or "lua5.4"
local package_name = jit and "luajit" or _VERSION:lower():gsub("%s", "")

-- What another version's library has; none of its names is one of the module's.
local SECOND = "unsigned long SSLeay_of_yesterday(void) { return 0x1010117fUL; }\n"

-- A program that runs a chunk of Lua and, like an nginx built so, has all of OpenSSL inside it.
local PROGRAM = [[
#include <openssl/ssl.h>
#include <lua.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
int main(int argc, char **argv) {
  lua_State *L = luaL_newstate();
  SSL_CTX *context = SSL_CTX_new(TLS_method());
  luaL_openlibs(L);
  if (argc < 2 || context == NULL || luaL_loadfile(L, argv[1]) || lua_pcall(L, 0, 0, 0)) {
    puts(lua_tostring(L, -1));
  }
  SSL_CTX_free(context);
  lua_close(L);
  return 0;
}
]]

local folder

local function run(command, ...)
  local pipe = assert(io.popen(command:format(...) .. " 2>&1"))
  local said = pipe:read "*a"
  pipe:close()
  return said
end

local function write(name, text)
  local path = folder .. "/" .. name
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  return path
end

-- A library of this name; nothing but the name is OpenSSL's.
local function library(name)
  local source = write("second.c", SECOND)
  local path = folder .. "/" .. name
  assert.equal("", run("cc -shared -fPIC -Wl,-soname,%s -o '%s' '%s'", name, path, source))
  return path
end

local REQUIRE = 'print(pcall(require, "ettsumailer"))\n'

-- What require says in a program that has loaded this library.
local function said_beside(path)
  local chunk = write("chunk.lua", ("package.loadlib(%q, '*')\n"):format(path) .. REQUIRE)
  return run("'%s' '%s'", interpreter, chunk)
end

describe("a second OpenSSL in the process", function()
  before_each(function()
    folder = os.tmpname()
    os.remove(folder)
    assert.equal("", run("mkdir '%s'", folder))
  end)

  after_each(function()
    run("rm -rf '%s'", folder)
  end)

  for _, name in ipairs { "libssl.so.10", "libcrypto.so.1.0.0", "libcrypto-5a1f6f.so.1.1" } do
    it(("is an error of require that names both files and the way out: %s"):format(name), function()
      local path = library(name)
      local said = said_beside(path)
      assert.matches("^false\t", said)
      assert.matches("ettsumailer: this module was built for OpenSSL %d", said)
      assert.matches("has loaded OpenSSL [%w.]+ [^(]*%(/[^)]*/lib%l+%.so[^)]*%)", said)
      assert.is_truthy(said:find(("and a second one (%s)"):format(path), 1, true), said)
      assert.is_truthy(said:find("make install-openresty, or OPENSSL_DIR=...", 1, true), said)
      assert.is_truthy(said:find("OPENSSL_STATIC=yes", 1, true), said)
    end)
  end

  it("is not seen in libraries that are only called alike", function()
    for _, name in ipairs { "libssl3.so", "libcryptopp.so.8", "libsslcommon.so.1" } do
      assert.matches("^true\t", said_beside(library(name)))
    end
  end)

  it("is found inside the program, too", function()
    local source = write("program.c", PROGRAM)
    local program = folder .. "/program"
    local said = run("cc $(pkg-config --cflags %s) -o '%s' '%s' -Wl,-E $(pkg-config --libs %s) "
      .. "-l:libssl.a -l:libcrypto.a $(pkg-config --static --libs openssl | sed 's/-lssl//g; s/-lcrypto//g') -lm",
      package_name, program, source, package_name)
    if said ~= "" then
      pending("a program cannot have OpenSSL inside here: " .. said:match "^[^\n]*")
      return
    end
    said = run("'%s' '%s'", program, write("chunk.lua", REQUIRE))
    assert.matches("^false\t", said)
    assert.matches("%(the program itself%) and a second one %(/[^)]*/libssl%.so", said)
  end)

  it("is not there in a program that has none", function()
    assert.matches("^true\t", run("'%s' '%s'", interpreter, write("chunk.lua", REQUIRE)))
  end)
end)
