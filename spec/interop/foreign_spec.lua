-- Messages made at random, read back by foreign readers: Python's email under its strict policy,
-- npm's mailparser, Perl's MIME tools and GMime. FOREIGN_COUNT says how many, FOREIGN_SEED from
-- which number; the defaults are a thousand and a fixed one. One process a reader; each prints a
-- line of JSON a message:
--   file, failed          its name; why it could not be read at all
--   names, fields         the names of the top fields; the text that they show, by name
--   addresses             of the fields that hold some: { name, address } or { group, members }
--   parts                 the leaves in their order: { type, disposition, filename, id } and text, or
--                         size and sha256 of an attachment
--   shape, defects        "mixed(text/plain,image/png)"; what it finds wrong

local compare = require "interop.foreign.compare"
local compose = require "interop.foreign.compose"
local in_charset = require "support.generator_charset"
local generator = require "support.generator_messages"
local json = require "support.json"
local readers = require "interop.foreign.readers"

local COUNT = tonumber(os.getenv "FOREIGN_COUNT" or 1000)
local SEED = tonumber(os.getenv "FOREIGN_SEED" or 20240601)
-- One in ten more is in ISO-2022-JP.
local ALL = math.floor(COUNT * 1.1)
local HOME = "build/foreign"
local SCRIPT = "sh spec/interop/foreign/run.sh "

-- What a difference is about.
local KINDS = {
  { "header set", "finds the fields that were written, each once" },
  { "failed", "reads every message" },
  { "defects", "finds nothing wrong" },
  { "shape", "finds the tree of parts" },
  { "%(count%)$", "finds every address and group" },
  { "%.name$", "reads every display name" },
  { "%.group$", "reads the name of every group" },
  { "%.address$", "reads every address" },
  { "^subject$", "reads every subject" },
  { "^x%-field", "reads the text of other fields" },
  { "%.filename$", "reads every file name" },
  { "%.text$", "reads every text" },
  { "%.sha256$", "reads every attachment, octet for octet" },
  { "", "finds the type, disposition, size and id of every part" },
}

local function kind_of(difference)
  for _, kind in ipairs(KINDS) do
    if difference.what:find(kind[1]) then
      return kind[1]
    end
  end
end

local function each_line(text, check)
  for line in text:gmatch "(.-)\r\n" do
    check(line)
  end
end

-- What a header line has behind its name or its fold, a quoted-string being one letter.
local function words_of(line)
  return (line:gsub("^[%w-]+: ?", ""):gsub("^ +", ""):gsub("\\.", "x"):gsub('"[^"]*"', "x"))
end

describe("composed messages", function()
  local messages = {}
  local status = {}

  lazy_setup(function()
    local pipe = assert(io.popen(SCRIPT .. "setup"))
    for line in pipe:lines() do
      local word, name, why = line:match "^(%l+) (%l+):? ?(.*)$"
      status[name] = word == "ready" and word or why
    end
    pipe:close()
    os.execute("rm -f " .. HOME .. "/mail/*.eml")
    local random = generator.new(SEED)
    for i = 1, ALL do
      local given = i <= COUNT and random:message() or in_charset.message(random)
      local bytes, message = compose.compose(given)
      local name = ("%04d.eml"):format(i)
      messages[name] = {
        bytes = bytes, size = message:size(), expected = compose.expected(given, bytes),
        needs_smtputf8 = message:needs_smtputf8(), bcc = given.bcc,
      }
      local file = assert(io.open(HOME .. "/mail/" .. name, "wb"))
      file:write(bytes)
      file:close()
    end
    local names = ""
    for name, word in pairs(status) do
      names = word == "ready" and names .. " " .. name or names
    end
    os.execute("timeout -k 5 600 " .. SCRIPT .. "read" .. names)
  end)

  it("have no line over 998 octets", function()
    for name, message in pairs(messages) do
      each_line(message.bytes, function(line)
        assert.is_true(#line <= 998, name)
      end)
    end
  end)

  it("have no header line over 78 octets that could be folded", function()
    for name, message in pairs(messages) do
      each_line(message.bytes:match "^.-\r\n\r\n", function(line)
        assert.is_true(#line <= 78 or not words_of(line):find " ", name .. ": " .. line)
      end)
    end
  end)

  it("have no bare CR or LF", function()
    for name, message in pairs(messages) do
      assert.is_nil(message.bytes:gsub("\r\n", ""):find "[\r\n]", name)
    end
  end)

  it("are ASCII, but for addresses that ask for SMTPUTF8", function()
    for name, message in pairs(messages) do
      assert.equal(message.needs_smtputf8, message.bytes:find "[\128-\255]" ~= nil, name)
    end
  end)

  it("are as long as their size says", function()
    for name, message in pairs(messages) do
      assert.equal(message.size, #message.bytes, name)
    end
  end)

  it("never tell who is in bcc", function()
    for name, message in pairs(messages) do
      assert.is_nil(("\r\n" .. message.bytes):match("^(.-\r\n)\r\n"):lower():find("\r\nbcc", 1, true), name)
    end
  end)

  local TITLES = {
    { "python", "Python's email, strict" }, { "node", "npm's mailparser" },
    { "perl", "Perl's MIME tools" }, { "gmime", "GMime" },
  }

  for _, title in ipairs(TITLES) do
    local reader, found, is_told = title[1], nil, false

    -- The differences by kind, and how many messages were compared.
    local function differences()
      if found then
        return found
      end
      found = { count = 0 }
      for line in io.lines(HOME .. "/" .. reader .. ".jsonl") do
        local read = assert(json.decode(line))
        local message = messages[read.file]
        found.count = found.count + 1
        for _, one in ipairs(compare.compare(message.expected, read, message.bytes, readers[reader])) do
          local kind = kind_of(one)
          found[kind] = found[kind] or ("%s %s: expected %q, found %q"):format(
            read.file, one.what, tostring(one.expected), tostring(one.found))
        end
      end
      return found
    end

    describe("as read by " .. title[2], function()
      local function here(name, test)
        it(name, function()
          if status[reader] ~= "ready" then
            if not is_told then
              print("skipped, " .. title[2] .. " is not there: " .. tostring(status[reader]))
            end
            is_told = true
            return
          end
          test()
        end)
      end

      here("are all there", function()
        assert.equal(ALL, differences().count)
      end)

      for _, kind in ipairs(KINDS) do
        here(kind[2], function()
          assert.is_nil(differences()[kind[1]])
        end)
      end
    end)
  end
end)
