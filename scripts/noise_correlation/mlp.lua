-- A small network on two interleaved half moons, 2-16-16-2 with tanh, by full-batch gradient steps with noise added, of the same variance for
-- every method: none, white, differences of white (Anti-PGD), fractional with H; then steps without noise. Once the data are fitted the loss is nearly
-- flat in most of the d directions: white noise walks there freely, |theta|^2 grows by d s^2 a step, margins grow with the weights and loss and
-- trace of the Hessian fall for that reason alone; the sums of anticorrelated noise stay bounded, or grow as k^2H, and the weights stay where
-- gradient descent leaves them. So the trace does not order the methods here as it does in regression (qpr, matrix_sensing).
-- A seed of data and start serves all methods. Whether Lucchi et al. (NeurIPS 2022) train networks is not established: sizes and claims are ours.
local pg = require "perigee"
local ad, nn, process = pg.ad, pg.nn, pg.process

local eta, s = 0.1, 0.01
local order = { "fractional 0.2", "fractional 0.05", "anti", "gd", "white", "fractional 0.5" }

local function noise_of(name, rng, steps, d)
  local H = tonumber(name:match "fractional (.*)")
  if H then return process.fgn(rng, { steps, d }, { H = H, scale = s }) end
  if name == "white" then return s * rng:normal { steps, d } end
  if name == "gd" then return nil end
  local white = rng:normal { steps + 1, d }
  return (white:narrow(1, 2, steps) - white:narrow(1, 1, steps)) * (s / math.sqrt(2))
end

return pg.experiment {
  name   = "noise_correlation/mlp",
  paper  = "Lucchi et al., On the Theoretical Properties of Noise Correlation in Stochastic Optimization (NeurIPS 2022)",
  claim  = "On a small classifier white noise lets the weights walk off; anticorrelated noise leaves them where gradient descent does.",
  params = { noise = "gd", data = 1, n = 64, steps = 8000, still = 2000 },
  help   = { noise = "none (gd), white, differences of white (anti), or fractional with its exponent", data = "seed of data and start", n = "training points", steps = "noisy steps",
    still = "steps without noise" },
  choices = { noise = order },
  range  = { n = { from = 4 }, steps = { from = 50 }, still = { from = 50 } },
  sweep  = { noise = order },
  seeds  = 12, quick = { seeds = 2, steps = 1000, still = 500 }, full = { seeds = 40, steps = 40000 },

  run = function(p, rng, log)
    local own = pg.rng(p.data):stream("data", log:first())
    local moons = pg.data.two_moons(p.n + 2000, own:stream "points", { noise = 0.25 })
    local train = { x = moons.x[{ { 1, p.n } }], y = moons.y[{ { 1, p.n } }] }
    local test = { x = moons.x[{ { p.n + 1, p.n + 2000 } }], y = moons.y[{ { p.n + 1, p.n + 2000 } }] }
    local net = nn.mlp { 2, 16, 16, 2, act = "tanh", init = "glorot" }
    local theta = net:init(own:stream "start", "f64")
    local function loss(w) return nn.cross_entropy(net(w, train.x), train.y):mean() end
    local gradient = ad.value_and_grad(loss)
    local function trace() return ad.hessian(loss, theta):diagonal():sum() end
    local noise, curve, every = noise_of(p.noise, rng, p.steps, net:size()), pg.series { "norm2", "trace", "test" }, (p.steps + p.still) // 20
    for k in log:progress(p.steps + p.still) do
      local _, g = gradient(theta)
      theta = theta - eta * g
      if noise and k <= p.steps then theta = theta + noise[k] end
      if k % every == 0 then curve:add(k, theta:dot(theta), trace(), 1 - nn.accuracy(net(theta, test.x), test.y)) end
    end
    local estimate, se = pg.linalg.hutchinson(function(v) return ad.hvp(loss, theta, v) end, net:size(), { rng = rng:stream "probe", probes = 200 })
    return { curve = curve, trace = trace(), loss = loss(theta), test = 1 - nn.accuracy(net(theta, test.x), test.y), norm2 = theta:dot(theta), d = net:size(), estimate = estimate, se = se }
  end,

  report = function(rows, out)
    local panels = { file = "mlp" }
    for _, what in ipairs { { "norm2", "median $|θ|^2$" }, { "trace", "median trace of the Hessian" }, { "test", "median test error" } } do
      local panel = { xlabel = "step", ylabel = what[2], ylog = what[1] ~= "test" }
      for p, part in rows:each() do
        panel[#panel + 1] = pg.plot.line { x = part.curve.x, y = part.curve:quantile(0.5, what[1]), label = p.noise, group = p.noise, dash = p.noise == "fractional 0.5" and "dashed" or nil }
      end
      panels[#panels + 1] = panel
    end
    out:panels(panels)
    out:table(rows, { "noise", "norm2", "trace", "loss", "test" })
  end,

  check = function(rows, claim)
    local gd, white, half = rows:where { noise = "gd" }, rows:where { noise = "white" }, rows:where { noise = "fractional 0.5" }
    for p, part in rows:each() do
      claim:below(p.noise .. ": Hutchinson's estimate from the trace, in standard errors, furthest", ((part.estimate - part.trace) / part.se):abs():max(), 5)
      if #gd == #part and p.steps >= 8000 then
        local walk, name = part.d[1] * s ^ 2 * p.steps, p.noise .. ": mean |theta|^2"
        if p.noise == "white" or p.noise == "fractional 0.5" then
          claim:near(name, part.norm2:mean(), gd.norm2:mean() + walk, { rel = 0.15, why = "that of gradient descent + d s^2 steps" })
        elseif p.noise == "anti" or p.noise == "fractional 0.05" then
          claim:near(name, part.norm2:mean(), gd.norm2:mean(), { rel = 0.05, why = "that of gradient descent: the noise's sums stay small" })
        end
      end
    end
    if #white == #half and #white > 2 then
      for _, what in ipairs { "norm2", "trace" } do
        local a, b = white[what]:log(), half[what]:log()
        claim:near("mean log " .. what .. ", white less H = 1/2", a:mean() - b:mean(), 0, { se = math.sqrt(a:var() / #a + b:var() / #b), why = "one law, independent draws" })
      end
    end
  end,
}
