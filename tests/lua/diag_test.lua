-- diag_test.lua: exact moments of the continuized iteration from Lua (acceptance values A3 to A6 of the paper's notes).
local pg = require "perigee"
local moments = pg.diag.moments

local function strong(mu, variance)
  return moments.quadratic {
    lambda = { mu, 3 * mu, 1 }, theta = mu^0.5, gamma = 1, gammap = mu^-0.5, x0 = -1, variance = variance,
  }
end

local function relative(t, value, target, tolerance) t.near(value, target, tolerance * math.abs(target)) end

test("values at jumps, weighted, in time, and contraction", function(t)
  local m = strong(1e-3)
  local ks = { 10, 50, 100, 200, 400 }
  local f, all = m:at_jumps(ks)
  local w = m:weighted(pg.tensor(ks))
  t.equal(all:dims(), { 5, 3, 3 })
  for j, want in ipairs { 1.591049e-3, 1.387921e-4, 1.661540e-5, 6.602923e-8, 8.821449e-13 } do relative(t, f[j], want, 1e-6) end
  for j, want in ipairs { 2.183726e-3, 6.823110e-4, 4.026510e-4, 4.823053e-5, 5.660541e-7 } do relative(t, w[j], want, 1e-6) end
  local one, mm = m:at_jump(100)
  relative(t, one, f[3], 1e-12)
  t.near(mm, all[3], 1e-15)
  relative(t, m:at_time(100), 6.557179e-4, 1e-6)
  t.equal((m:at_times { 0, 10 }):dims(), { 2 })
  for j, want in ipairs { 0.94627484, 0.93962859, 0.83657788 } do relative(t, m:contraction()[j], want, 1e-6) end
  relative(t, (m:weighted(100, 0)), one, 1e-12)
end)

test("noise: stationary values, and the convex case in time", function(t)
  local m = strong(0.01, 0.01 / 3)
  relative(t, (m:stationary()), 0.01032635, 1e-6)
  relative(t, (m:stationary "time"), 0.02061093, 1e-6)
  local i = pg.arange(1, 101) * 1.0
  local f = moments.convex { lambda = i^-2, L = 1, x0 = -1 / i }:at_times { 5, 10, 20, 50 }
  for j, want in ipairs { 1.79630e-2, 2.31965e-3, 2.89847e-4, 1.86619e-5 } do relative(t, f[j], want, 1e-4) end
  local g = moments.convex { lambda = i^-2, L = 1, x0 = -1 / i, variance = 1e-4 }
  relative(t, (g:at_time(200)), 9.698e-2, 1e-3)
end)

test("multiplicative noise: a Gaussian design and its plain descent", function(t)
  local h = 1 / pg.arange(1, 21)^2
  local mu, R2, kappa = h[20], h:sum() + 2 * h[1], 22
  local theta, gammap = math.sqrt(mu / (kappa * R2)), 1 / math.sqrt(mu * R2 * kappa)
  local m = moments.gaussian { h = h, theta = theta, gamma = 1 / R2, gammap = gammap, x0 = -1 }
  local values, all = m:at_jumps { 100, 500, 1000, 2000 }
  t.equal(all:dims(), { 4, 20, 3 })
  for j, want in ipairs { 3.50749, 8.40967e-2, 6.92517e-4, 4.61635e-8 } do relative(t, values[j], want, 1e-5) end
  local one, mm = m:at_jump(500)
  t.equal(one, values[2])
  t.near(mm, all[2], 0)
  t.near(one, mm[{ {}, 1 }]:sum() / 2, 1e-15)
  for j, want in ipairs { 5.09811, 1.64137, 0.577773 } do relative(t, moments.gaussian { h = h, gamma = 1 / R2, x0 = -1 }:at_jumps { 100, 500, 1000 }[j], want, 1e-5) end
  t.ok(m:weighted(500) > one and m:weighted(500) < 10 + mu / 2 * (1 / h):sum(), "the theorem of section 2.5, at jumps")
  relative(t, (m:weighted(500, 0)), one, 1e-12)
end)

test("multiplicative noise: coordinates as rows have x = z, whatever theta; gossip counts nodes from 1", function(t)
  local p = { 0.5, 0.3, 0.2 }
  local accelerated = moments.rows { rows = pg.eye(3), weights = p, theta = 0.2, gamma = 1, gammap = 1, x0 = { 1, 2, 3 } }
  local plain = moments.rows { rows = pg.eye(3), weights = p, gamma = 1, x0 = { 1, 2, 3 } }
  relative(t, (accelerated:at_jump(7)), plain:at_jump(7), 1e-13)
  relative(t, (plain:at_jump(7)), (0.5^7 + 4 * 0.7^7 + 9 * 0.8^7) / 2, 1e-13)
  relative(t, (accelerated:at_time(3)), (math.exp(-1.5) + 4 * math.exp(-0.9) + 9 * math.exp(-0.6)) / 2, 1e-12)
  local pair = moments.gossip { edges = { { 1, 2 } }, x0 = { 0.5, -0.5 } }
  t.near(pair:at_jump(0), 0.5, 0)
  t.near(pair:at_jump(1), 0, 1e-17)
  relative(t, (pair:at_time(2)), 0.5 * math.exp(-2), 1e-13)
  t.ok(tostring(pair):find "gossip")
  local g, x0 = pg.process.graph.line(10), pg.full({ 10 }, -0.1)                           -- A10
  x0[1] = 0.9
  local mu, R = g:spectral_gap(), g:r_max()
  local fast = moments.gossip { graph = g, theta = math.sqrt(mu / (2 * R)), gammap = 1 / math.sqrt(2 * mu * R), x0 = x0 }
  for j, want in ipairs { .33476048, .11315180, 1.99706465e-2, 5.9925677e-4, 4.6922961e-7 } do relative(t, fast:at_jumps { 20, 50, 100, 200, 400 }[j], want, 1e-7) end
  g:weights(3)                                                                             -- the clock runs three times as fast: the same jumps
  relative(t, (moments.gossip { graph = g, x0 = x0 }:at_jump(50)), .15253784, 1e-7)
  t.fails(function() moments.gossip { edges = { { 0, 1 } }, x0 = { 1, -1 } } end, "edge 1 ends at node 0 of 2")
  t.fails(function() moments.gossip { x0 = { 1, -1 } } end, "give a graph, or edges")
  t.fails(function() moments.gaussian { h = { 1 }, x0 = 1 } end, "option 'gamma' is missing")
  t.fails(function() moments.gaussian { h = { 1 }, x0 = 1, gama = 1 } end, "unknown option 'gama' %(did you mean 'gamma'%?%)")
  t.fails(function() moments.rows { rows = { 1, 2 }, x0 = 1, gamma = 1 } end, "rows %(m, n%) are needed, got f64 %(2%)")
end)

test("misuse is named", function(t)
  local m = strong(0.01)
  local c = moments.convex { lambda = { 1 }, L = 1, x0 = 1 }
  t.fails(function() moments.quadratic { lambda = { 1 }, x0 = 1, theta = 1, gamma = 1 } end, "option 'gammap' is missing")
  t.fails(function() moments.quadratic { lambda = { 1 }, x0 = 1, tehta = 1 } end, "unknown option 'tehta' %(did you mean 'theta'%?%)")
  t.fails(function() moments.quadratic { lambda = { -1 }, x0 = 1, theta = 1, gamma = 1, gammap = 1 } end, "lambda must be >= 0, got %-1")
  t.fails(function() moments.convex { lambda = { 1 }, L = 0, x0 = 1 } end, "L must be > 0, got 0")
  t.fails(function() moments.convex { lambda = "x", L = 1, x0 = 1 } end, "option 'lambda' must be a tensor, list or number, got string")
  t.fails(function() m:at_jump(1.5) end, "a number of jumps must be an integer, got 1.5")
  t.fails(function() m:at_jump(-1) end, "must lie in 0..10%^15, got %-1")
  t.fails(function() m:at_time "now" end, "number, list or vector expected")
  t.fails(function() m:stationary "never" end, "invalid option 'never'")
  t.fails(function() c:at_jump(3) end, "moments in time only; use at_time")
  t.ok(tostring(c):find "convex")
end)

test("spearman: ranks with ties, p-values, monotone maps change nothing", function(t)
  local x, y = pg.tensor { 1, 2, 2, 4, 7, 5.5 }, pg.tensor { 3, 1, 4, 4, 9, 5 }
  local r, p = pg.diag.spearman(x, y)                     -- ranks 1 2.5 2.5 4 6 5 and 2 1 3.5 3.5 6 5: Pearson 14.75 / 17
  t.near(r, 14.75 / 17, 1e-14)
  t.near(p, 0.0251, 5e-5)                                 -- of t = 3.5095 with 4 degrees of freedom
  t.near(pg.diag.spearman(x:exp(), -y), -r, 1e-14)
  t.equal({ pg.diag.spearman(x, x ^ 3) }, { 1.0, 0.0 })
  local a, b = pg.rng(1):normal { 2000 }, pg.rng(2):normal { 2000 }
  t.ok(math.abs(pg.diag.spearman(a, b)) < 5 / math.sqrt(2000))
  t.near(pg.diag.spearman(a, a + b), 6 / math.pi * math.asin(math.sqrt(0.5) / 2), 5 / math.sqrt(2000), "normal with correlation 0.71")
  local nan = pg.diag.spearman(pg.ones { 4 }, pg.arange(4))
  t.ok(nan ~= nan)
  t.fails(function() pg.diag.spearman(x, a) end, "diag.spearman: vectors of 6 and 2000 values")
  t.fails(function() pg.diag.spearman(x[{ { 1, 2 } }], x[{ { 1, 2 } }]) end, "at least 3 pairs are needed, got 2")
end)
