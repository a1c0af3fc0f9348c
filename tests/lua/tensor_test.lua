local pg = require "perigee"

test("constructors give shape, dtype and values", function(t)
  t.equal(pg.zeros { 2, 3 }:tolist(), { { 0.0, 0.0, 0.0 }, { 0.0, 0.0, 0.0 } })
  t.equal(pg.full({ 2 }, 7, "i64"):tolist(), { 7, 7 })
  t.equal(pg.full({ 1 }, 2^53 | 1, "i64"):tolist(), { 9007199254740993 })
  t.equal(pg.eye(2, 3):tolist(), { { 1.0, 0.0, 0.0 }, { 0.0, 1.0, 0.0 } })
  t.equal(pg.arange(2, 8, 3):tolist(), { 2, 5 })
  t.equal(pg.arange(3, 0, -1):tolist(), { 3, 2, 1 })
  t.equal(pg.linspace(0, 1, 5):tolist(), { 0.0, 0.25, 0.5, 0.75, 1.0 })
  t.near(pg.logspace(-3, 0, 4), { 1e-3, 1e-2, 1e-1, 1 }, 1e-16)
  t.equal(pg.tensor({ { 1, 2 }, { 3, 4 } }):dtype(), "f64")
  t.equal(pg.tensor({ 1, 2 }, "i64"):dtype(), "i64")
  t.equal(pg.tensor { true, false }:dtype(), "bool")
  t.equal(pg.zeros {}:ndim(), 0)
  t.equal(pg.zeros { 0, 5 }:dims(), { 0, 5 })
end)

test("dtypes promote to the right; a bare number widens only the kind", function(t)
  local b, i = pg.tensor { true }, pg.tensor({ 1 }, "i64")
  local f, d = pg.tensor({ 1 }, "f32"), pg.tensor { 1 }
  local c = pg.complex(d, d)
  for _, row in ipairs { { b + b, "i64" }, { b + i, "i64" }, { i + f, "f32" }, { f + d, "f64" }, { d + c, "c128" }, { i + 1, "i64" },
    { i + 1.5, "f64" }, { f + 1.5, "f32" }, { f + 1, "f32" }, { b + 1, "i64" }, { b + 0.5, "f64" }, { i / i, "f64" }, { f / 2, "f32" },
    { i:gt(0), "bool" }, { c:abs(), "f64" }, { i:exp(), "f64" }, { f:exp(), "f32" }, { c:exp(), "c128" } } do
    t.equal(row[1]:dtype(), row[2])
  end
end)

test("broadcasting aligns from the last axis", function(t)
  local col, row = pg.tensor { { 1 }, { 2 } }, pg.tensor { 10, 20, 30 }
  t.equal((col + row):tolist(), { { 11.0, 21.0, 31.0 }, { 12.0, 22.0, 32.0 } })
  t.equal((pg.zeros { 0, 3 } + row):dims(), { 0, 3 })
  t.fails(function() return pg.zeros { 2, 3 } + pg.zeros { 2 } end, "tensor.add: shapes do not broadcast: %(2, 3%) and %(2%)")
end)

