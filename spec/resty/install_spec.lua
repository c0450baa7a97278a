-- make install-openresty into a tree laid out as OpenResty's packages are, and what is installed at
-- work: in a real nginx, in a LuaJIT of its own, and in a program that has OpenSSL inside.

local core = require "ettsumailer.core"
local fake = require "support.fake"
local nginx_of = require "support.nginx"

local OUT = os.getenv "OUT" or "build/luajit"
local BUILD = OUT .. "/scratch/installing"

-- A program in place of nginx: what it is linked to is what matters.
local LINKED = [[
#include <openssl/ssl.h>
#include <stdio.h>
int main(void) { return puts("built with " OPENSSL_VERSION_TEXT) < 0 || SSL_CTX_new(TLS_method()) == NULL; }
]]

local base, prefix, nginx, server

local function run(command, ...)
  local pipe = assert(io.popen("{ " .. command:format(...) .. "\n} 2>&1; echo \"status $?\""))
  local said = pipe:read "*a"
  pipe:close()
  local text, status = said:match "^(.-)status (%d+)\n$"
  return text, tonumber(status)
end

local function must(command, ...)
  local said, status = run(command, ...)
  assert.equal(0, status, said)
  return said
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  return path
end

local function exists(path)
  local file = io.open(path)
  return file ~= nil and file:close() or false
end

-- OpenResty's folders with this machine's LuaJIT headers and a copy of its OpenSSL. Copies, as a link
-- would be the same file to the loader.
local function lay_out()
  must([[
    mkdir -p '%s'/luajit/include/luajit-2.1 '%s'/openssl3/lib '%s'/openssl3/include '%s'/site/lualib \
      '%s'/nginx/sbin && cd '%s' &&
    cp $(pkg-config --variable=includedir luajit)/*.h luajit/include/luajit-2.1 &&
    libraries=$(pkg-config --variable=libdir openssl) headers=$(pkg-config --variable=includedir openssl) &&
    cp -RL $headers/openssl openssl3/include &&
    { [ ! -d $headers/$(cc -print-multiarch)/openssl ] ||
      cp $headers/$(cc -print-multiarch)/openssl/* openssl3/include/openssl; } &&
    for name in ssl crypto; do
      cp -L $libraries/lib$name.so openssl3/lib/lib$name.so.3 && ln -s lib$name.so.3 openssl3/lib/lib$name.so &&
      cp $libraries/lib$name.a openssl3/lib || exit
    done]], prefix, prefix, prefix, prefix, prefix, prefix)
end

-- A program of nginx's name, linked so.
local function link_nginx(flags, ...)
  local source = write(base .. "/linked.c", LINKED)
  must("cc -o '%s/nginx/sbin/nginx' '%s' " .. flags, prefix, source, ...)
end

-- What a Dockerfile copies of this tree, in its order: { from, to }.
local function copied_by(name)
  local list = {}
  for line in io.lines("examples/docker/" .. name .. "/Dockerfile") do
    local from, to = line:match "^COPY ([^-]%S*) (%S+)$"
    list[#list + 1] = from and { from = from, to = to }
  end
  return list
end

-- The tree as the build of an image sees it.
local function context_of(name)
  local folder = os.tmpname()
  must("rm '%s' && mkdir '%s'", folder, folder)
  for _, copied in ipairs(copied_by(name)) do
    if copied.to:sub(1, 1) ~= "/" then
      local to = folder .. "/" .. copied.to
      must("mkdir -p '%s' && cp -R '%s' '%s'", to:match "^(.*)/", copied.from, to)
    end
  end
  return folder
end

-- make in such a tree, or in this one.
local function make(context, what, ...)
  return run("env -u MAKEFLAGS -u MFLAGS make -C '%s' -j2 BUILD=\"$PWD/%s\" " .. what, context or ".", BUILD, ...)
end

local function install(more, context)
  return make(context, "install-openresty OPENRESTY='%s' %s", prefix, more or "")
end

local function must_install(more, context)
  local said, status = install(more, context)
  assert.equal(0, status, said)
  return said
end

local MAIL = [[
local M = {}
M.mailer = assert(require("ettsumailer").mailer {
  host = "127.0.0.1", port = %d, security = "starttls", ehlo_name = "client.example", timeout = 30,
  ca_pem = %q, from = "a@example.com",
})
return M
]]

-- Sends a mail over STARTTLS, and says which libssl this worker has.
local SERVER = [[
listen 127.0.0.1:%d ssl;
ssl_certificate certificate.lua;
ssl_certificate_key key.lua;
location = /send { content_by_lua_block {
  local result, err = require("mail").mailer:send { to = "b@example.com", text = "hi\n" }
  ngx.print(result and result.tls.version or tostring(err))
} }
location = /libraries { content_by_lua_block {
  local seen = {}
  for line in io.lines "/proc/self/maps" do
    local path = line:match "/%%S*/lib%%a+%%.so%%S*$"
    if path and path:find "libssl" and not seen[path] then
      seen[path] = true
      ngx.print(path, " ")
    end
  end
} }
]]

