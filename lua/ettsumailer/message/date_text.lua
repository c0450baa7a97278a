-- Whether a text is a date as RFC 5322 3.3 writes it, and one that was or will be.
-- Why: a Date that readers cannot read, or that names the wrong weekday, looks like spam.
-- Not: making dates (the core), nor the obsolete forms, which are never written.

local tonumber = tonumber

local M = {}

local MONTHS, DAYS = {}, {}
for name in ("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"):gmatch "%a+" do
  MONTHS[#MONTHS + 1] = name
  MONTHS[name] = #MONTHS
end
for name in ("Sun Mon Tue Wed Thu Fri Sat"):gmatch "%a+" do
  DAYS[#DAYS + 1] = name
  DAYS[name] = #DAYS - 1
end
local LENGTHS = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }
local OFFSETS = { 0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4 }

local function is_leap(year)
  return year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
end

-- Gregorian; 0 is Sunday. January and February count to the year before.
local function weekday_of(year, month, day)
  if month < 3 then
    year = year - 1
  end
  local leaps = (year - year % 4) / 4 - (year - year % 100) / 100 + (year - year % 400) / 400
  return (year + leaps + OFFSETS[month] + day) % 7
end

local function is_day(year, month, day)
  local length = month and LENGTHS[month] + (month == 2 and is_leap(year) and 1 or 0)
  return month ~= nil and year >= 1900 and day >= 1 and day <= length
end

local function is_time(text)
  local hour, minute, second, zone = text:match "^(%d%d):(%d%d):?(%d*) [+-]%d%d(%d%d)$"
  if not hour or not (second == "" and #text == 11 or #second == 2) then
    return false
  end
  return tonumber(hour) < 24 and tonumber(minute) < 60 and (tonumber(second) or 0) <= 60
    and tonumber(zone) < 60
end

---@param text string  with or without the name of the day
---@return boolean
function M.is_date(text)
  local name, rest = text:match "^(%a%a%a), (.*)$"
  local day, month, year, time = (rest or text):match "^(%d%d?) (%a%a%a) (%d%d%d%d+) (.*)$"
  if not day then
    return false
  end
  year, month, day = tonumber(year), MONTHS[month], tonumber(day)
  return is_day(year, month, day) and is_time(time)
    and (not name or DAYS[name] == weekday_of(year, month, day))
end

return M
