-- Gossip against what is known of it: constants of graphs in closed form, orders in n, exact means, whole rounds, what is conserved.
-- Numbers without a formula come from an independent computation by moment equations.
local pg = require "perigee"
local process, moments = pg.process, pg.diag.moments

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

local builders = {}
for _, name in ipairs { "line", "cycle", "complete", "star" } do builders[name] = function(n) return process.graph[name](n) end end
for _, name in ipairs { "grid", "torus" } do builders[name] = function(n) return process.graph[name] { n, n } end end

-- The graph with its constants; x_0 is 1 at node 1, less its average.
local function named(name, size)
  local g = builders[name](size)
  local n, mu, R = g:n(), g:spectral_gap(), g:r_max()
  local x0 = pg.full({ n }, -1 / n)
  x0[1] = 1 - 1 / n
  local theta, gammap = math.sqrt(mu / (2 * R)), 1 / math.sqrt(2 * mu * R)
  return { g = g, n = n, mu = mu, R = R, x0 = x0, theta = theta, gammap = gammap,
    simple = moments.gossip { graph = g, x0 = x0 }, accelerated = moments.gossip { graph = g, x0 = x0, theta = theta, gammap = gammap } }
end

local function relative(t, value, target, tolerance, ...) t.near(value / target, 1, tolerance, ...) end

test("constants of graphs", function(t)
  for _, c in ipairs(constants) do
    local s = named(c[1], c[2])
    local rel = c[1] == "grid" and 1e-8 or 1e-10
    relative(t, s.mu, c[3], rel, "mu of %s %d", c[1], c[2])
    relative(t, s.R, c[4], rel, "R of %s %d", c[1], c[2])
    relative(t, s.g:weights():dot(s.g:effective_resistances()), s.n - 1, 1e-9, "sum of P_e R_e of %s %d", c[1], c[2])
  end
end)

test("orders of the rates in the number of nodes", function(t)
  local function rates(g) return g:spectral_gap() / 2, math.sqrt(g:spectral_gap() / (2 * g:r_max())), g:n() end
  for _, o in ipairs(orders()) do
    local slow, fast, n = rates(o[2])
    local slower, faster, larger = rates(o[3])
    t.near(math.log(slower / slow) / math.log(larger / n), o[4], 0.04, "simple gossip, %s: finite sizes", o[1])
    t.near(math.log(faster / fast) / math.log(larger / n), o[5], 0.04, "continuized gossip, %s: finite sizes", o[1])
  end
end)

test("exact means at jumps, and 20000 runs within four standard errors of them", function(t)
  for _, e in ipairs(exact_means) do
    local s = named(e[1], e[2])
    local fast, slow = s.accelerated:at_jumps(e[3]), s.simple:at_jumps(e[3])
    for j, k in ipairs(e[3]) do
      relative(t, fast[j], e[4][j], 1e-5, "%s %d, k = %d, continuized", e[1], e[2], k)
      relative(t, slow[j], e[5][j], 1e-5, "%s %d, k = %d, simple", e[1], e[2], k)
    end
  end
  local thirty = named("line", 30)
  t.near((thirty.accelerated:at_jump(200)), .25121, 5e-6, "worse at first")
  t.near((thirty.simple:at_jump(200)), .19156, 5e-6)
  local ten, ks = named("line", 10), { 20, 50, 100, 200 }
  local runs = process.gossip(pg.rng(1):block("line 10", 20000), ten.g, ten.x0, { method = "continuized", theta = ten.theta, gammap = ten.gammap, events = ks })
  for j, k in ipairs(ks) do t.near(runs[j]:mean(), (ten.accelerated:at_jump(k)), 4 * runs[j]:std() / math.sqrt(20000), "k = %d", k) end
end)

test("synchronous rounds until the energy is 1e-6", function(t)
  for _, c in ipairs(rounds_needed) do
    local s = named(c[1], c[2])
    for i, shift in ipairs { false, true } do
      local energy = process.gossip_rounds(s.g, s.x0, { rounds = 1200, shift_register = shift })
      t.equal(energy:gt(1e-6):sum(), c[i + 2], "%s %d, %s", c[1], c[2], shift and "shift register" or "plain")
    end
  end
end)

test("what is conserved at any event, and no gain on the complete graph", function(t)
  local every, thirty, full = pg.arange(0, 2001), named("line", 30), named("complete", 20)
  local _, _, x, z = process.gossip(pg.rng(1):block("sums", 1), thirty.g, pg.linspace(0, 1, 30),
    { method = "continuized", theta = thirty.theta, gammap = thirty.gammap, events = every, keep = 1 })
  t.ok(pg.abs(x:sum(3) - 15):max() < 30e-12, "sum of x, nodes at one time")
  t.ok(pg.abs((x + z):sum(3) - 30):max() < 30e-12, "sum of x + z")
  local opt = { method = "continuized", theta = full.theta, gammap = full.gammap, events = every, keep = 1 }
  local _, _, a, b = process.gossip(pg.rng(1):block("complete", 1), full.g, full.x0, opt)
  opt.method = "simple"
  local _, _, c = process.gossip(pg.rng(1):block("complete", 1), full.g, full.x0, opt)
  t.ok(pg.abs(a - b):max() < 1e-12, "x and z")
  t.ok(pg.abs(a - c):max() < 1e-12, "continuized and simple, same events")
end)
