-- A real Dovecot (its submission service) that lets in by every mechanism it knows.
local core = require "ettsumailer.core"
local ettsumailer = require "ettsumailer"
local server_of = require "ettsumailer.testing.server"

local FOLDER = "build/interop"
local USER, PASSWORD, KEY = "ettsu", "correct horse battery staple", "a key that signs tokens, 32 long"
local SCRIPT = "spec/interop/mta.sh dovecot"

local function write_file(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  return path
end

local function read_file(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

-- Output and exit status of a shell command; 5.1's close does not tell the status.
local function run(command)
  local pipe = assert(io.popen("{ " .. command .. "; } 2>&1; echo status=$?"))
  local output, status = pipe:read("*a"):match("^(.*)status=(%d+)\n$")
  pipe:close()
  return output, tonumber(status)
end

local function base64_url(text)
  return (core.base64_encode(text):gsub("[+/=]", { ["+"] = "-", ["/"] = "_", ["="] = "" }))
end

-- A JSON web token (RFC 7519) for the user, good for so many seconds.
local function token_for(user, seconds)
  local now = os.time()
  local claims = ('{"sub":"%s","iat":%d,"nbf":%d,"exp":%d}'):format(user, now - 100, now - 100, now + seconds)
  local signed = base64_url '{"alg":"HS256","typ":"JWT"}' .. "." .. base64_url(claims)
  return signed .. "." .. base64_url(core.hmac("sha256", KEY, signed))
end

describe("a real Dovecot", function()
  local relay, dovecot, reason, certificate

  lazy_setup(function()
    os.execute("mkdir -p " .. FOLDER)
    relay = assert(server_of.start())
    local key
    certificate, key = core.certificate { names = { "localhost", "127.0.0.1" } }
    local pem = write_file(FOLDER .. "/dovecot.pem", key .. certificate)
    local login = write_file(os.tmpname(), ("%s %s\n%d\n%s\n"):format(
      USER, PASSWORD, relay.port, core.base64_encode(KEY)))
    local output, status = run(("%s start %s <%s"):format(SCRIPT, pem, login))
    os.remove(login)
    if status == 0 then
      dovecot = {
        submission = tonumber(output:match "submission=(%d+)"), smtps = tonumber(output:match "smtps=(%d+)"),
        log = output:match "log=([^\n]+)",
      }
    else
      reason = output:match "([^\n]+)\n?$"
    end
  end)

  lazy_teardown(function()
    if dovecot then
      run(SCRIPT .. " stop")
    end
    relay:stop()
  end)

  local function here(name, test)
    it(name, function()
      if dovecot then
        test()
      else
        print("skipped, there is no Dovecot: " .. tostring(reason))
      end
    end)
  end

  local function send(more)
    local lines = {}
    local given = {
      host = "localhost", port = dovecot.submission, security = "starttls", ca_pem = certificate, timeout = 60,
      user = USER, password = PASSWORD, ehlo_name = "client.example.test",
      from = "ettsu@example.test", to = "b@example.test", subject = "件名", text = "本文\n",
      on_protocol = function(direction, line)
        lines[#lines + 1] = direction .. ": " .. line
      end,
    }
    for name, value in pairs(more) do
      given[name] = value or nil
    end
    local result, err = ettsumailer.send(given)
    local shown = table.concat(lines, "\n")
    local all = shown .. tostring(err) .. (err and err.transcript or "")
    for _, secret in ipairs { PASSWORD, given.password or PASSWORD, type(given.token) == "string" and given.token } do
      if secret then
        assert.is_nil(all:find(secret, 1, true))
        assert.is_nil(all:find(core.base64_encode(secret), 1, true))
      end
    end
    return result, err, shown
  end

  here("offers all of them, and the strongest is taken", function()
    local result, err, shown = send {}
    assert(result, tostring(err))
    assert.matches("C: AUTH SCRAM%-SHA%-256 <hidden>", shown)
    for _, name in ipairs { "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "OAUTHBEARER", "XOAUTH2" } do
      assert.is_truthy(shown:match("AUTH [^\n]*%f[%w]" .. name:gsub("%-", "%%-") .. "%f[%s\0]"), name)
    end
  end)

  for _, name in ipairs { "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256" } do
    here("lets in by " .. name .. ", and the mail gets through", function()
      local before = #relay:messages()
      local result, err, shown = send { mechanisms = { name } }
      assert(result, tostring(err))
      assert.is_truthy(shown:find("AUTH " .. name, 1, true))
      assert.equal(before + 1, #relay:messages())
    end)

    here("refuses a wrong password by " .. name, function()
      local result, err = send { mechanisms = { name }, password = "another fish" }
      assert.is_nil(result)
      assert.equal("AUTH", err.code)
      assert.equal(535, err.smtp_code)
    end)
  end

  for _, name in ipairs { "OAUTHBEARER", "XOAUTH2" } do
    here("lets in by " .. name .. " with a token it has checked", function()
      local before = #relay:messages()
      local result, err = send { password = false, token = token_for(USER, 300), mechanisms = { name } }
      assert(result, tostring(err))
      assert.equal(before + 1, #relay:messages())
    end)

    here("refuses a token that is over by " .. name .. ", with the server's reason", function()
      local result, err, shown = send { password = false, token = token_for(USER, -50), mechanisms = { name } }
      assert.is_nil(result)
      assert.equal("AUTH", err.code)
      assert.equal(535, err.smtp_code)
      assert.matches("S: 334 %S", shown)
      assert.matches("%(.*status ", err.text)
    end)

    here("takes a fresh token where the first is refused by " .. name, function()
      local asked = {}
      local result, err = send { password = false, mechanisms = { name }, token = function(is_refused)
        asked[#asked + 1] = is_refused
        return token_for(USER, is_refused and 300 or -50)
      end }
      assert(result, tostring(err))
      assert.same({ false, true }, asked)
    end)
  end

  here("lets in over TLS from the start", function()
    assert(send { port = dovecot.smtps, security = "implicit" })
  end)

  here("has no password in its log", function()
    assert.is_nil(read_file(dovecot.log):find(PASSWORD, 1, true))
  end)
end)
