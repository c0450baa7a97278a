-- Level 2: one connection, the commands that make it ready for mail, one reply each.
-- Why: what every connection says first, whoever has opened it, is said in one way.
-- Not: the other commands (by_hand.lua), which of these a mail needs (handshake.lua), nor what a
--  connection holds (link.lua).

local core = require "ettsumailer.core"
local drive = require "ettsumailer.smtp.drive"
local errors = require "ettsumailer.errors"
local lazy = require "ettsumailer.lazy"
local link = require "ettsumailer.smtp.link"
local own_name_of = require "ettsumailer.smtp.own_name"
local settings_of = require "ettsumailer.settings"

local auth = lazy.of "ettsumailer.smtp.auth"

local error = error

local M = { new = link.new }

---A connection to a server. Every command waits for its reply and returns it
---({ smtp_code, enhanced, text }), or nil and an error: of code REJECTED for a 4yz or 5yz.
---@class ettsumailer.connection: ettsumailer.link
---@field rset fun(self): table?, ettsumailer.error?  RSET: the transaction is given up
---@field noop fun(self, argument: string?): table?, ettsumailer.error?  NOOP
---@field vrfy fun(self, user: string): table?, ettsumailer.error?  VRFY: whether it is a user
---@field expn fun(self, list: string): table?, ettsumailer.error?  EXPN: who is in a list
---@field help fun(self, topic: string?): table?, ettsumailer.error?  HELP
local Connection = link.class

-- The handshake, at once or behind the 220 to STARTTLS.
local function start_tls(self)
  local context, err = settings_of.tls_context(self.settings)
  if not context then
    return nil, err
  end
  local name = self.settings.tls_name or self.settings.host or ""
  local ok, code, text = self.session:start_tls(context, name)
  if not ok then
    return drive.fail(self, code, text)
  end
  return drive.handshake(self)
end

local function own_name(self)
  local name, where_from = self.settings.ehlo_name, "ehlo_name"
  if not name then
    name, where_from = own_name_of.of(self.io)
  end
  self.greeted_as, self.greeted_from = name, where_from
  return name
end

-- Every call on a connection begins here: closed is misuse, broken is an error.
local function ready(self, level)
  if self.closed then
    error("this connection is closed", (level or 2) + 1)
  elseif self.busy then
    error("this connection is in use by another coroutine", (level or 2) + 1)
  elseif self.dead then
    local text = ("this connection has failed (%s): open a new one"):format(self.dead)
    return errors.refuse("STATE", text)
  elseif self.process ~= core.process_id() then
    return errors.refuse("STATE", "this connection is another process's: open one behind the fork")
  end
  -- By hand, `timeout` is that of each call; else of the whole send, and already set.
  if self.is_by_hand then
    self.deadline = self.settings.timeout and core.clock() + self.settings.timeout * 1000
  end
  return true
end

local function refused_command(verb, code, text)
  return nil, errors.new { code = code, stage = verb ~= "" and verb or "command", text = text }
end

-- One command, one reply.
local function command(self, verb, argument, parameters, utf8)
  local session = self.session
  local ok, code, text = session:command(verb, argument or "", parameters or "", 0, utf8 or false)
  if not ok then
    return refused_command(verb, code, text)
  end
  self.busy = true
  local reply, event = drive.await(self)
  self.busy = false
  return reply, event
end

---EHLO; then see capabilities.
---
---Example: `assert(conn:ehlo())`
---@param name string? the name to greet with; as configured, the machine's, or its address literal
function Connection:ehlo(name)
  local ok, err = ready(self)
  if not ok then
    return nil, err
  end
  return command(self, "EHLO", name or own_name(self))
end

---HELO: no extension is in force after it.
---
---Example: `assert(conn:helo "client.example.com")`
---@param name string?
function Connection:helo(name)
  local ok, err = ready(self)
  if not ok then
    return nil, err
  end
  return command(self, "HELO", name or own_name(self))
end

---STARTTLS and the handshake; the certificate is verified. EHLO has to be said again then.
---
---Example: `assert(conn:starttls())`
function Connection:starttls()
  local ok, err = ready(self)
  if not ok then
    return nil, err
  end
  local context, context_err = settings_of.tls_context(self.settings)
  if context_err then
    return nil, context_err
  elseif not context then
    return errors.refuse("CONFIG", 'security = "none" was asked for: there is no TLS here')
  end
  local reply, event = command(self, "STARTTLS")
  if not reply then
    return nil, event
  end
  ok, err = start_tls(self)
  return ok and reply or nil, err
end

M.start_tls = start_tls

---AUTH, by the first mechanism that is offered and known here; nothing is sent without TLS unless
---allow_plaintext_auth was set.
---
---Example: `assert(conn:auth { user = "ettsu", password = password })`
---@param login table? { user, password, token, mechanism or mechanisms }; as configured where
---  absent
function Connection:auth(login)
  local given, problem = auth.check(self, login, 2)
  if not given then
    return nil, problem
  end
  local ok, err = ready(self)
  if not ok then
    return nil, err
  end
  self.busy = true
  local reply, event = auth.run(self, given)
  self.busy = false
  return reply, event
end

---What the server offers: keyword to parameters ("" for none).
---
---Example: `print(conn:capabilities().SIZE)`
---@return table<string, string>
function Connection:capabilities()
  return self.session:capabilities()
end

---The last lines of the dialogue, secrets masked.
---
---Example: `print(conn:transcript())`
---@return string
function Connection:transcript()
  return self.session:transcript()
end

M.ready, M.command, M.refused_command = ready, command, refused_command

return M
