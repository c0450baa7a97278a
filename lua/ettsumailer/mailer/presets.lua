-- What well-known services ask of those who send through them: `service = "gmail"`.
-- Why: the port, the security and the limits are looked up once, here, not by everyone.
-- Not: anything but data. What the services change is changed here; options of one's own win.
--
-- Fields of each:
--  host, port     of the submission server; no host: it is each customer's own, and must be given
--  user           where it is the same for everyone
--  messages_per_connection, rate   as of the options of these names
--  max_size       octets that a message may have in transit
--  recipients     that a message may have
--  per_day        recipients a day of the smallest plan, where the service tells
--  host_hint      how the host is found, where it is each customer's own
--  login_hint     what user and password are, as far as it is not obvious

local MB = 1000 * 1000

return {
  gmail = {
    host = "smtp.gmail.com", port = 465, max_size = 25 * MB, recipients = 100, per_day = 500,
    login_hint = "user is the whole address, password an app password (an account needs 2-step "
      .. "verification for one) or an OAuth token; the account's own password is refused",
  },
  outlook = {
    host = "smtp-mail.outlook.com", port = 587, max_size = 25 * MB, recipients = 500,
    per_day = 300, rate = { messages = 30, per = 60 },
    login_hint = "user is the whole address; passwords are no longer taken, only OAuth tokens",
  },
  office365 = {
    host = "smtp.office365.com", port = 587, max_size = 25 * MB, recipients = 500,
    per_day = 10000, rate = { messages = 30, per = 60 },
    login_hint = "user is the mailbox's address; the tenant must allow authenticated SMTP for it",
  },
  ses = {
    host = "email-smtp.us-east-1.amazonaws.com", port = 587, max_size = 40 * MB, recipients = 50,
    login_hint = "user and password are SMTP credentials made in the SES console, not access "
      .. "keys, and belong to one region: host must be that region's, such as "
      .. "email-smtp.ap-northeast-1.amazonaws.com",
  },
  sendgrid = {
    host = "smtp.sendgrid.net", port = 587, user = "apikey", max_size = 30 * MB,
    recipients = 1000,
    login_hint = 'user is the word "apikey", password the API key',
  },
  mailgun = {
    host = "smtp.mailgun.org", port = 587, max_size = 25 * MB, recipients = 1000,
    login_hint = "user and password are the SMTP credentials of the domain; a domain in the EU "
      .. "needs host = \"smtp.eu.mailgun.org\"",
  },
  postmark = {
    host = "smtp.postmarkapp.com", port = 587, max_size = 10 * MB, recipients = 50,
    login_hint = "user and password are both the server's API token",
  },
  icloud = {
    host = "smtp.mail.me.com", port = 587, max_size = 20 * MB, recipients = 500, per_day = 1000,
    login_hint = "user is the whole address, password an app-specific password",
  },
  yahoo = {
    host = "smtp.mail.yahoo.com", port = 465, max_size = 25 * MB, recipients = 100,
    per_day = 500,
    login_hint = "user is the whole address, password an app password",
  },
  yahoo_jp = {
    host = "smtp.mail.yahoo.co.jp", port = 465, max_size = 25 * MB, recipients = 100,
    login_hint = "user is the Yahoo! JAPAN ID without @yahoo.co.jp; access by mail programs "
      .. "must be switched on in the mail settings",
  },
  sakura = {
    port = 587, max_size = 50 * MB, recipients = 100,
    host_hint = "the initial domain: host = \"NAME.sakura.ne.jp\"",
    login_hint = "user is the whole mail address, and host the initial domain, not your own",
  },
  xserver = {
    port = 465, max_size = 100 * MB, recipients = 100,
    host_hint = "the server's name: host = \"svNUMBER.xserver.jp\"",
    login_hint = "user is the whole mail address",
  },
  qq = {
    host = "smtp.qq.com", port = 465, max_size = 50 * MB, recipients = 100,
    login_hint = "user is the whole address, password a code made in the settings",
  },
  ["163"] = {
    host = "smtp.163.com", port = 465, max_size = 50 * MB, recipients = 40,
    login_hint = "user is the whole address, password a code made in the settings",
  },
}
