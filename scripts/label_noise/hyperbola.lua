-- Label noise on f = x y with one example: SGD slides along x y = c towards the flattest point, |x| = |y|. The sharpness on the
-- manifold is h = x^2 + y^2 = sqrt(D^2 + 4 c^2), D = x^2 - y^2; the slow motion is gradient descent on the regulariser,
--   dD/dk = -2 eta^2 sigma^2 D / ((1 - beta)^2 (2 - eta alpha h / (1 + beta))),
-- while every single step without momentum obeys D <- D (1 - eta^2 g^2), g the derivative of the noisy loss by f.
-- Square loss with label noise sigma, or a margin loss with labels flipped with probability p: Damian, Ma, Lee (NeurIPS 2021),
-- sections 2 and 5, table 1 for c, sigma^2, alpha. The identity and the flow ask of the noise its variance alone: --law gaussian.
-- Momentum near 1 makes the slow flow so fast that single runs scatter widely unless sigma is small: at beta = 0.9 the claim
-- is read at sigma = 0.01.
local pg = require "perigee"

-- Derivative l'(z) of the margin losses, and c, sigma^2, alpha at flip probability p.
local losses = {
  logistic    = { function(z) return -pg.sigmoid(-z) end, function(p) return math.log((1 - p) / p), p * (1 - p), p * (1 - p) end },
  exponential = { function(z) return -pg.exp(-z) end, function(p) return math.log((1 - p) / p) / 2, 1, 2 * math.sqrt(p * (1 - p)) end },
  classsq     = { function(z) return z - 1 end, function(p) return 1 - 2 * p, 4 * p * (1 - p), 1 end } }

local function constants(p)
  if p.loss == "square" then return 1, p.sigma^2, 1 end
  return losses[p.loss][2](p.flip)
end

-- The flow after k steps from D0: k(D) has the closed form (F(D) - F(D0)) / K, inverted by bisection.
local function flow(p, D0, k)
  local c, s2, alpha = constants(p)
  local a, b, K = p.eta * alpha / (1 + p.beta), 2 * c, 2 * p.eta^2 * s2 / (1 - p.beta)^2
  local function F(D) return -2 * math.log(D) + a * (math.sqrt(D^2 + b^2) - b * pg.asinh(b / D)) end
  local lo, hi = 1e-12, D0
  for _ = 1, 200 do
    local D = math.sqrt(lo * hi)
    if (F(D) - F(D0)) / K > k then lo = D else hi = D end
  end
  return hi
end

local function point(eta, sigma, x0, steps, beta, law)
  return { eta = { eta }, sigma = { sigma }, x0 = { x0 }, steps = { steps }, beta = { beta or 0.0 }, law = { law or "rademacher" } }
end
local function flips(loss, flip, eta, steps) return { loss = { loss }, flip = { flip }, eta = { eta }, steps = { steps } } end

