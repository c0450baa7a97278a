-- The testing server's logins as GNU SASL's client sees them: what this library's client is tested
-- against speaks as others do, channel binding too.
local server_of = require "ettsumailer.testing.server"

local FOLDER = "build/interop"
local USER, PASSWORD = "ettsu", "correct horse battery staple"

-- Output and exit status of a shell command; 5.1's close does not tell the status.
local function run(command)
  local pipe = assert(io.popen("{ " .. command .. "; } 2>&1; echo status=$?"))
  local output, status = pipe:read("*a"):match("^(.*)status=(%d+)\n$")
  pipe:close()
  return output, tonumber(status)
end

describe("GNU SASL's client", function()
  local is_there, reason

  lazy_setup(function()
    os.execute("mkdir -p " .. FOLDER)
    local output, status = run "spec/interop/gsasl.sh --version"
    is_there, reason = status == 0, output
  end)

  -- The reply to its login on the testing server.
  local function login(mechanism, password, more)
    local server = assert(server_of.start {
      tls = true, user = USER, password = PASSWORD, mechanisms = { mechanism },
    })
    local file = assert(io.open(FOLDER .. "/gsasl.pem", "wb"))
    file:write(server.certificate)
    file:close()
    local output = run(("timeout 60 spec/interop/gsasl.sh --connect localhost:%d --smtp --starttls " ..
      "--x509-ca-file=%s/gsasl.pem --mechanism=%s --authentication-id=%s --password='%s' " ..
      "--no-client-first %s </dev/null"):format(server.port, FOLDER, mechanism, USER, password, more or ""))
    server:stop()
    return output:match "\n(235[^\r\n]*)" or output:match "\n(535[^\r\n]*)" or "no reply"
  end

  local function here(name, test)
    it(name, function()
      if is_there then
        test()
      else
        print("skipped, there is no gsasl: " .. tostring(reason))
      end
    end)
  end

  for _, name in ipairs {
    "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN",
  } do
    local more = name:find "^SCRAM" and not name:find "PLUS$" and "--no-cb" or ""
    here("logs in by " .. name .. ", and proves the server where the mechanism does", function()
      assert.matches("^235 ", login(name, PASSWORD, more))
      assert.matches("^535 ", login(name, "another fish", more))
    end)
  end

  here("does not pass for bound where it says it could be, and -PLUS is not offered", function()
    assert.is_nil(login("SCRAM-SHA-256-PLUS", PASSWORD, "--no-cb"):find "^235 ")
  end)
end)
