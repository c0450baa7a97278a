-- Sending from the handlers of a real nginx, whose worker never waits for it.

local core = require "ettsumailer.core"
local fake = require "support.fake"
local nginx_of = require "support.nginx"

local nginx, why, server, undelivered

-- A module that requests share, and the handlers around it.
local MAIL = [[
local ettsumailer = require "ettsumailer"
local M = {}
M.options = {
  host = "127.0.0.1", port = %d, security = "%s", ehlo_name = "client.example", connections = %d,
  ca_pem = %s, user = %s, password = %s, timeout = 30,
  from = "a@example.com",
  on_undelivered = function(message, err)
    local file = io.open(%q, "ab")
    file:write(message:id(), " ", err.delivery, "\n")
    file:close()
  end,
}
M.mailer = assert(ettsumailer.mailer(M.options))
function M.send(fields)
  fields = fields or {}
  fields.to, fields.text = fields.to or "b@example.com", fields.text or "hi\n"
  local result, err = M.mailer:send(fields)
  return result and "sent " .. result.turns or tostring(err)
end
return M
]]

local SERVER = [[
location = /send { content_by_lua_block { ngx.print(require("mail").send()) } }
location = /ping { return 200 pong; }
location = /timer { content_by_lua_block {
  ngx.timer.at(0, function() ngx.shared.seen:set("timer", require("mail").send()) end)
  ngx.print "ok"
} }
location = /seen { content_by_lua_block { ngx.print(ngx.shared.seen:get(ngx.var.arg_name) or "") } }
location = /log { log_by_lua_block { ngx.shared.seen:set("log", require("mail").send()) } return 200 ok; }
location = /log-all { log_by_lua_block {
  local list = {}
  for i = 1, 10 do list[i] = { to = "b@example.com", text = "hi\n" } end
  ngx.shared.seen:set("log-all", require("mail").mailer:send_all(list).failed .. " failed")
} return 200 ok; }
location = /all { content_by_lua_block {
  local list = {}
  for i = 1, 10 do list[i] = { to = "b@example.com", text = "hi\n", subject = "number " .. i } end
  local summary = require("mail").mailer:send_all(list)
  ngx.print(summary.sent)
} }
location = /raise { content_by_lua_block {
  local ok, err = pcall(function()
    local message = { to = "b@example.com", text = "hi\n" }
    require("mail").mailer:send_all({ message, message },
      { on_result = function() error("mine", 0) end })
  end)
  ngx.print(tostring(err))
} }
location = /log-enqueue {
  log_by_lua_block {
    local ok = require("mail").mailer:enqueue { to = "b@example.com", text = "hi\n" }
    ngx.shared.seen:set("enqueued", tostring(ok))
  }
  return 200 ok;
}
location = /many { content_by_lua_block {
  local ids = {}
  for i = 1, 50 do
    local message = assert(require("ettsumailer").message {
      from = "a@example.com", to = "b@example.com", text = "hi\n" })
    local ok, err = require("mail").mailer:enqueue(message)
    ids[i] = ok and message:id() or err.code
  end
  ngx.print(table.concat(ids, " "))
} }
location = /full { content_by_lua_block {
  local options, words = require("mail").options, {}
  options.queue = { messages = 2 }
  local mailer = assert(require("ettsumailer").mailer(options))
  for i = 1, 4 do
    local ok, err = mailer:enqueue { to = "b@example.com", text = "hi\n" }
    words[i] = ok and "ok" or err.code
  end
  ngx.print(table.concat(words, " "))
} }
location = /attached { content_by_lua_block {
  ngx.print(require("mail").send { attachments = { { content = ("x"):rep(3000000), filename = "x.bin" } } })
} }
location = /keep { content_by_lua_block {
  local options = require("mail").options
  local conn = assert(require("ettsumailer").connect { host = options.host, port = options.port,
    security = "none", ehlo_name = "client.example" })
  package.loaded.kept = conn
  ngx.print(tostring(conn:ehlo() ~= nil))
} }
location = /kept { content_by_lua_block {
  local reply, err = package.loaded.kept:noop()
  ngx.print(tostring(err))
} }
location = /rate { content_by_lua_block {
  local options = require("mail").options
  options.rate = 1
  local mailer = assert(require("ettsumailer").mailer(options))
  for i = 1, 3 do assert(mailer:send { to = "b@example.com", text = "hi\n" }) end
  ngx.print "paced"
} }
]]

