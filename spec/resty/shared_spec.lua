-- Limits that four workers of a real nginx keep together, counted at the server.

local core = require "ettsumailer.core"
local counting = require "support.counting"
local nginx_of = require "support.nginx"

local nginx, why, server

local MAIL = [[
local ettsumailer = require "ettsumailer"
local M = {}
function M.options(more)
  local options = {
    host = "127.0.0.1", port = %d, security = "none", ehlo_name = "client.example", from = "a@example.com",
    timeout = 60, connections = 3, shared = "limits",
  }
  for name, value in pairs(more or {}) do options[name] = value end
  return options
end
M.mailer = assert(ettsumailer.mailer(M.options(%s)))
function M.send()
  local result, err = M.mailer:send { to = "b@example.com", text = "hi\n" }
  return result and "sent" or tostring(err)
end
function M.try(more)
  local mailer, err = ettsumailer.mailer(M.options(more))
  if mailer then
    local _
    _, err = mailer:send { to = "b@example.com", text = "hi\n" }
    mailer:close()
  end
  return tostring(err)
end
return M
]]

local SERVER = [[
location = /send { content_by_lua_block {
  ngx.shared.seen:set("pid" .. (ngx.var.arg_n or ""), ngx.worker.pid())
  ngx.print(ngx.worker.pid(), " ", require("mail").send())
} }
location = /all { content_by_lua_block {
  local list = {}
  for i = 1, 10 do list[i] = { to = "b@example.com", text = "hi\n" } end
  ngx.print(require("mail").mailer:send_all(list).sent)
} }
location = /many { content_by_lua_block {
  for _ = 1, 20 do assert(require("mail").mailer:enqueue { to = "b@example.com", text = "hi\n" }) end
  ngx.print(ngx.worker.pid())
} }
location = /pid { content_by_lua_block { ngx.print(ngx.shared.seen:get("pid" .. ngx.var.arg_n) or "") } }
location = /unknown { content_by_lua_block { ngx.print(require("mail").try { shared = "nowhere" }) } }
location = /full { content_by_lua_block {
  local i, ok = 0, true
  while ok do i = i + 1; ok = ngx.shared.tiny:safe_set("key " .. i, ("x"):rep(200)) end
  while ok ~= false or i < 100000 do
    i = i + 1; ok = ngx.shared.tiny:safe_set("k" .. i, 1)
    if not ok then break end
  end
  local options = { rate = ngx.var.arg_rate and 10 or nil, shared = "tiny" }
  ngx.print(require("mail").try(options))
} }
]]

-- A server that counts, and an nginx of four workers that sends to it.
local function start(how)
  how = how or {}
  server = counting.start(how)
  nginx, why = nginx_of.start {
    http = "lua_shared_dict limits 1m; lua_shared_dict seen 1m; lua_shared_dict tiny 12k; "
      .. "lua_check_client_abort on;",
    server = SERVER, workers = 4,
    files = { mail = MAIL:format(server.port, how.options or "nil") },
  }
  return nginx
end

-- Sends so many requests at a time; returns the set of their workers, all of them having sent.
local function crowd(count)
  local requests, workers, number = {}, {}, 0
  for i = 1, count do
    requests[i] = nginx:begin "/send"
  end
  for _, request in ipairs(requests) do
    local body = request:answer()
    local pid = body:match "^(%d+) sent$"
    assert.is_truthy(pid, body)
    number = number + (workers[pid] and 0 or 1)
    workers[pid] = true
  end
  return number
end

-- Begins a send; returns it, and the worker that has it.
local function begin(n)
  local request, pid = nginx:begin("/send?n=" .. n), ""
  for _ = 1, 500 do
    pid = nginx:get("/pid?n=" .. n)
    if pid ~= "" then break end
    core.poll({}, core.clock() + 20)
  end
  return request, pid
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

