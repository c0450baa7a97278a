-- Every Lua block of the README is run, against the testing server in place of smtp.example.com.
local server_of = require "ettsumailer.testing.server"

local FOLDER = require("support.scratch") .. "/readme"
local load_text = loadstring or load -- luacheck: ignore

local function read_file(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

local function write_file(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

local function replaced(text, what, with)
  local from, to = text:find(what, 1, true)
  while from do
    text = text:sub(1, from - 1) .. with .. text:sub(to + 1)
    from, to = text:find(what, from + #with, true)
  end
  return text
end

describe("the README", function()
  local servers = {}

  lazy_setup(function()
    os.execute("mkdir -p " .. FOLDER)
    write_file(FOLDER .. "/invoice.pdf", "%PDF-1.4\n")
    local names = { "smtp.example.com" }
    servers.submission = assert(server_of.start {
      token = "fresh-token", mechanisms = { "PLAIN", "LOGIN", "XOAUTH2" },
      tls = true, names = names, user = "ettsu", password = "p@ssword",
    })
    write_file(FOLDER .. "/submission.pem", servers.submission.certificate)
    servers.implicit = assert(server_of.start { implicit_tls = true, names = names })
    servers.plain = assert(server_of.start {})
    write_file(FOLDER .. "/members.csv", "name,mail\r\nB,b@example.com\r\n\"C, D\",c@example.com\r\n")
    write_file(FOLDER .. "/order.txt", read_file("README.md"):match "```\n(%-%-%-\n.-)```")
    write_file(FOLDER .. "/our-ca.pem", servers.implicit.certificate)
  end)

  lazy_teardown(function()
    for _, server in pairs(servers) do
      server:stop()
    end
  end)

  -- The block as it is, but for the names that exist in books only.
  local function runnable(block)
    local host = 'host = "127.0.0.1", tls_name = "smtp.example.com"'
    block = replaced(block, 'host = "smtp.example.com"', host)
    block = replaced(block, 'os.getenv "SMTP_PASSWORD"', '"p@ssword"')
    block = replaced(block, "port = 587",
      ('port = %d, ca_file = "%s/submission.pem"'):format(servers.submission.port, FOLDER))
    block = replaced(block, "port = 465", ('security = "implicit", port = %d'):format(servers.implicit.port))
    block = replaced(block, "port = 25", ("port = %d"):format(servers.plain.port))
    block = replaced(block, '@smtp.example.com:587"',
      ('@127.0.0.1:%d", tls_name = "smtp.example.com", ca_file = "%s/submission.pem"'):format(
        servers.submission.port, FOLDER))
    block = replaced(block, '"invoice.pdf"', ('"%s/invoice.pdf"'):format(FOLDER))
    block = replaced(block, '"members.csv"', ('"%s/members.csv"'):format(FOLDER))
    block = replaced(block, '"mails/order"', ('"%s/order"'):format(FOLDER))
    block = replaced(block, '"outbox"', ('"%s/outbox"'):format(FOLDER))
    return (replaced(block, '"our-ca.pem"', ('"%s/our-ca.pem"'):format(FOLDER)))
  end

  -- The library of others that an example takes and this machine has not.
  local function missing_in(block)
    for name in block:gmatch "require \"([^\"]+)\"" do
      if not pcall(require, name) then
        return name
      end
    end
  end

  local count = 0
  for block in read_file("README.md"):gmatch "```lua\n(.-)```" do
    count = count + 1
    it(("runs its example %d"):format(count), function()
      local missing = missing_in(block)
      if missing then
        pending(missing .. " is not there")
        return
      end
      local printed = {}
      local chunk = assert(load_text("local print = ... " .. runnable(block)))
      chunk(function(...)
        printed[#printed + 1] = tostring((...))
      end)
      for _, line in ipairs(printed) do
        assert.is_nil(line:find("CONNECT", 1, true), line)
        assert.is_nil(line:find("TLS", 1, true), line)
      end
    end)
  end

  it("has examples", function()
    assert.is_true(count >= 12)
  end)
end)
