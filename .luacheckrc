std = "max"
max_line_length = 100
max_cyclomatic_complexity = 10
cache = false
exclude_files = { "build", "lua_modules", ".luarocks" }

-- The one I/O world that lives in nginx.
files["lua/ettsumailer/transport/resty.lua"] = { read_globals = { "ngx" } }
-- A case on one line is easier to compare with the next one.
files["spec/**/*_spec.lua"] = { std = "max+busted", max_line_length = 120 }
