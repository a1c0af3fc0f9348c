-- Step size over batch size, eta/b, against tail index and compressibility: a network of the kind of heavy_tails/train for each pair, trained to convergence. The
-- paper's claim is that the index of the averaged weights falls as eta/b grows, that layers of smaller index can be pruned further at the same
-- relative error, and that such networks keep their accuracy longer. On small networks the index stays near 2 (docs/heavy_tails.md has numbers): the rank correlations printed
-- are what this run finds, and only that pruning goes further with eta/b is claimed. A run that diverges or does not fit is a row with its verdict.
-- Replica i takes the i-th pair; --grid FILE: a CSV with columns eta and b in the place of the default ones, with --seeds as many. --data DIR: MNIST, its first n images.
-- Barsbey et al. (NeurIPS 2021), the sweep over eta and b with their figures (a) to (c) and accuracy against pruning ratio by tail index.
local pg = require "perigee"
local nn, data, tails, compress = pg.nn, pg.data, pg.diag.tails, pg.diag.compress

local default = { { 0.05, 50 }, { 0.1, 50 }, { 0.2, 50 }, { 0.4, 50 }, { 0.8, 50 }, { 0.1, 10 }, { 0.2, 10 }, { 0.4, 10 }, { 0.8, 100 }, { 1.2, 50 } }

-- The i-th pair: eta, b.
local function pair_of(p, i)
  local grid = p.grid == "" and pg.tensor(default) or pg.io.read_csv(p.grid, { columns = { "eta", "b" } })
  if i > #grid then error(("the grid has %d pairs; give --seeds %d"):format(#grid, #grid)) end
  return grid[i][1], math.tointeger(grid[i][2]) or error(("pair %d: b must be a whole number, got %g"):format(i, grid[i][2]))
end

