-- What others notice of a worker of nginx that sends mail: nothing. The bounds are ten times those that
-- bench/nginx/ping.py measures; one round of several has to keep to them, as machines are busy. While
-- attachments are sent, the server of the specs is busy, too: then only the longest wait is bounded.

local core = require "ettsumailer.core"
local fake = require "support.fake"
local nginx_of = require "support.nginx"

local PINGS, ROUNDS, SENDS = 200, 20, 20
local MOST_MS, MORE_THAN_IDLE_MS = 500, 20

local nginx, why, server

local MAIL = [[
local ettsumailer = require "ettsumailer"
local M = {}
M.mailer = assert(ettsumailer.mailer {
  host = "%s", port = %d, security = "%s", insecure_skip_verify = %s, ehlo_name = "client.example",
  from = "a@example.com", connections = 20, timeouts = { connect = 60 },
})
function M.send(path)
  M.begun = (M.begun or 0) + 1
  M.mailer:send { to = "b@example.com", text = "hi\n", attachments = path and { path } }
  M.ended = (M.ended or 0) + 1
end
return M
]]

local SERVER = [[
location = /ping { return 200 pong; }
location = /send { content_by_lua_block { require("mail").send(ngx.var.arg_path) } }
location = /pending { content_by_lua_block {
  local mail = require "mail"
  ngx.print((mail.begun or 0) - (mail.ended or 0))
} }
]]

local function start(how)
  server = fake.start(how.script)
  nginx, why = nginx_of.start {
    http = how.http, server = SERVER,
    files = { mail = MAIL:format(how.host or "127.0.0.1", server.port, how.security or "none",
      tostring(how.security ~= nil)) },
  }
  return nginx
end

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

local function ninety_ninth(times)
  return times[math.ceil(#times * 0.99)]
end

-- The 99th in a hundred of an idle worker's pings, in the round in the middle.
local function idle_wait()
  local found = {}
  for i = 1, ROUNDS do
    found[i] = ninety_ninth(nginx:ping(PINGS))
  end
  table.sort(found)
  return found[math.ceil(ROUNDS / 2)]
end

-- Rounds until one keeps to the bounds. Returns the longest wait and the 99th in a hundred, each of
-- its best round.
local function busy_waits(bound)
  local most, p99, round = math.huge, math.huge, 0
  while round < ROUNDS and not (most < MOST_MS and p99 < bound) do
    local times = nginx:ping(PINGS)
    most, p99 = math.min(most, times[#times]), math.min(p99, ninety_ninth(times))
    round = round + 1
  end
  return most, p99
end

local function pending_sends()
  return tonumber((nginx:get "/pending"))
end

-- The pings of a worker while its sends are under way, beside those of the same when it was idle.
local function compare(query)
  local bound = query and MOST_MS or idle_wait() + MORE_THAN_IDLE_MS
  local requests = {}
  for i = 1, SENDS do
    requests[i] = nginx:begin("/send" .. (query or ""))
  end
  local deadline = core.clock() + 10000
  while pending_sends() < SENDS do
    assert(core.clock() < deadline, "the sends did not begin")
    core.poll({}, core.clock() + 5)
  end
  local most, p99 = busy_waits(bound)
  assert.is_true(pending_sends() > 0)
  for _, request in ipairs(requests) do
    request:abort()
  end
  assert.is_true(most < MOST_MS, ("%d ms for one"):format(most))
  assert.is_true(p99 < bound, ("%d ms, where %d are the bound"):format(p99, bound))
end

describe("others wait no longer for a worker", function()
  after_each(function()
    if nginx then
      nginx:stop()
    end
    server:stop()
    nginx = nil
  end)

  here("whose mails wait for a server that takes five seconds for each reply", function()
    assert(start { script = [[{ replies = {
      greeting = { text = '220 hi', delay = 5 }, EHLO = { text = '250 hi', delay = 5 },
      MAIL = { text = '250 ok', delay = 5 }, content = { text = '250 ok', delay = 5 } } }]] })
    compare()
  end)

  here("whose mails wait for a name that is not found", function()
    local silent = nginx_of.resolver()
    assert(start { host = "smtp.example.test", http = ("resolver 127.0.0.1:%d;"):format(silent.port) })
    local ok, err = pcall(compare)
    silent.close()
    assert(ok, err)
  end)

  for _, security in ipairs { "none", "starttls" } do
    here("that sends twenty attachments of 25 MB with security " .. security, function()
      local path = os.tmpname()
      local file = assert(io.open(path, "wb"))
      for _ = 1, 25 do
        file:write(("0123456789abcdef"):rep(62500))
      end
      file:close()
      assert(start { script = security == "none" and "{}" or "{ tls = true }",
        security = security ~= "none" and security or nil })
      local ok, err = pcall(compare, "?path=" .. path)
      os.remove(path)
      assert(ok, err)
    end)
  end
end)
