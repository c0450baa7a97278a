-- What to do about the refusals of logins that people meet most, by reply code and enhanced code
-- (and in front of them the stage, where they mean this at that one only).
-- Why: the server's words name a policy; what helps is a switch in somebody's settings.
-- Not: refusals that mean the same everywhere (errors.lua).

local APP_PASSWORD = "with two-step verification the provider (Gmail, Yahoo, iCloud and others) "
  .. "wants an app password, made in the account's security settings, or a token"

return {
  ["AUTH 454 4.7.0"] = "the server cannot check logins now, or has seen too many: wait some "
    .. "minutes",
  ["530 5.7.57"] = "Microsoft 365 wants a login first: set user and token (or password)",
  ["534 5.7.9"] = "this mechanism is too weak for the user, or " .. APP_PASSWORD,
  ["534 5.7.14"] = "Google wants a look at this login: sign in with a browser, or use an app "
    .. "password",
  ["535 5.7.3"] = "Exchange refused the login: check user and password, and whether SMTP AUTH is "
    .. "enabled for the mailbox",
  ["535 5.7.8"] = "check user and password; " .. APP_PASSWORD,
  ["535 5.7.139"] = "Microsoft 365 allows no login by password here: use a token (XOAUTH2), or "
    .. "have the administrator enable authenticated SMTP for the mailbox",
  ["550 5.7.30"] = "Microsoft 365 takes no login by password any more: use a token (XOAUTH2)",
  ["535 5.7.30"] = "Microsoft 365 takes no login by password any more: use a token (XOAUTH2)",
  ["550 5.7.60"] = "this login may not send as that sender: use its own address as from",
}
