-- io_test.lua: pg.load, pg.save and pg.io; against NumPy where it is installed.
local pg = require "perigee"

local files = require "files"

local base = files.free_path()
local function path(suffix) return base .. suffix end

-- Runs Python with NumPy as np, and `base`; returns what it prints, or nil if there is no NumPy.
local function numpy(code)
  local script = files.write(path ".py", "import numpy as np\nbase = " .. ("%q"):format(base) .. "\n" .. code)
  local pipe = io.popen("/usr/bin/python3 " .. script .. " 2>&1")
  local out = pipe:read "a"
  local ok = pipe:close()
  os.remove(script)
  if out:find "No module named" or out:find "not found" then return nil end
  if not ok then error(out) end
  return out
end

test("save and load go by the name's ending, and back by content", function(t)
  local x = pg.arange(0, 6):reshape { 2, 3 }
  pg.save(path ".npy", x)
  t.equal(pg.load(path ".npy"):tolist(), x:tolist())
  t.equal(pg.load(path ".npy"):dtype(), "i64")
  pg.save(path ".npz", { x = x, t = x:t(), n = 7 })
  local z = pg.load(path ".npz")
  t.equal(z.t:tolist(), x:t():tolist())
  t.equal(z.n:item(), 7)
  os.rename(path ".npz", path ".data")
  t.equal(pg.load(path ".data").x:tolist(), x:tolist())
  pg.save(path ".csv", x, { "a", "b", "c" })
  t.equal(files.read(path ".csv"), "a,b,c\n0,1,2\n3,4,5\n")
  pg.save(path ".tsv", { x, pg.tensor { 0.1, 1e100 } })
  t.equal(files.read(path ".tsv"), "0\t1\t2\t0.1\n3\t4\t5\t1e+100\n")
  local m, names = pg.load(path ".csv")
  t.equal(m:tolist(), { { 0.0, 1.0, 2.0 }, { 3.0, 4.0, 5.0 } })
  t.equal(names, { "a", "b", "c" })
  t.fails(function() pg.save(path ".doc", x) end, "must end in .npy, .npz, .csv or .tsv")
  t.fails(function() pg.save(path ".npz", x) end, "table expected")
  t.fails(function() pg.save(path ".npz", { x }) end, "arrays need names, got the key 1")
  t.fails(function() pg.save(path ".npz", { ["../x"] = x }) end, "the name '../x' leads upwards")
  t.fails(function() pg.save(path ".npz", { x = "text" }) end, "'x' is no tensor but a string")
  t.fails(function() pg.save(path ".npz", { x = x }, { compres = true }) end, "unknown option 'compres' %(did you mean 'compress'%?%)")
end)

test("read_csv: options", function(t)
  local name = files.write(path ".csv", "id;who;v\n1;ann;10\n2;;20\n")
  t.fails(function() pg.io.read_csv(name) end, "line 2, column 2: 'ann' is no number")
  local m, names = pg.io.read_csv(name, { columns = { "v", "id" } })
  t.equal(m:tolist(), { { 10.0, 1.0 }, { 20.0, 2.0 } })
  t.equal(names, { "v", "id" })
  t.equal(pg.io.read_csv(name, { columns = { 3 } }):tolist(), { { 10.0 }, { 20.0 } })
  t.fails(function() pg.io.read_csv(name, { columns = { "x" } }) end, "there is no column 'x'")
  t.fails(function() pg.io.read_csv(name, { columns = { 4 } }) end, "column 4 of 3")
  t.fails(function() pg.io.read_csv(name, { seperator = ";" }) end, "unknown option 'seperator'")
  t.fails(function() pg.io.read_csv(name, { sep = ";;" }) end, "must be one character")
  files.write(name, "1|\n|4\n")
  m, names = pg.io.read_csv(name, { sep = "|", missing = true })
  t.equal(names, nil)
  t.equal(m[{ 1, 1 }], 1.0)
  t.ok(m[{ 1, 2 }] ~= m[{ 1, 2 }])
  t.equal(pg.io.read_csv(files.write(name, "7\n8\n"), { header = true }):tolist(), { { 8.0 } })
end)

test("gzipped tables are read as they are", function(t)
  files.write(path ".csv", "a,b\n1,2\n")
  if not os.execute("gzip -c " .. path ".csv" .. " > " .. path ".z 2>/dev/null") then t.skip "gzip is not installed" end
  local m, names = pg.load(path ".z")
  t.equal(m:tolist(), { { 1.0, 2.0 } })
  t.equal(names, { "a", "b" })
  os.remove(path ".z")
end)

