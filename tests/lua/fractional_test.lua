-- Exact moments with fractional noise: values known to ten digits, sums, a dense covariance, the running algorithm.
local pg = require "perigee"
local exact, process = pg.diag.fractional, pg.process

test("stationary variances are the tabulated ones, and the sums", function(t)
  local want = {
    [0.9] = { [0.1] = 0.7791964921, [0.25] = 1.5034191054, [0.5] = 5.2631578947, [0.75] = 21.5731886980, [0.9] = 53.4444917316 },
    [0.5] = { [0.1] = 0.7429788174, [0.25] = 0.8981691685, [0.5] = 1.3333333333, [0.75] = 2.1954292797, [0.9] = 3.1100735167 },
    [-0.9] = { [0.1] = 9.1349256929, [0.25] = 7.7505724306, [0.5] = 5.2631578947, [0.75] = 2.6890776037, [0.9] = 1.2021889233 } }
  for a, row in pairs(want) do
    for H, v in pairs(row) do
      t.near(exact.stationary(H, a) / v, 1, 1e-10, "a = %g, H = %g", a, H)
      local gamma, sum = process.fgn_covariance(H, 600), 1
      for k = 1, 599 do sum = sum + 2 * a^k * gamma[k + 1] end
      t.near(exact.stationary(H, a, 3), 9 * sum / (1 - a * a), 1e-9)
    end
    t.near(exact.stationary(1e-6, a), 1 / (1 + a), 1e-4)              -- H -> 0 is Anti-PGD
  end
  t.equal(exact.stationary(0.3, 0, 2), 4)
end)

test("variances after n steps are the tabulated ones, those of a dense covariance, and of the running algorithm", function(t)
  local want = { [0.1] = 0.7959843594, [0.25] = 1.5347484877, [0.5] = 5.1853637740, [0.75] = 19.4002643017, [0.9] = 44.1743692094 }
  for H, v in pairs(want) do
    t.near(exact.after(H, 0.9, 20) / v, 1, 1e-9)
    t.near(exact.after(H, 0.9, 3000), exact.stationary(H, 0.9), H > 0.5 and 1e-3 or 1e-8)
    for _, a in ipairs { 0.7, -0.6, 0 } do
      local n, gamma, sum = 12, process.fgn_covariance(H, 12), 0
      for i = 0, n - 1 do for j = 0, n - 1 do sum = sum + (a == 0 and (i == 0 and j == 0 and 1 or 0) or a^i * a^j) * gamma[math.abs(i - j) + 1] end end
      t.near(exact.after(H, a, n, 2), 4 * sum, 1e-12)
    end
    local g, x = process.fgn(pg.rng(3):stream("H", H * 100 // 1), { 20, 20000 }, { H = H }), pg.zeros { 20000 }
    for k = 1, 20 do x = 0.9 * x + g[k] end
    t.near(x:square():mean() / v, 1, 0.04)
  end
  t.equal(exact.after(0.3, 0.5, 0), 0)
end)

test("the limit of small steps, and the time at a saddle", function(t)
  for _, v in ipairs { { 0.1, 0.5, 0.5273494620 }, { 0.25, 2, 0.3133285343 }, { 0.7, 0.5, 1.6390522766 }, { 0.9, 2, 0.2407227763 } } do
    t.near(exact.limit(v[1], v[2]), v[3], 1e-9)
  end
  for H, ratio in pairs { [0.1] = 1.007542, [0.25] = 1.007322, [0.5] = 1.005025, [0.75] = 1.002513, [0.9] = 1.001005 } do
    t.near(exact.stationary(H, 0.99, 0.01^H) / exact.limit(H, 1), ratio, 1e-5)
  end
  for H, steps in pairs { [0.1] = 797.705, [0.3] = 798.903, [0.5] = 793.140, [0.7] = 782.142, [0.9] = 766.975 } do
    t.near(exact.exit(H, 0.01, 1, 1e-3 * 0.01^H, 1), steps, 1e-3)
  end
  t.fails(function() exact.stationary(1.2, 0.5) end, "fractional_test.lua:%d+: diag.fractional.stationary: H must lie in %(0, 1%), got 1.2")
  t.fails(function() exact.stationary(0.2, 1) end, "a must lie in %(%-1, 1%), got 1")
  t.fails(function() exact.after(0.2, 0.5, 1.5) end, "n must be an integer >= 0, got 1.5")
end)

-- Paths are linear in the normals of their stream, so the map is found from more paths than normals, without any sampling error.
test("the circulant method's map A from normals to path has A A' = Toeplitz(gamma)", function(t)
  local H, n, paths = 0.95, 50, 300
  local words
  do
    local stream = pg.rng(3):stream "path"
    local start = stream:clone()
    process.fgn(stream, { n }, { H = H, method = "circulant" })
    for k = n, 4 * n do
      if start:clone():jump(k):state() == stream:state() then words = k end
    end
  end
  t.ok(words and words >= 100, "as many words as a real path of 64 increments needs")
  local Z, X = {}, {}
  for k = 1, paths do
    local stream = pg.rng(3):stream("path", k)
    Z[k] = stream:clone():normal { words }
    X[k] = process.fgn(stream, { n }, { H = H, method = "circulant" })
  end
  Z, X = pg.stack(Z), pg.stack(X)
  local A = pg.linalg.lstsq(Z, X)                                          -- (words, n): X = Z A
  t.near((Z:mm(A) - X):abs():max(), 0, 1e-12)
  local gamma, i = process.fgn_covariance(H, n), pg.arange(n)
  t.near((A:transpose(1, 2):mm(A) - gamma[(i:unsqueeze(2) - i):abs() + 1]):abs():max(), 0, 1e-12)
end)

test("Anti-PGD is the limit H -> 0: variance 1/(1 + a), exactly and simulated", function(t)
  for _, a in ipairs { 0.5, 0.9 } do
    t.near(exact.stationary(1e-6, a) * (1 + a), 1, 1e-5)
    local x, last = pg.zeros { 60000 }, pg.rng(9):stream "start":normal { 60000 }
    for k = 1, 150 do                                                       -- 0.9^150 is 1e-7
      local white = pg.rng(9):stream("step", k):normal { 60000 }
      x, last = a * x + math.sqrt(0.5) * (white - last), white
    end
    t.near(x:square():mean() * (1 + a), 1, 5 * math.sqrt(2 / 60000), "a = %g: five standard errors, 3 %%", a)
    local g = process.fgn(pg.rng(10):stream "fractional", { 150, 60000 }, { H = 1e-6 })
    local y = pg.zeros { 60000 }
    for k = 1, 150 do y = a * y + g[k] end
    t.near(y:square():mean() * (1 + a), 1, 5 * math.sqrt(2 / 60000))
  end
end)
