-- GNU make 4.3 and later took every header for found: a machine without libidn2 could not build.

local scratch = require "support.scratch"

-- The commands that would build the module, with these settings of make.
local function commands(settings)
  local pipe = assert(io.popen(("env -u MAKEFLAGS -u MFLAGS -u IDN2 -u UNISTRING make -n V=1 BUILD='%s/dry' %s 2>&1")
    :format(scratch, settings)))
  local said = pipe:read "*a"
  pipe:close()
  return said
end

describe("the build", function()
  it("does without optional libraries whose headers are not there", function()
    local said = commands "CPPFLAGS='-nostdinc -isystem /nowhere'"
    assert.is_truthy(said:find("-lssl", 1, true), said) -- pkg-config has told of it
    assert.is_nil(said:find("-lidn2", 1, true))
    assert.is_nil(said:find("ETTM_IDN2", 1, true))
    assert.is_nil(said:find("-lunistring", 1, true))
    assert.is_nil(said:find("ETTM_UNISTRING", 1, true))
  end)

  it("takes them where they are", function()
    local folder = scratch .. "/headers"
    assert(os.execute(("mkdir -p '%s' && : >'%s/idn2.h' && : >'%s/uninorm.h'"):format(folder, folder, folder)))
    local said = commands(("CPPFLAGS='-nostdinc -isystem %s'"):format(folder))
    os.execute(("rm -rf '%s'"):format(folder))
    assert.is_truthy(said:find("-DETTM_IDN2", 1, true), said)
    assert.is_truthy(said:find("-lidn2", 1, true))
    assert.is_truthy(said:find("-DETTM_UNISTRING", 1, true))
    assert.is_truthy(said:find("-lunistring", 1, true))
  end)
end)
