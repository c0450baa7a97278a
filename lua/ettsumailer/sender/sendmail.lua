-- Hands each message to a program that takes mail as sendmail does: Postfix's, Exim's, msmtp ...
-- Why: a machine that has one queues mail by itself, and needs no server's name here.
-- Not: a shell. The program is called with a list of arguments, the recipients behind "--".

local common = require "ettsumailer.sender.common"
local core = require "ettsumailer.core"
local errors = require "ettsumailer.errors"
local scheduler = require "ettsumailer.scheduler"
local world = require "ettsumailer.world"

local ipairs, setmetatable, type = ipairs, setmetatable, type
local concat, min = table.concat, math.min

local M = {}

local PROGRAM = "/usr/sbin/sendmail"
local RECIPIENTS = 1000     -- that one call takes
local SECONDS = 600         -- for one call, where the mailer has no timeout
local END_SECONDS = 10      -- from a kill to the end of it
local SLICE_MS = 1000
local WORDS = 2000          -- octets kept of what it says

local NOT_IN_NGINX = 'sendmail is not for nginx, which takes the exit status of every program: '
  .. 'name the server that the program hands mail to, such as host = "localhost", port = 25'

local Sendmail = {}
Sendmail.__index = Sendmail

---@param settings table  program: the path of it, /usr/sbin/sendmail where absent; arguments: a
---  list of more of them, in front of ours; loop: as of event_loop.lua
---@return table? sender
---@return ettsumailer.error? CONFIG
function M.new(settings)
  if world.is_nginx then
    return errors.refuse("CONFIG", NOT_IN_NGINX)
  end
  for _, argument in ipairs(settings.arguments or {}) do
    if type(argument) ~= "string" or argument:find("\0", 1, true) then
      return errors.refuse("CONFIG", "arguments must be strings without a NUL")
    end
  end
  local program = settings.program or PROGRAM
  if program == "" or program:find("\0", 1, true) then
    return errors.refuse("CONFIG", "program is empty, or has a NUL in it")
  end
  return setmetatable({
    program = program, arguments = settings.arguments or {}, loop = settings.loop,
  }, Sendmail)
end

-- The path of an address as an argument. One that looks like an option is refused: what a program
-- makes of it is anybody's guess.
local function argument_of(recipient)
  local path, code, why = recipient:path(true)
  if not path then
    return errors.refuse(code, why)
  elseif path:find "^%-" then
    return errors.refuse("ADDRESS", path .. ": sendmail would take it for an option")
  end
  return path
end

