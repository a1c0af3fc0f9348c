-- Pruning: errors against what is removed, singular values against the best approximation, limits against quadrature and against draws.
local pg = require "perigee"
local compress, nn = pg.diag.compress, pg.nn

local function layer(...) return pg.rng(3):student_t({ ... }, 3) + 0.5 end

test("the error told is the error made, for every method, shape and norm", function(t)
  for _, dims in ipairs { { 12, 30 }, { 30, 12 }, { 4, 5, 3, 3 } } do
    local w = layer(table.unpack(dims))
    for _, method in ipairs { "magnitude", "singular", "node" } do
      for _, p in ipairs(method == "singular" and { 2 } or { 2, 1 }) do
        local c = compress(w, { method = method, p = p })
        local everything = c:prune(1)                              -- the medians
        for _, ratio in ipairs { 0.05, 0.3, 0.5, 0.9, 1 } do
          local made = (c:prune(ratio) - w):norm(p) / (everything - w):norm(p)
          t.near(c:error(ratio), made, 1e-10, "%s, p = %g, ratio %g", method, p, ratio)
        end
        local all = c:error(pg.linspace(0, 1, 41))
        t.ok((all[{ { 2, 41 } }] - all[{ { 1, 40 } }]):min() >= 0, "%s: errors grow with the ratio", method)
        t.equal(all[1], 0.0)
        t.near(all[-1], 1, 1e-15)
        t.equal(c:prune(0), w)
      end
    end
  end
end)

test("what stays keeps its bits, what goes becomes the median, floor(ratio n) of them", function(t)
  local w = pg.tensor { { 1, -7, 2 }, { 0, 3, 10 } }:cast "f64"       -- median 1.5: distances .5 8.5 .5 1.5 1.5 8.5
  t.equal(compress(w):prune(0.5), { { 1.5, -7, 1.5 }, { 1.5, 3, 10 } })
  t.equal(compress(w):prune(0.49), { { 1.5, -7, 1.5 }, { 0, 3, 10 } })
  local columns = pg.tensor { { 0, 1, 5 }, { 0, 3, 9 } }:cast "f64"   -- row medians 1, 3: column norms sqrt 10, 0, sqrt 52
  t.equal(compress(columns, { method = "node" }):prune(0.7), { { 1, 1, 5 }, { 3, 3, 9 } })
  t.equal(compress(columns, { method = "node" }):stored(0.7), 2)
  t.equal(compress(w, { method = "singular" }):stored(0.5), 5)
end)

test("a truncated decomposition leaves the tail of the singular values", function(t)
  local w = layer(25, 40)
  local c = compress(w, { method = "singular" })
  local centred = w - w:median { axes = { 1 }, keep = true }
  local _, s = pg.linalg.svd(centred)
  for _, ratio in ipairs { 0.2, 0.6 } do
    local rank = 25 - math.floor(25 * ratio)
    t.near(c:error(ratio), s:narrow(1, rank + 1, 25 - rank):norm() / s:norm(), 1e-10)
    local _, left = pg.linalg.svd(c:prune(ratio) - w:median { axes = { 1 }, keep = true })
    t.near(left:narrow(1, rank + 1, 25 - rank):max() / s:max(), 0, 1e-13)
  end
  for trial = 1, 20 do                                                -- no node pruning beats the best approximation of its rank
    local a = pg.rng(trial):stable({ 20, 20 }, 1.3)
    local transposed = a - a:median { axes = { 2 }, keep = true }
    local node, best = compress(a, { method = "node" }):error(0.7), select(2, pg.linalg.svd(transposed))
    t.ok(node >= best:narrow(1, 7, 14):norm() / best:norm() - 1e-12, "trial %d", trial)
  end
end)

test("nodes and singular values of wide Gaussian layers approach their limits", function(t)
  -- column norms are chi^2 of 20 degrees: error^2 = E[Q; Q <= t] / 20, P(Q > t) = 1/10
  local quantile = pg.numeric.law("chi_square", 20):upper_quantile(0.1)
  local limit = math.sqrt(pg.numeric.law("chi_square", 22):cdf(quantile))             -- E[Q; Q <= t] = 20 P(chi^2_22 <= t)
  t.near(limit, 0.915190, 1e-6)
  t.near(compress(pg.rng(4):normal { 20, 40000 }, { method = "node" }):error(0.9), limit, 0.003)
  local c = compress(pg.rng(5):normal { 400, 400 }, { method = "singular" })
  t.near(c:error(0.9), 0.828512, 0.005)
  t.near(c:error(0.7), 0.550177, 0.005)
end)

test("an error allows the largest set that keeps to it", function(t)
  local w = layer(20, 20)
  for _, method in ipairs { "magnitude", "singular", "node" } do
    local c = compress(w, { method = method })
    for _, eps in ipairs { 0, 0.1, 0.4, 1, 2 } do
      local k = c:prunable(eps) * c.n
      t.near(k, math.floor(k + 0.5), 1e-9)
      k = math.floor(k + 0.5)
      local errors = c:error(pg.arange(0, c.n + 1):cast "f64" / c.n + 1e-9 * pg.arange(c.n + 1):lt(c.n))    -- so that the floor is k
      t.ok(errors[k + 1] <= eps + 1e-15 and (k == c.n or errors[k + 2] > eps), "%s at %g", method, eps)
    end
  end
  t.equal(compress(pg.full({ 3, 3 }, 2.5)):prunable(0), 1.0)          -- a constant layer loses nothing
end)

