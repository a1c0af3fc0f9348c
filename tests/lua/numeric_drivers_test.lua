-- numeric_drivers_test.lua: integrals, Gauss's rules, roots, minima, fits, systems and differential equations of Lua functions.
local pg = require "perigee"
local ad, numeric = pg.ad, pg.numeric
local inf = math.huge

local function relative(t, got, want, tolerance, ...)
  t.ok(math.abs(got - want) <= tolerance * math.abs(want), "%s: %.17g, not %.17g", string.format(...), got, want)
end

-- ---- integrals ----

local integrals = {
  { "e^x", math.exp, 0, 1, math.exp(1) - 1 },
  { "backwards", math.exp, 1, 0, 1 - math.exp(1) },
  { "a peak", function(x) return 1 / (1e-4 + (x - 0.3) ^ 2) end, 0, 1, 1e2 * (math.atan(70) + math.atan(30)) },
  { "oscillating", function(x) return math.cos(200 * x) end, 0, 1, math.sin(200) / 200 },
  { "normal density", function(x) return math.exp(-x * x / 2) end, -inf, inf, math.sqrt(2 * math.pi) },
  { "upper tail", function(x) return math.exp(-x * x / 2) end, 5, inf, math.sqrt(2 * math.pi) * math.exp(numeric.log_normal_cdf(-5)), 1e-20 },
  { "lower tail", function(x) return math.exp(-x * x / 2) end, -inf, -5, math.sqrt(2 * math.pi) * math.exp(numeric.log_normal_cdf(-5)), 1e-20 },
  { "Cauchy", function(x) return 1 / (1 + x * x) end, -inf, inf, math.pi },
}
for _, case in ipairs(integrals) do
  local name, f, a, b, want, abs_tol = table.unpack(case)
  for _, method in ipairs { "gauss_kronrod", "tanh_sinh" } do
    test(("integral of %s by %s"):format(name, method), function(t)
      local got, err, calls = numeric.integrate(f, { a, b }, { method = method, rel_tol = 1e-11, abs_tol = abs_tol or 0 })
      relative(t, got, want, 1e-11, "value")
      t.ok(err <= 1e-11 * math.abs(want) and math.abs(got - want) <= err + 1e-15 * math.abs(want), "the estimate %g bounds the error", err)
      t.ok(calls >= 21)
    end)
  end
end

test("tanh-sinh takes singular ends", function(t)
  for _, p in ipairs { -0.9, -0.5, 0.3 } do
    local got = numeric.integrate(function(x) return x ^ p end, { 0, 1 }, { method = "tanh_sinh" })
    relative(t, got, 1 / (1 + p), 1e-10, "x^%g", p)
    got = numeric.integrate(function(x) return x ^ p * math.exp(-x) end, { 0, inf }, { method = "tanh_sinh" })
    relative(t, got, math.exp(pg.lgamma(1 + p)), 1e-10, "Gamma(%g)", 1 + p)
  end
  relative(t, numeric.integrate(function(x) return math.log(x) ^ 2 end, { 0, 1 }, { method = "tanh_sinh" }), 2, 1e-12, "log^2")
end)

test("break points make kinks harmless", function(t)
  local calls = 0
  local function f(x) calls = calls + 1; return math.abs(x - 1 / 3) + (x < 0.7 and 0 or 1) end
  local got = numeric.integrate(f, { 0, 1 }, { breaks = { 1 / 3, 0.7 } })
  t.near(got, 5 / 18 + 0.3, 1e-15)
  t.equal(calls, 63)
  relative(t, numeric.integrate(function(x) return math.exp(-math.abs(x - 2)) end, { -inf, inf }, { breaks = pg.tensor { 2 } }), 2, 1e-10, "an infinite range")
end)

