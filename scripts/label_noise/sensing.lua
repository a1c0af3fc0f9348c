-- Rank-one sensing: U is 2x2 with rows u_1, u_2, and one measurement <u_1, u_2> = 1. On the manifold tr H = |U|_F^2, least where
-- U U^T = [[1,1],[1,1]], of rank one. Gradient descent stops at the first solution; label noise goes on to the flat one.
-- Damian, Ma, Lee (NeurIPS 2021); the example is ours.
local pg = require "perigee"

return pg.experiment {
  name   = "label_noise/sensing",
  paper  = "Damian, Ma, Lee, Label Noise SGD Provably Prefers Flat Global Minimizers (NeurIPS 2021)",
  claim  = "Label noise finds the solution of least rank where gradient descent does not.",
  params = { eta = 0.05, sigma = 0.2, steps = 60000 },
  help   = { eta = "step size", sigma = "label noise", steps = "iterations" },
  range  = { eta = { above = 0 }, sigma = { from = 0 }, steps = { from = 30 } },
  sweep  = { sigma = { 0.0, 0.2 } },
  seeds  = 8, batched = true, quick = { seeds = 2 }, full = { seeds = 100 },

  run = function(p, rng, log)
    local noise, n = rng:stream "noise", p.replicas
    local a, b = pg.tensor { { 1.5, 0.8 } } + pg.zeros { n, 2 }, pg.tensor { { 0.3, -0.9 } } + pg.zeros { n, 2 }
    local trace, late, curve, every = pg.zeros { n }, p.steps * 2 // 3, pg.series { "first", "second" }, math.max(1, p.steps // 200)
    local first, second
    for k in log:progress(p.steps) do
      local r = ((a * b):sum(2) - 1 - p.sigma * noise:rademacher()):unsqueeze(2)
      a, b = a - p.eta * r * b, b - p.eta * r * a
      if k > late then trace:add_((a * a + b * b):sum(2)) end
      if k % every == 0 or k == p.steps then
        local tr, det = (a * a + b * b):sum(2), (a[{ {}, 1 }] * b[{ {}, 2 }] - a[{ {}, 2 }] * b[{ {}, 1 }]):abs()
        first = pg.sqrt((tr + pg.sqrt(pg.maximum(tr^2 - 4 * det^2, 0))) / 2)
        second = det / first
        curve:add(k, first, second)
      end
    end
    return { first = first, second = second, trace = trace / (p.steps - late), aa = (a * a):sum(2), bb = (b * b):sum(2), curve = curve }
  end,

  report = function(rows, out)
    local panels = { file = "sensing" }
    for p, part in rows:each() do
      panels[#panels + 1] = { part, x = "k", title = p.sigma > 0 and "label noise" or "no noise", xlabel = "step", ylabel = "singular values", ylog = true,
        y = { { "curve.first", label = "first", band = "10-90" }, { "curve.second", label = "second", band = "10-90" } } }
    end
    out:panels(panels)
    out:table(rows, { "sigma", "first", "second", "trace" })
  end,

  check = function(rows, claim)
    local quiet, noisy = rows:where { sigma = 0.0 }, rows:where { sigma = function(s) return s > 0 end }
    if #quiet > 0 then
      claim:near("without noise, first singular value", quiet.first[1], 1.8732, { abs = 1e-4 })
      claim:near("without noise, second singular value", quiet.second[1], 0.8389, { abs = 1e-4 })
    end
    if #noisy > 0 then
      claim:below("with label noise, second singular value, largest of the runs", noisy.second:max(), 0.01)
      claim:below("diagonal of U U^T, farthest from 1", pg.maximum((noisy.aa - 1):abs(), (noisy.bb - 1):abs()):max(), 0.15, { why = "fluctuates with sigma" })
      claim:near("time-averaged trace", noisy.trace:mean(), 2, { rel = 0.05 })
    end
  end,
}
