-- The same noise, the same number of steps, five ways of drawing batches: delta against epsilon. One epoch of T steps; fixed batches (exact); Poisson sampling (loss
-- distributions); shuffling and balls in bins (lower bounds: the largest of the T noisy sums of the bad instance). Shuffling is hardly better than fixed batches and, at moderate
-- epsilon, far worse than Poisson sampling, under whose accounting it is usually reported. Far out it is the other way around: a record may be drawn several times.
-- With epochs the shuffled order is kept (persistent) or drawn anew (dynamic). Chua et al. (ICML and NeurIPS 2024), their public example sigma = 0.35, T = 1000.
local pg = require "perigee"
local privacy = pg.privacy

local order = { "deterministic", "shuffle_dynamic", "shuffle_persistent", "poisson", "balls_and_bins" }
local names = { deterministic = "fixed", shuffle_dynamic = "shuffled", shuffle_persistent = "shuffled once", poisson = "Poisson", balls_and_bins = "balls in bins" }

return pg.experiment {
  name   = "dp_sgd/curves",
  paper  = "Chua et al., Scalable DP-SGD: Shuffling vs. Poisson Subsampling (NeurIPS 2024)",
  claim  = "Shuffled batches protect hardly better than fixed ones, far worse than Poisson sampling at moderate epsilon.",
  params = { sigma = 0.35, steps = 1000, epochs = 1, eps = { 0.5, 1, 2, 4, 6, 8, 10, 20, 30 } },
  help   = { sigma = "noise over clip norm", steps = "of an epoch", epochs = "of training", eps = "at which to ask" },
  range  = { sigma = { above = 0 }, steps = { from = 1 }, epochs = { from = 1 } },
  sweep  = { epochs = { 1, 5 } },
  quick  = { epochs = 1 },

  run = function(p)
    local curve = pg.series(order)
    for _, eps in ipairs(p.eps) do
      local deltas = {}
      for k, kind in ipairs(order) do
        local m = { kind = kind, sigma = p.sigma, steps_per_epoch = p.steps, epochs = p.epochs, rate = 1 / p.steps, steps = p.steps * p.epochs, eps = eps }
        deltas[k] = (kind == "balls_and_bins" and p.epochs > 1) and -(0 / 0) or privacy.delta(m)
      end
      curve:add(eps, table.unpack(deltas))
    end
    return { curve = curve }
  end,

  report = function(rows, out)
    local panels = { file = "curves" }
    for p, part in rows:each() do
      local lines = { { "eps", table.unpack(order) } }
      local panel = { title = ("σ = %g, %d steps, %d epoch%s"):format(p.sigma, p.steps, p.epochs, p.epochs > 1 and "s" or ""), xlabel = "ε", ylabel = "δ", ylog = true, yrange = { 1e-15, 1 } }
      for _, kind in ipairs(order) do
        local y = part.curve:column(kind):flatten()
        if y:isfinite():all() then panel[#panel + 1] = pg.plot.line { x = part.curve.x, y = y, label = names[kind], group = kind, marker = true } end
      end
      for i, eps in ipairs(p.eps) do
        lines[#lines + 1] = { ("%g"):format(eps) }
        for _, kind in ipairs(order) do table.insert(lines[#lines], ("%.6g"):format(part.curve:column(kind)[i][1])) end
      end
      out:columns(lines)
      panels[#panels + 1] = panel
    end
    out:panels(panels)
  end,

  check = function(rows, claim)
    local known = { [1] = { 7.57253615e-1, 7.53169492e-1, 7.22306e-2, 7.00716916e-2 }, [4] = { 3.83756519e-1, 3.83407107e-1, 6.47491e-3, 4.28552929e-3 },
      [10] = { 1.00367847e-2, 1.00367085e-2, 2.48711e-5, 1.33122589e-6 } }
    for p, part in rows:each() do
      local function at(kind, eps) return part.curve:at(eps, kind) end
      for _, eps in ipairs(p.eps) do
        local name = ("%d epochs, eps %g: "):format(p.epochs, eps)
        claim:below(name .. "shuffled over fixed", at("shuffle_dynamic", eps) / at("deterministic", eps), 1, { slack = 1e-9, why = "shuffling is never worse" })
        if p.epochs == 1 and p.sigma == 0.35 and p.steps == 1000 and known[eps] then
          for k, kind in ipairs { "deterministic", "shuffle_dynamic", "poisson", "balls_and_bins" } do
            claim:near(name .. names[kind], at(kind, eps), known[eps][k], { rel = kind == "poisson" and 1e-4 or 1e-7, why = "independent program" })
          end
          claim:above(name .. "shuffled over Poisson", at("shuffle_dynamic", eps) / at("poisson", eps), 10)
        end
        if p.epochs == 1 and p.sigma == 0.35 and eps == 30 then claim:above(name .. "Poisson over fixed: they cross", at("poisson", eps) / at("deterministic", eps), 1e6) end
      end
    end
  end,
}
