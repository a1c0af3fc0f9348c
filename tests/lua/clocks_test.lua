-- clocks_test.lua: heap, changing, inhomogeneous and Hawkes clocks from Lua: one set of verbs, laws, and functions that raise.
local pg = require "perigee"
local process = pg.process

-- sqrt(n) sup |F_n - F| of variates that should be exponential of mean 1
local function ks(x)
  local n = #x
  local f = -pg.expm1(-x:sort())
  local k = pg.arange(1, n + 1) / n
  return math.sqrt(n) * math.max((k - f):max(), (f - k + 1 / n):max())
end

local function rate(t) return 2 + 1.5 * math.sin(t) end

local makers = {
  poisson = function(seed) return process.poisson(pg.rng(seed), { rates = { 1, 0.5, 2 } }) end,
  heap = function(seed) return process.heap({ 1, 0.5, 2 }, pg.rng(seed)) end,
  changing = function(seed) return process.changing({ 1, 0.5, 2 }, pg.rng(seed)) end,
  inhomogeneous = function(seed) return process.inhomogeneous(pg.rng(seed), { rate = rate, bound = 3.5 }) end,
  hawkes = function(seed) return process.hawkes(pg.rng(seed), { mu = { 0.5, 0.2 }, alpha = { { 0.5, 0.2 }, { 0, 0.4 } }, beta = 1.5 }) end,
}

