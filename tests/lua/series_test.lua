-- Series: curves recorded point by point, their statistics over replicas, and what they refuse.
local pg = require "perigee"

test("series: values come back, past the first block of memory", function(t)
  local s = pg.series()
  for k = 1, 1000 do s:add(k, 1 / k) end
  t.equal(#s, 1000)
  t.equal(s.x, pg.arange(1, 1001):cast "f64")
  t.near(s.value, 1 / s.x, 0)
  t.equal(s:at(700), 1 / 700)
end)

test("series: columns shared and replicated, with mean, error and quantiles over replicas", function(t)
  local s = pg.series { "bound", "gap" }
  for k = 0, 200, 2 do s:add(k, 2.0 * k, pg.tensor { 1.0, 2.0, 3.0, 4.0, 10.0 } * k) end
  t.equal(s:names(), { "bound", "gap" })
  t.equal(s.gap:dims(), { 101, 5 })
  t.equal({ s:replicas "bound", s:replicas "gap" }, { nil, 5 })
  t.near(s:mean "gap", 4 * s.x, 1e-12)
  t.near(s:mean "bound", 2 * s.x, 0)
  t.near(s:stderr "gap", s.x * math.sqrt((9 + 4 + 1 + 0 + 36) / 4 / 5), 1e-11)
  t.near(s:stderr "bound", 0 * s.x, 0)
  t.near(s:quantile(0.9, "gap"), s.x * (4 + 0.6 * 6), 1e-11)                 -- type 7: position 0.9 (5 - 1) = 3.6
  t.near(s:at(6, "gap"), { 6, 12, 18, 24, 60 }, 0)
  t.equal(s:index(6), 4)
end)

test("series: one number of 0 dimensions is shared, one of a single replica is not", function(t)
  local s = pg.series { "a", "b" }
  for k = 1, 3 do s:add(k, pg.sqrt(4.0 * k), pg.full({ 1 }, k)) end
  t.equal(s.a:ndim(), 1)
  t.equal(s.b:dims(), { 3, 1 })
  t.near(s:stderr "b", { 0, 0, 0 }, 0)
end)

test("series: a refused point leaves no trace", function(t)
  local s = pg.series { "a", "b" }
  t.fails(function() s:add(1, 2) end, "series_test.lua:%d+: series: add needs x and 2 values, got 1")
  t.fails(function() s:add(1, 2, "x") end, "column 'b' needs a number or a tensor, got a string")
  t.equal(#s, 0)
  s:add(1, 2, pg.ones { 3 })
  t.fails(function() s:add(2, 2, 5) end, "column 'b' holds 3 replicas a point, got a number")
  t.fails(function() s:add(2, 2, pg.ones { 4 }) end, "holds 3 replicas a point, got 4 replicas")
  t.fails(function() s:add(2, pg.ones { 3 }, pg.ones { 3 }) end, "column 'a' holds a number a point, got 3 replicas")
  s:add(5, 7, 2 * pg.ones { 3 })
  t.equal(s.x, { 1.0, 5.0 })
  t.equal(s.a, { 2.0, 7.0 })
  t.equal(s:mean "b", { 1.0, 2.0 })
end)

test("series: names that do not exist, or cannot", function(t)
  local s = pg.series { "alpha", "beta" }
  s:add(1, 2, 3)
  t.fails(function() return s.alhpa end, "no column 'alhpa' %(did you mean 'alpha'%?%)")
  t.fails(function() return s:mean "zzz" end, "no column 'zzz' %(columns: alpha, beta%)")
  t.fails(function() return s:at(2) end, "no point x = 2")
  t.fails(function() pg.series { "mean" } end, "'?mean'? cannot name a column")
  t.fails(function() pg.series { "x" } end, "cannot name a column")
end)

test("series: an unnamed one takes its width from the first point", function(t)
  local s = pg.series()
  s:add(1, 5, 6)
  t.equal(s:names(), { "value", "value2" })
  t.fails(function() s:add(2, 5) end, "needs x and 2 values, got 1")
end)

test("decay_rate is the factor per unit of x over the tail", function(t)
  local s = pg.series { "e" }
  for k = 0, 100 do s:add(k, (k < 50 and 3 or 1) * 0.9^k) end
  t.near(s:decay_rate { from = 0.5 }, 0.9, 1e-12)
  t.ok(s:decay_rate { from = 0 } < 0.9 - 1e-3, "the head decays otherwise")
  s:add(101, 0)                                                            -- underflow is left out
  t.near(s:decay_rate {}, 0.9, 1e-12)
  local flat = pg.series()
  flat:add(1, -1)
  t.fails(function() flat:decay_rate {} end, "fewer than two positive values")
end)

test("an empty series has no points", function(t)
  local s = pg.series { "a" }
  t.equal(#s, 0)
  t.equal(s.x:dims(), { 0 })
  t.equal(s.a:dims(), { 0 })
end)
