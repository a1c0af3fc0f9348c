-- harness.lua FILE_test.lua: runs the file's tests under luaunit, in this very interpreter, and exits 0 if all pass.
--
-- A test file sees the global `test(name, fn)`; fn receives t, whose checks all take a message with values last:
--   t.near(value, target, tolerance, ...)   |value - target| <= tolerance, elementwise for tensors and tables
--   t.equal(value, target, ...)             the same value, type and (tables, tensors) structure
--   t.ok(condition, ...)                    t.fails(fn, pattern)   fn raises, with a message that matches the pattern
--   t.skip(reason)                          counted, and named, as skipped
-- After each test a full collection must bring the number of live tensors back to what it was.
local found, luaunit = pcall(require, "luaunit")
if not found then
  print(("skipped: %s needs luaunit"):format(arg[1]))
  os.exit(77)
end
local pg = require "perigee"
package.path = arg[0]:match "^(.*)harness.lua$" .. "?.lua;" .. package.path -- what tests share: require "files"

local T = {}

local function message(...)
  if select("#", ...) == 0 then return "" end
  return string.format(...) .. ": "
end

local function plain(v)
  if pg.is_tensor(v) then return v:tolist() end
  return v
end

local function same(a, b)
  if type(a) ~= type(b) then return false end
  if type(a) ~= "table" then return a == b or (a ~= a and b ~= b) end
  for k in pairs(a) do if not same(a[k], b[k]) then return false end end
  for k in pairs(b) do if a[k] == nil then return false end end
  return true
end

local function show(v)
  if type(v) == "number" then return string.format("%.17g", v) end
  if type(v) ~= "table" then return tostring(v) end
  local parts = {}
  for i = 1, math.min(#v, 8) do parts[i] = show(v[i]) end
  return "{" .. table.concat(parts, ", ") .. (#v > 8 and ", ..." or "") .. "}"
end

local function near(a, b, tolerance)
  if type(a) == "table" then
    if type(b) == "table" and #a ~= #b then return false end
    for i = 1, #a do
      if not near(a[i], type(b) == "table" and b[i] or b, tolerance) then return false end
    end
    return true
  end
  if type(a) ~= "number" or type(b) ~= "number" then return a == b end
  return a == b or (a ~= a and b ~= b) or math.abs(a - b) <= tolerance
end

function T.near(value, target, tolerance, ...)
  local a, b = plain(value), plain(target)
  if not near(a, b, tolerance) then
    luaunit.fail(string.format("%s%s differs from %s by more than %g", message(...), show(a), show(b), tolerance))
  end
end

function T.equal(value, target, ...)
  local a, b = plain(value), plain(target)
  if not same(a, b) then luaunit.fail(string.format("%s%s is not %s", message(...), show(a), show(b))) end
end

function T.ok(condition, ...)
  if not condition then luaunit.fail(message(...) .. "does not hold") end
end

function T.fails(fn, pattern)
  local ok, err = pcall(fn)
  if ok then luaunit.fail("no error; expected one that matches: " .. pattern) end
  err = tostring(err)
  if not err:find(pattern) then luaunit.fail("the error is\n  " .. err .. "\nand does not match\n  " .. pattern) end
end

function T.skip(reason) luaunit.skip(reason) end

local function live()
  collectgarbage()
  collectgarbage()
  return pg.testing.live_tensors()
end

local tests = {}
function test(name, fn) -- luacheck: globals test
  tests[#tests + 1] = { name, function()
    local before = live()
    fn(T)
    local after = live()
    if after > before then luaunit.fail(string.format("%d tensors are still alive", after - before)) end
  end }
end

local file = assert(arg[1], "usage: perigee harness.lua FILE_test.lua")
dofile(file)
local runner = luaunit.LuaUnit.new()
runner:setOutputType(os.getenv "PERIGEE_TEST_OUTPUT" or "tap")
os.exit(runner:runSuiteByInstances(tests) == 0 and 0 or 1, true)
