-- The text of a message that others made: its header section read, its body looked through.
-- Why: what cannot be sent as it stands has to be refused, with the line, before anything is sent.
-- Not: who gets it (ready_message.lua), nor the grammar of a header section (the core).

local core = require "ettsumailer.core"
local errors = require "ettsumailer.errors"
local chunks = require "ettsumailer.message.chunks"
local source_of = require "ettsumailer.message.source"
local world = require "ettsumailer.world"

local ipairs, setmetatable, type = ipairs, setmetatable, type
local concat = table.concat

local M = {}

-- Octets after which the end of the header section is looked for; and where it must have come.
local HEAD_FIRST, HEAD_MOST = 65536, 4 * 1024 * 1024

local function refuse(text)
  return errors.refuse("CONFIG", "raw: " .. text)
end

-- In nginx more than this is not put together: that would keep the worker waiting.
local TOGETHER_IN_NGINX = 1024 * 1024

-- Gives the pieces of a list, one after the other.
local function each_of(pieces)
  local i = 0
  return function()
    i = i + 1
    return pieces[i]
  end
end

-- Everything a source has, read once: one string, or a source that gives it again and again.
local function whole_of(source)
  local pieces, size = {}, 0
  local ok, err = chunks.read(source, function(chunk)
    pieces[#pieces + 1] = chunk
    size = size + #chunk
  end)
  if not ok then
    return nil, err
  elseif world.is_nginx and size > TOGETHER_IN_NGINX then
    return source_of.of({ source = function() return each_of(pieces) end }, "raw")
  end
  return concat(pieces)
end

-- The message in a string, or the source that it can be read from again and again.
local function text_or_source(raw)
  local given = raw
  if type(raw) ~= "table" then
    given = { content = raw }
  end
  if type(given.content) == "string" then
    return given.content
  end
  local source, err = source_of.of(given, "raw")
  if not source then
    return nil, err
  elseif given.path then
    local size, code, why = core.file_size(given.path)
    if not size then
      return errors.refuse(code, "raw: " .. why)
    end
  elseif source.once then
    return whole_of(source)
  end
  return source
end

-- Takes pieces of a message: the first ones until the header section is there, the others only for
-- a look.
local Look = {}
Look.__index = Look

function Look:parse(is_whole)
  local text = concat(self.pieces)
  local fields, start, line = core.read_header(text, is_whole, self.is_strict)
  if fields then
    self.fields, self.start, self.line = fields, start, line
    self.header = text:sub(1, start - 1)
    chunks.in_blocks(text, start, function(block)
      self.scan:feed(block)
    end)
    self.pieces = nil
  elseif start ~= "MORE" then
    self.problem = line
  elseif #text > HEAD_MOST then
    self.problem = "its header section has no end"
  else
    self.pieces, self.next_size = { text }, 2 * #text
  end
end

function Look:take(chunk)
  if self.problem then
    return
  elseif self.fields then
    self.scan:feed(chunk)
    return
  end
  self.pieces[#self.pieces + 1] = chunk
  self.size = self.size + #chunk
  if self.size >= self.next_size then
    self:parse(false)
  end
end

-- All of it, from the string or the source.
function Look:take_all()
  if self.text then
    self.pieces[1] = self.text
  else
    local ok, err = chunks.read(self.source, function(chunk)
      self:take(chunk)
    end)
    if not ok then
      return nil, err
    end
  end
  if not self.fields and not self.problem then
    self:parse(true)
  end
  if self.problem then
    return refuse(self.problem)
  end
  return true
end

---@param look table
---@param name string   in lower case
---@return boolean
function M.has_field(look, name)
  for _, field in ipairs(look.fields) do
    if field.name:lower() == name then
      return true
    end
  end
  return false
end

local function refuse_line(look, number, text)
  return refuse(("line %d: %s"):format(look.line + number - 1, text))
end

local function check_content(look)
  local facts = look.scan:finish()
  if facts.long_line then
    return refuse_line(look, facts.long_line, "it has more than 998 octets, and nothing is encoded")
  elseif facts.nul_line then
    return refuse_line(look, facts.nul_line, "a NUL, which no message may hold")
  elseif look.is_strict and facts.bare_line then
    return refuse_line(look, facts.bare_line, "a line end that is no CRLF")
  elseif facts.high > 0 and not M.has_field(look, "mime-version") then
    return refuse "it is 8-bit without MIME-Version, so that nobody can know its charset"
  end
  return true
end

---What is to be known of a message before it is sent.
---@param raw string|function|table|userdata  as of `raw`
---@param is_strict boolean                   only CRLF ends a line
---@return table? look  text or source; header, fields, line and start of the body; scan
---@return ettsumailer.error?
function M.look(raw, is_strict)
  local found, err = text_or_source(raw)
  if not found then
    return nil, err
  end
  local is_text = type(found) == "string"
  local look = setmetatable({
    text = is_text and found or nil, source = not is_text and found or nil, is_strict = is_strict,
    pieces = {}, size = 0, next_size = HEAD_FIRST, scan = core.scan(),
  }, Look)
  local ok
  ok, err = look:take_all()
  if ok then
    ok, err = check_content(look)
  end
  return ok and look, err
end

return M
