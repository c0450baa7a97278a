-- The fields of a message that others made, with their kinds (options.check).
-- Why: message.lua has to know them, and not how such a message is read.
-- Not: what they mean: ready_message.lua tells.

return {
  raw = "raw", raw_newlines = "string", resent = "table", envelope = "table", date = "integer",
  zone_minutes = "integer", entropy = "string", message_id_host = "string",
}
