-- The child process of spec/engine/leak_spec.lua: sends many messages, a half of them to warm up,
-- and prints what this process holds before and behind the other half.
-- arg: how ("mailer", "refused" or "single"), port, count.
local ettsumailer = require "ettsumailer"

local how, port, count = arg[1], tonumber(arg[2]), tonumber(arg[3])

local function read(path, format)
  local file = io.open(path)
  local text = file and file:read(format)
  if file then
    file:close()
  end
  return text
end

local function descriptors()
  local path = os.tmpname()
  os.execute("ls /proc/$PPID/fd 2>/dev/null | wc -l > " .. path)
  local found = read(path, "*n")
  os.remove(path)
  return found
end

local function print_usage()
  collectgarbage()
  collectgarbage()
  local status = read("/proc/self/status", "*a") or ""
  print("lua", math.floor(collectgarbage "count"))
  print("descriptors", descriptors())
  for _, field in ipairs { "VmRSS", "SigCgt", "SigIgn", "Threads" } do
    print(field, status:match("\n" .. field .. ":%s*(%S+)") or "none")
  end
end

local SERVER = {
  -- A name, so that the resolver has its part.
  host = "localhost", port = port, security = "none", ehlo_name = "client.example",
  all_or_nothing = how == "refused", messages_per_connection = 20,
}

local function order(n)
  return {
    from = "エッツ <ettsu@example.jp>", to = { "a@example.com", "b@example.com" },
    cc = n % 2 == 0 and "c@example.com" or nil, subject = "ご注文ありがとうございます " .. n,
    text = ("本文\n"):rep(100), html = "<p>本文</p>", attachments = {
      "README.md", { content = ("d,é\n"):rep(2000), filename = "売上.csv", type = "text/csv" },
    },
  }
end

local mailer = assert(ettsumailer.mailer(SERVER))

local function send(n)
  local given = order(n)
  if how ~= "single" then
    return mailer:send(given)
  end
  for _, name in ipairs { "host", "port", "security", "ehlo_name" } do
    given[name] = SERVER[name]
  end
  return ettsumailer.send(given)
end

for n = 1, count do
  local result, err = send(n)
  assert(result or how == "refused" and err.code == "REJECTED", err and tostring(err))
  if n == count / 2 then
    print_usage()
  end
end
print_usage()
mailer:close()
