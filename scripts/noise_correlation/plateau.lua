-- Exploring a plateau, f = 0: x_k = B_k is fractional Brownian motion, and the first k with |B_k| >= r grows as r^(1/H) for large r; persistent noise
-- explores faster. For small r the last step's overshoot counts. At H = 1/2 the mean is that of a Gaussian random walk,
--   m(x) = 1 + integral over (-r, r) of phi(y - x) m(y) dy at x = 0.
-- Lucchi et al. (NeurIPS 2022); sizes are ours.
local pg = require "perigee"
local process = pg.process

-- m(0), by Gauss and Legendre with max(200, 6 r) nodes.
local function random_walk(r)
  local nodes, weights = pg.numeric.gauss("legendre", math.max(200, 6 * r))
  local y, w, n = r * nodes, r * weights, nodes:size()
  local function phi(d) return (-(d * d) / 2):exp() / math.sqrt(2 * math.pi) end
  local m = pg.linalg.solve(pg.eye(n) - phi(y:unsqueeze(2) - y) * w, pg.ones { n })
  return 1 + (phi(y) * w * m):sum()
end

return pg.experiment {
  name   = "noise_correlation/plateau",
  paper  = "Lucchi et al., On the Theoretical Properties of Noise Correlation in Stochastic Optimization (NeurIPS 2022)",
  claim  = "The time to explore a plateau out to r grows as r^(1/H): persistent noise explores faster.",
  params = { H = 0.5, r = 32, least = 4096 },
  help   = { H = "Hurst exponent of the noise", r = "distance to reach, in standard deviations of a step", least = "shortest run, steps" },
  range  = { H = { above = 0.3, below = 1 }, r = { from = 1, to = 1024 }, least = { from = 1 } },
  sweep  = { H = { 0.5, 0.6, 0.7, 0.8, 0.9 }, r = { 4, 8, 16, 32, 64, 128, 256 } },
  seeds  = 2000, batched = true, quick = { seeds = 100 }, full = { seeds = 20000 },

  run = function(p, rng, log)
    local steps = p.least
    while steps < 8 * p.r^(1 / p.H) do steps = 2 * steps end
    local x, exit, k = pg.zeros { p.replicas }, pg.zeros { p.replicas }, 0
    local noise = p.H ~= 0.5 and process.fgn(rng, { steps }, { H = p.H })
    for _ in log:progress(steps) do
      k = k + 1
      x = x + (noise and noise[k] or rng:normal())                     -- white noise is drawn as it goes
      exit = pg.where(exit:eq(0) & x:abs():ge(p.r), k, exit)
      if k % 64 == 0 and exit:min() > 0 then break end
    end
    return { left = exit:gt(0):cast "f64", exit = pg.where(exit:eq(0), k, exit) }
  end,

  report = function(rows, out)
    out:table(rows, { "H", "r", "exit", "left" })
    local panel = { xlabel = "r", ylabel = "mean steps to reach r", log = "xy" }
    local curves, order = {}, {}
    for p, part in rows:each() do
      if not curves[p.H] then curves[p.H], order[#order + 1] = { x = {}, y = {} }, p.H end
      local c = curves[p.H]
      c.x[#c.x + 1], c.y[#c.y + 1] = p.r, part.exit:mean()
    end
    for _, H in ipairs(order) do
      local group = ("H = %g"):format(H)
      panel[#panel + 1] = pg.plot.line { x = curves[H].x, y = curves[H].y, label = group, group = group }
    end
    out:figure { file = "plateau", panels = { panel } }
  end,

  check = function(rows, claim)
    for r, steps in pairs { [4] = 21.2502, [8] = 73.9110, [32] = 1061.876, [64] = 4171.16, [128] = 16533.7 } do
      claim:near(("exact mean of white noise, r = %d"):format(r), random_walk(r), steps, { rel = 1e-5 })
    end
    local mean, spread, count = {}, {}, 0
    for p, part in rows:each() do
      mean[("%g %d"):format(p.H, p.r)], count = part.exit:mean(), #part
      spread[("%g %d"):format(p.H, p.r)] = #part > 1 and part.exit:std() / part.exit:mean() / math.sqrt(#part) or 1
      claim:above(("fraction that got out, H = %g, r = %d"):format(p.H, p.r), part.left:mean(), 0.98, { why = "a run is 8 r^(1/H) steps or longer" })
      if p.H == 0.5 then                                              -- 65834.9 at r = 256
        claim:near(("mean steps, H = 0.5, r = %d"):format(p.r), part.exit:mean(), random_walk(p.r), { abs = 4.5 * part.exit:std() / math.sqrt(#part), why = "4.5 standard errors" })
      end
    end
    for _, H in ipairs { 0.5, 0.7 } do
      local t = {}
      for i, r in ipairs { 32, 64, 128, 256 } do t[i] = mean[("%g %d"):format(H, r)] and math.log(mean[("%g %d"):format(H, r)], 2) end
      if #t == 4 and count >= 1000 then claim:near(("slope of log time on log r from 32 to 256, H = %g"):format(H), (3 * (t[4] - t[1]) + t[3] - t[2]) / 10, 1 / H, { rel = 0.08, why = "overshoot" }) end
    end
    if mean["0.7 4"] and mean["0.7 8"] then
      local ratio = mean["0.7 8"] / mean["0.7 4"]
      claim:near("time to 8 over time to 4, H = 0.7: less than 2^(1/H) = 2.69", ratio, 2.49,
        { abs = 4 * math.sqrt(0.04^2 + ratio^2 * (spread["0.7 4"]^2 + spread["0.7 8"]^2)), why = "4 standard errors of two programs" })
    end
  end,
}
