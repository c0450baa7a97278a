-- What an attacker writes where a name, an address or a word is asked for, and all the places where
-- the library asks for one. Why: one list of each, so that every place sees every attack.

local M = {}

local insert = table.insert

local ATTACKS = {
  "a\r\nX-Injected: yes", "a\rX-Injected: yes", "a\nX-Injected: yes", "\r\nX-Injected: yes",
  "a\r\n X-Injected: yes",
  "a\r\n\r\nX-Injected: yes", "a\n\nX-Injected: yes", "a\r\n.\r\n", "a\n.\n", "a\r.\r",
  "a\r\n.\r\nX-INJECTED\r\n",
  "a\r\nRCPT TO:<evil@example.com>", "a\nRCPT TO:<evil@example.com>", "a\r\nX-INJECTED",
  "a\r\n.\r\nMAIL FROM:<>\r\n",
  "a>\r\nRCPT TO:<evil@example.com", "a> SIZE=1", 'a"\r\nX-Injected: yes',
  "a\0\r\nX-Injected: yes", "a\r\n", "a\r", "a\n",
  "a\r\n--x\r\nContent-Type: text/html", "a;\r\n X-Injected=yes", 'a"; filename="evil',
  "a, evil@example.com", "a\\", 'a"',
  "=?utf-8?Q?a=0D=0AX-Injected:_yes?=", "=?utf-8?B?YQ0KWC1JbmplY3RlZDogeWVz?=", "(a", "a)", "<a",
  "a>", "a:b", "%0d%0aX-Injected:1",
  -- line ends of Unicode, and characters that become line ends when an octet is cut off
  "a\226\128\168X-Injected: yes", "a\226\128\169b", "a\194\133X-Injected: yes",
  "a\231\152\141\231\152\138X-Injected: yes",
  "a\229\152\141\229\152\138X-Injected: yes", "a\196\141\196\138X-Injected: yes",
  -- UTF-8 that is none: overlong CR and LF, a surrogate, cut and stray octets
  "a\192\141\192\138X-Injected: yes", "a\224\128\141\224\128\138b", "a\240\128\128\141b",
  "a\237\160\128b", "a\195", "a\255b", "\128a",
}

---Every text to try: each control octet, and the attacks above.
---@return string[]
function M.texts()
  local list = {}
  for octet = 0, 31 do
    insert(list, "a" .. string.char(octet) .. "b")
  end
  insert(list, "a\127b")
  for _, attack in ipairs(ATTACKS) do
    insert(list, attack)
  end
  insert(list, ("a"):rep(2000) .. "\r\nX-Injected: yes")
  return list
end

-- Each puts a text into the options of a send.
local SETTERS = {}
M.SETTERS = SETTERS

for _, field in ipairs { "from", "to", "cc", "bcc", "reply_to", "sender" } do
  SETTERS[field .. ", whole"] = function(o, text) o[field] = text .. "@example.com" end
  SETTERS[field .. ", local part"] = function(o, text) o[field] = '"' .. text .. '"@example.com' end
  SETTERS[field .. ", domain"] = function(o, text) o[field] = "a@" .. text .. ".example.com" end
  SETTERS[field .. ", name"] = function(o, text) o[field] = text .. " <a@example.com>" end
  SETTERS[field .. ", quoted name"] = function(o, text)
    o[field] = '"' .. text .. '" <a@example.com>'
  end
  SETTERS[field .. ", comment"] = function(o, text) o[field] = "a@example.com (" .. text .. ")" end
end

for _, field in ipairs { "subject", "message_id", "in_reply_to", "references" } do
  SETTERS[field] = function(o, text) o[field] = text end
  SETTERS[field .. ", id"] = function(o, text)
    o[field] = field == "subject" and text .. " x" or "<" .. text .. "@example.com>"
  end
end

SETTERS["headers, value"] = function(o, text) o.headers = { ["X-Mine"] = text } end
SETTERS["headers, name"] = function(o, text) o.headers = { ["X-" .. text] = "v" } end
SETTERS["headers, whole name"] = function(o, text) o.headers = { [text] = "v" } end
SETTERS["attachment, file name"] = function(o, text)
  o.attachments = { { content = "x", filename = text } }
end
SETTERS["attachment, type"] = function(o, text)
  o.attachments = { { content = "x", filename = "f", type = "text/" .. text } }
end
SETTERS["attachment, whole type"] = function(o, text)
  o.attachments = { { content = "x", filename = "f", type = text } }
