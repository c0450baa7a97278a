-- What is known of the foreign readers: what they cannot tell (adapt), and bugs of their own. A bug
-- says narrowly which difference it explains; nothing else is let pass.

local find, gsub, sub = string.find, string.gsub, string.sub
local ipairs, pairs = ipairs, pairs

local M = {}

local function is_name(what)
  return find(what, "%.name$") or find(what, "%.group$")
end

local function is_text_of_header(what)
  return is_name(what) or what == "subject" or find(what, "^x%-field")
end

local function without_space(text)
  return (gsub(text or "", "%s+", ""))
end

-- Without white space at its ends, also the ideographic.
local function trimmed(text)
  local before
  repeat
    before = text
    text = gsub(gsub(text, "^%s+", ""), "%s+$", "")
    text = gsub(gsub(text, "^\227\128\128", ""), "\227\128\128$", "")
  until text == before
  return text
end

local function is_trimmed(d)
  return d.found == trimmed(d.expected)
end

-- A copy of the expectation with another value for one of its fields.
local function with(expected, field, value)
  local copy = {}
  for name, one in pairs(expected) do
    copy[name] = one
  end
  copy[field] = value
  return copy
end

-- --- Python's email, with its strict policy ----------------------------------------------------

-- What is left of the text of defects without those.
local function without_defects(text, patterns)
  for _, pattern in ipairs(patterns) do
    text = gsub(text, pattern, "")
  end
  return (gsub(text, "[; ]", ""))
end

M.python = {
  bugs = {
    -- python/cpython#128110 (mended in 3.12.9 and 3.13.2): the white space between two encoded
    -- words of a phrase is kept, and rows of it within them become one space.
    function(d)
      return is_name(d.what) and find(d.raw, "=%?[%w-]+%?[BQ]%?")
        and without_space(d.expected) == without_space(d.found)
    end,
    function(d)
      return d.what == "defects" and without_defects(d.found, {
        -- It knows the legacy name= of Content-Type for what it is, encoded words where RFC 2047
        -- has none: it is there for readers that know no RFC 2231.
        "Content%-Type: encoded word inside quoted string",
        "Content%-Type: missing trailing whitespace after encoded%-word",
        -- RFC 6532 3.2 has local parts in UTF-8.
        "%u[%l-]+: local%-part contains non%-ASCII characters%)",
      }) == ""
    end,
    -- It takes a token with a ' or a * for an extended value (RFC 2231) that lacks its mark.
    function(d)
      return (d.what == "defects" or find(d.what, "%.filename$"))
        and find(d.message, "[; ]filename=[^\"%s;]*['*]")
    end,
    -- White space around a file's name is cut off, and brackets or quotes.
    function(d)
      local inside = find(d.what, "%.filename$") and d.expected:match "^[<\"](.*)[>\"]$"
      return find(d.what, "%.filename$") and (is_trimmed(d) or d.found == inside)
    end,
  },
}

-- --- npm's mailparser --------------------------------------------------------------------------

local function is_of_addresses(what)
  return find(what, "^%l[%l-]+%[") or find(what, " %(count%)$")
end

-- Its grammar of addresses takes quotes and colons between < and > for operators, forgets the
-- quotes of names within groups, and reads the decoded name of a group in B words as a list.
local function has_hard_mailbox(raw)
  return find(raw, '"@', 1, true) or find(raw, "@[IPv6:", 1, true)
    or find(raw, "=%?[%w-]+%?B%?[^ ]*%?= :") or find(raw, ':.*".*;')
end

M.node = {
  -- An empty message has no text, and an empty part the line end that belongs to the boundary.
  adapt = function(expected)
    local leaves = {}
    for _, leaf in ipairs(expected.leaves) do
      if leaf.text ~= "" then
        leaves[#leaves + 1] = leaf
      elseif expected.shape ~= leaf.type then
        leaves[#leaves + 1] = with(leaf, "text", "\n")
      end
    end
    return with(expected, "leaves", leaves)
  end,
  bugs = {
    function(d)
      return is_of_addresses(d.what) and has_hard_mailbox(d.raw)
    end,
    -- A fold in front of several spaces becomes one.
    function(d)
      return is_text_of_header(d.what) and find(d.message, "\r\n  ", 1, true)
        and gsub(d.found or "", " +", " ") == gsub(d.expected, " +", " ")
    end,
    -- White space around names is cut off.
    function(d)
      return (is_name(d.what) or find(d.what, "%.filename$")) and is_trimmed(d)
    end,
    -- What looks like an encoded word is decoded in an extended parameter (RFC 2231) too.
    function(d)
      return find(d.what, "%.filename$") and find(d.expected, "=%?.+%?[BbQq]%?.*%?=")
    end,
    -- The type of application/octet-stream is guessed from the name.
    function(d)
      return find(d.what, "%.type$") and d.expected == "application/octet-stream"
    end,
  },
}

-- --- Perl's MIME tools -------------------------------------------------------------------------

M.perl = {
  -- Mail::Address knows no groups: fields with one are left out.
  adapt = function(expected)
    local addresses = {}
    for name, list in pairs(expected.addresses) do
      local has_group = false
      for _, item in ipairs(list) do
        has_group = has_group or item.group
      end
      addresses[name] = not has_group and list or nil
    end
    return with(expected, "addresses", addresses)
  end,
  bugs = {},
}

-- --- GMime -------------------------------------------------------------------------------------

M.gmime = {
  bugs = {
    -- jstedfast/gmime#133 (mended in 3.2.14): what is behind a B word with padding is lost.
    function(d)
      local all = is_name(d.what) and trimmed(d.expected) or d.expected
      return is_text_of_header(d.what) and find(d.raw, "=%?= =%?[%w-]+%?B%?")
        and d.found == sub(all, 1, #d.found)
    end,
    -- The line end of a fold among atoms stays in the name.
    function(d)
      return is_name(d.what) and gsub(d.found or "", "\r\n ", " ") == d.expected
    end,
    -- White space around a name is cut off.
    function(d)
      return is_name(d.what) and is_trimmed(d)
    end,
  },
}

return M
