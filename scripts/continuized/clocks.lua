-- Superposed Poisson clocks: m clocks of rates w_i ring as one clock of rate W = sum w_i, whose events belong to clock i with
-- probability w_i / W, independently. So gaps are exponential, N events take the time N / W, and counts are multinomial.
-- Drawn by an alias table in O(1) an event. Even et al., Continuized Accelerations (NeurIPS 2021): the clocks of gossip.
local pg = require "perigee"
local process = pg.process

return pg.experiment {
  name   = "continuized/clocks",
  paper  = "Even et al., Continuized Accelerations (NeurIPS 2021), the clocks of section 5",
  claim  = "A superposition of Poisson clocks rings at the right times, and each clock at its own rate.",
  params = { m = 1000, events = 1000000 },
  help   = { m = "number of clocks, of rates uniform on (1/2, 3/2)", events = "events drawn" },
  range  = { m = { from = 2 }, events = { from = 1000 } },
  quick  = { events = 200000 }, full = { m = 100000, events = 10000000 },

  run = function(p, rng, log)
    local w = 0.5 + rng:stream("rates"):uniform { p.m }
    local W, N = w:sum(), p.events
    local clock = process.poisson(rng:stream "clock", { rates = w })
    local times, which, gaps = clock:next_batch(N)

    local expected = N * w / W                                                                -- counts
    local counts = pg.zeros { p.m }:scatter_add(which, pg.ones { N })
    local chi2 = ((counts - expected)^2 / expected):sum()
    local h = 2 / (9 * (p.m - 1))                                                             -- Wilson and Hilferty
    local p_counts = pg.normal_cdf((1 - h - (chi2 / (p.m - 1))^(1 / 3)) / math.sqrt(h))

    local u = (-pg.expm1(-W * gaps)):sort()                                                   -- uniform if gaps are exponential
    local i = pg.arange(1, N + 1)
    local D = math.max((i / N - u):max(), (u - (i - 1) / N):max()) * math.sqrt(N)             -- Kolmogorov and Smirnov
    local j = pg.arange(1, 101)
    local p_gaps = (2 * (2 * (j % 2) - 1) * pg.exp(-2 * D^2 * j^2)):sum()

    local again, same = process.poisson(rng:stream "clock", { rates = w }), true
    for k, t, index, dt in again:take(5000) do same = same and t == times[k] and index == which[k] and dt == gaps[k] end

    local seconds = pg.system.clock()
    clock:next_batch(N)
    log:note("%.1f ns an event", (pg.system.clock() - seconds) / N * 1e9)
    return { rate = N / times[N] / W, chi2 = chi2, p_counts = p_counts, ks = D, p_gaps = p_gaps, same = same, counts = counts, rates = w,
             gaps = gaps[{ { 1, math.min(N, 100000) } }] * W }
  end,

  report = function(rows, out)
    local x = pg.linspace(0, 8, 200)
    out:panels { file = "clocks",
      { kind = "histogram", x = rows.gaps[1], bins = pg.linspace(0, 8, 65), density = true, ylog = true, label = "gaps drawn", title = "gaps",
        xlabel = "gap times total rate", ylabel = "density", pg.plot.line { x = x, y = pg.exp(-x), label = "$e^{-x}$" } },
      { kind = "scatter", x = rows.rates[1], y = rows.counts[1] * rows.rates[1]:sum() / rows.counts[1]:sum(), diagonal = true, title = "rates",
        xlabel = "rate of a clock", ylabel = "its events in unit time" } }
    out:table(rows, { "rate", "chi2", "p_counts", "ks", "p_gaps" })
  end,

  check = function(rows, claim)
    local p = rows.blocks[1].params
    claim:near("events in the time N / W, relative", rows.rate[1], 1, { abs = 4 * math.max(1e-3, 1 / math.sqrt(p.events)), why = "4 standard deviations of a Gamma(N) time" })
    claim:above("p of the counts of the clocks", rows.p_counts[1], 1e-4)
    claim:above("p of the gaps being exponential", rows.p_gaps[1], 1e-4)
    claim:equal("one by one and in batches the same events", rows.same[1], 1)
  end,
}
