-- Stochastic differential equations: exact transitions against closed forms, orders of convergence on shared paths, Langevin in harmonic wells,
-- Levy motion. Statistical tolerances are five standard errors.
local pg = require "perigee"
local process = pg.process

local function covariance(a, b) return ((a - a:mean()) * (b - b:mean())):mean() end

test("Ornstein-Uhlenbeck: means and covariances at irregular times", function(t)
  local R, times = 40000, { 0, 0.1, 0.5, 2 }
  local theta, sigma, mean = 1.3, 0.7, 2
  local x = process.ou(pg.rng(1):stream "a", { 4, R }, { theta = theta, sigma = sigma, mean = mean, times = times })
  local v = sigma ^ 2 / (2 * theta)
  for i = 1, 4 do
    for j = 1, i do t.near(covariance(x[i], x[j]), v * math.exp(-theta * (times[i] - times[j])), 5 * v * math.sqrt(2 / R), "stationary, %d %d", i, j) end
    t.near(x[i]:mean(), mean, 5 * math.sqrt(v / R))
  end
  x = process.ou(pg.rng(1):stream "b", { 4, R }, { theta = theta, sigma = sigma, mean = mean, times = times, start = -1 })
  for i = 2, 4 do
    local decay = math.exp(-theta * times[i])
    t.near(x[i]:mean(), mean + decay * (-1 - mean), 5 * math.sqrt(v / R))
    t.near(covariance(x[i], x[i]), v * (1 - decay ^ 2), 5 * v * math.sqrt(2 / R))
  end
  local w = process.ou(pg.rng(2), { 3, R }, { theta = 0, sigma = 2, dt = 0.25, start = 1 })
  t.near(covariance(w[3], w[2]), 4 * 0.25, 5 * 4 * math.sqrt(0.25 * 0.5 * 2 / R), "theta = 0 is Brownian motion")
end)

test("Ornstein-Uhlenbeck: two half steps have the law of one, and coordinates have their own rates", function(t)
  local start = pg.tensor { 1, -2, 0.5 }
  local rates = pg.tensor { 0, 0.3, 40 }
  local function law(gap)                             -- of x after a gap from `start`: the mean by sigma = 0, the deviation by one normal
    local m = process.ou(pg.rng(1), { 2, 3 }, { theta = rates, sigma = 0, start = start, dt = gap })[2]
    local z = pg.rng(5):normal { 3, 2 }:transpose(1, 2)
    return m, (process.ou(pg.rng(5), { 2, 3 }, { theta = rates, start = start, dt = gap })[2] - m) / z[2]
  end
  local m1, s1 = law(0.5)
  local m2, s2 = law(1)
  local decay = (-0.5 * rates):exp()
  t.near(m2, start * decay * decay, 1e-14)
  t.near(m1, start * decay, 1e-14)
  t.near(s2 ^ 2, s1 ^ 2 + decay ^ 2 * s1 ^ 2, 1e-13)
end)

test("Ornstein-Uhlenbeck with a matrix: transition and covariances against the exponential and the diagonal case", function(t)
  local A, S, R = pg.tensor { { 1, 0.8 }, { -0.8, 0.5 } }, pg.tensor { { 1, 0 }, { 0.5, 0.3 } }, 40000
  local x = process.ou(pg.rng(3):block("path", R), { 2, 2 }, { theta = A, sigma = S, dt = 0.7 })
  t.equal(x:dims(), { 2, R, 2 })
  local C = x[1]:transpose(1, 2):mm(x[1]) / R
  local Q = S:mm(S:transpose(1, 2))
  t.near(A:mm(C) + C:mm(A:transpose(1, 2)), Q, 5 * math.sqrt(2 / R) * 3, "Lyapunov's equation")
  local later = x[2]:transpose(1, 2):mm(x[1]) / R
  t.near(later, pg.linalg.expm(-0.7 * A):mm(C), 5 * math.sqrt(2 / R) * 2)
  local rates = pg.tensor { 0.4, 2 }
  local a = process.ou(pg.rng(4), { 5, 2 }, { theta = rates:diag(), sigma = 0.6, dt = 0.3 })
  t.near(a, process.ou(pg.rng(4), { 5, 2 }, { theta = rates, sigma = 0.6, dt = 0.3 }), 1e-13)
end)