test("files are the same bytes whenever they are written", function(t)
  local x = pg.arange(0, 1000, "f64")
  for _, compress in ipairs { false, true } do
    pg.save(path ".npz", { b = x, a = x[1], c = x }, { compress = compress })
    local first = files.read(path ".npz")
    pg.save(path ".npz", { c = x, a = x[1], b = x }, { compress = compress })
    t.ok(files.read(path ".npz") == first)
  end
end)

test("NPY files are the bytes of numpy.save", function(t)
  local out = numpy [[
x = np.arange(24, dtype='<f8').reshape(2, 3, 4)
cases = {'f8': x, 'i8': x.astype('<i8'), 'f4': x.astype('<f4'), 'b1': x > 5, 'c16': x + 1j * x, 'T': x.T, 'strided': x[:, ::-1, ::2],
         'scalar': x[1, 2, 3], 'empty': x[:0], 'row': x[0, 0], 'column': x[:, :1, 0], 'long': np.arange(100000.)}
for k, v in cases.items(): np.save(base + '.' + k + '.npy', v)
]]
  if not out then t.skip "NumPy is not installed" end
  local x = pg.arange(0, 24, "f64"):reshape { 2, 3, 4 }
  local cases = { f8 = x, i8 = x:cast "i64", f4 = x:cast "f32", b1 = x:gt(5), c16 = pg.complex(x, x), T = x:permute { 3, 2, 1 },
    strided = x[{ {}, { 3, 1, -1 }, { 1, 4, 2 } }], scalar = pg.tensor(x[{ 2, 3, 4 }]), empty = x[{ { 1, 0 } }], row = x[{ 1, 1 }],
    column = x[{ {}, { 1, 1 }, 1 }], long = pg.arange(0, 100000, "f64") }
  for name, v in pairs(cases) do
    local theirs, ours = path("." .. name .. ".npy"), path ".ours.npy"
    pg.save(ours, v)
    t.ok(files.read(ours) == files.read(theirs), "%s: bytes", name)
    local back = pg.load(theirs)
    t.equal(back:dtype(), v:dtype())
    for _, part in ipairs(v:dtype() == "c128" and { "real", "imag" } or { "clone" }) do
      t.equal(back[part](back):tolist(), v[part](v):tolist(), name)
    end
    os.remove(theirs)
    os.remove(ours)
  end
end)

test("NPZ and CSV files pass between NumPy and us", function(t)
  local x = pg.linspace(0, 1, 1000)
  pg.save(path ".s.npz", { x = x, ["a b"] = x:gt(0.5) })
  pg.save(path ".c.npz", { x = x, ["a b"] = x:gt(0.5) }, { compress = true })
  pg.save(path ".w.csv", x / 3)
  local out = numpy [[
import hashlib
want = np.linspace(0, 1, 1000)
for kind in 'sc':
  z = np.load(base + '.' + kind + '.npz')
  assert sorted(z.files) == ['a b', 'x'] and (z['x'] == want).all() and (z['a b'] == (want > .5)).all()
assert (np.loadtxt(base + '.w.csv') == want / 3).all()
np.savez(base + '.s.npz', x=want, f=np.float16([1.5, -2]), big=want.astype('>f4'))
np.savez_compressed(base + '.c.npz', x=want, f=np.float16([1.5, -2]), big=want.astype('>f4'))
np.savetxt(base + '.r.csv', np.stack([want, want ** 7 * 1e-30, -np.exp(want * 300)], 1), delimiter=',', fmt='%.17g')
np.save(base + '.r.npy', np.stack([want, want ** 7 * 1e-30, -np.exp(want * 300)], 1))
]]
  if not out then t.skip "NumPy is not installed" end
  for _, kind in ipairs { ".s.npz", ".c.npz" } do
    local z = pg.load(path(kind))
    t.equal(z.x:tolist(), x:tolist())
    t.equal(z.f:tolist(), { 1.5, -2.0 })
    t.equal(z.big:tolist(), x:cast "f32":tolist())
    os.remove(path(kind))
  end
  t.equal(pg.load(path ".r.csv"):tolist(), pg.load(path ".r.npy"):tolist())
  for _, suffix in ipairs { ".w.csv", ".r.csv", ".r.npy", ".npy", ".npz", ".csv", ".tsv", ".data" } do os.remove(path(suffix)) end
end)
