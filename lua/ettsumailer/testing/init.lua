-- What programs that send mail are tested with: an outbox, a server, a clock, fixed octets.
-- Why: one thing to require in a spec; docs/testing.md shows it at work.
-- Not: for production. Nothing of the library requires it.

local core = require "ettsumailer.core"
local mail = require "ettsumailer.testing.mail"
local memory = require "ettsumailer.sender.memory"
local options = require "ettsumailer.options"
local server = require "ettsumailer.testing.server"

local M = {}

---An outbox: give it as `via` to a mailer, and ask it what was sent.
---
---Example:
---```lua
---local outbox = testing.outbox()
---local mailer = ettsumailer.mailer { via = outbox, from = "shop@example.com" }
---mailer:send { to = "b@example.com", subject = "Hello", text = "Hello\n" }
---outbox:assert_sent { to = "b@example.com", subject = "Hello" }
---```
---@param given table?  { max_messages = how many it holds, 1000 where absent }
---@return ettsumailer.outbox
function M.outbox(given)
  local made = memory.new(given, 2)
  return made -- no tail call: it would hide the caller's line
end

---Starts the scriptable server in a process of its own. It answers as it is told, takes STARTTLS
---and wants a login where that is asked.
---
---Example:
---```lua
---local server = assert(testing.start { replies = { RCPT = "550 5.1.1 nobody" } })
---local result, err = ettsumailer.send {
---  host = "127.0.0.1", port = server.port, from = "a@example.com", to = "b@example.com",
---}
---assert(err.smtp_code == 550)
---server:stop()
---```
---@param given table? options of ettsumailer.testing.server.new, but no functions
---@return ettsumailer.testing.handle? handle port, certificate, messages(), log(), set_replies(),
---  stop()
---@return string? code
---@return string? text
function M.start(given)
  local handle, code, text = server.start(given)
  return handle, code, text -- no tail call: an error names the line that called this
end

---Reads a composed message apart.
---
---Example:
---```lua
---print(testing.read(server:messages()[1].data).subject)
---```
---@param data string  the whole, with CRLF line ends
---@return table message { subject, text, html, headers, attachments, data }
function M.read(data)
  return mail.read(data)
end

local FIXED = { date = "number", host = "string" }

---Makes messages the same octets in every run: give it as on_message to a mailer. Date, boundaries
---and Message-ID of each follow from its number; what a message says of them itself wins.
---
---Example:
---```lua
---local mailer = ettsumailer.mailer { via = "memory", on_message = testing.deterministic() }
---```
---@param given table?  { date = Unix time, 1700000000 where absent; host = of Message-ID,
---  "example.com" where absent }
---@return fun(fields: table)
function M.deterministic(given)
  given = given or {}
  options.check("deterministic", given, FIXED, 2)
  local count = 0
  return function(fields)
    if type(fields) ~= "table" then
      return
    end
    count = count + 1
    local fixed = {
      date = given.date or 1700000000, zone_minutes = 0, entropy = core.sha256("mail " .. count),
      message_id_host = given.host or "example.com",
    }
    for name, value in pairs(fixed) do
      if fields[name] == nil then
        fields[name] = value
      end
    end
  end
end

---A clock that only moves when it is slept on: hours of retries are over at once.
---
---Example:
---```lua
---local clock = testing.clock()
---local mailer = ettsumailer.mailer { via = outbox, retry = true, clock = clock }
---```
---@return ettsumailer.clock clock  its `time` is the moment, in seconds
function M.clock()
  local clock = { time = 0 }
  function clock.now()
    return clock.time
  end
  function clock.sleep(seconds)
    clock.time = clock.time + seconds
  end
  return clock
end

return M
