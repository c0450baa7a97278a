-- Whole sends of this library to servers in memory, and what becomes of them in a word.

local memory_server = require "support.memory_server"

local concat = table.concat

local M = {}

---The options of a mailer.
M.SERVER = { host = "server.example", security = "none", ehlo_name = "client.example" }

---A server's replies: b is not taken.
M.REFUSE_B = {
  RCPT = function(line)
    local is_b = line:find("<b@", 1, true)
    return is_b and "550-5.1.1 nobody\r\n550 5.1.1 here\r\n" or "250 2.1.5 ok\r\n"
  end,
}

---The fields of a message to a and b, the same octets every time.
function M.order(more)
  local given = {
    from = "f@example.com", to = { "a@example.com", "b@example.com" }, subject = "s",
    text = ".\r\nhi\r\n", date = 1700000000, entropy = ("e"):rep(32),
  }
  for name, value in pairs(more or {}) do
    given[name] = value
  end
  return given
end

local connect -- as the setting made last wants it

---The library; it connects to the setting that was made last. Its scheduler.
M.library, M.scheduler = memory_server.library(function()
  return connect()
end)

local Setting = {}
Setting.__index = Setting

---Where sends go from now on.
---@param replies table?     of every server
---@param how_of function(n) how the n-th transport is: as of memory_server.transport, and connect,
---  called before it is there; tls, a server's tls_context; wrap, what the server stands behind
---@return table setting { servers, transports }, each in the order they were connected
function M.setting(replies, how_of)
  local self = setmetatable({ servers = {}, transports = {} }, Setting)
  function connect()
    local n = #self.servers + 1
    local how = how_of(n)
    if how.connect then
      how.connect()
    end
    self.servers[n] = memory_server.new(replies)
    local peer = self.servers[n]
    if how.wrap then
      peer = how.wrap(peer)
    elseif how.tls then
      peer = memory_server.secure(peer, how.tls)
    end
    self.transports[n] = memory_server.transport(peer, how)
    return self.transports[n]
  end
  return self
end

---The contents that all servers took.
function Setting:contents()
  local list = {}
  for _, server in ipairs(self.servers) do
    for _, content in ipairs(server.contents) do
      list[#list + 1] = content
    end
  end
  return list
end

local function addresses(list)
  local found = {}
  for i, item in ipairs(list) do
    found[i] = (type(item) == "table" and item.address or item):gsub("@example%.com", "")
  end
  return concat(found, " ")
end

---"result: accepted a, rejected b": the delivery, and what is said of each recipient.
function M.outcome(result, err)
  local said = {}
  for _, name in ipairs { "accepted", "rejected", "unknown", "not_sent" } do
    local list = (result or err)[name]
    if list and #list > 0 then
      said[#said + 1] = name .. " " .. addresses(list)
    end
  end
  return (result and "result" or err.delivery) .. ": " .. concat(said, ", ")
end

---Sends with a mailer of its own. Returns the outcome, and the error if there was one.
function M.send(message, server)
  local mailer = assert(M.library.mailer(server or M.SERVER))
  local result, err = mailer:send(message)
  mailer:close()
  return M.outcome(result, err), err
end

return M