test("integrals that fail say how far they came", function(t)
  t.fails(function() numeric.integrate(function(x) return math.sin(1 / x) end, { 0, 1 }, { max_evaluations = 1000 }) end,
    "tolerance 5.*is not reached after 987 evaluations: best value 0.50.*error about 0.00.*worst near x = 0.0.*allow more evaluations")
  t.fails(function() numeric.integrate(function(x) return 1 / (x - 0.5) end, { 0, 1 }) end, "numeric.integrate: the function is inf at x = 0.5")
  t.fails(function() numeric.integrate(function() return "x" end, { 0, 1 }) end, "numeric.integrate: the function must return a number, got string")
  t.fails(function() numeric.integrate(math.exp, { 0, 1 }, { breaks = { 3 } }) end, "break points must lie inside %(0, 1%), got 3")
  t.fails(function() numeric.integrate(math.exp, { 0, 1 }, { method = "simpson" }) end, "'gauss_kronrod' or 'tanh_sinh', got 'simpson'")
  t.fails(function() numeric.integrate(math.exp, { 0 }) end, "argument 2 must be the range {a, b}")
  t.fails(function() numeric.integrate(3, { 0, 1 }) end, "argument 1 must be a function, got number")
end)

test("the script's own error comes through, with its value", function(t)
  local mine = setmetatable({}, { __tostring = function() return "mine" end })
  local calls = { { "integrate", { 0, 1 } }, { "root", { 0, 1 } }, { "minimise", { 0, 1 } }, { "bracket", { 0, 1 } }, { "nelder_mead", { 1, 2 } } }
  for _, c in ipairs(calls) do
    local ok, e = pcall(numeric[c[1]], function() error(mine) end, c[2])
    t.ok(not ok and e == mine, "%s", c[1])
  end
  local n = 0
  local ok, e = pcall(numeric.fit, function(w) n = n + 1; if n == 3 then error(mine) end return w * w - 1 end, { 2, 3 })
  t.ok(not ok and e == mine, "fit")
  ok, e = pcall(numeric.ode, function() error(mine) end, { 1 }, { 0, 1 })
  t.ok(not ok and e == mine, "ode")
end)

-- ---- Gauss's rules ----

test("Gauss's rules are exact to degree 2n - 1", function(t)
  local moments = {
    legendre = function(k) return k % 2 == 0 and 2 / (k + 1) or 0 end,
    hermite = function(k) return k % 2 == 0 and math.exp(pg.lgamma((k + 1) / 2)) or 0 end,
    laguerre = function(k) return math.exp(pg.lgamma(k + 1.7)) end,
  }
  for kind, moment in pairs(moments) do
    for _, n in ipairs { 1, 2, 5, 12 } do
      local x, w = numeric.gauss(kind, n, kind == "laguerre" and { alpha = 0.7 } or nil)
      for k = 0, 2 * n - 1 do
        local terms = w * x ^ k
        t.near(terms:sum(), moment(k), 1e-14 * terms:abs():sum(), "%s, %d points, degree %d", kind, n, k)
      end
    end
  end
  local x, w = numeric.gauss("jacobi", 6, { alpha = 0.5, beta = -0.3 }) -- in y = (1+x)/2: 2^(a+b+1) int y^(k+b) (1-y)^a
  for k = 0, 11 do
    t.near((w * ((1 + x) / 2) ^ k):sum(), 2 ^ 1.2 * math.exp(numeric.log_beta(k + 0.7, 1.5)), 2e-15, "jacobi, degree %d", k)
  end
end)

