-- What a visitor may write: lengths, letters, one address.
-- Why: what is wrong is told beside its field, and the form keeps what was written.
-- Not: escaping. Pages, header fields and addresses are written by templates, which know
--  each place.
-- SPDX-License-Identifier: MIT

local ettsumailer = require "ettsumailer"

local M = {}

-- In their order; most: characters.
local FIELDS = {
  { name = "name", most = 100 },
  { name = "address", most = 254 },
  { name = "subject", most = 100 },
  { name = "message", most = 5000, has_lines = true },
}

local function is_utf8(text)
  local _, _, err = ngx.re.find(text, "^", "u")
  return not err
end

local function characters(text)
  return select(2, text:gsub("[^\128-\191]", ""))
end

-- The text without white space around it, lines ending as in Lua.
local function tidy(value)
  local text = type(value) == "string" and value or "" -- a field that is there twice is a table
  return (text:gsub("\r\n?", "\n"):gsub("^%s+", ""):gsub("%s+$", ""))
end

local function problem_of(field, text)
  local controls = field.has_lines and "[%z\1-\8\11-\31\127]" or "%c"
  if text == "" then
    return "入力してください。"
  elseif not is_utf8(text) or text:find(controls) then
    return "使用できない文字が含まれています。"
  elseif characters(text) > field.most then
    return ("%d文字以内で入力してください。"):format(field.most)
  end
end

-- One address, and nothing else: no name, no list.
local function problem_of_address(text)
  local address = ettsumailer.address(text)
  if not address or address.name or not address:path() then
    return "メールアドレスの形式が正しくありません。"
  end
end

---@param form table as ngx.req.get_post_args gives it
---@return table values of the fields, for the form and for the mail
---@return table? problems  a sentence for each field that is wrong; nil where none is
function M.read(form)
  local values, problems = {}, {}
  for _, field in ipairs(FIELDS) do
    local text = tidy(form[field.name])
    values[field.name] = text
    problems[field.name] = problem_of(field, text)
  end
  problems.address = problems.address or problem_of_address(values.address)
  return values, next(problems) and problems or nil
end

---Whether a robot filled the field that people do not see.
---@param form table
---@return boolean
function M.is_by_robot(form)
  return form.website ~= nil and form.website ~= ""
end

return M
