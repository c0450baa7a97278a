-- What waits, in a real nginx: nobody but the request that waits. And what its end leaves behind.

local core = require "ettsumailer.core"
local fake = require "support.fake"
local nginx_of = require "support.nginx"

local nginx, why, server

local MAIL = [[
local ettsumailer = require "ettsumailer"
local options = require "ettsumailer.options"
local M = {}
M.options = {
  host = "127.0.0.1", port = %d, security = "none", timeout = 50,
  from = "a@example.com",
}
function M.new(more)
  return assert(ettsumailer.mailer(options.merge(M.options, more)))
end
function M.send(mailer, fields)
  fields = options.merge({ to = "b@example.com", text = "hi\n" }, fields)
  local result, err = mailer:send(fields)
  return result and "sent" or tostring(err), result, err
end
-- Runs f while another counts the turns of the loop, and calls look(turns) at each.
function M.count_turns(f, look)
  local is_over, turns = false, 0
  local counter = ngx.thread.spawn(function()
    while not is_over do
      ngx.sleep(0.001)
      turns = turns + 1
      if look then look(turns) end
    end
  end)
  local result = f()
  is_over = true
  ngx.thread.wait(counter)
  return turns, result
end
return M
]]

-- A server with this script, and an nginx with these locations.
local function start(script, locations, http)
  server = fake.start(script)
  nginx, why = nginx_of.start {
    http = "lua_check_client_abort on; " .. (http or "lua_socket_log_errors off;"), server = locations,
    files = { mail = MAIL:format(server.port) },
  }
  return nginx
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

local function stop()
  local log = ""
  if nginx then
    log = nginx:error_log()
    nginx:stop()
  end
  if server then
    server:stop()
  end
  nginx, server = nil, nil
  assert.is_nil(log:match "[^\n]*runtime error[^\n]*" or log:match "[^\n]*exited on signal 11[^\n]*")
end

