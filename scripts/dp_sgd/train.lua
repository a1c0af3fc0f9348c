-- Private training of a click model at one eps and delta: batches drawn by truncated Poisson sampling need so much less noise than shuffled ones
-- that they win, although shuffling is given the benefit of the doubt: its sigma is only a lower bound on what it needs. At equal sigma the two
-- train equally well. DP-Adam on embeddings of the categories and a perceptron; data like Criteo's display advertising with a known teacher, or
-- the real files (--data pctr --path train.txt). Chua et al., Scalable DP-SGD (NeurIPS 2024), figure 3. Model, sizes and step sizes are
-- ours; step sizes were chosen on other rows of the stand-in. The paper's AUCs are not known to us.
local pg = require "perigee"
local privacy, nn, data = pg.privacy, pg.nn, pg.data

local readers = { pctr = data.criteo_ctr, search = data.criteo_search }

-- Training and test rows, and the teacher's AUC on the latter; of files the first n lines, and the n/8 behind them.
local function rows_of(p, rng)
  local read = readers[p.data]
  if read then return (read(p.path, { bits = p.bits, rows = p.n })), (read(p.path, { bits = p.bits, first = p.n + 1, rows = p.n // 8 })) end
  local test, logit = data.criteo_synthetic(p.n, rng:stream "test", { largest = p.largest })
  return data.criteo_synthetic(p.n, rng:stream "train", { largest = p.largest }), test, pg.diag.auc(logit, test.y)
end

-- The arm's sampler and noise multiplier.
local function mechanism(p, rng)
  local opt = { n = p.n, batch = p.batch, epochs = p.epochs }
  local function sigma(sampler) return (privacy.calibrate { sampler = sampler, eps = p.eps, delta = p.delta }) end
  local d = privacy.sampler.poisson(rng, opt):describe()
  opt.max_batch = privacy.max_batch { n = p.n, rate = d.rate, steps = d.steps_per_epoch * d.epochs, eps = p.eps, delta = p.delta }
  local truncated = privacy.sampler.truncated_poisson(rng, opt)
  if p.arm == "truncated_poisson" then return truncated, sigma(truncated) end
  opt.max_batch = nil
  if p.arm == "non_private" then return privacy.sampler.shuffle_dynamic(rng, opt), 0.0 end
  if p.arm == "equal_sigma" then return privacy.sampler.shuffle_dynamic(rng, opt), sigma(truncated) end
  local sampler = privacy.sampler[p.arm](rng, opt)
  return sampler, sigma(sampler)
end

return pg.experiment {
  name   = "dp_sgd/train",
  paper  = "Chua et al., Scalable DP-SGD: Shuffling vs. Poisson Subsampling (NeurIPS 2024), figure 3",
  claim  = "At equal privacy, truncated Poisson batches train better than shuffled ones whose noise is even too small; at equal noise, as well.",
  params = { arm = "truncated_poisson", data = "synth", path = "", n = 20000, batch = 256, epochs = 5, eps = 5.0, delta = 5e-5, clip = 1.0, lr = 0.01, free_lr = 0.005, width = 64,
    largest = 1000, bits = 14, seed_of_data = 1 },
  help   = { arm = "how batches are drawn; equal_sigma: dynamic shuffling with the noise of truncated Poisson", data = "the stand-in, or a file of Criteo's", path = "of that file",
    n = "training records", batch = "expected batch", epochs = "epochs", eps = "epsilon", delta = "delta", clip = "clip norm", lr = "step size of DP-Adam at the start, cosine to 0",
    free_lr = "step size without privacy, over the number of epochs", width = "of four hidden layers", largest = "categories of the largest column of the stand-in", bits = "of the hash of categories in files",
    seed_of_data = "seed of what the arms share: rows, start, noise" },
  choices = { arm = { "non_private", "truncated_poisson", "poisson", "shuffle_persistent", "shuffle_dynamic", "equal_sigma", "deterministic" }, data = { "synth", "pctr", "search" } },
  range  = { n = { from = 100 }, batch = { from = 1 }, epochs = { from = 1 }, eps = { above = 0 }, delta = { above = 0, below = 1 }, clip = { above = 0 } },
  sweep  = { epochs = { 1, 5 }, arm = { "non_private", "truncated_poisson", "shuffle_persistent", "shuffle_dynamic", "equal_sigma" } },
  seeds  = 10,
  quick  = { seeds = 2, n = 4000, batch = 128, largest = 200 }, full = { n = 2000000, batch = 8192, delta = 5e-7, largest = 10000, seeds = 3 },

  run = function(p, _, log)
    local rng = pg.rng(p.seed_of_data):stream("replica", log:first())                           -- shared by the arms
    local train, test, ceiling = rows_of(p, rng)
    local sampler, sigma = mechanism(p, rng)
    local net = nn.tabular { numbers = train.x:dim(2), vocabularies = train.vocabularies, width = p.width }
    local free, steps = p.arm == "non_private", sampler.steps_per_epoch * sampler.epochs
    local theta = privacy.train(net:init(rng:stream "init"), {
      loss = function(w, x, c, y) return nn.logistic(net(w, { x, c }), 2 * y - 1) end, data = { train.x, train.c, train.y }, sampler = sampler, rng = rng, sigma = sigma,
      clip = free and math.huge or p.clip, optimiser = pg.optim.adam { lr = pg.optim.cosine { lr = free and p.free_lr / p.epochs or p.lr, steps = steps } } })
    return { auc = pg.diag.auc(net(theta, { test.x, test.c }), test.y), sigma = sigma, ceiling = ceiling or 1, steps = steps, max_batch = sampler.max_batch or sampler.batch }
  end,

  report = function(rows, out)
    local lines, curves = { { "epochs", "arm", "sigma", "seeds", "AUC", "95 %", "truncated Poisson less this, paired", "95 %", "t" } }, {}
    for p, part in rows:each() do
      local m, auc = #part.auc, part.auc
      local t95 = m > 1 and pg.numeric.law("student_t", m - 1):quantile(0.975) or 0 / 0
      local function half(x) return m > 1 and t95 * x:std() / math.sqrt(m) or 0 / 0 end
      local poisson = rows:where { epochs = p.epochs, arm = "truncated_poisson" }
      local gap = #poisson > 0 and poisson.auc - auc or auc * 0
      lines[#lines + 1] = { ("%d"):format(p.epochs), p.arm, ("%.4f"):format(part.sigma[1]), ("%d"):format(m), ("%.4f"):format(auc:mean()), ("+- %.4f"):format(half(auc)),
        ("%.4f"):format(gap:mean()), ("+- %.4f"):format(half(gap)), m > 1 and gap:std() > 0 and ("%.1f"):format(gap:mean() / gap:std() * math.sqrt(m)) or "-" }
      local c = curves[p.arm] or { x = {}, y = {}, low = {}, high = {} }
      curves[p.arm] = c
      c.x[#c.x + 1], c.y[#c.y + 1], c.low[#c.low + 1], c.high[#c.high + 1] = p.epochs, auc:mean(), auc:mean() - half(auc), auc:mean() + half(auc)
    end
    out:columns(lines)
    local panel = { file = "auc", xlabel = "epochs", ylabel = "AUC on new rows, mean and 95 % interval", title = "one privacy, several ways to draw batches", legend = "outside" }
    for _, arm in ipairs { "non_private", "truncated_poisson", "equal_sigma", "shuffle_dynamic", "shuffle_persistent", "deterministic", "poisson" } do
      local c = curves[arm]
      if c then panel[#panel + 1] = pg.plot.line { x = c.x, y = c.y, band = { c.low, c.high }, label = arm:gsub("_", " "), group = arm } end
    end
    out:line(panel)
    if rows.ceiling:mean() < 1 then out:print("the teacher's own AUC: %.4f", rows.ceiling:mean()) end
  end,

  check = function(rows, claim)
    for p in rows:each() do
      local function arm(name) return rows:where { epochs = p.epochs, arm = name } end
      if p.arm ~= "truncated_poisson" then goto continue end
      local poisson, persistent, dynamic, equal, free = arm "truncated_poisson", arm "shuffle_persistent", arm "shuffle_dynamic", arm "equal_sigma", arm "non_private"
      if #persistent == 0 or #dynamic == 0 or #equal == 0 or #free == 0 then goto continue end
      local at, m = (" at %d epochs"):format(p.epochs), #poisson.auc
      claim:below("noise of truncated Poisson over the least that dynamic shuffling needs" .. at, poisson.sigma[1] / dynamic.sigma[1], 1)
      claim:below("noise of dynamic over persistent shuffling" .. at, dynamic.sigma[1] / persistent.sigma[1], 1, { slack = 1e-6 })
      claim:below("AUC without privacy, at most the teacher's" .. at, free.auc:mean(), rows.ceiling:mean())
      if p.n >= 20000 and p.batch == 256 and m >= 5 then
        local function t(a, b) return (a - b):mean() / (a - b):std() * math.sqrt(m) end
        claim:above("AUC without privacy less truncated Poisson's" .. at, (free.auc - poisson.auc):mean(), 0)
        if p.epochs > 1 then claim:above("paired t of truncated Poisson over persistent shuffling" .. at, t(poisson.auc, persistent.auc), 3) end
        local se = math.sqrt((poisson.auc:var() + equal.auc:var()) / m)
        claim:near("AUC of truncated Poisson less dynamic shuffling's at equal noise" .. at, (poisson.auc - equal.auc):mean(), 0, { se = se, times = 2, why = "combined standard errors" })
      end
      ::continue::
    end
  end,
}
