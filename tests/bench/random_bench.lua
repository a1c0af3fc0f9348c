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

  -- Chambers, Mallows and Stuck: SciPy's sampler, and the recipe as a user of NumPy writes it.
  local scipy = "from scipy.stats import levy_stable as law; g = np.random.Generator(np.random.PCG64DXSM(1)); m = 10**5"
  local recipe = [[
g = np.random.Generator(np.random.PCG64DXSM(1)); m = 10**6; a, b = 1.5, 0.5
  z = b * np.tan(np.pi * a / 2); b0 = np.arctan(z) / a; S = (1 + z * z) ** (0.5 / a)
  def cms():
    V = np.pi * (g.random(m) - 0.5); W = g.standard_exponential(m); u = a * (V + b0)
    return S * np.sin(u) / np.cos(V) ** (1 / a) * (np.cos(V - u) / W) ** ((1 - a) / a)
]]
  local function stable(beta) return function(n) for _ = 1, n do rng:stable({ million }, 1.5, beta) end end end
  local function hundred(beta) return function(n) for _ = 1, n do rng:stable({ 10^5 }, 1.5, beta) end end end
  for _, beta in ipairs { 0, 0.5 } do
    bench.case { name = ("stable, alpha 1.5, beta %g, against scipy"):format(beta), per = 10^5, bar = { speed = 10 },
      yard = bench.scipy(scipy, ("law.rvs(1.5, %g, size=m, random_state=g)"):format(beta)), ours = hundred(beta) }
  end
  bench.case { name = "stable, alpha 1.5, beta 0.5, against vectorised numpy", per = million, bar = { speed = 2 }, yard = bench.numpy(recipe, "cms()"), ours = stable(0.5) }
end
