-- What each step of a transcript does: the words of the language that player.lua tells.

local M = {}

function M.expect(wanted, got, what)
  if wanted ~= got then
    error(("%s: wanted %q, got %q"):format(
      what, tostring(wanted):sub(1, 200), tostring(got):sub(1, 200)), 0)
  end
end

---An event as an E: line tells it.
function M.line_of(event)
  local words = { event.kind, event.stage, "#" .. event.tag, event.smtp_code }
  if event.enhanced then
    words[#words + 1] = "[" .. event.enhanced .. "]"
  end
  if event.text and event.text ~= "" then
    words[#words + 1] = event.text
  end
  if event.has_8bit then
    words[#words + 1] = "(8-bit)"
  end
  return table.concat(words, " ")
end

local expect, line_of = M.expect, M.line_of

-- The steps that only add to what the server says next.
local SAYS = {}
M.SAYS = SAYS

SAYS["S:"] = function(self, text)
  self:add(text .. "\r\n")
end

SAYS["s:"] = function(self, text)
  self:add(text)
end

SAYS["S!"] = function(self, text)
  self:add(text, true)
end

local STEPS = {}
M.STEPS = STEPS

STEPS[">"] = function(self, text)
  assert(self:command(text))
end

STEPS["!"] = function(self, text)
  local code, command = text:match "^(%S+) > (.*)$"
  local ok, got = self:command(command)
  expect(code, ok and "taken" or got, "command")
  self.tag = self.tag - 1
end

STEPS["C:"] = function(self, text)
  self:drain()
  local line = self.heard:match "^[^\n]*\n?"
  self:note("C", line)
  expect(text .. "\r\n", line, "client")
  self.heard = self.heard:sub(#line + 1)
end

STEPS["E:"] = function(self, text)
  local event = table.remove(self.events, 1)
  expect(text, event and line_of(event), "event")
end

local function give(self, octets)
  local at = 1
  while at <= #octets do
    local n, code = self.session:body(octets, at)
    assert(n or code == "WAIT", code)
    at = at + (n or 0)
    if not n or n == 0 then
      self:drain()
    end
  end
end

STEPS["B:"] = function(self, text)
  give(self, text .. "\r\n")
end

STEPS["b:"] = give

STEPS["B."] = function(self)
  assert(self.session:body_end())
end

STEPS["R:"] = function(self, text)
  assert(self.session:respond(text))
end

STEPS["A:"] = function(self, text)
  assert(self.session:auth(text:match "^(%S+) (%S+) (%S+)$"))
end

STEPS["A."] = function(self, text)
  local ok, code = self.session:auth_step(self.challenge)
  expect(text, ok and "" or code, "answer to the challenge")
end

STEPS["T."] = function(self)
  assert(self.session:tls_done())
end

STEPS["EOF."] = function(self)
  self:drain()
  self.session:feed_eof()
  self:pull()
end

STEPS["W:"] = function(self, text)
  self:drain()
  local got = ""
  for i, wanted in ipairs { self.session:want() } do
    got = got .. (wanted and ("RWBTC"):sub(i, i) or "")
  end
  expect(text, got == "" and "-" or got, "want")
end

STEPS["P:"] = function(self, text)
  self:drain()
  expect(text, self.session:phase(), "phase")
end

STEPS["F:"] = function(self, text)
  self:drain()
  expect(text, self.session:fate(), "fate")
end

STEPS["K:"] = function(self, text)
  local list = {}
  for keyword, parameters in pairs(self.session:capabilities()) do
    list[#list + 1] = parameters == "" and keyword or keyword .. " " .. parameters
  end
  table.sort(list)
  expect(text, table.concat(list, "; "), "capabilities")
end

STEPS["L:"] = function(self, text)
  local limit = self.session:size_limit()
  expect(text, limit and ("%d"):format(limit) or "-", "limit of SIZE")
end

STEPS["=:"] = function(self, text)
  expect(text, self.last, "end")
end

return M
