-- Continuized Nesterov acceleration: gradient steps at the jumps of a Poisson clock, exact mixing of x and z in between. As an
-- algorithm it is Nesterov's method with random coefficients, and it has Nesterov's rates in expectation:
--   strongly convex:  E f(x_t) - f* <= C e^(-theta t),  theta = sqrt(mu / L),  C = f(x_0) - f* + mu/2 |z_0 - x*|^2
--   convex:           E f(x_t) - f* <= 2 L |z_0 - x*|^2 / t^2
-- At jumps the weighted means are bounded: E[e^(theta T_k) (f(x_k) - f*)] <= C and E[T_k^2 (f(x_k) - f*)] <= 2 L |z_0 - x*|^2.
-- For the curves at fixed k the bounds are drawn with t = k, and C (1 + theta)^-k, whose validity is a check, not a theorem.
-- Even, Berthier, Bach, Flammarion, Gaillard, Hendrikx, Massoulie, Taylor (NeurIPS 2021), sections 2 and 3.
local pg = require "perigee"
local process, moments = pg.process, pg.diag.moments

-- A problem: f = sum lambda (x - target)^2 / 2, its continuized coefficients tau, tau', gamma' after a gap dt up to time T
-- ("before" is the time of the last jump), those of Nesterov's method at iteration k, and what the theorem bounds.
local problems = {}

function problems.strong(p)
  local mu, L = p.mu, p.L
  local theta, gammap = math.sqrt(mu / L), 1 / math.sqrt(mu * L)
  local lambda, C = pg.tensor { mu, 3 * mu, L }, (4 * mu + L) / 2 + 3 * mu / 2
  local exact = moments.quadratic { lambda = lambda, theta = theta, gamma = 1 / L, gammap = gammap, x0 = -1, variance = p.noise / 3 }
  return { lambda = lambda, target = pg.ones { 3 }, exact = exact, limit = C,
    continuized = function(dt) return -pg.expm1(-2 * theta * dt) / 2, pg.tanh(theta * dt), gammap end,
    nesterov = function() return theta / (1 + theta), theta, gammap end,
    expected = function(k) return exact:at_jump(k), exact:weighted(k) end,
    bound = function(k) return C * (1 + theta)^-k + p.noise / math.sqrt(mu * L) end,
    weight = function(T) return pg.exp(theta * T) end }
end

function problems.convex(p)
  local i = pg.arange(1, p.dim + 1):cast "f64"
  local L, A = p.L, { [0] = 0 }
  for k = 0, p.iters do A[k + 1] = A[k] + (1 + math.sqrt(4 * A[k] + 1)) / 2 end
  local lambda, limit = L / i^2, 2 * L * (1 / i^2):sum()
  return { lambda = lambda, target = 1 / i, limit = limit,
    exact = moments.convex { lambda = lambda, L = L, x0 = -1 / i, variance = p.noise / p.dim },
    continuized = function(_, T, before) return 1 - (before / T)^2, 0, T / (2 * L) end,
    nesterov = function(k) return 1 - A[k - 1] / A[k], 0, (A[k] - A[k - 1]) / L end,
    expected = function() return 0 / 0, 0 / 0 end,                  -- no closed recursion at jumps: the coefficients depend on T
    bound = function(k) return limit / k^2 + p.noise * k / (3 * L) end,
    weight = function(T) return T^2 end }
end

local function accelerated(x, z, gradient, L, tau, taup, gammap)
  local y = x + tau * (z - x)
  local g = gradient(y)
  return y - g / L, z + taup * (y - z) - gammap * g
end