test("large rules: Legendre of 2000 points, Laguerre weights below the smallest number", function(t)
  local x, w = numeric.gauss("legendre", 2000)
  t.near(w:sum(), 2, 1e-14)
  t.equal(x:flip(1), -x)
  t.near((w * (50 * x):cos()):sum(), 2 * math.sin(50) / 50, 1e-15)
  local j = 2.404825557695773 -- first zero of J_0: the last node is cos(j / (n + 1/2)) up to O(n^-4)
  t.near((1 - x[-1]) / (1 - math.cos(j / 2000.5)), 1, 1e-6)
  local y, v, log_v = numeric.gauss("laguerre", 500, { alpha = -0.5 })
  t.near(v:sum(), math.sqrt(math.pi), 1e-14)
  t.equal(v[-1], 0)
  t.ok(log_v[-1] < -1900 and log_v[-1] > -2000, "log weight %g", log_v[-1])
  t.near((log_v + y):logsumexp() > 0, true, 0)
  -- Laguerre of alpha = -1/2 is Hermite in x^2: nodes to the last digits, small ones too
  local h, hw, log_hw = numeric.gauss("hermite", 1000)
  t.near((h:slice(1, 501, 1000) ^ 2 / y - 1):abs():max(), 0, 1e-15)
  t.near((log_hw:slice(1, 501, 1000) + math.log(2) - log_v):abs():max(), 0, 1e-12)
  t.near(hw:sum(), math.sqrt(math.pi), 1e-14)
end)

test("Gauss's rules refuse what they are not", function(t)
  t.fails(function() numeric.gauss("simpson", 3) end, "the kind must be 'legendre'")
  t.fails(function() numeric.gauss("legendre", 0) end, "must lie in 1..100000, got 0")
  t.fails(function() numeric.gauss("laguerre", 3, { alpha = -1 }) end, "alpha must lie in %(%-1, 10000%), got %-1")
end)

-- ---- roots and minima of one variable ----

local zeros = {
  { function(x) return x * x - 2 end, function(x) return 2 * x end, 0, 2, math.sqrt(2) },
  { function(x) return math.cos(x) - x end, function(x) return -math.sin(x) - 1 end, -10, 10, 0.73908513321516064 },
  { function(x) return math.exp(-x) - 1e-9 end, function(x) return -math.exp(-x) end, 0, 1000, 9 * math.log(10) },
  { function(x) return (x - 1) ^ 9 end, function(x) return 9 * (x - 1) ^ 8 end, 0, 3, 1, 1e-14 }, -- a flat zero: Newton's step is a ninth of what is left
  { function(x) return x >= 0.1 and 1 or -1 end, function() return 0 end, 0, 1, 0.1 },             -- a jump; the slope says nothing
  { function(x) return x end, function() return 1 end, -3, 1e300, 0, 1e-300 },
}
test("roots to the last digits, in few steps", function(t)
  for i, case in ipairs(zeros) do
    local f, df, a, b, want, tolerance = table.unpack(case)
    local calls = 0
    local function counted(x) calls = calls + 1; return f(x) end
    t.near(numeric.root(counted, { a, b }), want, tolerance or 4e-16 * math.abs(want), "root of case %d", i)
    t.ok(calls <= 160, "case %d took %d calls", i, calls)
    t.near(numeric.newton(f, df, { a, b }, { max_iterations = 2000 }), want, tolerance or 4e-16 * math.abs(want), "newton on case %d", i)
  end
  local calls = 0
  numeric.root(function(x) calls = calls + 1; return x * x * x - 2 end, { 0, 2 })
  t.ok(calls <= 14, "%d calls for a smooth root", calls)
  t.near(numeric.root(function(x) return pg.tensor { x * x - 2 }:sum() end, { 0, 2 }, { x_tol = 0.1 }), math.sqrt(2), 0.1)
end)

test("a bracket without a sign change shows both values", function(t)
  t.fails(function() numeric.root(function(x) return x * x + 2 end, { 0, 2 }) end, "f%(0%) = 2 and f%(2%) = 6")
  t.fails(function() numeric.newton(function(x) return x * x + 2 end, function(x) return 2 * x end, { 0, 2 }) end, "f%(0%) = 2 and f%(2%) = 6")
  t.fails(function() numeric.root(math.exp, { 0, inf }) end, "the ends must be finite")
  t.fails(function() numeric.root(function(x) return x < 0.5 and -1 or 0 / 0 end, { 0, 1 }) end, "numeric.root: the function is %-?nan at x = 1")
end)