describe("a long content in nginx", function()
  after_each(stop)

  here("is looked through with turns of the loop in between", function()
    assert(start(nil, [[location = /x { content_by_lua_block {
      local mail, text = require "mail", ("a line of text\n"):rep(300000)
      local function compose(fields)
        fields.from, fields.to = "a@example.com", "b@example.com"
        return require("ettsumailer").message(fields)
      end
      local path = os.tmpname()
      local file = io.open(path, "wb")
      file:write(text)
      file:close()
      local cases = {
        { text = text }, { raw = "From: a@example.com\n\n" .. text },
        { text = "", attachments = { { path = path, type = "message/rfc822" } } },
        { text = "", attachments = { { content = text, type = "message/rfc822", filename = "x" } } },
        { html = ("<p>a <b>line</b> of text</p>\n"):rep(20000), auto_text = true },
      }
      local at = -65535
      cases[#cases + 1] = { raw = function()
        at = at + 65536
        return at == 1 and "From: a@example.com\n\n" .. text:sub(1, 65536)
          or at <= #text and text:sub(at, at + 65535) or nil
      end }
      for _, fields in ipairs(cases) do
        if fields.raw then
          fields = { raw = fields.raw }
        end
        local turns, message = mail.count_turns(function()
          return fields.raw and require("ettsumailer").message(fields) or compose(fields)
        end)
        local is_whole = fields.auto_text or message and message:size() >= #text
        ngx.print(is_whole and turns >= #text / 65536 and "turns " or "none ")
      end
      os.remove(path)
    } }]]))
    assert.equal("turns turns turns turns turns turns ", (nginx:get "/x"))
  end)

  here("that others made and a function gives is sent whole, twice", function()
    assert(start(nil, [[location = /x { content_by_lua_block {
      local mail, left, line = require "mail", 0, ("x"):rep(62) .. "\r\n"
      local message = assert(require("ettsumailer").message { raw = function()
        left = left + 1
        return left == 1 and "From: a@example.com\r\nTo: b@example.com\r\n\r\n"
          or left <= 101 and line:rep(500) or nil
      end })
      local mailer = mail.new()
      ngx.print(tostring(mailer:send(message) ~= nil), " ", tostring(mailer:send(message) ~= nil))
    } }]]))
    assert.equal("true true", (nginx:get "/x"))
    nginx:stop()
    nginx = nil
    local messages = server:stop()
    assert.equal(2, #messages)
    assert.equal(messages[1].data, messages[2].data)
    assert.equal(50000, select(2, messages[1].data:gsub("\n" .. ("x"):rep(62), "")))
  end)

  here("is composed as elsewhere where nobody may wait", function()
    assert(start(nil, [[
    location = /x { content_by_lua_block {
      local text, message = ("a line of text\n"):rep(30000), nil
      ("x"):gsub("x", function()
        message = require("ettsumailer").message { from = "a@example.com", to = "b@example.com", text = text }
      end)
      ngx.print(message and message:size() > #text and "composed")
    } }]]))
    assert.equal("composed", (nginx:get "/x"))
  end)

  here("leaves with turns of the loop in between, however fast it is taken", function()
    assert(start(nil, [[location = /x { content_by_lua_block {
      local mail = require "mail"
      local given, seen, most = 0, 0, 0
      local block = ("x"):rep(16384)
      local function source()
        local left = 512
        return function()
          left = left - 1
          given = given + (left >= 0 and #block or 0)
          return left >= 0 and block or nil
        end
      end
      local _, text = mail.count_turns(function()
        return (mail.send(mail.new(), { attachments = { { source = source, filename = "x" } } }))
      end, function()
        most, seen = math.max(most, given - seen), given
      end)
      ngx.print(text, " ", given, " ", most <= 160000 and "in slices" or most)
    } }]]))
    assert.equal("sent 8388608 in slices", (nginx:get "/x"))
  end)

  here("is refused in the middle, and whoever sends it hears of it then", function()
    local path = os.tmpname()
    os.remove(path)
    local pipe = assert(io.popen(("timeout 60 python3 spec/support/crowd_server.py '%s' refusing"):format(path)))
    assert(pipe:read "*l" == "ready")
    assert(start(nil, ([[location = /x { content_by_lua_block {
      local mail = require "mail"
      local started = ngx.now()
      local _, _, err = mail.send(mail.new { unix_socket = %q },
        { attachments = { { content = ("x"):rep(5000000), filename = "x" } } })
      ngx.update_time()
      ngx.print(err.smtp_code, " ", err.delivery, " ", ngx.now() - started < 3 and "early" or "late")
    } }]]):format(path)))
    assert.equal("552 rejected early", (nginx:get "/x"))
    pipe:close()
    os.remove(path)
  end)
end)

describe("two thousand recipients in nginx", function()
  after_each(stop)

  here("are taken by a server that writes its answers before it reads on", function()
    local path = os.tmpname()
    os.remove(path)
    local pipe = assert(io.popen(("timeout 60 python3 spec/support/crowd_server.py '%s' greedy"):format(path)))
    assert(pipe:read "*l" == "ready")
    assert(start(nil, ([[location = /x { content_by_lua_block {
      local mail, recipients = require "mail", {}
      local domain = ("subdomain."):rep(17) .. "example.test"
      for i = 1, 2000 do
        recipients[i] = ("somebody-with-a-long-name-of-fifty-octets-%%06d@%%s"):format(i, domain)
      end
      local text, result = mail.send(mail.new { unix_socket = %q, timeout = 30 },
        { envelope = { to = recipients } })
      ngx.print(text, " ", result and #result.accepted)
    } }]]):format(path)))
    assert.equal("sent 2000", (nginx:get "/x"))
    nginx:stop()
    nginx = nil
    assert.matches("^2000 %d+\n$", pipe:read "*a")
    pipe:close()
    os.remove(path)
  end)
end)

describe("the name that nginx greets a server with", function()
  after_each(stop)

  local NAME = [[location = /%s { content_by_lua_block {
    local core, mail = require "ettsumailer.core", require "mail"
    core.host_name = function() return "%s" end
    local mailer = mail.new { ehlo_name = %s }
    %s
  } }
  ]]
  local TELL = [[local about = assert(mailer:verify())
    ngx.print(about.ehlo_name, " from ", about.ehlo_name_from)]]

  here("is that of its options, of the machine, or of the request's server; verify says which", function()
    assert(start(nil, NAME:format("given", "web1.example.com", '"client.example"', TELL)
      .. NAME:format("full", "web1.example.com", "nil", TELL)
      .. NAME:format("short", "web1", "nil", TELL)
      .. NAME:format("timer", "web1", "nil", [[
        local told
        ngx.timer.at(0, function()
          local about = assert(mailer:verify())
          told = about.ehlo_name .. " from " .. about.ehlo_name_from
        end)
        while not told do ngx.sleep(0.001) end
        ngx.print(told)]])))
    assert.equal("client.example from ehlo_name", (nginx:get "/given"))
    assert.equal("web1.example.com from host name", (nginx:get "/full"))
    assert.equal("[127.0.0.1] from local address", (nginx:get "/short"))
    assert.equal("[127.0.0.1] from nothing known", (nginx:get "/timer"))
    local log = server:log()
    assert.matches("C: EHLO web1.example.com\n", log, 1, true)
    assert.matches("C: EHLO [127.0.0.1]\n", log, 1, true)
  end)
end)

describe("a host that nginx does not find", function()
  after_each(stop)

  here("takes no longer than connecting may, whatever the resolver's patience", function()
    local silent = nginx_of.resolver()
    local ok, err = pcall(function()
      assert(start(nil, [[location = /x { content_by_lua_block {
        local mail = require "mail"
        local started = ngx.now()
        local _, _, err = mail.send(mail.new { host = "smtp.example.test", timeouts = { connect = 1 } })
        ngx.update_time()
        ngx.print(err.code, " ", err.delivery, " ", ngx.now() - started < 10 and "early" or "late")
      } }]], ("resolver 127.0.0.1:%d; resolver_timeout 40s;"):format(silent.port)))
      assert.equal("TIMEOUT not_sent early", (nginx:get "/x"))
    end)
    silent.close()
    assert(ok, err)
  end)
end)

describe("a function of the user's in nginx", function()
  after_each(stop)

  here("may wait: what gives content, a token, and what looks on", function()
    local certificate, key = core.certificate { names = { "127.0.0.1" } }
    local script = ("{ tls = true, user = 'u', token = 't', mechanisms = { 'XOAUTH2' }, "
      .. "tls_options = { certificate = %q, key = %q } }"):format(certificate, key)
    assert(start(script, [[location = /x { content_by_lua_block {
      local mail, waits = require "mail", 0
      local function wait()
        ngx.sleep(0.001)
        waits = waits + 1
      end
      local function content()
        wait()
        return waits < 40 and "some content\n" or nil
      end
      local mailer = mail.new {
        security = "starttls", insecure_skip_verify = true, user = "u",
        token = function() wait() return "t" end, on_protocol = wait, on_message = wait, on_result = wait,
      }
      local text = mail.send(mailer, { attachments = { { content = content, filename = "x" } } })
      ngx.print(text, " ", waits > 40 and "waited")
    } }]]))
    assert.equal("sent waited", (nginx:get "/x"))
  end)
end)

describe("a login in nginx that hashes much", function()
  after_each(stop)

  here("gives the loop its turns", function()
    local certificate, key = core.certificate { names = { "127.0.0.1" } }
    local script = ("{ tls = true, user = 'u', password = 'p', mechanisms = { 'SCRAM-SHA-256' }, "
      .. "scram = { iterations = 40000 }, tls_options = { certificate = %q, key = %q } }")
      :format(certificate, key)
    assert(start(script, [[location = /x { content_by_lua_block {
      local mail, world, turns = require "mail", require "ettsumailer.world", 0
      local turn = world.turn
      world.turn = function()
        turns = turns + 1
        return turn()
      end
      local mailer = mail.new { security = "starttls", insecure_skip_verify = true, user = "u", password = "p" }
      ngx.print(mail.send(mailer), " ", turns >= 39 and "in slices" or turns)
    } }]]))
    assert.equal("sent in slices", (nginx:get "/x"))
  end)
end)

describe("a host of more than one address in nginx", function()
  after_each(stop)

  local SEND_TO = [[location = /x { content_by_lua_block {
    local mail = require "mail"
    ngx.print((mail.send(mail.new { host = "%s" })))
  } }]]

  local function refusals()
    return select(2, nginx:error_log():gsub("connect%(%) failed %(111", ""))
  end

  -- Runs f with a name server that gives these addresses for every name.
  local function with_names(addresses, host, f)
    local names = nginx_of.resolver(addresses)
    local ok, err = pcall(function()
      assert(start(nil, SEND_TO:format(host),
        ("resolver 127.0.0.1:%d ipv6=off; lua_socket_log_errors on;"):format(names.port)))
      f()
    end)
    names.close()
    assert(ok, err)
  end

  here("is reached though one of them is dead", function()
    with_names("127.0.0.1 127.0.0.2", "smtp.example.test", function()
      local sent = 0
      for _ = 1, 4 do
        sent = sent + (nginx:get "/x" == "sent" and 1 or 0)
      end
      assert.is_true(sent >= 2) -- each misses one in 64
    end)
  end)

  here("is given up after six attempts", function()
    with_names("127.0.0.2 127.0.0.3", "smtp.example.test", function()
      assert.matches("^CONNECT at connect: smtp.example.test port %d+: connection refused", (nginx:get "/x"))
      assert.equal(6, refusals())
    end)
  end)

  -- What comes of a name, and whether a later try may have better luck.
  local SEND_AND_SAY = [[location = /x { content_by_lua_block {
    local mail = require "mail"
    local text, _, err = mail.send(mail.new { host = "smtp.example.test" })
    ngx.print(text, " ", tostring(err.retryable))
  } }]]

  here("needs nginx's directive for names, says its error, and that no later try helps", function()
    assert(start(nil, SEND_AND_SAY))
    local said = nginx:get "/x"
    assert.matches("^DNS at connect: smtp.example.test port %d+: no resolver defined", said)
    assert.is_truthy(said:find("nginx looks names up by its directive resolver", 1, true), said)
    assert.matches(" false$", said)
  end)

  for code, case in pairs { [3] = { "does not exist", "false" }, [2] = { "cannot be looked up now", "true" } } do
    here(("that %s is an error for which a later try is %s help"):format(case[1],
      case[2] == "true" and "of" or "no"), function()
      local names = nginx_of.resolver("rcode=" .. code)
      local ok, err = pcall(function()
        assert(start(nil, SEND_AND_SAY, ("resolver 127.0.0.1:%d ipv6=off;"):format(names.port)))
        local said = nginx:get "/x"
        assert.matches("^DNS at connect: .*could not be resolved %(" .. code, said)
        assert.matches(" " .. case[2] .. "$", said)
      end)
      names.close()
      assert(ok, err)
    end)
  end

  here("that refuses connections may take them later", function()
    local names = nginx_of.resolver "127.0.0.2"
    local ok, err = pcall(function()
      assert(start(nil, SEND_AND_SAY, ("resolver 127.0.0.1:%d ipv6=off;"):format(names.port)))
      assert.matches("^CONNECT at connect: .* true$", (nginx:get "/x"))
    end)
    names.close()
    assert(ok, err)
  end)

  here("is tried again later where retry says so, though it refuses connections now", function()
    assert(start(nil, [[location = /x { content_by_lua_block {
      local mail = require "mail"
      ngx.print((mail.send(mail.new { host = "127.0.0.2", retry = { attempts = 3, first_delay = 0.05 } })))
    } }]], "lua_socket_log_errors on;"))
    assert.matches("^CONNECT", (nginx:get "/x"))
    assert.equal(3, refusals())
  end)

  here("is tried once where it is an address", function()
    with_names("", "127.0.0.2", function()
      assert.matches("^CONNECT", (nginx:get "/x"))
      assert.equal(1, refusals())
    end)
  end)
end)

describe("the way by a program in nginx", function()
  after_each(stop)

  here("is refused, with what to use in its place", function()
    assert(start(nil, [[location = /x { content_by_lua_block {
      local mailer, err = require("ettsumailer").mailer { via = "sendmail" }
      ngx.print(mailer and "a mailer" or tostring(err))
    } }]]))
    assert.matches("^CONFIG: .*nginx.*host = \"localhost\"", (nginx:get "/x"))
  end)
end)

local SEND = [[
location = /send { content_by_lua_block {
  local mail = require "mail"
  mail.mailer = mail.mailer or mail.new { connections = 1, security = ngx.var.arg_security,
    insecure_skip_verify = true, user = ngx.var.arg_user, password = ngx.var.arg_user }
  ngx.print((mail.send(mail.mailer, { attachments = ngx.var.arg_long and
    { { content = ("x"):rep(4000000), filename = "x" } } })))
} }
location = /memory { content_by_lua_block {
  collectgarbage() collectgarbage()
  ngx.print(collectgarbage "count")
} }
location = /pid { content_by_lua_block { ngx.print(ngx.worker.pid()) } }
]]

-- Connections to the server's port, seen from the kernel; the ones that are closing do not count.
local function open_connections()
  local count, wanted = 0, (":%04X"):format(server.port)
  for line in io.lines "/proc/net/tcp" do
    local remote, state = line:match "^%s*%d+: %S+ (%S+) (%x%x)"
    count = count + (remote and remote:sub(-5) == wanted and state == "01" and 1 or 0)
  end
  return count
end

local function wait_for(text)
  local deadline = core.clock() + 20000
  while not server:log():find(text, 1, true) do
    assert(core.clock() < deadline, "the server never got there: " .. text)
    core.poll({}, core.clock() + 5)
  end
end

describe("a client that goes away", function()
  after_each(stop)

  local STAGES = {
    { "the greeting", "{ replies = { greeting = { false, '220 hi' } } }", nil },
    { "TLS", "{ tls = true, replies = { tls = { false, {} } } }", "C: STARTTLS",
      "?security=starttls" },
    { "AUTH", "{ tls = true, user = 'u', password = 'u', replies = { AUTH = { false, '235 2.7.0 ok' } } }", "C: AUTH",
      "?security=starttls&user=u" },
    { "the envelope", "{ replies = { MAIL = { false, '250 ok' } } }", "C: MAIL" },
    { "DATA", "{ replies = { DATA = { false, '354 go on' } } }", "C: DATA" },
    { "the content", "{ replies = { content = { { text = '250 ok', delay = 0.5 } } } }", "S: 354", "?long=1" },
    { "the final reply", "{ replies = { content = { false, '250 ok' } } }", "C: (content" },
  }
  for _, stage in ipairs(STAGES) do
    local name, script, sign, query = stage[1], stage[2], stage[3], stage[4] or ""
    here(("at %s costs the mailer no connection"):format(name), function()
      assert(start(script, SEND))
      local request = nginx:begin("/send" .. query)
      if sign then
        wait_for(sign)
      else
        core.poll({}, core.clock() + 100)
      end
      request:abort()
      core.poll({}, core.clock() + 100)
      assert.equal("sent", (nginx:get("/send" .. query)))
      assert.is_true(open_connections() <= 1)
    end)
  end

  here("while its host is looked up costs the mailer no connection for longer than that may take", function()
    local silent = nginx_of.resolver()
    local ok, err = pcall(function()
      assert(start(nil, [[location = /x { content_by_lua_block {
        local mail = require "mail"
        mail.mailer = mail.mailer or mail.new { host = "smtp.example.test", connections = 1,
          timeouts = { connect = 1 } }
        local text, _, err = mail.send(mail.mailer)
        ngx.print(err.code, " ", err.stage)
      } }]], ("resolver 127.0.0.1:%d; resolver_timeout 40s;"):format(silent.port)))
      local request = nginx:begin "/x"
      core.poll({}, core.clock() + 100)
      request:abort()
      core.poll({}, core.clock() + 2000)
      assert.equal("TIMEOUT connect", (nginx:get "/x")) -- not QUEUE_FULL
    end)
    silent.close()
    assert(ok, err)
  end)

  here("and sixty others leave nothing behind", function()
    assert(start("{ replies = { content = { " .. ("false, "):rep(60) .. " '250 ok' } } }", SEND))
    local function leave(times)
      for _ = 1, times do
        local seen = select(2, server:log():gsub("C: %(content", ""))
        local request = nginx:begin "/send"
        local deadline = core.clock() + 10000
        while select(2, server:log():gsub("C: %(content", "")) == seen and core.clock() < deadline do
          core.poll({}, core.clock() + 2)
        end
        request:abort()
        core.poll({}, core.clock() + 5)
      end
    end
    leave(30)
    local before = tonumber((nginx:get "/memory"))
    leave(30)
    local after = tonumber((nginx:get "/memory"))
    assert.equal("sent", (nginx:get "/send"))
    assert.equal(1, open_connections())
    assert.is_true(after - before < 60, ("%d KiB more"):format(after - before))
  end)
end)

describe("a thread of the user's that is killed while it sends", function()
  after_each(stop)

  here("costs the mailer no connection", function()
    assert(start("{ replies = { MAIL = { false, '250 ok' } } }", [[location = /x { content_by_lua_block {
      local mail = require "mail"
      local mailer = mail.new { connections = 1 }
      local thread = ngx.thread.spawn(function() mail.send(mailer) end)
      ngx.sleep(0.2)
      ngx.thread.kill(thread)
      local killed = ngx.now()
      local text = mail.send(mailer)
      ngx.update_time()
      ngx.print(text, ngx.now() - killed < 10 and " at once" or " late")
    } }]]))
    assert.equal("sent at once", (nginx:get "/x"))
  end)
end)

describe("a worker that is killed while it sends", function()
  after_each(stop)

  here("is followed by one that sends", function()
    assert(start("{ replies = { content = { false, '250 ok' } } }", SEND))
    local request = nginx:begin "/send"
    wait_for "C: (content"
    local pid = nginx:get "/pid"
    os.execute("kill -9 " .. pid)
    assert.equal("", (request:answer()))
    local answer = nginx:get "/send"
    assert.equal("sent", answer)
    assert.not_equal(pid, (nginx:get "/pid"))
    assert.equal(1, open_connections())
  end)
end)

describe("a connection of another request that is still under way", function()
  after_each(stop)

  here("is refused with an error that says so", function()
    assert(start(nil, [[
    location = /mine { content_by_lua_block {
      local mail = require "mail"
      local conn = assert(require("ettsumailer").connect { host = "127.0.0.1", port = mail.options.port,
        security = "none" })
      mail.conn = conn
      ngx.sleep(0.5)
      ngx.print(tostring(conn:ehlo() ~= nil))
    } }
    location = /other { content_by_lua_block {
      local ok, reply, err = pcall(function() return require("mail").conn:noop() end)
      ngx.print(ok and tostring(err and err.code) or "raised " .. tostring(reply))
    } }]]))
    local mine = nginx:begin "/mine"
    wait_for "S: 220"
    core.poll({}, core.clock() + 50)
    assert.equal("STATE", (nginx:get "/other"))
    mine:answer()
  end)
end)
