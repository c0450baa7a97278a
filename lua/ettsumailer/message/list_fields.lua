-- The fields of mailing lists: List-Id (RFC 2919), List-Help and its kind (RFC 2369), and what
--  mailbox providers want of bulk mail, the unsubscription in one click (RFC 8058).
-- Why: a URL that is none there makes the field worth nothing, and nobody is told.
-- Not: signing them, which RFC 8058 4 also asks for.

local core = require "ettsumailer.core"
local errors = require "ettsumailer.errors"
local options = require "ettsumailer.options"

local error, ipairs, type = error, ipairs, type
local concat = table.concat

local M = {}

---Of mailing lists (RFC 2369, 2919): a URL each, or a list of them, the best first; each may be
---{ url =, comment = }.
--- id                 "Name <label.example.com>", or { id =, name = }
--- help, unsubscribe, subscribe, owner, archive   URLs
--- post               URLs; false says that nobody can post
--- one_click          true: the https URL of unsubscribe takes a POST that ends the subscription
---                    (RFC 8058)
M.FIELDS = {
  id = "table or string", help = "urls", unsubscribe = "urls", subscribe = "urls", post = "urls",
  owner = "urls", archive = "urls", one_click = "boolean",
}

local ID = { id = "string", name = "string" }
local LINK = { url = "string", comment = "string" }

local NAMES = {
  { "help", "List-Help" }, { "unsubscribe", "List-Unsubscribe" }, { "subscribe", "List-Subscribe" },
  { "post", "List-Post" }, { "owner", "List-Owner" }, { "archive", "List-Archive" },
}

-- What has to stand behind each scheme.
local SCHEMES = {
  https = "^//[^/?#]", http = "^//[^/?#]", ftp = "^//[^/?#]", mailto = "^[^?@]+@[^?@]",
}

local function refuse(field, text)
  return errors.refuse("CONFIG", ("list.%s: %s"):format(field, text))
end

-- RFC 3986 2: what a URL is written with. Returns its scheme; or nil, err.
local function scheme_of(field, url)
  local scheme, rest = url:match "^(%a[%w+.-]*):(.*)$"
  local pattern = scheme and SCHEMES[scheme:lower()]
  if not pattern then
    return refuse(field, "give a URL such as https://example.com/list or mailto:list@example.com")
  elseif not rest:find(pattern) then
    return refuse(field, ("a %s URL without its host or address"):format(scheme:lower()))
  elseif url:find "[^%w%-._~:/?#%[%]@!$&'()*+,;=%%]" or url:gsub("%%%x%x", ""):find "%%" then
    return refuse(field, "a URL holds only the characters of RFC 3986; write others as %XX")
  end
  return scheme:lower()
end

-- A name; in a charset other than UTF-8 where the message has one.
local function phrase_of(text, charset)
  if charset and text:find "[\128-\255]" then
    return core.encode_words(text, charset.name, "phrase", charset.is_strict)
  end
  return core.encode_header(text, "phrase")
end

-- "a) b" as a comment that ends where it should (RFC 5322 3.2.2).
local function comment_of(text, charset)
  if text:find "[\128-\255]" then
    return phrase_of(text, charset)
  end
  return (text:gsub("[()\\]", "\\%0"))
end

-- Each link as { url, comment }.
local function links_of(value)
  local list = type(value) == "table" and value.url == nil and value or { value }
  local links = {}
  for i, item in ipairs(list) do
    links[i] = type(item) == "string" and { url = item } or item
  end
  return links
end

-- The value of a field; and how many URLs of each scheme are in it.
local function value_of(field, links, charset)
  local pieces, schemes = {}, {}
  for i, link in ipairs(links) do
    local scheme, err = scheme_of(field, link.url)
    if not scheme then
      return nil, err
    end
    schemes[scheme] = (schemes[scheme] or 0) + 1
    pieces[i] = ("<%s>"):format(link.url)
    if link.comment then
      local comment, _, why = comment_of(link.comment, charset)
      if not comment then
        return refuse(field, why)
      end
      pieces[i] = ("%s (%s)"):format(pieces[i], comment)
    end
  end
  return concat(pieces, ", "), schemes
