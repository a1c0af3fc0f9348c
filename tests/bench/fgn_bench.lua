-- Fractional Brownian motion against the recipe with SciPy's transforms and a kept spectrum, and noise step by step against its normals; one thread.
local pg = require "perigee"
local process = pg.process

local recipe = [==[
import scipy.fft as F; H = 0.7; m = %d; g = np.random.Generator(np.random.PCG64DXSM(1))
  k = np.arange(m + 1.0); c = (abs(k - 1) ** (2 * H) + (k + 1) ** (2 * H) - 2 * k ** (2 * H)) / 2
  a = np.sqrt(np.maximum(F.rfft(np.concatenate([c, c[-2:0:-1]])).real, 0) * m)
  def path():
    z = g.standard_normal((%d, 2 * m + 2)).view(np.complex128); z *= a; z[:, 0] = z[:, 0].real * 2 ** 0.5; z[:, -1] = z[:, -1].real * 2 ** 0.5
    return np.cumsum(F.irfft(z, 2 * m)[:, :m], axis=1)]==]

local function times(f) return function(k) for _ = 1, k do f() end end end

return function(bench)
  local rng = pg.rng(1):stream "bench"
  local function path(n, paths, bar)
    local name = paths == 1 and ("fBm, a path of %d"):format(n) or ("fBm, %d paths of %d"):format(paths, n)
    bench.case { name = name, bar = { ratio = bar }, ours = times(function() process.fbm(rng, { n, paths }, { H = 0.7 }) end),
      yard = bench.scipy(recipe:format(n, paths), "path()") }
  end
  for e = 10, 17 do path(1 << e, 1, 0.35) end
  path(1 << 20, 1, 0.5)
  path(4096, 1000, 0.3)
  local H, n = 0.3, 1 << 16
  bench.case { name = "fBm of 2^16 with a new H, over the same with a known one", bar = { ratio = 2.5 }, yardstick = "known",
    ours = times(function() H = H + 1e-6 process.fbm(rng, { n }, { H = H }) end), yard = times(function() process.fbm(rng, { n }, { H = 0.7 }) end) }
  for _, h in ipairs { 0.3, 0.7 } do
    local noise, out = process.fgn_stream(rng, { 1000 }, { H = h }), pg.zeros { 1000 }
    local modes = math.tointeger(tostring(noise):match "(%d+) modes")
    local drawn = pg.zeros { h > 0.5 and 2 * modes + 1 or modes + 2, 1000 } -- a step's normals, from one generator
    bench.case { name = ("streaming noise, H = %g, 1000 coordinates, over its normals"):format(h), bar = { ratio = 1.3 }, yardstick = "normals",
      ours = times(function() noise:step(out) end), yard = times(function() rng:fill_normal(drawn) end) }
  end
end
