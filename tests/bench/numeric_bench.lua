-- Special functions, a Gauss rule and a fit against SciPy; integration and differential equations, where both call back into a script.
local pg = require "perigee"
local numeric = pg.numeric

local function times(f) return function(k) for _ = 1, k do f() end end end
local setup = "import scipy.special as sp; x = np.linspace(0.01, 40, 10**4)"

return function(bench)
  local x = pg.linspace(0.01, 40, 10000)
  local function special(name, ours, theirs)
    bench.case { name = name .. ", 10^4", per = 1e4, ours = times(ours), yard = bench.scipy(setup, theirs) }
  end
  special("digamma", function() x:digamma() end, "sp.digamma(x)")
  special("gamma_q, a = 20", function() numeric.gamma_q(20, x) end, "sp.gammaincc(20, x)")
  special("log_normal_cdf", function() numeric.log_normal_cdf(-x) end, "sp.log_ndtr(-x)")
  special("lambert_w", function() numeric.lambert_w(x) end, "sp.lambertw(x).real")
  special("beta_p, a = 3, b = 5", function() numeric.beta_p(3, 5, x / 41) end, "sp.betainc(3, 5, x / 41)")
  special("hurwitz_zeta, s = 2.5", function() numeric.hurwitz_zeta(2.5, x) end, "sp.zeta(2.5, x)")
  for _, v in ipairs { { 1.5, 0.5 }, { 0.7, -0.3 }, { 1.1, 0 } } do
    local law, points = numeric.law("stable", v[1], v[2]), pg.linspace(-8, 8, 50)
    bench.case { name = ("stable cdf, alpha %g, beta %g"):format(v[1], v[2]), per = 50, ours = times(function() law:cdf(points) end), bar = { speed = 20 },
      yard = bench.scipy("from scipy.stats import levy_stable as law; x = np.linspace(-8, 8, 50)", ("law.cdf(x, %g, %g)"):format(v[1], v[2])) }
  end
  bench.case { name = "gauss, Legendre, 500 points", ours = times(function() numeric.gauss("legendre", 500) end),
    yard = bench.scipy("import scipy.special as sp", "sp.roots_legendre(500)"), bar = { ratio = 1 } }
  bench.case { name = "integrate, a peak", ours = times(function() numeric.integrate(function(u) return 1 / (1e-4 + u * u) end, { -1, 2 }) end),
    yard = bench.scipy("import scipy.integrate as si", "si.quad(lambda u: 1 / (1e-4 + u * u), -1, 2, epsrel=1e-10)"), bar = { ratio = 1 } }
  bench.case { name = "root", ours = times(function() numeric.root(function(u) return u * u * u - 2 end, { 0, 2 }) end),
    yard = bench.scipy("import scipy.optimize as so", "so.brentq(lambda u: u * u * u - 2, 0, 2)") }
  bench.case { name = "ode, 10 periods of an oscillator", ours = times(function()
      numeric.ode(function(_, y) return pg.stack { y[2], -y[1] } end, { 1, 0 }, { 0, 62.8 }, { rel_tol = 1e-8, abs_tol = 1e-10 })
    end), yard = bench.scipy("import scipy.integrate as si; f = lambda t, y: np.array([y[1], -y[0]])",
      "si.solve_ivp(f, (0, 62.8), [1.0, 0.0], method='RK45', rtol=1e-8, atol=1e-10)"), bar = { ratio = 1 } }
  local t = pg.linspace(0, 4, 200)
  local y = 3 * (-1.5 * t):exp() + 0.25
  bench.case { name = "fit of three parameters, 200 points", ours = times(function()
      numeric.fit(function(w) return w[1] * (-w[2] * t):exp() + w[3] - y end, { 1, 1, 0 })
    end), yard = bench.scipy("import scipy.optimize as so; t = np.linspace(0, 4, 200); y = 3 * np.exp(-1.5 * t) + 0.25",
      "so.least_squares(lambda w: w[0] * np.exp(-w[1] * t) + w[2] - y, [1.0, 1.0, 0.0], method='lm')") }
end
