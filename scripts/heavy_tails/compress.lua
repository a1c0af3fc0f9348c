-- Why heavy tails compress. Independent stable entries (index alpha < 2) have an infinite second moment: a few carry the norm, and the relative
-- error of keeping the largest tenth of n of them falls as K n^(1/2 - 1/alpha), K^2 = E[X^2; |X| <= t] / median S, where P(|X| > t) = 1/10 and S is
-- the positive alpha/2-stable limit of n^(-2/alpha) sum X^2. Dependence undoes it: with one random scale A for the whole layer the
-- entries sqrt(A) G are as heavy tailed, and prune like Gaussians. Of n x n layers of independent entries nodes and singular
-- values can go as well, the more the smaller alpha. alpha = 2 is Gaussian. Errors are ratios of heavy-tailed
-- numbers: medians are compared, never means. Barsbey et al. (NeurIPS 2021), section on synthetic layers; alpha = 0 here means drawn from (1.75, 2).
local pg = require "perigee"

local constant = { [1] = pg.diag.compress.rate(1, 0.1), [1.5] = pg.diag.compress.rate(1.5, 0.1) }
local eps = 0.1                                                                 -- relative error that the fraction in panels allows

-- The layer of one draw: independent entries; a square of them; or sqrt(A) G with one A a column, or one for all.
local layers = {
  entries = function(rng, alpha, n) return rng:stable({ n }, alpha) end,
  square  = function(rng, alpha, n) return rng:stable({ n, n }, alpha) end,
  columns = function(rng, alpha, n) return rng:stable_vector({ n, n }, alpha):transpose(1, 2) end,
  whole   = function(rng, alpha, n) return rng:stable_vector({ n * n }, alpha):reshape { n, n } end,
}

