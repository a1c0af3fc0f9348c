-- Private training: batches drawn by steps and by records, and a step of DP-SGD against one without privacy.
local pg = require "perigee"
local privacy, nn, ad, optim = pg.privacy, pg.nn, pg.ad, pg.optim

local function samplers(bench)
  local n, T = 1000000, 1000
  local by_steps = privacy.sampler.poisson(pg.rng(1), { n = n, batch = n / T })
  local t = 0
  bench.case { name = "Poisson batches of 1000 of 10^6, an index", per = n / T, bar = { ns = 20 },
    ours = function(k)
      for _ = 1, k do
        t = t % T + 1
        by_steps:step(t)
      end
    end,
    yard = bench.numpy("g = np.random.Generator(np.random.PCG64DXSM(1)); N, q, m = 10**6, 1e-3, 1200",
      "i = np.cumsum(g.geometric(q, size=m)) - 1; i = i[:np.searchsorted(i, N)]; w = np.ones(len(i))") }
  local function drawn(memory)
    return function(k)
      for j = 1, k do privacy.pairs(pg.rng(j), { n = n, steps = T, rate = 1 / T, memory = memory }):rest() end
    end
  end
  local numpy = bench.numpy("g = np.random.Generator(np.random.PCG64DXSM(1)); N, T = 10**6, 10**3; one = np.uint64(54)",
    "r, s = np.divmod(np.cumsum(g.geometric(1 / T, size=N)), T); o = s.astype(np.uint64) << one | g.integers(0, 2**54, size=N, dtype=np.uint64); r = r[np.argsort(o, kind='stable')]")
  bench.case { name = "10^6 pairs by records, sorted, a pair", per = n, bar = { ns = 100 }, ours = drawn(nil), yard = numpy }
  bench.case { name = "the same by runs on disk within 4 MiB", per = n, ours = drawn(4 << 20), yard = numpy }
end

-- A step on a perceptron 784-128-128-10 in f32, 256 examples: clipping by norms without gradients, noise, Adam.
local function steps(bench)
  local net, rng, b = nn.mlp { 784, 128, 128, 10 }, pg.rng(1), 256
  local theta, x, y = net:init(rng), rng:normal({ b, 784 }):cast "f32", rng:integers({ b }, 1, 10)
  local function loss(w, a, c) return nn.cross_entropy(net(w, a), c) end
  local plain, opt = ad.grad(function(w, a, c) return loss(w, a, c):mean() end), optim.adam { lr = 1e-4 }
  local function free(k) for _ = 1, k do opt:step(theta, plain(theta, x, y)) end end
  for _, clipping in ipairs { "flat", "automatic" } do
    local private = privacy.gradient { loss = loss, rng = rng, sigma = 1, batch = b, clipping = clipping }
    bench.case { name = ("private step, perceptron, %s clipping"):format(clipping), bar = { ratio = 2.5 }, yard = free, yardstick = "without privacy",
      ours = function(k) for _ = 1, k do opt:step(theta, private(theta, nil, x, y)) end end }
  end
end

-- Embeddings: noise goes into every row of the tables.
local function tables(bench)
  local set = pg.data.criteo_synthetic(256, pg.rng(1))
  local net = nn.tabular { numbers = 26, vocabularies = set.vocabularies }
  local theta, opt = net:init(pg.rng(1)), optim.adam { lr = 1e-4 }
  local function loss(w, x, c, y) return nn.logistic(net(w, { x, c }), 2 * y - 1) end
  local plain = ad.grad(function(w, x, c, y) return loss(w, x, c, y):mean() end)
  local function free(k) for _ = 1, k do opt:step(theta, plain(theta, set.x, set.c, set.y)) end end
  for _, sigma in ipairs { 1, 0 } do
    local private = privacy.gradient { loss = loss, rng = pg.rng(1), sigma = sigma, batch = 256 }
    bench.case { name = ("private step, %d parameters in tables, %s noise"):format(net:size(), sigma > 0 and "with" or "without"), yard = free, yardstick = "without privacy",
      ours = function(k) for _ = 1, k do opt:step(theta, private(theta, nil, set.x, set.c, set.y)) end end }
  end
  local noise = pg.zeros({ net:size() }, "f32")
  bench.case { name = "noise of the tables, an entry", per = net:size(), ours = function(k) for j = 1, k do pg.rng(j):fill_normal(noise) end end }
end

-- Accountants, in seconds: q = 0.01, sigma = 0.8, 10^5 steps, delta = 1e-6. Public libraries on this kind of machine: an upper bound from h = 1e-4 in 1.0 s, an
-- estimate within 0.01 in 11 to 21 s, a calibration at h = 1e-3 in 4.0 s, Renyi divergences in 0.04 s.
local function accountants(bench)
  local hard = { kind = "poisson", rate = 0.01, sigma = 0.8, steps = 100000, delta = 1e-6 }
  local function case(name, bar, f)
    bench.case { name = name, unit = "s", bar = { value = bar }, measure = function()
      local best = math.huge
      for _ = 1, 5 do
        local start = pg.system.clock()
        f()
        best = math.min(best, pg.system.clock() - start)
      end
      return best
    end }
  end
  local function eps(method, h)
    local m = { method = method, h = h }
    for k, v in pairs(hard) do m[k] = v end
    return privacy.epsilon(m)
  end
  case("epsilon, certified upper bound, h = 1e-4", 0.2, function() eps("upper", 1e-4) end)
  case("epsilon, best estimate", 0.05, function() eps "best" end)
  case("epsilon, certified bracket, h = 5e-4", 0.1, function() eps("upper", 5e-4) eps("lower", 5e-4) end)
  case("epsilon by Renyi divergences", 0.005, function() eps "renyi" end)
  case("sigma for 36.8e6 records, batch 1024, eps 5", 0.25, function()
    privacy.calibrate { kind = "poisson", rate = 1 / 35938, steps = 35938, eps = 5, delta = 2.7e-8 }
  end)
end

return function(bench)
  accountants(bench)
  samplers(bench)
  steps(bench)
  tables(bench)
end
