-- A list of addresses as text, built item by item.
-- Why: a run of addresses of one group is one group of the text, and some fields have no groups.
-- Not: one address or phrase as text, which is the core's.

local core = require "ettsumailer.core"
local errors = require "ettsumailer.errors"

local ipairs, setmetatable, tostring, type = ipairs, setmetatable, tostring, type
local concat = table.concat

local M = {}

---@return nil
---@return ettsumailer.error
function M.refuse(code, text, position)
  local err = errors.new { code = code, stage = "check", text = text }
  err.position = position
  return nil, err
end

-- RFC 6854 4: readers that expect no group there lose the author, or show nothing of the mail.
function M.refuse_group(name)
  local _, err = M.refuse("ADDRESS", ("a group (%s) has no place here"):format(name))
  err.hint = "From, Sender and Resent- fields name mailboxes (RFC 6854 3); allow_group_from = true "
    .. "writes a group all the same"
  return nil, err
end

local Writer = {}
Writer.__index = Writer

---@param given table  utf8 = true: for people and SMTPUTF8; groups = false: a group is refused
---@return table writer
function M.new(given)
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
    return M.refuse_group(name)
  end
  local phrase, code, why = core.address_phrase(name, self.utf8)
  if not phrase then
    return M.refuse(code, ("%s (in the name of a group)"):format(why))
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
    return M.refuse(code, ("%s: %s"):format(tostring(address), why))
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

return M
