-- The fields that say where content comes from, with their kinds (options.check).
-- Why: whoever takes them has to know them before anything is read from anywhere.
-- Not: what they mean: source.lua tells.

return { path = "string", content = "content", source = "function", size = "integer" }
