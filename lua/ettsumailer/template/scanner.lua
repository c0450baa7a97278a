-- The tags of a Mustache template, in their order, with what each takes away of the text around it.
-- Why: delimiters change on the way, and a line of tags alone leaves no empty line behind.
-- Not: how tags belong together (parser.lua), nor what they mean (compile.lua).

local concat = table.concat

local M = {}

-- What a tag begins with: how its content ends, in front of the closing delimiter.
local ENDS = { ["{"] = "}", ["="] = "=" }
local KINDS = {
  ["#"] = true, ["^"] = true, ["/"] = true, [">"] = true, ["<"] = true, ["$"] = true,
  ["&"] = true, ["!"] = true, ["{"] = true, ["="] = true,
}

-- Tags that may have a line for themselves; of > there may be one only.
local CAN_BE_ALONE = {
  ["#"] = true, ["^"] = true, ["/"] = true, ["<"] = true, ["$"] = true, ["!"] = true,
  ["="] = true, [">"] = true,
}
local OPENS = { ["#"] = true, ["^"] = true, ["$"] = true }

local TAGS_MAX = 100000
local DELIMITER_MAX, NAME_MAX = 32, 1000

---A tag. What stands between the spans of two tags is text.
---@class ettsumailer.template.tag
---@field kind string      "#" "^" "/" ">" "<" "$" "&" "!" "=" or "name"
---@field name string      its content, without the spaces around it
---@field at integer       where it begins
---@field stop integer     where it ends
---@field from integer     where its span begins: before the white space of a line of its own
---@field to integer       where its span ends: behind that line's end
---@field is_alone boolean it stands on a line of tags only
---@field lead string?     the white space in front of it, when nothing else is there on its line
---@field open string      the delimiters that are in force behind it
---@field close string

local function set_delimiters(self, content)
  local open, close = content:match "^%s*(%S+)%s+(%S+)"
  local behind = content:match "^%s*%S+%s+%S+()"
  if not open or content:find("%S", behind) or open:find("=", 1, true) or close:find("=", 1, true)
    or #open > DELIMITER_MAX or #close > DELIMITER_MAX then
    return nil, "this sets no delimiters: {{=<% %>=}} does"
  end
  self.open, self.close = open, close
  return true
end

local function problem_with_name(self, name)
  if #name > NAME_MAX then
    return "this name is too long: a tag that is not closed?"
  elseif name == "" then
    return "a tag without a name"
  elseif name:find(self.open, 1, true) then
    return "this tag is not closed"
  elseif name:find "%c" then
    return "there is a line end or a control character within this tag"
  end
end

-- What a tag says, in a table; or nil and why it is none.
local function tag_of(self, kind, content)
  if kind == "=" then
    local ok, why = set_delimiters(self, content)
    return ok and {}, why
  elseif kind == "!" then
    return {}
  end
  local name = content:match("^.*%S", content:find "%S") or ""
  local problem = problem_with_name(self, name)
  return not problem and { name = name }, problem
end

-- What kind of tag begins behind the delimiter, and where its content does.
local function kind_at(text, at)
  local first = text:find("%S", at) or #text + 1
  local sigil = text:sub(first, first)
  if KINDS[sigil] then
    return sigil, first + 1
  end
  return "name", first
end

-- The tag that begins at `at`; or nil and why it is none.
local function read_tag(self, at)
  local open, close = self.open, self.close
  local kind, from = kind_at(self.text, at + #open)
  local stop, to = self.text:find((ENDS[kind] or "") .. close, from, true)
  if not stop then
    return nil, "this tag is not closed"
  end
  local tag, why = tag_of(self, kind, self.text:sub(from, stop - 1))
  if not tag then
    return nil, why
  end
  tag.kind = kind == "{" and "&" or kind
  tag.at, tag.stop, tag.from, tag.to, tag.is_alone = at, to, at, to, false
  tag.open, tag.close = self.open, self.close
  return tag
end

local function read_tags(self)
  local tags = {}
  local at = self.text:find(self.open, 1, true)
  while at do
    local tag, why = read_tag(self, at)
    if not tag or #tags >= TAGS_MAX then
      return nil, why or "more tags than a template may have", at
    end
    tags[#tags + 1] = tag
    at = self.text:find(self.open, tag.stop + 1, true)
  end
  return tags
end

-- The last of the tags that are on one line with the given one.
local function last_of_line(self, tags, i)
  while tags[i + 1] do
    if self.newline <= tags[i].stop then
      self.newline = self.text:find("\n", tags[i].stop + 1, true) or #self.text + 1
    end
    if self.newline < tags[i + 1].at then
      return i
    end
    i = i + 1
  end
  return i
end

-- One tag of a line, with those in front of it on the same line.
local function may_be_alone(line, tag)
  if not CAN_BE_ALONE[tag.kind] or (tag.kind == ">" and line.count > 1) then
    return false
  elseif tag.kind == "/" and line.opened[tag.name] then
    return false -- opened and closed on one line: what it holds is text of that line
  elseif OPENS[tag.kind] then
    line.opened[tag.name] = true
  end
  return true
end

-- True where all tags of the line can be alone, with nothing but white space between them.
local function is_line_of_tags(self, tags, first, last)
  local line = { count = last - first + 1, opened = {} }
  for i = first, last do
    local gap_ends = i < last and tags[i + 1].at - 1 or tags[i].stop
    if not may_be_alone(line, tags[i])
      or self.text:sub(tags[i].stop + 1, gap_ends):find "[^ \t]" then
      return false
    end
  end
  return true
end

-- Gives the white space and the line's end to the tags of a line that has nothing else.
local function take_line(self, tags, first, last)
  local text = self.text
  local before = tags[first - 1]
  local base = before and before.stop or 0
  local line = base + (text:sub(base + 1, tags[first].at - 1):match "^.*\n()" or 1)
  local lead = text:sub(line, tags[first].at - 1)
  if lead:find "[^ \t]" then
    return
  end
  tags[first].lead = lead
  local behind = text:match("^[ \t]*\r?\n()", tags[last].stop + 1)
    or text:match("^[ \t]*()$", tags[last].stop + 1)
  if not behind or not is_line_of_tags(self, tags, first, last) then
    return
  end
  tags[first].from, tags[last].to = line, behind - 1
  for i = first, last do
    tags[i].is_alone, tags[i].lead = true, lead
    if i < last then
      tags[i].to = tags[i + 1].at - 1
    end
  end
end

---@param text string
---@param open string   the delimiters at its beginning
---@param close string
---@return ettsumailer.template.tag[]?
---@return string? why    it cannot be read
---@return integer? at
function M.scan(text, open, close)
  local self = { text = text, open = open, close = close, newline = 0 }
  local tags, why, at = read_tags(self)
  if not tags then
    return nil, why, at
  end
  local first = 1
  while first <= #tags do
    local last = last_of_line(self, tags, first)
    take_line(self, tags, first, last)
    first = last + 1
  end
  return tags
end

---The text with each line indented, and what they had in common of white space taken away before.
---@param text string
---@param indent string   in front of every line
---@param dedent integer  octets of white space that lines lose at most
---@param is_first_kept boolean  the first line gets no indent
---@return string
function M.reindented(text, indent, dedent, is_first_kept)
  local lines, at = {}, 1
  while at <= #text do
    local stop = text:find("\n", at, true) or #text
    local own = #text:match("^[ \t]*", at)
    local prefix = is_first_kept and at == 1 and "" or indent
    lines[#lines + 1] = prefix .. text:sub(at + (own < dedent and own or dedent), stop)
    at = stop + 1
  end
  return concat(lines)
end

return M
