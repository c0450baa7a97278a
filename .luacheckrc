std = "max"
max_line_length = 100
max_cyclomatic_complexity = 10
cache = false
exclude_files = {
  "build", "lua_modules", ".luarocks",
  -- Drivers of other clients, which speak as those do.
  "bench/peers/common.lua", "bench/peers/lua*.lua", "bench/peers/msmtp.lua",
  "bench/peers/resty-mail.lua", "bench/peers/node_modules",
}

-- The one I/O world that lives in nginx.
files["lua/ettsumailer/transport/resty.lua"] = { read_globals = { "ngx" } }
files["bench/nginx/*.lua"] = { read_globals = { "ngx" } }
files["examples/contact-form/**"] = { globals = { "ngx" } }
files["lua/ettsumailer/transport/cosocket.lua"] = { read_globals = { "ngx" } }
files["lua/ettsumailer/transport/light_thread.lua"] = { read_globals = { "ngx" } }
-- A case on one line is easier to compare with the next one.
files["spec/**/*_spec.lua"] = { std = "max+busted", max_line_length = 120 }
-- Annotations only: nothing of it is run.
files["lua/ettsumailer/types.lua"] = { unused = false, ignore = { "241" } }
