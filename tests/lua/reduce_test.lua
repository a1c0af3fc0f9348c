-- reduce_test.lua: reductions, running sums and order statistics from Lua: arguments, positions from 1, results as numbers.
local pg = require "perigee"

local function matrix() return pg.tensor { { 3, 1, 2 }, { 6, 5, 4 } } end

--- Rows of random numbers with ties, as a tensor and as nested tables.
local function sample(rows, columns)
  local list, s = {}, 12345
  for i = 1, rows do
    list[i] = {}
    for j = 1, columns do
      s = (s * 1103515245 + 12345) % 2147483648
      list[i][j] = (s // 65536) % 40 / 8 - 2
    end
  end
  return pg.tensor(list), list
end

test("a full reduction is a Lua number, of the right kind", function(t)
  local x = matrix()
  t.equal(x:sum(), 21.0)
  t.equal(math.type(x:cast("i64"):sum()), "integer")
  t.equal(x:mean(), 3.5)
  t.near(x:var(), 3.5, 1e-15)
  t.near(x:var { ddof = 0 }, 35 / 12, 1e-15)
  t.near(x:std(), math.sqrt(3.5), 1e-15)
  t.equal({ x:min(), x:max(), x:prod() }, { 1.0, 6.0, 720.0 })
  t.equal({ x:argmin(), x:argmax() }, { 2, 4 })
  t.equal({ x:gt(2):any(), x:gt(2):all(), x:gt(2):count(), x:gt(2):sum() }, { true, false, 4, 4 })
  t.equal(x:gt(2):mean(), 4 / 6)
  t.equal(pg.sum(x), 21.0)
end)

test("axes count from 1, from -1 backwards, alone or in a list", function(t)
  local x = matrix()
  t.equal(x:sum(1), { 9.0, 6.0, 6.0 })
  t.equal(x:sum(2), { 6.0, 15.0 })
  t.equal(x:sum(-1), x:sum(2):tolist())
  t.equal(x:sum { axis = 1 }, x:sum(1):tolist())
  t.equal(x:sum { axes = { 1, 2 } }, 21.0)
  t.equal(x:sum { -1, 1 }, 21.0)
  t.equal(x:sum { axes = 1, keep = true }, { { 9.0, 6.0, 6.0 } })
  t.equal(x:sum(2, { keep = true }), { { 6.0 }, { 15.0 } })
  t.equal(x:sum { keep = true }, { { 21.0 } })
  t.equal(x:argmax(2), { 1, 1 })
  t.equal(x:argmin { axis = 1, keep = true }, { { 1, 1, 1 } })
  t.equal(x:var(1, { ddof = 0 }), { 2.25, 4.0, 1.0 })
  t.equal(x:max(1), { 6.0, 5.0, 4.0 })
  local y = pg.zeros { 2, 3, 4 }
  t.equal(y:mean { axes = { 1, 3 } }:dims(), { 3 })
  t.equal(y:sum { axes = { 1, 3 }, keep = true }:dims(), { 1, 3, 1 })
end)

test("reductions agree with loops", function(t)
  local x, list = sample(50, 37)
  local sums, total = {}, 0
  for i = 1, 50 do
    sums[i] = 0
    for j = 1, 37 do sums[i] = sums[i] + list[i][j] end
    total = total + sums[i]
  end
  t.near(x:sum(2), sums, 1e-12)
  t.near(x:sum(), total, 1e-11)
  t.near(x:t():sum(1), sums, 1e-12)
  local mean, square = total / 1850, 0
  for i = 1, 50 do
    for j = 1, 37 do square = square + (list[i][j] - mean) ^ 2 end
  end
  t.near(x:var(), square / 1849, 1e-12)
  t.near(x:logsumexp(), math.log(pg.exp(x):sum()), 1e-13)
end)

test("norms and inner products", function(t)
  local v = pg.tensor { 3, -4 }
  t.equal(v:norm(), 5.0)
  t.equal({ v:norm(1), v:norm(math.huge), v:norm(0) }, { 7.0, 4.0, 2.0 })
  t.near(v:norm(3), 91 ^ (1 / 3), 1e-14)
  t.equal(matrix():norm { p = 1, axis = 2 }, { 6.0, 15.0 })
  t.equal(matrix():norm(1, 1), { 9.0, 6.0, 6.0 })
  t.near((v * 1e200):norm(), 5e200, 1e185)
  t.equal(v:dot(v), 25.0)
  local z = pg.complex(v, v)
  t.equal(z:norm(), math.sqrt(50))
  t.equal(z:dot(z):real():item(), 50.0)
  t.equal(z:sum():imag():item(), -1.0)
end)

test("running sums", function(t)
  t.equal(matrix():cumsum(), { { 3.0, 4.0, 6.0 }, { 6.0, 11.0, 15.0 } })
  t.equal(matrix():cumsum(1), { { 3.0, 1.0, 2.0 }, { 9.0, 6.0, 6.0 } })
  t.equal(matrix():cumprod(-1), { { 3.0, 3.0, 6.0 }, { 6.0, 30.0, 120.0 } })
end)

test("quantiles of type 7, one or a list, over axes", function(t)
  local x = pg.tensor { 7, 1, 3, 10 }
  t.equal(x:quantile(0.5), 5.0)
  t.equal(x:median(), 5.0)
  t.near(x:quantile(0.9), 9.1, 1e-14)
  t.equal(x:quantile { 0, 0.5, 1 }, { 1.0, 5.0, 10.0 })
  t.equal(x:quantile(pg.tensor { 0, 1 }), { 1.0, 10.0 })
  t.equal(matrix():quantile({ 0, 1 }, 2), { { 1.0, 4.0 }, { 3.0, 6.0 } })
  t.equal(matrix():median { axis = 1, keep = true }, { { 4.5, 3.0, 3.0 } })
  t.equal(matrix():quantile(0.5, { axes = { 1, 2 } }), 3.5)
  local nan = pg.tensor { 1, 0 / 0, 3 }:median()
  t.ok(nan ~= nan)
end)

test("sorting agrees with the sort of tables, argsort with gathering", function(t)
  local x, list = sample(20, 300)
  local sorted, order = x:sort(), x:argsort()
  for i = 1, 20 do
    local row = { table.unpack(list[i]) }
    table.sort(row)
    t.equal(sorted[i], row)
    t.equal(list[i][order[i][1]], row[1])
  end
  t.equal(x:take_along(order, 2), sorted:tolist())
  t.equal(x:sort { descending = true }:flip(2), sorted:tolist())
  t.equal(x:t():sort(1):t(), sorted:tolist())
  t.equal(pg.tensor { 2, 1, 2, 1 }:argsort(), { 2, 4, 1, 3 })
  t.equal(pg.tensor { 2, 1, 2, 1 }:argsort(1, { descending = true }), { 1, 3, 2, 4 })
  local last = pg.tensor { 0 / 0, 2, -1 }:sort { descending = true }
  t.ok(last[1] == 2 and last[2] == -1 and last[3] ~= last[3])
end)

test("top-k and partition", function(t)
  local x = pg.tensor { 5, 9, 1, 9, 7 }
  local values, places = x:topk(3)
  t.equal(values, { 9.0, 9.0, 7.0 })
  t.equal(places, { 2, 4, 5 })
  values, places = x:topk(2, { largest = false })
  t.equal(values, { 1.0, 5.0 })
  t.equal(places, { 3, 1 })
  t.equal(matrix():topk(1, 1), { { 6.0, 5.0, 4.0 } })
  t.equal(x:partition(3), { 5.0, 1.0, 7.0, 9.0, 9.0 })
  t.equal(x:partition(-1)[-1], 9.0)
end)

test("positions do not stand in the way of gradients", function(t)
  local w = pg.tensor { 1, 3, 2 }
  local best = pg.ad.grad(function(x)
    local values, places = x:topk(2)
    return values:sum() + 0 * x[places]:sum() + x[x:argsort()][1] * x:argmax()
  end)
  t.equal(best(w), { 2.0, 1.0, 1.0 })
end)

test("searching and histograms", function(t)
  local edges = pg.tensor { 0, 1, 2, 4 }
  t.equal(edges:searchsorted { -1, 1, 1.5, 9 }, { 1, 2, 3, 5 })
  t.equal(edges:searchsorted({ 1, 4 }, { right = true }), { 3, 5 })
  t.equal(edges:searchsorted(1.5), 3)
  t.equal(pg.tensor { 0, 0.5, 1, 3, 4, 5, -1 }:histogram(edges), { 2, 1, 2 })
  local counts, bins = pg.tensor { 0, 1, 2, 3 }:histogram(2)
  t.equal(counts, { 2, 2 })
  t.equal(bins, { 0.0, 1.5, 3.0 })
  counts, bins = pg.tensor { 7, 7 }:histogram(1)
  t.equal({ counts:tolist(), bins:tolist() }, { { 2 }, { 6.5, 7.5 } })
  t.equal(pg.tensor { 0, 1, 2, 3 }:histogram(2, 0, 1), { 1, 1 })
  local x = sample(30, 40)
  t.equal(x:histogram(13):sum(), 1200)
end)

test("nothing: sums are 0, products 1, extremes an error", function(t)
  local x = pg.zeros { 0, 3 }
  t.equal({ x:sum(), x:prod(), x:count(), x:all(), x:any() }, { 0.0, 1.0, 0, true, false })
  t.equal(x:sum(1), { 0.0, 0.0, 0.0 })
  t.equal(x:max(2):dims(), { 0 })
  t.fails(function() x:max() end, "tensor.max: no elements to choose from in shape %(0, 3%)")
  t.fails(function() x:median() end, "no elements to choose from")
end)

test("wrong arguments are named", function(t)
  local x = matrix()
  t.fails(function() x:sum(3) end, "tensor.sum: axis 3 of a tensor of shape %(2, 3%)")
  t.fails(function() x:sum(0) end, "tensor.sum: axis 0 of a tensor of shape %(2, 3%)")
  t.fails(function() x:sum(1.5) end, "tensor.sum: the axis must be an integer, got 1.5")
  t.fails(function() x:sum { 1, 1 } end, "tensor.sum: axis 1 is given twice")
  t.fails(function() x:sum { axes = {} } end, "tensor.sum: the list of axes is empty")
  t.fails(function() x:sum { kep = true } end, "tensor.sum: unknown option 'kep' %(did you mean 'keep'%?%)")
  t.fails(function() x:sum { ddof = 1 } end, "tensor.sum: unknown option 'ddof'")
  t.fails(function() x:sum { keep = 1 } end, "tensor.sum: option 'keep' must be true or false, got number")
  t.fails(function() x:var { ddof = -1 } end, "tensor.var: ddof must be >= 0, got %-1")
  t.fails(function() x:norm(-1) end, "tensor.norm: p must be >= 0, got %-1")
  t.fails(function() x:quantile(2) end, "tensor.quantile: q must lie in %[0, 1%], got 2")
  t.fails(function() x:quantile("a") end, "number or a list of numbers expected")
  t.fails(function() x:topk(4) end, "tensor.topk: k must lie in 0..3")
  t.fails(function() x:partition(0) end, "tensor.partition: no position 0")
  t.fails(function() x:sort { ascending = true } end, "tensor.sort: unknown option 'ascending'")
  t.fails(function() x:histogram(0) end, "tensor.histogram: the number of bins must lie in 1..2%^31%-1, got 0")
  t.fails(function() x:dot(pg.zeros { 3, 2 }) end, "tensor.dot: shapes differ: %(2, 3%) and %(3, 2%)")
  t.fails(function() pg.complex(x, x):max() end, "tensor.max: not defined for c128")
end)