end

-- RFC 2919 3: a dot-atom of two labels or more, at most 255 octets.
local function is_list_id(id)
  return #id <= 255 and id:find "^[%w!#$%%&'*+/=?^_`{|}~%-.]+$" and id:find("[^.]%.[^.]")
    and not ("." .. id .. "."):find("..", 1, true)
end

-- "Name <id>" or "id", as { name, id }.
local function split_id(text)
  local name, id = text:match "^%s*(.-)%s*<([^<>]*)>%s*$"
  return { name = name ~= "" and name or nil, id = id or text }
end

-- RFC 2919 2: an optional phrase, and the identifier.
local function id_of(value, charset)
  local given = type(value) == "string" and split_id(value) or value
  if not is_list_id(given.id) then
    return refuse("id", "not a list identifier such as <news.example.com>")
  end
  if not given.name then
    return ("<%s>"):format(given.id)
  end
  local phrase, _, why = phrase_of(given.name, charset)
  if not phrase then
    return refuse("id", why)
  end
  return ("%s <%s>"):format(phrase, given.id)
end

-- RFC 8058 3.1: exactly one https URL, no other of its kind.
local function check_one_click(schemes)
  if schemes.https ~= 1 or schemes.http then
    return refuse("one_click", "unsubscribe must have exactly one https URL, and none of http")
  end
  return true
end

local function add(message, field, name, value)
  local ok, code, why = message:header("ready", name, value)
  if not ok then
    return errors.refuse(code, ("list.%s: %s"):format(field, why))
  end
  return true
end

local function add_links(message, field, name, given, charset)
  if field == "post" and given.post == false then
    return add(message, field, name, "NO")
  end
  local value, schemes = value_of(field, links_of(given[field]), charset)
  if not value then
    return nil, schemes
  end
  local ok, err = add(message, field, name, value)
  if ok and field == "unsubscribe" and given.one_click then
    ok, err = check_one_click(schemes)
    if ok then
      ok, err = add(message, field, "List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
    end
  end
  return ok, err
end

---Adds the fields.
---@param message userdata  of the core, not sealed
---@param given table       of M.FIELDS, checked
---@param charset table?    { name, is_strict }: of names and comments, where not UTF-8
---@return true?
---@return ettsumailer.error?
function M.add(message, given, charset)
  if given.id then
    local value, err = id_of(given.id, charset)
    if not value then
      return nil, err
    end
    local ok
    ok, err = add(message, "id", "List-Id", value)
    if not ok then
      return nil, err
    end
  end
  if given.one_click and not given.unsubscribe then
    return refuse("one_click", "unsubscribe must be given")
  end
  for _, pair in ipairs(NAMES) do
    local field, name = pair[1], pair[2]
    if given[field] ~= nil then
      local ok, err = add_links(message, field, name, given, charset)
      if not ok then
        return nil, err
      end
    end
  end
  return true
end

local function check_links(what, value, level)
  local links = links_of(value)
  for _, link in ipairs(links) do
    options.check(what, link, LINK, level + 1)
    if not link.url then
      error(what .. ": url must be given", level + 1)
    end
  end
  if #links == 0 then
    error(what .. ": an empty list", level + 1)
  end
end

---Raises what is misuse.
---@param given table
---@param level integer
function M.check(given, level)
  level = level + 1
  options.check("message: list", given, M.FIELDS, level)
  if type(given.id) == "table" then
    options.check("message: list.id", given.id, ID, level)
    if not given.id.id then
      error("message: list.id: id must be given", level)
    end
  end
  for _, pair in ipairs(NAMES) do
    if given[pair[1]] then
      check_links("message: list." .. pair[1], given[pair[1]], level)
    end
  end
end

return M
