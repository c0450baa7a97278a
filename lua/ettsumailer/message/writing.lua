-- A message as a file of its own.
-- Why: the file is there whole or not at all: written beside its place, and renamed.
-- Not: a folder of messages (sender/file.lua).

local core = require "ettsumailer.core"
local errors = require "ettsumailer.errors"
local reading = require "ettsumailer.message.reading"
local world = require "ettsumailer.world"

local io, os, tostring = io, os, tostring

local M = {}

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

---@param message userdata  sealed
---@param path string
---@return true?
---@return ettsumailer.error?
function M.write(message, path)
  local beside = random_name(path)
  local ok, err = write_beside(message, beside, path)
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

return M
