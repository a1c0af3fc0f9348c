-- Rank-one sensing: measurements f_i = <A_i, U U^T> = y_i of a symmetric matrix by its factor. tr H = (4/n) sum_i |A_i U|_F^2; label
-- noise goes on to where that is least, gradient descent stops at the first solution.
-- pair: U is 2 x 2 with rows u_1, u_2, and one measurement <u_1, u_2> = 1: tr H = |U|_F^2 is least where U U^T = [[1,1],[1,1]].
-- gaussian: n = 20 Gaussian measurements of the rank-one e_1 e_1^T in 10 x 10 (55 unknowns); there tr H is, in expectation, proportional
-- to the nuclear norm |U|_F^2. Damian, Ma, Lee (NeurIPS 2021); the examples and their sizes are ours.
local pg = require "perigee"

-- Measurements (n, d, d), their targets, and the start of U.
local function instance(p)
  if p.instance == "pair" then return pg.tensor { { { 0, 0.5 }, { 0.5, 0 } } }, pg.tensor { 1.0 }, pg.tensor { { 1.5, 0.8 }, { 0.3, -0.9 } } end
  local G = pg.rng(p.data):stream("design"):normal { 20, 10, 10 }
  local A = (G + G:transpose(2, 3)) / math.sqrt(80)
  return A, A[{ {}, 1, 1 }]:contiguous(), pg.eye(10)
end

return pg.experiment {
  name   = "label_noise/sensing",
  paper  = "Damian, Ma, Lee, Label Noise SGD Provably Prefers Flat Global Minimizers (NeurIPS 2021)",
  claim  = "Label noise finds the solution of least rank where gradient descent does not.",
  params = { instance = "pair", eta = 0.05, sigma = 0.2, steps = 60000, data = 1 },
  help   = { instance = "pair: 2 x 2, one measurement; gaussian: 10 x 10, twenty", eta = "step size", sigma = "label noise", steps = "iterations",
    data = "seed of the Gaussian design" },
  choices = { instance = { "pair", "gaussian" } },
  range  = { eta = { above = 0 }, sigma = { from = 0 }, steps = { from = 30 } },
  sweep  = { { instance = { "pair" }, sigma = { 0.0, 0.2 } }, { instance = { "gaussian" }, sigma = { 0.0, 0.2 }, steps = { 300000 } } },
  seeds  = 8, batched = true, quick = { seeds = 2 }, full = { seeds = 100 },

  run = function(p, rng, log)
    local pick, noise = rng:stream "batch", rng:stream "noise"
    local A, y, start = instance(p)
    local n, d = A:dim(1), start:dim(1)
    local U, mean = start + pg.zeros { p.replicas, d, d }, pg.zeros { p.replicas, d, d }
    local late, curve, every = p.steps * 2 // 3, pg.series { "first", "second" }, math.max(1, p.steps // 200)
    for k in log:progress(p.steps) do
      local i = pick:integers(n)                                       -- one measurement for each replica
      local V = A[i]:bmm(U)
      local r = (V * U):sum { axes = { 2, 3 } } - y[i] - p.sigma * noise:rademacher()
      U = U - (2 * p.eta * r):reshape { -1, 1, 1 } * V
      if k > late then mean:add_(U:bmm(U:transpose(2, 3))) end
      if k % every == 0 or k == p.steps then
        local values = pg.linalg.svdvals(U)
        curve:add(k, values[{ {}, 1 }], values[{ {}, 2 }])
      end
    end
    mean = mean / (p.steps - late)
    local values, diagonal = pg.linalg.svdvals(U), U:bmm(U:transpose(2, 3)):diagonal(0, 2, 3)
    local truth = p.instance == "pair" and pg.ones { 2, 2 } or pg.eye(10)[{ {}, { 1, 1 } }] * pg.eye(10)[{ { 1, 1 }, {} }]
    return { first = values[{ {}, 1 }], second = values[{ {}, 2 }], trace = mean:diagonal(0, 2, 3):sum(2), off = (diagonal - 1):abs():max(2),
      error = (mean - truth):square():sum { axes = { 2, 3 } }:sqrt() / truth:norm(), curve = curve }
  end,

  report = function(rows, out)
    local panels = { file = "sensing" }
    for p, part in rows:each() do
      panels[#panels + 1] = { part, x = "k", title = p.instance .. (p.sigma > 0 and ", label noise" or ", no noise"), xlabel = "step", ylabel = "singular values of U", ylog = true,
        y = { { "curve.first", label = "first", band = "10-90" }, { "curve.second", label = "second", band = "10-90" } } }
    end
    out:panels(panels)
    out:table(rows, { "instance", "sigma", "first", "second", "trace", "error" })
  end,

  check = function(rows, claim)
    local quiet, noisy = rows:where { instance = "pair", sigma = 0.0 }, rows:where { instance = "pair", sigma = function(s) return s > 0 end }
    if #quiet > 0 then
      claim:near("without noise, first singular value", quiet.first[1], 1.8732, { abs = 1e-4 })
      claim:near("without noise, second singular value", quiet.second[1], 0.8389, { abs = 1e-4 })
    end
    if #noisy > 0 then
      claim:below("with label noise, second singular value, largest of the runs", noisy.second:max(), 0.01)
      claim:below("diagonal of U U^T, farthest from 1", noisy.off:max(), 0.15, { why = "fluctuates with sigma" })
      claim:near("time-averaged trace", noisy.trace:mean(), 2, { rel = 0.05 })
    end
    quiet, noisy = rows:where { instance = "gaussian", sigma = 0.0 }, rows:where { instance = "gaussian", sigma = 0.2 }
    if #quiet > 0 then claim:above("gaussian, without noise: relative error, least of the runs", quiet.error:min(), 1) end
    if #noisy > 0 then
      claim:below("gaussian, with label noise: relative error of the averaged U U^T, largest of the runs", noisy.error:max(), 0.2)
      claim:near("gaussian, with label noise: time-averaged nuclear norm", noisy.trace:mean(), 1, { rel = 0.1, why = "that of the matrix measured" })
    end
  end,
}
