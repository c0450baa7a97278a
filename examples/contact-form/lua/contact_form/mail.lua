-- The mail that a post becomes.
-- Why From is ours: for the visitor's domain this server may not speak. SPF, DKIM and DMARC of
--  that domain would have the mail refused, or filed as forged. Reply-To is where answers go.
-- Not: a copy to the visitor. Whoever types in someone else's address would have us send there.
-- SPDX-License-Identifier: MIT

local ettsumailer = require "ettsumailer"
local settings = require "contact_form.settings"

local M = {}

local contact = assert(ettsumailer.template.load("mail", {
  folder = settings.folder .. "/templates",
}))

-- What cannot be delivered in the time that retry_seconds gives it. The log has no word of the
-- visitor's: who wants to keep such mail writes it away here (message:write(path)).
local function note_undelivered(message, err)
  ngx.log(ngx.ERR, "contact form: message ", message:id(), " is undelivered (", err.delivery, "): ",
    tostring(err))
end

-- One mailer a worker: its queue and its connections outlive the requests.
local mailer = assert(ettsumailer.mailer {
  from = settings.from, security = settings.security, connections = 2, timeout = 120,
  retry = settings.retry_seconds > 0 and { budget = settings.retry_seconds },
  queue = { messages = 200, bytes = 8 * 1024 * 1024 },
  on_undelivered = note_undelivered,
})

---Hands a mail over, and does not wait for any server.
---@param values table of the fields
---@return true?
---@return ettsumailer.error? QUEUE_FULL where too many wait already
function M.enqueue(values)
  return mailer:enqueue {
    to = settings.to, template = contact, data = {
      name = values.name, address = values.address, subject = values.subject,
      message = values.message, client = ngx.var.remote_addr,
    },
  }
end

return M
