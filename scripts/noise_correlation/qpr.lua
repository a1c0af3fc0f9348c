-- Quadratically parametrised regression, L(u) = (1/4n) sum_i (<x_i, u*u> - y_i)^2, 40 equations for 100 weights of which five are 1: many u fit. Noise
-- in the steps, all of the same variance, selects among them; its correlation decides whether it helps: by anticorrelated noise the trace of
-- the Hessian, (2/n) sum_i |x_i * u|^2, and the error of the weights fall below those of gradient descent, by white noise they rise.
-- 8192 noisy steps, then 2000 without noise. Lucchi et al. (NeurIPS 2022); sizes are ours. A seed of data serves all methods.
local pg = require "perigee"
local process = pg.process

local d, n, eta, s, noisy, still = 100, 40, 0.02, 0.02, 8192, 2000
local order = { "fractional 0.2", "fractional 0.05", "anti", "gd", "white" }

return pg.experiment {
  name   = "noise_correlation/qpr",
  paper  = "Lucchi et al., On the Theoretical Properties of Noise Correlation in Stochastic Optimization (NeurIPS 2022)",
  claim  = "Anticorrelated noise finds flatter solutions than gradient descent, white noise sharper ones.",
  params = { noise = "gd", data = 1 },
  help   = { noise = "none (gd), white, differences of white (anti), or fractional with its exponent", data = "seed of the design" },
  choices = { noise = order },
  sweep  = { noise = order },
  seeds  = 20, batched = true, quick = { seeds = 8 }, full = { seeds = 100 },

  run = function(p, rng, log)
    local R = p.replicas
    local X = pg.rng(p.data):block("data", R, log:first()):normal { n, d }          -- of the replica, whatever the method
    local truth = pg.concatenate { pg.ones { 5 }, pg.zeros { d - 5 } }
    local y, noise = X:narrow(3, 1, 5):sum(3):unsqueeze(3), nil
    local H = tonumber(p.noise:match "fractional (.*)") or (p.noise == "white" and 0.5)
    if H then noise = process.fgn(rng, { noisy, d }, { H = H, scale = s })
    elseif p.noise == "anti" then
      local white = rng:normal { noisy + 1, d }:transpose(1, 2)
      noise = (white:narrow(1, 2, noisy) - white:narrow(1, 1, noisy)) * (s / math.sqrt(2))
    end
    local u, Xt = pg.full({ R, d, 1 }, 0.5), X:transpose(2, 3):contiguous()
    for k in log:progress(noisy + still) do
      u = u - (eta / n) * Xt:bmm(X:bmm(u * u) - y) * u
      if noise and k <= noisy then u = u + noise[k]:unsqueeze(3) end
    end
    local w = (u * u):squeeze(3)
    return { trace = 2 / n * ((X * X):sum(2) * w):sum(2), error = (w - truth):square():sum(2), loss = (X:bmm(u * u) - y):square():sum { axes = { 2, 3 } } / (4 * n) }
  end,

  report = function(rows, out)
    local labels, panels = {}, { file = "qpr" }
    for _, what in ipairs { "trace", "error" } do
      local panel = { xlabel = "trace of gradient descent, same data", ylabel = what == "trace" and "trace of the Hessian" or "squared error of the weights", ylog = true }
      for p, part in rows:each() do
        local gd = rows:where { noise = "gd" }
        if p.noise ~= "gd" and #gd == #part then panel[#panel + 1] = pg.plot.scatter { x = gd.trace, y = part[what], label = p.noise, group = p.noise } end
      end
      panels[#panels + 1] = panel
    end
    if #panels[1] > 0 then out:panels(panels) end
    labels[1] = { "noise", "median trace", "median error", "largest loss" }
    for p, part in rows:each() do
      labels[#labels + 1] = { p.noise, ("%.4g"):format(part.trace:median()), ("%.4g"):format(part.error:median()), ("%.2g"):format(part.loss:max()) }
    end
    out:columns(labels)
  end,

  check = function(rows, claim)
    local known = { gd = 42.2, anti = 38.0, ["fractional 0.05"] = 36.7, ["fractional 0.2"] = 29.4, white = 118 } -- medians of other data of these sizes
    local last
    for _, name in ipairs(order) do
      local part = rows:where { noise = name }
      if #part > 0 then
        claim:near("median trace, " .. name, part.trace:median(), known[name], { rel = name == "white" and 0.4 or 0.15, why = "other data of the same law" })
        if last and #last == #part then
          claim:above(("fraction of data sets with a smaller trace than by %s: %s"):format(name, last.noise[1]), last.trace:lt(part.trace):cast("f64"):mean(), 0.85)
        end
        last = #part > 0 and part
      end
    end
  end,
}
