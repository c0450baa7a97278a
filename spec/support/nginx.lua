-- A real nginx with its Lua module for the specs: on loopback, ended by its process id.

local core = require "ettsumailer.core"

local M = {}

local Nginx = {}
Nginx.__index = Nginx

-- program, modules, lua and library of an nginx that spec/resty/bring.sh brings; or nil, why not.
local function bring()
  local why = os.tmpname()
  local pipe = assert(io.popen("sh spec/resty/bring.sh 2>" .. why))
  local found = {}
  for line in pipe:lines() do
    local name, value = line:match "^(%w+)=(.*)$"
    if name then
      found[name] = value
    end
  end
  pipe:close()
  local file = assert(io.open(why))
  local reason = file:read "*a"
  file:close()
  os.remove(why)
  if not found.library then
    return nil, reason
  end
  return found
end

local CONFIGURATION = [[
load_module %(modules)/ndk_http_module.so;
load_module %(modules)/ngx_http_lua_module.so;
daemon off;
master_process on;
worker_processes %(workers);
user root;
pid %(folder)/nginx.pid;
error_log %(folder)/error.log info;
%(main)
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path %(folder)/body; proxy_temp_path %(folder)/proxy;
  fastcgi_temp_path %(folder)/fastcgi; uwsgi_temp_path %(folder)/uwsgi;
  scgi_temp_path %(folder)/scgi;
  lua_package_path "%(extra_path)%(package_path);%(folder)/?.lua;%(lua);;";
  lua_package_cpath "%(package_cpath);;";
  %(http)
  server {
    listen 127.0.0.1:%(port) backlog=1024 %(listen);
    %(server)
  }
}
]]

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

local function current_folder()
  local pipe = assert(io.popen "pwd")
  local path = pipe:read "*l"
  pipe:close()
  return path
end

-- A port that nobody listens on.
---@return integer
function M.free_port()
  local listener = assert(core.listen("127.0.0.1", 0))
  local _, port = listener:local_address()
  listener:close()
  return port
end

-- nginx's own folder, with the files that it is given.
local function new_folder(how)
  local folder = os.tmpname()
  os.remove(folder)
  assert(os.execute("mkdir " .. folder))
  if how.tree then
    assert(os.execute(("cp -R '%s/.' %s"):format(how.tree, folder)))
  end
  for name, text in pairs(how.files or {}) do
    write(("%s/%s.lua"):format(folder, name), text)
  end
  return folder
end

-- What nginx finds of the library: as it is installed somewhere, or in this tree.
local function paths_of(how)
  local root = current_folder()
  return how.package_path or ("%s/lua/?.lua;%s/lua/?/init.lua"):format(root, root),
    how.package_cpath or ("%s/%s/?.so"):format(root, os.getenv "OUT" or "build/luajit")
end

local function configuration_of(self, how, found)
  local package_path, package_cpath = paths_of(how)
  local values = {
    folder = self.folder, port = tostring(self.port), package_path = package_path,
    package_cpath = package_cpath, modules = found.modules, lua = found.lua,
    extra_path = how.extra_path and how.extra_path .. ";" or "",
    main = how.main or "", http = how.http or "", server = how.server or "",
    workers = tostring(how.workers or 1), listen = how.workers and "reuseport" or "",
  }
  return (CONFIGURATION:gsub("%%%(([%w_]+)%)", values))
end

---A name server of ours, for a minute at most.
---@param addresses string?  of every name, blanks between; absent: it answers nothing
---@return table resolver { port, close() }
function M.resolver(addresses)
  local pipe = assert(io.popen(
    ("exec 2>/dev/null; python3 spec/support/names_server.py %s & echo pid $!; wait $!"):format(
      addresses or "")))
  local found = {}
  while not (found.port and found.pid) do
    local name, number = assert(pipe:read "*l", "python3 is missing"):match "^(%a+) (%d+)$"
    found[name] = tonumber(number)
  end
  return { port = found.port, close = function()
    os.execute("kill " .. found.pid)
    pipe:close()
  end }
end

