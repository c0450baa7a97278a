-- The testing server in a child process, told and asked over the pipes of its standard streams.
-- Why: a blocking send in the same script works, as nothing of the server runs there.
-- Not: the server itself (server.lua), nor how values become bytes (data.lua).
--
-- A message in either direction is a line, an octet 1 and the number of octets that follow it. The
-- child answers each message with one of its own, and ends when its input does. What else there is
-- on its standard output is passed over.

local core = require "ettsumailer.core"
local data = require "ettsumailer.testing.data"

local error, ipairs, pcall, rawget, setmetatable = error, ipairs, pcall, rawget, setmetatable
local tonumber, type = tonumber, type
local insert, concat = table.insert, table.concat
local io, os = io, os

local M = {}

local START_SECONDS = 20
local ANSWER_SECONDS = 20
local END_SECONDS = 5

local function framed(value)
  local bytes = data.encode(value)
  return "\1" .. #bytes .. "\n" .. bytes
end

local function after(seconds)
  return core.clock() + seconds * 1000
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
  server.replies, server.asked = replies or {}, {}
  return true
end

-- Waits for more of what the other side writes. self: { process, input }, at either end.
local function more(self, deadline)
  local bytes, code
  repeat
    bytes, code = nil, nil
    if core.wait(self.process, "r", deadline) then
      bytes, code = self.process:read(65536)
    end
  until code ~= "WAIT"
  return bytes
end

-- What has come, up to where a message begins and its size is known.
local function read_size(self, deadline)
  local size, rest = self.input:match "\1(%d+)\n(.*)$"
  while not size do
    local bytes = more(self, deadline)
    if not bytes then
      return nil
    end
    self.input = self.input .. bytes
    size, rest = self.input:match "\1(%d+)\n(.*)$"
  end
  return tonumber(size), rest
end

-- One message, as { value }.
local function hear(self, seconds)
  local deadline = after(seconds)
  local size, rest = read_size(self, deadline)
  if not size then
    return nil
  end
  local pieces, have = { rest }, #rest
  while have < size do
    local bytes = more(self, deadline)
    if not bytes then
      return nil
    end
    insert(pieces, bytes)
    have = have + #bytes
  end
  local bytes = concat(pieces)
  self.input = bytes:sub(size + 1)
  return { data.decode(bytes:sub(1, size)) }
end

local function write_message(value)
  io.write(framed(value))
  io.flush()
end

-- Options to a server, or the reason why there is none.
local function make_server(options)
  local server_of = require "ettsumailer.testing.server"
  local ok, server = pcall(server_of.new, options)
  if not ok then
    write_message { problem = server }
    return nil
  end
  write_message { port = server.port, certificate = server.certificate }
  return server
end

-- Answers what the parent asks, if it does. Returns false when it has gone.
local function serve_parent(server, parent)
  if not core.wait(parent.process, "r", 0) then
    return true
  end
  local request = hear(parent, ANSWER_SECONDS)
  if request then
    write_message(ANSWERS[request[1].ask](server, request[1].with))
  end
  return request ~= nil
end

---The child's main: serves until its standard input ends.
function M.serve()
  local parent = { process = core.standard_input(), input = "" }
  local options = hear(parent, START_SECONDS)
  local server = options and make_server(options[1])
  while server and serve_parent(server, parent) do
    server:step(60, { parent.process })
  end
end

---@class ettsumailer.testing.handle
---@field port integer
---@field certificate string? PEM, to be trusted with ca_pem
local Handle = {}
Handle.__index = Handle

local function tell(self, value)
  local bytes, at, deadline = framed(value), 1, after(ANSWER_SECONDS)
  while at <= #bytes do
    local n, code = self.process:write(bytes, at)
    if n then
      at = at + n
    elseif code ~= "WAIT" or not core.wait(self.process, "w", deadline) then
      return nil
    end
  end
  return true
end

local function ask(self, what, with)
  if self.stopped then
    error("this testing server is stopped", 3)
  end
  local answer = tell(self, { ask = what, with = with }) and hear(self, ANSWER_SECONDS)
  if not answer then
    return nil, "CLOSED", "the testing server's process does not answer"
  end
  return answer[1]
end

---The messages that were taken so far.
---
---Example: `print(server:messages()[1].data)`
---@return table[]? { helo, from, to, data, user, tls, path }
---@return string? code
---@return string? text
function Handle:messages()
  return ask(self, "messages")
end

---The dialogue so far: "C: ..." and "S: ..." lines, secrets hidden.
---
---Example: `print(table.concat(server:log(), "\n"))`
---@return string[]?
---@return string? code
---@return string? text
function Handle:log()
  return ask(self, "log")
end

-- Raises for what cannot be handed over, at the level given.
local function check_data(value, level)
  local ok, problem = pcall(data.encode, value)
  if not ok then
    error("testing server: " .. problem, level + 1)
  end
end

---Another script from now on.
---
---Example: `server:set_replies { RCPT = "450 4.2.0 not now" }`
---@param replies table
---@return true?
---@return string? code
---@return string? text
function Handle:set_replies(replies)
  check_data(replies, 2)
  return ask(self, "set_replies", replies)
end

-- Waits for the child's end. Returns false when it is still running then.
local function has_ended(process, seconds)
  local deadline = after(seconds)
  local _, code = process:wait()
  while code == "WAIT" and core.clock() < deadline do
    core.poll({}, core.clock() + 2)
    _, code = process:wait()
  end
  return code ~= "WAIT"
end

---Ends the child. More than once is fine.
---
---Example: `server:stop()`
function Handle:stop()
  if self.stopped then
    return
  end
  self.stopped = true
  self.process:close_input()
  if not has_ended(self.process, END_SECONDS) then
    self.process:kill "KILL"
    has_ended(self.process, END_SECONDS)
  end
  self.process:close()
end

-- The programs that may run the child: the one that is named; the one that runs this script, as it
-- was called; any of this version.
local function interpreters(named)
  local arguments, i = rawget(_G, "arg"), 0
  while type(arguments) == "table" and arguments[i - 1] do
    i = i - 1
  end
  local own = named or i < 0 and arguments[i] or os.getenv "LUA_BIN"
  if own then
    return { own }
  elseif rawget(_G, "jit") then
    return { "luajit" }
  end
  local version = _VERSION:match "%d%.%d"
  return { "lua" .. version, "lua" .. version:gsub("%.", ""), "lua-" .. version, "lua" }
end

local MAIN = "package.path=%q package.cpath=%q require('ettsumailer.testing.child').serve()"

local function spawn(named)
  local script = MAIN:format(package.path, package.cpath)
  local process, code, text
  for _, interpreter in ipairs(interpreters(named)) do
    process, code, text = core.spawn { interpreter, "-e", script }
    if process then
      return process
    end
    text = ("%s: %s (the option interpreter names another)"):format(interpreter, text)
  end
  return nil, code, text
end

---Starts a server in a child process.
---@param options table       see ettsumailer.testing.server's start
---@param interpreter string? the program to run; as this one
---@return ettsumailer.testing.handle?
---@return string? code
---@return string? text
function M.start(options, interpreter)
  check_data(options, 3) -- of server.start's caller
  local process, code, text = spawn(interpreter)
  if not process then
    return nil, code, text
  end
  local self = setmetatable({ process = process, input = "" }, Handle)
  local about = tell(self, options) and hear(self, START_SECONDS)
  about = about and about[1] or { problem = "the testing server's process did not start" }
  if about.problem then
    self:stop()
    return nil, "CONFIG", about.problem
  end
  self.port, self.certificate = about.port, about.certificate
  return self
end

return M
