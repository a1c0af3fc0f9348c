-- numeric_laws_test.lua: laws: density, distribution function, quantiles, moments and sampler tell the same story.
local pg = require "perigee"
local numeric = pg.numeric
local inf = math.huge

local cases = {
  { "normal", 1, 2, low = -inf }, { "laplace", -1, 0.5, low = -inf }, { "student_t", 3.5, low = -inf }, { "student_t", 30, low = -inf },
  { "gamma", 0.4, 2, low = 0 }, { "gamma", 7, 0.1, low = 0 }, { "exponential", 3, low = 0 }, { "chi_square", 5, low = 0 },
  { "f", 4, 9.5, low = 0 }, { "pareto", 3.2, 2, low = 2 }, { "inverse_gaussian", 1.5, 4, low = 0 }, { "inverse_gaussian", 1, 0.05, low = 0 },
  { "beta", 2.5, 0.7, low = 0, high = 1 },
}

for _, case in ipairs(cases) do
  local law = numeric.law(table.unpack(case))
  local function density(x) return math.exp(law:log_density(x)) end
  local points = { 1e-4, 0.01, 0.2, 0.5, 0.7, 0.95, 0.999 }

  test(("%s: the distribution function is the density's integral"):format(law), function(t)
    for i = 1, #points - 1 do
      local a, b = law:quantile(points[i]), law:quantile(points[i + 1])
      t.near(numeric.integrate(density, { a, b }), points[i + 1] - points[i], 1e-9, "from %g to %g", a, b)
      t.near(law:cdf(b), points[i + 1], 1e-13)
      t.near(law:cdf(b) + law:upper(b), 1, 3e-16)
    end
  end)

  test(("%s: quantiles invert, in the tails too"):format(law), function(t)
    local tolerance = case[1] == "inverse_gaussian" and 3e-12 or 3e-13 -- a difference that loses 2 mean / x of itself
    for _, p in ipairs { 1e-250, 1e-30, 1e-9, 0.3, 0.5, 0.6 } do
      local x = law:upper_quantile(p)
      if x < 1e300 and not (case.high and x > 1 - 1e-9) then t.near(law:upper(x) / p, 1, tolerance, "upper %g at %g", p, x) end
      local y = law:quantile(p)
      if y > case.low + 1e-300 and not (case.low == 2 and p < 1e-3) then t.near(law:cdf(y) / p, 1, tolerance, "lower %g at %g", p, y) end
    end
  end)

  test(("%s: moments are those of the density"):format(law), function(t)
    local function moment(k, c)
      return numeric.integrate(function(x)
        local d = density(x)
        return d == 0 and 0 or (x - c) ^ k * d
      end, { case.low, case.high or inf }, { method = "tanh_sinh", rel_tol = 1e-9, abs_tol = 1e-12, breaks = case[1] == "laplace" and { -1 } or nil })
    end
    local m = moment(1, 0)
    t.near(m, law:mean(), 1e-7 * (1 + math.abs(m)))
    local heavy = case[1] == "student_t" and case[2] < 4 or case[1] == "f" or case[1] == "pareto" -- their second moments converge slowly
    local v = moment(2, m)
    t.near(v / law:variance(), 1, heavy and 2e-2 or 1e-6)
  end)

  test(("%s: draws follow it"):format(law), function(t)
    local n = 20000
    local u = law:cdf(law:draw(pg.rng(17):stream(case[1]), { n })):sort(1)
    local off = math.max((u - pg.arange(n) / n):abs():max(), (u - pg.arange(1, n + 1) / n):abs():max())
    t.ok(math.sqrt(n) * off < 2.7, "Kolmogorov's statistic is %g", math.sqrt(n) * off) -- P = 2 e^(-2 2.7^2) = 1e-6, as five standard errors
    t.equal(type(law:draw(pg.rng(1))) == "number" or pg.is_tensor(law:draw(pg.rng(1))), true)
  end)

  test(("%s: tensors, numbers, and outside the support"):format(law), function(t)
    local x = pg.tensor { { -3, 0.4 }, { 2.5, 0.8 } }
    for _, what in ipairs { "log_density", "cdf", "upper" } do
      local y = law[what](law, x)
      t.equal(y:dims(), { 2, 2 })
      for i = 1, 2 do for j = 1, 2 do t.equal(y[{ i, j }], law[what](law, x[{ i, j }]), what) end end
    end
    if case.low > -inf then t.equal({ law:log_density(-3), law:cdf(-3), law:upper(-3) }, { -inf, 0, 1 }) end
    if case.high then t.equal({ law:log_density(1.5), law:cdf(1.5), law:upper(1.5) }, { -inf, 1, 0 }) end
  end)
end

test("derivatives of distribution functions are densities", function(t)
  for _, case in ipairs(cases) do
    local law = numeric.law(table.unpack(case))
    local x = law:quantile(pg.tensor { 0.2, 0.5001, 0.9 })
    local g = pg.ad.grad(function(v) return law:cdf(v):sum() end)(x)
    t.near(g / law:log_density(x):exp(), 1, 1e-12, "%s", tostring(law))
  end
end)

test("known values", function(t)
  t.near(numeric.law("student_t", 1):upper(1), 0.25, 1e-16)
  t.near(numeric.law("chi_square", 1):upper_quantile(0.05), 3.84145882069412586, 1e-15)
  t.near(numeric.law("student_t", 10):upper_quantile(0.025), 2.2281388519862747, 1e-15)
  t.near(numeric.law("f", 2, 20):upper(4), (1 + 0.4) ^ -10, 1e-16) -- m = 2: (1 + 2x/n)^(-n/2)
  t.near(numeric.law("student_t", 5):cdf(1e-9) - 0.5, 0, 1e-9)
end)

test("laws are checked", function(t)
  t.fails(function() numeric.law("gama", 1) end, "numeric.law: no law is called 'gama' %(did you mean 'gamma'%?%)")
  t.fails(function() numeric.law("gamma") end, "gamma needs the number 'shape', got nil")
  t.fails(function() numeric.law("gamma", -1) end, "shape of gamma must be positive, got %-1")
  t.fails(function() numeric.law("exponential", 1, 2) end, "exponential has 1 parameters, got 2")
end)
