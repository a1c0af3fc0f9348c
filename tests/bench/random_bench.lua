-- Uniform and normal numbers into a buffer, one thread, against NumPy's generator of the same kind.
local pg = require "perigee"

return function(bench)
  local million = 10^6
  local wide = pg.isa() == "avx512"
  local setup = "g = np.random.Generator(np.random.PCG64DXSM(1)); y = np.empty(10**6)"
  local rng, y = pg.rng(1):stream "bench", pg.zeros { million }
  bench.case { name = "uniform, 10^6 doubles", per = million, bar = { speed = wide and 2.5 or 1.5 }, yard = bench.numpy(setup, "g.random(out=y)"),
    ours = function(n) for _ = 1, n do rng:fill_uniform(y) end end }
  bench.case { name = "normal, 10^6 doubles", per = million, bar = { speed = wide and 3 or 2 }, yard = bench.numpy(setup, "g.standard_normal(out=y)"),
    ours = function(n) for _ = 1, n do rng:fill_normal(y) end end }
end
