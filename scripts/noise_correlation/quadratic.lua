-- Gradient descent with correlated noise on a quadratic, one direction of curvature lambda each:
--   x_(k+1) = (1 - eta lambda) x_k + s g_(k+1),  g fractional noise of exponent H, s = sigma eta^H.
-- The stationary variance is near sigma^2 Gamma(2H+1) / (2 lambda^2H), so the loss lambda x^2 / 2 of a direction goes as lambda^(1-2H): for H -> 0
-- (Anti-PGD) steep directions cost most, at H = 1/2 (white noise) none does more than another, for H > 1/2 flat ones dominate.
-- Lucchi et al. (NeurIPS 2022); exact moments of the discrete recursion: help diag.fractional. Sizes are ours.
local pg = require "perigee"
local exact, process = pg.diag.fractional, pg.process

local lambdas = { 10, 1, 0.1, 0.01 }

local function direction(p, i) return 1 - p.eta * lambdas[i], p.sigma * p.eta^p.H end

return pg.experiment {
  name   = "noise_correlation/quadratic",
  paper  = "Lucchi et al., On the Theoretical Properties of Noise Correlation in Stochastic Optimization (NeurIPS 2022)",
  claim  = "The exponent of the noise decides whether steep or flat directions carry the loss.",
  params = { H = 0.5, eta = 0.05, sigma = 1.0, steps = 20000 },
  help   = { H = "Hurst exponent of the noise", eta = "step size", sigma = "noise of unit time", steps = "iterations" },
  range  = { H = { above = 0, below = 1 }, eta = { above = 0, to = 0.19 }, sigma = { above = 0 }, steps = { from = 100 } },
  sweep  = { H = { 0.05, 0.1, 0.25, 0.4, 0.5, 0.55, 0.6, 0.75, 0.9 } },
  seeds  = 400, batched = true, quick = { seeds = 100, steps = 4000 }, full = { seeds = 4000 },

  run = function(p, rng, log)
    local noise = process.fgn(rng, { p.steps, 4 }, { H = p.H, scale = p.sigma, dt = p.eta })
    local a, half = 1 - p.eta * pg.tensor(lambdas), pg.tensor(lambdas) / 2
    local x, curve, every = pg.zeros { p.replicas, 4 }, pg.series { "steep", "second", "third", "flat" }, p.steps // 20
    local squares = pg.zeros { p.replicas, 4 }
    for k in log:progress(p.steps) do
      x = a * x + noise[k]
      if k % every == 0 then
        local loss = half * x * x
        squares:add_(x * x / 20)
        curve:add(k, loss[{ {}, 1 }], loss[{ {}, 2 }], loss[{ {}, 3 }], loss[{ {}, 4 }])
      end
    end
    return { square = squares, curve = curve }
  end,

  report = function(rows, out)
    local levels = { xlabel = "H", ylabel = "stationary loss of a direction", ylog = true }
    local H = pg.linspace(0.02, 0.95, 94)
    for i, lambda in ipairs(lambdas) do
      local group, line, x, y = ("λ = %g"):format(lambda), {}, {}, {}
      for p, part in rows:each() do
        x[#x + 1], y[#y + 1] = p.H, lambda / 2 * part.square[{ {}, i }]:mean()
        if #x == 1 then
          for j = 1, H:size() do line[j] = lambda / 2 * exact.stationary(H[j], 1 - p.eta * lambda, p.sigma * p.eta^H[j]) end
        end
      end
      levels[#levels + 1] = pg.plot.line { x = H, y = line, label = group, group = group }
      levels[#levels + 1] = pg.plot.scatter { x = x, y = y, group = group }
    end
    local panels = { file = "quadratic", levels }
    for _, h in ipairs { 0.1, 0.5, 0.9 } do
      local part = rows:where { H = h }
      if #part > 0 then
        panels[#panels + 1] = { part, x = "step", y = { { "curve.steep", label = "λ = 10" }, { "curve.second", label = "λ = 1" }, { "curve.third", label = "λ = 0.1" }, { "curve.flat", label = "λ = 0.01" } },
          title = ("H = %g"):format(h), xlabel = "step", ylabel = "loss of a direction", ylog = true }
      end
    end
    out:panels(panels)
    local lines = { { "H", "λ", "loss", "exact", "stationary", "small steps" } }
    for p, part in rows:each() do
      for i, lambda in ipairs(lambdas) do
        local a, s = direction(p, i)
        lines[#lines + 1] = { p.H, lambda }
        for _, v in ipairs { part.square[{ {}, i }]:mean(), exact.after(p.H, a, p.steps, s), exact.stationary(p.H, a, s), exact.limit(p.H, lambda, p.sigma) } do
          table.insert(lines[#lines], ("%.5g"):format(lambda / 2 * v))
        end
      end
    end
    out:columns(lines)
  end,

  check = function(rows, claim)
    -- B8 of the exact formula, at eta = 0.05 and sigma = 1, for lambda = 10, 1, 0.1, 0.01
    for H, losses in pairs { [0.1] = { 2.0405180, 0.23776865, 0.036520237, 0.0057681945 }, [0.25] = { 1.0041837, 0.22958488, 0.070320318, 0.022163927 },
                             [0.5] = { 0.33333333, 0.25641026, 0.25062657, 0.25006253 }, [0.75] = { 0.12272823, 0.33660180, 1.0522531, 3.3237665 } } do
      for i, lambda in ipairs(lambdas) do
        claim:near(("exact stationary loss, H = %g, lambda = %g"):format(H, lambda), lambda / 2 * exact.stationary(H, 1 - 0.05 * lambda, 0.05^H), losses[i], { rel = 1e-6 })
      end
    end
    for p, part in rows:each() do
      local every, loss = p.steps // 20, {}
      for i, lambda in ipairs(lambdas) do
        local a, s = direction(p, i)
        local expected, square = 0, part.square[{ {}, i }]
        for k = 1, 20 do expected = expected + exact.after(p.H, a, k * every, s) / 20 end
        loss[i] = lambda / 2 * exact.stationary(p.H, a, s)
        claim:near(("mean square of the direction over 20 times, H = %g, lambda = %g"):format(p.H, lambda), square:mean() / expected, 1,
          { abs = 4.5 * square:std() / math.sqrt(#part) / expected, why = "4.5 standard errors" })
      end
      local falls, rises = loss[1] > loss[2] and loss[2] > loss[3] and loss[3] > loss[4], loss[1] < loss[2] and loss[2] < loss[3] and loss[3] < loss[4]
      if p.H <= 0.5 and p.eta == 0.05 then claim:equal(("steep directions cost more, H = %g"):format(p.H), falls and 1 or 0, 1) end
      if p.H >= 0.6 and p.eta == 0.05 then claim:equal(("flat directions cost more, H = %g"):format(p.H), rises and 1 or 0, 1) end
    end
  end,
}
