-- Mail merge: one template, many rows of data, a message for each.
-- Why: what all have in common is read and compiled once; a row that fails is that row's result.
-- Not: sending them (batch.lua), nor templates and CSV themselves.

local compiled_of = require "ettsumailer.template.compiled"
local csv = require "ettsumailer.csv"
local errors = require "ettsumailer.errors"
local files = require "ettsumailer.template.files"
local mail = require "ettsumailer.template.mail"
local message_of = require "ettsumailer.message"
local options = require "ettsumailer.options"
local partials_of = require "ettsumailer.template.partials"
local shared_files = require "ettsumailer.message.shared_files"

local error, pairs, setmetatable, tostring, type = error, pairs, setmetatable, tostring, type

local M = {}

---The options: fields of a message that all have in common, and
--- data    names and values beside those of the rows, which win
--- fields  function(row, number) that returns fields of this row's message; it may yield, and may
---         return nil and why
--- csv     csv.OPTIONS of a file
---Those of from, to, subject and the like (template/mail.lua) that are strings are templates, too.
---Files of attachments and inline are read once.
M.OPTIONS = options.merge(message_of.FIELDS, { fields = "function", csv = "table" })
M.OPTIONS.template, M.OPTIONS.raw = nil, nil

-- What each message, and each error in place of one, was made of.
local made_of = setmetatable({}, { __mode = "k" })

local Merge = {}
Merge.__index = Merge

-- --- Rows ---

local function of_list(rows)
  local i = 0
  return function()
    i = i + 1
    return rows[i]
  end
end

-- After nil and why, or nil, a function of the user's is not asked again.
local function of_function(self, next_row)
  return function()
    local row, why = next_row()
    self.is_over = row == nil
    return row, why
  end
end

local function of_csv(self, path, how)
  local reader, err = csv.open(path, how)
  if not reader then
    return nil, err
  end
  return function()
    local row, why = reader:next()
    self.is_over, self.line = reader.is_over, reader.line
    return row, why
  end
end

local function rows_of(self, rows, how, level)
  if type(rows) == "function" then
    return of_function(self, rows)
  elseif type(rows) == "string" then
    return of_csv(self, rows, how)
  elseif type(rows) == "table" then
    return of_list(rows)
  end
  error("merge: rows must be a list, a function or the path of a CSV file, not a " .. type(rows),
    level + 1)
end

-- --- Messages ---

-- An error with the row in front; in place of a message.
local function failed(self, row, err)
  local where = ("row %d"):format(self.number)
  if self.line then
    where = ("%s (%s:%d)"):format(where, self.label, self.line)
  end
  if not errors.is(err) then
    err = { code = "SOURCE", stage = "check", text = tostring(err) }
  end
  local made = errors.new(options.merge(err))
  made.text = ("%s: %s"):format(where, made.text)
  made_of[made] = { row = row, number = self.number }
  return made
end

-- The fields that are the caller's: common to all, and this row's.
local function own_fields(self, row)
  local given = self.given.fields
  if not given then
    return self.common
  end
  local fields, why = given(row, self.number)
  if type(fields) ~= "table" then
    return nil, why or ("the function fields gave a %s"):format(type(fields))
  end
  return options.merge(self.common, fields)
end

local function message_of_row(self, row)
  if type(row) ~= "table" then
    return failed(self, row, ("a %s where a table is due"):format(type(row)))
  end
  local own, err = own_fields(self, row)
  local data = self.given.data and options.merge(self.given.data, row) or row
  local made
  if own then
    made, err = self.overlay:fields_with(data, own)
  end
  if made then
    made, err = self.template:fields_with(data, made)
  end
  if not made then
    return failed(self, row, err)
  end
  made_of[made] = { row = row, number = self.number }
  return made
end

-- The next message, or an error in place of one; nil at the end.
function Merge:next()
  if self.is_over then
    return nil
  end
  local row, why = self.next_row()
  if row == nil and why == nil then
    self.is_over = true
    return nil
  end
  self.number = self.number + 1
  if row == nil then
    return failed(self, nil, why)
  end
  return message_of_row(self, row)
end

-- --- Making ---

-- The options that are templates, as one; and the others.
local function split(given)
  local values, common = {}, {}
  for name, value in pairs(given) do
    if mail.FIELDS[name] and type(value) == "string" then
      values[#values + 1] = {
        name = name, value = value, file = "merge: " .. name, line = 1, column = 1,
      }
    elseif message_of.FIELDS[name] and name ~= "data" then
      common[name] = value
    end
  end
  local overlay, err = mail.new {
    values = values, partials = partials_of.new { find = partials_of.finder() },
  }
  return overlay, overlay and common or err
end

local function template_of(template, level)
  if type(template) == "string" then
    return files.load(template, {})
  elseif compiled_of.is(template) then
    return mail.of_compiled(template)
  elseif not mail.is(template) then
    error("merge: the template must be a path or what ettsumailer.template made", level + 1)
  end
  return template
end

local function fill(self, rows, given, level)
  local err
  self.overlay, err = split(given)
  if not self.overlay then
    return nil, err
  end
  self.common, err = shared_files.of(err, level + 1)
  if self.common then
    self.next_row, err = rows_of(self, rows, given.csv, level + 1)
  end
  return self.next_row and true, err
end

---A message for each row, one after the other: what send_all takes. A row that cannot be one is an
---error object in place of its message, which send_all reports as its result; the others go on.
---
---Example:
---```lua
---local to = "{{name}} <{{mail}}>"
---local letters = assert(ettsumailer.merge("mails/news", "members.csv", { to = to }))
---mailer:send_all(letters, { on_result = function(letter, result, err)
---  print(ettsumailer.merge.row_of(letter).mail, result and "sent" or err)
---end })
---```
---@param template string|ettsumailer.template.mail|ettsumailer.template.compiled
---@param rows table|function|string  a list of tables; a function that returns the next one, nil at
---  the end, or nil and why it fails, and may yield; or the path of a CSV file with a line of names
---@param given table?     of M.OPTIONS
---@param level integer?   as of `error`
---@return (fun(): table|ettsumailer.error|nil)? next_message
---@return ettsumailer.error?  SOURCE: a file cannot be read; CONFIG: a template has a mistake
function M.new(template, rows, given, level)
  level, given = (level or 1) + 1, given or {}
  options.check("merge", given, M.OPTIONS, level)
  csv.check(given.csv or {}, level)
  local self = setmetatable({
    given = given, number = 0, label = type(rows) == "string" and rows or nil,
  }, Merge)
  local err
  self.template, err = template_of(template, level)
  local ok
  if self.template then
    ok, err = fill(self, rows, given, level)
  end
  if not ok then
    return nil, err
  end
  return function()
    return (self:next())
  end
end

---The row that a message of a merge is of, or an error in place of one.
---
---Example: `print(ettsumailer.merge.row_of(message).name)`
---@param value table
---@return table?   row, as it was given; nil for others' messages
---@return integer? number  from 1
function M.row_of(value)
  local made = made_of[value]
  if made then
    return made.row, made.number
  end
end

return M
