-- How the native transport chooses among a host's addresses (RFC 8305), on a clock of this spec's.

local now, started, sockets

local Socket = {}
Socket.__index = Socket

function Socket:connected()
  if now < self.due then
    return nil, "WAIT"
  elseif self.problem then
    return nil, "CONNECT", self.problem
  end
  return true
end

function Socket:close()
  self.is_closed = true
end

-- addresses: { { host, milliseconds until it is decided or nil for never, problem }, ... }
local function core_of(addresses)
  local by_host, list = {}, {}
  for i, address in ipairs(addresses) do
    by_host[address[1]], list[i] = address, { host = address[1] }
  end
  local core = { clock = function() return now end }
  function core.resolve()
    return { take = function() return list end, close = function() end }
  end
  function core.wait()
    return "r"
  end
  function core.connect(host)
    started[#started + 1] = { host, now }
    local address = by_host[host]
    local socket = setmetatable({ due = now + (address[2] or math.huge), problem = address[3] }, Socket)
    sockets[#sockets + 1] = socket
    return socket
  end
  function core.poll(items, deadline)
    local first = math.huge
    for _, item in ipairs(items) do
      first = math.min(first, item[1].due)
    end
    if first > deadline then
      now = deadline
      return nil, "TIMEOUT", "the time is over"
    end
    now = math.max(now, first)
    for _, item in ipairs(items) do
      item.ready = item[1].due <= now and "w" or nil
    end
    return true
  end
  return core
end

local MODULES = { "ettsumailer.core", "ettsumailer.scheduler", "ettsumailer.transport.native" }

-- Connects to a host with these addresses, in `seconds` at most.
local function connect(addresses, seconds)
  now, started, sockets = 1000, {}, {}
  local kept = {}
  for _, name in ipairs(MODULES) do
    kept[name], package.loaded[name] = package.loaded[name], nil
  end
  package.loaded["ettsumailer.core"] = core_of(addresses)
  local native = require "ettsumailer.transport.native"
  for _, name in ipairs(MODULES) do
    package.loaded[name] = kept[name]
  end
  return native.connect({ host = "mx.example", port = 25 }, now + seconds * 1000)
end

local function open_sockets()
  local count = 0
  for _, socket in ipairs(sockets) do
    count = count + (socket.is_closed and 0 or 1)
  end
  return count
end

describe("connecting to a host with several addresses", function()
  it("starts the next one after 250 ms, and takes the first that connects", function()
    local io = connect({ { "2001:db8::1" }, { "192.0.2.1", 40 }, { "192.0.2.2", 1 } }, 30)
    assert.is_table(io)
    assert.same({ { "2001:db8::1", 1000 }, { "192.0.2.1", 1250 } }, started)
    assert.equal(1290, now)
    assert.equal(1, open_sockets())
  end)

  it("keeps an earlier attempt under way while a later one runs", function()
    local io = connect({ { "2001:db8::1", 300 }, { "192.0.2.1", 400 } }, 30)
    assert.is_table(io)
    assert.equal(1300, now)
    assert.equal(2, #started)
    assert.equal(1, open_sockets())
  end)

  it("starts the next one at once when one fails", function()
    local io = connect({ { "2001:db8::1", 5, "network is unreachable" }, { "192.0.2.1", 5 } }, 30)
    assert.is_table(io)
    assert.same({ { "2001:db8::1", 1000 }, { "192.0.2.1", 1005 } }, started)
  end)

  it("tells of every attempt when none connects", function()
    local io, code, text = connect({
      { "2001:db8::1", 5, "network is unreachable" }, { "192.0.2.1", 7, "connection refused" },
    }, 30)
    assert.is_nil(io)
    assert.equal("CONNECT", code)
    assert.matches("2001:db8::1 port 25: network is unreachable", text, 1, true)
    assert.matches("192.0.2.1 port 25: connection refused", text, 1, true)
    assert.equal(0, open_sockets())
  end)

  it("gives up all of them when the time is over, and tells which did not answer", function()
    local io, code, text = connect({ { "2001:db8::1" }, { "192.0.2.1", 7, "connection refused" } }, 2)
    assert.is_nil(io)
    assert.equal("TIMEOUT", code)
    assert.equal(3000, now)
    assert.matches("2001:db8::1 port 25: no answer in time", text, 1, true)
    assert.matches("192.0.2.1 port 25: connection refused", text, 1, true)
    assert.equal(0, open_sockets())
  end)
end)