local function free_port()
  local listener = assert(core.listen("127.0.0.1", 0))
  local _, port = listener:local_address()
  listener:close()
  return port
end

-- An nginx with TLS of its own that finds the library in this folder; nil, why where there is none.
local function start(folder, environment, c_folder)
  local certificate, key = core.certificate { names = { "127.0.0.1" } }
  server = fake.start(("{ tls = true, tls_options = { certificate = %q, key = %q } }")
    :format(certificate, key))
  local https = free_port()
  local why
  nginx, why = nginx_of.start {
    server = SERVER:format(https), environment = environment,
    files = { mail = MAIL:format(server.port, certificate), certificate = certificate, key = key },
    package_path = ("%s/?.lua;%s/?/init.lua"):format(folder, folder),
    package_cpath = (c_folder or folder) .. "/?.so",
  }
  return nginx, why, https
end

-- Sends a mail through it over STARTTLS, beside nginx's own TLS; returns the libssl of its worker.
local function libraries_after_a_mail(https)
  must("printf 'GET /no HTTP/1.0\\r\\n\\r\\n' | openssl s_client -quiet -connect 127.0.0.1:%d | " ..
    "grep -q '^HTTP/1.1 404'", https)
  assert.matches("^TLSv1%.%d$", (nginx:get "/send"))
  local libraries = nginx:get "/libraries"
  nginx:stop()
  nginx = nil
  assert.equal(1, #server:stop())
  return libraries
end

describe("make install-openresty", function()
  setup(function()
    base = os.tmpname()
    os.remove(base)
    must("mkdir -p '%s'", base)
    prefix = base .. "/openresty"
    lay_out()
  end)

  teardown(function()
    run("rm -rf '%s' '%s'", base, BUILD)
  end)

  after_each(function()
    if nginx then
      nginx:stop()
    end
    if server then
      server:stop()
    end
    nginx, server = nil, nil
  end)

  it("installs into site/lualib, below DESTDIR", function()
    local site = base .. "/staged" .. prefix .. "/site/lualib/ettsumailer/"
    local context = context_of "debian"
    must_install(("DESTDIR='%s/staged'"):format(base), context)
    must("rm -rf '%s'", context)
    for _, name in ipairs { "core.so", "openssl.so", "init.lua", "transport/resty.lua", "smtp/drive.lua" } do
      assert.is_true(exists(site .. name), site .. name)
    end
    assert.is_false(exists(prefix .. "/site/lualib/ettsumailer/core.so"))
  end)

  it("makes a module that shares the OpenSSL of OpenResty's own nginx", function()
    must_install()
    local site = prefix .. "/site/lualib"
    local ok, why, https = start(site, { "LD_LIBRARY_PATH=" .. prefix .. "/openssl3/lib" })
    if not ok then
      pending(why)
      return
    end
    assert.equal(prefix .. "/openssl3/lib/libssl.so.3 ", libraries_after_a_mail(https))
  end)

  it("makes a module that shares the OpenSSL of another nginx, too", function()
    must_install()
    local ok, why, https = start(prefix .. "/site/lualib")
    if not ok then
      pending(why)
      return
    end
    assert.matches("^/[^ ]*/libssl%.so%.3 $", (libraries_after_a_mail(https):gsub(prefix, "elsewhere")))
  end)

  it("makes a module that takes OpenResty's OpenSSL where none is loaded yet", function()
    must_install()
    local chunk = write(base .. "/chunk.lua", [[
      require "ettsumailer".preload()
      for line in io.lines "/proc/self/maps" do
        io.write(line:match "/%S*/libssl%S*$" or "", "\n")
      end
    ]])
    local said = must("cd '%s/site/lualib' && LUA_PATH='./?.lua;./?/init.lua' LUA_CPATH='./?.so' luajit '%s'",
      prefix, chunk)
    assert.is_truthy(said:find(prefix .. "/openssl3/lib/libssl.so.3", 1, true))
    assert.is_nil(said:gsub(prefix, ""):find "/usr/%S*/libssl")
  end)

  it("takes an OpenSSL that is named", function()
    must_install(("OPENSSL_DIR='%s/openssl3' DESTDIR='%s/named'"):format(prefix, base))
    assert.is_true(exists(base .. "/named" .. prefix .. "/site/lualib/ettsumailer/core.so"))
    local said = install "OPENSSL_DIR=/nowhere"
    assert.matches("are not in /nowhere", said, 1, true)
  end)

  -- What the installation would be built with.
  local function found()
    return must("spec/support/openresty.sh '%s'", prefix)
  end

  it("takes of several the OpenSSL that nginx is linked to", function()
    must("cp -R '%s/openssl3' '%s/openssl111'", prefix, prefix)
    link_nginx("-L'%s/openssl111/lib' -Wl,-rpath,'%s/openssl111/lib' -lssl -lcrypto", prefix, prefix)
    local said = found()
    must("rm -r '%s/openssl111' '%s/nginx/sbin/nginx'", prefix, prefix)
    assert.is_truthy(said:find(("OPENSSL_INCDIR=%s/openssl111/include OPENSSL_LIBDIR=%s/openssl111/lib ")
      :format(prefix, prefix), 1, true), said)
  end)

  it("takes the system's OpenSSL where nginx is linked to that", function()
    link_nginx("-lssl -lcrypto")
    local said = found()
    must("rm '%s/nginx/sbin/nginx'", prefix)
    assert.is_nil(said:find "OPENSSL")
  end)

  it("says what to do where nginx has OpenSSL inside, and then makes a module that has, too", function()
    link_nginx("-Wl,-E -l:libssl.a -l:libcrypto.a $(pkg-config --static --libs openssl | " ..
      "sed 's/-lssl//g; s/-lcrypto//g')")
    local said, status = install()
    assert.is_true(status ~= 0)
    assert.is_truthy(said:find("make install-openresty OPENSSL_STATIC=yes", 1, true), said)
    must_install "OPENSSL_STATIC=yes"
    must("rm '%s/nginx/sbin/nginx'", prefix)
    for _, name in ipairs { "core", "openssl" } do
      local module = ("%s/site/lualib/ettsumailer/%s.so"):format(prefix, name)
      assert.is_nil(must("readelf -d '%s'", module):find "NEEDED[^\n]*libssl")
      must("spec/style/exports.sh '%s'", module)
    end
    local ok, why, https = start(prefix .. "/site/lualib")
    if not ok then
      pending(why)
      return
    end
    assert.matches("^/[^ ]*/libssl%.so%.3 $", (libraries_after_a_mail(https))) -- nginx's own
  end)

  -- What is said, and the status, while a part of the tree is away.
  local function said_without(part)
    must("mv '%s/%s' '%s/away'", prefix, part, base)
    local said, status = install()
    must("mv '%s/away' '%s/%s'", base, prefix, part)
    return said, status
  end

  for part, lines in pairs {
    ["luajit/include"] = { "headers of OpenResty's LuaJIT", "LUA_INCDIR=/where" },
    ["openssl3/include"] = { "headers of OpenResty's OpenSSL", "apt install openresty%-openssl3%-dev",
      "OPENSSL_DIR=/where" },
    ["openssl3/lib/libssl.so"] = { "no lib/libssl.so in ", "OPENSSL_DIR=/where" },
    ["site/lualib"] = { "There is no %S+/site/lualib", "INST_LUADIR=/where" },
    [""] = { "There is no OpenResty in ", "OPENRESTY=/where" },
  } do
    it(("says what to do where there is no %s"):format(part == "" and "OpenResty" or part), function()
      local said, status = said_without(part)
      assert.is_true(status ~= 0)
      for _, line in ipairs(lines) do
        assert.matches(line, said)
      end
    end)
  end

  it("tells of all that is missing at once", function()
    must("mv '%s/luajit' '%s/luajit.away'", prefix, prefix)
    local said = said_without "site/lualib"
    must("mv '%s/luajit.away' '%s/luajit'", prefix, prefix)
    assert.matches("LuaJIT.*site/lualib", said)
  end)
end)

describe("make install LUA=luajit", function()
  it("serves a plain nginx with the Lua module, which looks there by itself", function()
    local folder = os.tmpname()
    os.remove(folder)
    local context = context_of "debian-nginx"
    local said, status = make(context, "LUA=luajit DESTDIR='%s' install", folder)
    must("rm -rf '%s'", context)
    assert.equal(0, status, said)
    local looked_in = must "luajit -e 'print(package.path, package.cpath)'"
    local ok, why, https = start(folder .. "/usr/local/share/lua/5.1", nil, folder .. "/usr/local/lib/lua/5.1")
    if ok then
      assert.matches("^/[^ ]*/libssl%.so%.3 $", (libraries_after_a_mail(https)))
    end
    must("rm -rf '%s' '%s'", folder, BUILD)
    assert.is_truthy(looked_in:find("/usr/local/share/lua/5.1/?/init.lua", 1, true))
    assert.is_truthy(looked_in:find("/usr/local/lib/lua/5.1/?.so", 1, true))
    if not ok then
      pending(why)
    end
  end)
end)

describe("the Dockerfiles", function()
  for _, name in ipairs { "debian", "debian-nginx", "alpine" } do
    it(("copy what is there: %s"):format(name), function()
      local list = copied_by(name)
      assert.is_true(#list >= 4)
      for _, copied in ipairs(list) do
        must("test -e '%s'", copied.from)
      end
    end)
  end

  it("build alike on Debian and on Alpine", function()
    assert.same(copied_by "debian", copied_by "alpine")
  end)
end)
