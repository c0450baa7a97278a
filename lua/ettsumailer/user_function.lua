-- Calls a function of the user's that may yield and may raise.
-- Why: Lua 5.1 has no pcall that a yield can cross; a coroutine of its own crosses on every engine.
-- Not: functions that are called at every block of a content (source.lua): this costs a coroutine.

local create, resume, status, yield =
  coroutine.create, coroutine.resume, coroutine.status, coroutine.yield

local M = {}

---What it yields is passed on to whoever resumes the caller, and what comes back to it.
---@param fn function
---@param ... any
---@return boolean ok  false where it raised: then what it raised
---@return any first   up to three results
---@return any second
---@return any third
function M.call(fn, ...)
  local co = create(fn)
  local ok, a, b, c = resume(co, ...)
  while ok and status(co) ~= "dead" do
    ok, a, b, c = resume(co, yield(a, b, c))
  end
  return ok, a, b, c
end

return M