-- The program and its arguments; or nil and an error.
local function command_of(self, envelope)
  local sender, err = "<>", nil
  if envelope.from ~= "" then
    sender, err = argument_of(envelope.from)
  end
  if not sender then
    return nil, err
  elseif #envelope.to > RECIPIENTS then
    return errors.refuse("ADDRESS", ("more than %d recipients: sendmail takes no more at a time")
      :format(RECIPIENTS))
  end
  local command = { self.program }
  for _, list in ipairs { self.arguments, { "-i", "-f", sender, "--" } } do
    for _, argument in ipairs(list) do
      command[#command + 1] = argument
    end
  end
  for _, recipient in ipairs(envelope.to) do
    command[#command + 1], err = argument_of(recipient)
    if err then
      return nil, err
    end
  end
  return command
end

-- One call of the program.
local Call = {}
Call.__index = Call

-- Keeps the first of what it says.
function Call:keep(bytes)
  if self.size < WORDS then
    self.words[#self.words + 1] = bytes
    self.size = self.size + #bytes
  end
end

-- Takes in what it says, without waiting.
function Call:listen()
  for _, read in ipairs { self.process.read_errors, self.process.read } do
    local bytes, code
    repeat
      bytes, code = read(self.process, 4096)
      if bytes then
        self:keep(bytes)
      end
    until not bytes
    self.is_mute = code ~= "WAIT" -- of its output, which is read last
  end
end

-- Waits until it takes more, or says something.
function Call:wait_to_write()
  local items = { { self.process, "w" }, not self.is_mute and { self.process, "r" } or nil }
  scheduler.poll(items, min(self.deadline, core.clock() + SLICE_MS), self.loop)
  self:listen()
end

-- What it said, as one line.
function Call:said()
  local text = concat(self.words):sub(1, WORDS):gsub("[%z\1-\31\127]+", " ")
  return (text:gsub("^ +", ""):gsub(" +$", ""))
end

-- Writes all of it. Returns true; or nil and a code.
function Call:write(bytes)
  local at, process = 1, self.process
  while at <= #bytes do
    local n, code, text = process:write(bytes, at)
    if n then
      at = at + n
    elseif code ~= "WAIT" then
      return nil, code, text
    elseif core.clock() >= self.deadline then
      return nil, "TIMEOUT", "the program takes no more"
    else
      self:wait_to_write()
    end
  end
  return true
end

-- Waits for its end. Returns its exit status or -1 and a signal; or nil, code.
function Call:wait(deadline)
  local pause = 1
  while true do
    self:listen()
    local status, signal, text = self.process:wait()
    if status then
      self:listen()
      return status, signal
    elseif signal ~= "WAIT" then
      return nil, signal, text
    elseif core.clock() >= deadline then
      return nil, "TIMEOUT", "the program did not end"
    end
    scheduler.sleep(min(deadline, core.clock() + pause), self.loop)
    pause = min(50, pause * 2)
  end
end

-- Ends it before it sees an end of its input, which it would take for that of the message.
function Call:kill()
  self.process:kill "KILL"
  self:wait(core.clock() + END_SECONDS * 1000)
  self.process:close()
end

-- Exit statuses (sysexits.h): code, temporary.
local STATUSES = {
  [64] = { "CONFIG", false }, [65] = { "REJECTED", false }, [66] = { "CONFIG", false },
  [67] = { "REJECTED", false }, [68] = { "REJECTED", false }, [69] = { "REJECTED", false },
  [70] = { "REJECTED", true }, [71] = { "REJECTED", true }, [72] = { "CONFIG", false },
  [73] = { "REJECTED", true }, [74] = { "REJECTED", true }, [75] = { "REJECTED", true },
  [76] = { "REJECTED", true }, [77] = { "CONFIG", false }, [78] = { "CONFIG", false },
}

local function error_of(code, text, temporary)
  return errors.new { code = code, stage = "sendmail", text = text, temporary = temporary }
end

-- It was refused, as an exit status tells.
local function refused(envelope, status, said)
  local known = STATUSES[status] or { "REJECTED", false }
  local text = said ~= "" and said or ("exit status %d"):format(status)
  return common.refused(envelope, error_of(known[1], text, known[2]))
end

-- It ended in a way that tells nothing.
local function broken(envelope, status, signal, is_whole)
  if status == 0 then
    local text = "it ended well without having read the whole message"
    return common.failed(envelope, error_of("CLOSED", text), "unknown")
  end
  local text = ("signal %d ended it"):format(signal)
  return common.failed(envelope, error_of("CLOSED", text), is_whole and "unknown" or "not_sent")
end

-- What its end means, all of the message having been handed over, or not (sent is nil).
local function conclude(call, message, envelope, sent)
  local status, signal, text = call:wait(call.deadline)
  local said = call:said()
  if not status then
    call:kill()
    return common.failed(envelope, error_of(signal, text), "unknown")
  end
  call.process:close()
  if status > 0 then
    return refused(envelope, status, said)
  elseif status < 0 or not sent then
    return broken(envelope, status, signal, sent ~= nil)
  end
  local response = said ~= "" and said or "taken by " .. call.program
  return common.accepted(message, envelope, { response = response, sent = sent })
end

local function start(self, command, deadline)
  local process, _, text = core.spawn(command, "errors")
  if not process then
    return errors.refuse("CONFIG", ("%s: %s"):format(self.program, text))
  end
  return setmetatable({
    process = process, program = self.program, loop = self.loop, words = {}, size = 0,
    deadline = deadline or core.clock() + SECONDS * 1000,
  }, Call)
end

-- Hands the message over. Returns the octets; or nil and an error, and whether it stopped reading.
local function hand_over(call, message)
  local sent, has_stopped = 0, false
  local size, err = common.copy(message, function(piece)
    piece = common.with_lf(piece)
    sent = sent + #piece
    local ok, code, text = call:write(piece)
    has_stopped = code == "CLOSED"
    return ok, not ok and error_of(code, text or "")
  end)
  return size and sent, err, has_stopped
end

function Sendmail:send(message, envelope, how)
  local command, err = command_of(self, envelope)
  local call
  if command then
    call, err = start(self, command, how.deadline)
  end
  if not call then
    return common.failed(envelope, err)
  end
  local sent, has_stopped
  sent, err, has_stopped = hand_over(call, message)
  if not sent and not has_stopped then
    call:kill()
    return common.failed(envelope, err)
  end
  call.process:close_input()
  return conclude(call, message, envelope, sent)
end

---Whether the program can be run, as far as that can be told without running it.
---@return table? about { program }
---@return ettsumailer.error? CONFIG
function Sendmail:verify()
  if not self.program:find("/", 1, true) then
    return { program = self.program }
  end
  local size, _, why = core.file_size(self.program)
  if not size then
    return errors.refuse("CONFIG", why)
  end
  return { program = self.program }
end

return M
