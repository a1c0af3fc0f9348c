-- stable_law_test.lua: stable laws against closed forms, published values, each other and their sampler.
local pg = require "perigee"
local numeric = pg.numeric
local inf = math.huge

local function stable(...) return numeric.law("stable", ...) end
local alphas = { 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.999, 1, 1.001, 1.01, 1.2, 1.5, 1.8, 1.99, 2 }
local betas = { -1, -0.7, 0, 0.5, 1 }

test("the table: density and distribution function in S1", function(t)
  for _, v in ipairs { { 1.5, 0, 0, .2873527515, .5 }, { 1.5, 0, 1, .2020381596, .7563420244 }, { 1.5, .5, 1, .1415135707, .7967806891 },
                       { 1.8, -.7, -2, .0837269613, .0903097091 }, { .7, .3, .5, .3675143537, .4311440308 }, { 1.2, 1, 0, .0562647249, .8333333333 } } do
    local law = stable(v[1], v[2])
    t.near(math.exp(law:log_density(v[3])), v[4], 6e-11, "density of %s", tostring(law))
    t.near(law:cdf(v[3]), v[5], 6e-11, "distribution of %s", tostring(law))
  end
  for p, x in pairs { [.75] = .96893318, [.95] = 3.05194097, [.99] = 7.73644621 } do t.near(stable(1.5):quantile(p), x, 6e-9) end
  t.near(stable(1.8):quantile(.99), 4.27679225, 6e-9)
  t.near(stable(1.5):upper(100), 1.99790e-4, 6e-10)
end)

test("Gauss, Cauchy and Levy in closed form, far tails too", function(t)
  local x = pg.tensor { -1e6, -30, -3, -0.2, 0, 1e-3, 0.7, 5, 20, 1e4, 1e12 }
  local law = stable(2, 0.3)
  t.near(law:log_density(x) / (-x ^ 2 / 4 - math.log(4 * math.pi) / 2), 1, 1e-14)
  t.near(law:cdf(x), pg.normal_cdf(x / math.sqrt(2)), 1e-15)
  law = stable(1)
  t.near(law:log_density(x) + (x ^ 2):log1p() + math.log(math.pi), 0, 1e-13)
  for _, v in ipairs(x:tolist()) do t.near(law:upper(v) / (math.atan(1, v) / math.pi), 1, 1e-14) end
  law = stable(0.5, 1)
  for _, v in ipairs { 1e-9, 1e-3, 0.02, 0.3, 1, 7, 1e3, 1e8, 1e200 } do
    t.near(law:log_density(v) / (-1 / (2 * v) - math.log(2 * math.pi) / 2 - 1.5 * math.log(v)), 1, 1e-10, "density at %g", v)
    t.near(law:upper(v) / pg.erf(math.sqrt(1 / (2 * v))), 1, 1e-10, "upper tail at %g", v)
    local lower = pg.erfc(math.sqrt(1 / (2 * v)))
    if lower > 1e-300 then t.near(law:cdf(v) / lower, 1, 1e-10, "lower tail at %g", v) end
  end
  t.equal({ law:cdf(-1), law:upper(-1), law:log_density(-1) }, { 0, 1, -inf })
end)

