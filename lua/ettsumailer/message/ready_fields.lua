-- The fields of a message that others made, with their kinds (options.check).
-- Why: message.lua has to know them, and not how such a message is read.
-- Not: what they mean: ready_message.lua tells.

---They go with `raw`.
--- raw              the message: a string, an open file, a function that gives one string after the
---                  other, or a table of the fields of content. Bcc, Resent-Bcc and Return-Path are
---                  left out, Date and Message-ID are added where missing; else nothing is changed
--- raw_newlines     "normalize", where absent: line ends become CRLF; "reject": others are an error
--- resent           a table: a block of Resent- fields in front (RFC 5322 3.6.6); its addresses are
---                  the envelope
--- envelope         fields of an envelope, in place of what follows from the header fields
--- date             Unix time, where a Date is missing; now where absent
--- zone_minutes     of the date, east of UTC; the local zone where absent
--- entropy          32 random octets or more, for what is missing
--- message_id_host  the right side of a Message-ID that is missing
return {
  raw = "raw", raw_newlines = "string", resent = "table", envelope = "table", date = "integer",
  zone_minutes = "integer", entropy = "string", message_id_host = "string",
}
