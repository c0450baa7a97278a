-- Texts and addresses made at random from a seed: the same seed gives the same ones on every
-- engine. Messages are made of them by support/generator_messages.lua.
-- Plain Lua of any version, with a generator of numbers of its own.

local concat, floor, setmetatable = table.concat, math.floor, setmetatable

local M = {}
M.__index = M

-- Two multiplicative generators, combined (L'Ecuyer 1988): all products stay below 2^53.
local FIRST, SECOND = 2147483563, 2147483399

---@param seed integer 1 to 2^31 - 86
function M.new(seed)
  local self = setmetatable({ a = seed, b = seed }, M)
  for _ = 1, 10 do
    self:integer(1, 2)
  end
  return self
end

function M:integer(lo, hi)
  self.a = self.a * 40014 % FIRST
  self.b = self.b * 40692 % SECOND
  return lo + floor((self.a - self.b) % FIRST / FIRST * (hi - lo + 1))
end

function M:chance(percent)
  return self:integer(1, 100) <= percent
end

function M:pick(list)
  return list[self:integer(1, #list)]
end

-- From lo to hi, small ones far more often than large ones.
function M:skewed(lo, hi)
  local n = lo
  local step = 1
  while step < hi - lo and self:chance(75) do
    step = step * 2
  end
  n = n + self:integer(0, step)
  return n < hi and n or hi
end

-- --- Text --------------------------------------------------------------------------------------

-- The characters of a text: a base with the marks and joiners that belong to it stays one.
local function characters(text)
  local list = {}
  for one in text:gmatch "[^ ]+" do
    list[#list + 1] = one
  end
  return list
end

local function letters(text)
  local list = {}
  for one in text:gmatch "[%z\1-\127\194-\244][\128-\191]*" do
    list[#list + 1] = one
  end
  return list
end

local ASCII = letters "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
local SCRIPTS = {
  ASCII, ASCII, ASCII, ASCII, ASCII, ASCII,
  letters "àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿßœšžŁłğıİşő",
  letters "あいうえおかきくけこさしすせそがぎぐげごぱぴぷぺぽっゃゅょ",
  letters "アイウエオカキクケコサシスセソガギグゲゴヴー・〜",
  letters "山田太郎佐藤花子株式会社請求書東京都渋谷区髙﨑吉𠮷辻鷗",
  letters "ｱｲｳｴｵｶｷｸｹｺｻｼｽｾｿﾊﾟﾋﾞﾞｯｬｰ｡｢｣",
  letters "①㈱㌔～－∥￠￡￢№℡♪",
  characters "😀 👍🏽 👨‍👩‍👧‍👦 🇯🇵 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ❄️ 🎉 1️⃣",
  characters "é ö か゚ ก็ नि क्ष ẛ̣ y̌",
  letters "אבגדהוזחטיכלמנסעפצקרשת",
  letters "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
  letters "абвгдежзийклмнопрстуфхцчшщъыьэюяЇє",
  letters "αβγδεζηθικλμνξοπρστυφχψωΆΈΉ",
  letters "中文简体繁體字測試邮件發送",
  letters "한국어메일주소테스트",
  letters "𝒜𝒷𝕊𝟘𐐷𐍈",
}

function M:letters_of(script, n)
  local list = {}
  for i = 1, n do
    list[i] = self:pick(script)
  end
  return concat(list)
end

-- Of one script.
function M:script_letters(n)
  return self:letters_of(self:pick(SCRIPTS), n)
end

function M:word()
  return self:script_letters(self:skewed(1, 40))
end

-- What has a meaning to some reader, somewhere.
local SPECIAL = {
  '"', "\\", '\\"', ",", ";", ":", "<", ">", "@", "(", ")", "((", "[", "]", ".", "..", "'", "''",
  "%", "%41", "%E3%81%82", "*", "=", "=?", "?=", "=?=", "=?UTF-8?Q?x?=", "=?utf-8?b?44GC?=", "=?x",
  "_", "=20", "=3D", "?", "&amp;", "<b@evil.example>", "b@evil.example", "--", "{}", "|", "~", "$",
  "#", "!", "^", "`", "UTF-8''x", "/a", "=?UTF-8?Q?=3Cb=40evil=2Eexample=3E?=",
}

local GAPS = { " ", " ", " ", " ", " ", " ", "  ", "   ", "", ", ", ". ", " - ", "　" }

-- Words and specials with gaps between them; none at either end.
function M:phrase(most)
  local list = {}
  local n = self:skewed(1, most)
  for i = 1, n do
    list[#list + 1] = self:chance(20) and self:pick(SPECIAL) or self:word()
    if i < n then
      list[#list + 1] = self:pick(GAPS)
    end
  end
  return concat(list)
end

-- A display name.
function M:name()
  if self:chance(3) then
    return (" "):rep(self:integer(0, 2)) .. self:phrase(4) .. (" "):rep(self:integer(1, 2))
  elseif self:chance(2) then
    return self:script_letters(self:integer(300, 1200))
  end
  return self:phrase(self:chance(5) and 80 or 5)
end

function M:subject()
  if self:chance(3) then
    return self:script_letters(self:integer(300, 3000))
  end
  return self:phrase(self:chance(20) and 100 or 12)
end

-- A file's name, without what makes it a path.
function M:file_name()
  local name = self:phrase(self:chance(10) and 50 or 4):gsub("[/\\]", "")
  local extension = self:pick { "", ".txt", ".pdf", ".TAR.gz", "." .. self:word() }
  return (name == "" and "x" or name) .. extension
end

-- --- Addresses ---------------------------------------------------------------------------------

local ATEXT = letters "abcxyzABCXYZ0123456789!#$%&'*+-/=?^_`{|}~"
local QUOTED = letters "ab@ .,;:<>()[]\"\\"
local DOMAINS = {
  "example.com", "Example.ORG", "mail.example.co.jp", "x.example", "example.test", "xn--r8jz45g.jp",
  "例え.jp", "bücher.example",
}
local LITERALS = { "[192.0.2.1]", "[IPv6:2001:db8::1]" }

---@param kinds table? how many of a hundred are so: utf8, quoted, literal; 10 by default
function M:local_part(kinds)
  if self:chance(kinds and kinds.utf8 or 10) then
    return self:script_letters(self:skewed(1, 10))
  elseif self:chance(kinds and kinds.quoted or 10) then
    return self:letters_of(QUOTED, self:skewed(1, 20))
  end
  local atoms = {}
  for i = 1, self:skewed(1, 4) do
    atoms[i] = self:letters_of(ATEXT, self:skewed(1, 12))
  end
  return concat(atoms, ".")
end

function M:domain(kinds)
  return self:pick(self:chance(kinds and kinds.literal or 10) and LITERALS or DOMAINS)
end

---@return table parts { name or nil, local_part, domain }
function M:address(kinds)
  return {
    name = self:chance(80) and self:name() or nil, local_part = self:local_part(kinds),
    domain = self:domain(kinds),
  }
end

function M:addresses(most, kinds)
  local list = {}
  for i = 1, self:skewed(1, most) do
    list[i] = self:address(kinds)
  end
  return list
end

return M
