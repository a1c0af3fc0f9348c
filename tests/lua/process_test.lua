-- process_test.lua: Poisson clocks from Lua: the law of a superposition, against a heap of single clocks as well.
local pg = require "perigee"
local process = pg.process

local function clock(seed, rates) return process.poisson(pg.rng(seed), { rates = rates }) end

-- Pearson's statistic of counts against probabilities, as a standard normal (Wilson and Hilferty).
local function pearson(count, p, n)
  local chi2, df = 0, #p - 1
  for i = 1, #p do chi2 = chi2 + ((count[i] or 0) - n * p[i]) ^ 2 / (n * p[i]) end
  local v = 2 / (9 * df)
  return ((chi2 / df) ^ (1 / 3) - (1 - v)) / math.sqrt(v)
end

-- sqrt(n) sup |F_n - F| of exponential gaps of this rate
local function ks(gaps, rate)
  local n = #gaps
  local f = 1 - pg.exp(-rate * gaps:sort())
  local k = pg.arange(1, n + 1) / n
  return math.sqrt(n) * math.max((k - f):max(), (f - k + 1 / n):max())
end

test("a superposition rings at its total rate and chooses in proportion", function(t)
  local m, n = 200, 200000
  local w = pg.rng(8):uniform({ m }, 0.5, 1.5)
  local times, index, gaps = clock(1, w):next_batch(n)
  t.near(times[-1] / n * w:sum(), 1, 5 / math.sqrt(n))
  local count = {}
  for _, i in ipairs(index:tolist()) do count[i] = (count[i] or 0) + 1 end
  t.ok(math.abs(pearson(count, (w / w:sum()):tolist(), n)) < 5)
  t.ok(ks(gaps, w:sum()) < 2.75)
  t.near(gaps:sum(), times[-1], 1e-9 * times[-1])
  t.near(clock(1, w):rate(), w:sum(), 1e-10)
end)

test("it is the same law as single clocks in a heap of next times", function(t)
  local rates, n, r = { 1, 2, 5 }, 30000, pg.rng(3):stream "heap"
  local due, now, count, gaps = {}, 0, { 0, 0, 0 }, {}
  for i, w in ipairs(rates) do due[i] = r:exponential(w) end
  for k = 1, n do
    local i = due[1] < due[2] and 1 or 2
    if due[3] < due[i] then i = 3 end
    gaps[k], now = due[i] - now, due[i]
    due[i] = now + r:exponential(rates[i])
    count[i] = count[i] + 1
  end
  local _, index, dt = clock(3, rates):next_batch(n)
  local mine = { 0, 0, 0 }
  for _, i in ipairs(index:tolist()) do mine[i] = mine[i] + 1 end
  for i = 1, 3 do t.near(mine[i] - count[i], 0, 5 * math.sqrt(2 * n * rates[i] / 8 * (1 - rates[i] / 8))) end
  t.ok(ks(pg.tensor(gaps), 8) < 2.75)
  t.ok(ks(dt, 8) < 2.75)
  t.near(dt:mean() - pg.tensor(gaps):mean(), 0, 5 * math.sqrt(2 / n) / 8)
end)

test("next, take and next_batch give the same events", function(t)
  local rates = { 0.5, 1, 3 }
  local a, b, c = clock(4, rates), clock(4, rates), clock(4, rates)
  local times, index, gaps = a:next_batch(2500)
  local seen = 0
  for k, T, i, dt in b:take(2500) do
    seen = seen + 1
    t.equal(k, seen)
    t.ok(T == times[k] and i == index[k] and dt == gaps[k])
    local T2, i2, dt2 = c:next()
    t.ok(T == T2 and i == i2 and dt == dt2)
  end
  t.equal(seen, 2500)
  t.equal(b:count(), 2500)
  t.equal(b:time(), times[2500])
  for k, T in b:take(3) do t.ok(k <= 3 and T > times[2500], "take goes on where the clock stands") end
  for _ in b:take(0) do t.ok(false, "nothing to take") end
  local e = a:next_batch(0)
  t.equal(#e, 0)
end)

test("rate alone; superposed is the same clock; each clock of a stream is its own", function(t)
  local r = pg.rng(5)
  local c = r:clone()
  local a, b = process.poisson(r, { rate = 4 }), process.poisson(r)
  t.equal(a:rate(), 4)
  t.equal(b:rate(), 1)
  local T, i, dt = a:next()
  t.ok(T == dt and T > 0 and i == 1)
  t.ok(math.abs(4 * T - b:next()) > 1e-9, "two clocks of one stream must differ")
  local s = process.superposed({ 1, 3 }, c:clone())
  t.equal(s:next(), process.poisson(c:clone(), { rates = { 1, 3 } }):next())
  t.equal(s:state(s:state()):time(), s:time())
  t.equal(process.poisson(c, { rate = 4 }):next(), T, "times do not depend on what is chosen from:")
end)

test("states resume in the middle; others are refused and leave the clock", function(t)
  local a, b = clock(6, { 1, 2 }), clock(7, { 1, 2 })
  a:next_batch(1500)
  local text = a:state()
  b:state(text)
  t.equal(b:count(), 1500)
  t.equal({ b:next_batch(700):tolist() }, { a:next_batch(700):tolist() })
  local other, position = clock(6, { 1, 3 }), b:state()
  t.fails(function() other:state(text) end, "process.state: the state is of a clock with other rates")
  for _, bad in ipairs { "garbage", text:sub(1, -2), text:sub(1, 50), pg.rng(1):state() } do
    t.fails(function() b:state(bad) end, "state: ")
  end
  t.fails(function() b:state((text:gsub("%-2 ", "-1 ", 1))) end, "the state has format 1; this version reads format 2")
  t.equal(b:state(), position)
end)

test("poisson_times: column j is replica j", function(t)
  local r = pg.rng(8)
  local times, gaps = process.poisson_times(r:block("clock", 20), { steps = 400, rate = 2 })
  t.equal(times:dims(), { 400, 20 })
  t.near(gaps:cumsum(1), times:tolist(), 1e-9)
  t.equal(gaps[{ {}, 3 }], r:stream("clock", 3):exponential({ 400 }, 2))
  t.equal(process.poisson_times(r:block("clock", 5), { steps = 400, rate = 2 }), times[{ {}, { 1, 5 } }])
  t.near(times[400]:mean(), 200, 5 * math.sqrt(400 / 20) / 2)
  t.ok(gaps:min() > 0)
end)

test("bad rates are named", function(t)
  local r = pg.rng(1)
  t.fails(function() process.poisson(r, { rates = { 1, 2, -3 } }) end, "rate 3 of 3 is %-3; rates must be positive and finite")
  t.fails(function() process.poisson(r, { rate = 0 }) end, "rate must be positive and finite, got 0")
  t.fails(function() process.poisson(r, { rate = 1, rates = { 1 } }) end, "either rate or rates")
  t.fails(function() process.poisson(r, { rats = { 1 } }) end, "rats.*rate")
  t.fails(function() process.poisson(r, { rates = {} }) end, "process.poisson")
  t.fails(function() process.poisson_times(r:block("c", 2), { steps = -1 }) end, "steps")
  t.fails(function() process.poisson_times(r, { steps = 2 }) end, "block")
end)
