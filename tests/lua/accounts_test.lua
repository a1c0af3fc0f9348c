-- Privacy accountants against published values, closed forms and tables of two independent programs.
local pg = require "perigee"
local privacy = pg.privacy

local function poisson(q, sigma, steps, more)
  local m = { kind = "poisson", rate = q, sigma = sigma, steps = steps }
  for k, v in pairs(more) do m[k] = v end
  return m
end
local function relative(t, value, target, tolerance, ...) t.near(value / target, 1, tolerance, ...) end

test("Gaussian queries: exact deltas, views, published calibrations", function(t)
  relative(t, privacy.gaussian({ sigma = 1 / 3 }).delta(1), 0.78760074, 1e-7)
  relative(t, privacy.calibrate { kind = "deterministic", eps = 1, delta = 0.78760074 }, 1 / 3, 1e-7)
  local many = privacy.gaussian { sigma = 10, sensitivity = 6, queries = 25 }
  t.near(many.mu, 3, 1e-12)
  t.near(many.rho, 4.5, 1e-12)
  relative(t, many.delta(1), 0.78760074, 1e-7)
  t.near(many.delta(many.epsilon(1e-6)), 1e-6, 1e-14)
  t.ok(many.concentrated_epsilon(1e-6) > many.epsilon(1e-6))
  for eps, want in pairs { [0.5] = 2.384217081e-1, [1] = 1.269367375e-1, [2] = 2.092363582e-2, [4] = 4.712241201e-5, [8] = 3.650821687e-15 } do
    relative(t, privacy.delta(poisson(1, 10, 100, { eps = eps })), want, 1e-8, "q = 1, eps %g", eps)
  end
end)

