-- The contact form: GET shows it, POST checks what was written and hands a mail over.
-- Why: the visitor has an answer at once, however slow the mail server is.
-- Not: where the parts of the answer are made (contact_form/).
-- SPDX-License-Identifier: MIT

local ettsumailer = require "ettsumailer"
local fields = require "contact_form.fields"
local limit = require "contact_form.limit"
local mail = require "contact_form.mail"
local settings = require "contact_form.settings"
local token = require "contact_form.token"

local M = {}

local function read_file(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

local PAGE = "templates/page.html"
local page = assert(ettsumailer.template.compile(read_file(settings.folder .. "/" .. PAGE), {
  name = PAGE,
}))

-- What the page says: notice, problem; and form = { values, problems } where it is to be shown.
local function answer(status, data)
  if data.form then
    data.form.token = token.make(token.open_session())
  end
  ngx.status = status
  ngx.header["Content-Type"] = "text/html; charset=utf-8"
  ngx.header["Cache-Control"] = "no-store"
  ngx.print(assert(page:render(data)))
end

local function refuse(status, problem, values, problems)
  answer(status, { problem = problem, form = { values = values or {}, problems = problems or {} } })
end

local function show()
  if ngx.var.arg_sent then
    answer(200, { notice = "お問い合わせを受け付けました。ありがとうございました。" })
  else
    answer(200, { form = { values = {}, problems = {} } })
  end
end

-- Another request, so that a reload of the page that follows sends nothing again.
local function thank()
  return ngx.redirect("/contact?sent=1", 303)
end

local function is_form()
  local kind = ngx.var.content_type or ""
  return kind:lower():find "^application/x%-www%-form%-urlencoded%f[;%z%s]" ~= nil
end

-- The fields that were posted; or nil.
local function read_form()
  ngx.req.read_body()
  local form, err = ngx.req.get_post_args(20)
  return not err and form or nil
end

-- What was written goes on its way.
local function send(values, given)
  if not token.use(given) then
    return thank()
  end
  local ok, err = mail.enqueue(values)
  if ok then
    return thank()
  end
  token.unuse(given)
  ngx.log(ngx.ERR, "contact form: ", tostring(err))
  if err.code == "QUEUE_FULL" then
    return refuse(503, "ただいま混み合っています。しばらくしてから、もう一度お試しください。", values)
  end
  return refuse(422, "この内容は送信できません。", values)
end

local function take()
  if not limit.take() then
    ngx.header["Retry-After"] = settings.posts_seconds
    return answer(429, { problem = "送信回数が多すぎます。しばらくしてから、もう一度お試しください。" })
  end
  local form = is_form() and read_form()
  if not form then
    return refuse(415, "フォームから送信してください。")
  end
  local values, problems = fields.read(form)
  local worth = token.check(token.session(), type(form.token) == "string" and form.token or nil)
  if worth == "late" then
    return refuse(403, "フォームの有効期限が切れました。もう一度送信してください。", values)
  elseif worth ~= "good" then
    return refuse(403, "フォームを確認できませんでした。もう一度入力してください。")
  elseif fields.is_by_robot(form) then
    return thank() -- a robot that is refused tries again in another way
  elseif problems then
    return refuse(422, "入力内容をご確認ください。", values, problems)
  end
  return send(values, form.token)
end

---The location's handler.
function M.serve()
  local method = ngx.req.get_method()
  if method == "GET" or method == "HEAD" then
    return show()
  elseif method == "POST" then
    return take()
  end
  ngx.header["Allow"] = "GET, HEAD, POST"
  return answer(405, { problem = "この操作はできません。" })
end

return M