local function load(p)
  local train, test
  if p.data == "" then
    train, test = data.split(data.gaussian_mixture(p.n + 4000, pg.rng(1):stream "points", { classes = 10, d = 64, spread = 0.4 }), p.n / (p.n + 4000), pg.rng(1):stream "split")
  else
    train, test = data.mnist(p.data)
    train = { x = train.x[{ { 1, math.min(p.n, #train.y) } }], y = train.y[{ { 1, math.min(p.n, #train.y) } }] }
    for _, set in ipairs { train, test } do set.x = ((set.x - 0.1307) / 0.3081):flatten(2, -1) end
  end
  return { x = train.x:cast "f32", y = train.y }, { x = test.x:cast "f32", y = test.y }
end

local ratios = { 0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95 }

return pg.experiment {
  name   = "heavy_tails/sweep",
  paper  = "Barsbey et al., Heavy Tails in SGD and Compressibility of Overparametrized Neural Networks (NeurIPS 2021)",
  claim  = "The larger step size over batch size, the more of a trained network can be pruned.",
  params = { grid = "", data = "", width = 128, depth = 3, n = 1000, tol = 1e-3, after = 2000, average = 500, every = 50, cap = 20000 },
  seeds  = 10,
  help   = { grid = "CSV with columns eta and b, a pair a replica; empty: ten pairs", data = "folder of MNIST; empty: ten Gaussians", width = "of hidden layers", depth = "weight matrices",
    n = "training examples", tol = "loss at which the set counts as fitted", after = "steps from there on", average = "last iterates averaged", every = "steps between looks",
    cap = "steps at most" },
  range  = { width = { from = 10 }, depth = { from = 2 }, n = { from = 10 }, tol = { above = 0 }, cap = { from = 1 }, every = { from = 1 } },
  quick  = { after = 500, cap = 6000 }, full = { width = 2048, depth = 4, n = 60000, tol = 5e-5, after = 10000, average = 1000, every = 200, cap = 1000000 },

  run = function(p, rng, log)
    local train, test = load(p)
    local sizes = { train.x:dim(2), bias = false, init = "uniform" }
    for k = 2, p.depth do sizes[k] = p.width end
    sizes[p.depth + 1] = 10
    local eta, b = pair_of(p, log:first())
    local net = nn.mlp(sizes)
    local theta = net:init(rng:stream "start")
    local run = nn.fit(net, theta, train, { rng = rng:stream "steps", lr = eta, batch = b, loss = p.tol, every = p.every, after = p.after, average = p.average, cap = p.cap, log = log })
    local fitted = run.verdict == "converged"
    local w = fitted and run.average or pg.zeros(theta:dims(), "f32")                     -- of a run that did not converge nothing is estimated
    local _, seen = nn.evaluate(net, w, train)
    local _, new = nn.evaluate(net, w, test)
    local alpha, c, layers, pruned = pg.full({ p.depth }, -(0 / 0)), compress.network(net, w), pg.series { "alpha", "prunable" }, pg.series()
    if fitted then alpha = tails.network(net, w, rng:stream "order") end
    local fractions = c:prunable(0.1)
    for k = 1, p.depth do layers:add(k, alpha[k], fitted and fractions[k] or -(0 / 0)) end
    for _, ratio in ipairs(ratios) do pruned:add(ratio, select(2, nn.evaluate(net, c:prune(ratio), test))) end
    return { verdict = run.verdict, eta = eta, b = b, ratio = eta / b, steps = run.fitted, alpha = alpha:mean(), prunable = fitted and pg.tensor(fractions):mean() or -(0 / 0),
      test = fitted and new or -(0 / 0), gap = fitted and seen - new or -(0 / 0), layers = layers, pruned = pruned }
  end,

  report = function(rows, out)
    local fine = rows.alpha:isfinite()
    local function some(name) return rows[name]:cast("f64"):masked_select(fine) end
    local lines = { { "eta", "b", "verdict", "steps", "tail index", "prunable", "test", "gap" } }
    for i = 1, #rows do
      lines[#lines + 1] = { ("%g"):format(rows.eta[i]), ("%d"):format(rows.b[i]), rows.verdict[i], ("%d"):format(rows.steps[i]), ("%.3f"):format(rows.alpha[i]), ("%.4f"):format(rows.prunable[i]),
        ("%.4f"):format(rows.test[i]), ("%.4f"):format(rows.gap[i]) }
    end
    out:columns(lines)
    if fine:count() < 3 then return end
    for _, c in ipairs { { "ratio", "alpha" }, { "ratio", "prunable" }, { "alpha", "prunable" }, { "alpha", "gap" } } do
      out:print("rank correlation of %s with %s: %.2f (p = %.2g)", c[1] == "ratio" and "eta/b" or "tail index", c[2] == "alpha" and "tail index" or c[2], pg.diag.spearman(some(c[1]), some(c[2])))
    end
    local layers, curves = { xlabel = "tail index of a layer", ylabel = "fraction prunable at error 0.1" }, { xlabel = "pruning ratio, magnitude", ylabel = "test accuracy" }
    for k = 1, #rows.layers.x do
      layers[k] = pg.plot.scatter { x = rows.layers.alpha[k]:masked_select(fine), y = rows.layers.prunable[k]:masked_select(fine), label = "layer " .. k }
    end
    local order = rows.alpha:argsort()
    for place = 1, fine:count() do                                                       -- coloured by tail index, from low to high
      local i, shade = order[place], math.floor(255 * (place - 1) / math.max(1, fine:count() - 1))
      curves[#curves + 1] = pg.plot.line { x = rows.pruned.x, y = rows.pruned.value[{ {}, i }], color = ("#%02X40%02X"):format(255 - shade, shade),
        label = place == 1 and "lowest tail index" or place == fine:count() and "highest" or nil }
    end
    out:panels { file = "sweep", { xlabel = "η / b", ylabel = "tail index, mean of layers", xlog = true, pg.plot.scatter { x = some "ratio", y = some "alpha" } }, layers, curves }
  end,

  check = function(rows, claim)
    local fine = rows.alpha:isfinite()
    claim:above("fraction of runs that converged", fine:cast("f64"):mean(), 0.7)
    if fine:count() < 8 or rows.grid[1] ~= "" then return end
    local r = pg.diag.spearman(rows.ratio:masked_select(fine), rows.prunable:masked_select(fine))
    claim:above("rank correlation of eta/b with the fraction prunable", r, 0.667, { why = "p = 0.05 of independence for nine runs" })
  end,
}