end
SETTERS["attachment, parameter"] = function(o, text)
  o.attachments = { { content = "x", filename = "f", type = "text/plain; p=" .. text } }
end
SETTERS["attachment, quoted parameter"] = function(o, text)
  o.attachments = { { content = "x", filename = "f", type = 'text/plain; p="' .. text .. '"' } }
end
SETTERS["attachment, charset"] = function(o, text)
  o.attachments = { { content = "x", filename = "f", type = "text/plain", charset = text } }
end
SETTERS["inline, cid"] = function(o, text)
  o.html, o.inline = "<p>x</p>", { { content = "x", cid = text, filename = "f" } }
end
SETTERS["calendar, method"] = function(o, text)
  o.calendar = { content = "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", method = text }
end
for _, field in ipairs { "id", "unsubscribe", "help", "archive" } do
  SETTERS["list, " .. field] = function(o, text) o.list = { [field] = text } end
  SETTERS["list, good " .. field] = function(o, text)
    local is_id = field == "id"
    o.list = { [field] = is_id and text .. ".example.com" or "https://example.com/" .. text }
  end
end
SETTERS["list, id's name"] = function(o, text)
  o.list = { id = { id = "a.example.com", name = text } }
end
SETTERS["list, comment"] = function(o, text)
  o.list = { help = { { url = "https://example.com/", comment = text } } }
end
SETTERS["envelope, from"] = function(o, text)
  o.envelope = { from = text .. "@example.com", to = "b@example.com" }
end
SETTERS["envelope, to"] = function(o, text)
  o.envelope = { from = "a@example.com", to = text .. "@example.com" }
end
for _, field in ipairs { "host", "ehlo_name" } do
  SETTERS[field] = function(o, text) o[field] = text end
  SETTERS[field .. ", part"] = function(o, text) o[field] = "mx." .. text .. ".example.com" end
end
-- As it is, and with each octet percent-encoded, which is undone before it is used.
local function encoded(text)
  return (text:gsub(".", function(c) return ("%%%02X"):format(c:byte()) end))
end
for name, of in pairs { url = tostring, ["encoded url"] = encoded } do
  SETTERS[name .. ", host"] = function(o, text)
    o.host, o.url = nil, "smtp://" .. of(text) .. ".example.com"
  end
  SETTERS[name .. ", login"] = function(o, text)
    o.host, o.url = nil, ("smtp://%s:%s@mx.example.com"):format(of(text), of(text))
    o.allow_plaintext_auth, o.mechanisms = true, { "PLAIN" }
  end
end
for _, mechanism in ipairs { "PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2", "OAUTHBEARER" } do
  local function login(o, user, secret)
    o.allow_plaintext_auth, o.mechanisms, o.user = true, { mechanism }, user
    o.password, o.token = secret, secret
  end
  SETTERS[mechanism .. ", user"] = function(o, text) login(o, text, "secret") end
  SETTERS[mechanism .. ", secret"] = function(o, text) login(o, "user", text) end
end

-- Each puts a text into one command of a connection.
M.COMMANDS = {
  ["ehlo"] = function(conn, text) return conn:ehlo(text) end,
  ["helo"] = function(conn, text) return conn:helo(text) end,
  ["mail"] = function(conn, text) return conn:mail(text) end,
  ["mail, local part"] = function(conn, text) return conn:mail(text .. "@example.com") end,
  ["rcpt"] = function(conn, text) return conn:rcpt(text) end,
  ["rcpt, domain"] = function(conn, text) return conn:rcpt("a@" .. text) end,
  ["vrfy"] = function(conn, text) return conn:vrfy(text) end,
  ["expn"] = function(conn, text) return conn:expn(text) end,
  ["help"] = function(conn, text) return conn:help(text) end,
  ["noop"] = function(conn, text) return conn:noop(text) end,
  ["command"] = function(conn, text) return conn:command("XCMD " .. text) end,
  ["auth, user"] = function(conn, text)
    return conn:auth { user = text, password = "p", mechanism = "PLAIN" }
  end,
  ["mail, parameters"] = function(conn, text) return conn:mail("a@example.com", text) end,
}
for _, name in ipairs { "SIZE", "BODY", "ENVID", "RET", "AUTH" } do
  M.COMMANDS["mail, " .. name] = function(conn, text)
    return conn:mail("a@example.com", { [name] = text })
  end
end
for _, name in ipairs { "NOTIFY", "ORCPT" } do
  M.COMMANDS["rcpt, " .. name] = function(conn, text)
    return conn:rcpt("a@example.com", { [name] = text })
  end
end

return M
