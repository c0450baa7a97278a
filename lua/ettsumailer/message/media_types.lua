-- The media type of a file by the end of its name.
-- Why: a receiver opens what it knows; the common types are named right without being told.
-- Not: looking into files.

local M = {}

local TYPES = {
  txt = "text/plain", csv = "text/csv", html = "text/html", htm = "text/html",
  ics = "text/calendar", pdf = "application/pdf", zip = "application/zip",
  gz = "application/gzip", json = "application/json", xml = "application/xml",
  png = "image/png", jpg = "image/jpeg", jpeg = "image/jpeg", gif = "image/gif",
  webp = "image/webp", svg = "image/svg+xml", mp3 = "audio/mpeg", mp4 = "video/mp4",
  rtf = "application/rtf", doc = "application/msword", xls = "application/vnd.ms-excel",
  ppt = "application/vnd.ms-powerpoint",
  docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  xlsx = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  pptx = "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}

---@param filename string?
---@return string media_type application/octet-stream where nothing is known
function M.of(filename)
  local extension = filename and filename:match "%.(%w+)$"
  return extension and TYPES[extension:lower()] or "application/octet-stream"
end

return M
