-- core.convert, core.encode_words, core.decode_words: what is sent in other charsets is what Python's
-- codecs, which share no code with iconv, read again; and what does not fit is never sent as another.

local core = require "ettsumailer.core"

-- Lines of "codec charset hex-of-words" in; hex of the text they show out, or what is wrong.
local READER = [[
import base64, binascii, quopri, re, sys
from email.header import decode_header

def show(codec, charset, words):
    shown = ""
    for word in words.split(" "):
        found = re.fullmatch(r"=\?([^?]+)\?([BQ])\?([!-~]*)\?=", word)
        if not found or len(word) > 75 or found.group(1) != charset:
            return "no word of %s: %s" % (charset, word)
        text = found.group(3)
        if found.group(2) == "B":
            octets = base64.b64decode(text, validate=True)
        else:
            octets = quopri.decodestring(text.replace("_", " "))
        if b"\x1b" in octets and octets.rfind(b"\x1b") != octets.rfind(b"\x1b(B"):
            return "does not end in ASCII: " + word
        part = octets.decode(codec)
        if not part:
            return "an empty word: " + word
        shown += part
    whole = "".join(t.decode(c) if c else str(t) for t, c in
                    [(t, codec if c else c) for t, c in decode_header(words)])
    if whole != shown:
        return "read otherwise as a whole: " + words
    return binascii.hexlify(shown.encode()).decode()

for line in sys.stdin.buffer:
    verb, codec, charset, text = line.decode().rstrip("\n").split(" ")
    text = binascii.unhexlify(text)
    try:
        if verb == "words":
            print(show(codec, charset, text.decode("ascii")))
        elif verb == "decode":
            print(binascii.hexlify(text.decode(codec).encode()).decode())
        else:
            print(binascii.hexlify(text.decode().encode(codec)).decode())
    except Exception as problem:
        print("%s: %r" % (type(problem).__name__, problem))
]]

local function hex(text)
  return (text:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

local function unhex(text)
  return (text:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end))
end

local function write_file(content)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(content)
  file:close()
  return path
end