describe("limits that four workers share", function()
  after_each(function()
    if nginx then
      nginx:stop()
    end
    server:stop()
    nginx = nil
  end)

  here("let no more connections be open at a time than one worker may have, and each has its turn", function()
    assert(start { delay = 0.02 })
    assert.is_true(crowd(80) >= 2)
    local found = server:noted()
    assert.equal(80, #found.moments)
    assert.is_true(found.most <= 3, found.most)
  end)

  here("hold for batches and queues, too", function()
    assert(start { delay = 0.005 })
    local requests = {}
    for i = 1, 12 do
      requests[i] = nginx:begin(i % 3 == 0 and "/many" or "/all")
    end
    for i, request in ipairs(requests) do
      local body = request:answer()
      assert.is_true(i % 3 == 0 or body == "10", body)
    end
    nginx:stop "QUIT"
    local found, twice = server:noted(), 0
    for _, count in pairs(found.ids) do
      twice = twice + (count > 1 and 1 or 0)
    end
    assert.same({ 4 * 20 + 8 * 10, 0 }, { #found.moments, twice })
    assert.is_true(found.most <= 3, found.most)
  end)

  here("let no more messages leave than the rate says, all workers together", function()
    assert(start { options = "{ rate = 20, connections = 20 }" })
    crowd(60)
    local moments = server:noted().moments
    assert.equal(60, #moments)
    -- Ten times the room that the way to the server takes.
    for first = 1, #moments do
      for last = first + 1, #moments do
        assert.is_true(last - first <= 20 * (moments[last] - moments[first] + 0.3) + 1)
      end
    end
    assert.is_true(moments[60] - moments[1] >= 59 / 20 - 0.3)
  end)

  here("are lower for all workers when the server complains to one", function()
    assert(start { options = "{ rate = 40, connections = 20 }", complaints = 1 })
    local began = core.clock()
    nginx:get "/send"
    for _ = 1, 3 do
      nginx:get "/send"
    end
    local count = #server:noted().moments
    crowd(40)
    -- At the full rate the forty would be there within a second.
    local moments = server:noted().moments
    assert.is_true(moments[count + 40] - moments[count + 1] > 1.2, moments[count + 40] - moments[count + 1])
    assert.is_true(core.clock() - began < 60000)
  end)

  here("free the connections of a worker that is killed, after their lease", function()
    assert(start { delay = 3, options = "{ connections = 1, shared = { dictionary = 'limits', lease = 1.5 } }" })
    local lost, pid = begin(1)
    for _ = 1, 500 do
      if server:noted().open > 0 then break end
      core.poll({}, core.clock() + 20)
    end
    local next_one, other = nil, pid
    for n = 2, 40 do
      if other ~= pid then break end
      next_one, other = begin(n)
    end
    assert.is_true(other ~= pid, "every request meets the same worker")
    core.poll({}, core.clock() + 2000) -- longer than the lease: it is kept
    assert.same({ true, 1 }, { next_one:is_pending(), server:noted().most })
    os.execute("kill -9 " .. pid)
    assert.matches(" sent$", (next_one:answer()))
    lost:answer()
  end)

  here("free the connection of a request whose client has gone", function()
    assert(start { delay = 3, options = "{ connections = 1 }" })
    local lost = begin(1)
    for _ = 1, 500 do
      if server:noted().open > 0 then break end
      core.poll({}, core.clock() + 20)
    end
    local began = core.clock()
    lost:abort()
    assert.matches(" sent$", (nginx:get "/send"))
    -- Connecting, and with it the wait for a place, has thirty seconds.
    assert.is_true(core.clock() - began < 20000)
  end)

  here("are given up by a worker that needs them no more to one that does", function()
    assert(start { options = "{ connections = 1 }" })
    for _ = 1, 20 do
      assert.matches(" sent$", (nginx:get "/send"))
    end
    local found = server:noted()
    assert.equal(1, found.most)
    assert.equal(20, #found.moments)
  end)

  here("are refused where there is no dictionary of the name", function()
    assert(start())
    local said = nginx:get "/unknown"
    assert.matches("^CONFIG", said)
    assert.matches("lua_shared_dict nowhere", said, 1, true)
  end)

  here("are refused where the dictionary is full", function()
    assert(start())
    for _, path in ipairs { "/full", "/full?rate=1" } do
      local said = nginx:get(path)
      assert.matches("^CONFIG", said)
      assert.matches("the shared dictionary is full", said, 1, true)
    end
  end)
end)
