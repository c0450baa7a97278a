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
      local module = require(name) -- which may fail, for want of a descriptor, and succeed later
      setmetatable(self, nil)
      for field, value in pairs(module) do
        self[field] = value
      end
      return rawget(self, key)
    end,
  })
end

---Gives a table modules as fields, each of which is read when it is first asked for.
---@param owner table
---@param modules table<string, string>  the names of modules by the names of fields
---@return table owner
function M.fields(owner, modules)
  for _, name in pairs(modules) do
    names[#names + 1] = name
  end
  return setmetatable(owner, {
    __index = function(self, key)
      if modules[key] then
        self[key] = require(modules[key])
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
