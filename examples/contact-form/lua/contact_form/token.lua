-- The token in the form: proof that a post comes from a form that this site gave to this browser.
-- Why: another site can make a browser post, but cannot read a form of ours (CSRF).
-- Not: a login. The session is a number that nobody can guess, and says nothing of the visitor.
-- SPDX-License-Identifier: MIT

local bit = require "bit"
local core = require "ettsumailer.core"
local settings = require "contact_form.settings"

local M = {}

-- Over TLS the name itself makes browsers refuse the cookie of any other host, a neighbour's too.
local function is_over_tls()
  return ngx.var.scheme == "https" or ngx.var.http_x_forwarded_proto == "https"
end

local function cookie_name()
  return is_over_tls() and "__Host-contact_session" or "contact_session"
end

local function in_url_letters(octets)
  return (ngx.encode_base64(octets, true):gsub("[+/]", { ["+"] = "-", ["/"] = "_" }))
end

-- All octets are looked at, whichever differs: the time it takes tells nothing of the right one.
local function are_equal(a, b)
  if #a ~= #b then
    return false
  end
  local difference = 0
  for i = 1, #a do
    difference = bit.bor(difference, bit.bxor(a:byte(i), b:byte(i)))
  end
  return difference == 0
end

local function proof(session, made_at)
  local text = ("contact form|%s|%s"):format(session, made_at)
  return in_url_letters(ngx.hmac_sha1(settings.secret, text))
end

---The session of this browser; nil where it has none, or one that we did not make.
---@return string?
function M.session()
  local value = ngx.var["cookie_" .. cookie_name()]
  return value and #value == 22 and not value:find "[^%w_-]" and value or nil
end

---Gives this browser a session, where it has none.
---@return string session
function M.open_session()
  local session = M.session()
  if not session then
    session = in_url_letters(core.random(16))
    -- Lax: who comes by a link from elsewhere keeps it; a post from elsewhere has none.
    ngx.header["Set-Cookie"] = ("%s=%s; Path=/; HttpOnly; SameSite=Lax%s"):format(cookie_name(),
      session, is_over_tls() and "; Secure" or "")
  end
  return session
end

---@param session string
---@param now integer?
---@return string
function M.make(session, now)
  local made_at = ("%d"):format(now or ngx.time())
  return made_at .. "." .. proof(session, made_at)
end

---What a token is worth: "good", "late" where the form was open for too long, or "wrong".
---@param session string?
---@param token string?
---@return string
function M.check(session, token)
  local made_at, given = (token or ""):match "^(%d+)%.([%w_-]+)$"
  if not session or not made_at or not are_equal(proof(session, made_at), given) then
    return "wrong"
  end
  local age = ngx.time() - tonumber(made_at)
  return age >= 0 and age <= settings.form_seconds and "good" or "late"
end

---Marks a good token as used: a form sent twice, by a second click or a reload, is one mail.
---@param token string
---@return boolean is_first
function M.use(token)
  local ok, err = ngx.shared.contact_form_tokens:add(token, true, settings.form_seconds)
  return ok or err ~= "exists"
end

---Takes the mark away: what was written could not be handed over.
---@param token string
function M.unuse(token)
  ngx.shared.contact_form_tokens:delete(token)
end

return M
