-- Gossip: the nodes of a graph find the average of their numbers by meeting in pairs, whenever the clock of an edge rings (rate P_e, one
-- event expected in unit time). It is least squares with the random row a = e_v - e_w: H is the Laplacian of conductances P, with smallest
-- non-zero eigenvalue mu; R^2 = 2; kappa is R, the largest effective resistance of an edge. With sum P_e R_e = n - 1:
--   simple       both ends take their mean:  E |x_t - mean|^2 <= e^(-mu t / 2) |x_0 - mean|^2
--   continuized  theta = sqrt(mu / (2 R)), gamma = 1/2, gamma' = 1 / sqrt(2 mu R):
--                E |x_t - mean|^2 <= (|x_0 - mean|^2 + mu |x_0 - mean|^2_(L^+)) e^(-theta t), and no node knows how many events there were.
-- On lines and cycles the rates are of order n^-3 and n^-2; on complete graphs there is nothing to gain. At first the accelerated method is
-- *worse*. Beside it: heavy ball (beta = 0.4, which needs a global counter), and synchronous gossip, plain and as a shift register, one round of
-- which costs as many activations as there are edges; which of these the paper draws is not established. x_0 is 1 at node 1, an end of the line, a
-- corner of the grid, the centre of the star. Means at fixed k; in time they are made by rare long gaps.
-- Even, Berthier, Bach, Flammarion, Gaillard, Hendrikx, Massoulie, Taylor (NeurIPS 2021), section 5.
local pg = require "perigee"
local process, moments = pg.process, pg.diag.moments

local builders = {}
for _, name in ipairs { "line", "cycle", "complete", "star" } do builders[name] = function(p) return process.graph[name](p.n) end end
for _, name in ipairs { "grid", "torus" } do builders[name] = function(p) return process.graph[name] { p.side, p.side } end end

-- The graph with its constants and options of both methods, x_0 less its average.
local function setting(p)
  local g = builders[p.graph](p)
  local n, mu, R = g:n(), g:spectral_gap(), g:r_max()
  local x0 = pg.full({ n }, -1 / n)
  x0[1] = 1 - 1 / n
  local theta, gammap = math.sqrt(mu / (2 * R)), 1 / math.sqrt(2 * mu * R)
  return { g = g, n = n, mu = mu, R = R, x0 = x0, theta = theta, gammap = gammap, bound = 1 - 1 / n + mu * x0:dot(g:solve(x0)),
    simple = moments.gossip { graph = g, x0 = x0 }, accelerated = moments.gossip { graph = g, x0 = x0, theta = theta, gammap = gammap } }
end

