-- A message from a table: addresses, subject, text, html, attachments; and its envelope.
-- Why: what people want to say, turned into the tree that the core seals.
-- Not: encoding, folding, boundaries (the core), nor sending (transaction.lua).

local address = require "ettsumailer.address"
local core = require "ettsumailer.core"
local envelope_of = require "ettsumailer.envelope"
local errors = require "ettsumailer.errors"
local media_types = require "ettsumailer.media_types"
local options = require "ettsumailer.options"

local error, ipairs, pairs, setmetatable = error, ipairs, pairs, setmetatable
local tostring, type = tostring, type
local concat, sort = table.concat, table.sort

local M = {}

---The fields of a message, with their kinds.
M.FIELDS = {
  from = "texts", sender = "text", reply_to = "texts", to = "texts", cc = "texts", bcc = "texts",
  subject = "string", text = "string", html = "string", attachments = "table", headers = "table",
  message_id = "string", in_reply_to = "texts", references = "texts", envelope = "table",
  date = "integer", zone_minutes = "integer", entropy = "string",
}

local ATTACHMENT = {
  path = "string", content = "string", filename = "string", type = "string", charset = "string",
}

local ADDRESS_FIELDS = { "from", "sender", "reply_to", "to", "cc" }
local HEADER_NAMES = {
  from = "From", sender = "Sender", reply_to = "Reply-To", to = "To", cc = "Cc",
  in_reply_to = "In-Reply-To", references = "References", message_id = "Message-ID",
}

-- Header fields that hold addresses, when they are given by name in `headers`.
local ADDRESS_HEADERS = {
  ["from"] = true, ["sender"] = true, ["reply-to"] = true, ["to"] = true, ["cc"] = true,
  ["resent-from"] = true, ["resent-sender"] = true, ["resent-to"] = true, ["resent-cc"] = true,
  ["disposition-notification-to"] = true,
}

-- What the library knows of a sealed message beyond its bytes.
local envelopes = setmetatable({}, { __mode = "k" })

local function refuse(field, code, text)
  return errors.refuse(code, ("%s: %s"):format(field, text))
end

-- Reads all address fields. Returns their texts and lists by field, or nil, err.
local function read_addresses(given)
  local texts, lists = {}, {}
  for _, field in ipairs { "from", "sender", "reply_to", "to", "cc", "bcc" } do
    if given[field] ~= nil then
      local text, list = address.read(field, given[field])
      if not text then
        return nil, list
      end
      texts[field], lists[field] = text, list
    end
  end
  return texts, lists
end

local function check_senders(_, _, _, lists)
  local from = lists.from or {}
  if #from == 0 then
    return errors.refuse("ADDRESS", "from is missing: every message has an author")
  elseif #from > 1 and not lists.sender then
    return errors.refuse("ADDRESS", "from has several addresses: sender must name one")
  elseif lists.sender and #lists.sender ~= 1 then
    return errors.refuse("ADDRESS", "sender must be exactly one address")
  end
  lists.sender = lists.sender or { from[1] }
  return true
end

-- Address fields and the subject, in the order people read them.
local function add_addresses(core_message, given, texts)
  for _, field in ipairs(ADDRESS_FIELDS) do
    if texts[field] and texts[field] ~= "" then
      local ok, code, why = core_message:header("addresses", HEADER_NAMES[field], texts[field])
      if not ok then
        return refuse(field, code, why)
      end
    end
  end
  local ok, code, why = true, nil, nil
  if given.subject then
    ok, code, why = core_message:header("text", "Subject", given.subject)
  end
  if not ok then
    return refuse("subject", code, why)
  end
  return true
end

-- "<id@host>" of an id with or without its brackets, or nil.
local function message_id_of(text)
  local id = text:match "^<([^%s<>]+)>$" or text:match "^[^%s<>]+$"
  local is_id = id and id:find "^[^@%z\1-\31\127-\255]+@[^@%z\1-\31\127-\255]+$"
  return is_id and "<" .. id .. ">" or nil
end