test("operators follow Lua's own arithmetic", function(t)
  for _, x in ipairs { -7.5, -2, 0.25, 3 } do
    for _, y in ipairs { -2, 0.5, 3 } do
      local a, b = pg.tensor { x }, pg.tensor { y }
      t.near((a + b)[1], x + y, 0)
      t.near((a - y)[1], x - y, 0)
      t.near((x * b)[1], x * y, 0)
      t.near((a / b)[1], x / y, 0)
      t.near((a // b)[1], x // y, 0, "%g // %g", x, y)
      t.near((a % b)[1], x % y, 0, "%g %% %g", x, y)
      t.near((-a)[1], -x, 0)
      t.near((pg.abs(x) ^ b)[1], math.abs(x) ^ y, 1e-15 * math.abs(x) ^ y)
    end
  end
  local p, q = pg.tensor({ 12, -7 }, "i64"), pg.tensor({ 10, 3 }, "i64")
  t.equal((p & q):tolist(), { 12 & 10, -7 & 3 })
  t.equal((p | q):tolist(), { 12 | 10, -7 | 3 })
  t.equal((p ~ q):tolist(), { 12 ~ 10, -7 ~ 3 })
  t.equal((~p):tolist(), { ~12, ~(-7) })
  t.equal((p << 2):tolist(), { 12 << 2, -7 << 2 })
  t.equal((p >> 1):tolist(), { 12 >> 1, -7 >> 1 })
  t.equal((p // 5):tolist(), { 12 // 5, -7 // 5 })
  t.equal((p % 5):tolist(), { 12 % 5, -7 % 5 })
  local u, v = pg.tensor { true, true, false }, pg.tensor { true, false, false }
  t.equal((u & v):tolist(), { true, false, false })
  t.equal((~u):tolist(), { false, false, true })
end)

test("integers refuse division by zero and negative powers", function(t)
  local i = pg.arange(1, 4)
  t.fails(function() return i // pg.tensor({ 1, 0, 2 }, "i64") end, "tensor.idiv: integer division by 0")
  t.fails(function() return i % 0 end, "tensor.mod: integer division by 0")
  t.fails(function() return i ^ -1 end, "tensor.pow: integer power with exponent %-1")
  t.equal((i ^ 3):tolist(), { 1, 8, 27 })
end)

test("functions of numbers give numbers", function(t)
  t.equal(pg.sqrt(4.0), 2.0)
  t.near(pg.exp(1), math.exp(1), 1e-15)
  t.equal(pg.maximum(2, 3.5), 3.5)
  t.equal(pg.isnan(0 / 0), true)
  t.equal(pg.clip(5, 0, 1), 1)
end)

test("in-place operations write, cast and refuse", function(t)
  local a = pg.tensor { 1, 2, 3 }
  local same = a:add_(1):mul_(a)
  t.equal(same:tolist(), { 4.0, 9.0, 16.0 })
  t.equal(a:tolist(), { 4.0, 9.0, 16.0 })
  local f = pg.zeros({ 2 }, "f32")
  f:add_(pg.tensor { 0.5, 1.5 })
  t.equal(f:tolist(), { 0.5, 1.5 })
  t.fails(function() a:add_(pg.zeros { 2, 3 }) end, "tensor.add_: a result of shape %(2, 3%) does not fit into %(3%) in place")
  t.fails(function() pg.arange(3):add_(0.5) end, "tensor.add_: a result of f64 does not fit into i64 in place")
  t.equal(a:tolist(), { 4.0, 9.0, 16.0 })
end)

test("views that overlap their target are read before it is written", function(t)
  local a = pg.arange(6):cast "f64"
  a[{ { 2, 6 } }]:add_(a[{ { 1, 5 } }])
  t.equal(a:tolist(), { 0.0, 1.0, 3.0, 5.0, 7.0, 9.0 })
  local b = pg.arange(4):cast "f64"
  b:copy_(b[{ { 4, 1, -1 } }])
  t.equal(b:tolist(), { 3.0, 2.0, 1.0, 0.0 })
end)

test("strided, transposed and broadcast operands give what contiguous ones give", function(t)
  local r = pg.arange(60):cast "f64" / 7
  local x = r:reshape { 3, 4, 5 }
  for _, v in ipairs { x:transpose(1, 3), x[{ {}, { 1, 4, 2 } }], x[{ {}, {}, { 5, 1, -1 } }], x:permute { 2, 3, 1 } } do
    local c = v:contiguous()
    t.equal((v * 2 + v:exp()):tolist(), (c * 2 + c:exp()):tolist())
    t.equal(v:cast("f32"):tolist(), c:cast("f32"):tolist())
    t.equal((v:cast "f32" + v):tolist(), (c:cast "f32" + c):tolist())
    t.equal(v:gt(3):tolist(), c:gt(3):tolist())
    t.equal(pg.where(v:gt(3), v, 0):tolist(), pg.where(c:gt(3), c, 0):tolist())
  end
end)

test("results do not depend on the number of threads", function(t)
  local x = pg.rng(1):normal { 300, 1001 }
  local y = x:transpose(1, 2)
  local function digest() return (x * 3 - x:exp()):tolist(), (y:tanh() + 1):tolist(), y:clone():tolist() end
  local a, b, c = digest()
  pg.threads(3)
  local a2, b2, c2 = digest()
  pg.threads(1)
  t.equal(a, a2)
  t.equal(b, b2)
  t.equal(c, c2)
end)

test("integer indices count from 1, negative ones from the end", function(t)
  local m = pg.tensor { { 1, 2 }, { 3, 4 } }
  t.equal(m[1]:tolist(), { 1.0, 2.0 })
  t.equal(m[-1][-2], 3.0)
  t.fails(function() return m[0] end, "index 0 of a tensor of shape %(2, 2%)")
  t.fails(function() return m[1][3] end, "index 3 of a tensor of shape %(2%)")
  t.fails(function() return pg.zeros {}[1] end, "0%-d tensor")
  m[1]:fill_(9)
  t.equal(m:tolist(), { { 9.0, 9.0 }, { 3.0, 4.0 } })
end)

test("tables that are no tensors are refused with the reason", function(t)
  t.fails(function() return pg.tensor { { 1, 2 }, { 3 } } end, "rows are of different length: 2 and 1 at depth 2")
  t.fails(function() return pg.tensor { 1, { 2 } } end, "elements must be numbers or booleans, got table")
  t.fails(function() return pg.tensor { { 1 }, 2 } end, "rows are of different depth")
  t.fails(function() return pg.tensor { 1, "2" } end, "elements must be numbers or booleans, got string")
  t.fails(function() return pg.tensor { 1, nil, 3 } end, "elements must be numbers or booleans, got nil")
  local deep = { 1 }
  for _ = 1, 10 do deep = { deep } end
  t.fails(function() return pg.tensor(deep) end, "nested more than 6 deep")
  local cycle = {}
  cycle[1] = cycle
  t.fails(function() return pg.tensor(cycle) end, "nested more than 6 deep")
end)

test("shapes that cannot be are refused by dimension and value", function(t)
  t.fails(function() return pg.zeros { 2^31, 2^31 } end, "%(2147483648, 2147483648%)")
  t.fails(function() return pg.zeros { 2^62, 4 } end, "larger than any memory")
  t.fails(function() return pg.zeros { 3, -1 } end, "dimension 2 is %-1")
  t.fails(function() return pg.zeros { 0 / 0 } end, "dimension 1 must be an integer, got %-?nan")
  t.fails(function() return pg.zeros { 1e300 } end, "dimension 1 must be an integer, got 1e%+300")
  t.fails(function() return pg.zeros { 1.5 } end, "dimension 1 must be an integer, got 1.5")
  t.fails(function() return pg.zeros { "3" } end, "dimension 1 must be an integer, got a string")
  t.fails(function() return pg.zeros { 2, nil, 3 } end, "without holes")
  t.fails(function() return pg.zeros { n = 3 } end, "without holes or names")
  local many = {}
  for i = 1, 1000000 do many[i] = 1 end
  t.fails(function() return pg.zeros(many) end, "1000000 dimensions; at most 6")
end)

test("a budget refuses what does not fit, and collects first what was dropped", function(t)
  collectgarbage()
  local used = pg.memory()
  pg.testing.memory_limit(used + 40000000)
  t.fails(function() return pg.zeros { 100, 100000 } end, "out of memory: 80000000 bytes asked for")
  for _ = 1, 100 do pg.zeros { 10, 100000 } end -- 800 MB in all, 8 at a time
  pg.testing.memory_limit(0)
end)

test("methods refuse everything that is not a live tensor", function(t)
  local x = pg.ones { 2 }
  for _, wrong in ipairs { 1, "x", {}, io.stdout, print } do
    t.fails(function() return x.sum(wrong) end, "bad argument #1")
    t.fails(function() return x.dims(wrong) end, "bad argument #1")
    t.fails(function() return x.add_(wrong, 1) end, "bad argument #1")
  end
  t.fails(function() return x.dims() end, "bad argument #1")
  t.equal(getmetatable(x), false)
  local closed
  do local y <close> = pg.ones { 3 }; closed = y end
  t.fails(function() return closed + 1 end, "tensor or number expected")
  t.fails(function() return closed:dims() end, "this tensor has been closed")
  t.equal(tostring(closed), "tensor (closed)")
end)

test("printing shows dtype, shape and values, long axes by their ends", function(t)
  t.equal(tostring(pg.tensor { { 1, 2.5 }, { 3, 4 } }), "tensor f64 (2, 2)\n[[1, 2.5],\n [3, 4]]")
  t.equal(tostring(pg.arange(100)), "tensor i64 (100)\n[0, 1, 2, ..., 97, 98, 99]")
  t.equal(tostring(pg.zeros { 0 }), "tensor f64 (0)")
  t.equal(tostring(pg.tensor(2.5)), "tensor f64 ()\n2.5")
end)
