-- Through a real Postfix's own sendmail: arguments, dots, the null sender, refusals.
local ettsumailer = require "ettsumailer"
local postfix_of = require "support.postfix"

local FOLDER = "build/interop"

-- A program that enters the system of the server's own and becomes its sendmail.
local function make_program()
  os.execute("mkdir -p " .. FOLDER)
  local path = FOLDER .. "/sendmail"
  local file = assert(io.open(path, "wb"))
  file:write [[
#!/bin/sh
read -r pid born <build/mta/postfix/process
for stat in /proc/[0-9]*/stat; do
  first=$(sed -n "s/^\([0-9]*\) (.*) . $pid .*/\1/p" "$stat" 2>/dev/null)
  [ -z "$first" ] || break
done
exec nsenter -t "$first" -m -p -r -w /usr/sbin/sendmail "$@"
]]
  file:close()
  os.execute("chmod +x " .. path)
  return path
end

local function read_file(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

describe("Postfix's sendmail", function()
  local postfix, missing, mailer

  lazy_setup(function()
    postfix, missing = postfix_of.start()
    mailer = assert(ettsumailer.mailer { via = "sendmail", program = make_program(), from = "me@example.test" })
  end)

  lazy_teardown(function()
    postfix_of.stop()
  end)

  local count = 0
  local function delivered(message, copies)
    if not postfix then
      pending("Postfix cannot run here: " .. tostring(missing))
      return nil
    end
    assert(mailer:send(message))
    count = count + copies
    local paths = postfix_of.wait(postfix, count)
    assert.equal(count, #paths)
    return read_file(paths[#paths])
  end

  it("takes a message as it is, with lines that are dots", function()
    local text = delivered({
      to = "a@example.test", subject = "お知らせ", text = "one\n.\n..two\nFrom here\n.\n",
    }, 1)
    if text then
      assert.is_truthy(text:find("\n\none\n", 1, true))
      local body = text:match "\n\n(one\n.*)$"
      assert.matches("^one\n=?[.2E]+\n", body)
      assert.is_nil(text:find("\r", 1, true))
      assert.matches("Return%-Path: <me@example%.test>", text)
    end
  end)

  it("takes the null sender, and recipients of odd forms", function()
    local text = delivered({
      to = "a@example.test", text = "x", envelope = { from = "", to = { '"a b"@example.test', "o'neil@example.test" } },
    }, 2)
    if text then
      assert.matches("Return%-Path: <>", text)
    end
  end)

  it("says why it takes nothing", function()
    if not postfix then
      return pending("Postfix cannot run here: " .. tostring(missing))
    end
    local other = assert(ettsumailer.mailer {
      via = "sendmail", program = make_program(), arguments = { "-no-such-option" }, from = "me@example.test",
    })
    local result, err = other:send { to = "a@example.test", text = "x" }
    assert.is_nil(result)
    assert.matches("sendmail", err.text)
    assert.is_true(#err.rejected == 1)
  end)
end)
