-- A classifier: a small network on 28 x 28 digits, drawn from strokes or, with --data DIR, the MNIST files in DIR.
-- Try: perigee examples/tour/08_classifier.lua --check
local pg = require "perigee"
local nn, optim, data = pg.nn, pg.optim, pg.data

return pg.experiment {
  name   = "examples/classifier",
  claim  = "A two-layer network reads 97 % of unseen digits.",
  params = { data = "", n = 20000, hidden = 128, epochs = 12, batch = 128, lr = 1e-3 },
  help   = { data = "folder with the MNIST files; empty: digits drawn from strokes", n = "drawn training digits", hidden = "hidden units", epochs = "passes over the data",
    batch = "examples a step", lr = "step size of Adam at the start" },
  range  = { n = { from = 100 }, hidden = { from = 1 }, epochs = { from = 1 }, batch = { from = 1 }, lr = { above = 0 } },
  quick  = { n = 4000, epochs = 6 },

  run = function(p, rng, log)
    local train, test
    if p.data ~= "" then train, test = data.mnist(p.data)
    else train, test = data.digits(p.n, rng:stream "train"), data.digits(p.n // 5, rng:stream "test") end
    local n = #train.y
    local net = nn.mlp { 784, p.hidden, p.hidden, 10, act = "relu" }
    local theta = net:init(rng:stream "init")
    local gradient = pg.ad.value_and_grad(function(w, x, y) return nn.cross_entropy(net(w, x), y):mean() end)
    local curve, steps, seen = pg.series { "loss", "test" }, p.epochs * math.ceil(n / p.batch), 0
    local opt = optim.adam { lr = optim.cosine { lr = p.lr, steps = steps } }
    local batches, mean = data.batches(n, p.batch, rng:stream "batches", { epochs = p.epochs }), 0
    for k in log:progress(steps) do
      local idx = batches()
      local loss, g = gradient(theta, train.x[idx], train.y[idx])
      opt:step(theta, g)
      mean, seen = mean + loss, seen + 1
      if k % (steps // p.epochs) == 0 then
        curve:add(k * p.batch / n, mean / seen, nn.accuracy(net(theta, test.x), test.y))
        mean, seen = 0, 0
      end
    end
    return { curve = curve, accuracy = nn.accuracy(net(theta, test.x), test.y) }
  end,

  report = function(rows, out)
    out:panels { file = "classifier", { rows, x = "epoch", y = "curve.loss", ylog = true, xlabel = "epoch", ylabel = "training loss" },
      { rows, x = "epoch", y = "curve.test", xlabel = "epoch", ylabel = "test accuracy" } }
    out:table(rows, { "accuracy" })
  end,

  check = function(rows, claim)
    for p, part in rows:each() do
      claim:above("test accuracy", part.accuracy[1], p.data ~= "" and 0.975 or p.n >= 20000 and 0.97 or 0.9)
    end
  end,
}
