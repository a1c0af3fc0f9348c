-- A widening valley, L(u, v) = v^2 |u|^2 / 2 for u in R^d: the minima v = 0 have curvature |u|^2 across, so |u|^2 -> 0 is flat. White noise drifts to
-- the sharp side (d > 2), anticorrelated noise, H < 1/2, to the flat one, as Anti-PGD does, whose noise is the difference of white numbers
-- and the limit H -> 0 in law. All with the same variance s^2 a step. Lucchi et al. (NeurIPS 2022), Orvieto et al. (ICML 2022); sizes are ours.
local pg = require "perigee"
local process = pg.process

-- E |u|^2 after n steps if v is stationary at every |u|^2: Anti-PGD, and white noise.
local function mean_field(p, d, n)
  local half = d * p.s^2 / 2
  local q = 25 + (p.noise == "anti" and half or 0)
  for _ = 1, n do
    local a = 1 - p.eta * q
    q = p.noise == "anti" and q - 2 * p.eta * q * p.s^2 / (1 + a) or q + d * p.s^2 - 2 * p.eta * q * p.s^2 / (1 - a * a)
  end
  return q + (p.noise == "anti" and half or 0)
end

return pg.experiment {
  name   = "noise_correlation/valley",
  paper  = "Lucchi et al., On the Theoretical Properties of Noise Correlation in Stochastic Optimization (NeurIPS 2022)",
  claim  = "Anticorrelated noise drifts to the flat side of a widening valley, white and persistent noise to the sharp side.",
  params = { noise = "fractional", H = 0.5, d = 10, eta = 0.01, s = 0.05, steps = 4096 },
  help   = { noise = "fractional, or anti: differences of white noise", H = "Hurst exponent of fractional noise", d = "dimension of u", eta = "step size",
    s = "standard deviation of the noise of a step", steps = "iterations" },
  choices = { noise = { "fractional", "anti" } },
  range  = { H = { above = 0, below = 1 }, d = { from = 1 }, eta = { above = 0 }, s = { from = 0 }, steps = { from = 64 } },
  sweep  = { { noise = { "fractional" }, H = { 0.01, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75 } }, { noise = { "anti" } } },
  seeds  = 100, batched = true, quick = { seeds = 40 }, full = { seeds = 1000 },

  run = function(p, rng, log)
    local noise
    if p.noise == "anti" then
      local white = rng:normal { p.steps + 1, p.d + 1 }:transpose(1, 2)                       -- (steps + 1, replicas, d + 1)
      noise = (white:narrow(1, 2, p.steps) - white:narrow(1, 1, p.steps)) * (p.s / math.sqrt(2))
    else
      noise = process.fgn(rng, { p.steps, p.d + 1 }, { H = p.H, scale = p.s })
    end
    local u, v = pg.full({ p.replicas, p.d }, 5 / math.sqrt(p.d)), pg.zeros { p.replicas, 1 }
    local curve, every = pg.series { "norm", "v2", "trace" }, p.steps // 64
    for k in log:progress(p.steps) do
      local q, step = (u * u):sum { axes = { 2 }, keep = true }, noise[k]
      u, v = u - p.eta * v^2 * u + step[{ {}, { 1, p.d } }], v - p.eta * v * q + step[{ {}, { p.d + 1, p.d + 1 } }]
      if k % every == 0 then
        local norm, v2 = (u * u):sum(2), (v * v):sum(2)
        curve:add(k, norm, v2, p.d * v2 + norm)
      end
    end
    return { norm = (u * u):sum(2), curve = curve }
  end,

  report = function(rows, out)
    local function panel(column, label) return { rows, x = "step", y = "curve." .. column, ylabel = label, xlabel = "step", ylog = true } end
    out:panels { file = "valley", panel("norm", "$|u|^2$"), panel("v2", "$v^2$"), panel("trace", "trace of the Hessian") }
    out:table(rows, { "noise", "H", "norm" })
  end,

  check = function(rows, claim)
    -- mean |u|^2 and standard deviation of one run, from two independent programs with 900 to 4300 runs
    local known = { [0.01] = { 22.248, 0.5, 0.014 }, [0.1] = { 21.73, 1.0, 0.03 }, [0.25] = { 21.51, 3.7, 0.10 }, [0.4] = { 34.9, 14, 0.4 },
                    [0.5] = { 108.0, 42, 1.1 }, [0.6] = { 176.3, 24, 0.8 }, [0.75] = { 188.9, 21, 0.6 } }
    for p, part in rows:each() do
      if p.d == 10 and p.eta == 0.01 and p.s == 0.05 and p.steps == 4096 then
        local anti = p.noise == "anti"
        local v = anti and { 22.280, 0.45, 0.007 } or known[p.H]
        if v then
          claim:near(anti and "mean |u|^2, Anti-PGD" or ("mean |u|^2, H = %g"):format(p.H), part.norm:mean(), v[1],
            { abs = 4 * math.sqrt(v[2]^2 / #part + v[3]^2), why = "4 combined standard errors" })
        end
        if anti then claim:near("mean |u|^2, Anti-PGD, against its mean field", part.norm:mean(), mean_field(p, 10, p.steps), { abs = 4 * 0.45 / math.sqrt(#part), why = "4 standard errors" }) end
        if anti or p.H <= 0.25 then claim:below((anti and "Anti-PGD" or ("H = %g"):format(p.H)) .. " has moved to the flat side of 25", part.norm:mean(), 25)
        elseif p.H >= 0.5 then claim:above(("H = %g has moved to the sharp side of 25"):format(p.H), part.norm:mean(), 25) end
      end
    end
    claim:near("mean field of white noise", mean_field({ noise = "white", eta = 0.01, s = 0.05 }, 10, 4096), 111.17, { abs = 0.01 })
    claim:near("mean field of Anti-PGD", mean_field({ noise = "anti", eta = 0.01, s = 0.05 }, 10, 4096), 22.283, { abs = 0.001 })
  end,
}
