-- What a shuffler gives away: an adversary of adaptive batch linear queries who knows all records but one. Every other record answers -1, the one in
-- question +1, or 0 if it is not there, so that the sum of its batch, less the known -b, is 2 or 1, and 0 elsewhere, plus noise N(0, sigma^2).
-- The event "the largest sum reaches C" has probability 1 - Phi((C-m)/sigma) Phi(C/sigma)^(T-1), m = 2 or 1, under every sampler that puts each
-- record into exactly one batch of known size: with shuffling delta(eps) is at least the best of P - e^eps Q over C, nearly that of fixed batches.
-- Under Poisson sampling the sizes hide it. Chua et al., How Private are DP-SGD Implementations? (ICML 2024), section 4; n = T and b = 1 suffice.
local pg = require "perigee"

local function missed(C, m, sigma) return pg.numeric.log_normal_cdf((C - m) / sigma) end              -- ln P(a sum of mean m stays below C)

-- P(some sum reaches C), the record giving m in its batch.
local function shuffled(C, m, p) return -pg.expm1(missed(C, m, p.sigma) + (p.steps - 1) * missed(C, 0, p.sigma)) end

-- The same under Poisson sampling of rate q = 1/T of T records: with k others in a batch its sum has mean 1 - k, or m - k with the record.
local function poisson(C, m, p)
  local T, q, below = p.steps, 1 / p.steps, 0
  local chance = (1 - q)^(T - 1)                                                              -- of k = 0 others
  for k = 0, math.min(T - 1, 60) do
    below = below + chance * ((1 - q) * pg.exp(missed(C, 1 - k, p.sigma)) + q * pg.exp(missed(C, m - k, p.sigma)))
    chance = chance * (T - 1 - k) / (k + 1) * q / (1 - q)
  end
  return 1 - below^T
end

local function best(p)
  local C, negative = pg.numeric.minimise(function(c) return math.exp(p.eps) * shuffled(c, 1, p) - shuffled(c, 2, p) end, { 0.5, 3.5 + p.eps * p.sigma^2 })
  return C, -negative
end

