-- Label noise at scale: ResNet-18 (3x3 stem, group norm) on CIFAR-10 with labels flipped anew at every use, from a random start or from an
-- adversarial one, fitted first to ten corrupted copies of the images with random labels. Logged an epoch: training loss, test
-- accuracy, and the trace of the Hessian by the streaming estimate B (mean |g_noisy|^2 - mean |g_smoothed|^2).
-- --data DIR reads the public binary files; without it a stand-in is drawn, which --make-synthetic DIR also leaves there as such files. The default is a smoke test, --full the paper's scale
-- (width 64, batch 256, 1000 epochs), which takes weeks on two cores: run it with --epochs, stop it, --resume.
-- Damian, Ma, Lee (NeurIPS 2021), section 5, figures 3 and 4; the momentum of figure 4 and the step sizes are not established.
local pg = require "perigee"
local ad, nn, optim, data = pg.ad, pg.nn, pg.optim, pg.data

local mean, deviation = pg.tensor { 0.49139968, 0.48215841, 0.44653091 }, pg.tensor { 0.24703223, 0.24348513, 0.26158784 }
local function normalised(x) return (x / 255 - mean:cast "f32":reshape { 3, 1, 1 }) / deviation:cast "f32":reshape { 3, 1, 1 } end

local function load(p)
  local train, test
  if p.data ~= "" then train, test = data.cifar10(p.data)
  else train, test = data.images(p.n, pg.rng(1):stream "train"), data.images(p.n // 4, pg.rng(1):stream "test") end
  if p.make_synthetic ~= "" then data.save_cifar10(p.make_synthetic, train, test) end
  train.x, test.x = normalised(train.x), normalised(test.x)
  return train, test
end

-- A batch of the adversarial set: images with a tenth of the places of all channels zeroed, random labels, the same in every epoch.
local function corrupted(rng, x, idx, copy)
  local kept, y = {}, {}
  for k, i in ipairs(idx:tolist()) do
    local r = rng:stream("copy", copy):stream("image", i)
    kept[k], y[k] = pg.ones({ 1024 }, "f32"):scatter_(r:integers({ 102 }, 1024), 0), r:integers(10)
  end
  return x * pg.stack(kept):reshape { #idx, 1, 32, 32 }, pg.tensor(y, "i64")
end

local function accuracy(net, theta, set)
  local right, n = 0, #set.y
  for from = 1, n, 500 do
    local part = { { from, math.min(from + 499, n) } }
    right = right + nn.accuracy(net(theta, set.x[part]), set.y[part]) * #set.y[part]
  end
  return right / n
end

return pg.experiment {
  name   = "label_noise/cifar",
  paper  = "Damian, Ma, Lee, Label Noise SGD Provably Prefers Flat Global Minimizers (NeurIPS 2021)",
  claim  = "Label noise lowers the trace of the Hessian of a convolutional network and repairs bad initialisations.",
  params = { data = "", make_synthetic = "", width = 8, epochs = 6, fit = 0, batch = 64, eta = 0.1, beta = 0.0, flip = 0.2, warmup = 0.0, mode = "noise", n = 2048 },
  help   = { data = "folder of the CIFAR-10 binary files; empty: a stand-in", make_synthetic = "folder to write the images to, as binary files", width = "channels of the first stage", epochs = "passes over the images", fit = "passes over the adversarial set first",
    batch = "examples a step", eta = "step size", beta = "momentum", flip = "probability of a flipped label", warmup = "epochs of linear warm-up", n = "images of the stand-in", mode = "flipped labels or smoothed targets" },
  choices = { mode = { "noise", "smoothing" } },
  range  = { width = { from = 1 }, epochs = { from = 1 }, fit = { from = 0 }, batch = { from = 1 }, eta = { above = 0 }, beta = { from = 0, below = 1 }, flip = { above = 0, below = 1 },
    warmup = { from = 0 }, n = { from = 64 } },
  quick  = { n = 512, epochs = 4 }, full = { width = 64, epochs = 1000, batch = 256, n = 50000 },

  run = function(p, rng, log)
    local train, test = load(p)
    local n, per_epoch = #train.y, #train.y // p.batch
    local net = nn.resnet18 { width = p.width }
    local theta = net:init(rng:stream "init")
    local gradient = ad.value_and_grad(function(w, x, y, opt) return nn.cross_entropy(net(w, x), y, opt):mean() end)
    local smooth = { smoothing = p.flip }

    local function batch(stream, k) -- step k of the epochs: indices, and which epoch
      local epoch, at = (k - 1) // per_epoch, (k - 1) % per_epoch * p.batch
      return stream:stream("epoch", epoch):permutation(n)[{ { at + 1, at + p.batch } }], epoch
    end

    local opt = optim.sgd { lr = p.eta }
    local fitting = log:state { theta = theta, opt = opt }
    for k in log:steps(p.fit * 10 * per_epoch, fitting) do
      local idx, epoch = batch(rng:stream "fit", k)
      local _, g = gradient(theta, corrupted(rng:stream "adversary", train.x, idx, epoch % 10))
      opt:step(theta, g)
    end

    local steps = p.epochs * per_epoch
    opt = optim.heavy_ball { momentum = p.beta, lr = optim.cosine { lr = p.eta, steps = steps, warmup = math.floor(p.warmup * per_epoch) } }
    local curve, sum = pg.series { "loss", "test", "trace" }, { loss = 0, trace = 0 }
    local state = log:state { theta = theta, opt = opt, curve = curve, sum = sum }
    for k in log:steps(steps, state) do
      local idx = batch(rng:stream "order", k)
      local x, y = train.x[idx], train.y[idx]
      local loss, g = gradient(theta, x, y, smooth)
      if p.mode == "noise" then
        local _, noisy = gradient(theta, x, nn.flip_labels(rng:stream("flips", k), y, 10, p.flip))
        sum.trace = sum.trace + p.batch * (noisy:dot(noisy) - g:dot(g)) / per_epoch
        g = noisy
      end
      opt:step(theta, g)
      sum.loss = sum.loss + loss / per_epoch
      if k % per_epoch == 0 then
        curve:add(k // per_epoch, sum.loss, accuracy(net, theta, test), sum.trace)
        sum.loss, sum.trace = 0, 0
      end
    end
    return { curve = curve, test = accuracy(net, theta, test), loss = curve:at(p.epochs, "loss"), norm = theta:norm() }
  end,

  report = function(rows, out)
    out:panels { file = "cifar", columns = 3,
      { rows, x = "epoch", y = "curve.loss", xlabel = "epoch", ylabel = "smoothed training loss", marker = true },
      { rows, x = "epoch", y = "curve.test", xlabel = "epoch", ylabel = "test accuracy", marker = true },
      { rows, x = "epoch", y = "curve.trace", xlabel = "epoch", ylabel = "trace of the Hessian", marker = true } }
    out:table(rows, { "mode", "loss", "test" })
  end,

  -- A smoke test claims little: the network learns.
  check = function(rows, claim)
    for p, part in rows:each() do
      local loss = part.curve:column "loss"
      claim:above("test accuracy, against 0.1 by chance", part.test:min(), 0.15)
      claim:holds("parameters are finite", part.norm:isfinite():all())
      if p.epochs > 1 then claim:below("training loss of the last epoch less that of the first", loss[-1] - loss[1], 0) end
    end
  end,
}
