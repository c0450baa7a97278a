-- To require the library is to load it, and nothing else: no file, no socket, no global, no handler.
-- Why: it is loaded early, in programs that have their own idea of all these.

local interpreter = os.getenv "ETTM_LUA" or "lua5.4"

local function run(command)
  local pipe = assert(io.popen(command .. " 2>&1; echo status $?", "r"))
  local text = pipe:read "*a"
  pipe:close()
  local output, status = text:match "^(.*)status (%d+)\n$"
  return output, tonumber(status)
end

-- Runs a chunk in a process of its own, below a command. Returns its output.
local function child(chunk, below)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(chunk)
  file:close()
  local output, status = run(("%s '%s' '%s'"):format(below or "", interpreter, path))
  os.remove(path)
  return output, status
end

-- The lines of a trace of a chunk, without the calls that failed; nil where strace is of no use.
local function trace(chunk)
  local path = os.tmpname()
  local output, status = child(chunk, "strace -f -qq -s 4096 -o " .. path)
  local lines = {}
  for line in io.lines(path) do
    if not line:find " = %-1 E%u+" then
      lines[#lines + 1] = line:gsub("^%d+ +", "")
    end
  end
  os.remove(path)
  if status ~= 0 or #lines == 0 then
    return nil, output
  end
  return lines
end

local function count_calls(lines)
  local counts = {}
  for _, line in ipairs(lines) do
    local name = line:match "^([%w_]+)%("
    if name then
      counts[name] = (counts[name] or 0) + 1
    end
  end
  return counts
end

-- The files opened, as a set.
local function opened(lines)
  local files = {}
  for _, line in ipairs(lines) do
    local name = line:match '^open%(%s*"([^"]*)"' or line:match '^openat2?%([^,]*, "([^"]*)"'
    if name then
      files[name] = true
    end
  end
  return files
end

-- What loading a module needs of the system, whoever does it.
local LOADING = {}
for name in ([[open openat openat2 close read pread64 lseek _llseek stat fstat lstat newfstatat statx
    fstat64 stat64 access faccessat faccessat2 readlink readlinkat mmap mmap2 munmap mremap mprotect
    madvise brk futex getrandom getcwd]]):gmatch "%S+" do
  LOADING[name] = true
end

local function belongs_to_loading(name)
  return name:find "ettsumailer[%w_/]*%.lua$" or name:find "ettsumailer/core%.so$"
    or name:find "/lib[^/]*%.so[%d.]*$" or name:find "^/etc/ld%."
end

describe("require", function()
  -- What it does beyond what the bare interpreter does.
  local function traces()
    local bare, why = trace ""
    local loaded = bare and trace 'require "ettsumailer"'
    return bare, loaded, why
  end

  it("opens nothing but its modules and the libraries they are linked with", function()
    local bare, loaded, why = traces()
    if not bare then
      return pending("strace is not there, or may not trace here: " .. why)
    end
    local known, modules = opened(bare), 0
    for name in pairs(opened(loaded)) do
      local is_own = belongs_to_loading(name) or known[name] or name:find "^/tmp/lua_"
      assert.is_truthy(is_own, name)
      modules = modules + (name:find "%.lua$" and 1 or 0)
    end
    assert.is_true(modules > 10)
  end)

  it("makes no socket, no process and no file, and sets no signal's handler", function()
    local bare, loaded, why = traces()
    if not bare then
      return pending("strace is not there, or may not trace here: " .. why)
    end
    local before = count_calls(bare)
    for name, count in pairs(count_calls(loaded)) do
      assert.is_true(LOADING[name] or count <= (before[name] or 0), ("%s: %d"):format(name, count))
    end
    for _, line in ipairs(loaded) do
      assert.is_nil(line:find "O_WRONLY" or line:find "O_RDWR" or line:find "O_CREAT", line)
    end
  end)

  it("changes nothing that others share", function()
    local output = child [==[
      local function status()
        local file = io.open "/proc/self/status"
        local text = file and file:read "*a" or ""
        if file then
          file:close()
        end
        local fields = {}
        for name, value in text:gmatch "(%w+):%s*(%S+)" do
          fields[name] = value
        end
        return fields
      end

      local function collect(found, where, values)
        for name, value in next, values do
          found[where .. tostring(name)] = value
        end
      end

      -- Every global, every field of the standard tables, and what else can be asked.
      local function snapshot()
        local found = {}
        collect(found, "", _G)
        for _, name in ipairs { "string", "table", "os", "io", "math", "coroutine", "debug", "package" } do
          collect(found, name .. ".", _G[name])
        end
        collect(found, "string's metatable ", getmetatable "")
        collect(found, "preload ", package.preload)
        collect(found, "searcher ", package.searchers or package.loaders)
        found["nil's metatable"] = debug.getmetatable(nil)
        found["a function's metatable"] = debug.getmetatable(print)
        found["_G's metatable"] = getmetatable(_G)
        for _, category in ipairs { "all", "collate", "ctype", "monetary", "numeric", "time" } do
          found["locale " .. category] = os.setlocale(nil, category)
        end
        for _, field in ipairs { "Umask", "Threads", "SigBlk", "SigIgn", "SigCgt", "FDSize" } do
          found[field] = status()[field]
        end
        found.output, found.input = io.output(), io.input()
        found.setpause = collectgarbage("setpause", 200)
        found.hook = debug.gethook()
        return found
      end

      collectgarbage("setpause", 200)
      math.randomseed(42)
      local first = math.random()
      math.randomseed(42)
      local before = snapshot()
      require "ettsumailer"
      local after = snapshot()
      assert(math.random() == first, "the seed of math.random")
      for name, value in next, before do
        assert(after[name] == value, name .. " was changed")
      end
      for name in next, after do
        assert(before[name] ~= nil, name .. " was made")
      end
      local names = 0
      for name in pairs(package.loaded) do
        names = names + (name:find "^ettsumailer" and 1 or 0)
      end
      print(names > 10 and "nothing was changed")
    ]==]
    assert.equal("nothing was changed\n", output)
  end)

  it("leaves OpenSSL for the first use of TLS or of a digest", function()
    local output = child [==[
      local function has_openssl()
        local file = io.open "/proc/self/maps"
        local text = file and file:read "*a" or ""
        if file then
          file:close()
        end
        return text:find("libcrypto", 1, true) ~= nil
      end
      local core = require "ettsumailer.core"
      local ettsumailer = require "ettsumailer"
      local had = has_openssl()
      assert(ettsumailer.message { from = "a@example.com", to = "b@example.com", text = "x" }:size())
      assert(ettsumailer.mailer { host = "localhost", port = 25 })
      assert(core.random(8) and not core.no_such_field)
      assert(not package.loaded["ettsumailer.openssl"] and (had or not has_openssl()))
      assert(ettsumailer.mailer { host = "localhost", port = 587 })
      assert(package.loaded["ettsumailer.openssl"])
      assert(not io.open "/proc/self/maps" or has_openssl())
      assert(core.tls_library:find "SSL" and #core.sha256 "" == 64)
      print(had and "there before" or "only then")
    ]==]
    assert.equal("only then\n", output)
  end)

  it("leaves for later what preload reads at once: then no module is looked for any more", function()
    local output = child [==[
      local ettsumailer = require "ettsumailer"
      assert(not package.loaded["ettsumailer.message.html_text"])
      ettsumailer.preload()
      package.path, package.cpath = "", ""
      local message = assert(ettsumailer.message {
        from = "a@example.com", to = "b@example.com", html = "<p>words &amp; more</p>",
        auto_text = true, date = 0, list = { unsubscribe = "mailto:off@example.com" },
        attachments = { { content = "x", filename = "x.txt" } },
      })
      assert(message:reader():read(65536):find "words & more")
      assert(ettsumailer.template.compile "{{a}}")
      print "all of it"
    ]==]
    assert.equal("all of it\n", output)
  end)
end)
