-- Readers of messages, whose content may be no string.
-- Why: it may come from what waits; so Lua asks for it in plain calls, never the core.
-- Not: asking for it (chunks.lua, read when there is such a content), nor encoding it (the core),
--  nor the bytes of files named by a path (the core reads them).

local core = require "ettsumailer.core"
local errors = require "ettsumailer.errors"
local lazy = require "ettsumailer.lazy"
local world = require "ettsumailer.world"

local chunks = lazy.of "ettsumailer.message.chunks"

local setmetatable = setmetatable
local remove = table.remove

local M = {}

local LONG = 65536 -- octets that the core looks through in one go

-- Readers that were closed, for the next messages.
local closed, CLOSED_KEPT = {}, 8

-- What has been opened for a reader: its sources, with what each has given.
local opened_by = setmetatable({}, { __mode = "k" })

---A reader of a message whose sources are all open, so that what is missing is found before
---anything is sent. One that can be read only once, and was, is missing.
---@param message userdata  sealed
---@return userdata? reader
---@return ettsumailer.error?
function M.open(message)
  local reader = message:reader(remove(closed))
  local sources, paths = message:sources()
  if not sources then
    return reader
  end
  local opened, why = chunks.open_all(sources, paths)
  if not opened then
    M.close(reader)
    return errors.refuse("SOURCE", why)
  end
  opened_by[reader] = opened
  return reader
end

---Closes a reader that nobody else has.
---@param reader userdata
function M.close(reader)
  reader:close()
  opened_by[reader] = nil
  if #closed < CLOSED_KEPT then
    closed[#closed + 1] = reader
  end
end

---Hands a reader the next of the content that it asks for (its read or a session's pump answered
---"NEED"), or the reason why there is none: then it fails. May yield where the source does.
---@param reader userdata
---@return boolean is_answered  false for content that is not asked through this module
function M.supply(reader)
  local opened = opened_by[reader] or {}
  opened_by[reader] = opened
  local is_answered = chunks.supply(reader, opened)
  return is_answered
end

---Looks through a content in blocks, where to do so at once would keep a loop waiting.
---@param text string
---@return userdata? scan  finished; nil: the core may look by itself
function M.scan_long(text)
  if #text <= LONG or not world.has_loop() then
    return nil
  end
  local scan = core.scan()
  chunks.in_blocks(text, 1, function(block)
    scan:feed(block)
  end)
  scan:finish()
  return scan
end

return M
