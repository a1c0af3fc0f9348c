-- Leaving a saddle f = (y^2 - lambda x^2) / 2 by correlated noise: x_(k+1) = (1 + eta lambda) x_k + s g_(k+1), s = sigma eta^H. x over (1 + eta lambda)^k
-- converges to a Gaussian number of variance v = b^2 V_H(b), b = 1 / (1 + eta lambda), so the time to |x| >= r is known for small noise (help
-- diag.fractional.exit; the first whole step comes 1/2 later). Persistent noise (H > 1/2) leaves sooner where lambda < 1, later where
-- lambda is large. Lucchi et al. (NeurIPS 2022); sizes are ours.
local pg = require "perigee"
local exact, process = pg.diag.fractional, pg.process

local function predicted(p) return exact.exit(p.H, p.eta, p.lambda, p.sigma * p.eta^p.H, p.r) + 0.5 end

return pg.experiment {
  name   = "noise_correlation/saddle",
  paper  = "Lucchi et al., On the Theoretical Properties of Noise Correlation in Stochastic Optimization (NeurIPS 2022)",
  claim  = "How long noise takes to leave a saddle depends on its exponent as the exact formula says.",
  params = { H = 0.5, lambda = 1.0, eta = 0.01, sigma = 1e-3, r = 1.0 },
  help   = { H = "Hurst exponent of the noise", lambda = "negative curvature", eta = "step size", sigma = "noise of unit time", r = "distance that counts as having left" },
  range  = { H = { above = 0, below = 1 }, lambda = { above = 0 }, eta = { above = 0 }, sigma = { above = 0 }, r = { above = 0 } },
  sweep  = { { H = { 0.1, 0.3, 0.5, 0.7, 0.9 } }, { H = { 0.1, 0.5, 0.9 }, lambda = { 0.25, 0.5, 2.0, 4.0, 8.0 } } },
  seeds  = 4000, batched = true, quick = { seeds = 500 }, full = { seeds = 40000 },

  run = function(p, rng, log)
    local steps = 1
    while steps < 2.5 * predicted(p) do steps = 2 * steps end
    local noise = process.fgn(rng, { steps, 2 }, { H = p.H, scale = p.sigma, dt = p.eta })
    local factor = pg.tensor { 1 + p.eta * p.lambda, 1 - p.eta }
    local x, exit = pg.zeros { p.replicas, 2 }, pg.zeros { p.replicas }
    for k in log:progress(steps) do
      x = factor * x + noise[k]
      exit = pg.where(exit:eq(0) & x[{ {}, 1 }]:abs():ge(p.r), k, exit)
      if k % 64 == 0 and exit:min() > 0 then break end
    end
    return { left = exit:gt(0):cast "f64", exit = pg.where(exit:eq(0), steps, exit) }
  end,

  report = function(rows, out)
    local byH, bylambda = { xlabel = "H", ylabel = "mean steps to leave" }, { xlabel = "λ", ylabel = "mean steps to leave", log = "xy" }
    local x, mean, line = {}, {}, {}
    local curves = {}
    for p, part in rows:each() do
      if p.lambda == 1 then x[#x + 1], mean[#mean + 1], line[#line + 1] = p.H, part.exit:mean(), predicted(p) end
      curves[p.H] = curves[p.H] or { x = {}, y = {}, exact = {} }
      local c = curves[p.H]
      c.x[#c.x + 1], c.y[#c.y + 1], c.exact[#c.exact + 1] = p.lambda, part.exit:mean(), predicted(p)
    end
    byH[1], byH[2] = pg.plot.scatter { x = x, y = mean, label = "simulated, λ = 1" }, pg.plot.line { x = x, y = line, label = "exact for small noise" }
    for _, H in ipairs { 0.1, 0.5, 0.9 } do
      local c, group = curves[H], ("H = %g"):format(H)
      if c and #c.x > 1 then
        bylambda[#bylambda + 1] = pg.plot.scatter { x = c.x, y = c.y, label = group, group = group }
        local order = pg.tensor(c.x):argsort()
        bylambda[#bylambda + 1] = pg.plot.line { x = pg.tensor(c.x)[order], y = pg.tensor(c.exact)[order], group = group }
      end
    end
    if #bylambda > 0 then out:panels { file = "saddle", byH, bylambda } else out:figure { file = "saddle", panels = { byH } } end
    local lines = { { "H", "λ", "left", "mean steps", "s.e.", "predicted" } }
    for p, part in rows:each() do
      lines[#lines + 1] = { p.H, p.lambda, ("%.4g"):format(part.left:mean()), ("%.2f"):format(part.exit:mean()), ("%.2f"):format(part.exit:std() / math.sqrt(#part)), ("%.2f"):format(predicted(p)) }
    end
    out:columns(lines)
  end,

  check = function(rows, claim)
    for H, steps in pairs { [0.1] = 797.705, [0.3] = 798.903, [0.5] = 793.140, [0.7] = 782.142, [0.9] = 766.975 } do
      claim:near(("exact mean, H = %g, lambda = 1"):format(H), exact.exit(H, 0.01, 1, 1e-3 * 0.01^H, 1), steps, { abs = 1e-3 })
    end
    for p, part in rows:each() do
      local case = ("H = %g, lambda = %g"):format(p.H, p.lambda)
      claim:above("fraction that has left, " .. case, part.left:mean(), 0.995, { why = "the run is 2.5 to 5 mean times long" })
      if p.sigma * p.eta^p.H < 0.02 * p.r then
        claim:near("mean steps, " .. case, part.exit:mean(), predicted(p), { abs = 4.5 * part.exit:std() / math.sqrt(#part) + 0.25, why = "4.5 standard errors, and 1/4 for what 1/2 a step of overshoot leaves out" })
      end
    end
    local slow = rows:where { H = 0.1, lambda = 0.25 }
    local fast = rows:where { H = 0.9, lambda = 0.25 }
    if #slow > 0 and #fast > 0 then claim:above("lambda = 1/4: H = 0.1 takes longer than H = 0.9, by a factor of", slow.exit:mean() / fast.exit:mean(), 1) end
    slow, fast = rows:where { H = 0.9, lambda = 8.0 }, rows:where { H = 0.1, lambda = 8.0 }
    if #slow > 0 and #fast > 0 then claim:above("lambda = 8: H = 0.9 takes longer than H = 0.1, by a factor of", slow.exit:mean() / fast.exit:mean(), 1) end
  end,
}
