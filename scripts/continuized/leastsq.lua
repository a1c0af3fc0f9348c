-- Least squares with an exact solution, one random row at a time: g(x) = a <a, x - x*>, whose noise is multiplicative and vanishes at
-- x*. With E[|a|^2 aa'] <= R^2 H and E[|a|^2_(H^-1) aa'] <= kappa H the continuized iteration of
--   theta = sqrt(mu / (kappa R^2)),  gamma = 1 / R^2,  gamma' = 1 / sqrt(mu R^2 kappa)
-- contracts at the rate theta, plain stochastic gradient descent at mu / R^2: a gain only if kappa is far below R^2 / mu. Without mu, mixing at
-- the rate 2 / t and gamma' = t / (2 R^2 kappa) give E[T_k^2 |x_k - x*|^2 / 2] <= 2 R^2 kappa |z_0 - x*|^2_(H^-1) (the convex case).
--   gauss:    a ~ N(0, diag h), R^2 = tr H + 2 h_1, kappa = d + 2
--   coord:    a = e_i with probability p_i, R^2 = 1, kappa = 1 / p_d: then gamma' = gamma, x = z for ever, and there is no gain
--   kaczmarz: a = row / |row| with probability in proportion to |row|^2, 3 d rows drawn once from N(0, diag h); R^2 = 1
-- h_i and p_i are in proportion to i^-power. At jumps E[e^(theta T_k) |x_k - x*|^2 / 2] <= C = |x_0 - x*|^2 / 2 + mu/2 |z_0 - x*|^2_(H^-1);
-- for the curve at fixed k, C (1 + theta)^-k is drawn, whose validity is a check, not a theorem. Rows and sizes are our choice.
-- Even, Berthier, Bach, Flammarion, Gaillard, Hendrikx, Massoulie, Taylor (NeurIPS 2021), section 4.
local pg = require "perigee"
local linalg, moments, process = pg.linalg, pg.diag.moments, pg.process

-- A law of the row a: draw(stream, replicas), the constants, and exact moments.
local function gaussian(h)
  local d = #h
  return { mu = h[d], R2 = h:sum() + 2 * h[1], kappa = d + 2.0, start = (1 / h):sum(), exact = moments.gaussian, law = { h = h },
    draw = function(rng) return pg.sqrt(h) * rng:normal { d } end }
end

local function finite(A, p)
  p = p / p:sum()
  local values, U = linalg.eigh((A:transpose(1, 2) * p):mm(A))                             -- H = U diag(values) U'
  local B = A:mm(U) / pg.sqrt(values)                                                      -- rows H^-1/2 a
  local function top(lengths) return linalg.eigvalsh((B:transpose(1, 2) * (p * lengths)):mm(B))[-1] end
  local table_of_p = pg.alias(p)
  return { mu = values[1], R2 = top((A^2):sum(2)), kappa = top((B^2):sum(2)), start = (U:sum(1)^2 / values):sum(), exact = moments.rows,
    law = { rows = A, weights = p }, draw = function(rng) return A[rng:categorical(table_of_p)] end }
end

local designs = {}
function designs.gauss(p) return gaussian(1 / pg.arange(1, p.d + 1)^p.power) end
function designs.coord(p) return finite(pg.eye(p.d), 1 / pg.arange(1, p.d + 1)^p.power) end
function designs.kaczmarz(p)
  local rows = pg.rng(1):stream("rows"):normal { 3 * p.d, p.d } / pg.arange(1, p.d + 1)^(p.power / 2)
  local lengths = (rows^2):sum(2)
  return finite(rows / pg.sqrt(lengths:unsqueeze(2)), lengths)
end

