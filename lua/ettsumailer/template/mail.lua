-- A template of whole messages: header fields, a text, an HTML text; with data, a message's fields.
-- Why: each of them is escaped as its place needs it, and what a caller gives beside wins.
-- Not: files (files.lua), nor what the fields of a message are (message.lua).

local compiled_of = require "ettsumailer.template.compiled"
local escapes = require "ettsumailer.template.escapes"
local header_fields = require "ettsumailer.message.header_fields"
local options = require "ettsumailer.options"
local place = require "ettsumailer.template.place"
local values = require "ettsumailer.template.values"

local getmetatable, ipairs, setmetatable = getmetatable, ipairs, setmetatable
local tostring, type = tostring, type
local find, lower, match = string.find, string.lower, string.match

local M = {}

---The fields of a message that a template can have, and how data stand in them.
M.FIELDS = {
  subject = "text", priority = "text", auto_submitted = "text", charset = "text",
  from = "addresses", sender = "addresses", reply_to = "addresses", to = "addresses",
  cc = "addresses", bcc = "addresses",
  message_id = "tokens", in_reply_to = "tokens", references = "tokens",
}

-- Header fields without a hyphen that are no mistyped fields of a message.
local PLAIN_NAMES = {
  organization = true, comments = true, keywords = true, precedence = true, importance = true,
  sensitivity = true, date = true,
}

-- Octets of one field at most.
local FIELD_MAX = 1024 * 1024

local ADDRESS_HEADERS = { ["disposition-notification-to"] = true, ["return-receipt-to"] = true }

---A template of messages: ettsumailer.template.load and .new make it.
---@class ettsumailer.template.mail
---@field fields table[]   { name, kind, template } of fields of a message
---@field headers table[]  the same of header fields beyond them
---@field text ettsumailer.template.compiled?
---@field html ettsumailer.template.compiled?
local Mail = {}
Mail.__index = Mail
Mail.__name = "ettsumailer.template.mail"

local function kind_of_header(name)
  name = lower(name)
  if ADDRESS_HEADERS[name] or find(name, "^resent%-") then
    return "addresses"
  end
  return find(name, "^list%-") and "tokens" or "text"
end

---What a name in front of a value means.
---@param name string     "Reply-To", "reply_to", "X-Campaign"
---@return string? field  of a message; nil for a header field
---@return string? kind   how data stand in it; nil for a name that nobody knows
---@return string? near   a known name like it
function M.meaning(name)
  local field = lower(name):gsub("%-", "_")
  if M.FIELDS[field] then
    return field, M.FIELDS[field]
  elseif find(name, "-", 2, true) or PLAIN_NAMES[lower(name)] then
    return nil, kind_of_header(name)
  end
  return nil, nil, options.nearest(field, M.FIELDS)
end

-- Where a value goes and how data stand in it; or nil and why it cannot be there.
local function place_of_value(self, item)
  if item.is_header then
    return self.headers, kind_of_header(item.name), item.name
  end
  local field, kind, near = M.meaning(item.name)
  if not kind then
    return nil, ("there is no field '%s'%s"):format(item.name,
      near and (" (did you mean '%s'?)"):format(near) or "")
  elseif not field then
    return self.headers, kind, item.name
  elseif self.known[field] then
    return nil, ("'%s' is there twice"):format(item.name)
  end
  self.known[field] = true
  return self.fields, kind, field
end

-- Compiles one value of the head.
local function add_value(self, item, partials)
  local list, kind, name = place_of_value(self, item)
  if not list then
    local where = { line = item.line, column = item.column }
    return place.source(item.file, item.value, where):refuse(1, kind)
  end
  local template, err = compiled_of.new {
    name = item.file, text = item.value, line = item.line, column = item.column,
    partials = partials, escape = "text", max_size = FIELD_MAX,
  }
  if not template then
    return nil, err
  end
  list[#list + 1] = { name = name, kind = kind, template = template }
  return true
end

local function add_part(self, name, part)
  local err
  self[name], err = compiled_of.new {
    name = part.file, text = part.text, line = part.line, partials = part.partials,
    escape = name, max_size = part.max_size,
  }
  return self[name], err
end

---Compiles all of a message's template.
---@param given table  values: a list of { name, value, file, line, column }; partials, of these;
---  text, html: { text, file, line, partials, max_size }
---@return ettsumailer.template.mail?
---@return ettsumailer.error?
function M.new(given)
  local self = setmetatable({ fields = {}, headers = {}, known = {} }, Mail)
  for _, item in ipairs(given.values) do
    local ok, err = add_value(self, item, given.partials)
    if not ok then
      return nil, err
    end
  end
  for _, name in ipairs { "text", "html" } do
    if given[name] then
      local ok, err = add_part(self, name, given[name])
      if not ok then
        return nil, err
      end
    end
  end
  return self
end

---A compiled template alone, as that of messages with this one text.
---@param compiled ettsumailer.template.compiled
---@return ettsumailer.template.mail
function M.of_compiled(compiled)
  return setmetatable({
    fields = {}, headers = {}, known = {}, [compiled.escape] = compiled,
  }, Mail)
end

---@param value any
---@return boolean
function M.is(value)
  return getmetatable(value) == Mail
end

-- The template's fields and behind them the caller's, which win over those of the same name.
local function put_headers(self, made, data, given)
  local own, names, list = header_fields.pairs_of(given), {}, {}
  for _, pair in ipairs(own) do
    names[lower(tostring(pair[1]))] = true
  end
  for _, item in ipairs(self.headers) do
    if not names[lower(item.name)] then
      local value, err = escapes.RENDER[item.kind](item.template, data)
      if not value then
        return nil, err
      end
      list[#list + 1] = value ~= "" and { item.name, value } or nil
    end
  end
  for _, pair in ipairs(own) do
    list[#list + 1] = pair
  end
  made.headers = list
  return true
end

local function put_fields(self, made, data, given)
  for _, item in ipairs(self.fields) do
    if given[item.name] == nil then
      local value, err = escapes.RENDER[item.kind](item.template, data)
      if not value then
        return nil, err
      end
      made[item.name] = match(value, "%S") and value or nil
    end
  end
  return true
end

local ESCAPES = { text = nil, html = values.html }

local function put_parts(self, made, data, given)
  for _, name in ipairs { "text", "html" } do
    if self[name] and given[name] == nil then
      local text, err = self[name]:render_with(data, ESCAPES[name])
      if not text then
        return nil, err
      end
      made[name] = text
    end
  end
  local has_text = made.text or given.text
  if made.html and not has_text and given.auto_text == nil then
    made.auto_text = true
  end
  return true
end

---The fields of a message: the template's with the data, and the caller's, which win.
---
---Example: `mail:fields({ name = "B" }, { to = "b@example.com" })`.
---@param data table|string|number|boolean|nil
---@param given table?  fields of a message
---@return table? fields  as ettsumailer.message takes them
---@return ettsumailer.error?  CONFIG with file, line and column
function Mail:fields_with(data, given)
  given = given or {}
  local made = {}
  local ok, err = put_fields(self, made, data, given)
  if ok and not given.parts then
    ok, err = put_parts(self, made, data, given)
  end
  local headers = given.headers or {}
  if ok and #self.headers > 0 and type(headers) == "table" then
    ok, err = put_headers(self, made, data, headers)
  end
  if not ok then
    return nil, err
  end
  return options.merge(given, made)
end

return M
