-- Kesten recursions: exact indices against closed forms, an independent table and simulation; chains against loops and against each other.
local pg = require "perigee"
local kesten = pg.process.kesten

local function alpha(c, b, d) return kesten.index({ eta = c, b = b, d = d }).alpha end

test("indices of SGD on least squares, to 1e-4 of an independent computation", function(t)
  local known = {
    { 1, 1, { { .3, 5.30590 }, { .5, 2.90397 }, { .6, 2.30169 }, { 2 / 3, 2 }, { .8, 1.54640 }, { 1, 1.09083 }, { 1.5, .47743 }, { 2, .16550 } } },
    { 2, 1, { { .8, 2.83201 }, { 1.2, 1.45321 }, { 1.5, .91524 } } }, { 5, 1, { { 1, 4.19865 }, { 1.4, 2.10008 }, { 1.8, 1.02725 } } },
    { 1, 2, { { .4, 3.01582 }, { .5, 2 }, { .6, 1.30084 }, { .8, .40118 } } }, { 2, 2, { { .7, 2.66122 }, { .9, 1.48217 }, { 1.1, .72564 } } },
    { 5, 10, { { .5, 6.66992 }, { .6, 2.83694 }, { .62, 2.16396 }, { .625, 2 }, { .66, .89863 } } }, { 10, 10, { { .9, 3.18645 }, { .95, 2.05155 }, { 1, 1.01301 } } } }
  for _, row in ipairs(known) do
    for _, pair in ipairs(row[3]) do t.near(alpha(pair[1], row[1], row[2]), pair[2], 1e-5, "b = %d, d = %d, c = %g", row[1], row[2], pair[1]) end
  end
  t.near(kesten.index({ eta = 0.15, s = 2, b = 1, d = 1 }).alpha, alpha(0.6, 1, 1), 1e-12, "c = eta s^2")
end)

test("alpha = 2 exactly where c = 2b/(b + d + 1)", function(t)
  for b = 1, 20 do
    for d = 1, 20 do t.near(alpha(2 * b / (b + d + 1), b, d), 2, 1e-9, "b = %d, d = %d", b, d) end
  end
end)

test("the end of stationarity, verdicts, drift and relaxation", function(t)
  t.near(kesten.critical(1, 1), 2.42125, 5e-6)
  local none = kesten.index { eta = 2.43 }
  t.equal({ none.verdict, none.stationary, none.alpha }, { "none", false, nil })
  t.ok(none.drift > 0)
  local c = kesten.critical(3, 4)
  t.ok(math.abs(kesten.index({ eta = c * (1 - 1e-6), b = 3, d = 4 }).drift) < 1e-5 and kesten.index({ eta = c * (1 - 1e-6), b = 3, d = 4 }).alpha < 1e-4)
  local law = kesten.index { eta = 0.6 }
  t.equal(law.verdict, "finite")
  t.near(law.relaxation, -1 / law.drift, 1e-12)
  t.equal(kesten.index({ eta = 1e-4, b = 100, d = 1 }).verdict, "light")
  for _, r in ipairs { 0.5, 1, 3 } do                                  -- h is a mean
    local x = 1 - 0.6 * pg.rng(1):normal({ 1000000 }):square()
    local v = x:abs() ^ r
    t.near(math.exp(kesten.log_moment(r, { eta = 0.6 })) - v:mean(), 0, 5 * v:std() / 1000, "h(%g)", r)
  end
  local n = 200000                                                      -- and with d > 1
  local X, Y = pg.rng(2):chi_square({ n }, 3), pg.rng(3):chi_square({ n }, 4)
  local v = ((1 - 0.3 * X):square() + 0.09 * X * Y):sqrt() ^ 1.5
  t.near(math.exp(kesten.log_moment(1.5, { eta = 0.9, b = 3, d = 5 })) - v:mean(), 0, 5 * v:std() / math.sqrt(n))
end)

test("lognormal factors and ARCH in closed form", function(t)
  t.near(kesten.index({ law = "lognormal", mu = -0.3, s = math.sqrt(0.4) }).alpha, 1.5, 1e-10)
  t.equal(kesten.index({ law = "lognormal", mu = 0.1, s = 1 }).verdict, "none")
  for lam, index in pairs { [0.5] = 4.730299, [1] = 2, [2] = 0.620404 } do t.near(kesten.index({ law = "arch", lam = lam }).alpha, index, 1e-6) end
end)

test("chains are the recursion, chain by chain, whatever the others, threads and what is recorded", function(t)
  local n = 5
  local function run(rows, opt)
    local spec = { eta = 0.5, b = 2, d = 3, steps = 40, burn = 10, gap = 10, average = 7 }
    for k, v in pairs(opt or {}) do spec[k] = v end
    return kesten.chains(pg.rng(4):block("chain", rows), spec)
  end
  local norms, last, average = run(n)
  t.equal({ norms:dims(), last:dims(), average:dims() }, { { n, 3 }, { n, 3 }, { n, 3 } })
  t.near(norms[{ {}, 3 }], last:square():sum(2):sqrt(), 1e-14)
  local threads = pg.threads()
  pg.threads(3)
  local few, few_last = run(2)
  pg.threads(threads)
  t.equal(few, norms[{ { 1, 2 } }])
  t.equal(few_last, last[{ { 1, 2 } }])
  local _, same = run(n, { burn = 0, gap = 1, average = 0 })
  t.equal(same, last)
  local quiet = select(2, kesten.chains(pg.rng(5):block("chain", n), { eta = 0.1, noise = 0, steps = 2000, start = 1 }))
  t.ok(quiet:abs():max() < 1e-50, "without noise chains reach the solution")
  local lost = kesten.chains(pg.rng(6):block("chain", 3), { eta = 50, steps = 2000, burn = 1000, gap = 1000 })
  t.ok(lost:isinf():all(), "what leaves the doubles is infinite")
end)

