-- What people read of a message: a text, HTML, an invitation, as alternatives.
-- Why: most mail is this and nothing else, and readers show the last one they understand.
-- Not: what is beside it (body.lua), nor choosing its encoding (the core).

local core = require "ettsumailer.core"
local errors = require "ettsumailer.errors"
local lazy = require "ettsumailer.lazy"

local calendar_of = lazy.of "ettsumailer.message.calendar"
local html_text = lazy.of "ettsumailer.message.html_text"
local reading = lazy.of "ettsumailer.message.reading"

local add_text, add_multipart = core.message_methods.text, core.message_methods.multipart

local M = {}

local LONG = 65536 -- octets; a shorter text is looked through at once wherever this is

local function refuse(label, code, why)
  return errors.refuse(code, ("%s: %s"):format(label, why))
end

-- A text in the message's charset, and that; or in UTF-8 where it does not fit, which is no error.
local function converted(label, text, context)
  if not context.charset or not text:find "[\128-\255]" then
    return text
  end
  local made, code, why = core.convert(text, context.charset, nil, context.charset_strict)
  if not made and code ~= "UNFIT" then
    return refuse(label, code, why)
  end
  return made or text, made and context.charset
end

local function add_converted(message, parent, label, media_type, text, context)
  local charset
  if context.charset then
    text, charset = converted(label, text, context)
  end
  if not text then
    return nil, charset
  end
  local scan = #text > LONG and reading.scan_long(text) or nil
  local part, code, why =
    add_text(message, parent, media_type, text, charset or nil, context.allow_8bit, scan)
  if not part then
    return refuse(label, code, why)
  end
  return part
end

-- The plain text where the caller gives none: that of the HTML when it is asked for; "" where there
-- is nothing else.
local function other_text_of(given)
  if given.auto_text then
    return html_text.of(given.html)
  end
  return not (given.html or given.calendar) and "" or nil
end

-- What more than one alternative goes into.
local function add_alternative(message, parent)
  local part, code, why = add_multipart(message, parent, "alternative")
  if not part then
    return refuse("alternative", code, why)
  end
  return part
end

-- The plainest first.
local function add_each(message, parent, context, text, html, calendar)
  local ok, err = true, nil
  if text then
    ok, err = add_converted(message, parent, "text", "text/plain", text, context)
  end
  if ok and html then
    ok, err = add_converted(message, parent, "html", "text/html", html, context)
  end
  if ok and calendar then
    ok, err = calendar_of.add(message, parent, calendar, context)
  end
  return ok, err
end

---Adds the alternatives.
---@param message userdata  of the core
---@param parent integer?   part
---@param given table       text, html, auto_text, calendar
---@param context table     of what is not usual: html with its references made, the calendar's
---  table, charset, charset_strict, allow_8bit
---@return integer|true|nil
---@return ettsumailer.error?
function M.add(message, parent, given, context)
  local text = given.text or other_text_of(given)
  local html, calendar = context.html or given.html, context.calendar
  if text and (html or calendar) or html and calendar then
    local err
    parent, err = add_alternative(message, parent)
    if not parent then
      return nil, err
    end
  end
  return add_each(message, parent, context, text, html, calendar)
end

return M
