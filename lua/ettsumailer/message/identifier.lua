-- Message-ID, Content-ID and their kind (RFC 5322 3.6.4, RFC 2045 7): read, and made.
-- Why: they are to be unique in the world, and always written the same way.
-- Not: the Message-ID of a composed message, which the core makes when it is sealed.

local core = require "ettsumailer.core"
local errors = require "ettsumailer.errors"

local ipairs, tostring, type = ipairs, tostring, type

local M = {}

---"<id@host>" of an id with or without its brackets.
---@param text string
---@return string?
function M.bracketed(text)
  local id = text:match "^<([^%s<>]+)>$" or text:match "^[^%s<>]+$"
  local is_id = id and id:find "^[^@%z\1-\31\127-\255]+@[^@%z\1-\31\127-\255]+$"
  return is_id and "<" .. id .. ">" or nil
end

---The ids of a text of one or more, or of a list of such texts.
---@param value string|userdata|table|nil
---@return string[]? ids  bracketed; nil where one is none
function M.list(value)
  local ids = {}
  for _, text in ipairs(type(value) == "table" and value or { value }) do
    for word in tostring(text):gmatch "[^ ]+" do
      ids[#ids + 1] = M.bracketed(word)
      if not M.bracketed(word) then
        return nil
      end
    end
  end
  return ids
end

---@param octets string
---@return string
function M.hex(octets)
  return (octets:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

---The host that identifiers of a message are made with, as the core has it.
---@param given table     message_id_host, or nothing
---@param author userdata the address whose domain it is then
---@return string? host   in A-labels
---@return ettsumailer.error?
function M.host(given, author)
  if given.message_id_host then
    author = core.address_parts(nil, "x", given.message_id_host)
  end
  local host = author and author.domain_ascii
  if not host or host == "" then
    return errors.refuse("CONFIG", given.message_id_host
      and "message_id_host: not the name of a host such as mail.example.com"
      or "from: its domain can stand in no Message-ID")
  end
  return host
end

---A Content-ID from the name of a part: "logo" becomes "logo@RANDOM.HOST", with what makes it
---different in each message, as mail programs that show many at once mix up equal ones;
---"logo@example.com" stays as it is.
---@param id string       without brackets
---@param host string
---@param entropy string
---@return string
function M.content_id(id, host, entropy)
  if id:find("@", 1, true) then
    return id
  end
  local random = M.hex(entropy:sub(1, 8))
  if host:find "^%[" then
    return ("%s.%s@%s"):format(id, random, host)
  end
  return ("%s@%s.%s"):format(id, random, host)
end

return M
