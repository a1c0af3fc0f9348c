-- Which estimator of a tail index sees what. On strictly stable rows the combined block log-norm estimator is nearly unbiased, with a standard deviation of
-- a few per cent, but it never exceeds 2; off the stable class it is wrong in a way that larger blocks cure slowly: Student's t and the symmetric Pareto
-- law of index 1.5 look like 1.28 to 1.37 and 1.96 to 1.60 from blocks of 10 to 1000. Hill's estimator from the k largest values is right for
-- exact Pareto tails, standard deviation alpha / sqrt k, and slightly biased where the tail is Pareto only in the limit.
-- Gaussian rows (alpha = 2) have no tail: the block estimator says 2, the others any large number. Laws: sas symmetric stable numbers, elliptic stable
-- vectors sqrt(A) G, t Student's, pareto symmetric with |X| >= 1. Barsbey et al. (NeurIPS 2021); reference values from an independent program.
local pg = require "perigee"
local tails = pg.diag.tails

local draw = {
  sas      = function(rng, p) return rng:stable({ p.n, p.d }, p.alpha) end,
  elliptic = function(rng, p) return rng:stable_vector({ p.n, p.d }, p.alpha) end,
  t        = function(rng, p) return rng:student_t({ p.n, p.d }, p.alpha) end,
  pareto   = function(rng, p) return rng:stream("size"):pareto({ p.n, p.d }, p.alpha) * rng:stream("sign"):rademacher { p.n, p.d } end,
}

return pg.experiment {
  name   = "heavy_tails/estimators",
  paper  = "Barsbey et al., Heavy Tails in SGD and Compressibility of Overparametrized Neural Networks (NeurIPS 2021)",
  claim  = "Block log-norms estimate the index of stable rows within a few per cent, and mislead off the stable class.",
  params = { law = "sas", alpha = 1.5, n = 10000, d = 1, k = 1000 },
  help   = { law = "of the rows", alpha = "tail index", n = "rows", d = "their length", k = "largest norms that order statistics use" },
  choices = { law = { "sas", "elliptic", "t", "pareto" } },
  range  = { alpha = { above = 0, to = 2 }, n = { from = 100 }, d = { from = 1 }, k = { from = 8 } },
  sweep  = { { law = { "sas" }, alpha = { 1.2, 1.5, 1.8, 2.0 } }, { law = { "elliptic" }, alpha = { 1.3, 1.7, 1.9 }, n = { 2048 }, d = { 10 }, k = { 100 } },
    { law = { "t", "pareto" }, n = { 100000 } } },
  seeds  = 100, quick = { seeds = 10 }, full = { seeds = 1000 },

  run = function(p, rng)
    local x = draw[p.law](rng, p)
    local norms = p.d == 1 and x:flatten() or x:square():sum(2):sqrt()
    local function block(m) return p.n % m == 0 and tails.block(x, m) or 0 / 0 end
    return { combined = tails.combined(x), hill = tails.hill(norms, p.k), pickands = tails.pickands(norms, p.k), moment = tails.moment(norms, p.k),
      ratio = tails.ratio(norms, p.k), block_ratio = tails.block_ratio(norms, 100), m10 = block(10), m100 = block(100), m1000 = block(1000) }
  end,

  report = function(rows, out)
    local names = { "combined", "hill", "pickands", "moment", "ratio", "block_ratio" }
    local lines = { { "law", "alpha", "n", table.unpack(names) } }
    for p, part in rows:each() do
      local line = { p.law, ("%g"):format(p.alpha), tostring(p.n) }
      for _, name in ipairs(names) do line[#line + 1] = ("%.3f (%.3f)"):format(part[name]:mean(), part[name]:std()) end
      lines[#lines + 1] = line
    end
    out:columns(lines)
    local panels = { file = "estimators" }
    for _, law in ipairs { "sas", "elliptic" } do
      local bias = { title = law == "sas" and "stable numbers" or "stable vectors", xlabel = "tail index", ylabel = "mean estimate less the index", hline = 0, yrange = { -0.6, 0.6 } }
      for _, name in ipairs { "combined", "hill", "moment", "ratio", "block_ratio" } do
        local x, y, error = {}, {}, {}
        for p, part in rows:where({ law = law }):each() do x[#x + 1], y[#y + 1], error[#error + 1] = p.alpha, part[name]:mean() - p.alpha, part[name]:std() end
        if #x > 1 then bias[#bias + 1] = pg.plot.line { x = x, y = y, error = error, label = name:gsub("_", " "), marker = true } end
      end
      if #bias > 0 then panels[#panels + 1] = bias end
    end
    local off = { title = "off the stable class, index 1.5", xlabel = "rows in a block", ylabel = "block log-norm estimate", xlog = true, hline = 1.5 }
    for p, part in rows:where({ n = 100000 }):each() do
      off[#off + 1] = pg.plot.line { x = { 10, 100, 1000 }, y = { part.m10:mean(), part.m100:mean(), part.m1000:mean() },
        error = { part.m10:std(), part.m100:std(), part.m1000:std() }, label = p.law, marker = true }
    end
    if #off > 0 then panels[#panels + 1] = off end
    if #panels > 0 then out:panels(panels) end
  end,

  check = function(rows, claim)
    local combined = { sas = { [1.2] = { 1.1995, .024 }, [1.5] = { 1.503, .029 }, [1.8] = { 1.795, .037 } },
      elliptic = { [1.3] = { 1.295, .037 }, [1.7] = { 1.694, .037 }, [1.9] = { 1.893, .034 } } }
    local off = { t = { m10 = { 1.282, .05 }, m100 = { 1.338, .05 }, m1000 = { 1.374, .1 }, hill = { 1.49, .1 } },
      pareto = { m10 = { 1.959, .05 }, m100 = { 1.665, .05 }, m1000 = { 1.596, .1 }, hill = { 1.49, .1 } } }
    for p, part in rows:each() do
      local name, known, n = ("%s, alpha %g: "):format(p.law, p.alpha), (combined[p.law] or {})[p.alpha], #part
      if known and (p.law == "sas" and p.n == 10000 and p.d == 1 or p.law == "elliptic" and p.n == 2048 and p.d == 10) then
        claim:near(name .. "mean combined estimate", part.combined:mean(), known[1], { abs = 0.015, se = known[2] / math.sqrt(n) })
        if n >= 50 then claim:near(name .. "its standard deviation", part.combined:std(), known[2], { rel = 0.35 }) end
      elseif p.law == "sas" and p.alpha == 2 and p.n == 10000 then
        claim:near(name .. "mean combined estimate", part.combined:mean(), 1.98, { abs = 0.02, why = "capped at 2" })
      elseif off[p.law] and p.alpha == 1.5 and p.n == 100000 then
        for _, what in ipairs { "m10", "m100", "m1000", "hill" } do
          claim:near(name .. "mean of " .. what, part[what]:mean(), off[p.law][what][1], { abs = off[p.law][what][2] })
        end
      end
    end
  end,
}
