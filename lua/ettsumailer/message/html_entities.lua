-- Character references of HTML: by number, and the names that are in use.
-- Why: &eacute; and &#26085; are to be read as what they stand for.
-- Not: the two thousand names that nobody writes.

local char, floor, tonumber = string.char, math.floor, tonumber

local M = {}

local NAMES = {
  quot = 34, amp = 38, apos = 39, lt = 60, gt = 62, OElig = 338, oelig = 339, Scaron = 352,
  scaron = 353, Yuml = 376, fnof = 402, circ = 710, tilde = 732, ensp = 8194, emsp = 8195,
  thinsp = 8201, zwnj = 8204, zwj = 8205, lrm = 8206, rlm = 8207, ndash = 8211, mdash = 8212,
  lsquo = 8216, rsquo = 8217, sbquo = 8218, ldquo = 8220, rdquo = 8221, bdquo = 8222,
  dagger = 8224, Dagger = 8225, bull = 8226, hellip = 8230, permil = 8240, prime = 8242,
  Prime = 8243, lsaquo = 8249, rsaquo = 8250, euro = 8364, trade = 8482, larr = 8592, uarr = 8593,
  rarr = 8594, darr = 8595, minus = 8722, ne = 8800, le = 8804, ge = 8805, check = 10003,
}

-- ISO 8859-1, from 160 on.
local LATIN = "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr "
  .. "deg plusmn sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 "
  .. "frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute "
  .. "Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml "
  .. "times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde "
  .. "auml aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc iuml eth "
  .. "ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml "
  .. "yacute thorn yuml"
local code = 160
for name in LATIN:gmatch "%S+" do
  NAMES[name] = code
  code = code + 1
end

-- What a tail octet of UTF-8 says, and what is left in front of it.
local function split(value)
  local rest = floor(value / 64)
  return rest, char(128 + value - rest * 64)
end

local function utf8_of(value)
  if value < 128 then
    return char(value)
  end
  local rest, tail = split(value)
  if rest < 32 then
    return char(192 + rest) .. tail
  end
  local second
  rest, second = split(rest)
  if rest < 16 then
    return char(224 + rest) .. second .. tail
  end
  local first
  rest, first = split(rest)
  return char(240 + rest) .. first .. second .. tail
end

-- Neither a control character nor outside of Unicode.
local function is_text(value)
  return value and (value > 159 or (value > 31 and value < 127) or value == 9 or value == 10)
    and value < 1114112 and not (value > 55295 and value < 57344)
end

local function numbered(x, digits)
  if #digits > 8 then
    return "\239\191\189"
  end
  local value = tonumber(digits, x == "" and 10 or 16)
  return is_text(value) and utf8_of(value) or "\239\191\189"
end

local function replaced(hash, x, name)
  if hash == "#" then
    local digits = x == "" and name:match "^%d+$" or x ~= "" and name:match "^%x+$"
    return digits and numbered(x, digits)
  end
  local value = NAMES[x .. name]
  return value and utf8_of(value)
end

---@param text string
---@return string text  with every reference that is known replaced
function M.decode(text)
  if not text:find("&", 1, true) then
    return text
  end
  return (text:gsub("&(#?)([xX]?)(%w+);", replaced))
end

return M