return pg.experiment {
  name   = "dp_sgd/attack",
  paper  = "Chua et al., How Private are DP-SGD Implementations? (ICML 2024); Scalable DP-SGD (NeurIPS 2024)",
  claim  = "The shuffler's batches give away what its noise was to hide under the accounting of Poisson sampling.",
  params = { sampler = "shuffle_dynamic", sigma = 0.4, steps = 1000, eps = 4.0, trials = 20000 },
  help   = { sampler = "how the batches are drawn", sigma = "noise multiplier", steps = "steps of the one epoch, T", eps = "epsilon", trials = "runs of the mechanism in each world" },
  choices = { sampler = { "deterministic", "shuffle_persistent", "shuffle_dynamic", "poisson", "balls_and_bins" } },
  range  = { sigma = { above = 0 }, steps = { from = 2 }, eps = { from = 0 }, trials = { from = 100 } },
  sweep  = { sampler = { "shuffle_dynamic", "shuffle_persistent", "poisson", "balls_and_bins" } },
  quick  = { trials = 4000 }, full = { trials = 200000 },

  run = function(p, rng, log)
    local T, order = p.steps, not (p.sampler == "poisson" or p.sampler == "balls_and_bins")
    local largest = { present = pg.zeros { p.trials }, absent = pg.zeros { p.trials } }
    local answers = { present = -pg.ones { T }, absent = -pg.ones { T } }
    answers.present[1], answers.absent[1] = 1, 0
    for trial in log:progress(p.trials) do
      for world, answer in pairs(answers) do
        local stream = rng:stream(world, trial)
        local sampler = pg.privacy.sampler[p.sampler](stream, { n = T, batch = 1, by = p.sampler == "poisson" and "records" or nil })
        local records, starts = sampler:assignment()
        local sums = order and answer[records] or pg.concatenate { pg.zeros { 1 }, answer[records]:cumsum(1) }[starts]
        if not order then sums = sums:narrow(1, 2, T) - sums:narrow(1, 1, T) end
        largest[world][trial] = (sums + 1 + p.sigma * stream:stream("noise"):normal { T }):max()
      end
    end
    local C, bound = best(p)
    local P, Q = largest.present:ge(C):cast("f64"):mean(), largest.absent:ge(C):cast("f64"):mean()
    local se = math.sqrt((P * (1 - P) + math.exp(2 * p.eps) * Q * (1 - Q)) / p.trials)
    local grid = pg.linspace(-2, 4, 121)
    local function reached(x) return 1 - (x:sort():searchsorted(grid) - 1):cast "f64" / p.trials end
    return { C = C, bound = bound, P = P, Q = Q, delta = P - math.exp(p.eps) * Q, low = P - math.exp(p.eps) * Q - 2.576 * se, high = P - math.exp(p.eps) * Q + 2.576 * se,
             grid = grid, P_of_C = reached(largest.present), Q_of_C = reached(largest.absent) }
  end,

  report = function(rows, out)
    local curves, p = { file = "tradeoff", title = "what the largest sum tells", xlabel = "$Q(E_C)$, record absent", ylabel = "$P(E_C)$, record present", log = "xy", xrange = { 1e-4, 1 }, yrange = { 1e-2, 1 } }
    for q, part in rows:each() do
      p = q
      curves[#curves + 1] = pg.plot.scatter { x = pg.where(part.Q_of_C[1]:gt(0), part.Q_of_C[1], 0 / 0), y = part.P_of_C[1], label = q.sampler:gsub("_", " "), group = q.sampler }
    end
    local C = pg.linspace(-2, 2.5, 226)
    curves[#curves + 1] = pg.plot.line { x = shuffled(C, 1, p), y = shuffled(C, 2, p), label = "shuffled, exact", dash = "dashed" }
    local x = pg.logspace(-4, 0, 50)
    curves[#curves + 1] = pg.plot.line { x = x, y = (math.exp(p.eps) * x + rows.bound[1]):minimum(1), label = "$e^ε Q + δ$", dash = "dotted" }
    out:line(curves)
    out:table(rows, { "sampler", "C", "P", "Q", "delta", "low", "high", "bound" })
  end,

  check = function(rows, claim)
    for p, part in rows:each() do
      local function expect(what, value, exact, times)
        return claim:near(("%s, %s"):format(what, p.sampler), value, exact, { se = math.sqrt(exact * (1 - exact) / p.trials), times = times or 3, why = "binomial" })
      end
      local C = part.C[1]
      if p.sigma == 0.4 and p.steps == 1000 and p.eps == 4 then
        claim:near("C of the best event", C, 2.145303, { abs = 2e-6, why = "published digits" })
        claim:near("lower bound on delta", part.bound[1], 2.415404938e-1, { rel = 1e-7 })
        claim:near("P(E_C), closed form", shuffled(C, 2, p), 0.358233, { abs = 1e-6 })
        claim:near("Q(E_C), closed form", shuffled(C, 1, p), 0.0021373, { abs = 1e-7 })
      end
      if p.sampler == "poisson" then
        if p.sigma == 0.4 and p.steps == 1000 and p.eps == 4 then
          claim:near("P(E_C) under Poisson sampling, closed form", poisson(C, 2, p), 0.60, { abs = 0.005, why = "published to two digits" })
          claim:near("Q(E_C) under Poisson sampling, closed form", poisson(C, 1, p), 0.54, { abs = 0.005, why = "published to two digits" })
        end
        expect("P(E_C) against the closed form of its own law", part.P[1], poisson(C, 2, p))
        expect("Q(E_C) against the closed form of its own law", part.Q[1], poisson(C, 1, p))
        local sd = math.sqrt(shuffled(C, 2, p) * (1 - shuffled(C, 2, p)) / p.trials)
        claim:above("standard errors by which Poisson fails the shuffler's P", math.abs(part.P[1] - shuffled(C, 2, p)) / sd, 10)
        claim:below("delta of this event under Poisson sampling", part.high[1], 0, { why = "the event shows nothing" })
      elseif p.sampler ~= "balls_and_bins" then
        expect("P(E_C)", part.P[1], shuffled(C, 2, p))
        expect("Q(E_C)", part.Q[1], shuffled(C, 1, p))
        claim:holds("the bound lies in the 99 % interval of delta, " .. p.sampler, part.low[1] <= part.bound[1] and part.bound[1] <= part.high[1])
      end
    end
  end,
}
