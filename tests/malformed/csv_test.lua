-- csv_test.lua: F16 of the catalogue of hostile files (tests/core/io/csv_test.c has the finer cases).
local pg = require "perigee"

local path = os.tmpname()
local function csv(text, name)
  local f = assert(io.open(name or path, "wb"))
  f:write(text)
  f:close()
  return name or path
end

test("F16: a gigabyte without a newline needs no memory", function(t)
  local hole = assert(io.open(path, "wb"))
  hole:write("1")
  hole:seek("set", 2^30)
  hole:write("2") -- a sparse file: NUL bytes in between
  hole:close()
  local long = csv(("7"):rep(2^22), path .. ".long")
  collectgarbage()
  local used, before = pg.memory()
  t.fails(function() pg.load(path) end, "line 1: a NUL byte; this is no text")
  t.fails(function() pg.load(long) end, "line 1: a field is longer than 65536 bytes")
  local _, peak = pg.memory()
  t.ok(peak <= math.max(before, used + 2^20))
  os.remove(long)
end)

test("F16: ragged rows and open quotes are refused with their line", function(t)
  t.fails(function() pg.load(csv "a,b\n1,2\n3\n") end, "line 3 has 1 fields; line 1 has 2")
  t.fails(function() pg.load(csv "a,b\n1,2\n3,4,5\n") end, "line 3 has 3 fields; line 1 has 2")
  t.fails(function() pg.load(csv 'a,b\n1,"2\n') end, "line 2: a quote is not closed")
  t.fails(function() pg.load(csv "a,b\n1,\0\n") end, "line 2: a NUL byte")
  t.fails(function() pg.load(csv "") end, "the file has no data")
end)

test("F16: CRLF, byte order mark and points are read the same everywhere", function(t)
  local x, names = pg.load(csv "\xef\xbb\xbfa,b\r\n1,5\r\n2.5,-3e2\r\n")
  t.equal(x:tolist(), { { 1.0, 5.0 }, { 2.5, -300.0 } })
  t.equal(names, { "a", "b" })
  local previous = os.setlocale(nil, "numeric")
  for _, name in ipairs { "de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8" } do
    if os.setlocale(name, "numeric") then break end
  end
  local y = pg.load(csv "1,5\n0.25,1e-300\n")
  pg.save(path .. ".csv", y)
  os.setlocale(previous, "numeric")
  t.equal(y:tolist(), { { 1.0, 5.0 }, { 0.25, 1e-300 } })
  local f = io.open(path .. ".csv")
  t.equal(f:read "a", "1,5\n0.25,1e-300\n")
  f:close()
  os.remove(path .. ".csv")
  os.remove(path)
end)
