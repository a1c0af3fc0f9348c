-- gossip_test.lua: averaging on graphs from Lua: shapes, agreement with a loop over the clock's events, rounds, misuse.
local pg = require "perigee"
local process, graph = pg.process, pg.process.graph

local function indicator(n)
  local x = pg.full({ n }, -1 / n)
  x[1] = 1 - 1 / n
  return x
end

test("records have the shapes (records, streams) and (records, kept, nodes)", function(t)
  local energy, when = process.gossip(pg.rng(1):block("run", 5), graph.cycle(6), indicator(6), { events = { 0, 10, 20 } })
  t.equal(energy:dims(), { 3, 5 })
  t.near(energy[1], pg.full({ 5 }, 5 / 6), 1e-15)
  t.near(when[1], pg.zeros { 5 }, 0)
  t.ok((when[3] - when[2]):min() > 0)
  local _, count, x, z = process.gossip(pg.rng(1):block("run", 5), graph.cycle(6), indicator(6), { times = pg.tensor { 3.5, 40 }, keep = 2 })
  t.equal(x:dims(), { 2, 2, 6 })
  t.near(x, z, 0)
  t.ok(count[2]:min() > 15 and count[2]:max() < 75, "%s", count[2])                        -- Poisson of mean 40, five standard deviations
end)

test("continuized gossip is the loop of the paper over the clock's events", function(t)
  local n = 12
  local g, x0 = graph.line(n), indicator(n)
  local mu, R = g:spectral_gap(), g:r_max()
  local theta, gammap = math.sqrt(mu / (2 * R)), 1 / math.sqrt(2 * mu * R)
  local opt = { method = "continuized", theta = theta, gammap = gammap, events = { 800 }, keep = 1 }
  local energy, when, kept, partner = process.gossip(pg.rng(4):block("run", 3), g, x0, opt)
  local u, v = g:edges()
  local x, z, last = {}, {}, {}
  for i = 1, n do x[i], z[i], last[i] = x0[i], x0[i], 0 end
  local function mix(i, now)
    local c = -pg.expm1(-2 * theta * (now - last[i])) / 2
    x[i], z[i], last[i] = x[i] + c * (z[i] - x[i]), z[i] + c * (x[i] - z[i]), now
  end
  local T
  for _, now, e in process.poisson(pg.rng(4):block("run", 3):row(1), { rates = g:weights() }):take(800) do
    local a, b = u[e], v[e]
    mix(a, now)
    mix(b, now)
    local d = x[a] - x[b]
    x[a], x[b], z[a], z[b] = x[a] - d / 2, x[b] + d / 2, z[a] - gammap * d, z[b] + gammap * d
    T = now
  end
  for i = 1, n do mix(i, T) end
  t.equal(when[1][1], T)
  t.near(kept[1][1], pg.tensor(x), 1e-14)
  t.near(partner[1][1], pg.tensor(z), 1e-14)
  t.near(energy[1][1] / (pg.tensor(x)^2):sum(), 1, 1e-10)
end)

test("rounds: both orders until the energy is 1e-6", function(t)
  local g = graph.grid { 8, 8 }
  for shift, want in pairs { [false] = 140, [true] = 28 } do
    local energy, values = process.gossip_rounds(g, indicator(64), { rounds = 150, shift_register = shift, values = true })
    t.equal(energy:dims(), { 151 })
    t.equal(values:dims(), { 151, 64 })
    t.ok(energy[want] > 1e-6 and energy[want + 1] <= 1e-6)                                  -- the first entry is the start
    t.near(values:sum(2), pg.zeros { 151 }, 1e-14)
  end
end)

test("misuse is named", function(t)
  local g, x, b = graph.line(3), indicator(3), pg.rng(1):block("run", 2)
  t.fails(function() process.gossip(b, g, x, {}) end, "give either events or times")
  t.fails(function() process.gossip(b, g, x, { events = { 1 }, times = { 1 } }) end, "give either events or times")
  t.fails(function() process.gossip(b, g, x, { events = { 1.5 } }) end, "events must be integers, got 1.5")
  t.fails(function() process.gossip(b, g, x, { events = { 1 }, method = "continuised" }) end, "got 'continuised' %(did you mean 'continuized'%?%)")
  t.fails(function() process.gossip(b, g, x, { events = { 1 }, method = "continuized", gammap = 1 }) end, "continuized needs theta")
  t.fails(function() process.gossip(b, g, x, { events = { 1 }, tetha = 1 }) end, "unknown option 'tetha'")
  t.fails(function() process.gossip(b, g, pg.ones { 4 }, { events = { 1 } }) end, "x0 must have the shape %(3%) or %(2, 3%), got %(4%)")
  t.fails(function() process.gossip_rounds(g, x, {}) end, "rounds must be an integer >= 0")
end)
