-- clicks_test.lua: rows of numbers and categories: readers, the synthetic teacher, the network for them, the area under the curve.
local pg = require "perigee"
local files = require "files"
local path = os.tmpname()

local function row(fields) return table.concat(fields, "\t") end
local function ctr(label, integers, category) -- 13 integers from `integers` on, 26 categories
  local fields = { label }
  for j = 1, 13 do fields[j + 1] = integers and tostring(integers + j) or "" end
  for j = 1, 26 do fields[j + 14] = category and ("%08x"):format(category * j) or "" end
  return row(fields)
end

test("AUC: by hand, ties, one class, against all pairs", function(t)
  t.equal(pg.diag.auc(pg.tensor { 1, 2, 3, 4 }, pg.tensor { 0, 0, 1, 1 }), 1.0)
  t.equal(pg.diag.auc(pg.tensor { 1, 2, 3, 4 }, pg.tensor { 1, 1, 0, 0 }), 0.0)
  t.equal(pg.diag.auc(pg.tensor { 7, 7, 7 }, pg.tensor { 0, 1, 0 }), 0.5)
  t.equal(pg.diag.auc(pg.tensor { 1, 2, 2, 3 }, pg.tensor { 0, 1, 0, 1 }), 3.5 / 4)
  local empty = pg.diag.auc(pg.tensor { 1, 2 }, pg.ones { 2 })
  t.ok(empty ~= empty)
  local rng = pg.rng(3)
  local z, y = rng:integers({ 400 }, 1, 30):cast "f64", rng:bernoulli({ 400 }, 0.3)
  local wins, pairs_ = 0, 0
  for i = 1, 400 do
    for j = 1, 400 do
      if y[i] and not y[j] then wins, pairs_ = wins + (z[i] > z[j] and 1 or z[i] == z[j] and 0.5 or 0), pairs_ + 1 end
    end
  end
  t.equal(pg.diag.auc(z, y), wins / pairs_)
  t.equal(pg.diag.auc(z, y:cast "f32"), wins / pairs_)
  t.near(pg.diag.auc(-z, y), 1 - wins / pairs_, 1e-15)
  t.fails(function() pg.diag.auc(z, y[{ { 1, 3 } }]) end, "400 scores and 3 labels")
end)

test("display advertising: numbers, missing ones, categories", function(t)
  files.write(path, table.concat({ ctr(1, -3, 5), ctr(0, nil, nil), ctr(1, 100, 5) }, "\n") .. "\n")
  local s, skipped = pg.data.criteo_ctr(path, { bits = 10 })
  t.equal({ s.x:dims(), s.c:dims(), s.y:tolist(), skipped }, { { 3, 26 }, { 3, 26 }, { 1.0, 0.0, 1.0 }, 0 })
  t.near(s.x[1][{ { 1, 5 } }], { 0, 0, 0, math.log(2), math.log(3) }, 1e-6)                   -- -2, -1, 0, 1, 2
  t.near(s.x[3][13], math.log(114), 1e-6)
  t.equal({ s.x[2][{ { 1, 13 } }]:sum(), s.x[2][{ { 14, 26 } }]:sum(), s.x[1][{ { 14, 26 } }]:sum() }, { 0.0, 13.0, 0.0 })
  t.equal(s.c[1], s.c[3])
  t.ok(s.c:min() >= 1 and s.c:max() <= 1024 and s.c[2]:ne(s.c[1]):count() > 20)
  t.ok(s.c[2]:ne(s.c[2][1]):any(), "the empty category has a bin of its own in each column")
  t.equal(pg.data.criteo_ctr(path, { bits = 10, first = 2, rows = 1 }).y:tolist(), { 0.0 })
  files.write(path, "Label\tI1\n" .. ctr(0, 1, 2) .. "\r\n" .. ctr(1, 1, 2))                  -- a header, other ends of lines, no last one
  t.equal(pg.data.criteo_ctr(path).y:tolist(), { 0.0, 1.0 })
end)

test("hashing spreads over the bins", function(t)
  local lines = {}
  for k = 1, 4000 do lines[k] = ctr(k % 2, 1, k) end
  files.write(path, table.concat(lines, "\n"))
  local c = pg.data.criteo_ctr(path, { bits = 4 }).c:narrow(2, 1, 1):reshape { 4000 }
  local counts = pg.zeros { 16 }:scatter_add(c, pg.ones { 4000 })
  t.near(counts, 250, 5 * math.sqrt(250))
end)

local function search(sale, price, product)
  local fields = { sale, "12.5", "86400", "1598891820", "7", price }
  for j = 7, 23 do fields[j] = j == 20 and product or "A" .. j end
  return row(fields)
end

test("sponsored search: outcomes are no features, nor is the price unless it is asked for", function(t)
  files.write(path, search(1, "99.5", "P1") .. "\n" .. search(0, "-1", "P2") .. "\n")
  local s = pg.data.criteo_search(path, { bits = 16 })
  t.equal({ s.x:dims(), s.c:dims(), s.y:tolist() }, { { 2, 2 }, { 2, 17 }, { 1.0, 0.0 } })
  t.near(s.x[1], { math.log(8), 0 }, 1e-6)
  t.equal(s.c[1]:ne(s.c[2]):count(), 1)
  local priced = pg.data.criteo_search(path, { keep_price = true })
  t.near(priced.x, { { math.log(8), math.log(100.5), 0, 0 }, { math.log(8), 0, 0, 1 } }, 1e-6)
end)

