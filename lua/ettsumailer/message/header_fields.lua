-- The header fields that not every message has, from the caller's options: identifiers, what
--  programs read (priority, receipts, lists), and the caller's own fields.
-- Why: each kind has a grammar of its own; whatever would not be by it is refused by name.
-- Not: addresses and subject (address_fields.lua, message.lua), nor writing and folding (the core).

local address = require "ettsumailer.address"
local errors = require "ettsumailer.errors"
local lazy = require "ettsumailer.lazy"

local date_text = lazy.of "ettsumailer.message.date_text"
local identifier = lazy.of "ettsumailer.message.identifier"
local list_fields = lazy.of "ettsumailer.message.list_fields"

local error, ipairs, pairs, type = error, ipairs, pairs, type
local concat, sort = table.concat, table.sort

local M = {}

local ID_FIELDS = {
  { "message_id", "Message-ID" }, { "in_reply_to", "In-Reply-To" }, { "references", "References" },
}

-- X-Priority is what mail programs look at; Importance is RFC 2156's.
local PRIORITIES = {
  high = { "1", "high" }, normal = { "3", "normal" }, low = { "5", "low" },
}

-- RFC 3834 5, RFC 5436.
local AUTO_SUBMITTED = {
  ["no"] = true, ["auto-generated"] = true, ["auto-replied"] = true, ["auto-notified"] = true,
}

-- How fields are taken when they are given by name in `headers`.
local KINDS = {}
for _, name in ipairs {
  "from", "sender", "reply-to", "to", "cc", "resent-from", "resent-sender", "resent-to",
  "resent-cc", "disposition-notification-to",
} do
  KINDS[name] = "addresses"
end

-- Of those, the ones that hold groups only with allow_group_from (RFC 6854 3).
local AUTHORS = {
  ["from"] = true, ["sender"] = true, ["resent-from"] = true, ["resent-sender"] = true,
}

local OWN = "is made by the library"
local REFUSED = {
  ["bcc"] = "is never written: give bcc", ["resent-bcc"] = "is never written",
  ["return-path"] = "is written by whoever delivers the message",
  ["mime-version"] = OWN, ["content-type"] = OWN, ["content-transfer-encoding"] = OWN,
  ["content-disposition"] = OWN, ["content-id"] = OWN,
}

local function refuse(field, code, text)
  return errors.refuse(code, ("%s: %s"):format(field, text))
end

local function add(message, field, kind, name, value)
  local ok, code, why = message:header(kind, name, value)
  if not ok then
    return refuse(field, code, why)
  end
  return true
end

-- A value of one or more ids, as the field has it; nil where it is none.
local function id_value(name, value)
  local ids = identifier.list(value)
  if not ids or #ids == 0 or (name == "Message-ID" and #ids > 1) then
    return nil
  end
  return concat(ids, " ")
end

local function add_ids(message, given)
  for i = 1, #ID_FIELDS do
    local field, name = ID_FIELDS[i][1], ID_FIELDS[i][2]
    if given[field] then
      local value = id_value(name, given[field])
      if not value then
        return refuse(field, "CONFIG", "not a message identifier such as <id@example.com>")
      end
      local ok, err = add(message, field, "ready", name, value)
      if not ok then
        return nil, err
      end
    end
  end
  return true
end

local function add_priority(message, given)
  if not given.priority then
    return true
  end
  local values = PRIORITIES[given.priority]
  if not values then
    return refuse("priority", "CONFIG", 'it must be "high", "normal" or "low"')
  end
  local ok, err = add(message, "priority", "text", "X-Priority", values[1])
  if ok then
    ok, err = add(message, "priority", "text", "Importance", values[2])
  end
  return ok, err
end

-- RFC 8098 2.1: whom a mail program may tell that the message was shown.
local function add_read_receipt(message, given, from)
  local list, err = from, nil
  if not given.read_receipt then
    return true
  elseif given.read_receipt ~= true then
    list, err = address.read("read_receipt", given.read_receipt)
  end
  if not list then
    return nil, err
  elseif list == "" then
    return refuse("read_receipt", "ADDRESS", "there is no address in it")
  end
  return add(message, "read_receipt", "addresses", "Disposition-Notification-To", list)
