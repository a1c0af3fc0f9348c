-- Every experiment at quick scale: its claims hold, and it writes rows that another run writes again to the byte.
local pg = require "perigee"

local perigee = arg[-1]
local scripts = arg[1]:match "^(.*)tests/scripts/[^/]*$" .. "scripts"
local work = os.tmpname()
os.remove(work)
pg.system.mkdir(work)

local function output(command)
  local pipe = io.popen(command .. " 2>&1")
  local text = pipe:read "a"
  local _, _, status = pipe:close()
  return status, text
end

local function bytes(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "a"
  file:close()
  return text
end

local _, listing = output(("find '%s' -name '*.lua' | sort"):format(scripts))
for path in listing:gmatch "[^\n]+" do
  if pg.experiment.describe(path) then
    local name = path:sub(#scripts + 2):gsub("%.lua$", "")
    test(name .. ": claims hold at quick scale, the rows are the same again", function(t)
      local status, text = output(("'%s' run '%s' --quick --check --out '%s/first'"):format(perigee, path, work))
      t.equal(status, 0, "%s", text)
      t.ok(text:find "claims hold", "%s", text)
      t.equal(output(("'%s' run '%s' --quick --jobs 1 --out '%s/second'"):format(perigee, path, work)), 0)
      t.ok(bytes(("%s/first/%s/rows.csv"):format(work, name)) == bytes(("%s/second/%s/rows.csv"):format(work, name)), "the rows of two runs")
    end)
  end
end

test("the work folder is removed", function(t) t.ok(os.execute(("rm -r '%s'"):format(work))) end)
