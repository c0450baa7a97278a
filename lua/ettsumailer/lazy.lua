-- Modules that are read when the first of their functions is asked for.
-- Why: to read the source of the whole library takes longer than to send a mail with a part of it.
-- Not: for what others need while they are loaded, and for tables that are looked through.

local pairs, rawget, require, setmetatable = pairs, rawget, require, setmetatable

local M = {}

-- The names of all that is to be read when it is used.
local names = {}

---What stands for a module until it is needed, and has all that is in it from then on.
---@param name string
---@return table
function M.of(name)
  names[#names + 1] = name
  return setmetatable({}, {
    __index = function(self, key)
      setmetatable(self, nil)
      for field, value in pairs(require(name)) do
        self[field] = value
      end
      return rawget(self, key)
    end,
  })
end

---Reads them all now, also those that others of them bring.
function M.all()
  local i = 1
  while names[i] do
    require(names[i])
    i = i + 1
  end
end

return M
