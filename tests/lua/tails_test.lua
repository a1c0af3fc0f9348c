-- Estimators of tail indices: against their formulas written out, exact laws, invariances; what they refuse.
local pg = require "perigee"
local tails = pg.diag.tails

test("candidate block sizes", function(t)
  t.equal(tails.candidates(2048), { 2, 4, 8, 16, 32, 64, 256, 512 })
  t.equal(tails.candidates(3072), { 2, 4, 8, 16, 48, 96, 384, 768 })
  t.equal(tails.candidates(784), { 2, 4, 8, 16, 49, 98, 28 })
  t.equal(tails.candidates(10), { 2, 5 })
  t.equal(tails.candidates(13), {})
  t.equal(tails.candidates(9), { 3 })                          -- odd: the list has only 1, the root has 3
end)

-- alpha(m) by the formula, rows in the given order.
local function by_formula(x, m, order)
  local n, d = x:dim(1), x:dim(2)
  local y = (order and x[order] or x):cast "f64"
  local function mean_log(v) return (v:square():sum(2):sqrt() + 2 ^ -52):log():mean() end
  return math.log(m) / (mean_log(y:reshape({ n // m, m, d }):sum(2)) - mean_log(y))
end

test("all block sizes in one reading are the formula, for every width, order and dtype", function(t)
  for _, d in ipairs { 1, 2, 15, 16, 17, 50 } do
    for _, dtype in ipairs { "f64", "f32" } do
      local x = pg.rng(1):stream("x", d):stable({ 784, d }, 1.4):cast(dtype)
      local order = pg.rng(2):stream("order", d):permutation(784)
      local combined, single, sizes = tails.combined(x, { order = order })
      for k, m in ipairs(sizes) do
        t.near(single[k] / by_formula(x, m, order), 1, 1e-11, "d = %d, m = %d, %s", d, m, dtype)
        t.near(tails.block(x, m) / by_formula(x, m), 1, 1e-11)
      end
      t.equal(combined, math.min(single:median(), 2))
    end
  end
  t.near(tails.block(pg.rng(1):stable({ 1000 }, 1.2), 10) / by_formula(pg.rng(1):stable({ 1000, 1 }, 1.2), 10), 1, 1e-11)
end)

test("scale and the order within blocks do not matter; beyond 2 it never goes", function(t)
  local x = pg.rng(3):stable({ 2048, 3 }, 1.6)
  local a, single = tails.combined(x)
  local b, other = tails.combined(1e7 * x)
  t.near(a, b, 1e-12)
  t.near(single, other, 1e-11)
  local within = pg.concatenate { pg.tensor({ 3, 1, 4, 2 }, "i64"), pg.arange(5, 2049) }
  t.near(tails.block(x[within], 4), tails.block(x, 4), 1e-12)
  t.ok(math.abs(tails.block(x[within], 2) - tails.block(x, 2)) > 1e-9)
  t.ok(tails.combined(pg.rng(4):uniform({ 1000 }, -1, 1)) <= 2)
end)

test("layers: the published recipe step by step, and networks layer by layer", function(t)
  local W = pg.rng(5):stable({ 60, 40 }, 1.5) + 3
  local centred, estimates = W - W:median { axes = { 1 }, keep = true }, {}
  for k = 1, 5 do estimates[k] = tails.combined(centred[pg.rng(6):stream("order", k):permutation(60)]) end
  t.near(tails.layer(W, pg.rng(6)), pg.tensor(estimates):median(), 1e-13)
  t.near(tails.layer(W:transpose(1, 2), pg.rng(6), { last = true }), tails.layer(W, pg.rng(6)), 1e-13)
  local conv = pg.rng(7):normal { 8, 6, 3, 3 }
  t.near(tails.layer(conv, pg.rng(6)), tails.layer(conv:reshape { 48, 9 }, pg.rng(6)), 1e-13)
  local flat = W:flatten()
  local entries = {}
  for k = 1, 5 do entries[k] = tails.combined((flat - flat:median())[pg.rng(6):stream("order", k):permutation(2400)]) end
  t.near(tails.layer(W, pg.rng(6), { view = "entries" }), pg.tensor(entries):median(), 1e-13)
  local net = pg.nn.sequential { pg.nn.dense(40, 60), "relu", pg.nn.dense(60, 30) }
  local theta = net:init(pg.rng(8), "f64")
  local parts = net:unpack(theta)
  local alpha, of = tails.network(net, theta, pg.rng(9))
  t.near(alpha[1], tails.layer(parts[1]:transpose(1, 2), pg.rng(9):stream("layer", 1)), 1e-13)
  t.near(alpha[2], tails.layer(parts[3], pg.rng(9):stream("layer", 2)), 1e-13)
  t.equal({ of.mean, of.median, of.least }, { alpha:mean(), alpha:median(), alpha:min() })
end)

test("order statistics on exact Pareto samples", function(t)
  local R, k, alpha = 100, 1000, 1.5
  local hill, pickands, covered, exact = {}, {}, 0, 0
  for r = 1, R do
    local x = pg.rng(10):stream("run", r):pareto({ 3000 }, alpha)
    local a, low, high = tails.hill(x, k)
    local _, elow, ehigh = tails.hill(x, k, { exact = true })
    hill[r], pickands[r] = a, tails.pickands(x, k)
    covered, exact = covered + (low < alpha and alpha < high and 1 or 0), exact + (elow < alpha and alpha < ehigh and 1 or 0)
  end
  hill, pickands = pg.tensor(hill), pg.tensor(pickands)
  t.near(hill:mean(), alpha, 0.015)
  t.near(hill:std() / 0.0474, 1, 5 / math.sqrt(2 * R), "alpha / sqrt k")
  t.near(pickands:mean(), 1.571, 0.11)
  t.near(pickands:std() / 0.35, 1, 0.3)
  t.ok(covered >= 86 and exact >= 86, "95 %% intervals: %d, %d of 100", covered, exact)
end)

test("order statistics are their formulas, of either sign and any order", function(t)
  local x = pg.tensor { 3, -100, 2, 50, -20, 10, 8, 5, 4, -1 }
  local y, k = { 100, 50, 20, 10, 8, 5 }, 5
  local m1, m2 = 0, 0
  for i = 1, k do m1, m2 = m1 + math.log(y[i] / y[k + 1]) / k, m2 + math.log(y[i] / y[k + 1]) ^ 2 / k end
  t.near(tails.hill(x, k), 1 / m1, 1e-13)
  t.near(tails.ratio(x, k), 2 * m1 / m2, 1e-13)
  t.near(tails.moment(x, k), 1 / (m1 + 1 - 0.5 / (1 - m1 ^ 2 / m2)), 1e-13)
  t.near(tails.pickands(x, 4), math.log(2) / math.log((50 - 20) / (20 - 8)), 1e-13)
  local plot = tails.hill_plot(x, 5)
  for j = 1, 5 do t.near(plot[j], tails.hill(x, j), 1e-12) end
  local Z = (3 / 100 + 2 / 50 + 10 / 20 + 5 / 8 + 1 / 4) / 5
  t.near(tails.block_ratio(x, 2), Z / (1 - Z), 1e-13)
end)

test("what is refused says why", function(t)
  local x = pg.rng(1):normal { 13 }
  t.fails(function() tails.combined(x) end, "tails_test.lua:%d+: diag.tails.combined: 13 rows are prime and cannot be cut into blocks; give 12 of them, or truncate = true")
  t.ok(tails.combined(x, { truncate = true }) == tails.combined(x[{ { 1, 12 } }]))
  t.fails(function() tails.block(x, 5) end, "m must be a divisor >= 2 of the 13 rows, got 5")
  t.fails(function() tails.hill(x, 13) end, "diag.tails.hill: the 13 largest need a sample of 14 or more, got 13")
  t.fails(function() tails.hill(x, 0) end, "k must be an integer >= 1, got 0")
  t.fails(function() tails.hill(pg.zeros { 5 }, 2) end, "only 0 values differ from 0")
  t.fails(function() tails.hill(pg.tensor { 1, 0 / 0, 2 }, 1) end, "element 2 is NaN")
  t.fails(function() tails.pickands(x, 3) end, "k must be at least 4, got 3")
  t.fails(function() tails.layer(pg.zeros { 4 }, pg.rng(1)) end, "a layer is .* got shape %(4%)")
  t.fails(function() tails.layer(pg.zeros { 4, 4 }, pg.rng(1), { view = "rank" }) end, "view must be 'rows', 'entries' or 'norms', got 'rank'")
  t.fails(function() tails.block_ratio(x, 1) end, "m must be an integer in 2..13, got 1")
  t.fails(function() pg.diag.block_logs(pg.zeros { 6, 2 }, { 4 }) end, "blocks of 4 rows do not cut 6 rows evenly")
  t.fails(function() pg.diag.block_logs(pg.zeros { 6, 2 }, { 3, 2 }) end, "block sizes must increase, but 2 follows 3")
  t.fails(function() pg.diag.block_logs(pg.zeros { 6, 2 }, { 2 }, { 1, 2, 3, 4, 5, 7 }) end, "row 7 of 6 in the order")
end)
