-- A rate whose tokens all of nginx's workers take from one bucket, in a dictionary that they share.
-- Why: a provider counts what the machine sends, and its complaint goes for every worker.
-- Not: what the tokens are (rate.lua).
--
-- The bucket is one value of a fixed size. It is read, changed and written under a lock: a key that
-- only one can add. Nothing waits inside, so it is held for some microseconds; that of a worker
-- that was killed inside ends after a second, in which nobody takes a token. So the count is exact.

local errors = require "ettsumailer.errors"
local rate_of = require "ettsumailer.mailer.rate"

local ipairs, setmetatable, tonumber = ipairs, setmetatable, tonumber
local concat, insert, remove = table.concat, table.insert, table.remove

local M = {}

local LOCK_SECONDS = 1
local TRIES = 200          -- to get the lock, at once
local AGAIN_SECONDS = 0.002 -- after them

local Shared = {}
Shared.__index = Shared

local FULL =
  "the shared dictionary is full: give lua_shared_dict more room, and let it hold nothing else"

-- The words of a state, each 24 octets wide: a value that keeps its size needs no room.
local WORD, SIZE = "%+024.9f", 24

local function words_of(numbers)
  local words = {}
  for i, number in ipairs(numbers) do
    words[i] = WORD:format(number)
  end
  return concat(words)
end

local function numbers_of(text)
  local numbers = {}
  for at = 1, #text, SIZE do
    numbers[#numbers + 1] = tonumber(text:sub(at, at + SIZE - 1))
  end
  return numbers
end

local function lock(self)
  local ok, why
  for _ = 1, TRIES do
    ok, why = self.dictionary:safe_add(self.name .. ":lock", true, LOCK_SECONDS)
    if ok or why ~= "exists" then
      return ok, why
    end
  end
  return ok, why
end

-- Calls a function with the bucket as all workers have left it. Returns what it returns; or nil,
-- why: "exists" where another has it for too long.
local function with_bucket(self, f)
  local ok, why = lock(self)
  if not ok then
    return nil, why
  end
  local bucket, text = self.bucket, self.dictionary:get(self.name)
  if text then
    bucket:set_state(numbers_of(text))
  end
  while self.owed[1] do
    remove(self.owed, 1)(bucket)
  end
  local result = f(bucket)
  ok, why = self.dictionary:safe_set(self.name, words_of(bucket:state()))
  self.dictionary:delete(self.name .. ":lock")
  if not ok then
    return nil, why
  end
  return result
end

local function no_room()
  return errors.refuse("CONFIG", FULL)
end

---@param bucket ettsumailer.rate  full: how it is where no worker has taken any yet
---@param dictionary table         of ngx.shared
---@param name string
---@return table? rate             with take, charge and note, as that
---@return ettsumailer.error?      CONFIG: there is no room
function M.new(bucket, dictionary, name)
  local self = setmetatable({
    bucket = bucket, dictionary = dictionary, name = "ettsumailer:rate:" .. name, owed = {},
  }, Shared)
  local ok, why = with_bucket(self, function() return true end)
  if not ok and why ~= "exists" then
    return no_room()
  end
  return self
end

---As that of a rate.
---@param now number
---@param recipients integer?
---@return number? seconds
---@return ettsumailer.error? the dictionary is full
function Shared:take(now, recipients)
  local seconds, why = with_bucket(self, function(bucket) return bucket:take(now, recipients) end)
  if why == "exists" then
    return AGAIN_SECONDS
  elseif why then
    return no_room()
  end
  return seconds
end

-- What must be done, if not now then with the next look at the bucket.
local function do_or_owe(self, f)
  local ok = with_bucket(self, function(bucket) f(bucket) return true end)
  if not ok then
    insert(self.owed, f)
  end
end

function Shared:charge(recipients)
  do_or_owe(self, function(bucket) bucket:charge(recipients) end)
end

function Shared:note(outcome, now)
  if rate_of.is_complaint(outcome) then
    do_or_owe(self, function(bucket) bucket:slow_down(now) end)
  end
end

return M
