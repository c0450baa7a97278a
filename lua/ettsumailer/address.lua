-- Addresses as Lua values: one address, a list of them, and the lists that options take.
-- Why: "to" may be a text, an address or a list of both; what comes out is one list of addresses.
-- Not: the grammar itself, which is the core's.

local core = require "ettsumailer.core"
local errors = require "ettsumailer.errors"
local options = require "ettsumailer.options"

local error, getmetatable, ipairs, setmetatable = error, getmetatable, ipairs, setmetatable
local tostring, type = tostring, type
local concat = table.concat

local M = {}

local PARTS = { name = "string", local_part = "string", domain = "string", group = "string" }
local ONE = { lenient_local_part = "boolean" }
local LIST = { lenient_local_part = "boolean", groups = "boolean", keep_groups = "boolean" }
local FORMAT = { utf8 = "boolean", groups = "boolean" }
local NONE = {}

local function refuse(code, text, position)
  local err = errors.new { code = code, stage = "check", text = text }
  err.position = position
  return nil, err
end

-- RFC 6854 4: readers that expect no group there lose the author, or show nothing of the mail.
local function refuse_group(name)
  local _, err = refuse("ADDRESS", ("a group (%s) has no place here"):format(name))
  err.hint = "From, Sender and Resent- fields name mailboxes (RFC 6854 3); allow_group_from = true "
    .. "writes a group all the same"
  return nil, err
end

local function mode_of(given)
  return given.lenient_local_part and "lenient" or "strict"
end

