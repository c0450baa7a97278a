-- The main job in one script: a Japanese HTML mail with two attachments, through STARTTLS and a
-- login with verification on, to a server that this script starts itself; and the proof that all
-- of it came back as it was.
local core = require "ettsumailer.core"
local ettsumailer = require "ettsumailer"
local server_of = require "ettsumailer.testing.server"

local FOLDER = arg[1] or "build/demo"
local PASSWORD = core.sha256(core.random(16)) -- nobody needs to know it

local function write_file(path, text)
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  file:close()
  return path
end

-- The decoded contents of the attachments of a message, in their order.
local function attachments_of(eml)
  local found = {}
  for body in eml:gmatch "Content%-Disposition: attachment.-\r\n\r\n(.-)\r\n%-%-" do
    found[#found + 1] = assert(core.base64_decode((body:gsub("%s", ""))))
  end
  return found
end

local csv = "品名,数量\r\nりんご,3\r\nみかん,12\r\n"
local photo = core.random(1024):rep(100)
os.execute("mkdir -p '" .. FOLDER .. "'")
local photo_path = write_file(FOLDER .. "/写真.jpg", photo)

local server = assert(server_of.start {
  tls = true, user = "ettsu", password = PASSWORD, store = FOLDER,
})

local mailer = assert(ettsumailer.mailer {
  host = "127.0.0.1", port = server.port, security = "starttls", ca_pem = server.certificate,
  user = "ettsu", password = PASSWORD, from = "株式会社エッツ <ettsu@example.jp>", timeout = 30,
  on_protocol = function(direction, line)
    print(direction .. ": " .. line)
  end,
})

local result, err = mailer:send {
  to = "山田 太郎 <taro@example.com>",
  subject = "【ご注文確認】ご注文ありがとうございます（注文番号 2026-11-0001）",
  text = "このたびはご注文ありがとうございます。\n",
  html = "<p>このたびは<b>ご注文</b>ありがとうございます。</p>\n",
  attachments = { photo_path, { content = csv, filename = "明細 11月.csv", type = "text/csv" } },
}
mailer:close()
local messages = server:messages()
server:stop()
if not result then
  io.stderr:write(tostring(err), "\n")
  os.exit(1)
end

print()
print("Message-ID   " .. result.message_id)
print("accepted     " .. table.concat(result.accepted, ", "))
print("response     " .. result.response)
print(("TLS          %s, %s, verified: %s"):format(
  result.tls.version, result.tls.cipher, tostring(result.tls.verified)))
print(("round trips  %d; %d octets sent"):format(result.turns, result.bytes.sent))
print("stored       " .. messages[1].path)

local file = assert(io.open(messages[1].path, "rb"))
local came = attachments_of(file:read "*a")
file:close()
for i, sent in ipairs { photo, csv } do
  local ok = came[i] == sent
  local verdict = ok and "came back byte for byte" or "DIFFERS"
  print(("attachment %d %s %s"):format(i, core.sha256(sent), verdict))
  if not ok then
    os.exit(1)
  end
end
