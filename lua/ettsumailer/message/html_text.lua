-- Plain text that says what an HTML document says.
-- Why: a mail without a text part is taken for spam, and cannot be read everywhere.
-- Not: layout, styles, scripts; nothing is fetched. Linear in its input, whatever that is.

local entities = require "ettsumailer.message.html_entities"
local world = require "ettsumailer.world"

local concat, max = table.concat, math.max

local M = {}

local WEIGHT = 8 -- an octet here is as much work as so many of a content that is encoded

-- Line breaks that an element brings in front of and behind it; two leave an empty line.
local BREAKS = {}
for name in ("p h1 h2 h3 h4 h5 h6 ul ol dl table blockquote pre hr"):gmatch "%S+" do
  BREAKS[name] = 2
end
for name in ("div li tr dt dd section article header footer main nav aside address form fieldset "
  .. "figure figcaption caption body html center details summary option"):gmatch "%S+" do
  BREAKS[name] = 1
end

-- Whose content is not shown.
local HIDDEN = { script = true, style = true, title = true, template = true, textarea = true }

local LINKS = { http = true, https = true, mailto = true, tel = true }

local Text = {}
Text.__index = Text

-- Lists within lists and quotes within quotes beyond this add nothing.
local DEPTH = 20

function Text:break_line(count)
  self.breaks = max(self.breaks, count)
  self.space = false
end

