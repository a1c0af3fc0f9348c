-- Propagation of chaos: N particles coupled through their mean behave like N independent copies of the limit in which the mean is a given function of
-- time. Solvable case: dw_i/dt = -a w_i - c (w_i - m_N) with m_N the empirical mean, and the limit with m(t) = m(0) e^(-a t), from the same starts. The difference is
-- one for all particles, (m_N(0) - m(0)) e^(-aT) (1 - e^(-cT)): for starts of deviation s its root mean square times sqrt N is s e^(-aT) (1 - e^(-cT)). With stable
-- starts of index alpha the mean fluctuates like N^(1/alpha - 1), and so does the error, whose median is N^(1/alpha - 1) times that of |S(alpha)|.
-- De Bortoli, Durmus, Fontaine, Simsekli (2020); Barsbey et al. (NeurIPS 2021), the mean-field assumption.
local pg = require "perigee"

local a, c, T, steps = 0.5, 1.0, 1.0, 400

return pg.experiment {
  name   = "heavy_tails/chaos",
  paper  = "Barsbey et al., Heavy Tails in SGD and Compressibility of Overparametrized Neural Networks (NeurIPS 2021)",
  claim  = "N coupled particles are N^(-1/2) from independent copies of their limit, N^(1/alpha - 1) if their mean has stable tails.",
  params = { n = 100, alpha = 2.0, reps = 400 },
  help   = { n = "particles", alpha = "tail index of the starts; 2: normal of deviation 1", reps = "independent systems" },
  range  = { n = { from = 1 }, alpha = { above = 1, to = 2 }, reps = { from = 2 } },
  sweep  = { n = { 10, 100, 1000 }, alpha = { 2.0, 1.5 } },
  quick  = { reps = 100 }, full = { reps = 4000 },

  run = function(p, rng, log)
    local draws = rng:stream("start")
    local w = p.alpha == 2 and draws:normal { p.reps, p.n } or draws:stable({ p.reps, p.n }, p.alpha)
    local limit, dt = w, T / steps                                                   -- the limit's mean is 0 at all times
    for _ in log:progress(steps) do                                                  -- Heun's method: second order in dt
      local function coupled(x) return -a * x - c * (x - x:mean { axes = { 2 }, keep = true }) end
      local slope = coupled(w)
      w = w + dt / 2 * (slope + coupled(w + dt * slope))
      limit = limit * (1 - (a + c) * dt + ((a + c) * dt) ^ 2 / 2)                    -- the same method on -(a + c) x
    end
    local e = w - limit
    return { rms = e:square():mean() ^ 0.5, median = e:select(2, 1):abs():median(), spread = (e:max(2) - e:min(2)):max(),
      scaled = e:square():mean() ^ 0.5 * math.sqrt(p.n) }
  end,

  report = function(rows, out)
    out:table(rows, { "n", "alpha", "rms", "median", "scaled" })
    local panel = { file = "chaos", xlabel = "particles $N$", ylabel = "median error of a particle", log = "xy" }
    for _, alpha in ipairs { 2.0, 1.5 } do
      local part = rows:where { alpha = alpha }
      if #part > 1 then
        local n = part.n:cast "f64"
        panel[#panel + 1] = pg.plot.scatter { x = n, y = part.median, label = alpha == 2 and "normal starts" or "stable starts, α = 1.5", group = alpha }
        panel[#panel + 1] = pg.plot.line { x = n, y = part.median[1] * (n / n[1]) ^ (1 / alpha - 1), label = alpha == 2 and "$N^{-1/2}$" or "$N^{1/α-1}$", group = alpha }
      end
    end
    if #panel > 0 then out:figure(panel) end
  end,

  check = function(rows, claim)
    local shrink = math.exp(-a * T) * (1 - math.exp(-c * T))
    for p, part in rows:each() do
      local name = ("N = %d, alpha %g: "):format(p.n, p.alpha)
      claim:below(name .. "the error is one for all particles, to", part.spread[1], 1e-11 * math.max(1, part.rms[1] * 1e3))
      if p.alpha == 2 then
        claim:near(name .. "rms error times sqrt N", part.scaled[1], shrink, { rel = p.reps >= 400 and 0.12 or 0.24, why = "s e^(-aT) (1 - e^(-cT)) = 0.3834" })
      else
        local median = pg.numeric.law("stable", p.alpha):quantile(0.75) * p.n ^ (1 / p.alpha - 1) * shrink
        claim:near(name .. "median error", part.median[1], median, { rel = p.reps >= 400 and 0.2 or 0.4, why = "of |S(alpha)| times N^(1/alpha - 1): four standard errors of a median" })
      end
    end
  end,
}