end

local function add_auto_submitted(message, given)
  local value = given.auto_submitted
  value = value == true and "auto-generated" or value
  if not value then
    return true
  elseif not AUTO_SUBMITTED[value] then
    return refuse("auto_submitted", "CONFIG",
      'it must be "auto-generated", "auto-replied", "auto-notified" or "no" (RFC 3834)')
  end
  return add(message, "auto_submitted", "ready", "Auto-Submitted", value)
end

local function add_list(message, given)
  if not given.list then
    return true
  end
  return list_fields.add(message, given.list, given.charset and {
    name = given.charset, is_strict = given.charset_strict,
  })
end

---{ ["X-A"] = "b" } or { { "X-A", "b" }, ... } as a list of pairs; a map in the order of its names.
---@param headers table
---@return table[]
function M.pairs_of(headers)
  local list = {}
  for _, pair in ipairs(headers) do
    local is_pair = type(pair) == "table"
    list[#list + 1] = is_pair and { pair[1] or pair.name, pair[2] or pair.value } or {}
  end
  local first = #list + 1
  local names = {}
  for name in pairs(headers) do
    if type(name) == "string" then
      names[#names + 1] = name
    end
  end
  sort(names)
  for i, name in ipairs(names) do
    list[first + i - 1] = { name, headers[name] }
  end
  return list
end

---Raises unless it is such a table.
---@param what string
---@param headers table?
---@param level integer
function M.check_pairs(what, headers, level)
  if not headers then
    return
  end
  for _, pair in ipairs(M.pairs_of(headers)) do
    if type(pair[1]) ~= "string" or type(pair[2]) ~= "string" then
      error(what .. " must be { Name = \"value\" } or { { \"Name\", \"value\" } }", level + 1)
    end
  end
end

-- Fields that have an option of their own are held to the same: the value to write; or nil, why.
local ROUTES = {
  ["date"] = function(value)
    return date_text.is_date(value) and value or nil, "not a date as RFC 5322 has it"
  end,
}
ROUTES["resent-date"] = ROUTES.date
for _, pair in ipairs(ID_FIELDS) do
  ROUTES[pair[2]:lower()] = function(value)
    return id_value(pair[2], value), "not a message identifier such as <id@example.com>"
  end
end

local function check_author(name, value, given)
  local text, err = address.read("headers: " .. name, value, {
    groups = given.allow_group_from == true,
  })
  return text and true, err
end

local function add_own(message, name, value, given)
  local key = name:lower()
  local why = REFUSED[key]
  if why then
    return refuse("headers", "CONFIG", ("%s %s"):format(name, why))
  end
  local ok, err = true, nil
  if AUTHORS[key] then
    ok, err = check_author(name, value, given)
  end
  if not ok then
    return nil, err
  elseif not ROUTES[key] then
    return add(message, "headers", KINDS[key] or "text", name, value)
  end
  local routed
  routed, why = ROUTES[key](value)
  if not routed then
    return refuse("headers", "CONFIG", ("%s: %s"):format(name, why))
  end
  return add(message, "headers", "ready", name, routed)
end

local function add_headers(message, given)
  if not given.headers then
    return true
  end
  for _, pair in ipairs(M.pairs_of(given.headers)) do
    local ok, err = add_own(message, pair[1], pair[2], given)
    if not ok then
      return nil, err
    end
  end
  return true
end

local STEPS = {
  add_ids, add_priority, add_read_receipt, add_auto_submitted, add_list, add_headers,
}

---Adds the header fields that the options of a message ask for, in the order people read them.
---@param message userdata  of the core, not sealed
---@param given table       the fields of the message
---@param from string       the text of From
---@return true?
---@return ettsumailer.error?
function M.add(message, given, from)
  for i = 1, #STEPS do
    local ok, err = STEPS[i](message, given, from)
    if not ok then
      return nil, err
    end
  end
  return true
end

return M