-- The ids of a value: a text of one or more, or a list of such. nil where one is none.
local function ids_of(value)
  local ids = {}
  for _, text in ipairs(type(value) == "table" and value or { value }) do
    for word in tostring(text):gmatch "[^ ]+" do
      ids[#ids + 1] = message_id_of(word)
      if not message_id_of(word) then
        return nil
      end
    end
  end
  return ids
end

local function add_ids(core_message, given)
  for _, field in ipairs { "message_id", "in_reply_to", "references" } do
    local ids = ids_of(given[field])
    if not ids or (given[field] and #ids == 0) or (field == "message_id" and #ids > 1) then
      return refuse(field, "CONFIG", "not a message identifier such as <id@example.com>")
    elseif #ids > 0 then
      local ok, code, why = core_message:header("ready", HEADER_NAMES[field], concat(ids, " "))
      if not ok then
        return refuse(field, code, why)
      end
    end
  end
  return true
end

-- { ["X-A"] = "b" } or { { "X-A", "b" }, ... } as a list of pairs; a map in the order of its names.
local function header_pairs(headers)
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

local function add_headers(core_message, given)
  for _, pair in ipairs(header_pairs(given.headers or {})) do
    local name, value = pair[1], pair[2]
    local kind = ADDRESS_HEADERS[name:lower()] and "addresses" or "text"
    local ok, code, why = core_message:header(kind, name, value)
    if not ok then
      return refuse("headers", code, why)
    end
  end
  return true
end

local function add_body(core_message, parent, given)
  if given.text and given.html then
    parent = core_message:multipart(parent, "alternative")
  end
  for _, leaf in ipairs { { "text", "text/plain" }, { "html", "text/html" } } do
    local field, mime_type = leaf[1], leaf[2]
    if given[field] or (field == "text" and not given.html) then
      local description = { type = mime_type, text = true }
      local part, code, why = core_message:leaf(parent, description, given[field] or "")
      if not part then
        return refuse(field, code, why)
      end
    end
  end
  return true
end

local function add_attachment(core_message, parent, i, given)
  if type(given) == "string" then
    given = { path = given }
  end
  local filename = given.filename or given.path
  local leaf = {
    type = given.type or media_types.of(filename), charset = given.charset, filename = filename,
    disposition = "attachment", text = false,
  }
  local part, code, why
  if given.path then
    part, code, why = core_message:leaf_file(parent, leaf, given.path)
  else
    part, code, why = core_message:leaf(parent, leaf, given.content)
  end
  if not part then
    return refuse(("attachments[%d]"):format(i), code, why)
  end
  return true
end

local function add_parts(core_message, given)
  local attachments = given.attachments or {}
  local parent = #attachments > 0 and core_message:multipart(nil, "mixed") or nil
  local ok, err = add_body(core_message, parent, given)
  for i, attachment in ipairs(attachments) do
    if not ok then
      break
    end
    ok, err = add_attachment(core_message, parent, i, attachment)
  end
  return ok, err
end

local function seal(core_message, given)
  local ok, code, why = core_message:seal {
    now = given.date, zone = given.zone_minutes, entropy = given.entropy,
  }
  if not ok then
    return errors.refuse(code, why)
  end
  return true
end

local function check_addresses(given, level)
  for _, field in ipairs { "from", "reply_to", "to", "cc", "bcc", "in_reply_to", "references" } do
    local value = given[field]
    for _, item in ipairs(type(value) == "table" and value or {}) do
      if type(item) ~= "string" and type(item) ~= "userdata" then
        error(("message: option '%s' must hold strings and addresses, not a %s"):format(
          field, type(item)), level)
      end
    end
  end
end

local function check_attachments(attachments, level)
  for i, given in ipairs(attachments or {}) do
    if type(given) ~= "string" then
      local what = ("message: attachments[%d]"):format(i)
      options.check(what, given, ATTACHMENT, level)
      if (given.path == nil) == (given.content == nil) then
        error(what .. ": exactly one of path and content must be given", level)
      end
    end
  end
end

local function check_headers(headers, level)
  for _, pair in ipairs(header_pairs(headers or {})) do
    if type(pair[1]) ~= "string" or type(pair[2]) ~= "string" then
      error("message: option 'headers' must be { Name = \"value\" } or { { \"Name\", \"value\" } }",
        level)
    end
  end
end

-- Raises whatever is misuse, so that everything behind it only ever returns nil, err.
local function check(given, level)
  level = level + 1
  options.check("message", given, M.FIELDS, level)
  check_addresses(given, level)
  check_attachments(given.attachments, level)
  check_headers(given.headers, level)
  options.check("message: envelope", given.envelope or {}, envelope_of.FIELDS, level)
end

---Composes and seals a message. Files are opened now, and read when it is sent.
---@param given table    the fields of M.FIELDS
---@param level integer? as of `error`
---@return userdata? message :reader() :size() :id() :needs_smtputf8()
---@return ettsumailer.error?
function M.new(given, level)
  check(given, (level or 1) + 1)
  local core_message = core.message()
  local texts, lists = read_addresses(given)
  if not texts then
    return nil, lists
  end
  for _, step in ipairs { check_senders, add_addresses, add_ids, add_headers, add_parts, seal } do
    local ok, err = step(core_message, given, texts, lists)
    if not ok then
      return nil, err
    end
  end
  local envelope, err = envelope_of.new(given.envelope or {}, lists)
  if not envelope then
    return nil, err
  end
  envelopes[core_message] = envelope
  return core_message
end

---@param message userdata
---@return table? envelope { from = address or "", to = { address, ... } }; nil for others' objects
function M.envelope(message)
  return envelopes[message]
end

return M