-- requests: lists of verb, codec, charset, text. Returns Python's answers, in their order.
local function ask_python(requests)
  local lines, answers = {}, {}
  for i, r in ipairs(requests) do
    lines[i] = ("%s %s %s %s\n"):format(r[1], r[2], r[3], hex(r[4]))
  end
  local script, input = write_file(READER), write_file(table.concat(lines))
  local pipe = assert(io.popen(("python3 %s <%s"):format(script, input)))
  for line in pipe:lines() do
    answers[#answers + 1] = line:find "^%x*$" and unhex(line) or line
  end
  pipe:close()
  os.remove(script)
  os.remove(input)
  assert.are.equal(#requests, #answers)
  return answers
end

-- Python's name, and texts that fit.
local CHARSETS = {
  ["ISO-2022-JP"] = { codec = "iso2022_jp", "山田 太郎", "ABC あいう xyz", "¥100 と \\100 ‾~",
    "日本語\r\n二行目\n\n四行目\n" },
  ["Shift_JIS"] = { codec = "shift_jis", "ご注文ありがとう", "ｶﾀｶﾅ とソ表", "C:\\ソ\\~" },
  ["EUC-JP"] = { codec = "euc_jp", "ご注文ありがとう", "ｶﾀｶﾅ 丂丄" },
  ["CP932"] = { codec = "cp932", "①㈱髙～－∥" },
  ["ISO-8859-1"] = { codec = "iso8859_1", "café, naïve, Ærøskøbing", "ÿ¤£" },
  ["ISO-8859-15"] = { codec = "iso8859_15", "100 € œuvre" },
  ["windows-1252"] = { codec = "cp1252", "“quoted” – 100 €…", "façade" },
  ["GB18030"] = { codec = "gb18030", "你好，世界", "𠮷野家 😀 é" },
  ["EUC-KR"] = { codec = "euc_kr", "안녕하세요 세계", "한국어 제목" },
  ["Big5"] = { codec = "big5", "你好世界" },
  ["KOI8-R"] = { codec = "koi8_r", "Привет, мир" },
}

local function each_sample(act)
  for charset, samples in pairs(CHARSETS) do
    for _, text in ipairs(samples) do
      act(charset, samples.codec, text)
    end
  end
end

-- Code point to UTF-8, up to U+FFFF.
local function utf8_of(code)
  local floor, char = math.floor, string.char
  if code < 0x80 then
    return char(code)
  elseif code < 0x800 then
    return char(0xC0 + floor(code / 64), 0x80 + code % 64)
  end
  return char(0xE0 + floor(code / 4096), 0x80 + floor(code / 64) % 64, 0x80 + code % 64)
end

-- The same numbers on every engine.
local function generator(seed)
  return function(n)
    seed = (seed * 16807) % 2147483647
    return seed % n + 1
  end
end

describe("core.convert", function()
  it("makes text that Python reads as it was", function()
    local requests, wanted = {}, {}
    each_sample(function(charset, codec, text)
      local octets = assert(core.convert(text, charset, "UTF-8", true))
      requests[#requests + 1] = { "decode", codec, charset, octets }
      wanted[#wanted + 1] = text
    end)
    assert.are.same(wanted, ask_python(requests))
  end)

  it("reads text that Python wrote", function()
    local requests, wanted, got = {}, {}, {}
    each_sample(function(charset, codec, text)
      requests[#requests + 1] = { "encode", codec, charset, text }
      wanted[#wanted + 1] = text
    end)
    for i, octets in ipairs(ask_python(requests)) do
      got[i] = assert(core.convert(octets, "UTF-8", requests[i][3]))
    end
    assert.are.same(wanted, got)
  end)

  it("sends the marks of Windows as their twins in JIS X 0208", function()
    local twins = {
      ["～"] = "!A", ["－"] = "!]", ["∥"] = "!B", ["￠"] = "!q", ["￡"] = "!r", ["￢"] = '"L', ["—"] = "!=",
      ["〜"] = "!A", ["−"] = "!]", ["‖"] = "!B", ["¢"] = "!q", ["£"] = "!r", ["¬"] = '"L', ["―"] = "!=",
    }
    for mark, octets in pairs(twins) do
      assert.are.equal("\27$B" .. octets .. "\27(B", core.convert(mark, "ISO-2022-JP", "UTF-8", true))
      assert.are.equal("\27$B" .. octets .. "\27(B", core.convert(mark, "iso-2022-jp", "UTF-8", true))
    end
    for _, charset in ipairs { "EUC-JP", "Shift_JIS" } do
      assert.are.equal(core.convert("〜−‖¢£¬―", charset), core.convert("～－∥￠￡￢—", charset, nil, true))
    end
    assert.are.equal("\129\96", core.convert("～", "CP932")) -- where it has a place of its own
  end)

  it("widens half-width kana for ISO-2022-JP alone", function()
    local function same(wide, half)
      local octets = assert(core.convert(wide, "ISO-2022-JP", "UTF-8", true))
      assert.are.equal(octets, core.convert(half, "ISO-2022-JP", "UTF-8", true))
    end
    same("ガギグゲゴ パピプペポ ヴ", "ｶﾞｷﾞｸﾞｹﾞｺﾞ ﾊﾟﾋﾟﾌﾟﾍﾟﾎﾟ ｳﾞ")
    same("「カタカナ」、・。ーッ", "｢ｶﾀｶﾅ｣､･｡ｰｯ")
    same("ア゛カ゜゛゜", "ｱﾞｶﾟﾞﾟ")
    assert.are.equal("\182\222", core.convert("ｶﾞ", "Shift_JIS"))
  end)

  it("is in ASCII at the end of each line of ISO-2022-JP, and at the end", function()
    local octets = assert(core.convert("あ\r\nab¥\nいa\n\n¥x\rう", "ISO-2022-JP"))
    for line in octets:gmatch "[^\r\n]+" do
      assert.is_truthy(line:find "\27%(B[^\27]*$", hex(line))
    end
    assert.are.equal("ab", core.convert("ab", "ISO-2022-JP"))
    assert.is_nil(octets:find "[\128-\255]")
  end)

  it("says which character does not fit, and where", function()
    local misfits = { ["①"] = "U+2460", ["㈱"] = "U+3231", ["髙"] = "U+9AD9", ["😀"] = "U+1F600", ["é"] = "U+00E9" }
    for character, name in pairs(misfits) do
      local text, code, message, at = core.convert("あa" .. character .. "い", "ISO-2022-JP", "UTF-8")
      assert.is_nil(text)
      assert.are.same({ "UNFIT", 5 }, { code, at })
      assert.are.equal(("the character %s at byte 5 does not fit the charset ISO-2022-JP"):format(name), message)
      local strictly = { core.convert("あa" .. character, "ISO-2022-JP", "UTF-8", true) }
      assert.are.same({ [2] = "CONFIG", [3] = message, [4] = 5 }, strictly)
    end
  end)

  it("counts the bytes of the text as it was given", function()
    -- ￠ becomes shorter by one, ｶﾞ by three.
    local _, code, message, at = core.convert("￠￡ｶﾞﾊﾟ①", "ISO-2022-JP")
    assert.are.same({ "UNFIT", 19 }, { code, at })
    assert.is_truthy(message:find("U+2460 at byte 19", 1, true))
    for n = 480, 540 do -- around the seam of two pieces
      assert.are.equal(n + 1, (select(4, core.convert(("a"):rep(n) .. "①あ", "ISO-2022-JP"))))
    end
  end)

  it("sends no character that would be read as another or not at all", function()
    local cases = {
      { "¥", "Shift_JIS" }, { "‾", "Shift_JIS" }, { "¥", "EUC-JP" }, { "¥", "CP932" }, { "〜", "CP932" },
      { "a\243\160\129\167b", "ISO-8859-1" }, -- U+E0067: the C library may drop it
      { "a\243\160\129\167b", "ISO-2022-JP" }, { "–", "ISO-8859-1" }, { "\194\133", "windows-1252" },
    }
    for _, case in ipairs(cases) do
      local text, code = core.convert(case[1], case[2])
      assert.are.same({ nil, "UNFIT" }, { text, code }, case[1] .. " in " .. case[2])
    end
  end)

  it("sends every character that it takes so that Python reads the same", function()
    local exchanged = "—∥～－￠￡￢"
    local requests, texts = {}, {}
    local function try(code)
      local text = utf8_of(code)
      local octets = core.convert(text, "ISO-2022-JP")
      if octets and not exchanged:find(text, 1, true) then
        texts[#texts + 1] = text
        requests[#requests + 1] = { "decode", "iso2022_jp", "-", octets }
      end
    end
    for _, range in ipairs { { 0x00, 0xD7FF }, { 0xE000, 0xFF60 }, { 0xFFA0, 0xFFFF } } do -- not the half-width kana
      for code = range[1], range[2] do
        try(code)
      end
    end
    assert.is_true(#texts >= 128 + 6879)
    assert.are.same(texts, ask_python(requests))
  end)

  it("names the charset that is not known", function()
    assert.are.same({ n = 3, nil, "CONFIG", "the charset 'x-klingon' is not known here" },
      { n = 3, core.convert("a", "x-klingon", "UTF-8") })
    assert.are.equal("the charset 'x-klingon' is not known here", (select(3, core.convert("a", "UTF-8", "x-klingon"))))
  end)

  it("lets no suffix, no path and no empty name through to iconv", function()
    local names = { "ISO-2022-JP//TRANSLIT", "ASCII//IGNORE", "/etc/passwd", "", " ", "a b", "UTF-8\0x", "é", "a,b",
      ("a"):rep(41), "a'b", "a\r\nb" }
    for _, name in ipairs(names) do
      for _, answers in ipairs { { core.convert("é", name) }, { core.convert("é", "UTF-8", name) } } do
        assert.are.equal("CONFIG", answers[2])
        assert.is_truthy(answers[3]:find "is no charset's name$", answers[3])
        assert.is_nil(answers[3]:find "%c")
      end
    end
  end)

  it("writes only charsets that leave ASCII as it is, but reads others", function()
    for _, name in ipairs { "UTF-16", "UTF-16LE", "UTF-32", "UTF-7" } do
      local text, code, message = core.convert("a", name)
      assert.are.same({ nil, "CONFIG" }, { text, code })
      assert.is_truthy(message:find("changes ASCII", 1, true), message)
    end
    assert.are.equal("あa", core.convert("\254\255\48\66\0a", "UTF-8", "UTF-16"))
  end)

  it("says where the text is not what it is said to be", function()
    assert.are.same({ n = 4, nil, "CONFIG", "the text is not UTF-8 (byte 3)", 3 },
      { n = 4, core.convert("ab\255", "ISO-2022-JP") })
    assert.are.same({ n = 4, nil, "CONFIG", "the text is not UTF-8 (byte 1)", 1 },
      { n = 4, core.convert("\227\129", "UTF-8", "UTF-8") })
    assert.are.same({ n = 4, nil, "CONFIG", "the text is not EUC-JP (byte 2)", 2 },
      { n = 4, core.convert("a\255", "UTF-8", "EUC-JP") })
    assert.are.same({ n = 4, nil, "CONFIG", "the text is not Shift_JIS (byte 2)", 2 },
      { n = 4, core.convert("a\130", "UTF-8", "Shift_JIS") })
  end)

  it("reads Shift_JIS as everybody writes it", function()
    assert.are.equal("①㈱髙～\\~", core.convert("\135\64\135\138\251\252\129\96\\~", "UTF-8", "Shift_JIS"))
  end)

  it("converts from one charset to another", function()
    assert.are.equal("\27$B$\"\27(B", core.convert("\164\162", "ISO-2022-JP", "EUC-JP"))
    assert.are.equal("あ", core.convert("あ", "UTF-8", "UTF-8"))
    assert.are.equal("あ", core.convert("あ", "utf8"))
  end)

  it("takes empty, long and binary text", function()
    assert.are.equal("", core.convert("", "ISO-2022-JP"))
    assert.are.equal("", core.convert("", "UTF-8", "ISO-2022-JP"))
    assert.are.equal("a\0b\r\n", core.convert("a\0b\r\n", "ISO-8859-1"))
    for n = 1000, 1040 do -- around the end of a block
      local text = ("あa"):rep(n)
      assert.are.equal(text, core.convert(core.convert(text, "ISO-2022-JP"), "UTF-8", "ISO-2022-JP"))
    end
    local long = ("日本語のとても長い文章。\n"):rep(20000)
    assert.are.equal(long, core.convert(core.convert(long, "Shift_JIS"), "UTF-8", "Shift_JIS"))
  end)

  it("refuses what is no string", function()
    for _, arguments in ipairs { {}, { 1, "UTF-8" }, { "a" }, { "a", 1 }, { "a", "UTF-8", 1 }, { "a", {}, "UTF-8" } } do
      assert.is_false((pcall(core.convert, (unpack or table.unpack)(arguments, 1, 3))))
    end
  end)

  it("gives its converters back, whatever the outcome", function()
    local function resident() -- in pages
      local file = io.open "/proc/self/statm"
      local pages = file and tonumber((file:read "*a"):match "^%d+ (%d+)")
      if file then
        file:close()
      end
      return pages
    end
    if not resident() then
      return pending "needs Linux's /proc"
    end
    local function often(n)
      for _ = 1, n do
        assert(core.convert("あ", "ISO-2022-JP"))
        assert.is_nil(core.convert("①", "ISO-2022-JP"))
        assert.is_nil(core.convert("a", "UTF-16"))
        assert.is_nil(core.convert("\255", "UTF-8", "EUC-JP"))
        assert(core.encode_words("あ", "ISO-2022-JP"))
        assert(core.decode_words "=?EUC-JP?B?pKI=?= =?EUC-JP?B?/w==?=")
      end
      collectgarbage()
      collectgarbage()
    end
    often(3000) -- by then the heap is as large as it gets between collections
    local before = resident()
    often(3000) -- 24,000 handles of iconv
    assert.is_true(resident() - before < 500)
  end)
end)

describe("core.encode_words", function()
  -- Hiragana, katakana, kanji and now and then ASCII.
  local function japanese(n, random)
    local characters = {}
    for i = 1, n do
      local kind = random(10)
      if kind == 1 then
        characters[i] = string.char(32 + random(90))
      elseif kind < 5 then
        characters[i] = utf8_of(0x3040 + random(0x53))
      elseif kind < 7 then
        characters[i] = utf8_of(0x30A0 + random(0x53))
      else
        local kanji = { "注", "文", "確", "認", "株", "式", "会", "社", "東", "京", "亜", "熙", "、", "。", "々" }
        characters[i] = kanji[random(#kanji)]
      end
    end
    return table.concat(characters)
  end

  it("makes words of every length of Japanese text that Python reads, one by one and all", function()
    local requests, wanted = {}, {}
    local random = generator(2047)
    for _, charset in ipairs { "ISO-2022-JP", "Shift_JIS", "EUC-JP" } do
      for n = 1, 200 do
        local text = japanese(n, random)
        local words = assert(core.encode_words(text, charset, n % 2 == 0 and "phrase" or "text", true, n % 80))
        assert.is_true(n % 80 > 36 or n % 80 + #words:match "^[^ ]+" <= 76)
        requests[#requests + 1] = { "words", CHARSETS[charset].codec, charset, words }
        wanted[#wanted + 1] = text
      end
    end
    assert.are.same(wanted, ask_python(requests))
  end)

  it("makes words of every sample in its charset", function()
    local requests, wanted = {}, {}
    each_sample(function(charset, codec, text)
      text = text:gsub("[\r\n]", " ")
      for _, place in ipairs { "text", "phrase" } do
        for times = 1, 9, 4 do
          local words = assert(core.encode_words(text:rep(times), charset, place))
          requests[#requests + 1] = { "words", codec, charset, words }
          wanted[#wanted + 1] = text:rep(times)
        end
      end
    end)
    assert.are.same(wanted, ask_python(requests))
  end)

  it("writes B for ISO-2022-JP, and the shorter of B and Q elsewhere", function()
    assert.are.equal("=?ISO-2022-JP?B?GyRCJCIbKEI=?=", core.encode_words("あ", "ISO-2022-JP"))
    assert.are.equal("=?ISO-8859-1?Q?caf=E9?=", core.encode_words("café", "ISO-8859-1"))
    assert.are.equal("=?KOI8-R?B?8NLJ18XU?=", core.encode_words("Привет", "KOI8-R"))
  end)

  it("combines a kana with its mark even where a word ends", function()
    for n = 1, 40 do
      local words = core.encode_words(("ｱ"):rep(n) .. ("ｶﾞ"):rep(30), "ISO-2022-JP")
      assert.are.equal(("ア"):rep(n) .. ("ガ"):rep(30), core.decode_words(words))
    end
  end)

  it("sends a text that does not fit as UTF-8, or says so when it is strict", function()
    assert.are.equal(core.encode_words("㈱髙島屋", "UTF-8"), core.encode_words("㈱髙島屋", "ISO-2022-JP"))
    assert.are.same(
      { n = 4, nil, "CONFIG", "the character U+3231 at byte 4 does not fit the charset ISO-2022-JP", 4 },
      { n = 4, core.encode_words("あ㈱", "ISO-2022-JP", "text", true) })
  end)

  it("refuses control characters, text that is not UTF-8 and charsets that are not known", function()
    assert.are.equal("CONFIG", (select(2, core.encode_words("a\nb", "ISO-2022-JP"))))
    assert.are.equal("CONFIG", (select(2, core.encode_words("a\255", "ISO-2022-JP"))))
    assert.are.equal("the charset 'nothing' is not known here", (select(3, core.encode_words("a", "nothing"))))
  end)
end)

describe("core.decode_words", function()
  it("shows what words of other charsets say", function()
    each_sample(function(charset, _, text)
      if charset ~= "Shift_JIS" then -- read as CP932
        text = text:gsub("[\r\n]", " ")
        assert.are.equal("a " .. text, core.decode_words("a " .. core.encode_words(text, charset)))
      end
    end)
    assert.are.equal("あ①", core.decode_words "=?shift_jis?B?gqCHQA==?=")
    assert.are.equal("あ", core.decode_words "=?x-sjis?B?gqA=?=")
    assert.are.equal("镕", core.decode_words "=?gb2312?B?6UY=?=") -- only in the larger GBK
  end)

  it("leaves words as they are whose charset has no place in a header", function()
    for _, name in ipairs { "UTF-16", "UTF-7", "WCHAR_T", "INTERNAL", "UCS-4", "ISO-2022-JP-3", "nothing" } do
      local word = ("=?%s?Q?abcdefgh?="):format(name)
      assert.are.equal(word, core.decode_words(word))
    end
  end)

  it("leaves words as they are that are not in their charset", function()
    for _, word in ipairs { "=?EUC-JP?Q?=FF?=", "=?ISO-2022-JP?B?GyRC/w==?=", "=?Shift_JIS?Q?=82?=" } do
      assert.are.equal(word, core.decode_words(word))
    end
  end)

  it("joins a character that was parted between two words", function()
    assert.are.equal("あ", core.decode_words "=?EUC-JP?Q?=A4?= =?euc-jp?Q?=A2?=")
  end)
end)
