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

-- The graph, its nodes coloured by x: blue below the average, red above, in steps of the root of |x| over the largest.
local function picture(g, x, title)
  local at, edges, shade = g:layout(), { x = {}, y = {}, color = "grey", width = 0.5 }, (pg.sign(x) * pg.sqrt(pg.abs(x) / pg.abs(x):max()) * 3 + 4):round()
  local u, v = g:edges()
  for e = 1, g:m() do
    for i, node in ipairs { u[e], v[e] } do edges.x[3 * e - 3 + i], edges.y[3 * e - 3 + i] = at[node][1], at[node][2] end
    edges.x[3 * e], edges.y[3 * e] = 0 / 0, 0 / 0                                          -- lifts the pen
  end
  local panel = { title = title, legend = false, pg.plot.line(edges) }
  for step, color in ipairs(pg.plot.palette.maps.diverging) do
    local who = shade:eq(step)
    local some = { x = at[{ {}, 1 }]:masked_select(who), y = at[{ {}, 2 }]:masked_select(who), color = ("#%06X"):format(color), marker = 7, size = 2, alpha = 1 }
    if #some.x > 0 then panel[#panel + 1] = pg.plot.scatter(some) end
  end
  return panel
end

-- { graph, n or side, mu, R }: closed forms, and two grids of the independent computation.
local pi = math.pi
local constants = {
  { "line", 30, (2 - 2 * math.cos(pi / 30)) / 29, 29 }, { "cycle", 30, (2 - 2 * math.cos(2 * pi / 30)) / 30, 29 }, { "complete", 20, 2 / 19, 19 },
  { "star", 20, 1 / 19, 19 }, { "torus", 6, (2 - 2 * math.cos(2 * pi / 6)) / 72, 35 }, { "grid", 15, 1.04059044e-4, 293.020436 },
  { "grid", 8, 1.35929406e-3, 78.1582458 } }
-- { graph, n, k, continuized, simple }: exact means
local exact_means = {
  { "line", 10, { 20, 50, 100, 200, 400 }, { .33476048, .11315180, 1.99706465e-2, 5.9925677e-4, 4.6922961e-7 },
    { .33166526, .15253784, 7.3086184e-2, 2.3512170e-2, 2.6762512e-3 } },
  { "line", 30, { 500, 1000, 2000, 4000 }, { 6.855808e-2, 9.133505e-3, 1.956702e-4, 6.114708e-8 }, { 1.045440e-1, 6.337835e-2, 3.481198e-2, 1.491721e-2 } },
  { "grid", 8, { 1000, 2000, 4000 }, { 3.363017e-3, 2.326801e-5, 9.193647e-10 }, { 2.136098e-2, 4.494505e-3, 2.795381e-4 } } }
local rounds_needed = { { "line", 30, 1012, 75 }, { "grid", 8, 140, 28 }, { "cycle", 30, 264, 38 } }

-- { name, a graph, the same larger, exponents in n of the rates mu / 2 and theta }: -3 and -2, on tori of D axes -1 - 2/D and -1 - 1/D
local function orders()
  local make = process.graph
  return { { "line", make.line(50), make.line(100), -3, -2 }, { "cycle", make.cycle(50), make.cycle(100), -3, -2 },
    { "torus, 2 axes", make.torus { 16, 16 }, make.torus { 32, 32 }, -2, -3 / 2 }, { "torus, 3 axes", make.torus { 8, 8, 8 }, make.torus { 12, 12, 12 }, -5 / 3, -4 / 3 },
    { "complete", make.complete(50), make.complete(100), -1, -1 } }
end

