-- What users test with; and docs/testing.md, whose example is run as it stands.
local ettsumailer = require "ettsumailer"
local testing = require "ettsumailer.testing"

local FOLDER = require("support.scratch") .. "/testing"

local function read_file(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

-- The files of the documentation, into a folder. Returns how many there are.
local function write_files(change)
  local count = 0
  for name, text in read_file("docs/testing.md"):gmatch "```lua\n%-%- file: (%S+)\n(.-)```" do
    local file = assert(io.open(FOLDER .. "/" .. name, "wb"))
    file:write(change and change(name, text) or text)
    file:close()
    count = count + 1
  end
  return count
end

local function run_example()
  local command = ([[LUA_PATH="%s/?.lua;$LUA_PATH" '%s' "$(command -v busted)" --ignore-lua -o plainTerminal \
    %s/welcome_spec.lua 2>&1]]):format(FOLDER, os.getenv "ETTM_LUA" or "lua5.4", FOLDER)
  local pipe = io.popen(command)
  local text = pipe:read "*a"
  pipe:close()
  return text
end

describe("the documentation on testing", function()
  setup(function()
    os.execute("mkdir -p " .. FOLDER)
  end)

  it("has an example that works", function()
    assert.equal(2, write_files())
    assert.matches("5 successes / 0 failures / 0 errors", run_example())
  end)

  it("has an example that finds a bug", function()
    write_files(function(name, text)
      return name == "welcome.lua" and text:gsub("ticket is attached", "ticket is lost") or nil
    end)
    local text = run_example()
    assert.matches("4 successes / 1 failure / 0 errors", text)
    assert.matches("sends one mail with a ticket", text)
  end)
end)

describe("the testing aids", function()
  it("make the same octets in every run, and other ones for the next message", function()
    local outbox = testing.outbox()
    for _ = 1, 2 do
      local mailer = assert(ettsumailer.mailer {
        via = outbox, from = "f@example.com", on_message = testing.deterministic { date = 0, host = "h.example" },
      })
      assert(mailer:send { to = "a@x.jp", text = "x", html = "<p>x</p>" })
      assert(mailer:send { to = "a@x.jp", text = "x", html = "<p>x</p>" })
      assert(mailer:send(assert(ettsumailer.message { from = "f@example.com", to = "a@x.jp", text = "x" })))
    end
    local messages = outbox.messages
    assert.equal(messages[1].data, messages[4].data)
    assert.equal(messages[2].data, messages[5].data)
    assert.are_not.equal(messages[1].message_id, messages[2].message_id)
    assert.equal("Thu, 01 Jan 1970 00:00:00 +0000", messages[1].headers.date)
    assert.matches("@h%.example>$", messages[1].headers["message-id"])
  end)

  it("leave alone what a message says itself", function()
    local fields = { date = 5 }
    testing.deterministic()(fields)
    assert.equal(5, fields.date)
    assert.error_matches(function() testing.deterministic { dat = 1 } end, "unknown option 'dat'")
  end)

  it("have a clock that moves when it is slept on", function()
    local clock = testing.clock()
    clock.sleep(3600)
    assert.equal(3600, clock.now())
  end)

  it("read whatever this library composes", function()
    local message = assert(ettsumailer.message {
      from = "f@example.com", to = "a@x.jp", subject = ("長い件名"):rep(20), text = ("あ"):rep(200),
      html = '<img src="cid:logo">', inline = { { content = "GIF", cid = "logo", filename = "ロゴ.gif" } },
      attachments = {
        { content = "\0\1\2", filename = 'a "quoted" name.bin' },
        { content = "x", filename = ("とても長い名前"):rep(10) .. ".txt", type = "text/plain" },
      },
    })
    local reader, pieces = message:reader(), {}
    local piece = reader:read(100)
    while piece do
      pieces[#pieces + 1] = piece
      piece = reader:read(100)
    end
    local read = testing.read(table.concat(pieces))
    assert.equal(("長い件名"):rep(20), read.subject)
    assert.equal(("あ"):rep(200), read.text)
    assert.matches("^<img src=", read.html)
    local names = {}
    for i, attachment in ipairs(read.attachments) do
      names[i] = attachment.filename
    end
    assert.same({ "ロゴ.gif", 'a "quoted" name.bin', ("とても長い名前"):rep(10) .. ".txt" }, names)
    assert.equal("\0\1\2", read.attachments[2].content)
  end)

  it("read what is no message without an error", function()
    for _, data in ipairs { "", "x", "\r\n\r\n", ":\r\n\r\nx", "Content-Type: multipart/mixed; boundary=\r\n\r\n--\r\n",
      "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx", "Content-Type:\r\n\r\nx",
      "Content-Transfer-Encoding: base64\r\n\r\n====" } do
      assert.is_table(testing.read(data))
    end
  end)
end)
