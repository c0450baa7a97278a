-- What a source gives, chunk by chunk: a function, an open file, or whatever else is no string.
-- Why: each chunk is checked as it comes; a source that fails is an error that names it.
-- Not: which sources there are (source.lua), nor whose content it is (reading.lua).

local core = require "ettsumailer.core"
local errors = require "ettsumailer.errors"
local source_of = require "ettsumailer.message.source"
local world = require "ettsumailer.world"

local ipairs, tostring, type = ipairs, tostring, type
local min = math.min

local M = {}

local BLOCK = 65536

-- Opens what is left to be read of a source. Returns a table, or nil and why not.
local function begin(source)
  local next_chunk, why = source:open()
  if not next_chunk then
    return nil, ("%s: %s"):format(source.label, tostring(why))
  end
  return { source = source, next_chunk = next_chunk, skip = source.skip, taken = 0 }
end

local function cut_front(opened, chunk)
  local n = min(opened.skip, #chunk)
  opened.skip = opened.skip - n
  return n > 0 and chunk:sub(n + 1) or chunk
end

-- Why it may not end here, or nothing.
local function problem_at_end(opened, why)
  local size = opened.source.size
  if why ~= nil then
    return tostring(why)
  elseif size and opened.taken < size then
    return ("it ended after %d of %d octets"):format(opened.taken, size)
  end
end

-- Why it cannot go on, or nothing.
local function problem_with(opened, chunk, why)
  local size = opened.source.size
  if chunk == nil then
    return problem_at_end(opened, why)
  elseif type(chunk) ~= "string" then
    return ("it gave a %s where a string was due"):format(type(chunk))
  elseif size and opened.taken + #chunk > size then
    return ("it has more than the %d octets it was said to have"):format(size)
  end
end

-- The next string; nil at the end; or nil and why it failed.
local function pull(opened)
  local chunk, why = opened.next_chunk()
  local problem = problem_with(opened, chunk, why)
  if problem then
    return nil, ("%s: %s"):format(opened.source.label, problem)
  elseif chunk then
    opened.taken = opened.taken + #chunk
    return cut_front(opened, chunk)
  end
end

---Reads a source to its end, from outside of any message. The loop that all this runs in gets its
---turns meanwhile.
---@param source ettsumailer.source
---@param take fun(chunk: string)
---@return true?
---@return ettsumailer.error?
function M.read(source, take)
  local opened, why = begin(source)
  local work, chunk = world.work(), nil
  if opened then
    chunk, why = pull(opened)
  end
  while chunk do
    take(chunk)
    if work then
      work:done(#chunk)
    end
    chunk, why = pull(opened)
  end
  if why then
    return errors.refuse("SOURCE", why)
  end
  return true
end

---Hands a string over in blocks, and gives the loop its turns in between.
---@param text string
---@param start integer  its first octet that counts
---@param take fun(block: string)
function M.in_blocks(text, start, take)
  local work = world.work()
  for at = start, #text, BLOCK do
    take(text:sub(at, at + BLOCK - 1))
    if work then
      work:done(BLOCK)
    end
  end
end

---Looks through the whole content of a source that can be read again.
---@param source ettsumailer.source
---@return userdata? scan   finished, as leaf_file and leaf_source of a message take it
---@return ettsumailer.error?
function M.scan(source)
  local scan = core.scan()
  local ok, err = M.read(source, function(chunk)
    scan:feed(chunk)
  end)
  if not ok then
    return nil, err
  end
  scan:finish()
  return scan
end

---Opens everything that a message reads from elsewhere; files are only looked at.
---@param sources table
---@param paths string[]
---@return table? opened   by source, what it has given
---@return string? why
function M.open_all(sources, paths)
  local opened = {}
  for _, source in ipairs(sources) do
    local why
    if source_of.is(source) then
      opened[source], why = begin(source)
    end
    if why then
      return nil, why
    end
  end
  for _, path in ipairs(paths) do
    local size, _, why = core.file_size(path)
    if not size then
      return nil, why
    end
  end
  return opened
end

-- Of a source, what is open; opens it where it is not.
local function opened_of(opened, source)
  local why
  if not opened[source] then
    opened[source], why = begin(source)
  end
  return opened[source], why
end

---Hands a reader the next chunk that it asks for, or the reason why there is none.
---@param reader userdata
---@param opened table     by source, what it has given; gets what is opened here
---@return boolean is_answered  false for content that is not asked for in Lua
function M.supply(reader, opened)
  local source = reader:source()
  if not source_of.is(source) then
    return false
  end
  local found, why = opened_of(opened, source)
  local chunk
  if found then
    chunk, why = pull(found)
  end
  if why then
    reader:fail(why)
  else
    reader:supply(chunk)
  end
  return true
end

return M