test("Ornstein-Uhlenbeck with a stiff, rotated matrix keeps its digits; noise of less than full rank", function(t)
  local c, s = math.cos(0.7), math.sin(0.7)
  local V = pg.tensor { { c, -s }, { s, c } }
  local function factor_and_mean(A, S, gap)                -- of x after a gap from 0, by unit normals
    local z = pg.rng(5):normal { 2, 2 }:transpose(1, 2)
    local x = process.ou(pg.rng(5), { 2, 2 }, { theta = A, sigma = S, start = pg.zeros { 2 }, dt = gap })[2]
    return x, z[2]
  end
  for _, L in ipairs { 2, 20, 40, 400, 1e5 } do
    local A = V:mm(pg.tensor { 0.4, L }:diag()):mm(V:transpose(1, 2))
    local x, z = factor_and_mean(A, 1, 1)
    local C = V:mm(pg.tensor { (1 - math.exp(-0.8)) / 0.8, (1 - math.exp(-2 * L)) / (2 * L) }:diag()):mm(V:transpose(1, 2))
    t.near((x - pg.linalg.cholesky((C + C:transpose(1, 2)) / 2):mv(z)):abs():max() / x:abs():max(), 0, 1e-12 + 1e-15 * L, "eigenvalue %g, which rounding of the matrix moves", L)
  end
  local R = 20000
  local thin = process.ou(pg.rng(6):block("thin", R), { 2, 2 }, { theta = pg.eye(2), sigma = pg.tensor { { 1 }, { 2 } }, dt = 0.5 })
  t.near(thin[{ {}, {}, 2 }], 2 * thin[{ {}, {}, 1 }], 1e-7, "one noise drives both")
  t.near(thin[2]:select(2, 1):square():mean(), 0.5, 5 * 0.5 * math.sqrt(2 / R))
end)

