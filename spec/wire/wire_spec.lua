-- Replays the transcripts of this folder against a session of the core: each as whole flights, line
-- by line and byte by byte of what the server says, always with the same outcome. Their language is
-- told in player.lua.

local player = require "wire.player"

local FOLDER = "spec/wire/"

local function read_lines(path)
  local lines = {}
  for line in io.lines(path) do
    lines[#lines + 1] = line
  end
  return lines
end

local function transcripts()
  local pipe = assert(io.popen("ls " .. FOLDER .. "*.txt"))
  local list = {}
  for path in pipe:lines() do
    local lines = read_lines(path)
    list[#list + 1] = { path = path, lines = lines, name = lines[1]:match "^# (.*)$" }
  end
  pipe:close()
  return list
end

describe("a session, replaying transcripts,", function()
  local all = transcripts()

  for _, transcript in ipairs(all) do
    it(transcript.name, function()
      local outcome = {}
      for way, cut in pairs(player.WAYS) do
        local ok, result = pcall(player.play, transcript.lines, cut)
        assert(ok, ("%s (%s), %s"):format(transcript.path, way, tostring(result)))
        outcome[way] = result
      end
      assert.same(outcome.whole, outcome.lines)
      assert.same(outcome.whole, outcome.bytes)
    end)
  end

  it("has eighty of them at least, and no sentence twice", function()
    local seen = {}
    for _, transcript in ipairs(all) do
      assert.is_nil(seen[transcript.name], transcript.path)
      seen[transcript.name] = true
    end
    assert.is_true(#all >= 80)
  end)

  it("finds what a transcript does not tell, or tells wrongly", function()
    local greeting = { "S: 220 hi", "E: GREETING greeting #0 220 hi" }
    local function fails(...)
      local lines = { greeting[1], greeting[2], ... }
      return not pcall(player.play, lines, player.WAYS.whole)
    end
    assert.is_false(fails("F: not_sent", "=: INPUT"))
    assert.is_true(fails("F: not_sent"))
    assert.is_true(fails("F: unknown", "=: INPUT"))
    assert.is_true(fails("F: not_sent", "=: DONE"))
    assert.is_true(fails("> NOOP", "F: not_sent", "=: INPUT"))
    assert.is_true(fails("> NOOP", "C: RSET", "F: not_sent", "=: INPUT"))
    assert.is_true(fails("> NOOP", "S: 250 ok", "F: not_sent", "=: INPUT"))
    assert.is_true(fails("> NOOP", "C: NOOP", "S: 250 ok", "F: not_sent", "=: INPUT"))
    assert.is_true(fails("> NOOP", "C: NOOP", "S: 250 ok", "E: REPLY command #1 251 ok", "F: not_sent"))
    assert.is_true(fails("X: what", "F: not_sent", "=: INPUT"))
  end)
end)