test("limits: quadrature, draws, infinite moments", function(t)
  local law = pg.numeric.law
  local table10 = { { law("normal"), .748808, .525731, .267069 }, { law("laplace"), .636118, .403980, .182519 }, { law("student_t", 3), .540521, .354278, .171708 } }
  for _, row in ipairs(table10) do
    for i, kappa in ipairs { 0.1, 0.25, 0.5 } do t.near(compress.limit(row[1], kappa), row[i + 1], 1e-6, "%s", tostring(row[1])) end
  end
  for i, tolerance in ipairs { 0.002, 0.002, 0.015 } do
    local c = compress(table10[i][1]:draw(pg.rng(5), { 1000000 }))
    for k, kappa in ipairs { 0.1, 0.25, 0.5 } do t.near(c:error(1 - kappa), table10[i][k + 1], tolerance, "draws of %s", tostring(table10[i][1])) end
  end
  t.equal(compress.limit(law("student_t", 2), 0.1), 0.0)
  t.ok(compress.limit(law("student_t", 2), 0.1, { p = 1 }) > 0.1)
  local pareto = law("pareto", 3, 1)                                  -- not symmetric: t = kappa^(-1/3), E[X; X <= t] = 3/2 (1 - t^-2)
  t.near(compress.limit(pareto, 0.1, { p = 1 }), 1 - 0.1^(2 / 3), 1e-9)
end)

test("the rate's constant: Cauchy entries in closed form, and another index", function(t)
  local edge = math.tan(0.45 * math.pi)                               -- of Cauchy; S is Levy's law of scale 2/pi
  local below, z = 2 / math.pi * (edge - math.atan(edge)), pg.normal_quantile(0.75)
  t.near(compress.rate(1, 0.1), math.sqrt(below / (2 / math.pi / z ^ 2)), 1e-9)
  t.near(compress.rate(1.5, 0.1), 0.98184, 5e-6)
  t.fails(function() compress.rate(2, 0.1) end, "compress_test.lua:%d+: diag.compress.rate: alpha must lie in %(0, 2%), got 2")
end)

test("networks: every weight, biases left; global pools the entries", function(t)
  local net = nn.sequential { nn.conv2d_layer(2, 3), "relu", nn.flatten(), nn.dense(48, 6, { bias = false }), nn.dense(6, 2) }
  local theta = net:init(pg.rng(1), "f64") + 0.1 * pg.rng(2):normal { net:size() }
  local parts = net:unpack(theta)
  for _, method in ipairs { "magnitude", "singular", "node" } do
    local after = net:unpack(compress.network(net, theta, { method = method }):prune(0.5))
    t.near(after[1], compress(parts[1], { method = method }):prune(0.5), 1e-15)
    for _, k in ipairs { 3, 4 } do
      t.near(after[k], compress(parts[k]:transpose(1, 2):clone(), { method = method }):prune(0.5):transpose(1, 2), 1e-14, "%s, parameter %d", method, k)
    end
    for _, bias in ipairs { 2, 5 } do t.equal(after[bias], parts[bias]) end
  end
  local c = compress.network(net, theta)
  local fractions, pruned = c:prunable(0.2)
  t.equal(#fractions, 3)
  t.near(fractions[2], compress(parts[3]:transpose(1, 2)):prunable(0.2), 0)
  t.near(net:unpack(pruned)[3], compress(parts[3]):prune(fractions[2]), 1e-15)

  local scaled = net:unpack(theta)                                    -- one layer far larger than the rest goes last
  local large = pg.pack(scaled[1], scaled[2], scaled[3] * 1000, scaled[4], scaled[5])
  local changed = net:unpack(compress.network(net, large, { global = true }):prune(60 / (54 + 288 + 12)))
  t.equal(changed[1]:eq(scaled[1]):count() + changed[4]:eq(scaled[4]):count() + changed[3]:eq(scaled[3] * 1000):count(), 294)
  t.ok(changed[3]:eq(scaled[3] * 1000):count() > 270)
  t.equal(compress.network(net, large, { global = true }):prune(0), large)
end)

test("what is refused says why", function(t)
  local w = layer(4, 4)
  t.fails(function() compress(w, { method = "channels" }) end, "compress_test.lua:%d+: diag.compress: method must be 'magnitude', 'singular' or 'node', got 'channels'")
  t.fails(function() compress(w, { method = "singular", p = 1 }) end, "singular values measure the error for p = 2 only, got 1")
  t.fails(function() compress(w, { p = 0 }) end, "p must be positive and finite, got 0")
  t.fails(function() compress(w:flatten(), { method = "node" }) end, "node needs a matrix .* got %(16%)")
  t.fails(function() compress(pg.zeros { 0 }) end, "the layer is empty, %(0%)")
  t.fails(function() compress(w / 0) end, "the layer %(4, 4%) has entries that are not finite")
  t.fails(function() compress(3) end, "a layer is a tensor, got number")
  t.fails(function() compress(w):error(1.5) end, "the pruning ratio must lie in %[0, 1%], got 1.5")
  t.fails(function() compress(w):prune(-0.1) end, "the pruning ratio must lie in %[0, 1%], got %-0.1")
  t.fails(function() compress(w):prunable(-1) end, "the error must be a number >= 0, got %-1")
  t.fails(function() compress.limit(pg.numeric.law "normal", 0) end, "the fraction kept must lie in %(0, 1%], got 0")
  t.fails(function() compress.network(nn.sequential { "relu" }, pg.zeros { 0 }) end, "the network has no weight matrix")
end)