function Text:put(piece)
  if piece == "" then
    return
  end
  if self.breaks > 0 or #self.pieces == 0 then
    if #self.pieces > 0 then
      self.pieces[#self.pieces + 1] = ("\n"):rep(self.breaks)
    end
    self.pieces[#self.pieces + 1] = self.margin
  elseif self.space then
    self.pieces[#self.pieces + 1] = " "
  end
  self.pieces[#self.pieces + 1] = piece
  self.breaks, self.space, self.is_fresh_item = 0, false, false
end

-- Text between tags: white space is one space, or itself in <pre>.
function Text:say(text)
  text = entities.decode(text)
  if self.pre > 0 then
    for line, line_end in text:gsub("\r\n?", "\n"):gmatch "([^\n]*)(\n?)" do
      self:put(line)
      if line_end ~= "" then
        self.breaks = self.breaks + 1
      end
    end
    return
  end
  for space, word in text:gmatch "([ \t\r\n\f]*)([^ \t\r\n\f]*)" do
    self.space = (self.space or space ~= "") and self.breaks == 0
    self:put(word)
  end
end

-- What the lines of lists and quotes begin with.
function Text:set_margin()
  local pieces = {}
  for i = 1, #self.marks do
    pieces[i] = i <= DEPTH and self.marks[i] or ""
  end
  self.margin = concat(pieces)
end

function Text:enter(mark)
  if #self.marks < DEPTH then
    self.marks[#self.marks + 1] = mark
    self:set_margin()
  else
    self.beyond = self.beyond + 1
  end
end

function Text:leave()
  if self.beyond > 0 then
    self.beyond = self.beyond - 1
  elseif #self.marks > 0 then
    self.marks[#self.marks] = nil
    self:set_margin()
  end
end

-- The item of the present list that is open, if one is, is over.
function Text:leave_item()
  if self.in_item[#self.lists] then
    self.in_item[#self.lists] = nil
    self:leave()
  end
end

local function attribute(tag, name)
  local _, at = tag:lower():find("[ \t\r\n\f/\"']" .. name .. "[ \t\r\n\f]*=[ \t\r\n\f]*")
  if not at then
    return nil
  end
  local quote = tag:match("^[\"']", at + 1)
  local value = quote and tag:match("^" .. quote .. "([^" .. quote .. "]*)", at + 1)
    or tag:match("^[^ \t\r\n\f>]*", at + 1)
  return (entities.decode(value):gsub("[%z\1-\32]+", " "))
end

local OPEN, CLOSE = {}, {}

function OPEN.br(self)
  self.breaks, self.space = self.breaks + 1, false
end

function OPEN.hr(self)
  self:put("-----")
end

function OPEN.td(self)
  self.space = self.breaks == 0
end
OPEN.th = OPEN.td

function OPEN.ul(self)
  self.lists[#self.lists + 1] = false
end

function OPEN.ol(self)
  self.lists[#self.lists + 1] = 0
end

function CLOSE.ul(self)
  self:leave_item()
  self.lists[#self.lists] = nil
end
CLOSE.ol = CLOSE.ul

-- The mark stands on the item's first line, as many spaces on the others.
function OPEN.li(self)
  local number = self.lists[#self.lists]
  local mark = "- "
  if number then
    self.lists[#self.lists] = number + 1
    mark = ("%d. "):format(number + 1)
  end
  self:leave_item()
  self.in_item[#self.lists] = true
  self:put(mark)
  self:enter((" "):rep(#mark))
  self.is_fresh_item = true
end

CLOSE.li = Text.leave_item

function OPEN.blockquote(self)
  self:enter "> "
end

CLOSE.blockquote = Text.leave

function OPEN.pre(self)
  self.pre = self.pre + 1
end

function CLOSE.pre(self)
  self.pre = max(self.pre - 1, 0)
end

function OPEN.img(self, tag)
  local alt = attribute(tag, "alt")
  if alt and alt:find "%S" then
    self:put(alt)
  end
end

function OPEN.a(self, tag)
  self.href, self.link_at = attribute(tag, "href"), #self.pieces
end

-- The address behind the words, unless they are the address.
function CLOSE.a(self)
  local href = self.href
  self.href = nil
  local scheme = href and href:match "^(%a+):"
  if not scheme or not LINKS[scheme:lower()] then
    return
  end
  local shown = concat(self.pieces, "", self.link_at + 1):gsub("^%s+", "")
  local bare = href:gsub("^[%a]+:/*", "")
  if shown ~= href and shown ~= bare and shown ~= bare:gsub("/$", "") then
    self.space = self.breaks == 0
    self:put("<" .. href .. ">")
  end
end

-- Where a tag ends: at the first > that is in no quotes. A quote that has no end is none.
local function tag_end(self, html, at)
  while true do
    local found = html:find("[>\"']", at)
    local c = found and html:sub(found, found)
    if not found or c == ">" then
      return found
    end
    local close = not self.no_more[c] and html:find(c, found + 1, true)
    if not close then
      self.no_more[c] = true
    end
    at = (close or found) + 1
  end
end

-- Behind the end of an element whose content is not shown.
local function skip_hidden(self, name, at)
  local _, stop = self.lower:find("</" .. name, at, true)
  return stop and (self.html:find(">", stop, true) or #self.html) + 1 or #self.html + 1
end

local function breaks_of(self, name, is_close)
  local is_inner = (name == "ul" or name == "ol") and #self.lists > (is_close and 1 or 0)
  return is_inner and 1 or BREAKS[name]
end

local function element(self, tag, is_close, name)
  local breaks = breaks_of(self, name, is_close)
  local action = (is_close and CLOSE or OPEN)[name]
  if breaks and (is_close or not self.is_fresh_item) then
    self:break_line(breaks)
  end
  if action then
    action(self, tag)
  end
  if breaks and (is_close or name == "hr") then
    self:break_line(breaks)
  end
end

-- A tag that begins at `at`. Returns where to go on.
local function read_tag(self, at)
  local html = self.html
  local slash, name = html:match("^<(/?)(%a[%w:-]*)", at)
  if not name then
    self:say "<"
    return at + 1
  end
  name = name:lower()
  local stop = tag_end(self, html, at + 1 + #slash + #name)
  if not stop then
    return #html + 1
  end
  if HIDDEN[name] and slash == "" then
    return skip_hidden(self, name, stop + 1)
  end
  element(self, html:sub(at, stop), slash == "/", name)
  return stop + 1
end

-- Comments, <!DOCTYPE> and their kind. Returns where to go on; nil where there is none.
local function skip_declaration(html, at)
  local close, _
  if html:find("^<!%-%-", at) then
    _, close = html:find("-->", at + 4, true)
  elseif html:find("^<[!?]", at) then
    close = html:find(">", at, true)
  else
    return nil
  end
  return (close or #html) + 1
end

---@param html string  UTF-8; of no well-formedness
---@return string text  UTF-8, lines end with LF
function M.of(html)
  local self = setmetatable({
    html = html, lower = html:lower(), pieces = {}, breaks = 0, space = false, margin = "", pre = 0,
    marks = {}, beyond = 0, lists = {}, in_item = {}, no_more = {},
  }, Text)
  local at, work = 1, world.work()
  while at <= #html do
    local from = at
    local start = html:find("<", at, true) or #html + 1
    if start > at then
      self:say(html:sub(at, start - 1))
    end
    at = start <= #html and (skip_declaration(html, start) or read_tag(self, start)) or start
    if work then
      work:done(WEIGHT * (at - from))
    end
  end
  local text = concat(self.pieces):gsub("\194\160", " "):gsub("[ \t]+\n", "\n")
  return #self.pieces > 0 and text .. "\n" or ""
end

return M
