-- What data may be where a template makes a header field: names, addresses, identifiers, URLs.
-- Why: "{{name}} <{{email}}>" is one recipient, whatever the data say; {{{ }}} takes them as they
--  are.
-- Not: control characters and UTF-8, which the message layer refuses in every field.
--
-- How it works: in a list of addresses, data become marks while it is rendered; only then it is
-- known whether one stands in quotes, in a comment, in front of an address, or is one.

local address = require "ettsumailer.address"

local find, gsub, match, sub = string.find, string.gsub, string.match, string.sub
local concat, tonumber = table.concat, tonumber

local M = {}

-- What a word in front of an address may be without quotes.
local WORDS = "^[%w\128-\255!#$%%&'*+/=?^_`{|}~ -]*$"
-- What is in no address without a quoted local part.
local SPECIALS = "[%c%s<>,;:\"()\\%[%]]"

-- An address and nothing else.
local function is_address(value)
  if not find(value, SPECIALS) then
    return true
  elseif find(value, "[%c<>,;(]") then
    return false
  end
  local read = address(value, { lenient_local_part = true })
  return read ~= nil and not read.name
end

-- One address with a name, where nothing else is in the field.
local function is_mailbox_alone(self, value)
  return find(self.text, "^%s*\1%d+\2%s*$") ~= nil
    and address(value, { lenient_local_part = true }) ~= nil
end

local function as_word(value)
  if find(value, WORDS) and not find(value, "=?", 1, true) then
    return value
  end
  return '"' .. gsub(value, '["\\]', "\\%0") .. '"'
end

-- What stands for a value outside of quotes and comments; or nil and why.
local function placed(self, value, stop)
  if self.special_at < stop then
    self.special_at = find(self.text, "[,;<>]", stop) or #self.text + 1
  end
  if not self.in_angle and sub(self.text, self.special_at, self.special_at) == "<" then
    return as_word(value)
  elseif is_address(value) or is_mailbox_alone(self, value) then
    return value
  end
  return nil, ("'%s' is not one address ({{{ }}} would take it as it is)"):format(
    (gsub(value, "%c", "?")))
end

-- What a character of the template's own does, outside of quotes and comments.
local ACTIONS = {
  ['"'] = function(self) self.in_quotes = true end,
  ["("] = function(self) self.comments = 1 end,
  ["<"] = function(self) self.in_angle = true end,
  [">"] = function(self) self.in_angle = false end,
}
local IN_QUOTES = { ['"'] = function(self) self.in_quotes = false end }
local IN_COMMENT = {
  ["("] = function(self) self.comments = self.comments + 1 end,
  [")"] = function(self) self.comments = self.comments - 1 end,
}

local function actions_of(self)
  if self.in_quotes then
    return IN_QUOTES
  end
  return self.comments > 0 and IN_COMMENT or ACTIONS
end

-- Moves over a character that may mean something. Returns it, with the one that it quotes; and
-- where to go on. Or nil and why not.
local function step(self, at)
  local actions = actions_of(self)
  local pair = sub(self.text, at, at + 1)
  local c = sub(pair, 1, 1)
  if c == "\\" and actions ~= ACTIONS then
    if pair == "\\\1" then
      return nil, "a backslash in front of a variable"
    end
    return pair, at + 2
  elseif actions[c] then
    actions[c](self)
  end
  return c, at + 1
end

local function value_at(self, at)
  local number, stop = match(self.text, "^\1(%d+)\2()", at)
  local value = self.held[tonumber(number or 0)]
  if not value or find(value, "%c") then
    return nil, "a control character is not allowed here"
  elseif self.in_quotes then
    return gsub(value, '["\\]', "\\%0"), stop
  elseif self.comments > 0 then
    return gsub(value, "[()\\]", "\\%0"), stop
  end
  local text, why = placed(self, value, stop)
  return text, text and stop or why
end

-- Puts the values in the places of their marks. Returns the list's text; or nil and why.
local function resolved(text, held)
  local self = {
    text = text, held = held, in_quotes = false, comments = 0, in_angle = false, special_at = 0,
  }
  local pieces, at = {}, 1
  local found = find(text, '[\1"\\()<>]', at)
  while found do
    pieces[#pieces + 1] = sub(text, at, found - 1)
    local read = find(text, "^\1", found) and value_at or step
    local piece, behind = read(self, found)
    if not piece then
      return nil, behind
    end
    pieces[#pieces + 1], at = piece, behind
    found = find(text, '[\1"\\()<>]', at)
  end
  pieces[#pieces + 1] = sub(text, at)
  return concat(pieces)
end

local function render_addresses(compiled, data)
  local held = {}
  local text, err = compiled:render_with(data, function(value)
    held[#held + 1] = value
    return ("\1%d\2"):format(#held)
  end)
  if not text then
    return nil, err
  end
  local list, why = resolved(text, held)
  if not list then
    return compiled.source:refuse(1, why)
  end
  return list
end

-- Identifiers and URLs in brackets: data may not end them, nor begin another.
local function render_tokens(compiled, data)
  local bad
  local text, err = compiled:render_with(data, function(value)
    bad = bad or find(value, "[%s%c<>,\"()]") and value
    return value
  end)
  if text and bad then
    return compiled.source:refuse(1, ("'%s' cannot stand in this field ({{{ }}} would take it)")
      :format((gsub(bad, "%c", "?"))))
  end
  return text, err
end

local function render_plain(compiled, data)
  return compiled:render_with(data, nil)
end

---By kind of field: renders a compiled template for it.
---each takes the template and the data, and returns the text; or nil and an error.
---@type table<string, function>
M.RENDER = { addresses = render_addresses, tokens = render_tokens, text = render_plain }

return M
