-- Quadratically parametrised regression: f_i = <u*u, x_i>. On interpolating solutions tr H = 4 sum_j m_j w_j, w = u*u and
-- m_j = mean_i x_ij^2, so small-step label noise solves a linear programme: min sum m_j w_j subject to X w = y, w >= 0.
-- A: three weights, two equations, solution (2.5, 0, 0.5) with tr H = 20; gradient descent alone stops at tr H = 26.71.
-- B: recovery of 5 ones among 100 weights from 40 equations. Damian, Ma, Lee (NeurIPS 2021), and HaoChen et al. (COLT 2021);
-- the sizes are ours.
local pg = require "perigee"

local function instance(p)
  if p.instance == "A" then
    return pg.tensor { { 1, 2, 1 }, { 1, 1, 3 } }, pg.tensor { 3, 4 }, pg.tensor { 2.5, 0, 0.5 }, 1
  end
  local X = pg.rng(p.data):stream("design"):normal { 40, 100 }
  local w = pg.concatenate { pg.ones { 5 }, pg.zeros { 95 } }
  return X, X:mv(w), w, 0.5
end

local function point(name, noise, eta, sigma, steps, batch)
  return { instance = { name }, noise = { noise }, eta = { eta }, sigma = { sigma }, steps = { steps }, batch = { batch or "one" } }
end

return pg.experiment {
  name   = "label_noise/quadratic",
  paper  = "Damian, Ma, Lee, Label Noise SGD Provably Prefers Flat Global Minimizers (NeurIPS 2021)",
  claim  = "Label noise selects the sparse solution of a quadratically parametrised regression.",
  params = { instance = "A", noise = "label", eta = 0.005, sigma = 0.5, steps = 400000, batch = "one", data = 1 },
  help   = { instance = "A: three weights; B: sparse recovery", noise = "added to the labels, or to the gradient", eta = "step size", sigma = "standard deviation of the noise",
    steps = "iterations", batch = "one example a step, or all of them, each with a noise of its own", data = "seed of the design of B" },
  choices = { batch = { "one", "full" }, instance = { "A", "B" }, noise = { "label", "none", "gaussian" } },
  range  = { eta = { above = 0 }, sigma = { from = 0 }, steps = { from = 10 } },
  sweep  = { point("A", "label", 0.005, 0.5, 400000), point("A", "none", 0.005, 0.5, 400000), point("A", "label", 0.005, 0.5, 800000, "full"), point("B", "label", 0.01, 1.0, 200000), point("B", "none", 0.01, 1.0, 200000) },
  seeds  = 4, batched = true, quick = { seeds = 1 }, full = { seeds = 40 },

  run = function(p, rng, log)
    local X, y, truth, start = instance(p)
    local n, d = X:dim(1), X:dim(2)
    local pick, noise = rng:stream "batch", rng:stream "noise"
    local u, mean = pg.full({ p.replicas, d }, start), pg.zeros { p.replicas, d }
    local m, late, curve, every = (X * X):mean(1), p.steps - p.steps // 10, pg.series { "trace" }, math.max(1, p.steps // 200)
    for k in log:progress(p.steps) do
      local w = u * u
      local descent
      if p.batch == "full" then
        local r = w:mm(X:t()) - y
        if p.noise == "label" then r = r - p.sigma * noise:rademacher { n } end
        descent = r:mm(X) / n
      else
        local i = pick:integers(n)                                     -- one example for each replica
        local r = (w * X[i]):sum(2) - y[i]
        if p.noise == "label" then r = r - p.sigma * noise:rademacher() end
        descent = r:unsqueeze(2) * X[i]
      end
      if p.noise == "gaussian" then u = u + p.eta * p.sigma * noise:normal { d } end
      u = u - 2 * p.eta * descent * u
      if k > late then mean:add_(w) end
      if k % every == 0 then curve:add(k, 4 * (m * w):sum(2)) end
    end
    mean = mean / (p.steps - late)
    return { w = mean[{ {}, { 1, 3 } }], trace = 4 * (m * mean):sum(2), least = pg.full({ p.replicas }, 4 * (m * truth):sum()), error = (mean - truth):norm(2, 2) / truth:norm(), l1 = mean:abs():sum(2), curve = curve }
  end,

  report = function(rows, out)
    local panels = { file = "quadratic" }
    for p, part in rows:each() do
      panels[#panels + 1] = { part, x = "k", title = ("instance %s, %s%s"):format(p.instance, p.noise == "none" and "no noise" or p.noise .. " noise", p.batch == "full" and ", full batch" or ""), xlog = true,
        xlabel = "step", ylabel = "trace of the Hessian", y = { { "curve.trace", label = "SGD", paths = 4 } } }
    end
    out:panels(panels)
    out:table(rows, { "instance", "noise", "batch", "trace", "least", "error", "l1" })
    for p, part in rows:each() do
      if p.instance == "A" then out:print("A, %s noise, batch %s: averaged weights %.4g, %.4g, %.4g", p.noise, p.batch, table.unpack(part.w:mean(1):tolist())) end
    end
  end,

  check = function(rows, claim)
    -- The programme of A: nu = (-1, 2) is dual feasible, X' nu <= m, and tight on the support, so no solution has a smaller trace than 20.
    local X, y, w = instance { instance = "A" }
    local m, nu = (X * X):mean(1), pg.tensor { -1, 2 }
    claim:above("A: dual certificate of the least trace, smallest slack", (m - X:t():mv(nu)):min(), 0)
    claim:equal("A: least trace, by the dual", 4 * y:dot(nu), 20.0)
    claim:equal("A: least trace, by the primal", 4 * m:dot(w), 20.0)
    for p, part in rows:each() do
      local which = ("%s, %s"):format(p.instance, p.noise)
      if which == "A, label" and p.steps >= 400000 then                  -- a full batch has a slow clock of eta^2 sigma^2 / n
        for j, target in ipairs { 2.5, 0, 0.5 } do claim:near(("A: weight %d, batch %s"):format(j, p.batch), part.w:mean(1)[j], target, { abs = 0.02 }) end
        claim:near("A: trace with label noise, batch " .. p.batch, part.trace:mean(), 20, { rel = 0.01 })
      elseif which == "A, none" then
        claim:near("A: trace without noise", part.trace:mean(), 26.71, { abs = 0.05 })
        claim:below("A: trace without noise, spread over the seeds", part.trace:max() - part.trace:min(), 1e-3)
        for j, target in ipairs { 0.8227, 0.6709, 0.8355 } do claim:near(("A: weight %d without noise"):format(j), part.w:mean(1)[j], target, { abs = 1e-3 }) end
      elseif which == "B, label" then
        claim:below("B: relative error with label noise, largest of the runs", part.error:max(), 0.05)
      elseif which == "B, none" then
        claim:above("B: relative error without noise, least of the runs", part.error:min(), 0.5)
      end
    end
  end,
}
