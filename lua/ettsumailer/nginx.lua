-- What there is in nginx alone: threads, timers, a log, dictionaries, the end of a worker.
-- Why: the rest of the library names nothing of nginx's.
-- Not: for others: world.lua has all of this as its own, where this is nginx.

local ipairs, pcall, rawget, require, _G = ipairs, pcall, rawget, require, _G
local getmetatable, newproxy = getmetatable, newproxy -- luacheck: std luajit

local M = {}

local ngx = rawget(_G, "ngx")

---nginx's way to run functions side by side: until all have returned, or one has raised.
---@param functions function[]
---@return boolean ok
---@return any? err  what was raised; the others are ended then
function M.run(functions)
  local threads, ok, err = {}, true, nil
  for i, f in ipairs(functions) do
    threads[i] = ngx.thread.spawn(f)
  end
  for _, thread in ipairs(threads) do
    if ok then
      ok, err = ngx.thread.wait(thread)
    else
      ngx.thread.kill(thread)
    end
  end
  return ok, err
end

---Calls a function soon, by a timer of nginx; in a worker that ends, too.
---@param f function
---@return true?
---@return string? why  there is no timer to be had
function M.soon(f)
  return ngx.timer.at(0, f)
end

---Calls a function again and again, by a timer of nginx; once more when the worker ends.
---@param seconds number
---@param f function
---@return true?
---@return string? why
function M.every(seconds, f)
  return ngx.timer.every(seconds, f)
end

---A value whose end is told of, also when nginx closes a worker's Lua.
---@param on_end function(value)
---@param before any?   a value that was made so; on_end is that one's
---@return userdata
function M.sentinel(on_end, before)
  local value = newproxy(before or true)
  if not before then
    getmetatable(value).__gc = on_end
  end
  return value
end

---Whether nginx ends this worker: a reload, or a graceful end.
---@return boolean
function M.is_ending()
  return ngx.worker.exiting()
end

---Writes into nginx's error log.
---@param text string
function M.log(text)
  ngx.log(ngx.ERR, text)
end

---A dictionary that nginx's workers share.
---@param name string  of a lua_shared_dict
---@return table? dictionary  as of ngx.shared
function M.dictionary(name)
  return ngx.shared[name]
end

---What one may wait for until another posts, as requests run side by side.
---@return table? signal { wait(self, seconds): boolean, post(self) }; nil: there is none to be had
function M.signal()
  local has_semaphores, semaphore = pcall(require, "ngx.semaphore") -- of lua-resty-core
  return has_semaphores and semaphore.new(0) or nil
end

return M
