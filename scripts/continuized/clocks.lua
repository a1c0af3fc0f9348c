-- Superposed Poisson clocks: m clocks of rates w_i ring as one clock of rate W = sum w_i, whose events belong to clock i with
-- probability w_i / W, independently. So gaps are exponential, N events take the time N / W, and counts are multinomial.
-- Drawn by an alias table in O(1) an event; a heap of the clocks' next times, O(log m) an event, has the same law. Even et al., Continuized Accelerations (NeurIPS 2021): the clocks of gossip.
local pg = require "perigee"
local process = pg.process

local function clock_of(p, w, rng) return p.by == "heap" and process.heap(w, rng) or process.poisson(rng, { rates = w }) end

-- Probability of a larger value of a chi-square with d degrees of freedom: Wilson and Hilferty.
local function tail(chi2, d)
  local h = 2 / (9 * d)
  return pg.normal_cdf((1 - h - (chi2 / d)^(1 / 3)) / math.sqrt(h))
end

return pg.experiment {
  name   = "continuized/clocks",
  paper  = "Even et al., Continuized Accelerations (NeurIPS 2021), the clocks of section 5",
  claim  = "A superposition of Poisson clocks rings at the right times, and each clock at its own rate.",
  params = { by = "alias", m = 1000, events = 1000000, data = 1 },
  help   = { by = "how the next clock is found", m = "number of clocks, of rates uniform on (1/2, 3/2)", events = "events drawn", data = "seed of the rates" },
  choices = { by = { "alias", "heap" } },
  sweep  = { by = { "alias", "heap" } },
  range  = { m = { from = 2 }, events = { from = 1000 } },
  quick  = { events = 200000 }, full = { m = 100000, events = 10000000 },

  run = function(p, rng, log)
    local w = 0.5 + pg.rng(p.data):stream("rates"):uniform { p.m }
    local W, N = w:sum(), p.events
    local clock = clock_of(p, w, rng:stream "clock")
    local times, which, gaps = clock:next_batch(N)

    local expected = N * w / W                                                                -- counts
    local counts = pg.zeros { p.m }:scatter_add(which, pg.ones { N })
    local chi2 = ((counts - expected)^2 / expected):sum()
    local p_counts = tail(chi2, p.m - 1)

    local u = (-pg.expm1(-W * gaps)):sort()                                                   -- uniform if gaps are exponential
    local i = pg.arange(1, N + 1)
    local D = math.max((i / N - u):max(), (u - (i - 1) / N):max()) * math.sqrt(N)             -- Kolmogorov and Smirnov
    local j = pg.arange(1, 101)
    local p_gaps = (2 * (2 * (j % 2) - 1) * pg.exp(-2 * D^2 * j^2)):sum()

    local again, same = clock_of(p, w, rng:stream "clock"), true
    for k, t, index, dt in again:take(5000) do same = same and t == times[k] and index == which[k] and dt == gaps[k] end

    local seconds = pg.system.clock()
    clock:next_batch(N)
    log:note("%.1f ns an event", (pg.system.clock() - seconds) / N * 1e9)
    return { rate = N / times[N] / W, chi2 = chi2, p_counts = p_counts, ks = D, p_gaps = p_gaps, same = same, counts = counts, rates = w,
             gaps = gaps[{ { 1, math.min(N, 100000) } }] * W }
  end,

  report = function(rows, out)
    local x, panels = pg.linspace(0, 8, 200), { file = "clocks", columns = 2 }
    for p, part in rows:each() do
      panels[#panels + 1] = { kind = "histogram", x = part.gaps[1], bins = pg.linspace(0, 8, 65), density = true, ylog = true, label = "gaps drawn", title = "gaps, by " .. p.by,
        xlabel = "gap times total rate", ylabel = "density", pg.plot.line { x = x, y = pg.exp(-x), label = "$e^{-x}$" } }
      panels[#panels + 1] = { kind = "scatter", x = part.rates[1], y = part.counts[1] * part.rates[1]:sum() / part.counts[1]:sum(), diagonal = true, title = "rates, by " .. p.by,
        xlabel = "rate of a clock", ylabel = "its events in unit time" }
    end
    out:panels(panels)
    out:table(rows, { "by", "rate", "chi2", "p_counts", "ks", "p_gaps" })
  end,

  check = function(rows, claim)
    for p, part in rows:each() do
      local by = ", by " .. p.by
      claim:near("events in the time N / W, relative" .. by, part.rate[1], 1, { abs = 4 * math.max(1e-3, 1 / math.sqrt(p.events)), why = "4 standard deviations of a Gamma(N) time" })
      claim:above("p of the counts of the clocks" .. by, part.p_counts[1], 1e-4)
      claim:above("p of the gaps being exponential" .. by, part.p_gaps[1], 1e-4)
      claim:equal("one by one and in batches the same events" .. by, part.same[1], 1)
    end
    local alias, heap = rows:where { by = "alias" }, rows:where { by = "heap" }
    if #alias > 0 and #heap > 0 then                                   -- counts of two samples of one law, over clocks of like rates
      local a, b = alias.counts[1], heap.counts[1]
      claim:above("alias and heap agree in law: p of the difference of their counts", tail(((a - b)^2 / (a + b)):sum(), a:size() - 1), 1e-4)
    end
  end,
}
