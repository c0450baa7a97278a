-- The name that somebody may have meant who wrote another one.
-- Why: "did you mean 'subject'?" saves a look into the manual.
-- Not: which names there are; that is the caller's.

local pairs, type = pairs, type
local min = math.min

local M = {}

-- Two letters that stand the other way round in b.
local function is_swapped(a, i, b, j)
  return i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j)
end

-- The number of changes that make b of a: a letter more, less or other, or two swapped.
local function distance(a, b)
  local rows = { [0] = {} }
  for j = 0, #b do
    rows[0][j] = j
  end
  for i = 1, #a do
    local row, above = { [0] = i }, rows[i - 1]
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      row[j] = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + cost)
      if is_swapped(a, i, b, j) then
        row[j] = min(row[j], rows[i - 2][j - 2] + 1)
      end
    end
    rows[i] = row
  end
  return rows[#a][#b]
end

---The known name that is most like the given one, or nil when none is near.
---@param name any
---@param known table<string, any> names as keys
---@return string?
function M.of(name, known)
  if type(name) ~= "string" or #name > 60 then
    return nil
  end
  local best, best_distance = nil, 4
  for candidate in pairs(known) do
    local d = distance(name:lower(), candidate)
    if d < best_distance or (d == best_distance and best and candidate < best) then
      best, best_distance = candidate, d
    end
  end
  return best
end

return M
