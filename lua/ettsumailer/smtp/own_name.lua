-- The name that this machine greets a server with (RFC 5321 2.3.5, 4.1.4).
-- Why: servers refuse or punish "localhost"; a full name or the address of the socket is right.
-- Not: looking anything up; no name is resolved for it.

local core = require "ettsumailer.core"

local M = {}

-- Last labels of names that mean nothing elsewhere (RFC 6761 6.3).
local IS_LOCAL = { localhost = true, localdomain = true }

-- Labels of letters, digits and hyphens, two of them at least.
local function is_full_name(name)
  for label in (name .. "."):gmatch "([^.]*)%." do
    if not label:find "^%w[%w-]*$" or label:find "%-$" then
      return false
    end
  end
  return name:find "%a" ~= nil and name:find "%." ~= nil
    and not IS_LOCAL[name:match("[^.]*$"):lower()]
end

---The machine's name when it is a full one, else the address literal of the socket.
---@param io table a transport's connection
---@return string name
---@return string where_from  "host name", "local address", or "nothing known"
function M.of(io)
  local name = core.host_name()
  if is_full_name(name) then
    return name, "host name"
  end
  local ip = io.local_address and io:local_address()
  if not ip then
    return "[127.0.0.1]", "nothing known"
  end
  return ip:find(":", 1, true) and "[IPv6:" .. ip .. "]" or "[" .. ip .. "]", "local address"
end

return M