test("bracket widens towards the zero, within limits", function(t)
  for _, zero in ipairs { -1e6, -3, 0.5, 7, 1e9 } do
    local r = numeric.bracket(function(x) return x - zero end, { 0, 1 })
    t.ok(r[1] <= zero and zero <= r[2], "%g in [%g, %g]", zero, r[1], r[2])
    t.near(numeric.root(function(x) return x - zero end, r), zero, 1e-15 * math.abs(zero))
  end
  local r = numeric.bracket(function(x) return math.log(x) + 5 end, { 0.5, 1 }, { lo = 1e-9 })
  t.ok(r[1] >= 1e-9 and r[1] < math.exp(-5))
  t.fails(function() numeric.bracket(function(x) return x * x + 1 end, { 0, 1 }, { lo = -2, hi = 2 }) end, "does not change sign up to f%(%-2%) = 5 and f%(2%) = 5")
end)

test("minima of one variable", function(t)
  for _, method in ipairs { "brent", "golden" } do
    local x, y = numeric.minimise(function(z) return (math.exp(z - 0.3) + math.exp(0.3 - z)) / 2 end, { -4, 5 }, { method = method })
    t.near(x, 0.3, 4e-8, method)
    t.near(y, 1, 1e-15, method)
    x = numeric.minimise(function(z) return math.abs(z - 2) end, { 0, 10 }, { method = method })
    t.near(x, 2, 1e-7, "%s, a kink", method)
    t.near(numeric.minimise(function(z) return z end, { 3, 4 }, { method = method }), 3, 1e-7, "%s, at an end", method)
  end
  t.fails(function() numeric.minimise(function(x) return 0 / x end, { 0, 0 }) end, "nan")
end)

-- ---- several variables ----

local function rosenbrock(x) return 100 * (x[2] - x[1] ^ 2) ^ 2 + (1 - x[1]) ^ 2 end

test("Nelder-Mead", function(t)
  local start = pg.tensor { -1.2, 1 }
  local x, y = numeric.nelder_mead(rosenbrock, start)
  t.near(x, { 1, 1 }, 1e-6)
  t.ok(y < 1e-12)
  t.equal(start, { -1.2, 1 }, "the start is not written")
  x = numeric.nelder_mead(function(z) return (z - pg.arange(1, 9)):square():sum() end, pg.zeros { 8 }, { max_evaluations = 20000 })
  t.near(x, pg.arange(1, 9):cast "f64", 1e-5)
  t.fails(function() numeric.nelder_mead(rosenbrock, { -1.2, 1 }, { max_evaluations = 30 }) end, "not converged after 3%d evaluations: best value")
end)

test("a fit of a straight line is the regression, with its covariance", function(t)
  local n = 40
  local x = pg.linspace(-1, 3, n)
  local y = 2 - 0.7 * x + 0.1 * pg.rng(4):normal { n }
  local theta, info = numeric.fit(function(w) return w[1] + w[2] * x - y end, { 10, 10 })
  local A = pg.stack({ pg.ones { n }, x }, 2)
  local exact = pg.linalg.lstsq(A, y)
  t.near(theta, exact, 1e-12)
  local rss = (A:mv(exact) - y):square():sum()
  t.near(info.rss, rss, 1e-12)
  t.near(info.covariance, pg.linalg.inverse(A:t():mm(A)) * (rss / (n - 2)), 1e-14)
  t.equal(info.rank, 2)
end)

test("fits of exponentials, with either Jacobian, in any units", function(t)
  local x = pg.linspace(0, 4, 60)
  local y = 3 * (-1.5 * x):exp() + 0.25
  for _, unit in ipairs { 1, 1e-8, 1e8 } do
    local function r(w) return w[1] * (-w[2] * unit * x):exp() + w[3] - y end
    local function J(w)
      local e = (-w[2] * unit * x):exp()
      return pg.stack({ e, -unit * w[1] * x * e, pg.ones { 60 } }, 2)
    end
    for _, jacobian in ipairs { false, J } do
      local theta, info = numeric.fit(r, { 1, 1 / unit, 0 }, { jacobian = jacobian or nil })
      t.near(theta * pg.tensor { 1, unit, 1 }, { 3, 1.5, 0.25 }, 1e-9, "unit %g", unit)
      t.ok(info.rss < 1e-18 and info.iterations < 40)
    end
  end
end)

