-- nginx's own TLS beside ours, on one libssl, while nginx is reloaded all the time.

local core = require "ettsumailer.core"
local fake = require "support.fake"
local nginx_of = require "support.nginx"

local RELOADS = os.getenv "LOAD" == "whole" and 100 or 20
local unpack = table.unpack or unpack -- luacheck: std lua51+lua54

local MAIL = [[
local ettsumailer = require "ettsumailer"
local M = {}
ettsumailer.preload()
M.mailer = assert(ettsumailer.mailer {
  host = "127.0.0.1", port = %d, security = "starttls", ca_pem = %q, ehlo_name = "client.example",
  user = "u", password = "p", from = "a@example.com", timeout = 50,
})
function M.send()
  local result, err = M.mailer:send { to = "b@example.com", text = "hi\n" }
  return result and "sent" or tostring(err)
end
return M
]]

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

-- Octets of memory that a process has.
local function memory_of(pid)
  local file = io.open(("/proc/%d/status"):format(pid))
  local text = file and file:read "*a" or ""
  if file then
    file:close()
  end
  return tonumber(text:match "VmRSS:%s+(%d+) kB" or 0) * 1024
end

local function least(sizes, from, to)
  return math.min(unpack(sizes, from, to or #sizes))
end

describe("nginx that serves HTTPS and sends mail over TLS", function()
  it("is reloaded as often as one likes: no handshake fails, no error stays behind, its memory is flat", function()
    local certificate, key = core.certificate { names = { "localhost", "127.0.0.1" } }
    local folder = os.tmpname()
    os.remove(folder)
    assert(os.execute("mkdir " .. folder))
    write(folder .. "/cert.pem", certificate)
    write(folder .. "/key.pem", key)
    local server = fake.start(([[{ tls = true, user = "u", password = "p",
      tls_options = { certificate = %q, key = %q } }]]):format(certificate, key))
    local tls_port = nginx_of.free_port()
    local nginx, why = nginx_of.start {
      http = ("init_by_lua_block { require 'mail' } ssl_certificate %s/cert.pem; "
        .. "ssl_certificate_key %s/key.pem;"):format(folder, folder),
      server = ("listen 127.0.0.1:%d ssl backlog=1024; location = /send { content_by_lua_block { "
        .. "ngx.print(require('mail').send()) } }"):format(tls_port),
      files = { mail = MAIL:format(server.port, certificate) },
    }
    if not nginx then
      server:stop()
      os.execute("rm -rf " .. folder)
      pending(why)
      return
    end
    local answers = os.tmpname()
    local clients = assert(io.popen(("exec python3 spec/support/https_load.py %d %s/cert.pem /send >%s 2>&1")
      :format(tls_port, folder, answers), "w"))
    local sizes = {}
    for i = 1, RELOADS do
      nginx:reload()
      sizes[i] = memory_of(nginx:master())
    end
    clients:close()
    local file = assert(io.open(answers))
    local said = file:read "*a"
    file:close()
    local log = nginx:error_log()
    nginx:stop "QUIT"
    local sent = #server:stop()
    os.execute(("rm -rf %s %s"):format(folder, answers))
    local ok, failed = said:match "^ok (%d+) failed (%d+)"
    assert.equal("0", failed, said)
    assert.is_true(tonumber(ok) > RELOADS, said)
    assert.equal(tonumber(ok), sent)
    for _, bad in ipairs { "stale", "exited on signal", "[alert]", "[crit]", "[emerg]", "SSL_" } do
      assert.is_nil(log:find(bad, 1, true), log:match("[^\n]*" .. bad:gsub("%p", "%%%0") .. "[^\n]*"))
    end
    -- What a reload leaves behind would be there after each of them; while it is under way there is
    -- more. No more than a tenth of what the master has.
    local growth = least(sizes, RELOADS - 9) - least(sizes, 3, 10)
    assert.is_true(growth < least(sizes, 3, 10) / 10, ("%d octets"):format(growth))
  end)
end)
