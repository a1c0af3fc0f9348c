-- How much noise a guarantee costs: the least sigma for (eps, delta), by batch size and epochs, of fixed batches (exact), Poisson sampling (best estimate), shuffling kept or drawn anew
-- (lower bounds: what shuffling certainly needs, no guarantee), at the sizes of a click data set of 36.8 million rows, delta about 1/n. Poisson sampling needs half
-- the noise that shuffling certainly needs. B is the largest batch that truncated Poisson sampling pads to, chosen so that truncation costs 1e-5 of delta.
-- Chua et al. (NeurIPS 2024), figures 3 (middle) and 6; their curves are not numbers, those below come from two independent programs.
local pg = require "perigee"
local privacy = pg.privacy

local kinds = { "deterministic", "shuffle_persistent", "shuffle_dynamic", "poisson" }

return pg.experiment {
  name   = "dp_sgd/calibrate",
  paper  = "Chua et al., Scalable DP-SGD: Shuffling vs. Poisson Subsampling (NeurIPS 2024)",
  claim  = "Poisson sampling needs about half the noise that shuffling certainly needs.",
  params = { n = 36800000, batch = 65536, epochs = 1, eps = 5.0, delta = 2.7e-8 },
  help   = { n = "records", batch = "expected batch", epochs = "of training", eps = "of the guarantee", delta = "of the guarantee" },
  range  = { n = { from = 2 }, batch = { from = 1 }, epochs = { from = 1 }, eps = { above = 0 }, delta = { above = 0, below = 1 } },
  sweep  = { { batch = { 1024, 4096, 16384, 65536, 262144 }, epochs = { 1, 5 } }, { batch = { 65536 }, epochs = { 2, 10, 50 } } },
  quick  = { batch = 262144 },

  run = function(p)
    local T = math.floor(p.n / p.batch + 0.5)
    local row = { T = T, B = (privacy.max_batch { n = p.n, rate = 1 / T, steps = T * p.epochs, eps = p.eps, delta = p.delta }) }
    for _, kind in ipairs(kinds) do
      row[kind] = (privacy.calibrate { kind = kind, steps_per_epoch = T, epochs = p.epochs, rate = 1 / T, steps = T * p.epochs, eps = p.eps, delta = p.delta,
        method = kind == "shuffle_dynamic" and "estimate" or nil })
    end
    return row
  end,

  report = function(rows, out)
    out:table(rows, { "epochs", "batch", "T", "deterministic", "poisson", "shuffle_persistent", "shuffle_dynamic", "B" })
    local panels = { file = "calibrate" }
    for _, epochs in ipairs { 1, 5 } do
      local part = rows:where { epochs = epochs }
      local panel = { title = ("%d epoch%s"):format(epochs, epochs > 1 and "s" or ""), xlabel = "expected batch", ylabel = "noise multiplier σ", log = "xy" }
      for _, kind in ipairs(kinds) do
        if #part > 1 then panel[#panel + 1] = pg.plot.line { x = part.batch, y = part[kind], marker = true, label = kind:gsub("_", " "), group = kind } end
      end
      if #panel > 0 then panels[#panels + 1] = panel end
    end
    local part = rows:where { batch = 65536 }
    if #part > 2 then
      local by, at = { xlabel = "epochs", ylabel = "noise multiplier σ", log = "xy", title = "batch 65536" }, part.epochs:argsort()
      for _, kind in ipairs(kinds) do by[#by + 1] = pg.plot.line { x = part.epochs[at], y = part[kind][at], marker = true, label = kind:gsub("_", " "), group = kind } end
      panels[#panels + 1] = by
    end
    if #panels > 0 then out:panels(panels) end
  end,

  check = function(rows, claim)
    local known = { -- by epochs and batch: fixed, Poisson, persistent, dynamic, B
      [1] = { [1024] = { 1.10638, .41549, .82312, .82312, 1328 }, [4096] = { 1.10638, .44976, .88267, .88267, 4681 }, [16384] = { 1.10638, .49207, .94708, .94708, 17521 },
        [65536] = { 1.10638, .54690, 1.01063, 1.01063, 67698 }, [262144] = { 1.10638, .62466, 1.06218, 1.06218, 267193 } },
      [5] = { [1024] = { 2.47395, .43193, 1.84055, .85615, 1334 }, [4096] = { 2.47395, .46940, 1.97372, .92304, 4693 }, [16384] = { 2.47395, .51762, 2.11773, 1.00435, 17545 },
        [65536] = { 2.47395, .58460, 2.25984, 1.11148, 67745 }, [262144] = { 2.47395, .68897, 2.37510, 1.26103, 267288 } },
      [2] = { [65536] = { 1.56466, .56130, 1.42925, 1.05584 } }, [10] = { [65536] = { 3.49869, .60721, 3.19589, 1.15573 } }, [50] = { [65536] = { 7.82331, .69630, 7.14623, 1.28202 } } }
    for p, part in rows:each() do
      local row = p.n == 36800000 and p.eps == 5 and p.delta == 2.7e-8 and (known[p.epochs] or {})[p.batch]
      local name = ("%d epochs, batch %d: "):format(p.epochs, p.batch)
      if row then
        claim:near(name .. "fixed", part.deterministic[1], row[1], { abs = 2e-5 })
        claim:near(name .. "Poisson", part.poisson[1], row[2], { abs = 2e-4 })
        claim:near(name .. "shuffled once", part.shuffle_persistent[1], row[3], { abs = 2e-5 })
        claim:near(name .. "shuffled anew", part.shuffle_dynamic[1], row[4], { abs = 2e-4 })
        if row[5] then claim:equal(name .. "B", part.B[1], row[5]) end
      end
      claim:above(name .. "what shuffling needs over what Poisson sampling needs", part.shuffle_dynamic[1] / part.poisson[1], 1)
    end
  end,
}
