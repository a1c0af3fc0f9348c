-- linalg_rules_test.lua: gradients of products, systems and inverses against finite differences, first and second order.
local pg = require "perigee"
local ad, linalg = pg.ad, pg.linalg
local rng = pg.rng(3)

-- Holds x -> <f(x), sin-weights> at x, over the whole of x; the weights make every entry of the cotangent different.
local function holds(t, f, x, what)
  local function scalar(w)
    local y = f(w)
    return (y * pg.arange(y:size()):cast "f64":sin():reshape(y:dims())):sum() + (y * y):sum()
  end
  local ok, why = pcall(ad.check, scalar, x)
  t.ok(ok, "%s: %s", what, tostring(why))
end

-- Both operands in one vector, so that the mixed second derivatives are held as well.
local function holds2(t, f, da, db, what, shift)
  local na, nb = 1, 1
  for _, d in ipairs(da) do na = na * d end
  for _, d in ipairs(db) do nb = nb * d end
  local w = rng:stream(what):normal { na + nb }
  holds(t, function(v)
    local a, b = v[{ { 1, na } }]:reshape(da), v[{ { na + 1, na + nb } }]:reshape(db)
    return f(shift and a + shift * pg.eye(da[#da]) or a, b)
  end, w, what)
end

local function shapes(a, b) return ("(%s) (%s)"):format(table.concat(a, ", "), table.concat(b, ", ")) end

test("products have their gradients to second order", function(t)
  local cases = {
    { pg.mm, { 3, 4 }, { 4, 2 } }, { pg.mm, { 1, 5 }, { 5, 1 } }, { pg.mv, { 3, 4 }, { 4 } }, { pg.mv, { 1, 1 }, { 1 } },
    { pg.outer, { 3 }, { 5 } }, { pg.bmm, { 2, 3, 4 }, { 2, 4, 2 } }, { pg.bmm, { 2, 3, 4 }, { 4, 2 } },
    { pg.bmm, { 3, 4 }, { 2, 4, 2 } }, { pg.bmm, { 2, 1, 3, 4 }, { 5, 4, 2 } }, { pg.bmm, { 1, 3, 4 }, { 5, 4, 1 } },
    { pg.bmm, { 3, 4 }, { 4, 2 } },
  }
  for i, c in ipairs(cases) do holds2(t, c[1], c[2], c[3], i .. ": " .. shapes(c[2], c[3])) end
end)

test("products of transposed and strided views have their gradients", function(t)
  holds2(t, function(a, b) return a:t():mm(b:t()) end, { 4, 3 }, { 2, 4 }, "transposed")
  holds2(t, function(a, b) return a[{ { 1, 5, 2 }, { 1, 7, 3 } }]:mm(b:flip(1)) end, { 5, 7 }, { 3, 2 }, "strided")
  holds2(t, function(a, b) return a:transpose(1, 3):bmm(b:broadcast_to { 4, 2, 3 }) end, { 2, 5, 4 }, { 1, 2, 3 }, "stack")
end)

test("an operand that is both factors gets both gradients", function(t)
  local w = rng:stream("both"):normal { 3, 3 }
  holds(t, function(a) return a:mm(a):mm(a:t()) end, w, "a a a'")
  local g = ad.grad(function(x) return x:outer(x):sum() end)(pg.tensor { 1, 2, 3 })
  t.near(g, { 12, 12, 12 }, 1e-14)
end)

test("empty products have empty or zero gradients", function(t)
  local a, b = pg.zeros { 2, 0 }, pg.zeros { 0, 3 }
  local ga, gb = ad.grad(function(x, y) return x:mm(y):sum() end, { 1, 2 })(a, b)
  t.equal(ga:dims(), { 2, 0 })
  t.equal(gb:dims(), { 0, 3 })
  t.equal(ad.grad(function(x) return x:bmm(pg.zeros { 0, 3, 2 }):sum() end)(pg.ones { 2, 3 }):tolist(), { { 0, 0, 0 }, { 0, 0, 0 } })
  t.equal(ad.grad(function(y) return pg.zeros({ 0, 2, 3 }):bmm(y):sum() end)(pg.ones { 3, 1 }):tolist(), { { 0 }, { 0 }, { 0 } })
end)

test("gradients keep the dtype of their operand", function(t)
  local a, x = pg.ones({ 2, 3 }, "f32"), pg.ones({ 3 }, "f64")
  local ga, gx = ad.grad(function(p, q) return p:mv(q):sum() end, { 1, 2 })(a, x)
  t.equal(ga:dtype(), "f32")
  t.equal(gx:dtype(), "f64")
  t.equal(ad.grad(function(p) return p:mm(pg.tensor({ { 1 }, { 2 }, { 3 } }, "i64")):sum() end)(a):tolist(), { { 1, 2, 3 }, { 1, 2, 3 } })
end)

test("systems have their gradients to second order", function(t)
  for i, c in ipairs { { { 3, 3 }, { 3 } }, { { 3, 3 }, { 3, 2 } }, { { 2, 3, 3 }, { 3 } }, { { 2, 3, 3 }, { 3, 2 } },
                       { { 3, 3 }, { 2, 3, 2 } }, { { 2, 1, 3, 3 }, { 4, 3, 1 } }, { { 1, 1 }, { 1 } } } do
    holds2(t, linalg.solve, c[1], c[2], i .. ": " .. shapes(c[1], c[2]), 4)
  end
  t.equal(ad.grad(function(a) return linalg.solve(a, pg.zeros { 0 }):sum() end)(pg.zeros { 0, 0 }):dims(), { 0, 0 })
end)

test("the inverse has its gradient to second order", function(t)
  for i, dims in ipairs { { 1, 1 }, { 4, 4 }, { 2, 3, 3 } } do
    local w = rng:stream("inverse", i):normal(dims)
    holds(t, function(a) return linalg.inverse(a + 4 * pg.eye(dims[#dims])) end, w, "inverse " .. i)
  end
  -- d trace(A^-1) = -trace(A^-1 dA A^-1)
  local A = pg.tensor { { 2, 1 }, { 0, 4 } }
  local Y = linalg.inverse(A)
  t.near(ad.grad(function(a) return linalg.inverse(a):diagonal():sum() end)(A), -(Y:mm(Y)):t(), 1e-15)
end)

test("the matrix exponential refuses to be recorded", function(t)
  t.fails(function() ad.grad(function(a) return linalg.expm(a):sum() end)(pg.eye(2)) end, "ad: linalg.expm has no gradient rule")
end)