test("the Jacobian of a fit is the same from either side", function(t)
  local function r(w) return pg.concatenate { w:exp(), (w * 3):sin(), (w * w:sum()):cos() } end
  local jacobian = require "perigee.numeric.jacobian"
  local at = pg.tensor { 0.3, -1.2 }
  t.near(jacobian(r, at), ad.jacobian(r, at), 1e-15)
  local once = ad.custom { forward = function(w) return w:square() end, backward = function(g, _, w) return g * 2 * w end }
  local function second(w) return pg.concatenate { once(w), w } end -- whatever order `custom` has, the result is right
  t.near(jacobian(second, at), { { 0.6, 0 }, { 0, -2.4 }, { 1, 0 }, { 0, 1 } }, 1e-15)
  t.near(jacobian(function(w) return (w * w):sum() end, at):reshape(2), { 0.6, -2.4 }, 1e-15)
end)

test("a rank-deficient fit ends, and says so", function(t)
  local x = pg.linspace(0, 1, 9)
  local theta, info = numeric.fit(function(w) return (w[1] + w[2]) * x - 3 * x end, { 0, 0 })
  t.near(theta:sum(), 3, 1e-12)
  t.equal(info.rank, 1)
  t.ok(info.covariance:isfinite():all())
end)

test("bounds hold", function(t)
  local x = pg.linspace(0, 1, 20)
  local seen = true
  local function r(w)
    local a = w[1]
    a = pg.is_tensor(a) and a:item() or a
    seen = seen and a >= -1e-300 and a <= 1
    return w[1] + w[2] * x - (2 + 3 * x)
  end
  local theta = numeric.fit(r, { 0.5, 0 }, { lower = { 0, -10 }, upper = { 1, 10 } })
  t.ok(seen, "the residual is never asked outside")
  t.near(theta[1], 1, 0)
  local rest = 2 - 1 + 3 * x -- slope alone: sum x rest / sum x^2
  t.near(theta[2], (x * rest):sum() / x:square():sum(), 1e-10)
  t.fails(function() numeric.fit(r, { 5, 0 }, { upper = 1 }) end, "variable 1 starts at 5, outside its bounds %[%-inf, 1%]")
end)

test("fits that cannot start say why", function(t)
  t.fails(function() numeric.fit(function(w) return w:log() end, { -1, 2 }) end, "numeric.fit: residual 1 is %-?nan at the start")
  t.fails(function() numeric.fit(function() return "x" end, { 1 }) end, "must return a tensor, got string")
  t.fails(function() numeric.fit(function(w) return w * w end, { 1, 2 }, { jacobian = function(w) return w end }) end, "the Jacobian must return 4 elements, got shape %(2%)")
end)

test("systems of equations", function(t)
  local x, largest = numeric.solve(function(z) return pg.stack { z[1] ^ 2 + z[2] ^ 2 - 1, z[1] - z[2] } end, { 1, 0.2 })
  t.near(x, { math.sqrt(0.5), math.sqrt(0.5) }, 1e-15)
  t.ok(largest < 1e-15)
  local y = numeric.solve(function(z) return pg.stack { 10 * (z[2] - z[1] ^ 2), 1 - z[1] } end, { -1.2, 1 }) -- Rosenbrock, as a system
  t.near(y, { 1, 1 }, 1e-12)
  t.fails(function() numeric.solve(function(z) return z * z + 1 end, { 0.5 }) end, "the largest |F| is still 1 where no step makes it smaller")
  t.fails(function() numeric.solve(function(z) return z:sum() end, { 1, 2 }) end, "1 equations for 2 unknowns")
end)

-- ---- differential equations ----

