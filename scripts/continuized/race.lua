-- A race against the clock, with and without slow links. This is our own experiment on the theme of the paper, not one of its figures.
-- On a torus of n nodes and m edges an edge rings at rate 1/m, but every ninth edge only at `slow` times that. Asynchronous gossip uses each ring as
-- it comes. A synchronous round is over when every edge has rung since the last one: it takes the largest of m independent exponential
-- times, on average m (1 + 1/2 + ... + 1/m) if all are equal and at least m / slow otherwise. So, whatever the slow edges do:
--   mu is at least that of the torus without them, and R at most what it is there (Rayleigh: conductance lowers no eigenvalue and raises no
--   resistance). Hence theta = sqrt(mu / (2 R)) has a positive limit as slow -> 0, and mu / 2 of simple gossip too;
--   the rates of both synchronous methods tend to 0 in proportion to slow.
-- Time is drawn, not activations, and medians, because means at a fixed time are made by rare long gaps. W of the synchronous methods is that of
-- equal rates: they ask each neighbour once a round.
local pg = require "perigee"
local process, moments = pg.process, pg.diag.moments

local goal = 1e-6                                                                    -- energy at which a method has arrived
local methods = { "simple", "heavy_ball", "continuized", "synchronous", "shift_register" }

-- The torus with slow edges (weights: rates of rings), its constants, and those of the torus without the slow edges.
local function setting(p)
  local even = process.graph.torus { p.side, p.side }
  local u, v = even:edges()
  local m, fast, late = even:m(), {}, {}
  for e = 1, m do
    local list = e % 9 == 0 and late or fast
    list[#list + 1] = { u[e], v[e], 1 / m }
  end
  local rates = (pg.arange(1, m + 1) % 9):eq(0):where(p.slow, 1.0) / m
  local g, rest = even:clone(), process.graph.from_edges(fast, { n = even:n() })
  g:weights(rates)
  local R_rest = rest:r_max()
  for _, edge in ipairs(late) do                                                     -- resistance of the rest between the ends of a slow edge
    local d = pg.zeros { even:n() }
    d[edge[1]], d[edge[2]] = 1, -1
    R_rest = math.max(R_rest, d:dot(rest:solve(d)))
  end
  local mu, R = g:spectral_gap(), g:r_max()
  local x0 = pg.full({ even:n() }, -1 / even:n())
  x0[1] = 1 - 1 / even:n()
  return { g = g, even = even, m = m, rates = rates, x0 = x0, mu = mu, R = R, theta = math.sqrt(mu / (2 * R)), gammap = 1 / math.sqrt(2 * mu * R),
    mu_rest = rest:spectral_gap(), theta_rest = math.sqrt(rest:spectral_gap() / (2 * R_rest)), bound = 1 - 1 / even:n() + mu * x0:dot(g:solve(x0)) }
end

-- E of the largest of independent exponential times of these rates, the integral of 1 - prod (1 - e^(-r t)), by the trapezium rule.
local function expected_round(rates)
  local t = pg.linspace(0, 60 / rates:min(), 60001)
  local still = 1 - pg.exp(pg.log1p(-pg.exp(-t:unsqueeze(2) * rates)):sum(2))
  return (still:sum() - (still[1] + still[-1]) / 2) * t[2]
end

return pg.experiment {
  name   = "continuized/race",
  paper  = "our own, on the theme of Even et al., Continuized Accelerations (NeurIPS 2021), section 5",
  claim  = "Slow links stop synchronous gossip, and leave asynchronous gossip, simple or accelerated, at a rate that does not vanish with them.",
  params = { side = 8, slow = 1.0, time = 12000 },
  help   = { side = "of the torus", slow = "rate of every ninth edge over that of the others", time = "of the clock; an ordinary edge rings once in m units" },
  range  = { side = { from = 3 }, slow = { above = 0, to = 1 }, time = { from = 10 } },
  sweep  = { slow = { 1.0, 0.1, 0.01 } },
  seeds  = 400, batched = true, quick = { seeds = 40, time = 8000 }, full = { side = 16, seeds = 1000, time = 200000 },

  run = function(p, rng, log)
    local s = setting(p)
    local times = pg.arange(0, 301) * (p.time / 300)
    local energy = {}
    for _, method in ipairs { "simple", "heavy_ball", "continuized" } do
      energy[method] = process.gossip(rng:stream "clock", s.g, s.x0, { method = method, theta = s.theta, gammap = s.gammap, times = times })
    end
    local rounds = math.ceil(p.time / s.m)                                           -- no round takes less, on average, than one ring of an edge
    local lengths = (rng:stream "rounds":exponential { rounds, s.m } / s.rates):max(3)
    local ends = lengths:cumsum(2)                                                   -- (replicas, rounds)
    local plain = process.gossip_rounds(s.even, s.x0, { rounds = rounds })
    local shift = process.gossip_rounds(s.even, s.x0, { rounds = rounds, shift_register = true })
    local gap = pg.series(methods)
    local late = {}
    for i in ipairs(methods) do late[i] = pg.zeros { p.replicas } end
    for j in log:progress(#times) do
      local done = ends:le(times[j]):sum(2) + 1
      local now = { energy.simple[j], energy.heavy_ball[j], energy.continuized[j], plain[done], shift[done] }
      for i in ipairs(methods) do late[i] = pg.where(now[i]:gt(goal), times[j], late[i]) end
      gap:add(times[j], table.unpack(now))
    end
    local result = { gap = gap, round = lengths:mean(2), mu = s.mu, mu_rest = s.mu_rest, theta = s.theta, theta_rest = s.theta_rest }
    for i, method in ipairs(methods) do result[method] = late[i] end                 -- the last time looked at when the energy was above the goal
    return result
  end,

  report = function(rows, out)
    local panels = { file = "race" }
    for p, part in rows:each() do
      local y = {}
      for i, method in ipairs(methods) do y[i] = { "gap." .. method, center = "median", label = (method:gsub("_", " ")) } end
      panels[#panels + 1] = { part, x = "time", y = y, title = ("every ninth edge at %g of the rate"):format(p.slow), ylog = true, yrange = { 1e-16, 2 },
        xlabel = "time $t$", ylabel = "median energy about the average" }
    end
    out:panels(panels)
    out:table(rows, { "slow", "mu", "theta", "round", "simple", "heavy_ball", "continuized", "synchronous", "shift_register" })
  end,

  check = function(rows, claim)
    local arrival = {}
    for p, part in rows:each() do
      local s, name = setting(p), ("slow %g"):format(p.slow)
      local n = #part.round
      claim:above(name .. ", mu over that without the slow edges", s.mu / s.mu_rest, 1, { slack = 1e-9, why = "Rayleigh" })
      claim:above(name .. ", theta over that without the slow edges", s.theta / s.theta_rest, 1, { slack = 1e-9, why = "Rayleigh" })
      claim:near(name .. ", mean length of a round", part.round:mean(), expected_round(s.rates), { se = part.round:std() / math.sqrt(n) })
      if p.slow == 1 then claim:near("slow 1, m (1 + ... + 1/m)", expected_round(s.rates), s.m * (1 / pg.arange(1, s.m + 1)):sum(), { rel = 1e-4 }) end
      local horizon = math.min(p.time, 8000)                                         -- exact means cost O(n m) an event
      local fast = moments.gossip { graph = s.g, x0 = s.x0, theta = s.theta / s.rates:sum(), gammap = s.gammap }      -- of one event in unit time
      claim:below(name .. ", E[e^(theta T_k) |x_k|^2] over its bound, at its highest", fast:weighted(pg.arange(0, 21) * (horizon // 20)):max() / s.bound, 1, { why = "theorem, at jumps" })
      local j = math.floor(horizon / 3 / part.gap.x[2]) + 1
      local slow_mean = moments.gossip { graph = s.g, x0 = s.x0 }:at_time(part.gap.x[j] * s.rates:sum())
      claim:near(("%s, simple gossip at t = %g, mean"):format(name, part.gap.x[j]), part.gap:mean "simple"[j], slow_mean, { se = part.gap:stderr "simple"[j] })
      arrival[p.slow] = part
    end
    local even, slow = arrival[1.0], arrival[0.01]
    if not (even and slow) then return end
    local function median(part, method) return part[method]:median() end
    for _, rate in ipairs { "mu", "theta" } do
      local method = rate == "mu" and "simple" or "continuized"
      local limit = even[rate][1] / even[rate .. "_rest"][1]
      claim:below(("%s, arrival at slow 0.01 over that at slow 1"):format(method), median(slow, method) / median(even, method), limit, { why = "ratio of the rates" })
    end
    for _, c in ipairs { { 0.01, "continuized", "shift_register" }, { 0.01, "simple", "synchronous" }, { 1.0, "continuized", "simple" }, { 1.0, "continuized", "shift_register" } } do
      claim:below(("slow %g, arrival of %s over that of %s"):format(table.unpack(c)), median(arrival[c[1]], c[2]) / median(arrival[c[1]], c[3]), 1)
    end
  end,
}
