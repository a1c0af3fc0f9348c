-- What Poisson sampling costs: epsilon of N steps of DP-SGD that include each record with probability q, noise sigma over the clip norm, at delta. Between certified bounds: privacy
-- loss distributions on a grid of width h, connect-the-dots above, merged cells below, both off by O(N h^2); best is Richardson's extrapolation. Beside it Renyi
-- divergences, the accountant that most libraries had, which is an upper bound and a loose one where epsilon is large. Neighbours differ in one record's being
-- there or not. Chua et al. (NeurIPS 2024) use such accountants throughout; known values from two independent programs and public libraries: docs/privacy.md.
local pg = require "perigee"
local privacy = pg.privacy

return pg.experiment {
  name   = "dp_sgd/epsilon",
  paper  = "Chua et al., Scalable DP-SGD: Shuffling vs. Poisson Subsampling (NeurIPS 2024)",
  claim  = "Loss distributions bound epsilon from both sides within h^2; Renyi divergences overstate it.",
  params = { q = 0.01, sigma = 0.8, steps = 100000, delta = 1e-6, h = 5e-4 },
  help   = { q = "probability that a record is in a batch", sigma = "noise over clip norm", steps = "of training", delta = "at which to ask", h = "width of the grid of losses" },
  range  = { q = { above = 0, below = 1 }, sigma = { above = 0 }, steps = { from = 1 }, delta = { above = 0, below = 1 }, h = { above = 0, below = 0.1 } },
  sweep  = { { steps = { 100000 }, h = { 1e-3, 5e-4, 2.5e-4 } }, { steps = { 1000, 10000 } }, { sigma = { 1.0 }, steps = { 1000 }, delta = { 1e-5 } }, { q = { 0.05 }, sigma = { 1.5 }, steps = { 500 }, delta = { 1e-5 } },
    { q = { 0.02 }, sigma = { 2.0 }, steps = { 5000 }, delta = { 1e-5 } }, { q = { 0.05 }, sigma = { 0.8 }, steps = { 100 } }, { q = { 0.2 }, sigma = { 1.5 }, steps = { 100 } },
    { q = { 0.05 }, sigma = { 3.0 }, steps = { 20000 } }, { q = { 0.004 }, sigma = { 1.1 }, steps = { 15000 }, delta = { 1e-5 } } },
  quick  = { h = 1e-3 },

  run = function(p)
    local m = { kind = "poisson", rate = p.q, sigma = p.sigma, steps = p.steps, delta = p.delta }
    local function eps(method, h)
      m.method, m.h = method, h
      local start = pg.system.clock()
      return privacy.epsilon(m), pg.system.clock() - start
    end
    local best = eps("best", p.h / 2)
    local upper, lower, finer = eps("upper", p.h), eps("lower", p.h), eps("upper", p.h / 2)
    return { best = best, upper = upper, lower = lower, finer = finer, renyi = eps "renyi" }
  end,

  report = function(rows, out)
    out:table(rows, { "q", "sigma", "steps", "delta", "h", "lower", "best", "upper", "renyi" })
    local hard = rows:where { q = 0.01, sigma = 0.8, steps = 100000 }
    if #hard < 2 then return end
    out:figure { file = "epsilon", title = "q = 0.01, σ = 0.8, 100 000 steps", xlabel = "width of the grid $h$", ylabel = "distance from the best ε", log = "xy",
      pg.plot.line { x = hard.h, y = hard.upper - hard.best, marker = true, label = "upper bound" }, pg.plot.line { x = hard.h, y = hard.best - hard.lower, marker = true, label = "lower bound" },
      pg.plot.line { x = hard.h, y = (hard.upper - hard.best)[1] * (hard.h / hard.h[1]) ^ 2, dash = "dotted", label = "$h^2$" } }
  end,

  check = function(rows, claim)
    local known = { { .01, .8, 1000, 3.706185 }, { .01, .8, 10000, 11.183160 }, { .01, .8, 100000, 46.6954 }, { .01, 1, 1000, 1.828237 }, { .05, .8, 100, 6.730629 } }
    for p, part in rows:each() do
      local name = ("q %g, sigma %g, %d steps, h %g: "):format(p.q, p.sigma, p.steps, p.h)
      claim:holds(name .. "lower <= best <= upper <= Renyi", part.lower[1] <= part.best[1] and part.best[1] <= part.upper[1] and part.upper[1] <= part.renyi[1])
      claim:near(name .. "excess over that of half the width", (part.upper - part.best)[1] / (part.finer - part.best)[1], 4, { abs = 0.35, why = "h^2" })
      for _, k in ipairs(known) do
        if p.q == k[1] and p.sigma == k[2] and p.steps == k[3] and p.delta == (k[2] == 1 and 1e-5 or 1e-6) then
          claim:near(name .. "best", part.best[1], k[4], { abs = p.steps == 100000 and 1e-4 or 5e-5, why = "independent program" })
        end
      end
      if p.q == 0.01 and p.sigma == 0.8 and p.steps == 100000 then
        claim:near(name .. "Renyi", part.renyi[1], 49.18240, { abs = 1e-4 })
        if p.h <= 5e-4 then claim:below(name .. "certified bracket", (part.upper - part.lower)[1], 0.02) end
      end
    end
  end,
}