-- { column, k, value, relative tolerance, standard error of the value }
local targets = {
  strong = { { "gd", 100, 1.2317998226785884e-3, 1e-8 }, { "gd", 200, 7.860701507799524e-4, 1e-8 }, { "gd", 400, 3.601615295813151e-4, 1e-8 },
    { "nesterov", 100, 1.569697504432657e-5, 1e-8 }, { "nesterov", 200, 7.105337106716749e-8, 1e-8 }, { "nesterov", 400, 6.380167369989448e-13, 1e-5 },
    { "exact", 10, 1.591049e-3, 1e-6 }, { "exact", 50, 1.387921e-4, 1e-6 }, { "exact", 100, 1.661540e-5, 1e-6 },
    { "exact", 200, 6.602923e-8, 1e-6 }, { "exact", 400, 8.821449e-13, 1e-6 },
    { "weighted_exact", 10, 2.183726e-3, 1e-6 }, { "weighted_exact", 50, 6.823110e-4, 1e-6 }, { "weighted_exact", 100, 4.026510e-4, 1e-6 },
    { "weighted_exact", 200, 4.823053e-5, 1e-6 }, { "weighted_exact", 400, 5.660541e-7, 1e-6 } },
  convex = { { "nesterov", 10, 7.317952481e-4, 1e-8 }, { "nesterov", 50, 1.0831917453e-5, 1e-8 }, { "nesterov", 100, 1.5075013912e-6, 1e-8 },
    { "nesterov", 200, 1.4693711271e-7, 1e-8 }, { "gd", 10, 2.250796188e-3, 1e-8 }, { "gd", 50, 2.1730879863e-4, 1e-8 },
    { "gd", 100, 7.744139873e-5, 1e-8 }, { "gd", 200, 2.740495475e-5, 1e-8 }, { "weighted", 10, 0.1166, nil, 8e-4 },
    { "weighted", 50, 0.03459, nil, 1.3e-4 }, { "weighted", 100, 0.018244, nil, 4e-5 }, { "weighted", 200, 0.007266, nil, 1.6e-5 } } }
local in_time = { strong = { { 10, 1.799746e-1, 1e-6 }, { 100, 6.557179e-4, 1e-6 }, { 200, 1.325791e-6, 1e-6 } },
  convex = { { 5, 1.79630e-2, 1e-4 }, { 10, 2.31965e-3, 1e-4 }, { 20, 2.89847e-4, 1e-4 }, { 50, 1.86619e-5, 1e-4 } } }