-- Slope of log error on log dt, for geometric Brownian motion dX = mu X dt + s X dB against its solution on the same path.
local function strong_order(method, additive)
  local fine, R, T = 512, 2000, 1
  local dB = pg.rng(6):stream(method):normal { fine, R } * math.sqrt(T / fine)
  local errors = {}
  for _, every in ipairs { 64, 8 } do
    local steps = fine // every
    local coarse = dB:reshape({ steps, every, R }):sum(2)
    local x = process.sde(pg.rng(1), pg.ones { R }, { drift = additive and function(v) return -v end or function(v) return 0.3 * v end,
      diffusion = additive and 0.5 or function(v) return 0.6 * v end, dt = T / steps, steps = steps, method = method, noise = coarse })[-1]
    local exact
    if additive then -- e^-T + s int e^-(T - s) dB, the integral by sums over the finest steps at their middles
      local s = (pg.arange(fine):cast "f64" + 0.5) * (T / fine)
      exact = math.exp(-T) + 0.5 * ((s - T):exp():unsqueeze(2) * dB):sum(1)
    else
      exact = ((0.3 - 0.18) * T + 0.6 * dB:sum(1)):exp()
    end
    errors[#errors + 1] = (x - exact):square():mean() ^ 0.5
  end
  return math.log(errors[1] / errors[2]) / math.log(8)
end

test("strong orders: 1/2 of Euler-Maruyama, 1 of Milstein and for additive noise", function(t)
  t.near(strong_order("euler"), 0.5, 0.1)
  t.near(strong_order("milstein"), 1, 0.1)
  t.near(strong_order("euler", true), 1, 0.1)
end)

test("weak order 1: the mean of Euler's geometric Brownian motion is (1 + mu dt)^n", function(t)
  local R = 40000
  local x = process.sde(pg.rng(8):block("path", R), pg.ones { R }, { drift = function(v) return 0.5 * v end, diffusion = function(v) return 0.2 * v end, dt = 0.25, steps = 4 })
  t.near(x[-1]:mean(), 1.125 ^ 4, 5 * x[-1]:std() / math.sqrt(R))
  t.equal(x:dims(), { 5, R })
end)

test("Milstein's derivative: automatic is the given one; time is told", function(t)
  local spec = { drift = function(v, s) return s - v end, diffusion = function(v) return v:sin() end, dt = 0.1, steps = 20, method = "milstein", start = 3 }
  local a = process.sde(pg.rng(9), pg.linspace(-1, 1, 5), spec)
  spec.derivative = function(v) return v:cos() end
  t.near(a, process.sde(pg.rng(9), pg.linspace(-1, 1, 5), spec), 1e-14)
  local x = process.sde(pg.rng(9), pg.zeros { 1 }, { drift = function(_, s) return s end, diffusion = 0, dt = 0.5, steps = 4, start = 1 })
  t.near(x[-1][1], 0.5 * (1 + 1.5 + 2 + 2.5), 1e-14)
end)

test("fractional and stable noise drive linear equations to their exact laws", function(t)
  local H, eta, lambda, n, R = 0.7, 0.05, 1.0, 60, 20000
  local x = process.sde(pg.rng(10):block("f", R), pg.zeros { R }, { drift = function(v) return -lambda * v end, dt = eta, steps = n, noise = { H = H }, every = n })[-1]
  local want = pg.diag.fractional.after(H, 1 - eta * lambda, n, eta ^ H)
  t.near(x:square():mean() / want, 1, 5 * math.sqrt(2 / R))
  local alpha = 1.4
  local y = process.sde(pg.rng(11), pg.zeros { R }, { drift = function(v) return -v end, dt = eta, steps = n, noise = { alpha = alpha }, every = n })[-1]
  local scale = 0                                     -- of sum a^(n-k) eta^(1/alpha) Z_k: the sum of the alpha-th powers
  for k = 0, n - 1 do scale = scale + eta * (1 - eta) ^ (alpha * k) end
  for _, u in ipairs { 0.3, 1, 2 } do
    local c = (u * y):cos()
    t.near(c:mean(), math.exp(-scale * u ^ alpha), 5 * c:std() / math.sqrt(R), "characteristic function at %g", u)
  end
end)

test("a path that diverges is kept, and when it was lost", function(t)
  local x, lost = process.sde(pg.rng(12), pg.tensor { 0.1, 1e3 }, { drift = function(v) return v ^ 3 end, diffusion = 0, dt = 0.1, steps = 40, every = 2 })
  t.equal(lost[1], 0.0)
  t.ok(lost[2] > 0 and lost[2] < 4)
  local record = math.floor(lost[2] / 0.2 + 0.5) + 1
  t.ok(x[record - 1]:isfinite():all() and not x[record]:isfinite():all())
end)

test("Langevin: variances in a harmonic well", function(t)
  local R, lambda, T = 20000, 4.0, 0.5
  local function gradient(x) return lambda * x end
  for _, dt in ipairs { 0.05, 0.3 } do
    local x = process.langevin(pg.rng(13):block("over", R), pg.zeros { R }, { gradient = gradient, dt = dt, steps = 80, temperature = T, every = 80 })[-1]
    t.near(x:square():mean() / (T / (lambda * (1 - dt * lambda / 2))), 1, 5 * math.sqrt(2 / R), "overdamped, dt = %g", dt)
    local y, v = process.langevin(pg.rng(14):block("under", R), pg.zeros { R }, { gradient = gradient, dt = dt, steps = 200, temperature = T, friction = 2, mass = 1.5, every = 200 })
    t.near(y[-1]:square():mean() / (T / lambda), 1, 5 * math.sqrt(2 / R), "BAOAB, dt = %g", dt)
    t.near(v[-1]:square():mean() / (T / 1.5 * (1 - dt ^ 2 * lambda / 4 / 1.5)), 1, 5 * math.sqrt(2 / R), "velocities, to O(dt^2)")
  end
  local y, v = process.langevin(pg.rng(15), pg.tensor { 1 }, { gradient = function(x) return x end, dt = 0.01, steps = 1000, temperature = 0, friction = 1e-12 })
  t.near(0.5 * (y ^ 2 + v ^ 2), pg.full({ 1001, 1 }, 0.5), 1e-4, "without friction energy stays")
  t.near(y[-1][1], math.cos(10), 1e-3)
end)

test("Levy motion: characteristic functions at irregular times, isotropy, the Gaussian end", function(t)
  local R, times = 40000, { 0, 0.2, 1.7 }
  for _, c in ipairs { { 1.5, 0.6 }, { 0.8, -0.5 }, { 1, 0.7 } } do
    local alpha, beta = c[1], c[2]
    local x = process.levy(pg.rng(16):stream("s", alpha * 10 // 1), { 3, R }, { alpha = alpha, beta = beta, scale = 1.3, times = times })
    t.equal(x[1]:abs():max(), 0.0)
    for k = 2, 3 do
      for _, u in ipairs { 0.4, 1.1 } do
        local size = times[k] * (1.3 * u) ^ alpha
        local turn = size * beta * (alpha == 1 and -2 / math.pi * math.log(u) or math.tan(math.pi * alpha / 2))
        t.near((u * x[k]):cos():mean(), math.exp(-size) * math.cos(turn), 5 * math.sqrt(0.5 / R), "alpha %g, t %g, u %g", alpha, times[k], u)
        t.near((u * x[k]):sin():mean(), math.exp(-size) * math.sin(turn), 5 * math.sqrt(0.5 / R), "alpha %g, t %g, u %g", alpha, times[k], u)
      end
    end
  end
  local f = process.levy(pg.rng(17):block("flight", 20000), { 3, 2 }, { alpha = 1.2, scale = 0.5, isotropic = true, dt = 2 })
  t.equal(f:dims(), { 3, 20000, 2 })
  local c = (f[3] * pg.tensor { 0.6, -0.8 }):sum(2):cos()
  t.near(c:mean(), math.exp(-4 * 0.5 ^ 1.2), 5 * math.sqrt(0.5 / 20000), "any direction")
  local g = process.levy(pg.rng(18), { 2, R }, { alpha = 2, scale = 0.7, dt = 3 })
  t.near(g[2]:square():mean() / (2 * 0.49 * 3), 1, 5 * math.sqrt(2 / R))
end)

test("a replica's path is that of its stream, however many there are and on any threads", function(t)
  local function all(n)
    local block = pg.rng(19):block("path", n)
    local function drift(v) return -v end
    return { process.ou(block:stream "a", { 4, 2 }, { theta = 1, dt = 0.2 }), process.levy(block:stream "b", { 4, 2 }, { alpha = 1.5, isotropic = true }),
      process.sde(block:stream "c", pg.zeros { n, 2 }, { drift = drift, dt = 0.1, steps = 5 }),
      process.sde(block:stream "d", pg.zeros { n, 2 }, { drift = drift, dt = 0.1, steps = 5, noise = { H = 0.3 } }),
      process.sde(block:stream "e", pg.zeros { n, 2 }, { drift = drift, dt = 0.1, steps = 5, noise = { alpha = 1.3 } }),
      process.langevin(block:stream "f", pg.zeros { n, 2 }, { gradient = function(v) return v end, dt = 0.1, steps = 5, friction = 1 }) }
  end
  local threads = pg.threads()
  local many = all(7)
  pg.threads(3)
  local few = all(3)
  pg.threads(threads)
  for k, x in ipairs(many) do t.equal(few[k], x:narrow(2, 1, 3), "process %d", k) end
  local function from_stream(n)                            -- path after path
    local function drift(v) return -v end
    return { process.ou(pg.rng(20), { 4, n }, { theta = 1 }), process.levy(pg.rng(20), { 4, n }, { alpha = 1.5 }), process.levy(pg.rng(20), { 4, n, 2 }, { alpha = 1.5, isotropic = true }),
      (process.sde(pg.rng(20), pg.zeros { n }, { drift = drift, dt = 0.1, steps = 5 })), (process.sde(pg.rng(20), pg.zeros { n }, { drift = drift, dt = 0.1, steps = 5, noise = { alpha = 1.3 } })) }
  end
  few = from_stream(3)
  for k, x in ipairs(from_stream(7)) do t.equal(few[k], x:narrow(2, 1, 3), "process %d of a stream", k) end
end)

test("what is refused says why", function(t)
  local rng, x = pg.rng(1), pg.zeros { 3 }
  local function drift(v) return -v end
  t.fails(function() process.ou(rng, { 3 }, { theta = -1 }) end, "sde_test.lua:%d+: process.ou: rates must not be negative, got %-1")
  t.fails(function() process.ou(rng, { 3 }, { theta = 0 }) end, "without positive rates there is no stationary law; give a start")
  t.fails(function() process.ou(rng, { 3 }, { theta = 1, times = { 0, 2, 1 } }) end, "times must increase, but number 3 is 1 after 2")
  t.fails(function() process.ou(rng, { 3 }, { theta = 1, times = { 0, 2 } }) end, "3 points need as many times, got 2")
  t.fails(function() process.ou(rng, { 3, 2 }, { theta = pg.eye(3) }) end, "theta has shape %(3, 3%) for 2 coordinates")
  t.fails(function() process.ou(rng, { 3, 2 }, { theta = -pg.eye(2) }) end, "theta leaves no stationary law")
  t.fails(function() process.ou(rng, { 3 }, { theta = 1, sigma = -1 }) end, "sigma must not be negative, got %-1")
  t.fails(function() process.ou(rng, { 3 }, { theta = 1, sigma = 0 / 0 }) end, "sigma must be finite")
  t.fails(function() process.ou(3, { 3 }, { theta = 1 }) end, "a stream or a block of streams is needed, got number")
  t.fails(function() process.sde(rng, x, { drift = function() return pg.zeros { 2 } end, dt = 0.1, steps = 2 }) end, "process.sde: drift returned shape %(2%) for x of shape %(3%)")
  t.fails(function() process.sde(rng, x, { drift = 3, dt = 0.1, steps = 2 }) end, "drift must be a function %(x, t%), got number")
  t.fails(function() process.sde(rng, x, { drift = drift, dt = -0.1, steps = 2 }) end, "dt must be positive and finite, got %-0.1")
  t.fails(function() process.sde(rng, x, { drift = drift, dt = 0.1, steps = 2.5 }) end, "steps must be an integer >= 1, got 2.5")
  t.fails(function() process.sde(rng, x, { drift = drift, dt = 0.1, steps = 2, noise = { alpha = 2.5 } }) end, "alpha must lie in %(0, 2%], got 2.5")
  t.fails(function() process.sde(rng, x, { drift = drift, dt = 0.1, steps = 2, noise = { H = 1 } }) end, "H must lie in %(0, 1%), got 1")
  t.fails(function() process.sde(rng, x, { drift = drift, dt = 0.1, steps = 2, noise = pg.zeros { 2, 4 } }) end, "increments of shape %(2, 4%) .* they must be %(2, 3%)")
  t.fails(function() process.sde(rng, x, { drift = drift, dt = 0.1, steps = 2, noise = "pink" }) end, 'noise must be "white", .* got "pink"')
  t.fails(function() process.sde(pg.rng(1):block("r", 4), x, { drift = drift, dt = 0.1, steps = 2 }) end, "x of shape %(3%) for a block of 4 streams")
  t.fails(function() process.sde(rng, x, { drift = drift, dt = 0.1, steps = 2, method = "heun" }) end, 'method must be "euler" or "milstein", got "heun"')
  t.fails(function() process.langevin(rng, x, { gradient = function() return 1 end, dt = 0.1, steps = 2 }) end, "process.langevin: the gradient is a number for x of shape %(3%)")
  t.fails(function() process.langevin(rng, x, { gradient = drift, dt = 0.1, steps = 2, friction = 0 }) end, "friction must be positive and finite, got 0")
  t.fails(function() process.levy(rng, { 3 }, { alpha = 0 }) end, "process.levy: alpha must lie in %(0, 2%], got 0")
  t.fails(function() process.levy(rng, { 3, 2 }, { alpha = 1.5, beta = 0.5, isotropic = true }) end, "isotropic motion is symmetric, so beta must be 0, got 0.5")
end)
