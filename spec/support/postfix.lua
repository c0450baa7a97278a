-- A real Postfix for the specs: started by spec/interop/mta.sh in a system of its own, delivering
-- every mail into one maildir, whatever its domain; refused@example.test gets 550 and
-- later@example.test 450.
-- Plain Lua of any version; where it cannot run (no root, no apt-get), start returns nil and why.

local json = require "support.json"
local floor, insert, io, ipairs, os, sort = math.floor, table.insert, io, ipairs, os, table.sort

local M = {}
local script = "spec/interop/mta.sh postfix"

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- Output and exit status of a shell command; 5.1's close does not tell the status.
local function run(command)
  local pipe = assert(io.popen("{ " .. command .. "; } 2>&1; echo status=$?"))
  local output, status = pipe:read("*a"):match("^(.*)status=(%d+)\n$")
  pipe:close()
  return output, tonumber(status)
end

-- Standard input for a command: a file of its own, so that no list of processes shows it.
local function with_input(text, use)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  local output, status = use(" <" .. quote(path))
  os.remove(path)
  return output, status
end

-- options.certificate: a PEM file with a key and its chain; the server then offers STARTTLS.
-- options.user, options.password: with a certificate there are two more ports, which take mail only
-- behind TLS and this login: submission (STARTTLS) and smtps (TLS from the start).
-- Returns { port, submission, smtps, maildir, log }, or nil and the reason.
function M.start(options)
  options = options or {}
  local argument = options.certificate and " " .. quote(options.certificate) or ""
  local login = options.user and options.user .. " " .. options.password .. "\n" or ""
  local output, status = with_input(login, function(input)
    return run(script .. " start" .. argument .. input)
  end)
  if status ~= 0 then
    return nil, output:match("([^\n]+)\n?$") or "mta.sh ended with status " .. status
  end
  return {
    port = tonumber(output:match("port=(%d+)")),
    submission = tonumber(output:match("submission=(%d+)")),
    smtps = tonumber(output:match("smtps=(%d+)")),
    maildir = output:match("mail=([^\n]+)") .. "/all",
    log = output:match("log=([^\n]+)"),
  }
end

function M.stop()
  run(script .. " stop")
end

local function delivered(server)
  local list = {}
  local found = run("find " .. quote(server.maildir .. "/new") .. " -type f 2>/dev/null")
  for path in found:gmatch("[^\n]+") do
    insert(list, path)
  end
  sort(list)
  return list
end

-- Waits until count mails have been delivered since the start, seconds (10) at most. Returns the
-- paths of all there are, as they were: oldest second first.
function M.wait(server, count, seconds)
  local list = delivered(server)
  for _ = 1, floor((seconds or 10) * 10) do
    if #list >= count then break end
    os.execute("sleep 0.1")
    list = delivered(server)
  end
  return list
end

-- What Python's email package reads in the files: a list of tables, see read_mail.py.
function M.read(paths)
  local arguments = {}
  for i, path in ipairs(paths) do arguments[i] = quote(path) end
  local output = run("python3 spec/support/read_mail.py " .. table.concat(arguments, " "))
  return assert(json.decode(output))
end

-- The file's own octets (a maildir ends lines with LF).
function M.raw(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

return M
