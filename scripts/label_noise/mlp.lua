-- From a bad minimum to a flat one: a small network is first fitted to random labels (an adversarial start: perfect on the training set
-- afterwards, poor on new data), then trained on. --init fullbatch fits by gradient descent on the whole set instead, random fits nothing. With labels flipped anew at every use SGD leaves the sharp minimum: the trace of
-- the Hessian falls and test accuracy rises. With the same targets merely smoothed, hence without noise, nothing moves.
-- The trace is that of the Fisher matrix, which is the Hessian where softmax outputs equal the smoothed targets; from the gradients
-- alone it is B (E |g_noisy|^2 - E |g_smoothed|^2). Damian, Ma, Lee (NeurIPS 2021), section 5, figure 3, whose third panel is their correlation; the problem's size is ours.
local pg = require "perigee"
local ad, nn, optim = pg.ad, pg.nn, pg.optim

local classes, d = 4, 20

local function problem(rng, n)
  local W = rng:stream("rule"):normal { d, 2 }
  local function labelled(stream, k)
    local x = stream:normal { k, d }
    local z = x:mm(W):gt(0):cast "i64"
    return x:cast "f32", 2 * z[{ {}, 1 }] + z[{ {}, 2 }] + 1
  end
  local x, y = labelled(rng:stream "train", n)
  return x, y, labelled(rng:stream "test", 4000)
end