test("malformed lines are refused with their number, or skipped and counted", function(t)
  local bad = { { "1\t2", "2 fields instead of 40" }, { ctr(2, 1, 1), "column 1: '2' is no label" }, { ctr(1, 0.5, 1), "column 2: '1.5' is no integer" },
    { (ctr(1, 1, 1):gsub("00000001", "0000000G", 1)), "column 15: '0000000G' is no category" }, { "", "column 1: '' is no label" },
    { ctr(1, 1, 1) .. "\t", "41 fields instead of 40" }, { ctr(1, 1, 1):gsub("^1\t2", "1\tx"), "column 2: 'x' is no number" },
    { "1\t" .. ("9"):rep(70000), "longer than 65536 bytes" } }
  local all = {}
  for _, case in ipairs(bad) do
    files.write(path, ctr(1, 1, 1) .. "\n" .. case[1] .. "\n" .. ctr(0, 1, 1) .. "\n")
    t.fails(function() pg.data.criteo_ctr(path) end, "data.criteo_ctr: '" .. path:gsub("%p", "%%%0") .. "': line 2: .*" .. case[2])
    local s, skipped = pg.data.criteo_ctr(path, { skip_bad = true })
    t.equal({ s.y:tolist(), skipped }, { { 1.0, 0.0 }, 1 })
    all[#all + 1] = case[1]
  end
  files.write(path, table.concat(all, "\n") .. "\n")
  local s, skipped = pg.data.criteo_ctr(path, { skip_bad = true })
  t.equal({ #s.y, s.c:dims(), skipped }, { 0, { 0, 26 }, #all })
  t.fails(function() pg.data.criteo_ctr(path .. ".not") end, "cannot open")
  t.fails(function() pg.data.criteo_ctr(path, { bits = 40 }) end, "data.criteo_ctr: bits must lie in 1..30, got 40")
  t.fails(function() pg.data.criteo_ctr(path, { skip = true }) end, "unknown option 'skip'")
  t.fails(function() pg.io.read_hashed(path, { roles = "iic" }) end, "with one y, got 'iic'")
end)

test("the stand-in: rate, missing values, categories by Zipf, a teacher that knows", function(t)
  local n = 40000
  local s, logit = pg.data.criteo_synthetic(n, pg.rng(2), { largest = 1000 })
  t.near(s.y:mean(), 0.25, 5 * math.sqrt(0.1875 / n))
  t.near(s.x:narrow(2, 14, 13):mean(1), 0.1, 5 * math.sqrt(0.09 / n))
  t.equal({ s.vocabularies[1], s.vocabularies[26], #s.vocabularies, s.c:dims() }, { 10, 1000, 26, { n, 26 } })
  local counts = pg.zeros { 10 }:scatter_add(s.c:select(2, 1), pg.ones { n }) / n
  local p = pg.arange(1, 11):cast "f64" ^ -1.1
  t.near(counts, p / p:sum(), 5 * math.sqrt(0.25 / n))
  local residual = s.y:cast "f64" - logit:sigmoid()                                            -- the labels follow the logits
  t.near((residual * logit):mean(), 0, 5 * (logit * (logit:sigmoid() * (1 - logit:sigmoid())):sqrt()):norm() / n)
  local ceiling = pg.diag.auc(logit, s.y)
  t.ok(ceiling > 0.68 and ceiling < 0.8, "%g", ceiling)
  local other = pg.data.criteo_synthetic(n, pg.rng(5), { largest = 1000 })
  t.ok(other.c:ne(s.c):any(), "other rows")
end)

test("the network for such rows: examples apart, and it learns", function(t)
  local s = pg.data.criteo_synthetic(60, pg.rng(3), { largest = 40 })
  local net = pg.nn.tabular { numbers = 26, vocabularies = s.vocabularies, width = 5, depth = 2 }
  local theta = net:init(pg.rng(1), "f64")
  local x = s.x:cast "f64"
  local function loss(w, a, c, y) return pg.nn.logistic(net(w, { a, c }), 2 * y - 1) end
  local G = pg.ad.per_example(loss)(theta, x, s.c, s.y)
  local clip = math.sqrt(G:square():sum(2):median())
  local sum, factors = pg.ad.clipped_sum(loss, theta, { clip = clip }, x, s.c, s.y)
  t.near((sum - (G * factors:unsqueeze(2)):sum(1)):abs():max(), 0, 1e-12)
  t.ok(factors:lt(1):count() == 30)
  t.equal(net(theta, { x, s.c }):dims(), { 60 })
  local opt, gradient = pg.optim.adam { lr = 0.01 }, pg.ad.grad(function(w) return loss(w, x, s.c, s.y):mean() end)
  for _ = 1, 200 do opt:step(theta, gradient(theta)) end
  t.ok(pg.diag.auc(net(theta, { x, s.c }), s.y) > 0.99)
end)