test("reference values: series and Fourier integrals with 40 to 400 digits", function(t)
  local rows = 0
  for line in io.lines((arg[1]:gsub("%.lua$", ".txt"))) do
    if not line:match "^#" then
      local v = {}
      for word in line:gmatch "%S+" do v[#v + 1] = tonumber(word) end
      local law = stable(v[1], v[2], 1, 0, v[3] == 0 and "s0" or "s1")
      for i, got in ipairs { math.exp(law:log_density(v[4])), law:cdf(v[4]), law:upper(v[4]) } do
        if v[4 + i] > 0 then t.near(got / v[4 + i], 1, 1e-9, "value %d: %s", i, line) end
      end
      rows = rows + 1
    end
  end
  t.ok(rows > 500)
end)

test("the density is the derivative of both tails", function(t)
  for _, a in ipairs(alphas) do for _, b in ipairs(betas) do
    local law = stable(a, b, 1, 0, "s0")
    for _, x in ipairs { -40, -3, -0.5, 0.1, 1.5, 7, 1000 } do
      local h, f = 3e-4 * math.max(1, math.abs(x)), math.exp(law:log_density(x))
      local zeta = a ~= 1 and a ~= 2 and -b * math.tan(math.pi * a / 2) or 0
      if f > 1e-6 and (a > 0.9 or math.abs(x - zeta) > 500 * h) then
        local tail = law:cdf(x) < 0.5 and function(v) return law:cdf(v) end or function(v) return -law:upper(v) end
        local slope = (8 * (tail(x + h) - tail(x - h)) - (tail(x + 2 * h) - tail(x - 2 * h))) / (12 * h)
        t.near(slope / f, 1, 2e-7, "%s at %g", tostring(law), x)       -- the difference's own error, h^4 f''''/30
      end
    end
  end end
end)

test("far tails: the leading term and the next", function(t)
  local function two(a, b, x) -- P(X > x) in S1, alpha ~= 1
    local z, theta = b * math.tan(math.pi * a / 2), math.atan(b * math.tan(math.pi * a / 2))
    local first = math.exp(pg.lgamma(a)) * (1 + z * z) ^ 0.5 * x ^ -a * math.sin(a * math.pi / 2 + theta)
    local second = math.exp(pg.lgamma(2 * a)) / 2 * (1 + z * z) * x ^ (-2 * a) * math.sin(2 * (a * math.pi / 2 + theta))
    return (first - second) / math.pi
  end
  for _, a in ipairs { 0.3, 0.8, 1.3, 1.9 } do for _, b in ipairs { -0.6, 0, 1 } do
    local x = 1e12 ^ (1 / a)
    t.near(stable(a, b):upper(x) / two(a, b, x), 1, 1e-12, "alpha %g, beta %g", a, b)
  end end
  for _, a in ipairs { 1 - 1e-9, 1, 1 + 1e-9, 1 + 1e-5 } do for _, x in ipairs { 1e9, 1e14, 1e200 } do -- log x/x and more is below rounding at 1e14
    local law = stable(a, 0.7, 1, 0, "s0")
    t.near(law:upper(x) / (1.7 / math.pi * x ^ -a), 1, x == 1e9 and 1e-4 or 3e-5, "alpha %.10g at %g", a, x)
    t.near(law:log_density(x) + math.log(x) - math.log(law:upper(x)) - math.log(a), 0, 3e-8, "density, alpha %.10g at %g", a, x)
  end end
end)

test("any parameters, any point: two tails that make one, and a density", function(t)
  local rng = pg.rng(5):stream "any"
  for _ = 1, 3000 do
    local u, v, w = rng:uniform(), rng:uniform(), rng:uniform(-1, 1)
    local a = ({ 1, 1 + w * 10 ^ (-12 * u), 2 - 10 ^ (-10 * u), 10 ^ (-2 * u), 2 * u })[rng:integers(5)]
    local b = ({ 1, -1, 1 - 10 ^ (-14 * v), 10 ^ (-12 * v), 0, 2 * v - 1 })[rng:integers(6)]
    local x = rng:rademacher() * 10 ^ (rng:uniform(-1, 1) * (rng:uniform() < 0.1 and 250 or 8))
    local law = stable(a, b, 1, 0, "s0")
    local l, p, q = law:log_density(x), law:cdf(x), law:upper(x)
    t.ok(l == l and l < inf, "log density %g of %s at %g", l, tostring(law), x)
    t.ok(p >= 0 and q >= 0 and math.abs(p + q - 1) < 1e-9, "tails %g and %g of %s at %.17g", p, q, tostring(law), x)
  end
end)

test("mirrored beta, mirrored law; the two tails make one", function(t)
  local x = pg.tensor { -1e6, -20, -2, -0.3, 0, 0.4, 1, 8, 300, 1e6 }
  for _, a in ipairs(alphas) do for _, b in ipairs(betas) do
    for _, form in ipairs { "s1", "s0" } do
      local law, other = stable(a, b, 1.5, 0.25, form), stable(a, -b, 1.5, -0.25, form)
      t.near(law:log_density(x):exp() - other:log_density(-x):exp(), 0, b == 0 and 1e-14 or 0)
      t.near(law:cdf(x) - other:upper(-x), 0, b == 0 and 1e-14 or 0)
      t.near(law:cdf(x) + law:upper(x), 1, 1e-10, "%s", tostring(law))                         -- sums that agree to 1e-6 have errors near its square
    end
  end end
end)

test("quantiles invert both tails", function(t)
  for _, a in ipairs(alphas) do for _, b in ipairs { -1, 0, 0.5, 1 } do
    local law = stable(a, b, 1, 0, a > 0.9 and "s0" or "s1")                                -- below, the law has most of its mass at zeta, which is 0 in S1
    for _, p in ipairs { 1e-12, 1e-3, 0.2, 0.5, 0.9 } do
      local y, x = law:upper_quantile(p), law:quantile(p)
      if y < 1e300 then t.near(law:upper(y) / p, 1, 1e-10, "upper %g of %s at %g", p, tostring(law), y) end
      if x > -1e300 then t.near(law:cdf(x) / p, 1, 1e-10, "lower %g of %s at %g", p, tostring(law), x) end
    end
  end end
end)

test("the median of a symmetric law is its location", function(t)
  for _, a in ipairs(alphas) do t.equal(stable(a, 0, 3, -1.25):quantile(0.5), -1.25) end
end)

test("S0 is continuous through alpha = 1, and its near Cauchy laws join", function(t)
  local x = pg.tensor { -1e3, -5, -0.5, 0, 0.8, 4, 1e3 }
  for _, b in ipairs { 0, 1e-8, 0.3, 1 } do
    local mid = stable(1, b, 1, 0, "s0")
    for _, e in ipairs { 1e-15, 1e-12, 1e-9, 0.99e-6, 1.01e-6 } do
      local up, down = stable(1 + e, b, 1, 0, "s0"), stable(1 - e, b, 1, 0, "s0")
      local mean = (up:log_density(x) + down:log_density(x)) / 2                             -- what is odd in e goes
      local exact = mid:log_density(x)
      if b == 1 then mean, exact = mean:narrow(1, 2, 6), exact:narrow(1, 2, 6) end           -- e^-1e681 at -1000
      t.near(mean / exact, 1, 1e-8, "beta %g, e %g", b, e)
      t.near((up:upper(x) + down:upper(x)) / 2, mid:upper(x), 1e-9, "beta %g, e %g", b, e)
    end
  end
end)

test("light tails of |beta| = 1 go on where the density underflows", function(t)
  -- log f ~ -g0 (1 + o(1)), g0 = |1 - alpha| (|x|/(alpha R))^(alpha/(alpha - 1)) and R = (1/|cos(pi alpha/2)|)^(1/alpha)
  for _, a in ipairs { 0.3, 0.7, 1.2, 1.5, 1.9 } do
    local x = a < 1 and 1e-3 ^ ((1 - a) / a) or -(1e4 ^ ((a - 1) / a)) * 10
    local r = math.abs(math.cos(math.pi * a / 2)) ^ (-1 / a)
    local g0 = math.abs(1 - a) * (math.abs(x) / (a * r)) ^ (a / (a - 1))
    local l = stable(a, 1):log_density(x)
    t.ok(l < -300 and l > -inf, "log density %g", l)
    t.near(l / -g0, 1, 0.04, "alpha %g", a)
  end
end)

test("scale and location", function(t)
  for _, a in ipairs { 0.8, 1, 1.3 } do for _, form in ipairs { "s1", "s0" } do
    local law, unit = stable(a, 0.6, 2.5, -0.7, form), stable(a, 0.6, 1, 0, form)
    local shift = a == 1 and form == "s1" and 2 / math.pi * 0.6 * math.log(2.5) or 0
    local z = pg.tensor { -4, -0.1, 0.3, 6 }
    t.near(law:cdf(-0.7 + 2.5 * (z + shift)), unit:cdf(z), 1e-13)
    t.near(law:log_density(-0.7 + 2.5 * (z + shift)) + math.log(2.5), unit:log_density(z), 1e-12)
    t.near(law:quantile(0.3), -0.7 + 2.5 * (unit:quantile(0.3) + shift), 1e-12)
  end end
  local zeta = stable(1.3, 0.6):mean() - stable(1.3, 0.6, 1, 0, "s0"):mean()
  t.near(zeta, 0.6 * math.tan(math.pi * 1.3 / 2), 1e-14)
  t.near(zeta, -1.17757, 1e-5)
end)

test("positive stable laws: the Laplace transform", function(t)
  for _, a in ipairs { 0.2, 0.5, 0.8 } do
    local law = numeric.law("positive_stable", a, 1.5)
    -- E e^(-qX) = q int e^(-qx) F(x) dx
    local value = numeric.integrate(function(x) return 0.7 * math.exp(-0.7 * x) * law:cdf(x) end, { 0, inf }, { method = "tanh_sinh", rel_tol = 1e-8, abs_tol = 1e-9 })
    t.near(value, math.exp(-(1.5 * 0.7) ^ a), 1e-7, "alpha %g", a)
  end
end)

test("draws follow the law", function(t)
  local n = 4000
  for _, v in ipairs { { 0.3, 1 }, { 0.8, -0.4 }, { 1, 0.7 }, { 1, 0 }, { 1.0001, 1, 1, 0, "s0" }, { 1.5, 0.5, 3, 1 }, { 1.9, -1, 1, 0, "s0" } } do
    local law = stable(table.unpack(v))
    local d, p = law:kolmogorov(law:draw(pg.rng(17):stream "stable", { n }))
    t.ok(d < 2.7 and p > 1e-6, "%s: Kolmogorov's statistic is %g", tostring(law), d)
    local _, other = law:kolmogorov(law:draw(pg.rng(17):stream "stable", { n }) + 0.3)
    if v[1] > 0.9 then t.ok(other < 1e-4, "%s shifted is told apart", tostring(law)) end
  end
  local law = numeric.law("positive_stable", 0.6)
  t.ok(law:kolmogorov(law:draw(pg.rng(18), { n })) < 2.7)
end)

test("Kolmogorov's statistic and its law", function(t)
  local d, p = numeric.law("normal"):kolmogorov(numeric.law("normal"):quantile(pg.tensor { 0.1, 0.5, 0.6, 0.9 }))
  t.near(d, 2 * 0.25, 1e-12)                                         -- at 0.5, where F_n jumps from 0.25
  t.near(p, 0.9639452436648751, 1e-12)
end)

test("gradients: densities and their inverses; refused for the log density", function(t)
  local law, x = stable(1.4, -0.3), pg.tensor { -2, 0.3, 5 }
  t.near(pg.ad.grad(function(v) return law:cdf(v):sum() end)(x), law:log_density(x):exp(), 1e-14)
  t.near(pg.ad.grad(function(v) return law:upper(v):sum() end)(x), -law:log_density(x):exp(), 1e-14)
  local p = law:cdf(x)
  t.near(pg.ad.grad(function(v) return law:quantile(v):sum() end)(p) * law:log_density(x):exp(), 1, 1e-10)
  t.fails(function() pg.ad.grad(function(v) return law:log_density(v):sum() end)(x) end, "log density of a stable law has no gradient")
end)

test("stable laws refuse what they cannot take", function(t)
  t.fails(function() stable(2.5) end, "alpha of stable must lie in %(0, 2%], got 2.5")
  t.fails(function() stable(0) end, "alpha of stable must lie in %(0, 2%], got 0")
  t.fails(function() stable(1.5, -1.2) end, "beta of stable must lie in %[%-1, 1%], got %-1.2")
  t.fails(function() stable(1.5, 0, -1) end, "scale of stable must be positive, got %-1")
  t.fails(function() stable(1.5, 0, 1, 0, "s2") end, 'form of stable must be "s1" or "s0", got "s2"')
  t.fails(function() stable(1.5):quantile(1.5) end, "a probability must lie in %[0, 1%], got 1.5")
  t.fails(function() numeric.law("positive_stable", 1) end, "alpha of positive_stable must lie in %(0, 1%), got 1")
  t.fails(function() numeric.stable("pdf", pg.zeros { 1 }, 1) end, "expected, got 'pdf'")
  t.fails(function() numeric.stable("cdf", pg.zeros { 1 }, 3) end, "alpha must lie in %(0, 2%], got 3")
  t.fails(function() numeric.stable("cdf", pg.zeros({ 1 }, "i64"), 1) end, "must be f64 or f32, got i64")
  t.equal(stable(1.5):cdf(0 / 0) ~= stable(1.5):cdf(0 / 0), true)
  t.equal({ stable(1.5):quantile(0), stable(1.5):quantile(1), stable(0.5, 1, 2, 3):quantile(0) }, { -inf, inf, 3 })
end)