return pg.experiment {
  name   = "continuized/deterministic",
  paper  = "Even et al., Continuized Accelerations (NeurIPS 2021), sections 2 and 3",
  claim  = "Gradient steps at the jumps of a Poisson clock have Nesterov's rates, in expectation and exactly simulated.",
  params = { problem = "strong", mu = 1e-3, L = 1.0, dim = 100, iters = 400, noise = 0.0 },
  help   = { problem = "strong: in 3 dimensions; convex: in dim", mu = "strong convexity", L = "smoothness",
    dim = "dimension of the convex problem", iters = "iterations", noise = "total variance of the gradient noise" },
  choices = { problem = { "strong", "convex" } },
  range  = { mu = { above = 0, to = "L" }, L = { above = 0 }, dim = { from = 1 }, iters = { from = 1 }, noise = { from = 0 } },
  sweep  = { problem = { "strong", "convex" } },
  seeds  = 2000, batched = true, quick = { seeds = 200 }, full = { seeds = 20000 },

  run = function(p, rng, log)
    local f = problems[p.problem](p)
    local d, L = #f.lambda, p.L
    local times, gaps = process.poisson_times(rng:stream "clock", { steps = p.iters })        -- (iters, replicas)
    local noise, xi = rng:stream "noise", 0
    local function gradient(x) return f.lambda * (x - f.target) + xi end
    local function value(x) return (f.lambda * (x - f.target)^2):sum(2) / 2 end
    local gd = pg.zeros { p.noise > 0 and p.replicas or 1, d }                                  -- without noise one replica is all
    local nx, nz, x, before = gd, gd, pg.zeros { p.replicas, d }, pg.zeros { p.replicas, 1 }
    local z, spread = x, pg.zeros { p.replicas }
    local gap = pg.series { "gd", "nesterov", "continuized", "weighted", "exact", "weighted_exact", "bound", "T" }
    for k in log:progress(p.iters) do
      local dt, T = gaps[k]:unsqueeze(2), times[k]:unsqueeze(2)
      if p.noise > 0 then xi = math.sqrt(p.noise / d) * noise:normal { d } end
      gd = gd - gradient(gd) / L
      nx, nz = accelerated(nx, nz, gradient, L, f.nesterov(k))
      x, z = accelerated(x, z, gradient, L, f.continuized(dt, T, before))
      before = T
      local fx, exact, weighted = value(x), f.expected(k)
      gap:add(k, value(gd) + spread, value(nx) + spread, fx, f.weight(times[k]) * fx, exact, weighted, f.bound(k), times[k])
    end
    return { gap = gap, final = value(x), time = times[p.iters] }
  end,

  report = function(rows, out)
    local panels = { file = "convergence", columns = 2 }
    for p, part in rows:each() do
      local strong = p.problem == "strong"
      local title = (strong and "strongly convex" or "convex") .. (p.noise > 0 and (", noise $\\sigma^2 = %g$"):format(p.noise) or "")
      panels[#panels + 1] = { part, x = "k", title = title, xlog = not strong, ylog = true,
        xlabel = "iteration $k$", ylabel = "$f(x_k) - f^*$",
        y = { { "gap.gd", label = "gradient descent" }, { "gap.nesterov", label = "Nesterov" },
              { "gap.continuized", label = "continuized", paths = 20, band = "10-90" },
              { "gap.bound", label = "bound", dash = "dotted" },
              strong and { "gap.exact", label = "exact mean", dash = "dashed" } or nil } }
    end
    out:panels(panels)
    out:table(rows, { "problem", "noise", "final", "time" })
  end,

  -- The targets come from an independent computation: exact recursions, and for A5 a simulation with its standard error.
  check = function(rows, claim)
    for p, part in rows:each() do
      local f, gap = problems[p.problem](p), part.gap
      local mean, err = gap:mean "continuized", gap:stderr "continuized"
      if p.mu == 1e-3 and p.L == 1 and p.dim == 100 and p.noise == 0 and p.iters >= 400 then
        for _, t in ipairs(targets[p.problem]) do
          local column, k, target, rel, se = table.unpack(t)
          local opt = se and { se = math.sqrt(se^2 + gap:stderr(column)[k]^2) } or { rel = rel }
          claim:near(("%s, %s at k = %d"):format(p.problem, column, k), gap:mean(column)[k], target, opt)
        end
        for _, t in ipairs(in_time[p.problem]) do
          claim:near(("%s, E f(x_t) at t = %d"):format(p.problem, t[1]), f.exact:at_time(t[1]), t[2], { rel = t[3] })
        end
      end
      if p.problem == "strong" then
        for _, k in ipairs { 10, 50, 100, 200 } do
          if k <= p.iters then claim:near(("strong, simulated mean at k = %d"):format(k), mean[k], gap:column "exact"[k], { se = err[k] }) end
        end
        claim:below("strong, exact mean over bound at its highest", (gap:column "exact" / gap:column "bound"):max(), 1)
      end
      if p.noise == 0 then
        local over = (gap:mean "weighted" - 4 * gap:stderr "weighted"):max()
        claim:below(p.problem .. ", weighted mean less 4 s.e. at its highest", over, f.limit, { why = "theorem, at jumps" })
      end
    end
    local m = problems.strong { mu = 1e-3, L = 1, noise = 0 }.exact:contraction()
    for i, target in ipairs { 0.94627484, 0.93962859, 0.83657788 } do claim:near("contraction per jump, direction " .. i, m[i], target, { rel = 1e-6 }) end
    local noisy = problems.strong { mu = 0.01, L = 1, noise = 0.01 }.exact
    claim:near("additive noise, stationary E f in time", (noisy:stationary "time"), 0.02061093, { rel = 1e-6 })
    claim:near("additive noise, stationary E f at jumps", (noisy:stationary "jumps"), 0.01032635, { rel = 1e-6 })
    local convex = problems.convex { L = 1, dim = 100, iters = 1, noise = 0.01 }.exact
    claim:near("additive noise, convex, E f(x_t) at t = 100", convex:at_time(100), 3.276e-2, { rel = 1e-3 })
    claim:near("additive noise, convex, E f(x_t) at t = 200", convex:at_time(200), 9.698e-2, { rel = 1e-3 })
  end,
}
