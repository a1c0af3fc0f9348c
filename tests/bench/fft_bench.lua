-- Transforms of one sequence, of a cube and of real numbers against SciPy's, one thread.
local pg = require "perigee"
local fft = pg.fft

local function times(f) return function(k) for _ = 1, k do f() end end end
local function noise(...) return pg.rng(1):normal { ... } end
local function complex(...) return noise(...):complex(pg.rng(2):normal { ... }) end

local function against_scipy(bench, name, x, bar, shape)
  local python = ("import scipy.fft; g = np.random.default_rng(1); s = (%s,); x = g.standard_normal(s) + 1j * g.standard_normal(s)"):format(shape)
  bench.case { name = "fft, " .. name, ours = times(function() fft.fftn(x) end), bar = { ratio = bar }, yard = bench.scipy(python, "scipy.fft.fftn(x)") }
end

local function real_against_complex(bench, n)
  local r, z = noise(n), complex(n)
  bench.case { name = ("rfft, %d, against fft"):format(n), ours = times(function() fft.rfft(r) end), yard = times(function() fft.fft(z) end),
    yardstick = "complex", bar = { ratio = 0.6 } }
end

return function(bench)
  for e = 10, 17 do against_scipy(bench, "2^" .. e, complex(1 << e), 0.35, 1 << e) end
  against_scipy(bench, "2^20", complex(1 << 20), 0.5, 1 << 20)
  for _, n in ipairs { 1000, 6000, 15000, 100000 } do against_scipy(bench, ("%d"):format(n), complex(n), 0.5, n) end
  for _, n in ipairs { 1009, 10007, 131071 } do against_scipy(bench, ("%d, a prime"):format(n), complex(n), 0.8, n) end
  for _, n in ipairs { 64, 128 } do against_scipy(bench, ("%d^3"):format(n), complex(n, n, n), 0.6, ("%d, %d, %d"):format(n, n, n)) end
  for _, n in ipairs { 1024, 16384, 131072, 1000000 } do real_against_complex(bench, n) end
end