for name, make in pairs(makers) do
  test(name .. ": next, take, next_batch, until_time and take_until give the same events", function(t)
    local a, b, c, d, e = make(4), make(4), make(4), make(4), make(4)
    local times, index, gaps = a:next_batch(2500)
    t.equal(#times, 2500)
    local seen = 0
    for k, T, i, dt in b:take(2500) do
      seen = seen + 1
      t.ok(k == seen and T == times[k] and i == index[k] and dt == gaps[k])
      local T2, i2, dt2 = c:next()
      t.ok(T == T2 and i == i2 and dt == dt2)
    end
    t.equal(seen, 2500)
    local T = times[1000] + 0.5 * gaps[1001]
    local upto, which, between = d:until_time(T)
    t.equal(#upto, 1000)
    t.equal(upto, times[{ { 1, 1000 } }])
    t.equal(which, index[{ { 1, 1000 } }])
    t.equal(between, gaps[{ { 1, 1000 } }])
    t.equal(d:time(), T)
    t.equal(d:next(), times[1001])
    local last = 0
    for k, at in e:take_until(T) do
      t.ok(at == times[k])
      last = k
    end
    t.equal(last, 1000)
    t.equal({ e:time(), e:count() }, { T, 1000 })
    t.equal(e:state(), make(5):state(e:state()):state())
    t.equal(#e:until_time(0), 0) -- in the past: nothing, and no step back
    t.equal(e:time(), T)
    t.near(gaps:sum(), times[-1], 1e-9 * times[-1])
    t.fails(function() e:until_time(math.huge) end, "must be finite")
    t.fails(function() e:take_until(0 / 0) end, "must be finite")
    t.ok(tostring(e):find "1000 events", tostring(e))
  end)
end

test("rates that change while a loop runs: a clock that is switched off falls silent, its events are those of its rate", function(t)
  for _, kind in ipairs { "heap", "changing" } do
    local c = process[kind]({ 1, 1, 1 }, pg.rng(7))
    local count = { 0, 0, 0 }
    for _, at, i in c:take_until(30000) do
      count[i] = count[i] + 1
      if at > 10000 then c:set_rate(1, 0) end
      if at > 20000 then c:set_rate(2, 3) end
    end
    t.equal(c:rates(), pg.tensor { 0, 3, 1 })
    t.near(c:rate(), 4, 1e-15)
    t.near(count[1], 10000, 5 * 100)
    t.near(count[2], 50000, 5 * math.sqrt(50000))
    t.near(count[3], 30000, 5 * math.sqrt(30000))
    c:set_rate(2, 0):set_rate(3, 0)
    t.fails(function() c:next() end, kind .. ": there is no next event")
    t.equal(#c:until_time(40000), 0)
    c:set_rate(1, 5)
    t.ok(c:next() > 40000)
  end
end)

test("scheduled events come when they are due", function(t)
  local c = process.heap({ 0, 1 }, pg.rng(1))
  c:schedule(1, 2.5)
  local seen = {}
  for _, at, i in c:take_until(100) do if i == 1 then seen[#seen + 1] = at end end
  t.equal(seen, { 2.5 })
  t.fails(function() c:schedule(1, 3) end, "not before 100")
  t.fails(function() c:schedule(3, 300) end, "the clocks are 1 .. 2, got 3")
  t.fails(function() process.changing({ 1 }, pg.rng(1)):schedule(1, 3) end, "only the clocks of process.heap")
end)

test("inhomogeneous: the integral of the rate between events is exponential, whatever the bound", function(t)
  local function step(at) return 2 + 1.5 * math.sin(at) + 0.4, at + 0.25 end
  for _, bound in ipairs { 3.5, step } do
    local c = process.inhomogeneous(pg.rng(11), { rate = rate, bound = bound })
    local times = c:next_batch(20000)
    local integral = 2 * times + 1.5 * (1 - pg.cos(times))
    t.ok(ks(pg.concatenate { integral[{ { 1, 1 } }], integral[{ { 2, 20000 } }] - integral[{ { 1, 19999 } }] }) < 2.75)
    t.equal(c:state(c:state()):count(), 20000)
  end
end)

test("inhomogeneous: errors of the functions arrive as they were raised, and the clock goes on", function(t)
  local broken, marker = true, {}
  local c = process.inhomogeneous(pg.rng(1), { rate = function() if broken then error(marker) end return 1 end, bound = 2 })
  local ok, err = pcall(c.next, c)
  t.ok(not ok and rawequal(err, marker))
  ok, err = pcall(c.next_batch, c, 5)
  t.ok(not ok and rawequal(err, marker))
  broken = false
  t.ok(c:next() > 0)
  local inner
  inner = process.inhomogeneous(pg.rng(1), { rate = function() return inner:next() end, bound = 2 })
  t.fails(function() inner:next() end, "its rate function cannot use it")
  t.fails(function() process.inhomogeneous(pg.rng(1), { rate = function() return "x" end, bound = 2 }):next() end, "the rate at time .* must be a number, got string")
  t.fails(function() process.inhomogeneous(pg.rng(1), { rate = function() return 3 end, bound = 2 }):next() end, "is 3, above its bound 2")
  t.fails(function() process.inhomogeneous(pg.rng(1), { rate = rate }) end, "option 'bound' must be a number")
  t.fails(function() process.inhomogeneous(pg.rng(1), { bound = 2 }) end, "option 'rate' must be a function")
  t.fails(function() process.inhomogeneous(pg.rng(1), { rate = rate, bound = -1 }):next() end, "the bound at time 0 is %-1")
  local tensors = process.inhomogeneous(pg.rng(1), { rate = function(at) return pg.tensor(1 + math.cos(at) ^ 2) end, bound = 2 })
  t.ok(tensors:next() > 0)
end)

test("Hawkes: mean intensity mu / (1 - alpha / beta), and exponential increments of the compensator", function(t)
  local mu, alpha, beta, T = 0.5, 0.8, 2, 40000
  local c = process.hawkes(pg.rng(3), { mu = mu, alpha = alpha, beta = beta })
  local times = c:until_time(T)
  local mean = mu / (1 - alpha / beta)
  t.near(#times / T, mean, 5 * math.sqrt(mean / T) / (1 - alpha / beta))
  -- Lambda(t_k) - Lambda(t_(k-1)) = mu d + (alpha / beta) (1 - e^(-beta d)) A_k, A_k = 1 + e^(-beta d) A_(k-1)
  local increments, A, last = {}, 0, 0
  for k, at in ipairs(times:tolist()) do
    local d = at - last
    increments[k] = mu * d + alpha / beta * -(math.exp(-beta * d) - 1) * A
    A, last = 1 + math.exp(-beta * d) * A, at
  end
  t.ok(ks(pg.tensor(increments)) < 2.75)
  t.near(c:rates()[1], mu + alpha * A * math.exp(-beta * (T - last)), 1e-9)
  t.fails(function() process.hawkes(pg.rng(1), { mu = 1, alpha = 2, beta = 1 }) end, "causes 2 others on average .* explosive = true permits")
  t.fails(function() process.hawkes(pg.rng(1), { mu = { 1, 2 }, alpha = { 1, 2, 3 }, beta = 1 }) end, "alpha has shape %(3%), which does not fit %(2, 2%)")
  t.fails(function() process.hawkes(pg.rng(1), { mu = 1, alpha = 1 }) end, "option 'beta' is missing")
  t.ok(process.hawkes(pg.rng(1), { mu = 1, alpha = 2, beta = 1, explosive = true }):next_batch(500)[-1] < 50)
end)

test("bad weights are named", function(t)
  t.fails(function() process.heap({ 1, -2 }, pg.rng(1)) end, "process.heap: rate 2 of 2 is %-2; rates must be 0 or positive and finite")
  t.fails(function() process.changing({}, pg.rng(1)) end, "at least one rate")
  t.fails(function() process.poisson(pg.rng(1)):set_rate(1, 2) end, "the rates of this clock are fixed")
  t.fails(function() process.poisson(pg.rng(1)):rates() end, "keeps no list of rates")
  t.fails(function() process.heap({ 1 }, pg.rng(1)):state(process.changing({ 1 }, pg.rng(1)):state()) end, "this is not the state of a heap")
end)
