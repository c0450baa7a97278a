-- Content that is no string: files, open files, functions, LTN12 sources.
-- Why: what can be read again can be sent again; what cannot has to say so before it is sent.
-- Not: reading it (chunks.lua).

local errors = require "ettsumailer.errors"

local error, getmetatable, io, ipairs = error, getmetatable, io, ipairs
local setmetatable, tostring, type = setmetatable, tostring, type
local min = math.min

local M = {}

local BLOCK = 65536

---Exactly one of path, content and source says where content comes from.
--- path     a file; opened for a look at once, and read each time the message is read
--- content  a string; an open file, read from where it stands now, as often as it can seek; or a
---          function, also an LTN12 source, that returns the next string, nil at the end, or nil
---          and why it failed. Such a function can be read only once
--- source   a function that returns such a function: called each time the message is read
--- size     octets that content or source will give; without it the size of the message is unknown
M.FIELDS = require "ettsumailer.message.source_fields"

---Where content comes from. `open` returns a function as above, or nil and why not.
---@class ettsumailer.source
---@field label string    what it is of, for messages
---@field size integer?   octets, where known
---@field skip integer    octets in front that are not wanted
---@field once boolean    it can be read only once
local Source = {}
Source.__index = Source

-- One call gives the next block of an open file; more readers than one may use it in turn.
local function blocks_of(file, at, size)
  local stop = size and at + size
  return function()
    if io.type(file) ~= "file" then
      return nil, "the file was closed"
    end
    local ok, why = file:seek("set", at)
    if not ok then
      return nil, why
    end
    local block
    block, why = file:read(stop and min(BLOCK, stop - at + 1) or BLOCK)
    at = at + (block and #block or 0)
    return block, why
  end
end

local function open_path(self)
  local file, why = io.open(self.path, "rb")
  if not file then
    return nil, why
  end
  return function()
    local block, problem = file:read(BLOCK)
    if not block then
      file:close()
    end
    return block, problem
  end
end

local function open_file(self)
  if io.type(self.file) ~= "file" then
    return nil, "the file was closed"
  end
  return blocks_of(self.file, self.start, self.size)
end

-- Not read before the first call, so that what was only opened can be opened again.
local function open_once(self)
  if self.is_used then
    return nil, "it was read already, and can be read only once (give `source` to read it again)"
  end
  local is_mine = false
  return function()
    if self.is_used and not is_mine then
      return nil, "another reader has begun it, and it can be read only once"
    end
    self.is_used, is_mine = true, true
    return self.next_chunk()
  end
end

local function open_again(self)
  local next_chunk, why = self.start_over()
  if type(next_chunk) ~= "function" then
    return nil, why and tostring(why) or "source did not return a function"
  end
  return next_chunk
end

-- A file that cannot seek (a pipe) is read once, like a function.
local function of_file(file, label, size)
  local start = file:seek "cur"
  local stop = start and file:seek "end"
  if not stop or not file:seek("set", start) then
    return {
      label = label, size = size, once = true, open = open_once,
      next_chunk = function() return file:read(BLOCK) end,
    }
  end
  local _, why = file:read(0)
  if why then
    return errors.refuse("SOURCE", ("%s: %s"):format(label, why))
  end
  return {
    label = label, file = file, start = start, size = size or stop - start, open = open_file,
  }
end

local function new_source(given, label)
  if given.path then
    return { label = label, path = given.path, open = open_path }
  elseif given.source then
    return { label = label, size = given.size, start_over = given.source, open = open_again }
  elseif type(given.content) == "function" then
    return {
      label = label, size = given.size, next_chunk = given.content, once = true, open = open_once,
    }
  end
  return of_file(given.content, label, given.size)
end

---The source that a caller's table names; its content is no string.
---@param given table    of M.FIELDS
---@param label string   what it is of: "attachments[1]"
---@return ettsumailer.source?
---@return ettsumailer.error?
function M.of(given, label)
  if given.size and given.size < 0 then
    return errors.refuse("CONFIG", label .. ": size is below 0")
  end
  local source, err = new_source(given, label)
  if not source then
    return nil, err
  end
  source.skip = 0
  return setmetatable(source, Source)
end

---Raises unless exactly one of path, content and source is given.
---@param what string     for the message
---@param given table
---@param level integer   as of `error`, seen from the caller
function M.check(what, given, level)
  local count = 0
  for _, name in ipairs { "path", "content", "source" } do
    count = count + (given[name] ~= nil and 1 or 0)
  end
  if count ~= 1 then
    error(what .. ": exactly one of path, content and source must be given", level + 1)
  elseif io.type(given.content) == "closed file" then
    error(what .. ": the file given as content is closed", level + 1)
  elseif given.size and (given.path or type(given.content) == "string") then
    error(what .. ": size is known by itself, it must not be given", level + 1)
  end
end

---@param value any
---@return boolean is_source  true for what M.of made
function M.is(value)
  return getmetatable(value) == Source
end

return M
