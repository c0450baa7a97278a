-- Files that many messages have in common, read once.
-- Why: a million letters with one attachment do not read it a million times.
-- Not: encoding it: the core does that while it is sent, at a millisecond a megabyte.

local core = require "ettsumailer.core"
local errors = require "ettsumailer.errors"
local options = require "ettsumailer.options"
local source_of = require "ettsumailer.message.source"
local world = require "ettsumailer.world"

local concat = table.concat
local error, io, ipairs, tostring, type = error, io, ipairs, tostring, type

local M = {}

-- Octets that are kept of all files; those beyond are read from their paths each time.
local ROOM = 32 * 1024 * 1024
local BLOCK = 65536

-- A longer file is not kept in nginx: to put its blocks together would keep the worker waiting.
local MOST_IN_NGINX = 1024 * 1024

local function refuse(label, why)
  return errors.refuse("SOURCE", ("%s: %s"):format(label, why))
end

-- All that a function gives; it may yield.
local function read(next_chunk, label, room)
  local pieces, size, work = {}, 0, world.work()
  local chunk, why = next_chunk()
  while chunk do
    if type(chunk) ~= "string" then
      return refuse(label, ("it gave a %s where a string was due"):format(type(chunk)))
    end
    size = size + #chunk
    if size > room then
      return refuse(label, "too large to be kept: give its path")
    end
    pieces[#pieces + 1] = chunk
    if work then
      work:done(#chunk)
    end
    chunk, why = next_chunk()
  end
  if why ~= nil then
    return refuse(label, tostring(why))
  end
  return concat(pieces)
end

-- The content of a file; false where it is too large to be kept; or nil, err.
local function read_path(path, label, room)
  local size, _, why = core.file_size(path)
  if not size then
    return refuse(label, why)
  elseif size > room or world.is_nginx and size > MOST_IN_NGINX then
    return false
  end
  local file
  file, why = io.open(path, "rb")
  if not file then
    return refuse(label, why)
  end
  local content, err = read(function() return file:read(BLOCK) end, label, room)
  file:close()
  return content, err
end

-- What a file has in it, as a string; false where it is left to be read each time; or nil, err.
local function content_of(given, label, room)
  local content = given.content
  if type(content) == "string" then
    return content
  elseif given.path then
    return read_path(given.path, label, room)
  elseif given.source then
    return false
  elseif type(content) == "function" then
    return read(content, label, room)
  end
  return read(function() return content:read(BLOCK) end, label, room)
end

-- A file as it is shared, and the octets that are kept of it.
local function shared(given, label, room)
  local content, err = content_of(given, label, room)
  if not content then
    return content == false and given or nil, err or 0
  end
  local made = options.merge(given, { content = content, filename = given.filename or given.path })
  made.path, made.size = nil, nil
  return made, #content
end

local function check(file, label, level)
  if type(file) ~= "table" then
    error(("merge: %s must be a path or a table"):format(label), level + 1)
  end
  source_of.check("merge: " .. label, file, level + 1)
end

---Fields of a message whose attachments and inline images can be in many messages.
---@param given table     fields of a message
---@param level integer   as of `error`
---@return table? fields  given is not changed
---@return ettsumailer.error?  SOURCE: a file cannot be read
function M.of(given, level)
  local made, room = options.merge(given), ROOM
  for _, field in ipairs { "attachments", "inline" } do
    local list = {}
    for i, file in ipairs(given[field] or {}) do
      local label = ("%s[%d]"):format(field, i)
      file = type(file) == "string" and { path = file } or file
      check(file, label, level + 1)
      local taken
      list[i], taken = shared(file, label, room)
      if not list[i] then
        return nil, taken
      end
      room = room - taken
    end
    made[field] = given[field] and list
  end
  return made
end

return M
