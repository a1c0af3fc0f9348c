-- Trace or log-determinant? f_1 = sqrt2 e^(t/2) p and f_2 = sqrt2 e^(-t/4) q with targets 0, both used in every step: on the manifold
-- p = q = 0 the Hessian has eigenvalues e^t and e^(-t/2). The trace is least at t0 = -(2/3) log 2; label noise comes to rest where
-- the log-determinant is: t* = 2 log s, 2 s^3 - (eta_eff / 2) s^2 - 1 = 0, eta_eff = eta / (1 + beta).
-- Damian, Ma, Lee (NeurIPS 2021), sections 2 and 3; the example is ours.
local pg = require "perigee"

local t0 = -2 / 3 * math.log(2)

local function rest(eta, beta)
  local s = 1
  for _ = 1, 60 do s = s - (2 * s^3 - eta / (1 + beta) / 2 * s^2 - 1) / (6 * s^2 - eta / (1 + beta) * s) end
  return 2 * math.log(s)
end

local function point(eta, beta) return { eta = { eta }, beta = { beta } } end

return pg.experiment {
  name   = "label_noise/tradeoff",
  paper  = "Damian, Ma, Lee, Label Noise SGD Provably Prefers Flat Global Minimizers (NeurIPS 2021)",
  claim  = "At large steps label noise minimises the log-determinant, not the trace, of the Hessian.",
  params = { eta = 0.8, beta = 0.0, sigma = 0.05, burn = 20.0, average = 40.0 },
  help   = { eta = "step size", beta = "momentum", sigma = "label noise", burn = "burn-in, in units of the slow clock", average = "averaging, in the same units" },
  range  = { eta = { above = 0 }, beta = { from = 0, below = 1 }, sigma = { above = 0 }, burn = { from = 0 }, average = { above = 0 } },
  sweep  = { point(0.2, 0.0), point(0.8, 0.0), point(1.2, 0.0), point(1.4, 0.0), point(0.8, 0.5), point(1.6, 0.5), point(1.0, 0.0), point(1.3, 0.3) },
  seeds  = 32, batched = true, quick = { sigma = 0.1 }, full = { seeds = 320 },

  run = function(p, rng, log)
    local noise, n = rng:stream "noise", p.replicas
    local unit = 2 * (1 - p.beta)^2 / (p.eta * p.sigma)^2                             -- steps in a unit of the slow clock
    local burn, steps = math.ceil(p.burn * unit), math.ceil((p.burn + p.average) * unit)
    local t, u, v = pg.zeros { n }, pg.zeros { n, 2 }, pg.zeros { n, 2 }              -- u = (p, q)
    local vt, sum = pg.zeros { n }, pg.zeros { n }
    local rates, back = pg.tensor { 0.5, -0.25 }, pg.tensor { 0.25, -0.125 }         -- d log f / dt, and half of it
    local trace, every = pg.series { "t" }, math.max(1, steps // 400)
    for k in log:progress(steps) do
      local a = math.sqrt(2) * pg.exp(t:unsqueeze(2) * rates)                         -- (n, 2): derivatives of f by p and q
      local f = a * u
      local r = f - p.sigma * noise:rademacher { 2 }
      vt = p.beta * vt - p.eta * (r * f * back):sum(2)
      v = p.beta * v - p.eta / 2 * r * a
      t, u = t + vt, u + v
      if k > burn then sum:add_(t) end
      if k % every == 0 then trace:add(k / unit, t) end
    end
    return { t = sum / (steps - burn), trace = trace }
  end,

  report = function(rows, out)
    local eta, t = pg.linspace(0.05, 1.6, 100), {}
    for i = 1, #eta do t[i] = rest(eta[i], 0) end
    out:scatter { rows, x = rows.eta / (1 + rows.beta), y = "t", file = "tradeoff", xlabel = "effective step size η / (1 + β)", ylabel = "resting place $t$",
      label = "time averages", hline = { t0, label = "least trace" }, pg.plot.line { x = eta, y = t, label = "log-determinant" } }
    out:table(rows, { "eta", "beta", "sigma", "t" })
  end,

  check = function(rows, claim)
    local targets = { ["0.2 0"] = -0.419660, ["0.8 0"] = -0.287099, ["1.2 0"] = -0.194479, ["1.4 0"] = -0.146961, ["0.8 0.5"] = -0.346978,
      ["1.6 0.5"] = -0.225717, ["1 0"] = -0.241201, ["1.3 0.3"] = -0.241201 }
    for p, part in rows:each() do
      local target, name = rest(p.eta, p.beta), ("%g %g"):format(p.eta, p.beta)
      if targets[name] then claim:near("t* at eta, beta = " .. name, target, targets[name], { abs = 1e-6 }) end
      claim:near("time average at eta, beta = " .. name, part.t:mean(), target, { abs = 0.003 + 3 * part.t:std() / math.sqrt(#part.t), why = "3 s.e. and the bias in sigma" })
      claim:above("t* above the least trace, eta, beta = " .. name, target, t0)
    end
    local plain, momentum = rows:where { eta = 1.0, beta = 0.0 }, rows:where { eta = 1.3, beta = 0.3 }
    if #plain > 1 and #momentum > 1 then -- two runs of the same eta / (1 + beta)
      local se = math.sqrt(plain.t:var() / #plain + momentum.t:var() / #momentum)
      claim:near("time averages of the same eta / (1 + beta)", momentum.t:mean(), plain.t:mean(), { abs = 0.003 + 3 * se, why = "3 s.e. and the bias in sigma" })
    end
  end,
}
