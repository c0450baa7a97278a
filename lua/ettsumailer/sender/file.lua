-- Puts each message into a folder: a file NAME.eml, or a Maildir.
-- Why: to look at mail before it is sent for real, and to hand it to programs that read folders.
-- Not: sending; the envelope's recipients are in the result only.
--
-- A message is written beside its place and renamed: it is there whole or not at all.

local common = require "ettsumailer.sender.common"
local core = require "ettsumailer.core"
local errors = require "ettsumailer.errors"

local io, ipairs, os, setmetatable, tostring = io, ipairs, os, setmetatable, tostring

local M = {}

local File = {}
File.__index = File

---@param settings table  folder: where the messages go, made where it is missing; maildir: true: it
---  is a Maildir, with LF line ends and the folders tmp, new and cur
---@return table? sender
---@return ettsumailer.error? CONFIG: there is no such folder, and it cannot be made
function M.new(settings)
  local folder = settings.folder
  if not folder or folder == "" then
    return errors.refuse("CONFIG", 'folder is missing: via = "file" wants to know where to')
  elseif folder:find("\0", 1, true) then
    return errors.refuse("CONFIG", "there is a NUL in the folder's path")
  end
  local self = setmetatable({ folder = folder, is_maildir = settings.maildir, count = 0 }, File)
  local about, err = self:verify()
  if not about then
    return nil, err
  end
  return self
end

---Makes the folder where it is missing.
---@return table? about { folder }
---@return ettsumailer.error?
function File:verify()
  local folders = { self.folder }
  if self.is_maildir then
    folders = { self.folder, self.folder .. "/tmp", self.folder .. "/new", self.folder .. "/cur" }
  end
  for _, folder in ipairs(folders) do
    local ok, _, why = core.make_folder(folder)
    if not ok then
      return errors.refuse("CONFIG", why)
    end
  end
  return { folder = self.folder }
end

local function hex(bytes)
  return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

-- A name that no other message has: the moment, the process, a count, chance, the host.
local function unique_name(self)
  self.count = self.count + 1
  local host = core.host_name():gsub("[^%w.-]", "_")
  return ("%d.P%dQ%dR%s.%s"):format(os.time(), core.process_id(), self.count, hex(core.random(8)),
    host)
end

-- Where a message is written, and where it is to be.
local function places(self)
  local name = unique_name(self)
  if self.is_maildir then
    return self.folder .. "/tmp/" .. name, self.folder .. "/new/" .. name
  end
  local path = ("%s/%s.eml"):format(self.folder, name)
  return path .. ".tmp", path
end

local function fill(self, file, message)
  local change = self.is_maildir and common.with_lf
  return common.copy(message, function(piece)
    local ok, why = file:write(change and change(piece) or piece)
    return ok, not ok and errors.new { code = "CONFIG", stage = "check", text = tostring(why) }
  end)
end

-- Returns the octets; or nil and an error.
local function write(self, message, path)
  local file, why = io.open(path, "wb")
  if not file then
    return errors.refuse("CONFIG", "cannot write " .. tostring(why))
  end
  local size, err = fill(self, file, message)
  local closed
  closed, why = file:close()
  if size and not closed then
    return errors.refuse("CONFIG", ("cannot write %s: %s"):format(path, tostring(why)))
  end
  return size, err
end

function File:send(message, envelope)
  local beside, path = places(self)
  local size, err = write(self, message, beside)
  if size then
    local ok, why = os.rename(beside, path)
    if ok then
      return common.accepted(message, envelope, { response = path, sent = size })
    end
    err = errors.new { code = "CONFIG", stage = "check", text = tostring(why) }
  end
  os.remove(beside)
  return common.failed(envelope, err)
end

return M
