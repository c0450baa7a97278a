-- Runs busted over specs in nginx: what a timer of init_worker calls (pure_spec.lua).

local M = {}

---@param how table  { files = paths of specs, report = path of what busted says, pid = path of the
---  master's number, which is ended behind it }
function M.run(how)
  require("busted.compatibility").exit = function(code)
    error({ status = code })
  end
  arg = { [0] = "busted", "--ignore-lua", "-o", "plainTerminal", "--pattern=_spec", unpack(how.files) } -- luacheck: ignore
  io.output(how.report)
  local ok, err = pcall(function()
    require "busted.runner" { standalone = false }
  end)
  if not ok and type(err) ~= "table" then
    io.write("busted: ", tostring(err), "\n")
  end
  io.write "\nthis is the end\n"
  io.output():flush()
  os.execute("kill -QUIT $(cat " .. how.pid .. ")")
end

return M
