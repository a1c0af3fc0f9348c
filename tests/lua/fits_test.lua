-- Fits of stable and power laws: recovered parameters, invariances, exact likelihoods, p-values.
local pg = require "perigee"
local stable_fit, power_law = pg.diag.stable_fit, pg.diag.power_law

test("stable laws are recovered by both methods, in either form", function(t)
  local n = 20000
  for _, c in ipairs { { 1.5, 0.5, 2, -3 }, { 1.8, -0.7, 0.1, 10 }, { 1.2, 0, 1, 0 }, { 0.8, 0.3, 5, 1 } } do
    local alpha, beta, scale, location = table.unpack(c)
    local x = pg.rng(1):stream("x", alpha * 10 // 1):stable({ n }, alpha, beta, scale, location, "s0")
    for _, method in ipairs { "quantiles", "characteristic" } do
      local fit = stable_fit(x, { method = method, form = "s0" })
      t.near(fit.alpha, alpha, 0.06, "%s: alpha of %g, %g", method, alpha, beta)
      t.near(fit.beta, beta, alpha > 1.7 and 0.25 or 0.1, "%s: beta of %g, %g", method, alpha, beta)
      t.near(fit.scale / scale, 1, 0.05, "%s: scale of %g, %g", method, alpha, beta)
      t.near((fit.location - location) / scale, 0, 0.1, "%s: location of %g, %g", method, alpha, beta)
      local other = stable_fit(x, { method = method })
      t.near(other.location, fit.location - fit.beta * math.tan(math.pi * fit.alpha / 2) * fit.scale, 1e-9 * math.abs(other.location) + 1e-12)
    end
  end
end)

test("exact quantiles give the law back, and shift and scale go through", function(t)
  local law = pg.numeric.law("stable", 1.4, -0.4, 3, 2, "s0")
  local x = law:quantile((pg.arange(1, 4001):cast "f64" - 0.5) / 4000)
  local fit = stable_fit(x, { form = "s0" })
  t.near(fit.alpha, 1.4, 2e-3)
  t.near(fit.beta, -0.4, 5e-3)
  t.near(fit.scale, 3, 5e-3)
  t.near(fit.location, 2, 1e-2)
  local moved = stable_fit(1000 * x - 7, { form = "s0" })
  t.near(moved.alpha, fit.alpha, 1e-4)
  t.near(moved.location, 1000 * fit.location - 7, 1)
  local normal = stable_fit(pg.rng(2):normal { 20000 }, { form = "s0" })
  t.near(normal.scale, math.sqrt(0.5), 0.02)
  t.ok(normal.alpha > 1.95)
end)

test("continuous power laws: the estimate is its formula, the error its deviation, xmin is found", function(t)
  local x = pg.rng(3):pareto({ 5000 }, 1.5, 2)
  local fit = power_law(x, { xmin = 2 })
  t.near(fit.alpha, 1 + 5000 / (x / 2):log():sum(), 1e-12)
  t.near(fit.alpha, 2.5, 5 * fit.error)
  t.near(fit.error, (fit.alpha - 1) / math.sqrt(5000), 1e-12)
  local F, D = 1 - (x:sort() / 2) ^ (1 - fit.alpha), 0
  for i, v in ipairs(F:tolist()) do D = math.max(D, math.abs(v - i / 5000), math.abs(v - (i - 1) / 5000)) end
  t.near(fit.distance, D, 1e-12)
  local mixed = pg.concatenate { pg.rng(4):uniform({ 3000 }, 0, 2), x }           -- a body without power law
  local found = power_law(mixed)
  t.near(found.xmin, 2, 0.6)
  t.near(found.alpha, 2.5, 0.12)
  local hill = pg.diag.tails.hill(x, found.tail < 5000 and found.tail - 1 or 4999)
  t.near(hill, found.alpha - 1, 0.05, "the tail index is one less")
end)

test("discrete power laws: the likelihood is at its maximum, draws have their probabilities", function(t)
  local a, xmin, n = 2.5, 3, 20000
  local zeta = function(s, q) return pg.numeric.hurwitz_zeta(pg.tensor(s + 0.0), pg.tensor(q + 0.0)):item() end
  local cells, left = {}, 1                                                         -- inverse of the distribution, written out
  for k = xmin, 4000 do cells[#cells + 1] = k ^ -a / zeta(a, xmin) left = left - cells[#cells] end
  cells[#cells + 1] = left
  local x = (pg.rng(5):categorical({ n }, pg.tensor(cells)) + (xmin - 1)):cast "f64"
  local fit = power_law(x, { discrete = true, xmin = xmin })
  t.near(fit.alpha, a, 5 * fit.error)
  local function likelihood(s) return -math.log(zeta(s, xmin)) - s * x:log():mean() end
  for _, off in ipairs { -1e-3, 1e-3 } do t.ok(likelihood(fit.alpha + off) < likelihood(fit.alpha)) end
  t.near(fit.error, 1 / (x:log():std() * math.sqrt(n)), 0.05 * fit.error, "1 / sqrt(n var log x)")
  t.near(power_law(x, { discrete = true }).alpha, a, 0.15)
end)

test("p-values: near uniform under a power law, small off it, the same for any threads", function(t)
  local function p(x, seed, opt)
    local given = { bootstrap = 40, rng = pg.rng(seed), candidates = 30 }
    for k, v in pairs(opt or {}) do given[k] = v end
    return power_law(x, given).p
  end
  local ps = {}
  for k = 1, 12 do ps[k] = p(pg.rng(6):stream("x", k):pareto({ 400 }, 1.5), k) end
  ps = pg.tensor(ps)
  t.ok(ps:mean() > 0.25 and ps:mean() < 0.8 and ps:max() > 0.5, "%s", ps)
  t.ok(p(pg.rng(7):exponential({ 2000 }) + 0.5, 1, { xmin = 0.5 }) < 0.05, "an exponential tail is no power law")
  local threads = pg.threads()
  local a = p(pg.rng(8):pareto({ 300 }, 2), 3)
  pg.threads(3)
  t.equal(p(pg.rng(8):pareto({ 300 }, 2), 3), a)
  pg.threads(threads)
  local cells = {}
  for k = 2, 20000 do cells[#cells + 1] = k ^ -2.2 end
  ps = {}
  for k = 1, 10 do
    local zipf = (pg.rng(9):stream("x", k):categorical({ 500 }, pg.tensor(cells)) + 1):cast "f64"
    ps[k] = p(zipf, 20 + k, { discrete = true, bootstrap = 20, xmin = 2 })
  end
  ps = pg.tensor(ps)
  t.ok(ps:mean() > 0.25 and ps:mean() < 0.8 and ps:max() > 0.5, "%s", ps)
end)

test("what is refused says why", function(t)
  local x = pg.rng(1):pareto({ 50 }, 1.5)
  t.fails(function() power_law(-x) end, "fits_test.lua:%d+: diag.power_law: values must be positive and finite, the least is %-")
  t.fails(function() power_law(x, { discrete = true }) end, "discrete values must be integers")
  t.fails(function() power_law(x, { xmin = 1e9 }) end, "the tail has 0 values, at least 10 are needed")
  t.fails(function() power_law(x, { bootstrap = 5 }) end, "bootstrap needs a stream, rng")
  t.fails(function() power_law(pg.ones { 50 }) end, "all values of every tail are equal")
  t.fails(function() stable_fit(x[{ { 1, 5 } }]) end, "diag.stable_fit: a vector of 20 values or more is needed")
  t.fails(function() stable_fit(x, { method = "moments" }) end, "method must be 'quantiles' or 'characteristic', got 'moments'")
  t.fails(function() stable_fit(x, { form = "s2" }) end, "form must be 's0' or 's1', got 's2'")
  t.fails(function() stable_fit(pg.ones { 50 }) end, "half of the values are equal")
  x[3] = 0 / 0
  t.fails(function() stable_fit(x) end, "value 3 is %-?nan")
end)