return pg.experiment {
  name   = "label_noise/hyperbola",
  paper  = "Damian, Ma, Lee, Label Noise SGD Provably Prefers Flat Global Minimizers (NeurIPS 2021)",
  claim  = "On x y = c label noise moves SGD to the flattest point at the rate of an explicit flow.",
  params = { loss = "square", eta = 0.1, sigma = 0.1, law = "rademacher", beta = 0.0, flip = 0.2, steps = 5000, x0 = 2.0, y0 = 0.0 },
  help   = { loss = "loss", eta = "step size", sigma = "standard deviation of the label noise", law = "of the label noise", beta = "momentum", flip = "probability of a flipped label",
    steps = "iterations", x0 = "start", y0 = "start; 0: on the manifold" },
  choices = { loss = { "square", "logistic", "exponential", "classsq" }, law = { "rademacher", "gaussian" } },
  range  = { eta = { above = 0 }, sigma = { from = 0 }, beta = { from = 0, below = 1 }, flip = { above = 0, below = 0.5 }, steps = { from = 200 } },
  sweep  = { point(0.1, 0.1, 2.0, 5000), point(0.1, 0.1, 2.0, 20000), point(0.3, 0.05, 2.0, 4000), point(0.05, 0.2, 3.0, 4000), point(0.1, 0.1, 2.0, 1250, 0.5), point(0.1, 0.01, 2.0, 5000, 0.9),
    point(0.1, 0.1, 2.0, 5000, 0.0, "gaussian"),
    point(0.1, 0.1, 1.0, 700), point(0.5, 0.05, 1.0, 700), point(0.8, 0.02, 1.0, 700),
    flips("logistic", 0.2, 0.1, 4000), flips("logistic", 0.1, 0.1, 4000), flips("logistic", 0.05, 0.2, 2000), flips("exponential", 0.2, 0.02, 4000),
    flips("exponential", 0.2, 0.01, 16000), flips("exponential", 0.2, 0.005, 64000), flips("classsq", 0.2, 0.05, 400) },
  seeds  = 400, batched = true, quick = { seeds = 100 }, full = { seeds = 20000 },

  run = function(p, rng, log)
    local noise, c = rng:stream "noise", constants(p)
    local x = pg.full({ p.replicas }, p.x0)
    local y = pg.full({ p.replicas }, p.y0 ~= 0 and p.y0 or c / p.x0)
    local vx, vy, D, worst, residual = x * 0, x * 0, x^2 - y^2, 0, x * 0
    local curve, slope, every = pg.series { "D", "flow" }, losses[p.loss] and losses[p.loss][1], math.max(1, p.steps // 100)
    local D0 = p.x0^2 - (p.y0 ~= 0 and p.y0 or c / p.x0)^2
    for k in log:progress(p.steps) do
      local z, g = x * y
      if p.loss == "square" then
        g = z - 1 - p.sigma * (p.law == "gaussian" and noise:normal() or noise:rademacher())
      else
        local s = 1 - 2 * noise:bernoulli(p.flip):cast "f64"
        g = s * slope(s * z)
      end
      vx, vy = p.beta * vx - p.eta * g * y, p.beta * vy - p.eta * g * x
      x, y = x + vx, y + vy
      local next = x^2 - y^2
      if p.beta == 0 then worst = math.max(worst, ((next - D * (1 - p.eta^2 * g^2)):abs() / pg.maximum(D:abs(), 1)):max()) end
      D = next
      if k > p.steps - 200 then residual = residual + (x * y - c)^2 / 200 end
      if k % every == 0 then curve:add(k, D, D0 > 0 and flow(p, D0, k) or 0) end
    end
    return { D = D, flow = pg.full({ p.replicas }, D0 > 0 and flow(p, D0, p.steps) or 0), identity = pg.full({ p.replicas }, worst), residual = residual, curve = curve }
  end,

  report = function(rows, out)
    local panels = { file = "hyperbola", columns = 4 }
    for p, part in rows:each() do
      if p.x0 ~= 1 then
        panels[#panels + 1] = { part, x = "k", title = ("%s, η %g, %s"):format(p.loss, p.eta, p.loss == "square" and ("σ %g, β %g"):format(p.sigma, p.beta) or "flip " .. p.flip), xlabel = "step",
          ylabel = "$x^2 - y^2$", y = { { "curve.D", label = "SGD", band = "10-90" }, { "curve.flow", label = "flow", dash = "dashed" } } }
      end
    end
    out:panels(panels)
    local lines = { { "loss", "law", "eta", "sigma", "beta", "flip", "steps", "mean D", "s.d.", "flow", "log-decay ratio", "residual", "identity" } }
    for p, part in rows:each() do
      local flowed, D0 = part.flow[1], p.x0^2 - (p.y0 ~= 0 and p.y0 or constants(p) / p.x0)^2
      lines[#lines + 1] = { p.loss, p.law, p.eta, p.sigma, p.beta, p.flip, p.steps }
      for _, v in ipairs { part.D:mean(), #part > 1 and part.D:std() or 0 / 0, flowed, D0 > 0 and math.log(part.D:mean() / D0) / math.log(flowed / D0) or 0 / 0,
        part.residual:mean(), part.identity:max() } do
        table.insert(lines[#lines], v == v and ("%.5g"):format(v) or "-")
      end
    end
    out:columns(lines)
  end,

  check = function(rows, claim)
    -- The flow itself, against values from integrating it as a differential equation.
    for _, v in ipairs {
      { loss = "square", eta = 0.1, sigma = 0.1, beta = 0, x0 = 2, steps = 5000, D = 2.0483, unit = 1e-4 }, { loss = "square", eta = 0.1, sigma = 0.1, beta = 0, x0 = 2, steps = 20000, D = 0.3772, unit = 1e-4 },
      { loss = "square", eta = 0.3, sigma = 0.05, beta = 0, x0 = 2, steps = 4000, D = 0.7878, unit = 1e-4 }, { loss = "square", eta = 0.05, sigma = 0.2, beta = 0, x0 = 3, steps = 4000, D = 5.4483, unit = 1e-4 },
      { loss = "square", eta = 0.1, sigma = 0.1, beta = 0.5, x0 = 2, steps = 1250, D = 2.129, unit = 1e-3 }, { loss = "square", eta = 0.1, sigma = 0.01, beta = 0.9, x0 = 2, steps = 5000, D = 2.1614, unit = 1e-4 },
      { loss = "logistic", eta = 0.1, flip = 0.2, beta = 0, x0 = 2, steps = 4000, D = 0.005018, unit = 1e-6 }, { loss = "logistic", eta = 0.1, flip = 0.1, beta = 0, x0 = 2, steps = 4000, D = 0.07083, unit = 1e-5 },
      { loss = "logistic", eta = 0.2, flip = 0.05, beta = 0, x0 = 2, steps = 2000, D = 0.03672, unit = 1e-5 }, { loss = "classsq", eta = 0.05, flip = 0.2, beta = 0, x0 = 2, steps = 400, D = 1.95478, unit = 1e-5 } } do
      local D = flow(v, v.x0^2 - (constants(v) / v.x0)^2, v.steps)
      claim:near(("flow: %s, eta %g, beta %g, %d steps"):format(v.loss, v.eta, v.beta, v.steps), D, v.D, { abs = 0.5 * v.unit, why = "to the digits given" })
    end
    for p, part in rows:each() do
      local c, s2 = constants(p)
      local name = ("%s, eta %g, %s, beta %g, %d steps"):format(p.loss, p.eta, p.loss == "square" and ("%s sigma %g"):format(p.law, p.sigma) or "flip " .. p.flip, p.beta, p.steps)
      local mean = part.D:mean()
      if p.beta == 0 then claim:below("identity of every step: " .. name, part.identity:max(), 1e-13) end
      if p.x0 == 1 and p.loss == "square" then
        claim:near("stationary residual: " .. name, part.residual:mean(), p.eta * 2 * s2 / (2 - p.eta * 2), { rel = 0.03 })
      elseif p.y0 == 0 then
        local D0 = p.x0^2 - (c / p.x0)^2
        local target = flow(p, D0, p.steps)
        if p.loss == "square" and p.beta == 0.9 then
          claim:near("D against the flow: " .. name, mean, target, { abs = 3.5 * part.D:std() / math.sqrt(#part), why = "3.5 s.e." })
        elseif p.loss == "square" then
          claim:near("D against the flow: " .. name, mean, target, { rel = p.beta > 0 and 0.025 or 0.03 })
        else
          local ratio = math.log(mean / D0) / math.log(target / D0)
          if p.loss == "exponential" then -- the difference is of first order in eta: 1.036, 1.017, 1.008 at 0.02, 0.01, 0.005
            claim:near("log decay over that of the flow, less 1, over eta: " .. name, (ratio - 1) / p.eta, 1.72, { abs = 0.17, why = "first order in eta" })
          else
            claim:near("log decay over that of the flow: " .. name, ratio, 1, { abs = p.loss == "classsq" and 0.02 or 0.03 })
          end
        end
      end
    end
  end,
}
