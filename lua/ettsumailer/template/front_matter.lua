-- The head of a template's file: lines "Subject: Hello {{name}}" between two lines "---".
-- Why: what belongs to a message is in one file.
-- Not: what the names mean (mail.lua). It is no YAML: values are as they stand, without quotes.

local place = require "ettsumailer.template.place"

local M = {}

-- Lines that it has at most.
local LINES_MAX = 1000

local function add_line(self, line, number)
  local values = self.values
  local name, column = line:match "^([^%s:]+)[ \t]*:[ \t]*()"
  local value = line:match("^.*[^ \t]", column) or ""
  local more = line:match("^[ \t].*[^ \t]") and line:match("^.*[^ \t]", line:find "[^ \t]")
  if line:find "^[ \t]*$" or line:find "^#" then
    return true
  elseif line:find "[^%C\t]" then
    return nil, "a control character is not allowed here"
  elseif name then
    values[#values + 1] = {
      name = name, value = value, file = self.file, line = number, column = column,
    }
  elseif more and #values > 0 then
    values[#values].value = values[#values].value .. " " .. more
  else
    return nil, "neither \"Name: value\" nor the line \"---\" that ends the head"
  end
  return true
end

---Reads the head, if there is one.
---@param file string   its name, for messages
---@param text string
---@return table? found  values: a list of { name, value, file, line, column }; text: what is
---  behind; line: where that begins
---@return ettsumailer.error?
function M.read(file, text)
  local self = { file = file, values = {} }
  local at = text:match "^%-%-%-[ \t]*\r?\n()"
  if not at then
    return { values = {}, text = text, line = 1 }
  end
  local source = place.source(file, text)
  for number = 2, LINES_MAX do
    local stop = text:find("\n", at, true) or #text + 1
    local line, behind = text:sub(at, stop - 1):gsub("\r$", ""), stop + 1
    if line:find "^%-%-%-[ \t]*$" then
      return { values = self.values, text = text:sub(behind), line = number + 1 }
    elseif at > #text then
      break
    end
    local ok, why = add_line(self, line, number)
    if not ok then
      return source:refuse(at, why)
    end
    at = behind
  end
  return source:refuse(1, "this head has no end: a line \"---\"")
end

return M
