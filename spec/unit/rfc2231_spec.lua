-- RFC 2231, long and non-ASCII parameters: read by a small reader, which first has to read the
-- RFC's own examples.

local composed = require "support.composed"
local core = require "ettsumailer.core"
local generator = require "support.generator_messages"

-- --- The reader --------------------------------------------------------------------------------

-- The parameters of a field in their order: { name, value }, quotes and pairs taken off.
local function parameters_of(value)
  local list, at = {}, value:find ";" or #value + 1
  while at <= #value do
    local name, behind = value:match("^;?%s*([^%s=;\"]+)=()", at)
    assert(name, "no parameter at " .. value:sub(at))
    local text, stop = value:match('^"([^"\\]*)"()', behind)
    if not text and value:find('^"', behind) then
      stop = behind + 1
      while value:sub(stop, stop) ~= '"' do
        stop = stop + (value:sub(stop, stop) == "\\" and 2 or 1)
      end
      text, stop = value:sub(behind + 1, stop - 1):gsub("\\(.)", "%1"), stop + 1
    elseif not text then
      text, stop = value:match("^([^%s;]+)()", behind)
    end
    list[#list + 1] = { name:lower(), text }
    at = value:match("^%s*()", stop)
  end
  return list
end

local function unescape(text)
  return (text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

-- The number of a segment and whether it is encoded; nil for other parameters.
local function segment_of(parameter, name)
  local number, star = parameter:match("^" .. name:gsub("%-", "%%-") .. "%*(%d+)(%*?)$")
  if parameter == name .. "*" then
    number, star = "0", "*"
  end
  assert(not number or number == "0" or not number:find "^0")
  return tonumber(number), star == "*"
end

-- The value of one parameter, its charset and its language.
local function value_of(field, name)
  local segments, plain, charset, language = {}, nil, nil, nil
  for _, parameter in ipairs(parameters_of(field)) do
    local text = parameter[2]
    local number, is_encoded = segment_of(parameter[1], name)
    if number == 0 and is_encoded then
      charset, language, text = text:match "^([^']*)'([^']*)'(.*)$"
    end
    if number then
      segments[number + 1] = is_encoded and unescape(text) or text
    elseif parameter[1] == name then
      plain = text
    end
  end
  return segments[1] and table.concat(segments) or plain, charset, language
end

-- --- What is composed --------------------------------------------------------------------------

-- The two fields of an attachment, unfolded.
local function fields_of(file_name)
  local part = composed.parse { attachments = { { content = "x", filename = file_name } } }
  return part[2].headers["content-disposition"], part[2].headers["content-type"]
end

local function file_names(count)
  local random, names = generator.new(2231), {}
  for i = 1, count do
    names[i] = random:file_name()
  end
  return names
end

describe("RFC 2231 3: continuations", function()
  it("(the reader) read as one value", function()
    local field = 'message/external-body; access-type=URL;\r\n URL*0="ftp://";\r\n'
      .. ' URL*1="cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar"'
    assert.equal("ftp://cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar", value_of(field, "url"))
    assert.equal("URL", value_of(field, "access-type"))
  end)

  it("are numbered from 0, in order and without a gap", function()
    for _, name in ipairs { ("長い名前"):rep(50) .. ".txt", ("long name "):rep(30) .. ".txt", ("é"):rep(1000) } do
      local numbers = {}
      for _, parameter in ipairs(parameters_of((fields_of(name)))) do
        numbers[#numbers + 1] = parameter[1]:match "^filename%*(%d+)%*?$"
      end
      assert.is_true(#numbers > 1)
      for i, number in ipairs(numbers) do
        assert.equal(tostring(i - 1), number)
      end
    end
  end)

  it("fit a line of 78 octets each", function()
    for _, name in ipairs(file_names(200)) do
      local bytes = composed.bytes { attachments = { { content = "x", filename = name } } }
      for line in bytes:gmatch "\r\n ([^\r\n]*)" do
        assert.is_true(#line <= 77, line)
      end
    end
  end)
end)

describe("RFC 2231 4: charset and language", function()
  it("(the reader) stand in front of the value, between two quotes", function()
    local value, charset, language = value_of(
      "application/x-stuff;\r\n title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A", "title")
    assert.equal("This is ***fun***", value)
    assert.equal("us-ascii", charset)
    assert.equal("en-us", language)
  end)

  it("are both told, the language being none, and outside of quotes", function()
    local disposition = fields_of "請求書.pdf"
    assert.matches("; filename%*=UTF%-8''[%w%%.]+$", disposition)
    local value, charset, language = value_of(disposition, "filename")
    assert.equal("請求書.pdf", value)
    assert.equal("UTF-8", charset)
    assert.equal("", language)
  end)

  it("no octet stands for itself but those of attribute-char", function()
    for _, name in ipairs(file_names(300)) do
      for _, parameter in ipairs(parameters_of((fields_of(name)))) do
        if parameter[1]:find "%*$" then
          local text = parameter[2]:gsub("^UTF%-8''", ""):gsub("%%[%dA-F][%dA-F]", "")
          assert.is_nil(text:find "[^%w!#$&+.^_`{|}~-]")
        end
      end
    end
  end)

  it("a plain name stays a plain parameter, quoted where it has to be", function()
    assert.equal("attachment; filename=a.pdf", (fields_of "a.pdf"))
    assert.equal('attachment; filename="a b.pdf"', (fields_of "a b.pdf"))
    assert.equal([[attachment; filename="a\"b;.pdf"]], (fields_of 'a"b;.pdf'))
    -- An apostrophe outside of quotes is taken for those of section 4 by Python's reader.
    assert.equal([[attachment; filename="Bob's.pdf"]], (fields_of "Bob's.pdf"))
    assert.equal([[attachment; filename="50%.pdf"]], (fields_of "50%.pdf"))
  end)
end)

describe("RFC 2231 4.1: both together", function()
  it("(the reader) read as one value, encoded segments beside others", function()
    local value, charset, language = value_of("application/x-stuff;"
      .. " title*0*=us-ascii'en'This%20is%20even%20more%20;"
      .. " title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2=\"isn't it!\"", "title")
    assert.equal("This is even more ***fun*** isn't it!", value)
    assert.equal("us-ascii", charset)
    assert.equal("en", language)
  end)

  it("the charset stands in the first segment alone, which is an encoded one", function()
    for _, parameter in ipairs(parameters_of((fields_of(("長い名前"):rep(50))))) do
      if parameter[1]:find "^filename%*" then
        assert.equal(parameter[1] == "filename*0*", parameter[2]:find "^UTF%-8''" ~= nil)
      end
    end
  end)

  it("no character is parted between two segments", function()
    for _, name in ipairs(file_names(200)) do
      for _, parameter in ipairs(parameters_of((fields_of(name)))) do
        local text = unescape(parameter[2]:gsub("^UTF%-8''", ""))
        assert.is_string((core.encode_header(text)))
      end
    end
  end)

  it("every file name is read as it was given", function()
    for _, name in ipairs(file_names(1000)) do
      assert.equal(name, (value_of(fields_of(name), "filename")))
    end
  end)
end)

describe("RFC 2183 2.3: file names", function()
  it("are told to readers without RFC 2231 as name= of Content-Type, in encoded words", function()
    for _, name in ipairs { "請求書 11月.pdf", ("長い名前"):rep(20) .. ".pdf", "plain.pdf" } do
      local _, content_type = fields_of(name)
      assert.equal(name, core.decode_words((value_of(content_type, "name"))))
    end
  end)

  it("are the base name: no part of a path is told", function()
    for _, path in ipairs { "/home/me/a.pdf", "C:\\Users\\me\\a.pdf", "../a.pdf", "..\\a.pdf", "x/y\\a.pdf" } do
      local disposition, content_type = fields_of(path)
      assert.equal("attachment; filename=a.pdf", disposition)
      assert.matches("; name=a%.pdf$", content_type)
    end
  end)

  it("hold no control character", function()
    for code = 0, 31 do
      assert.matches("attachments%[1%]", composed.refusal({
        attachments = { { content = "", filename = "a" .. string.char(code) .. "b" } },
      }).text)
    end
    composed.refusal { attachments = { { content = "", filename = "a\127b" } } }
  end)
end)