-- Puts the members of each group into a table of their own, { group = name, address, ... }.
local function nest(list, groups)
  local nested, at = {}, 1
  for _, group in ipairs(groups) do
    while at < group.first do
      nested[#nested + 1], at = list[at], at + 1
    end
    local members = { group = group.name }
    while at <= group.last do
      members[#members + 1], at = list[at], at + 1
    end
    nested[#nested + 1] = members
  end
  for i = at, #list do
    nested[#nested + 1] = list[i]
  end
  return nested
end

---Reads a list (RFC 5322 3.4): mailboxes and groups. Members of a group have `.group`.
---
---Example: `print(ettsumailer.address.parse_list("Staff: a@x.jp, b@x.jp;")[1].group)`
---@param text string
---@param given table?  lenient_local_part = true: dots in odd places of any local part are taken;
---  groups = false: a group is refused; keep_groups = true: groups stay together, also those with
---  nobody in them, as { group = name, address, ... }
---@return (userdata|table)[]? addresses each with .name .local_part .domain .group .domain_ascii
---  .domain_unicode; tostring() for people, :format() for headers, :path() for the envelope
---@return ettsumailer.error? error with .position, octets from 1
function M.parse_list(text, given)
  if type(text) ~= "string" then
    error("bad argument #1 to 'parse_list' (a string expected, got " .. type(text) .. ")", 2)
  end
  given = given or NONE
  options.check("address.parse_list", given, LIST)
  local list, groups, why, position = core.address_list(text, mode_of(given))
  if not list then
    return refuse(groups, why, position)
  elseif given.groups == false and groups[1] then
    return refuse_group(groups[1].name)
  end
  return given.keep_groups and nest(list, groups) or list
end

-- Lists as text, built item by item. A run of addresses of one group is one group of the text.
local Writer = {}
Writer.__index = Writer

local function new_writer(given)
  return setmetatable({ pieces = {}, utf8 = given.utf8, groups = given.groups ~= false }, Writer)
end

function Writer:put(text)
  local gap = self.is_first and " " or self.pieces[1] and ", " or ""
  self.pieces[#self.pieces + 1] = gap .. text
  self.is_first = nil
end

function Writer:close_group()
  if self.group then
    self.pieces[#self.pieces + 1] = ";"
    self.group, self.is_first = nil, nil
  end
end

function Writer:open_group(name)
  if not self.groups then
    return refuse_group(name)
  end
  local phrase, code, why = core.address_phrase(name, self.utf8)
  if not phrase then
    return refuse(code, ("%s (in the name of a group)"):format(why))
  end
  -- RFC 2047 5 (3): white space between an encoded word and what follows.
  self:put(phrase .. (phrase:find "=$" and " :" or ":"))
  self.group, self.is_first = name, true
  return true
end

-- Leaves the group that is open, if any, for another or for none.
function Writer:enter(group)
  self:close_group()
  if group then
    return self:open_group(group)
  end
  return true
end

function Writer:address(address, group)
  if self.group ~= group then
    local ok, err = self:enter(group)
    if not ok then
      return nil, err
    end
  end
  local text, code, why
  if self.utf8 then
    text = tostring(address)
  else
    text, code, why = address:format()
  end
  if not text then
    return refuse(code, ("%s: %s"):format(tostring(address), why))
  end
  self:put(text)
  return true
end

-- A group of the caller's own: { group = name, address, ... }. Two in a row stay two.
function Writer:members(item)
  self:close_group()
  local ok, err = self:open_group(item.group)
  for i = 1, ok and #item or 0 do
    ok, err = self:address(item[i], item.group)
    if not ok then
      break
    end
  end
  self:close_group()
  return ok, err
end

-- Mailboxes without groups, and groups of the caller's own among them.
function Writer:nested(list)
  for _, part in ipairs(list) do
    local ok, err
    if type(part) == "table" then
      ok, err = self:members(part)
    else
      ok, err = self:address(part)
    end
    if not ok then
      return nil, err
    end
  end
  return true
end

-- A list that is written already, and has no group.
function Writer:mailboxes(text)
  if text ~= "" then
    self:close_group()
    self:put(text)
  end
end

function Writer:text()
  self:close_group()
  return concat(self.pieces)
end

---Whether it is an address of this library.
---
---Example: `if ettsumailer.address.is(value) then print(value.domain) end`
---@param value any
---@return boolean is_address true for what address() and parse_list() made
function M.is(value)
  return type(value) == "userdata" and getmetatable(value) == "ettsumailer.address"
end

local function check_items(list, in_group, level)
  for _, item in ipairs(list) do
    local is_group = not in_group and type(item) == "table" and type(item.group) == "string"
    if is_group then
      check_items(item, true, level + 1)
    elseif not M.is(item) then
      error("address.format: a list of addresses and { group = name, address, ... } expected",
        level + 1)
    end
  end
end

---Writes a list as a header has it: names quoted or encoded as needed, domains in A-labels.
---Neighbours of one .group become that group.
---
---Example: `print(ettsumailer.address.format(list, { utf8 = true }))`
---@param list (userdata|table)[]  addresses, and { group = name, address, ... } for whole groups
---@param given table?  utf8 = true: in UTF-8, for people and for SMTPUTF8; groups = false: a group
---  is refused
---@return string?
---@return ettsumailer.error?
function M.format(list, given)
  if type(list) ~= "table" then
    error("bad argument #1 to 'format' (a list expected, got " .. type(list) .. ")", 2)
  end
  given = given or NONE
  options.check("address.format", given, FORMAT)
  check_items(list, false, 2)
  local writer = new_writer(given)
  for _, item in ipairs(list) do
    local ok, err
    if type(item) == "table" then
      ok, err = writer:members(item)
    else
      ok, err = writer:address(item, item.group)
    end
    if not ok then
      return nil, err
    end
  end
  return writer:text()
end

-- One item of an option, written and added to list.
local function read_item(writer, list, item, mode)
  if M.is(item) then
    list[#list + 1] = item
    return writer:address(item, item.group)
  end
  local found, groups, text, position = core.address_list(item, mode)
  if not found then
    return refuse(groups, text, position)
  end
  local ok, err = true, nil
  if text then
    writer:mailboxes(text)
  else
    ok, err = writer:nested(nest(found, groups))
  end
  if not ok then
    return nil, err
  end
  for _, address in ipairs(found) do
    list[#list + 1] = address
  end
  return true
end

-- What is there most often needs no writer: one text without groups. Anything else is nil.
local function read_plain(value, given)
  local only = value
  if type(value) == "table" and value[2] == nil then
    only = value[1]
  end
  if type(only) == "string" then
    local found, _, text = core.address_list(only, mode_of(given))
    return found and text, found
  end
end

---Reads the value of an option such as `to`: strings and addresses. Each item is read by itself.
---@param field string  its name, for messages
---@param value string|userdata|table|nil
---@param given table?  of LIST: lenient_local_part, groups = false
---@return string? text   of all of them, as one list that any reader of RFC 5322 takes, in UTF-8
---@return userdata[]|ettsumailer.error list  the mailboxes, also those in groups
function M.read(field, value, given)
  given = given or NONE
  local text, plain = read_plain(value, given)
  if text then
    return text, plain
  end
  local writer, list = new_writer { utf8 = true, groups = given.groups }, {}
  for _, item in ipairs(type(value) == "table" and value or { value }) do
    local ok, err = read_item(writer, list, item, mode_of(given))
    if not ok then
      err.text = ("%s: %s"):format(field, err.text)
      return nil, err
    end
  end
  return writer:text(), list
end

---RFC 5322 3.6.2, 3.6.6: a Sender says nothing where From is the same one mailbox.
---@param from string  the text of From
---@param lists table  from and sender, as M.read gives them
---@return boolean
function M.is_said_by(from, lists)
  local author, sender = (lists.from or {})[1], (lists.sender or {})[1]
  return sender ~= nil and author == sender and not sender.group and tostring(author) == from
end

-- { name =, local_part =, domain =, group = }
local function from_parts(parts, level)
  options.check("address", parts, PARTS, level + 1)
  if not parts.local_part or not parts.domain then
    error("address: local_part and domain must be given", level + 1)
  end
  local address, code, why =
    core.address_parts(parts.name, parts.local_part, parts.domain, parts.group)
  if not address then
    return refuse(code, why)
  end
  return address
end

return setmetatable(M, {
  ---@param text string|table  "B <b@example.com>", or { name =, local_part =, domain =, group = }
  ---@param given table?       lenient_local_part = true, for a text
  __call = function(_, text, given)
    if type(text) == "table" then
      return from_parts(text, 2)
    elseif type(text) ~= "string" then
      error("bad argument #1 to 'address' (a string or a table of parts expected, got " ..
        type(text) .. ")", 2)
    end
    given = given or NONE
    options.check("address", given, ONE)
    local address, code, why, position = core.address(text, mode_of(given))
    if not address then
      return refuse(code, why, position)
    end
    return address
  end,
})
