-- Messages in ISO-2022-JP, made at random as support/generator_messages.lua makes those in UTF-8.
-- Of characters that all decoders agree about: ～ and its kind, which they do not, are left to
-- spec/unit/charset_spec.lua.

local concat = table.concat

local M = {}

local WORDS = {}
for word in ([[ご注文 ありがとう ございます 株式会社 山田太郎 佐藤 請求書 一覧表 売上 報告 カタカナ ひらがな 東京都
  ｶﾅ ﾊﾟｿｺﾝ ｶﾞｽ ￥5,000 、。 「」 plain Hello ABC 10% #1 x 01 Re: 亜熙 ∀々〆]]):gmatch "[^%s]+" do
  WORDS[#WORDS + 1] = word
end

local function words(random, most, gap)
  local list = {}
  for i = 1, random:skewed(1, most) do
    list[i] = random:pick(WORDS)
  end
  return concat(list, gap)
end

local function line(random, most)
  return words(random, most, random:chance(30) and " " or "")
end

local function text(random)
  local lines = {}
  for i = 1, random:skewed(1, 20) do
    lines[i] = line(random, random:chance(10) and 400 or 12)
  end
  return concat(lines, "\n") .. "\n"
end

local function mailbox(random, number)
  return {
    name = random:chance(80) and line(random, 8) or nil, local_part = "user" .. number,
    domain = "example.jp",
  }
end

local function leaf(random, media_type)
  return { type = media_type, text = true, content = text(random) }
end

local function attachment(random)
  return {
    type = "application/octet-stream", content = random:octets(random:skewed(0, 100)),
    filename = line(random, 20) .. ".dat", disposition = "attachment",
  }
end

---@param random table  of support/generator.lua
---@return table given  as of generator_messages, with charset
function M.message(random)
  local tree = leaf(random, "text/plain")
  if random:chance(40) then
    tree = { multipart = "alternative", tree, leaf(random, "text/html") }
  end
  if random:chance(50) then
    local more = random:chance(30) and attachment(random) or nil
    tree = { multipart = "mixed", tree, attachment(random), more }
  end
  local to = { mailbox(random, 2), mailbox(random, 3) }
  if random:chance(20) then
    to[3] = { group = line(random, 4), mailbox(random, 4) }
  end
  return {
    charset = "ISO-2022-JP", from = { mailbox(random, 1) }, to = to, subject = line(random, 40),
    headers = { { "X-Field-1", line(random, 40) } }, tree = tree,
    date = random:integer(0, 2000000000), zone_minutes = 540, entropy = random:octets(32),
  }
end

return M
