-- Option tables: every name known, every type right, the nearest name told when one is not.
-- Why: a mistyped option that is silently ignored is how mail goes out unencrypted.
-- Not: whether a value makes sense (a host, a port); that is nil, err from whoever uses it.

local lazy = require "ettsumailer.lazy"

local nearest = lazy.of "ettsumailer.nearest"

local error, next, tostring, type = error, next, tostring, type
local io = io
local floor, huge = math.floor, math.huge

local M = {}

---The known name that is most like the given one, or nil when none is near.
---@param name any
---@param known table<string, any> names as keys
---@return string?
function M.nearest(name, known)
  return nearest.of(name, known)
end

local function is_integer(value)
  return value == floor(value) and value > -huge and value < huge
end

local function is_file(value)
  return io.type(value) ~= nil
end

-- Each kind of value: how it is called in a message; by Lua's type, true or what tells whether a
-- value is one.
local KINDS = {
  string = { "a string", { string = true } },
  boolean = { "true or false", { boolean = true } },
  integer = { "a whole number", { number = is_integer } },
  number = { "a number, 0 or more", { number = function(v) return v >= 0 and v < huge end } },
  seconds = { "seconds, 0 or more", { number = function(v) return v >= 0 end } },
  ["function"] = { "a function", { ["function"] = true } },
  table = { "a table", { table = true } },
  text = { "a string or an address", { string = true, userdata = true } },
  ["string or function"] = {
    "a string or a function", { string = true, ["function"] = true },
  },
  ["table or string"] = { "a string or a table", { string = true, table = true } },
  ["table or function"] = { "a table or a function", { table = true, ["function"] = true } },
  ["string or true"] = {
    "a string or true", { string = true, boolean = function(v) return v end },
  },
  ["texts or true"] = {
    "a string, an address, a list of them or true",
    { string = true, userdata = true, table = true, boolean = function(v) return v end },
  },
  urls = {
    "a URL, a list of them or false",
    { string = true, table = true, boolean = function(v) return not v end },
  },
  content = {
    "a string, a function or an open file",
    { string = true, ["function"] = true, userdata = is_file },
  },
  retry = { "true, false or a table", { boolean = true, table = true } },
  rate = { "a number or a table", { number = true, table = true } },
  raw = {
    "a string, a function, an open file or a table",
    { string = true, ["function"] = true, table = true, userdata = is_file },
  },
  texts = {
    "a string, an address or a list of them", { string = true, userdata = true, table = true },
  },
}

local function article_of(value)
  return value ~= value and "a number that is none" or "a " .. type(value)
end

---What values of a kind are, in words.
---@param kind string
---@return string
function M.words(kind)
  return KINDS[kind][1]
end

-- Raises what is wrong with an option.
local function refuse(what, name, value, known, level)
  local kind = known[name]
  if kind then
    error(("%s: option '%s' must be %s, not %s"):format(
      what, name, KINDS[kind][1], article_of(value)), level)
  end
  local near = M.nearest(name, known)
  error(("%s: unknown option '%s'%s"):format(
    what, tostring(name), near and (" (did you mean '%s'?)"):format(near) or ""), level)
end

---Raises an error, naming the option, unless every key of `given` is in `known` and has its kind.
---@param what string         what the options are for: "mailer", "message"
---@param given table         the caller's table; only raw fields are looked at
---@param known table<string, string> option name to kind, one of KINDS
---@param level integer?      as of `error`, seen from the caller of check; 2 by default
function M.check(what, given, known, level)
  level = (level or 2) + 1
  if type(given) ~= "table" then
    error(("%s: a table of options expected, got %s"):format(what, article_of(given)), level)
  end
  for name, value in next, given do
    local kind = known[name]
    local fits = kind and KINDS[kind][2][type(value)]
    if fits ~= true and not (fits and fits(value)) then
      refuse(what, name, value, known, level + 1)
    end
  end
end

---What the first check that fails says.
---@param checks table[]  each { function(values): whether it fails, what to say }
---@param values table
---@return string?  nil where none fails
function M.fault(checks, values)
  for i = 1, #checks do
    if checks[i][1](values) then
      return checks[i][2]
    end
  end
end

---A new table with the raw fields of all the given ones; later ones win.
---@param ... table?
---@return table
function M.merge(...)
  local merged = {}
  for i = 1, select("#", ...) do
    for name, value in next, (select(i, ...)) or {} do
      merged[name] = value
    end
  end
  return merged
end

return M
