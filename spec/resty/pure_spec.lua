-- The specs that need neither sockets nor other processes pass inside nginx's worker, too.

local core = require "ettsumailer.core"
local nginx_of = require "support.nginx"

local FOLDERS = { "spec/unit", "spec/regress", "spec/wire" }

-- What a spec, or a module of spec/ that it requires, says where it needs sockets, a child process,
-- or a clock of its own in place of the one that nginx's timers go by.
local NEEDS = {
  "popen", "core%.listen", "core%.connect", "core%.spawn", "core%.poll", "core%.wait", "core%.fork",
  "os%.execute", "testing%.start", "ettsumailer%.testing%.server",
}

local function read(path)
  local file = io.open(path)
  local text = file and file:read "*a"
  if file then
    file:close()
  end
  return text
end

-- Whether the file, and all that it requires of spec/, can do without. To list a folder is no need.
local function is_pure(path, known)
  if known[path] == nil then
    known[path] = true
    local text = (read(path) or ""):gsub('[^\n]*popen%("ls [^\n]*', "")
    for _, word in ipairs(NEEDS) do
      known[path] = known[path] and not text:find(word)
    end
    for name in text:gmatch 'require ?%(?"([%w_.]+)"' do
      local below = "spec/" .. name:gsub("%.", "/") .. ".lua"
      known[path] = known[path] and (not read(below) or is_pure(below, known))
    end
  end
  return known[path]
end

local function pure_specs()
  local list, known = {}, {}
  local pipe = assert(io.popen("ls " .. table.concat(FOLDERS, "/*_spec.lua ") .. "/*_spec.lua"))
  for path in pipe:lines() do
    list[#list + 1] = is_pure(path, known) and path or nil
  end
  pipe:close()
  return list
end

local function current_folder()
  local pipe = assert(io.popen "pwd")
  local path = pipe:read "*l"
  pipe:close()
  return path
end

describe("the specs that need neither sockets nor other processes", function()
  it("pass in a worker of nginx", function()
    local specs, report = pure_specs(), os.tmpname()
    local quoted = {}
    for i, path in ipairs(specs) do
      quoted[i] = ("%q"):format(path)
    end
    local nginx, why = nginx_of.start {
      main = "env OUT; env ETTM_LUA; env MUSTACHE_SPEC;",
      extra_path = current_folder() .. "/spec/?.lua",
      files = {
        how = ([[
local folder = debug.getinfo(1, "S").source:match "^@(.*)/"
return { files = { %s }, report = %q, pid = folder .. "/nginx.pid" }
]]):format(table.concat(quoted, ", "), report),
      },
      http = [[init_worker_by_lua_block {
        ngx.timer.at(0, function() require("resty.run_pure").run(require "how") end)
      }]],
    }
    if not nginx then
      pending(why)
      return
    end
    local deadline = core.clock() + 600000
    local said
    repeat
      core.poll({}, core.clock() + 100)
      said = read(report) or ""
    until said:find("this is the end", 1, true) or core.clock() > deadline
    nginx:stop "QUIT"
    os.remove(report)
    local passed, failed, errors = said:match "(%d+) successe?s? / (%d+) failures? / (%d+) errors?"
    assert.same({ "0", "0" }, { failed, errors }, said)
    assert.is_true(tonumber(passed) > 900 and #specs > 40, said)
  end)
end)
