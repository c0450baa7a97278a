-- Every text that an attacker would write, at every place where a text is asked for: what the server
-- hears is the commands that it would hear anyway, and what Python reads is the header that was asked
-- for. Lines end with CRLF, and nothing else ends one.

local injection = require "support.injection"
local memory_server = require "support.memory_server"

local FOLDER = require("support.scratch") .. "/injection"
local TEXTS = injection.texts()

local EHLO = "250-server.example\r\n250-PIPELINING\r\n250-SIZE 100000000\r\n250-DSN\r\n250-8BITMIME\r\n"
  .. "250-VRFY\r\n250-EXPN\r\n250-AUTH PLAIN LOGIN CRAM-MD5 XOAUTH2 OAUTHBEARER\r\n250 SMTPUTF8\r\n"
local REPLIES = {
  EHLO = EHLO, HELO = "250 server.example\r\n", VRFY = "252 ok\r\n", EXPN = "250 ok\r\n", HELP = "214 ok\r\n",
  XCMD = "250 ok\r\n",
  AUTH = function(line)
    return line:find "^AUTH LOGIN" and "334 VXNlcm5hbWU6\r\n" or line:find "^AUTH CRAM" and "334 PDFAeD4=\r\n"
      or line:find "^AUTH %S+\r" and "334 \r\n" or "235 ok\r\n"
  end,
}

local server, verbs, heard

-- The library with a server that notes all it hears.
local library = memory_server.library(function()
  server = memory_server.new(setmetatable({ response = function()
    verbs.responses = (verbs.responses or 0) + 1
    return verbs[#verbs - 1] == "AUTH LOGIN" and verbs.responses == 1 and "334 UGFzc3dvcmQ6\r\n" or "235 ok\r\n"
  end }, { __index = REPLIES }))
  local take, answer = server.take, server.answer
  function server:take(bytes)
    heard[#heard + 1] = bytes
    return take(self, bytes)
  end
  function server:answer(key, line)
    if line then
      verbs[#verbs + 1] = key == "AUTH" and line:match "^AUTH %S+" or key
    end
    return answer(self, key, line)
  end
  return memory_server.transport(server)
end)

local function forget()
  verbs, heard, server = {}, {}, nil
end

-- CR only before LF and LF only after CR.
local function check_line_ends(what)
  local bytes = table.concat(heard)
  assert.is_nil(bytes:gsub("\r\n", ""):find "[\r\n]", what)
end

local function send(setter, text)
  forget()
  local o = {
    host = "mx.example.com", security = "none", ehlo_name = "client.example", timeout = 60,
    from = "from@example.com", to = "to@example.com", subject = "s", text = "hi\n", date = 1700000000,
    entropy = ("e"):rep(32),
  }
  setter(o, text)
  return library.send(o)
end

-- The verbs, but for how often a recipient is named and a login asked: another recipient in a list is
-- one that was asked for.
local function shape_of(list)
  local words, last = {}, nil
  for _, verb in ipairs(list) do
    if verb ~= "response" and not (verb == "RCPT" and last == "RCPT") then
      words[#words + 1] = verb
    end
    last = verb
  end
  return table.concat(words, " ")
end

-- A header's name that is one may be asked for: it is shown under that of the good one.
local function renamed(content, setter_name, text)
  local mine = setter_name == "headers, name" and "X-" .. text or setter_name == "headers, whole name" and text
  local first, last = content:find("\r\n" .. (mine or "\0") .. ":", 1, true)
  if not first then
    return content
  end
  local good = setter_name == "headers, name" and "X-a" or "a"
  return content:sub(1, first + 1) .. good .. content:sub(last)
end

-- The texts that are good at each place, to know what is heard then.
local GOOD = { "a", "REQUEST", "us-ascii", "text/plain", "a@example.com", "<a@example.com>", "https://example.com/a",
  "a.example.com", "X-Mine" }

local function baseline(setter)
  for _, text in ipairs(GOOD) do
    local result = send(setter, text)
    if result then
      return shape_of(verbs), server.contents[1]
    end
  end
  error "no good text is known for this setter"
end

local function write_file(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

local function sorted(names)
  local list = {}
  for name in pairs(names) do
    list[#list + 1] = name
  end
  table.sort(list)
  return list
end

describe("an injection", function()
  local number, taken = 0, 0

  lazy_setup(function()
    os.execute("rm -rf " .. FOLDER .. " && mkdir -p " .. FOLDER)
  end)

  for _, name in ipairs(sorted(injection.SETTERS)) do
    local setter = injection.SETTERS[name]
    it("at " .. name .. " adds no command and no line", function()
      local wanted, content = baseline(setter)
      number = number + 1
      local folder = ("%s/%03d"):format(FOLDER, number)
      os.execute("mkdir -p " .. folder)
      write_file(folder .. "/base.eml", content)
      for i, text in ipairs(TEXTS) do
        local result, err = send(setter, text)
        local what = ("text %d (%q): %s"):format(i, text:sub(1, 60), tostring(err))
        check_line_ends(what)
        if result then
          assert.equal(wanted, shape_of(verbs), what)
          assert.equal(1, #server.contents, what)
          write_file(("%s/%d.eml"):format(folder, i), renamed(server.contents[1], name, text))
          taken = taken + 1
        else
          assert.is_truthy(err.code == "CONFIG" or err.code == "ADDRESS" or err.code == "SMTPUTF8_REQUIRED", what)
          assert.is_nil((" " .. table.concat(verbs, " ") .. " "):find " [MRDX][%w-]+ ", what)
        end
      end
    end)
  end

  it("is read by Python as what was asked for, and nothing more", function()
    local pipe = assert(io.popen("python3 spec/support/read_injected.py " .. FOLDER .. " 2>&1"))
    local output = pipe:read "*a"
    pipe:close()
    assert.equal(("read %d\n"):format(taken + number), output)
  end)

  for _, name in ipairs(sorted(injection.COMMANDS)) do
    it("into the command " .. name .. " adds none", function()
      for i, text in ipairs(TEXTS) do
        forget()
        local conn = assert(library.connect { host = "mx.example.com", security = "none", allow_plaintext_auth = true })
        assert(conn:ehlo "client.example")
        assert(conn:noop())
        verbs = {}
        injection.COMMANDS[name](conn, text)
        local what = ("text %d (%q)"):format(i, text:sub(1, 60))
        assert.is_nil(shape_of(verbs):gsub("AUTH ", ""):find " ", what)
        assert.is_nil(shape_of(verbs):find "INJECTED", what)
        check_line_ends(what)
        conn:close()
      end
    end)
  end

  it("into the settings of a server is refused before anything is opened", function()
    for _, name in ipairs { "host", "ehlo_name", "tls_name", "unix_socket", "source_address", "ciphers" } do
      for octet = 0, 31 do
        local mailer, err = library.mailer { host = "mx.example.com", [name] = "a" .. string.char(octet) .. "b" }
        assert.is_nil(mailer)
        assert.equal("CONFIG", err.code)
      end
    end
  end)
end)
