-- The options of a server: their names, their kinds (options.check), and what they mean.
-- Why: one list for whoever checks them, completes them or reads of them.
-- Not: whether values make sense (settings.lua).

local M = {}

---A server is named by `url`, or by `host` and what goes with it.
--- url                    smtp://user:password@host:port or smtps://..., percent-encoded; the
---                        options beside it win
--- host                   its name or IP address
--- port                   465 where security is "implicit", else 587, where absent
--- security               "implicit": TLS from the start; "starttls": STARTTLS is a must;
---                        "opportunistic": where it is offered; "none". Where absent: implicit on
---                        port 465, starttls on 587 and wherever a login is given, else
---                        opportunistic
--- unix_socket            the path of a socket, in place of host and port
--- source_address         the IP address to connect from
--- extensions             { NAME = false }: an extension is not used though it is offered
--- ehlo_name              the name to greet with; the machine's, or its address literal, where
---                        absent
--- ca_file                a file of certificates to trust in place of the system's
--- ca_pem                 the same as text
--- crl_file               a file of revoked certificates
--- pin_sha256             SHA-256 of public keys, base64 or hexadecimal, parted by spaces: the
---                        server's must be one of them, and needs no trusted issuer then
--- tlsa                   TLSA records of the server (DANE)
--- tls_name               the name that the certificate is to be for; host where absent
--- client_cert            the client's certificate: a file, or PEM text
--- client_key             its key: a file, or PEM text
--- client_key_password    of that key
--- tls_min_version        "1.2" where absent
--- ciphers                as OpenSSL lists them
--- security_level         of OpenSSL, 0 to 5; 2 where absent
--- insecure_skip_verify   true: whoever answers is believed; the result says that it was not
---                        verified
--- user                   of the login
--- password               of the login
--- token                  of an OAuth login: a string, or function(refresh) that returns it
--- mechanisms             a list of those that may be used, in place of all that are known
--- allow_plaintext_auth   true: a password may go without TLS
--- timeout                seconds for a whole call, retries and name resolution included; no limit
---                        where absent
--- timeouts               of each wait, see below
--- transport              the event loop to wait in: "copas", "luv", "cqueues" (which is found by
---                        itself inside of a controller), or a table of one's own, see below
--- on_protocol            function("C" or "S", line): told every line, secrets hidden
M.SERVER = {
  url = "string", host = "string", port = "integer", security = "string", unix_socket = "string",
  source_address = "string", extensions = "table", ehlo_name = "string",
  ca_file = "string", ca_pem = "string", crl_file = "string", pin_sha256 = "string", tlsa = "table",
  tls_name = "string", client_cert = "string",
  client_key = "string", client_key_password = "string", tls_min_version = "string",
  ciphers = "string", security_level = "integer", insecure_skip_verify = "boolean",
  user = "string", password = "string", token = "string or function", mechanisms = "table",
  allow_plaintext_auth = "boolean",
  timeout = "seconds", timeouts = "table", transport = "table or string",
  on_protocol = "function",
}

---Seconds, and what they are where absent. RFC 5321 4.5.3.2 asks for those of greeting, command,
---data, block and final at least.
--- connect   30: TCP, all addresses of the host
--- tls       30: the handshake
--- greeting  300: the server's first reply
--- command   300: the reply to any other command
--- data      120: the reply to DATA
--- block     180: until the server takes more of the content
--- final     600: the reply to the end of the content
--- quit      1: the reply to QUIT
M.TIMEOUTS = {
  connect = 30, tls = 30, greeting = 300, command = 300, data = 120, block = 180, final = 600,
  quit = 1,
}

return M