-- The design with its parameters and exact moments from x_0 - x* = z_0 - x* = -1.
local function design(p)
  local f = designs[p.design](p)
  f.theta, f.gammap, f.C = math.sqrt(f.mu / (f.kappa * f.R2)), 1 / math.sqrt(f.mu * f.R2 * f.kappa), (p.d + f.mu * f.start) / 2
  f.limit = 2 * f.R2 * f.kappa * f.start                                                   -- of the convex case
  function f.coefficients(dt, T, before)
    if p.case == "convex" then return 1 - (before / T)^2, 0, T / (2 * f.R2 * f.kappa) end
    return -pg.expm1(-2 * f.theta * dt) / 2, pg.tanh(f.theta * dt), f.gammap
  end
  local function with(more)
    for name, value in pairs(f.law) do more[name] = value end
    more.gamma, more.x0 = 1 / f.R2, -1
    return f.exact(more)
  end
  f.plain, f.accelerated = with {}, with { theta = f.theta, gammap = f.gammap }
  return f
end

local function half_square(x) return (x^2):sum(2) / 2 end

return pg.experiment {
  name   = "continuized/leastsq",
  paper  = "Even et al., Continuized Accelerations (NeurIPS 2021), section 4",
  claim  = "With multiplicative noise the continuized iteration contracts at sqrt(mu / (kappa R^2)), stochastic gradient descent at mu / R^2.",
  params = { design = "gauss", case = "strong", d = 20, power = 2.0, iters = 2000 },
  help   = { design = "law of the rows", case = "strong: parameters for the strongly convex case; convex: those that follow the clock", d = "dimension", power = "of the decay of the spectrum", iters = "iterations" },
  choices = { design = { "gauss", "coord", "kaczmarz" }, case = { "strong", "convex" } },
  range  = { d = { from = 2 }, power = { from = 0 }, iters = { from = 10 } },
  sweep  = { { design = { "gauss", "coord", "kaczmarz" } }, { design = { "gauss" }, case = { "convex" } } },
  seeds  = 4000, batched = true, quick = { iters = 500, seeds = 200 }, full = { iters = 4000, seeds = 10000 },

  run = function(p, rng, log)
    local f = design(p)
    local rows = rng:stream "rows"
    local times, gaps = process.poisson_times(rng:stream "clock", { steps = p.iters })               -- (iters, replicas)
    local x = pg.full({ p.replicas, p.d }, -1)
    local z, sgd, before = x, x, pg.zeros { p.replicas, 1 }
    local apart, ahead = pg.zeros { p.replicas }, pg.zeros { p.replicas }                             -- the largest |x - z| and |x - sgd|
    local gap = pg.series { "continuized", "sgd", "weighted", "exact", "sgd_exact", "bound" }
    for k in log:progress(p.iters) do
      local a, T = f.draw(rows), times[k]:unsqueeze(2)
      local tau, taup, gammap = f.coefficients(gaps[k]:unsqueeze(2), T, before)
      local function g(y) return a * (a * y):sum(2):unsqueeze(2) end
      local y = x + tau * (z - x)
      local gy = g(y)
      x, z, before = y - gy / f.R2, z + taup * (y - z) - gammap * gy, T
      sgd = sgd - g(sgd) / f.R2
      apart, ahead = pg.maximum(apart, pg.abs(x - z):max(2)), pg.maximum(ahead, pg.abs(x - sgd):max(2))
      if k % math.max(1, p.iters // 200) == 0 then
        local e, bound = half_square(x), p.case == "convex" and f.limit / k^2 or f.C * (1 + f.theta)^-k
        gap:add(k, e, half_square(sgd), e * (p.case == "convex" and times[k]^2 or pg.exp(f.theta * times[k])), 0, 0, bound)
      end
    end
    gap:replace("exact", p.case == "convex" and gap.x * (0 / 0) or (f.accelerated:at_jumps(gap.x)))   -- no closed recursion: coefficients depend on T
    gap:replace("sgd_exact", (f.plain:at_jumps(gap.x)))
    return { gap = gap, final = half_square(x), sgd = half_square(sgd), apart = apart, ahead = ahead, R2 = f.R2, kappa = f.kappa, mu = f.mu,
      theta = f.theta, gammap = f.gammap }
  end,

  report = function(rows, out)
    local panels = { file = "leastsq" }
    for p, part in rows:each() do
      panels[#panels + 1] = { part, x = "k", title = p.design .. (p.case == "convex" and ", convex case" or ""), xlog = p.case == "convex", ylog = true, xlabel = "iteration $k$", ylabel = "$|x_k - x^*|^2 / 2$",
        y = { { "gap.sgd", label = "stochastic gradient" }, { "gap.continuized", label = "continuized", paths = 20 },
              { "gap.sgd_exact", label = "exact mean, stochastic gradient", dash = "dashdot" },
              { "gap.bound", label = "bound", dash = "dotted" },
              p.case == "strong" and { "gap.exact", label = "exact mean, continuized", dash = "dashed" } or nil } }
    end
    out:panels(panels)
    out:table(rows, { "design", "case", "R2", "kappa", "mu", "theta", "final", "sgd" })
  end,

  check = function(rows, claim)
    for p, part in rows:each() do
      local f, gap, name = design(p), part.gap, p.design .. (p.case == "convex" and ", convex case" or "")
      for _, column in ipairs(p.case == "convex" and { "sgd" } or { "continuized", "sgd" }) do
        local mean, err, exact = gap:mean(column), gap:stderr(column), gap:column(column == "sgd" and "sgd_exact" or "exact")
        for _, k in ipairs { 100, 500 } do                              -- later, few seeds make the mean
          local i = k // math.max(1, p.iters // 200)
          if k <= p.iters then claim:near(("%s, %s at k = %d, simulated"):format(name, column, k), mean[i], exact[i], { se = err[i] }) end
        end
      end
      local ks = gap.x
      if p.case == "strong" then
        claim:below(name .. ", E[e^(theta T_k) |x_k|^2 / 2] at its highest over C", f.accelerated:weighted(ks):max() / f.C, 1, { why = "theorem, at jumps" })
        claim:below(name .. ", exact mean over the drawn bound at its highest", (gap:column "exact" / gap:column "bound"):max(), 1)
      else
        local over = (gap:mean "weighted" - 4 * gap:stderr "weighted"):max()
        claim:below(name .. ", mean of T_k^2 |x_k|^2 / 2 less 4 s.e., at its highest over the limit", over / f.limit, 1, { why = "theorem, at jumps" })
      end
      claim:below(name .. ", stochastic gradient over its contraction 1 - mu / R^2", (gap:column "sgd_exact" / (p.d / 2 * (1 - f.mu / f.R2)^ks)):max(), 1, { slack = 1e-12 })
      if p.design == "coord" and p.case == "strong" then
        claim:near("coord, kappa = 1 / p_d", f.kappa * f.mu, 1, { rel = 1e-12 })
        claim:below("coord, x and z apart, any k and path", part.apart:max(), 1e-12, { why = "gamma' = gamma" })
        claim:below("coord, x and stochastic gradient apart, any k and path", part.ahead:max(), 1e-12, { why = "same rows" })
      end
    end
    local f = design { design = "gauss", case = "strong", d = 20, power = 2 }
    for _, c in ipairs { { "R2", 3.59616324 }, { "kappa", 22 }, { "theta", 5.62132850e-3 }, { "gammap", 2.24853140 } } do
      claim:near("gauss, d = 20: " .. c[1], f[c[1]], c[2], { rel = 1e-8 })
    end
    local accelerated, plain = f.accelerated:at_jumps { 100, 500, 1000, 2000 }, f.plain:at_jumps { 100, 500, 1000, 2000 }
    for i, want in ipairs { 3.50749, 8.40967e-2, 6.92517e-4, 4.61635e-8 } do claim:near("gauss, d = 20: continuized, exact mean " .. i, accelerated[i], want, { rel = 1e-4 }) end
    for i, want in ipairs { 5.09811, 1.64137, 0.577773, 9.68373e-2 } do claim:near("gauss, d = 20: stochastic gradient, exact mean " .. i, plain[i], want, { rel = 1e-4 }) end
    local larger = design { design = "gauss", case = "strong", d = 50, power = 2 }
    claim:near("gauss, d = 50: continuized, exact mean at k = 5000", larger.accelerated:at_jump(5000), 6.0940e-5, { rel = 1e-4 })
    claim:near("gauss, d = 50: stochastic gradient, exact mean at k = 5000", larger.plain:at_jump(5000), 2.00645, { rel = 1e-4 })
  end,
}
