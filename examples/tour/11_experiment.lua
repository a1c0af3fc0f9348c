-- An experiment: parameters, what to compute, what to draw, what to check. Try: perigee examples/tour/11_experiment.lua --check
-- and --help, --kappa 10,1000, --seeds 8. Results go to results/examples/heavy_ball.
local pg = require "perigee"

return pg.experiment {
  name   = "examples/heavy_ball",
  paper  = "Polyak, Some methods of speeding up the convergence of iteration methods (1964)",
  claim  = "The heavy ball contracts a quadratic by (sqrt(kappa) - 1) / (sqrt(kappa) + 1) a step, and no better.",
  params = { dim = 100, kappa = 100.0, steps = 1000 },
  help   = { dim = "dimension", kappa = "condition number", steps = "iterations" },
  range  = { dim = { from = 2 }, kappa = { above = 1 }, steps = { from = 10 } },
  sweep  = { kappa = { 10.0, 100.0, 1000.0 } },

  run = function(p, rng)
    local lambda = pg.logspace(-math.log(p.kappa, 10), 0, p.dim)       -- spectrum of the Hessian, L = 1
    local s = 1 / math.sqrt(p.kappa)
    local eta, beta = 4 / (1 + s)^2, ((1 - s) / (1 + s))^2             -- Polyak's optimal pair
    local x, v = rng:stream("start"):normal { p.dim }, pg.zeros { p.dim }
    local error_ = pg.series()
    for k = 1, p.steps do
      v = beta * v - eta * lambda * x
      x = x + v
      error_:add(k, x:norm())
    end
    return { error = error_, predicted = (1 - s) / (1 + s), rate = (error_:at(p.steps) / error_:at(p.steps // 2))^(2 / p.steps) }
  end,

  report = function(rows, out)
    out:table(rows, { "kappa", "rate", "predicted" })
    out:line { rows, x = "step", y = "error", ylog = true, file = "error" }
  end,

  check = function(rows, claim)
    for p, part in rows:each() do claim:near(("rate at kappa %g"):format(p.kappa), part.rate[1], part.predicted[1], { rel = 0.03 }) end
  end,
}