---Starts it. main, http and server are directives; files are Lua modules by name; tree is a folder
---whose files are put beside them. package_path and package_cpath are those of the library where it
---is installed, extra_path is looked through before; environment is a list of NAME=value.
---@param how table { main = text, http = text, server = text, files = { name = text }, tree = path,
---  package_path = text, package_cpath = text, extra_path = text, environment = list, workers = 1
---  where absent }
---@return table? nginx { port }
---@return string? why  this machine cannot
function M.start(how)
  local found, why = bring()
  if not found then
    return nil, why
  end
  local self = setmetatable({ port = M.free_port(), folder = new_folder(how) }, Nginx)
  local path = self.folder .. "/nginx.conf"
  write(path, configuration_of(self, how, found))
  local command = { "env", "-u", "LUA_PATH", "-u", "LUA_CPATH" } -- those of the specs
  for _, variable in ipairs(how.environment or {}) do
    command[#command + 1] = variable
  end
  for _, word in ipairs { found.program, "-p", self.folder, "-c", path } do
    command[#command + 1] = word
  end
  self.process = assert(core.spawn(command))
  self:wait_until_it_listens()
  return self
end

function Nginx:error_log()
  local file = io.open(self.folder .. "/error.log")
  local text = file and file:read "*a" or ""
  if file then
    file:close()
  end
  return text
end

function Nginx:wait_until_it_listens()
  local deadline = core.clock() + 20000
  while core.clock() < deadline and not self.process:wait() do
    local socket = core.connect("127.0.0.1", self.port)
    if socket and core.wait(socket, "w", deadline) and socket:connected() then
      socket:close()
      return
    end
    core.poll({}, core.clock() + 20)
  end
  error("nginx does not listen: " .. self:error_log())
end

local Request = {}
Request.__index = Request

---Sends a GET, or the request that is given as it stands, and does not wait for its answer.
---@param path string
---@param request string? in place of the GET
---@return table request with answer(self)
function Nginx:begin(path, request)
  local socket = assert(core.connect("127.0.0.1", self.port))
  assert(core.wait(socket, "w", core.clock() + 20000))
  assert(socket:connected())
  assert(socket:send(request or ("GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n"):format(path)))
  return setmetatable({ socket = socket }, Request)
end

---Whether nothing has come yet.
function Request:is_pending()
  return select(2, core.wait(self.socket, "r", core.clock())) == "TIMEOUT"
end

---Goes away, and does not wait for the answer.
function Request:abort()
  self.socket:close()
end

---The body of the answer, awaited 60 s at most.
---@return string body
---@return integer status
---@return string whole with its head
function Request:answer()
  local pieces, deadline = {}, core.clock() + 60000
  while true do
    local bytes, code = self.socket:receive(65536)
    if bytes then
      pieces[#pieces + 1] = bytes
    elseif code ~= "WAIT" or not core.wait(self.socket, "r", deadline) then
      break
    end
  end
  self.socket:close()
  local whole = table.concat(pieces)
  local status, body = whole:match "^HTTP/1%.%d (%d+).-\r\n\r\n(.*)$"
  return body or whole, tonumber(status), whole
end

---@param path string
---@return string body
---@return integer status
function Nginx:get(path)
  return self:begin(path):answer()
end

-- The requests of a list that have their answer, with the time it took.
local function take_answers(waiting, times)
  local left = {}
  for _, item in ipairs(waiting) do
    if item.ready then
      times[#times + 1] = core.clock() - item.began
      item[1]:close()
    else
      left[#left + 1] = item
    end
  end
  return left
end

---Asks for /ping so many times at once, each on a connection of its own.
---@param count integer
---@return integer[] times  ms, in their order
function Nginx:ping(count)
  local waiting, times = {}, {}
  for i = 1, count do
    waiting[i] = { self:begin("/ping").socket, "r", began = core.clock() }
  end
  local deadline = core.clock() + 60000
  while #waiting > 0 and core.poll(waiting, deadline) do
    waiting = take_answers(waiting, times)
  end
  assert(#waiting == 0, "not every ping was answered")
  table.sort(times)
  return times
end

-- Sends the master a signal that the core has no name for.
local function signal(self, name)
  local file = io.open(self.folder .. "/nginx.pid")
  local pid = file and file:read "*l"
  if file then
    file:close()
  end
  return pid and os.execute(("kill -%s %s 2>/dev/null"):format(name, pid))
end

---The process that has the workers.
---@return integer
function Nginx:master()
  local file = assert(io.open(self.folder .. "/nginx.pid"))
  local pid = tonumber(file:read "*l")
  file:close()
  return pid
end

---Has it read its configuration anew: a new worker takes over from the old one.
function Nginx:reload()
  signal(self, "HUP")
  core.poll({}, core.clock() + 200)
end

---Whether nginx takes a configuration that is not ours, in a copy of its folder.
---@param folder string
---@param name string
---@return boolean
---@return string said
function M.takes(folder, name)
  local found, why = bring()
  if not found then
    return false, why
  end
  local copy = new_folder { tree = folder }
  local package_path = paths_of {}
  local modules = ""
  for _, module in ipairs { "ndk_http_module", "ngx_http_lua_module" } do
    modules = ("%sload_module %s/%s.so; "):format(modules, found.modules, module)
  end
  local pipe = assert(io.popen(("LUA_PATH='%s;%s' '%s' -t -p '%s/' -c '%s/%s' -g '%s' 2>&1"):format(
    package_path, found.lua, found.program, copy, copy, name, modules)))
  local said = pipe:read "*a"
  pipe:close()
  os.execute("rm -rf " .. copy)
  return said:find("syntax is ok", 1, true) ~= nil, said -- its folders may be those of a package
end

---Ends it, and waits until it is gone.
---@param how string?      "QUIT": its workers finish what they do
---@param seconds number?  how long that may take; 20 where absent
function Nginx:stop(how, seconds)
  if how then
    signal(self, how)
  else
    self.process:kill "TERM"
  end
  local deadline = core.clock() + (seconds or 20) * 1000
  while not self.process:wait() and core.clock() < deadline do
    core.poll({}, core.clock() + 10)
  end
  os.execute("rm -rf " .. self.folder)
end

return M
