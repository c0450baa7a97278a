-- The methods of messages and their readers that ask Lua for content: read and write.
-- Why: a function that gives content may yield, which the core cannot; these loops are plain Lua.
-- Not: sending (drive.lua asks for content in its own loop), nor making messages (message.lua).

local core = require "ettsumailer.core"
local errors = require "ettsumailer.errors"
local lazy = require "ettsumailer.lazy"
local reading = require "ettsumailer.message.reading"

local writing = lazy.of "ettsumailer.message.writing"

local error, type = error, type

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
    return errors.refuse("CONFIG", "cannot write the message: there is a NUL in the path")
  end
  local ok, err = writing.write(self, path)
  return ok, err
end

return core
