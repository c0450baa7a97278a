-- Messages made at random from a seed: what support/generator.lua makes, and from, to, texts,
-- attachments and trees of parts on top. A message is a description (tables and strings); who
-- composes it and compares is the spec.

local M = require "support.generator"

local char, concat, insert = string.char, table.concat, table.insert
local ipairs, pairs, sort = ipairs, pairs, table.sort

local STARTS = {
  ".", "..", ". ", "From ", ">From ", "--", "--=_", "-- ", " ", "\t", "=", "Subject: x",
}
local ENDS = { " ", "   ", "\t", " \t", ".", "=", "=20" }

function M:line()
  if self:chance(10) then
    return self:pick(STARTS)
  elseif self:chance(3) then
    return self:script_letters(self:integer(900, 6000))
  end
  return (self:chance(15) and self:pick(STARTS) or "") .. self:phrase(12)
    .. (self:chance(15) and self:pick(ENDS) or "")
end

-- Of ASCII only, or of all scripts; with LF, CRLF or both; with or without an end of the last line.
function M:text()
  local lines = {}
  local ends = self:pick { { "\n" }, { "\n" }, { "\r\n" }, { "\n", "\r\n" } }
  local n = self:skewed(0, 200)
  for _ = 1, n do
    lines[#lines + 1] = self:chance(10) and "" or self:line()
    lines[#lines + 1] = self:pick(ends)
  end
  if self:chance(30) then
    lines[#lines] = nil
  end
  local text = concat(lines)
  return self:chance(30) and text:gsub("[\128-\255]+", "x") or text
end

-- Octets: slices of a block of random ones.
function M:octets(n)
  if not self.block then
    local block = {}
    for i = 1, 4096 do
      block[i] = char(self:integer(0, 255))
    end
    self.block = concat(block)
  end
  local list = {}
  while n > 0 do
    local at = self:integer(1, 4096)
    local slice = self.block:sub(at, at + n - 1)
    insert(list, slice)
    n = n - #slice
  end
  return concat(list)
end

local TYPES = {
  "application/octet-stream", "application/pdf", "image/png", "application/zip", "x-a/b.c+d",
}

function M:attachment()
  local part = { filename = self:file_name() }
  if self:chance(20) then
    part.type, part.charset, part.content = "text/plain", "utf-8", self:text()
  else
    local n = self:chance(50) and self:skewed(0, 1000) or self:skewed(0, 100000)
    part.type, part.content = self:pick(TYPES), self:octets(n)
  end
  return part
end

function M:image(i)
  return {
    type = "image/png", content = self:octets(self:skewed(1, 5000)), disposition = "inline",
    filename = self:file_name(),
    content_id = ("image%d.%d@example.com"):format(i, self:integer(1, 1000000)),
  }
end

local function leaf(type, text)
  return { type = type, content = text, text = true }
end

-- text, html or both in an alternative; the html may have images beside it.
function M:body()
  local html = leaf("text/html", "<p>" .. self:text():gsub("[<&]", "") .. "</p>")
  if self:chance(30) then
    local related = { multipart = "related", html }
    for i = 1, self:integer(1, 2) do
      insert(related, self:image(i))
    end
    html = related
  end
  local kind = self:integer(1, 10)
  if kind <= 4 then
    return leaf("text/plain", self:text())
  end
  return kind == 5 and html or { multipart = "alternative", leaf("text/plain", self:text()), html }
end

-- The body, attachments beside it, attachments in a mixed of their own.
function M:tree()
  local body = self:body()
  if self:chance(40) then
    return body
  end
  local mixed = { multipart = "mixed", body }
  for _ = 1, self:skewed(1, 4) do
    insert(mixed, self:attachment())
  end
  if self:chance(20) then
    local inner = { multipart = "mixed", self:attachment() }
    insert(mixed, { multipart = "mixed", self:attachment(), inner })
  end
  return mixed
end

local USUAL = { utf8 = 0, quoted = 3, literal = 3 }
local SMTPUTF8 = { utf8 = 70, quoted = 0, literal = 0 }

function M:groups()
  local list = self:addresses(3, USUAL)
  if self:chance(10) then
    local group = { group = self:phrase(4) }
    for i = 1, self:integer(0, 3) do
      group[i] = self:address(USUAL)
    end
    insert(list, self:integer(1, #list), group)
  end
  return list
end

local OPTIONAL = {
  reply_to = function(self) return self:addresses(2, USUAL) end,
  cc = function(self) return self:addresses(5, USUAL) end,
  bcc = function(self) return self:addresses(5, USUAL) end,
}
local NAMES = {}
for name in pairs(OPTIONAL) do
  NAMES[#NAMES + 1] = name
end
sort(NAMES)

function M:authors()
  return self:addresses(self:chance(5) and 3 or 1, self:chance(4) and SMTPUTF8 or USUAL)
end

-- from, to and the like are lists of parts, to one of groups too; tree is a leaf or a multipart.
function M:message()
  local message = {
    from = self:authors(), to = self:groups(),
    subject = self:subject(), headers = {}, tree = self:tree(),
    date = self:integer(0, 2000000000), zone_minutes = 15 * self:integer(-48, 56),
    entropy = self:octets(32),
  }
  if #message.from > 1 or self:chance(5) then
    message.sender = self:address(USUAL)
  end
  for _, name in ipairs(NAMES) do
    message[name] = self:chance(30) and OPTIONAL[name](self) or nil
  end
  for i = 1, self:skewed(0, 4) do
    message.headers[i] = { ("X-Field-%d"):format(i), self:subject() }
  end
  return message
end

return M