-- The event loops as the paper has them, one event at a time: what process.gossip does in C. Energies (records, replicas).
local function plain_loop(clocks, s, method, ks)
  local u, v = s.g:edges()
  local replicas = #clocks
  local energy = pg.zeros { #ks, replicas }
  for r = 1, replicas do
    local x, z, last, j = {}, {}, {}, 1
    for i = 1, s.n do x[i], z[i], last[i] = s.x0[i], s.x0[i], 0 end
    local function mix(i, t)
      local c = method == "continuized" and -pg.expm1(-2 * s.theta * (t - last[i])) / 2 or 0
      x[i], z[i], last[i] = x[i] + c * (z[i] - x[i]), z[i] + c * (x[i] - z[i]), t
    end
    local before = pg.tensor(x)
    local function record(k, t)
      for i = 1, s.n do mix(i, t) end
      while j <= #ks and ks[j] == k do energy[j][r], j = (pg.tensor(x)^2):sum(), j + 1 end
    end
    record(0, 0)
    for k, t, e in process.poisson(clocks:row(r), { rates = s.g:weights() }):take(ks[-1]) do
      local a, b, now = u[e], v[e], method == "heavy_ball" and pg.tensor(x)
      mix(a, t)
      mix(b, t)
      local d = x[a] - x[b]
      x[a], x[b], z[a], z[b] = x[a] - d / 2, x[b] + d / 2, z[a] - s.gammap * d, z[b] + s.gammap * d
      if now then                                                                 -- every node keeps its momentum
        for i = 1, s.n do x[i] = x[i] + 0.4 * (now[i] - before[i]) end
        before = now
      end
      if j <= #ks and ks[j] == k then record(k, t) end
    end
  end
  return energy
end

local function energies(clocks, s, method, ks, engine)
  if engine == "lua" then return plain_loop(clocks, s, method, ks) end
  return (process.gossip(clocks, s.g, s.x0, { method = method, theta = s.theta, gammap = s.gammap, events = ks }))
end

-- The first record from which on the mean of a is below that of b; nil if it never is.
local function crossing(k, a, b)
  local i = #k
  while i > 0 and a[i] < b[i] do i = i - 1 end
  return i < #k and k[i + 1] or nil
end

return pg.experiment {
  name   = "continuized/gossip",
  paper  = "Even et al., Continuized Accelerations (NeurIPS 2021), section 5",
  claim  = "Asynchronous gossip is accelerated without a global counter: from 1 / mu to sqrt(R / mu) activations.",
  params = { graph = "line", n = 30, side = 8, time = 4000, engine = "c", exact = true },
  help   = { graph = "which", n = "nodes of a line, cycle, star or complete graph", side = "of a grid or torus", time = "activations, at one in unit time",
    engine = "c: the library's event loop; lua: the same loop in the script", exact = "also the exact means, by moment equations" },
  choices = { graph = { "line", "cycle", "grid", "torus", "complete", "star" }, engine = { "c", "lua" } },
  range  = { n = { from = 3 }, side = { from = 2 }, time = { from = 10 } },
  sweep  = { graph = { "line", "grid" } },
  seeds  = 1000, batched = true, quick = { time = 1000, seeds = 100 }, full = { n = 100, side = 30, time = 200000, exact = false },

  run = function(p, rng, log)
    local s = setting(p)
    local ks = pg.arange(0, 201) * p.time // 200                                               -- the events after which to look
    local m = s.g:m()
    local fast = energies(rng:stream "clock", s, "continuized", ks, p.engine)                  -- (records, replicas); the same events for all
    local slow = energies(rng:stream "clock", s, "simple", ks, p.engine)
    local heavy = energies(rng:stream "clock", s, "heavy_ball", ks, p.engine)
    local rounds = p.time // m
    local plain, shift = process.gossip_rounds(s.g, s.x0, { rounds = rounds }), process.gossip_rounds(s.g, s.x0, { rounds = rounds, shift_register = true })
    local exact, slow_exact = ks * (0 / 0), ks * (0 / 0)
    if p.exact then exact, slow_exact = s.accelerated:at_jumps(ks), s.simple:at_jumps(ks) end
    local gap = pg.series { "continuized", "simple", "heavy_ball", "plain_rounds", "shift_register", "exact", "simple_exact", "bound" }
    for j in log:progress(#ks) do
      local round = ks[j] // m + 1
      gap:add(ks[j], fast[j], slow[j], heavy[j], plain[round], shift[round], exact[j], slow_exact[j], s.bound * (1 + s.theta)^-ks[j])
    end
    return { gap = gap, final = fast[-1], simple = slow[-1], mu = s.mu, r_max = s.R, sum_PR = s.g:weights():dot(s.g:effective_resistances()), theta = s.theta,
      gammap = s.gammap }
  end,

  report = function(rows, out)
    local panels = { file = "energies" }
    for p, part in rows:each() do
      local gap = part.gap
      local k = crossing(gap.x, gap:mean "continuized", gap:mean "simple")
      panels[#panels + 1] = { part, x = "k", title = ("%s, %d nodes"):format(p.graph, builders[p.graph](p):n()), ylog = true, xlabel = "activations $k$",
        ylabel = "energy $|x_k|^2$ about the average, mean of runs", vline = k and { k, label = "from here below simple gossip" } or nil,
        y = { { "gap.simple", label = "simple" }, { "gap.heavy_ball", label = "heavy ball" }, { "gap.continuized", label = "continuized", band = "10-90" },
              { "gap.plain_rounds", label = "synchronous" }, { "gap.shift_register", label = "shift register" },
              { "gap.bound", label = "bound", dash = "dotted" }, p.exact and { "gap.exact", label = "continuized, exact mean", dash = "dashed" } or nil } }
    end
    out:panels(panels)
    for p in rows:each() do                                                                    -- one run of either method
      local s, pictures, ks = setting(p), {}, pg.tensor({ 0, p.time // 40, p.time // 10, p.time // 2 }, "i64")
      for _, method in ipairs { "simple", "continuized" } do
        local energy, _, x = process.gossip(pg.rng(1):block("picture", 1), s.g, s.x0, { method = method, theta = s.theta, gammap = s.gammap, events = ks, keep = 1 })
        for j = 1, #ks do
          pictures[#pictures + 1] = { title = ("%s, k = %d, energy %.2g"):format(method, ks[j], energy[j][1]), pg.plot.graph { graph = s.g, values = x[j][1] } }
        end
      end
      out:figure { file = "nodes_" .. p.graph, columns = 4, panels = pictures }
    end
    out:table(rows, { "graph", "mu", "r_max", "sum_PR", "theta", "gammap", "final", "simple" })
  end,

  check = function(rows, claim)
    for p, part in rows:each() do
      local gap, s, name, ks = part.gap, setting(p), p.graph, part.gap.x
      claim:near(name .. ", sum of P_e R_e", part.sum_PR[1], s.n - 1, { rel = 1e-9 })
      if p.exact then
        for _, c in ipairs { { "continuized", "exact" }, { "simple", "simple_exact" } } do
          for _, k in ipairs { 200, 500, 1000 } do                                               -- later, few seeds make the mean
            local j = k * 200 // p.time + 1
            if k <= p.time and ks[j] == k then
              claim:near(("%s, %s at k = %d, simulated"):format(name, c[1], k), gap:mean(c[1])[j], gap:column(c[2])[j], { se = gap:stderr(c[1])[j] })
            end
          end
        end
        claim:below(name .. ", E[e^(theta T_k) |x_k|^2] at its highest over the bound", s.accelerated:weighted(ks):max() / s.bound, 1, { why = "theorem, at jumps" })
        claim:below(name .. ", simple gossip over (1 - mu / 2)^k at its highest", (gap:column "simple_exact" / (1 - 1 / s.n) * (1 - s.mu / 2)^-ks):max(), 1, { slack = 1e-9 })
      end
      local k = crossing(ks, gap:mean "continuized", gap:mean "simple")
      claim:holds(name .. ", continuized is worse at first and better in the end", k ~= nil and k > ks[2] and gap:mean "continuized"[2] > gap:mean "simple"[2])
    end
  end,
}
