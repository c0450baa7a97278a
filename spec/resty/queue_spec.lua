-- The queue of enqueue in a real nginx: what was handed over arrives once, or is told of.

local core = require "ettsumailer.core"
local counting = require "support.counting"
local nginx_of = require "support.nginx"

local nginx, why, server, undelivered

local MESSAGES, RELOADS = 20000, 50

local MAIL = [[
local ettsumailer = require "ettsumailer"
local M = {}
M.mailer = assert(ettsumailer.mailer {
  host = "127.0.0.1", port = %d, security = "none", ehlo_name = "client.example", from = "a@example.com",
  queue = { drain = %g },
  on_undelivered = function(message, err)
    local file = io.open(%q, "ab")
    file:write(message:id(), " ", err.delivery, "\n")
    file:close()
  end,
})
-- Hands over so many; returns the identifiers of those that were taken.
function M.hand_over(count)
  local ids = {}
  for i = 1, count do
    local message = assert(ettsumailer.message { from = "a@example.com", to = "b@example.com", text = "hi\n" })
    if not M.mailer:enqueue(message) then break end
    ids[i] = message:id()
  end
  return table.concat(ids, " ")
end
return M
]]

local SERVER = [[
location = /many { content_by_lua_block {
  ngx.print(require("mail").hand_over(math.min(50, tonumber(ngx.var.arg_most))))
} }
location = /one { content_by_lua_block { ngx.print(require("mail").hand_over(1)) } }
location = /busy { content_by_lua_block {
  assert(ngx.timer.at(0, function() ngx.sleep(1) end))
  ngx.print "busy"
} }
]]

local function start(how)
  how = how or {}
  server, undelivered = counting.start(how), os.tmpname()
  nginx, why = nginx_of.start {
    http = ("lua_max_pending_timers 16; lua_max_running_timers %d;"):format(how.timers or 16), server = SERVER,
    files = { mail = MAIL:format(server.port, how.drain or 10, undelivered) },
  }
  return nginx
end

-- Hands over so many, with reloads in between. Returns their identifiers.
local function hand_over(count, reloads)
  local handed, reloaded = {}, 0
  while #handed < count do
    for id in nginx:get("/many?most=" .. count - #handed):gmatch "%S+" do
      handed[#handed + 1] = id
    end
    if reloaded < reloads and #handed >= count / reloads * reloaded then
      reloaded = reloaded + 1
      nginx:reload()
    end
  end
  return handed, reloaded
end

-- Those that did not come to exactly one end, each with how many it came to. One of which nobody
-- knew may have arrived.
local function strays(handed)
  local ends, found = server:noted().ids, {}
  local arrived, told = 0, 0
  for _ in pairs(ends) do
    arrived = arrived + 1
  end
  for line in io.lines(undelivered) do
    local id, delivery = line:match "^(%S+) (%S+)$"
    local may_have_arrived = delivery == "unknown" and ends[id] == 1
    ends[id] = (ends[id] or 0) + (may_have_arrived and 0 or 1)
    told = told + 1
  end
  for _, id in ipairs(handed) do
    if ends[id] ~= 1 then
      found[#found + 1] = ("%s %s"):format(id, tostring(ends[id]))
    end
    ends[id] = nil
  end
  for id in pairs(ends) do
    found[#found + 1] = id .. " was never handed over"
  end
  return found, arrived, told
end

local function here(name, f)
  it(name, function()
    local ok, err = pcall(f)
    if not nginx and why then
      pending(why)
    elseif not ok then
      error(nginx and tostring(err) .. "\n" .. nginx:error_log():sub(-2000) or err, 0)
    end
  end)
end

describe("the queue of a worker", function()
  after_each(function()
    if nginx then
      nginx:stop()
    end
    server:stop()
    os.remove(undelivered)
    nginx = nil
  end)

  here("loses nothing and sends nothing twice while nginx is reloaded all the time", function()
    assert(start { delay = 0.002 })
    local handed, reloads = hand_over(MESSAGES, RELOADS)
    nginx:stop("QUIT", 60)
    local found, arrived = strays(handed)
    assert.same({ RELOADS, {} }, { reloads, found })
    assert.is_true(arrived > MESSAGES * 0.9)
  end)

  here("tells of what it has no time for, where a worker that ends may not drain it", function()
    assert(start { delay = 0.05, drain = 0.2 })
    local handed = hand_over(1500, 3)
    nginx:stop("QUIT", 60)
    local found, _, told = strays(handed)
    assert.same({}, found)
    assert.is_true(told > 0)
  end)

  here("is drained though nginx had too many timers at work when it was to begin", function()
    assert(start { timers = 1 })
    nginx:get "/busy"
    core.poll({}, core.clock() + 100)
    local handed = { (nginx:get "/one") }
    for _ = 1, 500 do
      if server:noted().ids[handed[1]] then break end
      core.poll({}, core.clock() + 20)
    end
    assert.same({}, (strays(handed)))
  end)

  here("tells of all when nginx ends before its timer could begin", function()
    assert(start { timers = 1 })
    nginx:get "/busy"
    core.poll({}, core.clock() + 100)
    local handed = { (nginx:get "/one") }
    nginx:stop("QUIT", 60)
    assert.same({}, (strays(handed)))
  end)
end)