-- Ten copies of the inputs, a tenth of the coordinates zeroed in each, with random labels.
local function adversarial(rng, x)
  local copies = x:tile { 10, 1 }
  local kept = rng:stream("mask"):bernoulli(copies:dims(), 0.9)
  return pg.where(kept, copies, 0), rng:stream("labels"):integers({ 10 * #x }, classes)
end

return pg.experiment {
  name   = "label_noise/mlp",
  paper  = "Damian, Ma, Lee, Label Noise SGD Provably Prefers Flat Global Minimizers (NeurIPS 2021)",
  claim  = "Label noise repairs an adversarial initialisation; smoothing the labels does not.",
  params = { mode = "noise", init = "adversarial", eta = 0.1, beta = 0.0, flip = 0.2, batch = 32, n = 128, width = 128, fit = 6000, refit = 4000, steps = 30000 },
  help   = { mode = "labels flipped at every use, or smoothed targets", eta = "step size of the last phase", beta = "its momentum", init = "start of the last phase", flip = "probability of a flipped label", batch = "examples a step",
    n = "training examples", width = "hidden units", fit = "steps on random labels", refit = "steps on the true labels", steps = "steps of the last phase" },
  choices = { mode = { "noise", "smoothing" }, init = { "adversarial", "fullbatch", "random" } },
  range  = { eta = { above = 0 }, beta = { from = 0, below = 1 }, flip = { above = 0, below = 1 }, batch = { from = 1 }, n = { from = 1 }, width = { from = 1 }, steps = { from = 1000 } },
  sweep  = { { mode = { "noise" }, eta = { 0.1, 0.4 } }, { mode = { "smoothing" }, eta = { 0.1 } } },
  seeds  = 2, quick = { seeds = 1, steps = 3000 }, full = { seeds = 6 },

  run = function(p, rng, log)
    local x, y, xtest, ytest = problem(rng:stream "problem", p.n)
    local net = nn.mlp { d, p.width, p.width, classes, bias = false }
    local theta = net:init(rng:stream "init")
    local smooth = { smoothing = p.flip }
    local gradient = ad.grad(function(w, a, b, opt) return nn.cross_entropy(net(w, a), b, opt):mean() end)

    -- eta = 0.1 and plain descent unless the last phase says otherwise; size 0: the whole set in every step
    local function train(stream, xs, ys, size, steps, opt, noisy, watch)
      for k in log:progress(steps) do
        local xb, yb = xs, ys
        if size > 0 then
          local i = stream:stream("batch", k):integers({ size }, #xs)
          xb, yb = xs[i], ys[i]
        end
        local g = noisy and gradient(theta, xb, nn.flip_labels(stream:stream("flips", k), yb, classes, p.flip)) or gradient(theta, xb, yb, smooth)
        if watch then watch(k, g, xb, yb) end
        opt:step(theta, g)
      end
    end

    local function fisher()
      local P, sum = (net(theta, x) - net(theta, x):logsumexp { axes = { 2 }, keep = true }):exp(), 0
      for c = 1, classes do
        local n2 = ad.sqnorms(function(w, a, b) return nn.cross_entropy(net(w, a), b) end, theta, x, pg.full({ #x }, c, "i64"))
        sum = sum + (P[{ {}, c }] * n2):mean()
      end
      return sum
    end

    if p.init == "adversarial" then
      local bad_x, bad_y = adversarial(rng:stream "adversary", x)
      train(rng:stream "fit", bad_x, bad_y, p.batch, p.fit, optim.sgd { lr = 0.1 })
    end
    if p.init ~= "random" then train(rng:stream "refit", x, y, p.init == "fullbatch" and 0 or p.batch, p.refit, optim.sgd { lr = 0.1 }) end
    local start = { trace = fisher(), test = nn.accuracy(net(theta, xtest), ytest) }

    local curve, stream_, late, count = pg.series { "trace", "test" }, 0, 0, 0
    curve:add(0, start.trace, start.test)
    train(rng:stream "noise", x, y, p.batch, p.steps, optim.heavy_ball { lr = p.eta, momentum = p.beta }, p.mode == "noise", function(k, g, xb, yb)
      if k % (p.steps // 20) == 0 then curve:add(k, fisher(), nn.accuracy(net(theta, xtest), ytest)) end
      if p.mode == "noise" and k > p.steps - 800 then           -- the streaming estimate, beside the trace at every 100th step
        local s = gradient(theta, xb, yb, smooth)
        stream_ = stream_ + p.batch * (g:dot(g) - s:dot(s)) / 800
        if k % 100 == 0 then late, count = late + fisher(), count + 1 end
      end
    end)
    return { curve = curve, train = nn.accuracy(net(theta, x), y), start_test = start.test, start_trace = start.trace, streaming = stream_,
      late_trace = count > 0 and late / count or 0, test = nn.accuracy(net(theta, xtest), ytest), trace = fisher() }
  end,

  report = function(rows, out)
    local panels = { file = "mlp" }
    for _, what in ipairs { "trace", "test" } do
      panels[#panels + 1] = { rows, x = "step", y = "curve." .. what, ylog = what == "trace", xlabel = "step with label noise",
        ylabel = what == "trace" and "trace of the Hessian" or "test accuracy", band = "stderr" }
    end
    local both = { xlabel = "trace of the Hessian", ylabel = "test accuracy", xlog = true }
    for p, part in rows:where({ mode = "noise" }):each() do
      both[#both + 1] = pg.plot.scatter { x = part.curve.trace:reshape { -1 }, y = part.curve.test:reshape { -1 }, label = ("η %g"):format(p.eta) }
    end
    if #both > 0 then panels[#panels + 1] = both end
    out:panels(panels)
    out:table(rows, { "mode", "init", "eta", "beta", "train", "start_test", "test", "start_trace", "trace", "streaming" })
  end,

  check = function(rows, claim)
    for p, part in rows:each() do
      local name, long = ("%s, eta %g: "):format(p.mode, p.eta), p.steps >= 30000 and p.flip == 0.2
      claim:equal(name .. "training accuracy", part.train:min(), 1.0)
      if p.init == "adversarial" then
        claim:above(name .. "test accuracy of the start, least", part.start_test:min(), 0.35)
        claim:below(name .. "test accuracy of the start, most", part.start_test:max(), 0.47)
      end
      if p.init == "adversarial" and p.mode == "smoothing" then
        claim:below(name .. "change of test accuracy, most", (part.test - part.start_test):abs():max(), 0.01)
        claim:below(name .. "relative change of the trace, most", (part.trace / part.start_trace - 1):abs():max(), 0.01)
      elseif long and p.init == "adversarial" and p.eta == 0.1 and p.beta == 0 then
        claim:above(name .. "gain in test accuracy, least", (part.test - part.start_test):min(), 0.12)
        claim:above(name .. "the trace falls by a factor of", (part.start_trace / part.trace):min(), 8)
      end
      if p.mode == "noise" and p.init == "adversarial" and long then      -- the third panel: they move together
        local a, b = part.curve.trace:reshape({ -1 }):log(), part.curve.test:reshape { -1 }
        a, b = a - a:mean(), b - b:mean()
        claim:below(name .. "correlation of test accuracy with the log trace", a:dot(b) / (a:norm() * b:norm()), -0.7, { why = "they move together" })
      end
      -- with momentum the iterates fluctuate more, and away from the minimum the gradient noise is not sigma^2 H
      if p.mode == "noise" and p.beta == 0 then claim:near(name .. "streaming over Fisher trace", (part.streaming / part.late_trace):mean(), 1, { rel = 0.15 }) end
    end
    local slow, fast = rows:where { mode = "noise", eta = 0.1, beta = 0.0 }, rows:where { mode = "noise", eta = 0.4, beta = 0.0 }
    if #slow > 0 and #fast > 0 then claim:below("trace at eta 0.4 over that at 0.1", fast.trace:mean() / slow.trace:mean(), 1) end
  end,
}
