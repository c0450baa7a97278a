-- The testing server in a child process, told and asked over a connection of their own.
-- Why: a blocking send in the same script works, as nothing of the server runs there.
-- Not: the server itself (server.lua).
--
-- A message in either direction is a line with the number of its octets, and so many octets of Lua
-- text that returns the value. The child ends when the connection does.

local core = require "ettsumailer.core"

local assert, error, next, setmetatable = assert, error, next, setmetatable
local tonumber, tostring, type = tonumber, tostring, type
local insert, concat = table.insert, table.concat
local load_text = loadstring or load -- luacheck: std lua51+lua54

local M = {}

local ANSWER_SECONDS = 20

local function scalar(value)
  if type(value) == "string" then
    return (("%q"):format(value):gsub("\r", "\\13"):gsub("\n", "n"):gsub("%z", "\\000"))
  elseif type(value) == "number" or type(value) == "boolean" or value == nil then
    return tostring(value)
  end
  error("a " .. type(value) .. " cannot be handed to another process", 0)
end

-- Lua text of a value of strings, numbers, booleans and tables of them.
local function serialized(value)
  if type(value) ~= "table" then
    return scalar(value)
  end
  local words = {}
  for key, item in next, value do
    insert(words, "[" .. scalar(key) .. "]=" .. serialized(item))
  end
  return "{" .. concat(words, ",") .. "}"
end

local function soon()
  return core.clock() + ANSWER_SECONDS * 1000
end

-- The two ends speak the same way.
local Line = {}
Line.__index = Line

local function line_of(socket)
  return setmetatable({ socket = socket, input = "" }, Line)
end

function Line:send(value)
  local text = "return " .. serialized(value)
  local bytes, at = #text .. "\n" .. text, 1
  while at <= #bytes do
    local n, code = self.socket:send(bytes, at)
    if n then
      at = at + n
    elseif code ~= "WAIT" or not core.wait(self.socket, "w", soon()) then
      return nil
    end
  end
  return true
end

-- The next message that is whole, as { value }, or nil.
function Line:next()
  local size, rest = self.input:match "^(%d+)\n(.*)$"
  size = tonumber(size)
  if not size or #rest < size then
    return nil
  end
  self.input = rest:sub(size + 1)
  return { assert(load_text(rest:sub(1, size)))() }
end

-- Takes what has come. Returns false at the end.
function Line:take()
  local bytes, code = self.socket:receive(65536)
  self.input = self.input .. (bytes or "")
  return bytes ~= nil or code == "WAIT"
end

function Line:receive(seconds)
  local deadline = core.clock() + seconds * 1000
  local message = self:next()
  while not message do
    if not core.wait(self.socket, "r", deadline) or not self:take() then
      return nil
    end
    message = self:next()
  end
  return message[1]
end

-- What the child answers.
local ANSWERS = {}

function ANSWERS.messages(server)
  return server.messages
end

function ANSWERS.log(server)
  return server.log
end

function ANSWERS.set_replies(server, replies)
  server.replies, server.asked = replies, {}
  return true
end

---The child's main: connects back, and serves until the connection ends.
---@param port integer of the parent
function M.serve(port)
  local socket = assert(core.connect("127.0.0.1", port))
  assert(core.wait(socket, "w", soon()))
  local line = line_of(socket)
  local server = require("ettsumailer.testing.server").new(line:receive(ANSWER_SECONDS))
  line:send { port = server.port, certificate = server.certificate }
  local is_open = true
  while is_open do
    server:step(60, { socket })
    is_open = line:take()
    local request = line:next()
    while request do
      line:send(ANSWERS[request[1].ask](server, request[1].with))
      request = line:next()
    end
  end
  server:close()
end

---@class ettsumailer.testing.handle
---@field port integer
---@field certificate string? PEM, to be trusted with ca_pem
local Handle = {}
Handle.__index = Handle

local function ask(self, what, with)
  if self.stopped then
    error("this testing server is stopped", 3)
  end
  self.line:send { ask = what, with = with }
  return self.line:receive(ANSWER_SECONDS)
end

---The messages that were taken so far.
---@return table[] { helo, from, to, data, user, tls, path }
function Handle:messages()
  return ask(self, "messages")
end

---The dialogue so far: "C: ..." and "S: ..." lines, secrets hidden.
---@return string[]
function Handle:log()
  return ask(self, "log")
end

---Another script from now on.
---@param replies table
function Handle:set_replies(replies)
  return ask(self, "set_replies", replies)
end

---Ends the child. More than once is fine.
function Handle:stop()
  if self.stopped then
    return
  end
  self.stopped = true
  self.line.socket:close()
  local deadline = core.clock() + 5000
  while self.process:wait() == nil do
    if core.clock() > deadline then
      self.process:kill()
    end
    core.poll({}, core.clock() + 5)
  end
  self.process:close()
end

-- The program that runs this script, as it was called.
local function this_interpreter()
  local arguments, i = rawget(_G, "arg"), 0
  while type(arguments) == "table" and arguments[i - 1] do
    i = i - 1
  end
  return i < 0 and arguments[i] or "lua"
end

local function spawn(interpreter, port)
  local main = "package.path=%q package.cpath=%q require('ettsumailer.testing.child').serve(%d)"
  local script = main:format(package.path, package.cpath, port)
  return core.spawn { interpreter or this_interpreter(), "-e", script }
end

-- Waits for the child to call back.
local function accept(listener, process)
  local deadline = soon()
  while core.clock() < deadline and process:wait() == nil do
    local socket = core.wait(listener, "r", core.clock() + 100) and listener:accept()
    if socket then
      return socket
    end
  end
end

---Starts a server in a child process.
---@param options table       see ettsumailer.testing.server's start
---@param interpreter string? the program to run; as this one
---@return ettsumailer.testing.handle?
---@return string? code
---@return string? text
function M.start(options, interpreter)
  serialized(options) -- raises for what cannot be handed over, before there is a child
  local listener = assert(core.listen("127.0.0.1", 0))
  local _, port = listener:local_address()
  local process, code, text = spawn(interpreter, port)
  local socket = process and accept(listener, process)
  listener:close()
  if not socket then
    return nil, code or "CONNECT", text or "the server's process did not start"
  end
  local self = setmetatable({ process = process, line = line_of(socket) }, Handle)
  self.line:send(options)
  local about = self.line:receive(ANSWER_SECONDS)
  if not about then
    self:stop()
    return nil, "CONFIG", "the server's process ended: its options are not right"
  end
  self.port, self.certificate = about.port, about.certificate
  return self
end

return M
