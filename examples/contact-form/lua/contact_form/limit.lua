-- How often one client may post.
-- Why: a form that sends mail is found by robots; each post costs, whatever is in it.
-- Not: fairness behind a proxy, unless nginx knows the clients' addresses (http.conf).
-- SPDX-License-Identifier: MIT

local settings = require "contact_form.settings"

local M = {}

-- A client of IPv6 has a whole /64 to itself, so that is what is counted.
local function client()
  local address = ngx.var.binary_remote_addr
  return #address == 16 and address:sub(1, 8) or address
end

---Counts a post. The count begins anew so many seconds after the first.
---@return boolean may_post
function M.take()
  local count, err = ngx.shared.contact_form_posts:incr(client(), 1, 0, settings.posts_seconds)
  if not count then
    ngx.log(ngx.ERR, "contact form: posts are not counted: ", err)
  end
  return count ~= nil and count <= settings.posts
end

return M
