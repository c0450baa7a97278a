-- Templates in files: "order.html" and "order.txt" are one message, with a head; and partials.
-- Why: what is read, from where, and what a name may be, is said in one place.
-- Not: what the texts mean (mail.lua).

local errors = require "ettsumailer.errors"
local front_matter = require "ettsumailer.template.front_matter"
local mail = require "ettsumailer.template.mail"
local partials_of = require "ettsumailer.template.partials"

local io, ipairs = io, ipairs

local M = {}

local SIZE_MAX = 4 * 1024 * 1024
local NOT_THERE = 2 -- ENOENT

local PARTS = { { "text", ".txt" }, { "html", ".html" } }

local function refuse(path, why)
  return errors.refuse("SOURCE", ("%s: %s"):format(path, why))
end

-- The octets of a file, without a byte order mark; nil alone when there is none; or nil, err.
local function read(path)
  local file, why, number = io.open(path, "rb")
  if not file then
    if number == NOT_THERE then
      return nil
    end
    return refuse(path, "cannot be read: " .. (why:match ": ([^:]*)$" or why))
  end
  local text, problem = file:read(SIZE_MAX + 1)
  file:close()
  if problem then
    return refuse(path, "cannot be read: " .. problem)
  elseif text and #text > SIZE_MAX then
    return refuse(path, "more octets than a template may have")
  end
  return ((text or ""):gsub("^\239\187\191", ""))
end

-- Names of partials may come from data: they never lead out of the folder.
local function is_name(name)
  if #name > 255 or name:find "[%c\\:]" then
    return false
  end
  for part in (name .. "/"):gmatch "([^/]*)/" do
    if part == "" or part:find "^%." then
      return false
    end
  end
  return true
end

-- The function that finds the partials of a part: NAME.html (or .txt), or NAME.mustache.
local function finder(folder, extension, own)
  return function(name)
    local text, err = own(name)
    if text ~= nil or err ~= nil then
      return text, err
    elseif not is_name(name) then
      return nil, ("'%s' is no name of a partial"):format((name:gsub("%c", "?")))
    end
    for _, ending in ipairs { extension, ".mustache" } do
      text, err = read(("%s/%s%s"):format(folder, name, ending))
      if text or err then
        return text, err
      end
    end
  end
end

local function partials_for(given, extension)
  return partials_of.new {
    find = finder(given.folder, extension, partials_of.finder(given.partials)),
    is_strict = given.strict,
    label = function(name) return ("%s/%s%s"):format(given.folder, name, extension) end,
  }
end

-- Adds what a part's file has, if there is one. Returns true; or nil, err.
local function add_part(found, given, name, path, extension)
  local text, err = read(path)
  if not text then
    return not err or nil, err
  end
  local head
  head, err = front_matter.read(path, text)
  if not head then
    return nil, err
  end
  for _, item in ipairs(head.values) do
    found.values[#found.values + 1] = item
  end
  found[name] = {
    text = head.text, file = path, line = head.line, max_size = given.max_size,
    partials = partials_for(given, extension),
  }
  return true
end

-- The files that a path means: itself, where it has one of the endings; else one of each.
local function files_of(base)
  local both = {}
  for _, part in ipairs(PARTS) do
    local name, extension = part[1], part[2]
    if base:sub(-#extension) == extension then
      return { { name, base, extension } }
    end
    both[#both + 1] = { name, base .. extension, extension }
  end
  return both
end

local function folder_of(path)
  local folder = path:match "^(.*)/[^/]*$"
  return folder == "" and "/" or folder or "."
end

---Reads the files of a message's template and compiles them.
---@param path string   a path, or a name in the folder; without an ending: .txt and .html
---@param given table   folder, partials, strict, max_size
---@return ettsumailer.template.mail?
---@return ettsumailer.error?
function M.load(path, given)
  if path:find("\0", 1, true) then
    return refuse("template", "there is a NUL in the path")
  end
  local base = given.folder and ("%s/%s"):format(given.folder, path) or path
  local how = {
    folder = given.folder or folder_of(path), partials = given.partials,
    strict = given.strict ~= false, max_size = given.max_size,
  }
  local found = { values = {}, partials = partials_for(how, ".txt") }
  for _, file in ipairs(files_of(base)) do
    local ok, err = add_part(found, how, file[1], file[2], file[3])
    if not ok then
      return nil, err
    end
  end
  if not found.text and not found.html then
    return refuse(base, "there is no such template (.txt or .html)")
  end
  return mail.new(found)
end

return M
