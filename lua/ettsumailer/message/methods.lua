-- The methods of messages and their readers that ask Lua for content: read and write.
-- Why: a function that gives content may yield, which the core cannot; these loops are plain Lua.
-- Not: sending (drive.lua asks for content in its own loop), nor making messages (message.lua).

local core = require "ettsumailer.core"
local errors = require "ettsumailer.errors"
local reading = require "ettsumailer.message.reading"
local world = require "ettsumailer.world"

local error, io, os, tostring, type = error, io, os, tostring, type

local Reader, Message = core.reader_methods, core.message_methods
local read_core = Reader.read

---The next octets of a message, as they are sent.
---
---Example: `local piece, code, text = reader:read(65536)`
---@param n integer  at most this many, 1 or more; a call gives one block at most
---@return string?   at least one octet; nil at the end, or when its content failed
---@return string?   "DONE", or an error's code
---@return string?   what went wrong
function Reader:read(n)
  local piece, code, text = read_core(self, n)
  while code == "NEED" and reading.supply(self) do
    piece, code, text = read_core(self, n)
  end
  return piece, code, text
end

local function cannot_write(path, why)
  return errors.refuse("CONFIG", ("cannot write %s: %s"):format(path, tostring(why)))
end

-- Returns true; or nil and an error.
local function copy(reader, file, path)
  local work = world.work()
  local piece, code, text = reader:read(65536)
  while piece do
    local ok, why = file:write(piece)
    if not ok then
      return cannot_write(path, why)
    end
    if work then
      work:done(#piece)
    end
    piece, code, text = reader:read(65536)
  end
  if code ~= "DONE" then
    return errors.refuse(code, text)
  end
  return true
end

-- Writes the file beside its place. Returns true; or nil and an error.
local function write_beside(message, beside, path)
  local reader, err = reading.open(message)
  if not reader then
    return nil, err
  end
  local file, why = io.open(beside, "wb")
  if not file then
    reader:close()
    return cannot_write(path, why)
  end
  local ok
  ok, err = copy(reader, file, path)
  reader:close()
  local closed
  closed, why = file:close()
  if ok and not closed then
    return cannot_write(path, why)
  end
  return ok, err
end

local function random_name(path)
  local bytes = core.random(8)
  return path .. "." .. bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end) .. ".tmp"
end

---Writes the message into a file, with CRLF line ends, as it is sent. The file is there whole or
---not at all: it is written beside its place, and renamed.
---
---Example: `assert(message:write "copy.eml")`
---@param path string
---@return true?
---@return ettsumailer.error?  CONFIG: the file cannot be written; SOURCE: content failed
function Message:write(path)
  if not self:is_sealed() then
    error("the message is not sealed", 2)
  elseif type(path) ~= "string" then
    error(("bad argument #1 to 'write' (a string expected, got %s)"):format(type(path)), 2)
  elseif path:find("\0", 1, true) then
    return cannot_write("the message", "there is a NUL in the path")
  end
  local beside = random_name(path)
  local ok, err = write_beside(self, beside, path)
  local why
  if ok then
    ok, why = os.rename(beside, path)
    if ok then
      return true
    end
    ok, err = cannot_write(path, why)
  end
  os.remove(beside)
  return ok, err
end

return core