local function named(graph, size) return setting { graph = graph, n = size, side = size } end

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
        ylabel = "energy $|x_k|^2$ about the average, mean of runs", vline = k and { k, label = "from here on less than simple gossip" } or nil,
        y = { { "gap.simple", label = "simple" }, { "gap.heavy_ball", label = "heavy ball" }, { "gap.continuized", label = "continuized", band = "10-90" },
              { "gap.plain_rounds", label = "synchronous" }, { "gap.shift_register", label = "shift register" },
              { "gap.bound", label = "bound", dash = "dotted" }, p.exact and { "gap.exact", label = "continuized, exact mean", dash = "dashed" } or nil } }
    end
    out:panels(panels)
    for p in rows:each() do                                                                    -- one run of either method
      local s, pictures, ks = setting(p), {}, pg.tensor({ 0, p.time // 40, p.time // 10, p.time // 2 }, "i64")
      for _, method in ipairs { "simple", "continuized" } do
        local energy, _, x = process.gossip(pg.rng(1):block("picture", 1), s.g, s.x0, { method = method, theta = s.theta, gammap = s.gammap, events = ks, keep = 1 })
        for j = 1, #ks do pictures[#pictures + 1] = picture(s.g, x[j][1], ("%s, k = %d, energy %.2g"):format(method, ks[j], energy[j][1])) end
      end
      out:figure { file = "nodes_" .. p.graph, columns = 4, panels = pictures }
    end
    out:table(rows, { "graph", "mu", "r_max", "sum_PR", "theta", "gammap", "final", "simple" })
  end,

  check = function(rows, claim)
    for p, part in rows:each() do
      local gap, s, name = part.gap, setting(p), p.graph
      local ks = gap.x
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
    for _, c in ipairs(constants) do
      local s = named(c[1], c[2])
      local name = ("%s %d: "):format(c[1], c[2])
      local rel = c[1] == "grid" and 1e-8 or 1e-10
      claim:near(name .. "mu", s.mu, c[3], { rel = rel })
      claim:near(name .. "R", s.R, c[4], { rel = rel })
      claim:near(name .. "sum of P_e R_e", s.g:weights():dot(s.g:effective_resistances()), s.n - 1, { rel = 1e-9 })
    end
    for _, o in ipairs(orders()) do
      local function rates(g) return g:spectral_gap() / 2, math.sqrt(g:spectral_gap() / (2 * g:r_max())), g:n() end
      local slow, fast, n = rates(o[2])
      local slower, faster, larger = rates(o[3])
      claim:near(o[1] .. ", exponent of the rate of simple gossip", math.log(slower / slow) / math.log(larger / n), o[4], { abs = 0.04, why = "finite sizes" })
      claim:near(o[1] .. ", exponent of the rate of continuized gossip", math.log(faster / fast) / math.log(larger / n), o[5], { abs = 0.04, why = "finite sizes" })
    end
    for _, e in ipairs(exact_means) do
      local s = named(e[1], e[2])
      local fast, slow = s.accelerated:at_jumps(e[3]), s.simple:at_jumps(e[3])
      for j, k in ipairs(e[3]) do
        claim:near(("%s %d, exact mean at k = %d, continuized"):format(e[1], e[2], k), fast[j], e[4][j], { rel = 1e-5 })
        claim:near(("%s %d, exact mean at k = %d, simple"):format(e[1], e[2], k), slow[j], e[5][j], { rel = 1e-5 })
      end
    end
    local thirty = named("line", 30)
    claim:near("line 30, exact mean at k = 200, continuized", (thirty.accelerated:at_jump(200)), .25121, { abs = 5e-6, why = "worse at first" })
    claim:near("line 30, exact mean at k = 200, simple", (thirty.simple:at_jump(200)), .19156, { abs = 5e-6 })
    local ten, ks = named("line", 10), { 20, 50, 100, 200 }
    local runs = energies(pg.rng(1):block("line 10", 20000), ten, "continuized", pg.tensor(ks), "c")
    for j, k in ipairs(ks) do
      claim:near(("line 10, 20000 runs at k = %d"):format(k), runs[j]:mean(), ten.accelerated:at_jump(k), { se = runs[j]:std() / math.sqrt(20000) })
    end
    for _, c in ipairs(rounds_needed) do
      local s = named(c[1], c[2])
      for i, shift in ipairs { false, true } do
        local e = process.gossip_rounds(s.g, s.x0, { rounds = 1200, shift_register = shift })
        claim:equal(("%s %d, rounds of %s until the energy is 1e-6"):format(c[1], c[2], shift and "the shift register" or "plain gossip"), e:gt(1e-6):sum(), c[i + 2])
      end
    end
    local every = pg.arange(0, 2001)
    local _, _, x, z = process.gossip(pg.rng(1):block("sums", 1), thirty.g, pg.linspace(0, 1, 30),
      { method = "continuized", theta = thirty.theta, gammap = thirty.gammap, events = every, keep = 1 })
    claim:below("line 30, sum of x off its start, any event, nodes at one time", pg.abs(x:sum(3) - 15):max(), 30e-12)
    claim:below("line 30, sum of x + z off its start, any event", pg.abs((x + z):sum(3) - 30):max(), 30e-12)
    local full = named("complete", 20)
    local opt = { method = "continuized", theta = full.theta, gammap = full.gammap, events = every, keep = 1 }
    local _, _, a, b = process.gossip(pg.rng(1):block("complete", 1), full.g, full.x0, opt)
    opt.method = "simple"
    local _, _, c = process.gossip(pg.rng(1):block("complete", 1), full.g, full.x0, opt)
    claim:below("complete 20, x and z apart, any event", pg.abs(a - b):max(), 1e-12, { why = "gamma' = gamma: no gain" })
    claim:below("complete 20, continuized and simple apart, same events", pg.abs(a - c):max(), 1e-12)
  end,
}