local function quoted(value)
  return value and ("%q"):format(value) or "nil"
end

-- An SMTP server with this script, and an nginx that sends to it.
local function start(script, more)
  more = more or {}
  server, undelivered = fake.start(script), os.tmpname()
  nginx, why = nginx_of.start {
    http = "lua_shared_dict seen 1m; lua_max_pending_timers 16; lua_max_running_timers 16;", server = SERVER,
    files = { mail = MAIL:format(server.port, more.security or "none", more.connections or 4,
      quoted(more.ca_pem), quoted(more.user), quoted(more.user), undelivered) },
  }
  return nginx
end

local function count(text, pattern)
  return select(2, text:gsub(pattern, ""))
end

-- What a name of the shared dictionary comes to hold.
local function seen(name)
  for _ = 1, 200 do
    local text = nginx:get("/seen?name=" .. name)
    if text ~= "" then
      return text
    end
    core.poll({}, core.clock() + 20)
  end
end

-- A case, or the reason why it cannot be had here.
local function here(name, f)
  it(name, function()
    local ok, err = pcall(f)
    if not nginx and why then
      pending(why)
    elseif not ok then
      error(err, 0)
    end
  end)
end

describe("a handler of nginx", function()
  after_each(function()
    if nginx then
      nginx:stop()
    end
    server:stop()
    os.remove(undelivered)
    nginx = nil
  end)

  here("sends a mail, and the next request uses the connection again", function()
    assert(start())
    assert.equal("sent 3", nginx:get "/send")
    assert.equal("sent 2", nginx:get "/send")
    assert.equal("sent 2", nginx:get "/send")
    assert.equal(1, count(server:log(), "C: EHLO"))
    nginx:stop()
    assert.equal(3, #server:stop())
  end)

  here("keeps a connection with STARTTLS and a login over requests", function()
    local certificate, key = core.certificate { names = { "127.0.0.1" } }
    local script = ("{ tls = true, user = 'u', password = 'u', tls_options = { certificate = %q, key = %q } }")
      :format(certificate, key)
    assert(start(script, { security = "starttls", ca_pem = certificate, user = "u" }))
    assert.equal("sent 7", nginx:get "/send")
    for _ = 1, 5 do
      assert.equal("sent 2", nginx:get "/send")
    end
    assert.equal(1, count(server:log(), "C: STARTTLS"))
    nginx:stop()
    assert.equal(6, #server:stop())
  end)

  here("serves others while its mail waits for a slow server", function()
    assert(start "{ replies = { MAIL = { text = '250 ok', delay = 3 } } }")
    local slow = nginx:begin "/send"
    for _ = 1, 20 do
      assert.equal("pong", (nginx:get "/ping"))
    end
    assert.is_true(slow:is_pending())
    assert.equal("sent 3", (slow:answer()))
  end)

  here("lets more requests send at a time than there are connections, each in its turn", function()
    assert(start(nil, { connections = 2 }))
    local requests = {}
    for i = 1, 20 do
      requests[i] = nginx:begin "/send"
    end
    for _, request in ipairs(requests) do
      assert.matches("^sent %d$", (request:answer()))
    end
    assert.is_true(count(server:log(), "C: EHLO") <= 2)
    nginx:stop()
    assert.equal(20, #server:stop())
  end)

  here("is told which phase cannot send, and what can", function()
    assert(start())
    nginx:get "/log"
    local text = seen "log"
    assert.matches("^PHASE at connect: ", text)
    assert.matches("the phase log", text)
    assert.matches("ngx.timer.at", text, 1, true)
    assert.equal("", server:log())
    assert.equal("10 failed", (nginx:get "/log-all" and seen "log-all"))
  end)

  here("may send from a timer", function()
    assert(start())
    nginx:get "/timer"
    assert.equal("sent 3", seen "timer")
  end)

  here("opens a new connection where the server has hung up meanwhile", function()
    assert(start "{ replies = { content = { { text = '250 ok', cut = true }, '250 ok' } } }")
    assert.equal("sent 3", nginx:get "/send")
    assert.equal("sent 3", nginx:get "/send")
    nginx:stop()
    assert.equal(2, #server:stop())
  end)

  here("sends a batch over several connections side by side", function()
    assert(start("{ replies = { MAIL = { text = '250 ok', delay = 0.05 } } }", { connections = 3 }))
    assert.equal("10", nginx:get "/all")
    local log = server:log()
    assert.equal(3, count(log, "C: EHLO"))
    assert.is_true(log:find("C: EHLO.*C: EHLO.*C: MAIL") ~= nil)
    nginx:stop()
    local found = {}
    for _, message in ipairs(server:stop()) do
      found[#found + 1] = tonumber(message.data:match "Subject: number (%d+)")
    end
    table.sort(found)
    assert.same({ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, found)
  end)

  here("hears what its function raises in a batch, and can send after it", function()
    assert(start(nil, { connections = 1 }))
    assert.matches("mine", (nginx:get "/raise"), 1, true)
    assert.matches("^sent", (nginx:get "/send"))
  end)

  here("hands over a mail in a phase that cannot send, and is done", function()
    assert(start())
    nginx:get "/log-enqueue"
    assert.equal("true", seen "enqueued")
    nginx:stop "QUIT"
    assert.equal(1, #server:stop())
  end)

  here("is refused by a queue that is full", function()
    assert(start())
    assert.equal("ok ok QUEUE_FULL QUEUE_FULL", (nginx:get "/full"))
  end)

  -- Hands over a thousand messages in portions of fifty, with ten reloads in between.
  local function hand_over()
    local handed = {}
    for i = 1, 20 do
      for id in nginx:get("/many"):gmatch "%S+" do
        handed[#handed + 1] = id
      end
      if i % 2 == 0 then
        nginx:reload()
      end
    end
    return handed
  end

  -- How often each message arrived or was told of as undelivered: once, if all is well.
  local function accounts(messages)
    local count_of = {}
    for _, message in ipairs(messages) do
      local id = message.data:match "Message%-ID: (%S+)\r\n"
      count_of[id] = (count_of[id] or 0) + 1
    end
    for line in io.lines(undelivered) do
      local id, delivery = line:match "^(%S+) (%S+)$"
      local has_arrived = delivery == "unknown" and count_of[id] == 1
      count_of[id] = (count_of[id] or 0) + (has_arrived and 0 or 1)
    end
    return count_of
  end

  here("loses nothing that it handed over, and sends nothing twice, while nginx is reloaded", function()
    assert(start "{ replies = { MAIL = { text = '250 ok', delay = 0.005 } } }")
    local handed = hand_over()
    nginx:stop "QUIT"
    local count_of = accounts(server:stop())
    assert.equal(1000, #handed)
    for _, id in ipairs(handed) do
      assert.equal(id .. " 1", id .. " " .. tostring(count_of[id]))
    end
  end)

  here("sends a large attachment whole", function()
    assert(start())
    assert.equal("sent 3", nginx:get "/attached")
    nginx:stop()
    assert.is_true(#server:stop()[1].data > 4000000)
  end)

  here("keeps to a rate without blocking its worker", function()
    assert(start())
    local slow = nginx:begin "/rate"
    assert.equal("pong", (nginx:get "/ping"))
    assert.is_true(slow:is_pending())
    assert.equal("paced", (slow:answer()))
  end)

  here("is refused a connection that another request has opened", function()
    assert(start())
    assert.equal("true", nginx:get "/keep")
    assert.matches("^STATE .*belongs to another request", (nginx:get "/kept"))
  end)
end)
