-- The settings: from the environment where they differ from place to place, else here.
-- Why: no secret is in a file that is copied; and what is missing is told when nginx starts.
-- Not: the mail server, which the library reads from ETTSUMAILER_URL itself.
-- SPDX-License-Identifier: MIT

local M = {
  from = os.getenv "CONTACT_FROM",         -- of your own domain, which the mail server may send for
  to = os.getenv "CONTACT_TO",             -- who reads what is written
  security = os.getenv "CONTACT_SECURITY", -- "none": a mail server on this machine, without TLS
  secret = os.getenv "CONTACT_SECRET",     -- openssl rand -hex 32; it stays the same

  folder = os.getenv "CONTACT_FOLDER" or ngx.config.prefix(), -- that has templates/ in it

  posts = 10, posts_seconds = 600, -- so many posts of one client in so many seconds
  form_seconds = 3600,             -- how long a form may be open before it is sent
  retry_seconds = tonumber(os.getenv "CONTACT_RETRY_SECONDS") or 600, -- a mail server may be down
}

for _, name in ipairs { "from", "to", "secret" } do
  if not M[name] or M[name] == "" then
    error(("contact form: CONTACT_%s is not set in nginx's environment"):format(name:upper()), 0)
  end
end
if #M.secret < 32 then
  error("contact form: CONTACT_SECRET is shorter than 32 characters: openssl rand -hex 32", 0)
end

return M