test("the oscillator, at given times, forwards and backwards", function(t)
  local function f(_, y) return pg.stack { y[2], -y[1] } end
  local times = pg.linspace(0, 10, 101)
  for _, tolerance in ipairs { 1e-6, 1e-9, 1e-12 } do
    local y, info = numeric.ode(f, { 1, 0 }, times, { rel_tol = tolerance, abs_tol = tolerance })
    t.near(y, pg.stack({ times:cos(), -times:sin() }, 2), 30 * tolerance, "tolerance %g", tolerance)
    t.ok(info.evaluations < 60 * tolerance ^ -0.2, "%d evaluations", info.evaluations)
    local back = numeric.ode(f, y[-1], { 10, 0 }, { rel_tol = tolerance, abs_tol = tolerance })
    t.near(back[-1], { 1, 0 }, 60 * tolerance)
  end
end)

test("the interpolant has order 4, RK4 too", function(t)
  local function f(x, y) return y * math.cos(x) end
  local function exact(x) return math.exp(math.sin(x)) end
  local function worst(options, times)
    local y = numeric.ode(f, { 1 }, times, options)
    return (y:reshape(times:size()) - times:sin():exp()):abs():max()
  end
  local coarse, fine = worst({ steps = 40 }, pg.tensor { 0, 3 }), worst({ steps = 80 }, pg.tensor { 0, 3 })
  t.near(math.log(coarse / fine, 2), 4, 0.2)
  local times = pg.linspace(0, 3, 301) -- one step, fixed by its largest size: the interpolant is what is measured
  local a = worst({ first_step = 0.3, max_step = 0.3, rel_tol = 1, abs_tol = 1 }, times)
  local b = worst({ first_step = 0.15, max_step = 0.15, rel_tol = 1, abs_tol = 1 }, times)
  t.ok(math.log(a / b, 2) > 3.7, "order %g", math.log(a / b, 2))
  t.near(worst({}, times), 0, 1e-7 * exact(math.pi / 2))
end)

test("the state may have any shape", function(t)
  local A = pg.tensor { { 0, 1 }, { -2, -0.3 } }
  local Y = numeric.ode(function(_, y) return A:mm(y) end, pg.eye(2), { 0, 0.5, 2 })
  t.equal(Y:dims(), { 3, 2, 2 })
  t.near(Y[1], pg.eye(2), 0)
  t.near(Y[3], pg.linalg.expm(2 * A), 1e-7)
end)

test("a solution that leaves the numbers is named with its time", function(t)
  t.fails(function() numeric.ode(function(_, y) return y * y end, { 1 }, { 0, 2 }) end, "step size .* is too small at t = 1.0000000")
  t.fails(function() numeric.ode(function(x, y) return x > 0.5 and y * (0 / 0) or y end, { 1 }, { 0, 2 }) end, "component 1 equal to %-?nan at t = 0.5")
  t.fails(function() numeric.ode(function(_, y) return y * 1e308 end, { 1 }, { 0, 10 }, { steps = 5 }) end, "component 1 equal to %-?[in][na][fn] at t = ")
  t.fails(function() numeric.ode(function(_, y) return y end, { 1 }, { 0, 2, 1 }) end, "strictly up or strictly down, but 1 follows 2")
  t.fails(function() numeric.ode(function() return pg.ones { 3 } end, { 1 }, { 0, 2 }) end, "the field must return 1 elements, got shape %(3%)")
end)

test("drivers nest", function(t)
  local function inner(a) return numeric.integrate(function(x) return math.exp(-a * x) end, { 0, inf }) end -- 1 / a
  t.near(numeric.root(function(a) return inner(a) - 4 end, { 0.1, 3 }), 0.25, 1e-10)
  local g = ad.grad(function(w) return numeric.log_normal_cdf(w):sum() end)
  t.near(numeric.root(function(z) return g(pg.tensor { z }):sum() - 1 end, { -3, 3 }), -0.3026308, 1e-6) -- phi / Phi = 1
end)
