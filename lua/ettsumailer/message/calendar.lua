-- An invitation as an alternative of a message's text (RFC 6047).
-- Why: mail programs show it with its buttons, if its method is said rightly.
-- Not: what is in it (RFC 5545): it is the caller's.

local errors = require "ettsumailer.errors"

local M = {}

local function refuse(text)
  return errors.refuse("CONFIG", "calendar: " .. text)
end

-- RFC 6047 2.4: the method is that of the content. Returns the method, "" for none; or nil, err.
local function method_of(given)
  local own = ("\n" .. given.content):match "[\r\n][Mm][Ee][Tt][Hh][Oo][Dd][ \t]*:[ \t]*([%w-]+)"
  local method = given.method or own or ""
  if not given.content:find "^[Bb][Ee][Gg][Ii][Nn]:[Vv][Cc][Aa][Ll][Ee][Nn][Dd][Aa][Rr]" then
    return refuse "it does not begin with BEGIN:VCALENDAR"
  elseif not method:find "^[%w-]*$" or (given.method and method == "") then
    return refuse("method is a word such as REQUEST")
  elseif own and own:upper() ~= method:upper() then
    return refuse(("method is %s, but its content says %s"):format(method, own))
  end
  return method:upper()
end

---Adds it as a part.
---@param message userdata  of the core
---@param parent integer?
---@param calendar table    body.CALENDAR
---@param context table     allow_8bit
---@return integer? part
---@return ettsumailer.error?
function M.add(message, parent, calendar, context)
  local method, err = method_of(calendar)
  if not method then
    return nil, err
  end
  local media_type = method == "" and "text/calendar" or "text/calendar; method=" .. method
  local part, code, why =
    message:text(parent, media_type, calendar.content, nil, context.allow_8bit)
  if not part then
    return errors.refuse(code, "calendar: " .. why)
  end
  return part
end

return M