return pg.experiment {
  name   = "heavy_tails/compress",
  paper  = "Barsbey et al., Heavy Tails in SGD and Compressibility of Overparametrized Neural Networks (NeurIPS 2021)",
  claim  = "Independent heavy-tailed weights compress, the better the wider the layer; heavy tails that share a scale do not.",
  params = { layer = "entries", mode = "magnitude", alpha = 1.5, n = 1000, draws = 500, kappa = 0.1 },
  help   = { layer = "n independent entries, n x n of them, or n x n sharing a scale by column or all", mode = "what is pruned", alpha = "tail index of the entries; 0: drawn from (1.75, 2)",
    n = "size of the layer", draws = "independent layers", kappa = "fraction kept" },
  choices = { layer = { "entries", "square", "columns", "whole" }, mode = { "magnitude", "node", "singular" } },
  range  = { alpha = { from = 0, to = 2 }, n = { from = 2 }, draws = { from = 1 }, kappa = { above = 0, below = 1 } },
  sweep  = {
    { alpha = { 1, 1.5 }, n = { 1000 }, draws = { 2000 } }, { alpha = { 1, 1.5 }, n = { 10000 }, draws = { 1000 } }, { alpha = { 1, 1.5 }, n = { 100000 } },
    { layer = { "square" }, mode = { "node", "singular", "magnitude" }, n = { 100, 400 }, alpha = { 1.3 }, draws = { 50 } },
    { layer = { "square" }, mode = { "node", "singular", "magnitude" }, n = { 400 }, alpha = { 1.6 }, draws = { 50 } },
    { layer = { "square" }, mode = { "singular" }, n = { 400 }, alpha = { 2 }, draws = { 2 } },
    { layer = { "square", "columns" }, n = { 500 }, alpha = { 1.75, 1.85, 1.95 }, draws = { 250 } },
    { layer = { "square", "columns", "whole" }, n = { 500 }, alpha = { 0 }, draws = { 60 } },
  },
  quick  = { draws = 4, n = 100 }, full = { draws = 500 },

  run = function(p, rng, log)
    local indices = p.alpha > 0 and pg.full({ p.draws }, p.alpha) or rng:stream("index"):uniform({ p.draws }, 1.75, 2)
    local sample = pg.series { "alpha", "error", "prunable" }
    for k in log:progress(p.draws) do
      local stream = pg.rng(1):stream(p.layer, log:first()):stream("draw", k)            -- the same layers whatever is pruned
      local c = pg.diag.compress(layers[p.layer](stream, indices[k], p.n), { method = p.mode })
      sample:add(k, indices[k], c:error(1 - p.kappa), c:prunable(eps))
    end
    return { sample = sample, median = sample.error:median(), prunable = sample.prunable:median() }
  end,

  report = function(rows, out)
    out:table(rows, { "layer", "mode", "alpha", "n", "draws", "median", "prunable" })
    local rate = { title = "independent entries", xlabel = "entries $n$", ylabel = "median error of keeping a tenth", log = "xy" }
    for alpha, K in pairs(constant) do
      local part = rows:where { layer = "entries", alpha = alpha, mode = "magnitude" }
      if #part > 1 then
        local n = part.n:cast "f64"
        rate[#rate + 1] = pg.plot.scatter { x = n, y = part.median, label = ("α = %g"):format(alpha), group = alpha }
        rate[#rate + 1] = pg.plot.line { x = n, y = K * n ^ (0.5 - 1 / alpha), label = "$K n^{1/2-1/α}$", group = alpha }
      end
    end
    local panels = { file = "compress", columns = 4, #rate > 0 and rate or nil }
    for _, layer in ipairs { "square", "columns", "whole" } do
      local part = rows:where { layer = layer, alpha = 0 }
      if #part > 0 then
        local title = ({ square = "independent", columns = "one scale a column", whole = "one scale a layer" })[layer]
        panels[#panels + 1] = { title = title, xlabel = "fraction prunable at error 0.1", ylabel = "tail index", xrange = { 0.2, 1 }, legend = false,
          pg.plot.scatter { x = part.sample.prunable:flatten(), y = part.sample.alpha:flatten(), label = "layers of 500 x 500", group = "layer" } }
      end
    end
    if #panels > 0 then out:panels(panels) end
  end,

  check = function(rows, claim)
    local function each(wanted, f)
      for p, part in rows:where(wanted):each() do f(p, part) end
    end
    local log10 = {}
    each({ layer = "entries", kappa = 0.1, alpha = function(a) return constant[a] end }, function(p, part)
      local predicted = constant[p.alpha] * p.n ^ (0.5 - 1 / p.alpha)
      claim:near(("median error, alpha %g, n %d"):format(p.alpha, p.n), part.median[1], predicted, { rel = p.alpha == 1 and 0.2 or 0.1, why = "K n^(1/2 - 1/alpha)" })
      log10[p.alpha] = log10[p.alpha] or {}
      table.insert(log10[p.alpha], { math.log(p.n, 10), math.log(part.median[1], 10) })
    end)
    for alpha, points in pairs(log10) do
      local first, last = points[1], points[#points]
      if #points > 1 then
        claim:near(("slope, alpha %g"):format(alpha), (last[2] - first[2]) / (last[1] - first[1]), 0.5 - 1 / alpha, { abs = alpha == 1 and 0.05 or 0.03, why = "1/2 - 1/alpha" })
      end
    end
    local panels = { square = { [1.75] = { 0.447, 0.03 }, [1.85] = { 0.349, 0.015 }, [1.95] = { 0.287, 0.01 } },
      columns = { [1.75] = { 0.342, 0.025 }, [1.85] = { 0.300, 0.015 }, [1.95] = { 0.273, 0.01 } } }       -- medians of an independent prototype
    each({ mode = "magnitude", n = 500 }, function(p, part)
      local known = (panels[p.layer] or {})[p.alpha]
      if known then claim:near(("median prunable fraction, %s, alpha %g"):format(p.layer, p.alpha), part.prunable[1], known[1], { abs = known[2] }) end
      if p.layer == "whole" then
        local fraction = part.sample.prunable
        claim:near("prunable fraction of a layer with one scale, median", fraction:median(), 0.265291, { abs = 0.002, why = "that of a Gaussian" })
        claim:below("and its deviation over layers, whatever alpha", fraction:std(), 0.001, { why = "0.0006 for Gaussians, by the delta method" })
      end
    end)
    local square = { [1.3] = { [400] = { singular = 0.215, node = 0.232, magnitude = 0.0425 }, [100] = { singular = 0.331, node = 0.358, magnitude = 0.094 } },
      [1.6] = { [400] = { singular = 0.453, node = 0.487, magnitude = 0.208 } } }
    each({ layer = "square", kappa = 0.1, draws = 50 }, function(p, part)
      local known = ((square[p.alpha] or {})[p.n] or {})[p.mode]
      local name = ("median error, %s, n %d, "):format(p.mode, p.n)
      if known then claim:near(name .. ("alpha %g"):format(p.alpha), part.median[1], known, { rel = p.alpha == 1.3 and 0.35 or 0.2, why = "a median of 50 scatters by 12 %, 6 %" }) end
      local heavier, narrower = rows:where { layer = "square", mode = p.mode, n = p.n, alpha = 1.3 }, rows:where { layer = "square", mode = p.mode, n = 100, alpha = 1.3 }
      if p.alpha == 1.6 and #heavier == 1 then claim:above(name .. "alpha 1.6 over 1.3", part.median[1] / heavier.median[1], 1) end
      if p.alpha == 1.3 and p.n == 400 and #narrower == 1 then claim:below(name .. "over that of n 100", part.median[1] / narrower.median[1], 1) end
    end)
    each({ layer = "square", mode = "singular", alpha = 2, n = 400, kappa = 0.1 }, function(_, part)
      claim:near("singular values of a Gaussian layer", part.sample.error:mean(), 0.828512, { abs = 0.005, why = "quarter-circle law" })
    end)
  end,
}
