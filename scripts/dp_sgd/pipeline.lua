-- Poisson sampling for data that pass by once: every record draws the steps it takes part in and gives each pair (step, record) a random key; the
-- pairs are brought into the order of steps and keys; of each step the B least keys stay, and padding of weight 0 fills up to B. First the worked
-- example of six records and four batches, then a large pass by runs on disk, which must give what memory gives, and the laws of what comes out.
-- Chua et al., Scalable DP-SGD: Shuffling vs. Poisson Subsampling (NeurIPS 2024), figure 2.
local pg = require "perigee"
local sampler = pg.privacy.sampler

local function sizes(starts) return starts:narrow(1, 2, #starts - 1) - starts:narrow(1, 1, #starts - 1) end

return pg.experiment {
  name   = "dp_sgd/pipeline",
  paper  = "Chua et al., Scalable DP-SGD: Shuffling vs. Poisson Subsampling (NeurIPS 2024), figure 2",
  claim  = "Drawn record by record, sorted and truncated by random keys, batches are Poisson samples of which a uniformly random part is kept.",
  params = { records = 6, steps = 4, B = 2, many = 1000000, many_steps = 1000, memory = 4194304, repeats = 4000 },
  help   = { records = "of the example", steps = "of the example", B = "largest batch", many = "records of the large pass", many_steps = "its steps", memory = "its bytes for pairs",
    repeats = "epochs of the example, for its laws" },
  range  = { records = { from = 1 }, steps = { from = 1 }, B = { from = 1 }, many = { from = 1000 }, many_steps = { from = 10 }, memory = { from = 65536 } },
  quick  = { many = 200000, memory = 1048576 }, full = { many = 36800000, many_steps = 35938, memory = 67108864 },

  run = function(p, rng, log)
    local opt = { n = p.records, batch = p.records / p.steps, epochs = p.repeats, by = "records" }
    local whole = sampler.poisson(rng:stream "example", opt)
    opt.max_batch = p.B
    local cut = sampler.truncated_poisson(rng:stream "example", opt)                          -- the same draws

    local drawn, starts = whole:assignment()
    local batches, weights = {}, {}
    for indices, w, t in cut:steps() do
      if t > p.steps then break end
      batches[t], weights[t] = indices, w
    end

    local all, kept = {}, {}                                                                  -- the laws: sizes drawn, and who is kept
    for e = 1, p.repeats do
      local _, from = whole:assignment(e)
      all[e], kept[e] = sizes(from), cut:assignment(e)
    end
    local counts = pg.zeros { p.records }:scatter_add(pg.concatenate(kept), pg.ones { #pg.concatenate(kept) })

    local large = { n = p.many, steps = p.many_steps, rate = 1 / p.many_steps }
    local seconds = pg.system.clock()
    local disk = pg.privacy.pairs(rng:stream "large", { n = large.n, steps = large.steps, rate = large.rate, memory = p.memory })
    local runs, a, a_starts = disk:runs(), disk:rest()
    log:note("%d pairs by %d runs on disk: %.3g million a second", #a, runs, #a / (pg.system.clock() - seconds) / 1e6)
    local b, b_starts = pg.privacy.pairs(rng:stream "large", { n = large.n, steps = large.steps, rate = large.rate, memory = 1 << 32 }):rest()
    local large_sizes = sizes(a_starts):cast "f64"
    return { drawn = drawn, starts = starts, batches = pg.stack(batches), weights = pg.stack(weights), sizes = pg.concatenate(all), counts = counts, runs = runs,
             same = #a == #b and a:eq(b):all() and a_starts:eq(b_starts):all(), mean = large_sizes:mean(), variance = large_sizes:var() }
  end,

  report = function(rows, out)
    local p, part = rows:each()()
    local drawn, starts, batches, weights = part.drawn[1], part.starts[1], part.batches[1], part.weights[1]
    local mapped, final = { { "record", "steps" } }, { { "step", "drawn, by key", "batch", "weights" } }
    local steps_of, x, y, dropped_x, dropped_y = {}, {}, {}, {}, {}
    for t = 1, p.steps do
      local list = drawn[{ { starts[t], starts[t + 1] - 1 } }]:tolist()
      for k, record in ipairs(list) do
        steps_of[record] = (steps_of[record] or "") .. " " .. t
        local to_x, to_y = k <= p.B and x or dropped_x, k <= p.B and y or dropped_y
        to_x[#to_x + 1], to_y[#to_y + 1] = t, record
      end
      final[t + 1] = { tostring(t), table.concat(list, " "), table.concat(batches[t]:tolist(), " "), ("%g "):rep(p.B):format(table.unpack(weights[t]:tolist())) }
    end
    for record = 1, p.records do mapped[record + 1] = { tostring(record), steps_of[record] or "-" } end
    out:columns(mapped)
    out:print ""
    out:columns(final)
    local padded_x, padded_y = {}, {}
    for t = 1, p.steps do
      for k = 1, p.B do
        if weights[t][k] == 0 then padded_x[#padded_x + 1], padded_y[#padded_y + 1] = t + 0.12 * k, 0 end
      end
    end
    local panel = { title = ("%d records, %d batches of at most %d"):format(p.records, p.steps, p.B), xlabel = "step", ylabel = "record (0: padding)", xrange = { 0.5, p.steps + 0.5 },
      yrange = { -0.5, p.records + 0.5 }, pg.plot.scatter { x = x, y = y, label = "kept" } }
    if #dropped_x > 0 then panel[#panel + 1] = pg.plot.scatter { x = dropped_x, y = dropped_y, label = "truncated" } end
    if #padded_x > 0 then panel[#panel + 1] = pg.plot.scatter { x = padded_x, y = padded_y, label = "padding, weight 0" } end
    out:panels { file = "pipeline", panel }
    out:table(rows, { "runs", "same", "mean", "variance" })
  end,

  check = function(rows, claim)
    for p, part in rows:each() do
      local n, q, N = p.records, 1 / p.steps, p.repeats * p.steps
      local seen, chance, kept = part.sizes[1], (1 - q)^n, 0
      for k = 0, n do
        claim:near(("batches of %d records"):format(k), seen:eq(k):cast("f64"):mean(), chance, { se = math.sqrt(chance * (1 - chance) / N), times = 5, why = "binomial" })
        kept = kept + math.min(k, p.B) * chance
        chance = chance * (n - k) / (k + 1) * q / (1 - q)
      end
      local share = kept / n                                                                  -- of the steps that any record is kept in
      local worst = (part.counts[1] / N - share):abs():max()
      claim:below("inclusion of every record after truncation, from its exact value", worst, 5 * math.sqrt(share * (1 - share) / N), { why = "five standard errors" })
      local padded = part.weights[1]:eq(0):sum()
      claim:equal("weights of the example are 1 for what is kept and 0 for padding", padded + part.weights[1]:sum(), p.steps * p.B)
      local mean, T = p.many / p.many_steps, p.many_steps
      claim:near("mean size of the large pass", part.mean[1], mean, { se = math.sqrt(mean / T), times = 5 })
      claim:near("variance of its sizes", part.variance[1], mean * (1 - 1 / T), { se = mean * math.sqrt(2 / T), times = 5 })
      claim:above("runs on disk", part.runs[1], 2)
      claim:equal("disk gives what memory gives", part.same[1], 1)
    end
  end,
}