-- Two-sample Kolmogorov-Smirnov: the p-value of the largest distance of the distribution functions.
local function same_law(a, b)
  local all = pg.concatenate { a, b }
  local sa, sb = a:sort(), b:sort()
  local D = (sa:searchsorted(all, { right = true }) / #a - sb:searchsorted(all, { right = true }) / #b):abs():max()
  local x, p = D * math.sqrt(#a * #b / (#a + #b)), 0
  for k = 1, 100 do p = p + 2 * (-1) ^ (k - 1) * math.exp(-2 * k * k * x * x) end
  return p
end

test("the norm recursion has the law of the norms of the raw one", function(t)
  for _, c in ipairs { { 0.9, 10, 10, 1, 1.7 }, { 0.9, 10, 10, 300, 0 }, { 0.6, 1, 1, 200, 0 }, { 0.8, 3, 2, 100, 0 } } do
    local spec = { eta = c[1], b = c[2], d = c[3], steps = c[4] }
    local start = pg.zeros { 20000, c[3] }
    start[{ {}, 1 }] = c[5]
    spec.start = start
    local raw = kesten.chains(pg.rng(7):block("raw", 20000), spec):flatten()
    spec.law, spec.start = "norm", c[5]
    local reduced = kesten.chains(pg.rng(8):block("norm", 20000), spec):flatten()
    local p = same_law(raw, reduced)
    t.ok(p > 1e-3, "c = %g, b = %d, d = %d, %d steps: p = %g", c[1], c[2], c[3], c[4], p)
    t.ok(same_law(raw, 1.05 * reduced) < 0.2 or c[4] > 1, "the test sees 5 %%")
  end
end)

test("variance: stationary second moment in closed form where the index exceeds 2", function(t)
  local c, b, d, R = 0.3, 4, 2, 20000                    -- E |x|^2 = c^2 d/b / (1 - h(2)), h(2) = 1 - 2c + c^2 (b+d+1)/b
  local norms = kesten.chains(pg.rng(9):block("x", R), { eta = c, b = b, d = d, steps = 400, burn = 200, gap = 200 }):flatten()
  local square = norms:square()
  t.near(square:mean(), c * c * d / b / (2 * c - c * c * (b + d + 1) / b), 5 * square:std() / math.sqrt(R))
end)

test("lognormal, ARCH and fixed data as loops", function(t)
  local _, last = kesten.chains(pg.rng(10):block("x", 4), { law = "lognormal", mu = -0.5, s = 1, steps = 30, start = 1 })
  t.ok(last:min() > 1, "x = M x + 1 exceeds 1 from the first step on")
  local A, y = pg.rng(11):normal { 20, 3 }, pg.rng(12):normal { 20 }
  local _, whole = kesten.chains(pg.rng(13):block("x", 2), { law = "data", A = A, y = y, b = 20, eta = 0.1, steps = 5, start = 1 })
  local x = pg.ones { 3 }
  for _ = 1, 5 do x = x - 0.1 / 20 * A:transpose(1, 2):mv(A:mv(x) - y) end
  t.near(whole[1], x, 1e-13, "a batch of all rows is gradient descent")
  local _, _, mean = kesten.chains(pg.rng(14):block("x", 3000), { law = "data", A = A, y = y, b = 5, eta = 0.05, steps = 3000, average = 2000 })
  t.near(mean:mean(1), pg.linalg.lstsq(A, y), 0.02, "around the least-squares solution")
end)

test("what is refused says why", function(t)
  local block = pg.rng(1):block("x", 2)
  t.fails(function() kesten.index { eta = -1 } end, "process.kesten.index: the step size eta must be positive and finite, got %-1")
  t.fails(function() kesten.index { eta = 1, b = 0 } end, "the batch b must be a whole number from 1")
  t.fails(function() kesten.index { b = 2 } end, "option 'eta' is missing; give the step size")
  t.fails(function() kesten.index { eta = 1, law = "garch" } end, "law must be gauss, norm, lognormal, arch or data, got 'garch'")
  t.fails(function() kesten.index { eta = 1, bb = 2 } end, "unknown option 'bb'")
  t.fails(function() kesten.chains(block, { eta = 1, steps = 0 }) end, "steps")
  t.fails(function() kesten.chains(block, { eta = 1, steps = 5, burn = 5 }) end, "burn")
  t.fails(function() kesten.chains(block, { law = "data", eta = 1, steps = 5 }) end, "data need rows A")
  t.fails(function() kesten.log_moment(5000, { eta = 1 }) end, "the power r must lie in %[0, 4096%], got 5000")
end)