test("Renyi divergences, exact: published orders and epsilons", function(t)
  for a, want in pairs { [1.5] = 6.500708e-4, [2.5] = 1.085418e-3, [5] = 2.18075656e-3, [50] = 2.38460375e-2, [100] = 167.416308 } do
    relative(t, 50 * privacy.renyi(0.01, 2.5, a), want, a == 1.5 and 1e-5 or 1e-6, "order %g", a)
  end
  local gaussian = require "perigee.privacy.gaussian"
  local orders = {}
  for k = 11, 109 do orders[#orders + 1] = k / 10 end
  for k = 12, 63 do orders[#orders + 1] = k end
  t.near(gaussian.renyi_epsilon({ { 0.04, 1.5, 2250 } }, 1e-5, orders), 7.32911117143, 1e-6)
  local eps = privacy.epsilon(poisson(0.01, 0.8, 100000, { delta = 1e-6, method = "renyi" }))
  t.near(eps, 49.18240, 1e-4)
end)

test("one step in closed form, two by a double integral, few as published", function(t)
  local function step(q, s, eps) -- remove
    local x = s * s * math.log((math.exp(eps) - 1 + q) / q) + 0.5
    return q * pg.normal_cdf((1 - x) / s) - (math.exp(eps) - 1 + q) * pg.normal_cdf(-x / s)
  end
  for _, method in ipairs { "best", "upper", "lower" } do
    relative(t, privacy.delta(poisson(0.1, 0.9, 1, { eps = 0.8, method = method, h = 1e-4 })), step(0.1, 0.9, 0.8), 1e-5, method)
  end
  t.near(privacy.calibrate(poisson(0.01, nil, 1, { eps = 1, delta = 1e-5 })), 0.67379289, 5e-7)
  t.near(privacy.delta(poisson(0.3, 0.7, 2, { eps = 1 })), 0.080070524, 2e-8)
  t.near(privacy.delta(poisson(0.2, 0.5, 3, { eps = 1 })), 0.1559328, 1e-6)
  t.near(6 * privacy.calibrate(poisson(0.001, nil, 25, { eps = 1, delta = 1e-5 })), 3.2095617, 1e-5)
end)

test("delta of Poisson sampling over many steps, to 1e-4, tiny ones to 1e-3", function(t)
  local known = {
    { .01, 1, 1000, { 3.056802e-2, 2.612419e-3, 2.665568e-6, 5.35147e-13, 3.1421e-26 } }, { .01, .8, 1000, { 8.734413e-2, 2.416771e-2, 8.691983e-4, 2.994515e-7, 1.25803e-14 } },
    { .01, .8, 10000, { 5.555723e-1, 4.619880e-1, 2.850259e-1, 6.523885e-2, 3.969582e-4 } }, { .001, .6, 10000, { 2.553889e-2, 2.801618e-3, 4.810616e-5, 5.927047e-8, 2.999e-14 } },
    { .05, 1.5, 500, { 1.695154e-1, 7.313204e-2, 6.822397e-3, 3.769681e-6, 1.08615e-16 } }, { 1e-4, .4, 10000, { 6.371177e-3, 1.961115e-3, 3.337388e-4, 1.168863e-5, 4.455987e-9 } },
    { .02, 2, 5000, { 1.408307e-1, 5.099318e-2, 2.515805e-3, 8.421265e-8, 2.6811e-24 } } }
  for _, row in ipairs(known) do
    for i, eps in ipairs { .5, 1, 2, 4, 8 } do
      local want = row[4][i]
      -- the table extrapolates from h = 1e-3 whatever q is, which is not yet in the regime h^2 where q is smaller
      relative(t, privacy.delta(poisson(row[1], row[2], row[3], { eps = eps, h = 1e-3 })), want, want < 1e-12 and 1e-3 or 1e-4, "q %g, sigma %g, N %d, eps %g", row[1], row[2], row[3], eps)
    end
  end
end)

test("rates below the grid: halving goes on until it has settled, below certified bounds that the table's extrapolation exceeds", function(t)
  local best = privacy.delta(poisson(1e-4, .4, 10000, { eps = .5 }))
  local upper = privacy.delta(poisson(1e-4, .4, 10000, { eps = .5, method = "upper", h = 6e-5 }))
  local lower = privacy.delta(poisson(1e-4, .4, 10000, { eps = .5, method = "lower", h = 6e-5 }))
  t.ok(lower < best and best < upper and upper < 6.371177e-3 * (1 - 1e-3), "%.7g %.7g %.7g", lower, best, upper)
  t.ok(upper / lower - 1 < 5e-3)
end)

test("the other direction, and published calibrations by two accountants", function(t)
  local loss, compose = require "perigee.privacy.loss", require "perigee.privacy.compose"
  for _, c in ipairs { { .01, 1, 1000, .5, 2.39319e-2 }, { .01, 1, 1000, 1, 7.94590e-4 }, { .01, 1, 1000, 2, 1.06716e-9 }, { .02, 2, 5000, 1, 4.89929e-2 }, { .02, 2, 5000, 4, 2.25438e-8 } } do
    local function at(h) return compose.delta(compose.sum({ { loss.upper(c[1], c[2], h, "add", 1e-20), c[3] } }, { at = c[4] }), c[4]) end
    relative(t, math.exp((4 * math.log(at(5e-4)) - math.log(at(1e-3))) / 3), c[5], 1e-4, "add, q %g, eps %g", c[1], c[4])
  end
  for _, c in ipairs { { "renyi", 2250, 1.416, .002 }, { "renyi", 2000, 1.3562, .002 }, { "best", 2250, 1.3477, .003 }, { "best", 2000, 1.2915, .003 } } do
    t.near(privacy.calibrate(poisson(.04, nil, c[2], { eps = 8, delta = 1e-5, method = c[1] })), c[3], c[4], "%s, %d steps", c[1], c[2])
  end
  local orders = {}
  for k = 1, 4000 do orders[k] = 1 + k / 100 end
  t.near(require "perigee.privacy.gaussian".renyi_epsilon({ { 1, 4.530877117, 1 } }, 1e-6, orders), 1, 1e-5)
end)

test("truncated batches by their own law: a published value, and against the extra term", function(t)
  local acc = privacy.accountant { method = "tight", h = 1e-4 }
  acc:add { kind = "truncated_poisson", rate = .5, sigma = 1, steps = 3, n = 4, max_batch = 2 }
  acc:add { kind = "truncated_poisson", rate = .5, sigma = 1, steps = 2, n = 3, max_batch = 2 }
  t.near(acc:epsilon(1e-6), 17.904330, 1e-4)
  local m = { kind = "truncated_poisson", rate = .01, sigma = 1, steps = 500, n = 10000, max_batch = 160, eps = 1 }
  local extra = privacy.delta(m)
  m.method = "tight"
  local tight = privacy.delta(m)
  local plain = privacy.delta(poisson(.01, 1, 500, { eps = 1 }))
  t.ok(plain < tight and tight < extra, "%.8g %.8g %.8g", plain, tight, extra)
end)

test("tilting keeps the digits of deltas far below rounding", function(t)
  local full = privacy.gaussian { sigma = 10, queries = 100 }                   -- rate nearly 1 against rate 1, in closed form
  local loss, compose = require "perigee.privacy.loss", require "perigee.privacy.compose"
  for _, eps in ipairs { 2, 8, 13 } do
    local function at(h) return compose.delta(compose.sum({ { loss.upper(1, 10, h, "remove", 1e-60), 100 } }, { at = eps }), eps) end
    local best = math.exp((4 * math.log(at(5e-4)) - math.log(at(1e-3))) / 3)
    relative(t, best, full.delta(eps), 1e-7, "eps %g, delta %.3g", eps, full.delta(eps))
  end
  t.ok(full.delta(13) < 1e-35)
end)

test("epsilon: the best, the certified bounds around it, and how fast they close", function(t)
  local known = { { .01, .8, 1000, 1e-6, 3.706185 }, { .01, .8, 10000, 1e-6, 11.183160 }, { .01, 1, 1000, 1e-5, 1.828237 },
    { .05, 1.5, 500, 1e-5, nil } }
  for _, c in ipairs(known) do
    local function eps(more)
      more.delta = c[4]
      return (privacy.epsilon(poisson(c[1], c[2], c[3], more)))
    end
    local best = eps {}
    if c[5] then t.near(best, c[5], 5e-5, "q %g, sigma %g, N %d", c[1], c[2], c[3]) end
    local h = math.min(1e-3, c[1] / 4)
    local upper, finer, lower, buckets = eps { method = "upper", h = h }, eps { method = "upper", h = h / 2 }, eps { method = "lower", h = h }, eps { method = "optimistic", h = h }
    t.ok(upper >= finer and finer >= best - 1e-7 and best >= lower - 1e-7 and lower >= buckets, "%.7g %.7g %.7g %.7g %.7g", upper, finer, best, lower, buckets)
    t.near((upper - best) / (finer - best), 4, 0.35, "the excess falls fourfold: q %g, sigma %g", c[1], c[2])
  end
  t.near(privacy.epsilon(poisson(.01, .8, 100000, { delta = 1e-6 })), 46.6954, 1e-4)
  t.near(privacy.epsilon(poisson(.01, .8, 100000, { delta = 1e-6, method = "upper", h = 1e-3 })), 46.70999, 2e-4)
  t.near(privacy.epsilon(poisson(.01, .8, 100000, { delta = 1e-6, method = "lower", h = 1e-3 })), 46.67126, 2e-4)
  for _, c in ipairs { { .001, .6, 10000, 1e-8, 4.519013, 5e-5 }, { .004, 1.1, 15000, 1e-5, 2.295352, 5e-5 }, { 1e-4, .5, 100000, 1e-10, 5.92857, 5e-4 } } do
    t.near(privacy.epsilon(poisson(c[1], c[2], c[3], { delta = c[4], h = 1e-3 })), c[5], c[6], "the table's extrapolation, q %g", c[1])
  end
end)

test("published upper ends of another accountant lie .009 to .013 above the best", function(t)
  local known = { { .8, .001, 100, .2704034 }, { 1.5, .001, 100, .0393694 }, { .8, .05, 100, 6.7410519 }, { 1.5, .05, 100, 1.9538531 }, { 3, .05, 100, .7679338 },
    { .8, .2, 100, 24.3336642 }, { 1.5, .2, 100, 8.4989779 }, { 3, .2, 100, 3.3812205 }, { .8, .001, 1000, .4777713 }, { .8, .05, 1000, 19.5258428 },
    { 2, .05, 1000, 4.1727999 }, { .8, .001, 20000, 1.2960093 }, { 3, .05, 20000, 13.9611147 }, { 1.5, .001, 50000, .7042184 } }
  for _, c in ipairs(known) do
    local above = c[4] - privacy.epsilon(poisson(c[2], c[1], c[3], { delta = 1e-6 }))
    t.ok(above > 0.009 and above < 0.0131, "sigma %g, q %g, %d steps: %g", c[1], c[2], c[3], above)
  end
end)

test("the public example: sigma .35, 1000 steps, one epoch, four samplers", function(t)
  local known = { [.5] = { 8.05303602e-1, 1.12986e-1, 7.99985946e-1, 1.15625646e-1 }, [1] = { 7.57253615e-1, 7.22306e-2, 7.53169492e-1, 7.00716916e-2 },
    [2] = { 6.43878212e-1, 3.24872e-2, 6.41777956e-1, 2.83620949e-2 }, [4] = { 3.83756519e-1, 6.47491e-3, 3.83407107e-1, 4.28552929e-3 },
    [6] = { 1.66695649e-1, 1.10061e-3, 1.66661370e-1, 4.51754268e-4 }, [8] = { 5.00676349e-2, 1.68393e-4, 5.00655761e-2, 3.07979588e-5 },
    [10] = { 1.00367847e-2, 2.48711e-5, 1.00367085e-2, 1.33122589e-6 } }
  for eps, row in pairs(known) do
    local function delta(kind) return (privacy.delta { kind = kind, sigma = 0.35, steps_per_epoch = 1000, rate = 1e-3, steps = 1000, eps = eps }) end
    relative(t, delta "deterministic", row[1], 1e-7)
    relative(t, delta "poisson", row[2], 1e-4)
    relative(t, delta "shuffle_dynamic", row[3], 1e-7)
    relative(t, delta "balls_and_bins", row[4], 1e-7)
    t.ok(delta "shuffle_persistent" < delta "deterministic")
  end
  relative(t, privacy.delta(poisson(1e-3, .35, 1000, { eps = 20 })), 1.08497e-9, 1e-3)
  relative(t, privacy.delta { kind = "deterministic", sigma = .35, eps = 20 }, 4.1447e-9, 1e-4)
  relative(t, privacy.delta(poisson(1e-3, .35, 1000, { eps = 30 })), 2.5947e-14, 1e-3, "Poisson is worse far out")
  relative(t, privacy.delta { kind = "deterministic", sigma = .35, eps = 30 }, 1.3849e-20, 1e-4)
end)

test("shuffling: one epoch, persistent, dynamic; balls and bins by simulation", function(t)
  for _, c in ipairs { { .4, 1000, 1, 6.401788834e-1 }, { .4, 1000, 4, 2.415404938e-1 }, { .4, 1e5, 8, 1.228951853e-2 }, { .6, 1000, 4, 1.443918241e-2 }, { .8, 100, 4, 8.525608753e-4 },
    { 1, 10, 8, 3.622825155e-15 } } do
    relative(t, privacy.delta { kind = "shuffle_persistent", sigma = c[1], steps_per_epoch = c[2] // 1 | 0, eps = c[3] }, c[4], 1e-7, "sigma %g, T %d, eps %g", c[1], c[2], c[3])
  end
  for _, c in ipairs { { .8, 1000, 2, 4, 5.545527e-4, 2.66078180e-2 }, { .8, 1000, 5, 1, 1.0755122e-1, 7.37178771e-1 }, { .8, 1000, 5, 4, 3.613427e-3, 3.58503108e-1 },
    { .8, 10000, 5, 4, 5.703083e-5, 3.54303383e-1 }, { 1, 100, 10, 4, 1.4459708e-2, 5.03240102e-1 }, { .6, 35938, 5, 8, 4.296614e-4, 2.98003521e-1 } } do
    local function delta(kind, method) return (privacy.delta { kind = kind, sigma = c[1], steps_per_epoch = c[2], epochs = c[3], eps = c[4], method = method }) end
    relative(t, delta("shuffle_dynamic", "estimate"), c[5], 1e-5, "sigma %g, T %d, k %d", c[1], c[2], c[3])
    relative(t, delta "shuffle_persistent", c[6], 1e-7)
    local floor = delta "shuffle_dynamic" / c[5]
    t.ok(floor > 0.98 and floor <= 1, "certified, rounded down: %g", floor)
  end
  relative(t, privacy.delta { kind = "shuffle_dynamic", sigma = .8, steps_per_epoch = 1000, eps = 2, method = "estimate" }, privacy.delta { kind = "shuffle_dynamic", sigma = .8, steps_per_epoch = 1000, eps = 2 }, 1e-6)
  t.near(privacy.delta { kind = "balls_and_bins", sigma = .5, steps_per_epoch = 100, eps = 1, method = "estimate" }, .028575, .0003)
  local three = privacy.delta { kind = "balls_and_bins", sigma = .5, steps_per_epoch = 100, eps = 3, method = "estimate", trials = 1000000 }
  t.ok(three > .00103 - 6e-5 and three < .00108 + 6e-5, "between those, four standard errors: %g", three)
end)

test("calibrated noise at n = 36.8e6, eps = 5, delta = 2.7e-8, and truncation", function(t)
  local known = { { 1, 1024, 35938, 1.10638, .41549, .82312, .82312, 1328 }, { 1, 65536, 562, 1.10638, .54690, 1.01063, 1.01063, 67698 }, { 5, 4096, 8984, 2.47395, .46940, 1.97372, .92304, 4693 },
    { 5, 262144, 140, 2.47395, .68897, 2.37510, 1.26103, 267288 } }
  for _, c in ipairs(known) do
    local k, T = c[1], c[3]
    local function sigma(kind, method) return (privacy.calibrate { kind = kind, steps_per_epoch = T, epochs = k, rate = 1 / T, steps = k * T, eps = 5, delta = 2.7e-8, method = method }) end
    t.near(sigma "deterministic", c[4], 2e-5)
    t.near(sigma "poisson", c[5], 2e-4, "Poisson, k %d, b %d", k, c[2])
    t.near(sigma "shuffle_persistent", c[6], 2e-5)
    t.near(sigma("shuffle_dynamic", "estimate"), c[7], 2e-4, "dynamic, k %d, b %d", k, c[2])
    t.equal((privacy.max_batch { n = 36800000, rate = 1 / T, steps = k * T, eps = 5, delta = 2.7e-8 }), c[8])
  end
  for _, c in ipairs { { 10000, 100, 1000, 1, 1e-8, 176, 6.6106e-9 }, { 60000, 256, 2340, 2, 1e-10, 389, 7.6624e-11 }, { 50000, 500, 5000, 8, 1e-10, 701, 9.6009e-11 } } do
    local B, extra = privacy.max_batch { n = c[1], rate = c[2] / c[1], steps = c[3], eps = c[4], delta = c[5], share = 1 }
    t.equal(B, c[6])
    relative(t, extra, c[7], 1e-4)
  end
end)

test("calibration of steps and rate, and what forcing an accountant says", function(t)
  local m = { kind = "poisson", rate = 0.01, sigma = 1, eps = 2, delta = 1e-6, solve = "steps" }
  local n = privacy.calibrate(m)
  t.ok(privacy.delta(poisson(0.01, 1, n, { eps = 2 })) <= 1e-6 and privacy.delta(poisson(0.01, 1, n + 2, { eps = 2 })) > 1e-6, "%d steps", n)
  local q = privacy.calibrate { kind = "poisson", steps = 500, sigma = 1, eps = 2, delta = 1e-6, solve = "rate" }
  relative(t, privacy.delta(poisson(q, 1, 500, { eps = 2 })), 1e-6, 1e-4)
  local shuffled = privacy.sampler.shuffle_dynamic(pg.rng(1), { n = 1000, batch = 10, epochs = 2 })
  local _, what = privacy.delta { sampler = shuffled, sigma = 0.8, eps = 2 }
  t.equal(what, "lower bound, no guarantee")
  local forced, says = privacy.delta { sampler = shuffled, sigma = 0.8, eps = 2, accountant = "poisson-optimistic" }
  t.ok(says:find "^optimistic: batches are shuffle_dynamic")
  relative(t, forced, privacy.delta(poisson(0.01, 0.8, 200, { eps = 2 })), 1e-12)
  t.fails(function() privacy.delta { sampler = shuffled, sigma = 0.8, eps = 2, accountant = "poisson" } end, 'the only accountant to be forced is "poisson%-optimistic"')
end)

test("loss distributions as objects: masses, compositions, both directions", function(t)
  local pld = privacy.pld { rate = 0.01, sigma = 0.8 }
  local l, mass, infinite = pld:masses()
  t.near(mass:sum() + infinite, 1, 1e-14)
  t.near((mass * (-l):exp()):sum(), 1, 1e-12, "the mean of e^-L is 1: cells keep the mass under both laws")
  local other = privacy.pld { rate = 0.01, sigma = 0.8, direction = "add" }
  local many, back = pld:self_compose(1000), other:self_compose(1000)
  relative(t, math.max(many:delta(2), back:delta(2)), privacy.delta(poisson(0.01, 0.8, 1000, { eps = 2, method = "upper", h = 1e-3 })), 1e-9)
  t.near(many:delta(many:epsilon(1e-6)), 1e-6, 1e-12)
  relative(t, pld:self_compose(400):compose(pld:self_compose(600)):delta(2), many:delta(2), 1e-9)
  t.fails(function() many:masses() end, "a composition is not on a grid of its own")
  t.fails(function() pld:compose(3) end, "another privacy loss distribution is needed, got number")
  t.fails(function() pld:compose(privacy.pld { rate = 0.01, sigma = 0.8, h = 2e-3 }):delta(1) end, "stages on grids of 0.001 and 0.002 cannot be composed")
  t.fails(function() privacy.pld { rate = 0, sigma = 1 } end, "the rate q must lie in %(0, 1%], got 0")
end)

test("accountants: stages add up, a file brings them back, damage is refused", function(t)
  local acc = privacy.accountant()
  acc:add { kind = "poisson", rate = 0.01, sigma = 0.9, steps = 300 }
  acc:add { kind = "poisson", rate = 0.01, sigma = 0.9, steps = 700 }
  relative(t, acc:delta(2), privacy.delta(poisson(0.01, 0.9, 1000, { eps = 2 })), 1e-9)
  t.near(acc:epsilon(1e-6), privacy.epsilon(poisson(0.01, 0.9, 1000, { delta = 1e-6 })), 1e-8)
  acc:add { kind = "poisson", rate = 0.02, sigma = 1.5, steps = 100 }
  acc:add { kind = "deterministic", sigma = 20 }
  t.ok(acc:delta(2) > privacy.delta(poisson(0.01, 0.9, 1000, { eps = 2 })))
  acc:add { kind = "truncated_poisson", rate = 0.01, sigma = 2, steps = 10, n = 1000, max_batch = 40 }
  local path = os.tmpname()
  acc:save(path)
  local back = privacy.load(path)
  t.equal(tostring(back), tostring(acc))
  t.equal(back:delta(3), acc:delta(3))
  t.ok(tostring(acc):find "zero%-out" and tostring(acc):find "at most 40 of 1000")
  local file = io.open(path, "rb")
  local text = file:read "a"
  file:close()
  file = io.open(path, "wb")
  file:write((text:gsub("rate=0x1%.", "rate=0x1.f", 1)))
  file:close()
  t.fails(function() privacy.load(path) end, "is not a saved accountant, or is damaged")
  os.remove(path)
  local gaussians = privacy.accountant():add({ kind = "deterministic", sigma = 3 }):add { kind = "deterministic", sigma = 4 }
  t.near(gaussians:delta(1), privacy.gaussian({ sigma = 1 / math.sqrt(1 / 9 + 1 / 16) }).delta(1), 1e-14)
end)

test("what is refused says why", function(t)
  local function delta(m) return function() privacy.delta(m) end end
  t.fails(delta(poisson(0.1, 0, 5, { eps = 1 })), "accounts_test.lua:%d+: privacy.delta: sigma, noise over clip norm, must be positive and finite, got 0")
  t.fails(delta(poisson(1.5, 1, 5, { eps = 1 })), "the rate q must lie in %[0, 1%], got 1.5")
  t.fails(delta(poisson(0.1, 1, 5.5, { eps = 1 })), "steps must be a whole number >= 1, got 5.5")
  t.fails(delta(poisson(0.1, 1, 5, { eps = -1 })), "eps must be >= 0 and finite, got %-1")
  t.fails(function() privacy.epsilon(poisson(0.1, 1, 5, { delta = 2 })) end, "privacy.epsilon: delta must lie in %(0, 1%), got 2")
  t.fails(delta { kind = "bernoulli", sigma = 1, eps = 1 }, "kind must be deterministic, .* got bernoulli")
  t.fails(delta(poisson(0.1, 1, 100000, { eps = 1, h = 1e-6, memory = 1 << 20 })), "a grid of h = 1e%-06 takes %d+ MiB .* would do with the memory allowed")
  t.fails(function() privacy.calibrate { kind = "poisson", rate = 1, sigma = 1, eps = 0.1, delta = 1e-9, solve = "steps" } end, "one step already has delta = ")
  t.fails(function() privacy.calibrate { kind = "poisson", rate = 0.1, steps = 5, eps = 1, delta = 1e-5, solve = "noise" } end, "solve must be 'sigma', 'steps' or 'rate', got 'noise'")
  t.fails(function() privacy.accountant():add { kind = "shuffle_dynamic", sigma = 1, steps_per_epoch = 10 } end, "shuffle_dynamic has no upper bound to add up")
  t.fails(delta(poisson(0.1, 1, 5, { eps = 1, method = "exact" })), "method must be best, upper, lower, optimistic, centred, renyi or tight, got 'exact'")
end)
