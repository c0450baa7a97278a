-- The public entry: require "ettsumailer".
-- Why: one short list of everything a user can reach.
-- Not: any work of its own.

local core = require "ettsumailer.core"
local errors = require "ettsumailer.errors"
local handshake = require "ettsumailer.smtp.handshake"
local lazy = require "ettsumailer.lazy"
local mailer = require "ettsumailer.mailer"
local message = require "ettsumailer.message"

local merge = lazy.of "ettsumailer.merge"

local M = lazy.fields({ _VERSION = core.version }, {
  ---An e-mail address: address("B <b@example.com>"), address.parse_list("a@x.jp, b@x.jp").
  address = "ettsumailer.address",

  ---Templates of messages: template.compile(text).
  template = "ettsumailer.template",
})

---Mail merge: merge(template, rows, options) gives a message for each row, as send_all takes them;
---merge.row_of(message) gives the row.
---
---Example: `mailer:send_all(assert(ettsumailer.merge("mails/news", "members.csv")))`
M.merge = setmetatable({
  row_of = function(value) return merge.row_of(value) end,
}, {
  __call = function(_, template, rows, given)
    local made, err = merge.new(template, rows, given, 2)
    return made, err -- no tail call: it would hide the caller's line
  end,
})

---Sends one message over a connection of its own.
---
---Example: `assert(ettsumailer.send { url = "smtps://smtp.example.com", from = from, to = to })`
---@param given table options of the server and fields of the message
---@return table? result
---@return ettsumailer.error?
function M.send(given)
  local made, err = mailer.send(given, 2)
  return made, err -- no tail call: it would hide the caller's line
end

---Makes a mailer: settings that send many messages.
---
---Example: `local mailer = assert(ettsumailer.mailer { host = "smtp.example.com" })`
---@param given table
---@return ettsumailer.mailer?
---@return ettsumailer.error?
function M.mailer(given)
  local made, err = mailer.new(given, 2)
  return made, err -- no tail call: it would hide the caller's line
end

---Opens a connection to be commanded by hand (level 2).
---
---Example: `local conn = assert(ettsumailer.connect { host = "smtp.example.com" })`
---@param given table options of the server
---@return ettsumailer.connection?
---@return ettsumailer.error?
function M.connect(given)
  local made, err = handshake.connect(given, 2)
  return made, err -- no tail call: it would hide the caller's line
end

---A session without any I/O, for an event loop of one's own (level 1).
---
---Example: `local session = ettsumailer.session { without = "CHUNKING" }`
---@param given table? { without = "SIZE DSN", lock_step = boolean }
---@return userdata session
function M.session(given)
  return core.session(given)
end

---Composes and seals a message.
---
---Example: `local message = assert(ettsumailer.message { from = from, to = to, text = "Hi\n" })`
---@param given table
---@return userdata?
---@return ettsumailer.error?
function M.message(given)
  local made, err = message.new(given, 2)
  return made, err -- no tail call: it would hide the caller's line
end

---Reads all modules of the library now, and loads OpenSSL. Some are otherwise read when they are
---first used, which a program that gives up its view of the file system (chroot, another user), or
---has no descriptor left, could not do any more.
---
---Example: `ettsumailer.preload()`
function M.preload()
  lazy.all()
  require "ettsumailer.openssl"
end

---True for the errors that calls of this library return.
---
---Example: `if ettsumailer.is_error(value) then print(value.code) end`
---@param value any
---@return boolean
function M.is_error(value)
  return errors.is(value)
end

return M
