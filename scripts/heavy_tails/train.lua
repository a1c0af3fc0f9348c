-- Networks trained to convergence by SGD with constant step: what their averaged weights look like, and how much of them can go. Cross-entropy, no
-- momentum, no decay, until the training set is fitted (loss < tol, accuracy 1), then `after` steps more, whose last `average` iterates are averaged. Of the
-- average: the tail index of each layer (block log-norm, five orders of the rows), the fraction of each layer prunable at relative error
-- 0.1, test accuracy against pruning ratio by magnitude, singular values and nodes. Runs that diverge or stall are rows as well: verdict.
-- fcn: matrices without biases, ReLU, uniform start; vgg: the VGG-11 of small images without biases. --data DIR trains on MNIST (fcn, vgg) there; without it on
-- ten Gaussians in R^64 of means N(0, 0.4^2). Barsbey et al. (NeurIPS 2021); --full is their scale: width 2048, loss 5e-5, 10000 steps after.
local pg = require "perigee"
local nn, data, tails, compress = pg.nn, pg.data, pg.diag.tails, pg.diag.compress

local function load(p)
  if p.data == "" then return data.split(data.gaussian_mixture(p.n + 4000, pg.rng(p.init):stream "points", { classes = 10, d = 64, spread = 0.4 }), p.n / (p.n + 4000),
    pg.rng(p.init):stream "split") end
  local train, test = data.mnist(p.data)
  train = { x = train.x[{ { 1, math.min(p.n, #train.y) } }], y = train.y[{ { 1, math.min(p.n, #train.y) } }] }
  for _, set in ipairs { train, test } do set.x = ((set.x - 0.1307) / 0.3081):reshape { -1, 1, 28, 28 } end
  return train, test
end

local function network(p, inputs)
  if p.model == "vgg" then return nn.vgg11 { size = 28, channels = 1, width = p.width, bias = false, init = "he_fan_out", init_last = "uniform" } end
  local sizes = { inputs, bias = false, init = "uniform" }
  for k = 2, p.depth do sizes[k] = p.width end
  sizes[p.depth + 1] = 10
  return nn.mlp(sizes)
end

return pg.experiment {
  name   = "heavy_tails/train",
  paper  = "Barsbey et al., Heavy Tails in SGD and Compressibility of Overparametrized Neural Networks (NeurIPS 2021)",
  claim  = "Larger step sizes fit sooner and leave layers of which more can be pruned.",
  params = { data = "", model = "fcn", depth = 3, width = 128, eta = 0.1, b = 50, n = 1000, tol = 1e-3, after = 2000, average = 500, every = 50, cap = 40000, init = 1 },
  help   = { data = "folder of MNIST; empty: ten Gaussians", model = "fcn or vgg", depth = "weight matrices of fcn", width = "of hidden layers", eta = "step size", b = "examples a step",
    n = "training examples", tol = "loss at which the set counts as fitted", after = "steps from there on", average = "last iterates averaged", every = "steps between looks",
    cap = "steps at most", init = "seed of data, start and batches" },
  choices = { model = { "fcn", "vgg" } },
  range  = { depth = { from = 2 }, width = { from = 10 }, eta = { above = 0 }, b = { from = 1 }, n = { from = 10 }, tol = { above = 0 }, cap = { from = 1 }, every = { from = 1 } },
  sweep  = { eta = { 0.1, 0.3, 1.0 }, init = { 1, 2 } },
  quick  = { eta = 1.0, init = 1, after = 500 }, full = { width = 2048, depth = 4, n = 60000, b = 100, tol = 5e-5, after = 10000, average = 1000, every = 200, cap = 1000000 },

  run = function(p, _, log)
    local train, test = load(p)
    for _, set in ipairs { train, test } do set.x = set.x:cast "f32" end
    local own = pg.rng(p.init)
    local net = network(p, train.x:size() // #train.y)
    local theta = net:init(own:stream "start")
    local run = nn.fit(net, theta, train, { rng = own:stream "steps", lr = p.eta, batch = p.b, loss = p.tol, every = p.every, after = p.after, average = p.average, cap = p.cap, log = log })
    local lost = not run.average:isfinite():all()                                     -- diverged: a row like any other, without estimates
    local averaged = lost and pg.zeros(theta:dims(), "f32") or run.average
    local loss, accuracy = nn.evaluate(net, averaged, train)
    local _, generalised = nn.evaluate(net, averaged, test)
    local alpha, prunable, layers = {}, {}, pg.series { "alpha", "prunable" }
    if lost then for k = 1, #net.shapes do alpha[k], prunable[k] = -(0 / 0), -(0 / 0) end
    else alpha, prunable = tails.network(net, averaged, own:stream "estimate"):tolist(), compress.network(net, averaged):prunable(0.1) end
    for k = 1, #alpha do layers:add(k, alpha[k], prunable[k]) end
    local pruned, methods = pg.series { "magnitude", "singular", "node" }, {}
    for _, method in ipairs { "magnitude", "singular", "node" } do methods[#methods + 1] = compress.network(net, averaged, { method = method }) end
    for _, ratio in ipairs { 0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1 } do
      local at = {}
      for k, c in ipairs(methods) do _, at[k] = nn.evaluate(net, c:prune(ratio), test) end
      pruned:add(ratio, table.unpack(at))
    end
    return { verdict = run.verdict, steps = run.fitted, loss = lost and -(0 / 0) or loss, train = accuracy, test = generalised, training = run.curve, layers = layers, pruned = pruned,
      alpha = pg.tensor(alpha):mean(), first = prunable[1] }
  end,

  report = function(rows, out)
    out:table(rows, { "eta", "b", "init", "verdict", "steps", "train", "test", "alpha", "first" })
    local training, layers = { xlabel = "step", ylabel = "training loss", log = "xy" }, { xlabel = "tail index of a layer", ylabel = "fraction prunable at error 0.1" }
    local panels = { file = "train", columns = 3, training, layers }
    for _, method in ipairs { "magnitude", "singular", "node" } do
      local panel = { title = method == "singular" and "singular values" or method, xlabel = "pruning ratio", ylabel = "test accuracy" }
      for p, part in rows:each() do
        local label = ("η/b = %.3g"):format(p.eta / p.b)
        panel[#panel + 1] = pg.plot.line { x = part.pruned.x, y = part.pruned:column(method):flatten(), label = label, group = label }
        if method == "node" then
          training[#training + 1] = pg.plot.line { x = part.training.x, y = part.training.loss:flatten(), label = label, group = label }
          layers[#layers + 1] = pg.plot.scatter { x = part.layers.alpha:flatten(), y = part.layers.prunable:flatten(), label = label, group = label }
        end
      end
      panels[#panels + 1] = panel
    end
    out:panels(panels)
  end,

  check = function(rows, claim)
    for p, part in rows:each() do
      local name = ("eta %g, seed %d: "):format(p.eta, p.init)
      claim:equal(name .. "verdict", part.verdict[1], "converged")
      claim:equal(name .. "training accuracy of the average", part.train[1], 1.0)
      if p.data == "" and p.n == 1000 and p.width == 128 then
        claim:near(name .. "test accuracy", part.test[1], 0.87, { abs = 0.04, why = "two other draws of the ten Gaussians gave 0.85 to 0.90" })
      end
      local slow = rows:where { eta = 0.1, init = p.init, b = p.b }
      if p.eta == 1 and #slow == 1 then
        claim:above(name .. "first layer prunable, less that at eta 0.1", part.first[1] - slow.first[1], 0.01)
        claim:below(name .. "steps to fit over those at eta 0.1", part.steps[1] / slow.steps[1], 0.5)
      end
    end
  end,
}
