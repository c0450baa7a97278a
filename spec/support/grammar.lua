-- The grammar of RFC 5322 section 3 alone, without section 4: what may be generated. Each function
-- takes a whole value and tells whether it is one. Comments are in the grammar but not here, as the
-- library writes none (3.4: they SHOULD NOT be used in address fields).

local find, match = string.find, string.match

local M = {}

-- Each scanner takes the text and where to begin, and returns where it ends behind, or nil.

local function fws(s, at)
  return match(s, "^[ \t]*\r\n[ \t]+()", at) or match(s, "^[ \t]+()", at)
end

local function skip(s, at)
  return fws(s, at) or at
end

local function atom(s, at)
  return match(s, "^[%w!#$%%&'*+/=?^_`{|}~%-]+()", at)
end

local function dot_atom(s, at)
  local stop = atom(s, at)
  while stop and find(s, "^%.", stop) do
    stop = atom(s, stop + 1)
  end
  return stop
end

local function quoted_string(s, at)
  local stop = match(s, '^"()', at)
  while stop do
    local behind = match(s, "^[!#-Z%[%]^-~]()", stop) or match(s, "^\\[ -~\t]()", stop)
    behind = behind or fws(s, stop)
    if not behind then
      return match(s, '^"()', stop)
    end
    stop = behind
  end
end

local function phrase(s, at)
  local stop = atom(s, at) or quoted_string(s, at)
  while stop do
    local next_at = skip(s, stop)
    local behind = atom(s, next_at) or quoted_string(s, next_at)
    if not behind then
      return stop
    end
    stop = behind
  end
end

local function domain(s, at)
  return dot_atom(s, at) or match(s, "^%[[!-Z^-~]*%]()", at)
end

local function addr_spec(s, at)
  local stop = dot_atom(s, at) or quoted_string(s, at)
  return stop and find(s, "^@", stop) and domain(s, stop + 1)
end

local function name_addr(s, at)
  local stop = skip(s, phrase(s, at) or at)
  if find(s, "^<", stop) then
    stop = addr_spec(s, stop + 1)
    return stop and match(s, "^>()", stop)
  end
end

local function mailbox(s, at)
  return name_addr(s, at) or addr_spec(s, at)
end

local function list_of(s, at, member)
  local stop = member(s, skip(s, at))
  while stop do
    local comma = match(s, "^,()", skip(s, stop))
    if not comma then
      return stop
    end
    stop = member(s, skip(s, comma))
  end
end

local function group(s, at)
  local stop = phrase(s, at)
  stop = stop and match(s, "^:()", skip(s, stop))
  if stop then
    stop = skip(s, list_of(s, stop, mailbox) or stop)
    return match(s, "^;()", stop)
  end
end

local function address(s, at)
  return mailbox(s, at) or group(s, at)
end

function M.is_mailbox_list(s)
  local stop = list_of(s, 1, mailbox)
  return stop ~= nil and skip(s, stop) == #s + 1
end

function M.is_address_list(s)
  local stop = list_of(s, 1, address)
  return stop ~= nil and skip(s, stop) == #s + 1
end

---3.2.5: printable ASCII and folding white space.
function M.is_unstructured(s)
  local at = 1
  while at <= #s do
    at = match(s, "^[!-~]()", at) or fws(s, at)
    if not at then
      return false
    end
  end
  return true
end

---3.6.4
function M.is_message_ids(s)
  local stop = skip(s, 1)
  repeat
    local left = match(s, "^<()", stop)
    left = left and dot_atom(s, left)
    local right = left and find(s, "^@", left) and domain(s, left + 1)
    stop = right and match(s, "^>()", right)
    if not stop then
      return false
    end
    stop = skip(s, stop)
  until stop == #s + 1
  return true
end

---3.3, with one space at each white space.
function M.is_date_time(s)
  return find(s, "^%u%l%l, %d%d? %u%l%l %d%d%d%d %d%d:%d%d:%d%d [+-]%d%d%d%d$") ~= nil
end

return M
