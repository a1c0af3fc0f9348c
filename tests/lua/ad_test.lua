-- ad_test.lua: what differentiation promises beyond its rules: nesting, arguments and returns, conventions at kinks, errors, depth.
local pg = require "perigee"
local ad = pg.ad
local rng = pg.rng(1)

test("derivatives nest to third order", function(t)
  local f = function(x) return x * x * x * x end
  local d1, d2, d3 = ad.grad(f), ad.grad(ad.grad(f)), ad.grad(ad.grad(ad.grad(f)))
  t.near(d1(1.5):item(), 4 * 1.5 ^ 3, 1e-14)
  t.near(d2(1.5):item(), 12 * 1.5 ^ 2, 1e-13)
  t.near(d3(1.5):item(), 24 * 1.5, 1e-13)
  local p = ad.grad(ad.grad(ad.grad(function(x) return x ^ 4 end)))
  t.near(p(1.5):item(), 36, 1e-12)
end)

test("nested perturbations do not mix", function(t)
  -- d/dx [ x d/dy (x + y) ] = 1, where confusion gives 2.
  local g = ad.grad(function(x) return x * ad.grad(function(y) return x + y end)(1.0) end)
  t.equal(g(1.0):item(), 1.0)
  -- d/dx [ x d/dy (x y^2) at y = x ] = d/dx [2 x^3] = 6 x^2.
  local h = ad.grad(function(x) return x * ad.grad(function(y) return x * y * y end)(x) end)
  t.near(h(0.7):item(), 6 * 0.49, 1e-14)
end)

test("several arguments have their gradients, in the order asked for, auxiliary returns behind", function(t)
  local x, y = pg.tensor { 1, 2 }, pg.tensor { 3, 5 }
  local f = function(a, b, c) return (a * b * b):sum() * c, "aux", b end
  local gy, gx, aux, seen = ad.grad(f, { 2, 1 })(x, y, 2)
  t.equal(gx:tolist(), { 18, 50 })
  t.equal(gy:tolist(), { 12, 40 })
  t.equal(aux, "aux")
  t.equal(seen:tolist(), { 3, 5 })
  local v, g, again = ad.value_and_grad(f, 2)(x, y, 2)
  t.equal({ v, g:tolist(), again }, { 118.0, { 12, 40 }, "aux" })
  t.equal(ad.grad(f, 3)(x, y, 2.0):item(), 59.0)
end)

test("what does not depend on the argument has gradient zero", function(t)
  local x = pg.ones { 2, 3 }
  t.equal(ad.grad(function() return 3 end)(x):tolist(), { { 0, 0, 0 }, { 0, 0, 0 } })
  t.equal(ad.grad(function(v) return ad.stop(v):sum() end)(x):tolist(), { { 0, 0, 0 }, { 0, 0, 0 } })
  local ga, gb = ad.grad(function(a, _) return a:sum() end, { 1, 2 })(x, pg.ones({ 2 }, "f32"))
  t.equal(ga:sum(), 6.0)
  t.equal({ gb:tolist(), gb:dtype() }, { { 0, 0 }, "f32" })
end)

test("one tensor as two arguments gives each its own gradient", function(t)
  local x = pg.tensor { 2, 3 }
  local ga, gb = ad.grad(function(a, b) return (a * a * b):sum() end, { 1, 2 })(x, x)
  t.equal({ ga:tolist(), gb:tolist() }, { { 8, 18 }, { 4, 9 } })
end)

test("the conventions at kinks", function(t)
  local z = pg.zeros { 2 }
  local function slope(f) return ad.grad(function(x) return f(x):sum() end)(z):tolist() end
  t.equal(slope(pg.abs), { 0, 0 })
  t.equal(slope(pg.relu), { 0, 0 })
  t.equal(slope(function(x) return x:maximum(0) end), { 0.5, 0.5 })
  t.equal(slope(function(x) return x:minimum(0) end), { 0.5, 0.5 })
  t.equal(slope(function(x) return x:clip(0, 1) end), { 1, 1 })
  t.equal(slope(function(x) return x:norm() end), { 0, 0 })
  t.equal(slope(function(x) return x:max() end), { 0.5, 0.5 })
  t.equal(slope(function(x) return x:norm(math.huge) end), { 0, 0 })
  t.equal(slope(function(x) return x ^ 0 end), { 0, 0 })
  t.equal(slope(function(x) return x ^ 1 end), { 1, 1 })
  t.equal(slope(function(x) return x:sort():narrow(1, 1, 1) end), { 1, 0 })
  local g = ad.grad(function(x) return x:prod() end)
  t.equal(g(pg.tensor { 0, 2, 3 }):tolist(), { 6, 0, 0 })
  t.equal(g(pg.tensor { 0, 2, 0 }):tolist(), { 0, 0, 0 })
  local c = ad.grad(function(x) return x:cumprod():sum() end)
  t.equal(c(pg.tensor { 2, 0, 3 }):tolist(), { 1, 8, 0 })
  local inf = ad.grad(function(x) return x:logsumexp() end)
  t.equal(inf(pg.tensor { -math.huge, 0 }):tolist(), { 0, 1 })
end)

test("a Hessian is that of the function, and symmetric to 1e-10", function(t)
  local A = rng:stream("A"):normal { 6, 6 }
  local function f(w) return (A * w * w:unsqueeze(2)):sin():sum() + w:cumprod():sum() + (w * w):logsumexp() end
  local w = rng:stream("w"):normal { 6 }
  local H = ad.hessian(f, w)
  t.near((H - H:t()):abs():max() / H:abs():max(), 0, 1e-10)
  local v = rng:stream("v"):normal { 6 }
  t.near(ad.hvp(f, w, v), (H * v):sum(2), 1e-12)
  t.near(ad.jacobian(ad.grad(f), w), H, 1e-12)
end)

test("the pullback is the transposed Jacobian", function(t)
  local f = function(x) return x:unsqueeze(2):sin() * x end
  local x = pg.tensor { 0.3, -0.8, 1.1 }
  local y, pull = ad.vjp(f, x)
  local u = rng:stream("u"):normal { 3, 3 }
  t.equal(y:tolist(), f(x):tolist())
  t.near(pull(u), (ad.jacobian(f, x) * u:reshape { 3, 3, 1 }):sum { axes = { 1, 2 } }, 1e-14)
end)

test("operands of a gradient keep their dtype", function(t)
  local x = pg.ones({ 3 }, "f32")
  local g = ad.grad(function(v) return (v * pg.ones { 3 }):sum() end)(x)
  t.equal(g:dtype(), "f32")
  t.equal(ad.hvp(function(v) return (v * v):sum() end, x, x):dtype(), "f32")
end)

-- ---- errors ----

test("a recorded operand that meets a primitive without a rule is an error", function(t)
  t.fails(function() ad.grad(function(x) return x:floor():sum() end)(pg.ones { 2 }) end, "ad: tensor%.floor has no gradient rule; ad%.stop")
  t.fails(function() ad.grad(function(x) return (pg.complex(x, x)):abs():sum() end)(pg.ones { 2 }) end, "complex tensors carry no gradient")
  t.equal(ad.grad(function(x) return (x * x:gt(0)):sum() end)(pg.tensor { 1, -1 }):tolist(), { 1, 0 })
end)

test("a loss must be one number with a gradient", function(t)
  local x = pg.ones { 32 }
  t.fails(function() ad.grad(function(v) return v end)(x) end, "ad%.grad: the function returned a tensor of shape %(32%); return a scalar")
  t.fails(function() ad.value_and_grad(function() return "no" end)(x) end, "ad%.value_and_grad: the function returned string")
  t.fails(function() ad.grad(function() end)(x) end, "ad%.grad: the function returned no value")
  t.fails(function() ad.grad(function(v) return v:gt(0):sum() + pg.arange(1) end)(x) end, "i64, which carries no gradient")
  t.fails(function() ad.hvp(function(v) return v end, x, x) end, "ad%.hvp: the function returned a tensor of shape %(32%)")
end)

test("a dtype without gradient is refused", function(t)
  local f = function(v) return v:sum() end
  for _, dtype in ipairs { "i64", "bool", "c128" } do
    t.fails(function() ad.grad(f)(pg.ones({ 2 }, dtype)) end, "dtype " .. dtype .. " carries no gradient; cast it to f32 or f64")
  end
  t.fails(function() ad.grad(f, 2)(pg.ones { 2 }) end, "argument 2 is to be differentiated, but there are only 1")
  t.fails(function() ad.grad(f, { 0 }) end, "arguments count from 1")
  t.fails(function() ad.grad(3) end, "function expected")
end)

test("writing into what is being differentiated is an error", function(t)
  local x, b = pg.ones { 3 }, pg.ones { 3 }
  for _, write in ipairs { function(v) v:add_(1) end, function(v) (v * 2):mul_(2) end } do
    t.fails(function() ad.grad(function(v) write(v) return v:sum() end)(x) end, "tensor%.%a+: .*being differentiated.* compute out of place")
  end
  for _, write in ipairs {
    function(v) v[1] = 3 end, function(v) v:fill_(0) end, function(v) v:copy_(b) end,
    function(v) v:scatter_(pg.tensor({ 1 }, "i64"), 0) end, function(v) v:masked_fill_(v:gt(0), 0) end,
  } do
    t.fails(function() ad.grad(function(v) write(v) return v:sum() end)(x) end, "being differentiated; clone it or compute out of place")
  end
  t.fails(function() ad.grad(function(v) b:add_(v) return v:sum() end)(x) end, "what is written is being differentiated")
  t.fails(function() ad.grad(function(v) b[1] = v[1] return v:sum() end)(x) end, "what is written is being differentiated")
end)

test("writing into what has been recorded is found out, with the line", function(t)
  local x = pg.ones { 3 }
  local writes = {
    add_ = function(b) b:add_(1) end, fill_ = function(b) b:fill_(0) end, copy_ = function(b) b:copy_(x) end, clip_ = function(b) b:clip_(0, 1) end,
    exp_ = function(b) b:exp_() end, scatter_ = function(b) b:scatter_(pg.tensor({ 1 }, "i64"), 7) end,
    put_along_ = function(b) b:put_along_(pg.tensor({ 1 }, "i64"), 1, 7) end, masked_fill_ = function(b) b:masked_fill_(b:gt(0), 7) end,
    scatter_add_ = function(b) b:scatter_add_(pg.tensor({ 1 }, "i64"), 7) end,
    assignment = function(b) b[{ { 1, 2 } }] = 3 end,
  }
  for name, write in pairs(writes) do
    local b = pg.ones { 3 }
    local line = debug.getinfo(write, "S").linedefined
    t.fails(function() ad.grad(function(v) local y = v * b; write(b) return y:sum() end)(x) end,
      ("operand 2 of tensor%%.mul, of shape %%(3%%), was modified in place %%(%s at .*ad_test%%.lua:%d%%) after it was recorded; clone it"):format(name, line))
    local c = pg.ones { 3 }
    t.equal(ad.grad(function(v) write(c) return (v * c):sum() end)(x):tolist(), c:tolist(), "a write before is no harm")
  end
  local a = pg.ones { 2, 3 }
  t.fails(function() ad.grad(function(v) local y = v * a[1]; a:add_(1) return y:sum() end)(x) end, "modified in place %(add_ at")
end)

test("an error in the function leaves no trace, 10^4 times", function(t)
  local x = pg.ones { 3 }
  local function bad(v) local y = v * v + 1; error({ y:dim(1) }) end
  collectgarbage() collectgarbage()
  local before, memory = pg.testing.live_tensors(), collectgarbage "count"
  for _ = 1, 10000 do
    local ok, e = pcall(ad.grad(bad), x)
    if ok or e[1] ~= 3 then t.ok(false, "the error arrives as it was raised") end
  end
  collectgarbage() collectgarbage()
  t.equal(pg.testing.live_tensors(), before)
  t.ok(collectgarbage "count" - memory < 100, "the Lua heap does not grow")
  t.equal(ad.grad(function(v) return (v * v):sum() end)(x):tolist(), { 2, 2, 2 })
  t.fails(function() ad.grad(function(v) return ad.grad(function() error "inner" end)(v) end)(x) end, "inner")
end)

test("a function that yields gets an error, not a crash", function(t)
  local x = pg.ones { 3 }
  local co = coroutine.create(function() return ad.grad(function(v) coroutine.yield() return v:sum() end)(x) end)
  local ok, err = coroutine.resume(co)
  t.ok(not ok and tostring(err):find "yield", "%s", tostring(err))
  t.equal(ad.grad(function(v) return v:sum() end)(x):tolist(), { 1, 1, 1 })
  local inside = coroutine.wrap(function(v) return ad.grad(function(u) return (u * u):sum() end)(v) end)
  t.equal(inside(x):tolist(), { 2, 2, 2 })
end)

test("a gradient function may call itself", function(t)
  local function power(n) -- x^n, by its own derivative
    if n == 0 then return function(x) return x * 0 + 1 end end
    return function(x) return x * power(n - 1)(x) end
  end
  local g
  local function f(x, depth) return depth == 0 and power(3)(x) or g(x, depth - 1):item() * x end
  g = ad.grad(f)
  t.near(g(2.0, 3):item(), 12, 1e-12)
  t.near(ad.grad(function(x) return ad.grad(power(3))(x) * x end)(2.0):item(), 36, 1e-12)
end)

test("what outlives its tape is a constant", function(t)
  local kept
  local x = pg.ones { 3 }
  ad.grad(function(v) kept = v * 2 return kept:sum() end)(x)
  kept:add_(1)
  t.equal(kept:tolist(), { 3, 3, 3 })
  t.equal(ad.grad(function(v) return (v * kept):sum() end)(x):tolist(), { 3, 3, 3 })
  local inner
  ad.grad(function(v)
    ad.grad(function(u) inner = u * u return inner:sum() end)(v)
    return v:sum()
  end)(x)
  t.equal(inner:sum(), 3.0)
end)

test("a graph of a million nodes goes forward, backward and away without recursion", function(t)
  local n = 10 ^ 6
  local f = function(x)
    for _ = 1, n do x = x + 1 end
    return x
  end
  local v, g = ad.value_and_grad(f)(pg.tensor(0.5))
  t.equal({ v, g:item() }, { n + 0.5, 1.0 })
end)

test("a failing allocation in a pass is an ordinary error", function(t)
  local x = pg.arange(1, 5):cast "f64"
  local at = pg.tensor({ 1, 1, 3 }, "i64")
  local f = function(v) return (v:gather(at) * v:narrow(1, 1, 3)):cumsum():norm() + v:sort():prod() end
  local want = ad.hessian(f, x)
  for _, all in ipairs { false, true } do
    local n = 0
    while true do
      pg.testing.fail_allocation(n, all)
      local ok, r = pcall(ad.hvp, f, x, x)
      pg.testing.fail_allocation(-1)
      if ok and not pg.testing.allocation_failed() then
        t.near(r, (want * x):sum(2), 1e-9)
        break
      end
      n = n + 1
    end
    t.ok(n > 50, "the walk fails %d allocations", n)
  end
end)

test("a function may close what it is given", function(t)
  local function shut(v)
    local u <close> = v
    return (u * u):sum()
  end
  t.equal(ad.grad(shut)(pg.ones { 3 }):tolist(), { 2, 2, 2 })
  t.equal(ad.hvp(shut, pg.ones { 3 }, pg.ones { 3 }):tolist(), { 2, 2, 2 })
  t.equal(ad.jacobian(function(v) local u <close> = v return u * u end, pg.ones { 2 }):tolist(), { { 2, 0 }, { 0, 2 } })
  local w, X = pg.ones { 3 }, pg.ones { 2, 3 }
  local function rows(v, A)
    local a <close> = v
    local b <close> = A
    return b:mv(a)
  end
  t.equal(ad.per_example(rows)(w, X):tolist(), { { 1, 1, 1 }, { 1, 1, 1 } })
  t.fails(function() ad.hvp(function(u) local v <close> = w return (u * u):sum() end, pg.ones { 3 }, w) end, "ad%.hvp: the function closed v") -- luacheck: ignore
  local k = pg.ones { 3 }
  local f = ad.custom { forward = function(a) local b <close> = k return a end, backward = function(g) return g, g end } -- luacheck: ignore
  t.fails(function() ad.grad(function(v) return f(v, k):sum() end)(pg.ones { 3 }) end, "forward closed argument 2")
end)

-- ---- ad.custom ----

test("a custom function has the gradient it says, to any order", function(t)
  local cube = ad.custom { forward = function(x) return x * x * x end, backward = function(g, _, x) return 3 * g * x * x end }
  local x = pg.tensor { 0.5, -2, 3 }
  t.equal(cube(x):tolist(), (x * x * x):tolist())
  t.near(ad.grad(function(v) return cube(v):sum() end)(x), 3 * x * x, 1e-14)
  t.near(ad.hvp(function(v) return cube(v):sum() end, x, pg.ones { 3 }), 6 * x, 1e-14)
  t.near(ad.grad(ad.grad(ad.grad(cube)))(2.0):item(), 6, 1e-13)
  ad.check(function(v) return (cube(v) * cube(v:flip())):sum() end, x)
  local exp = ad.custom { forward = pg.exp, backward = function(g, y) return g * y end }
  t.near(ad.hvp(function(v) return exp(v):sum() end, x, pg.ones { 3 }), x:exp(), 1e-12)
end)

test("a straight-through estimator, and a gradient that is not the derivative", function(t)
  local round = ad.custom { forward = pg.round, backward = function(g) return g end }
  local reverse = ad.custom { forward = function(x) return x end, backward = function(g) return -g end }
  local x = pg.tensor { 0.4, 1.6 }
  local value, g = ad.value_and_grad(function(v) return (round(v) * 3):sum() end)(x)
  t.equal({ value, g:tolist() }, { 6.0, { 3, 3 } })
  t.equal(ad.grad(function(v) return reverse(v):sum() end)(x):tolist(), { -1, -1 })
end)

test("custom functions of several arguments, not all of them tensors", function(t)
  local f = ad.custom {
    forward = function(a, k, b, opt) return a * k + b * opt.c end,
    backward = function(g, _, _, k, _, opt) return g * k, nil, g * opt.c end,
  }
  local x, y = pg.tensor { 1, 2 }, pg.tensor { 3, 4 }
  local ga, gb = ad.grad(function(a, b) return f(a, 5, b, { c = 7 }):sum() end, { 1, 2 })(x, y)
  t.equal({ ga:tolist(), gb:tolist() }, { { 5, 5 }, { 7, 7 } })
  local none = ad.custom { forward = function(a) return a * 2 end, backward = function() return nil end }
  t.equal(ad.grad(function(a) return none(a):sum() end)(x):tolist(), { 0, 0 })
  local inside = coroutine.wrap(function() return ad.grad(function(a) return f(a, 5, y, { c = 1 }):sum() end)(x) end)
  t.equal(inside():tolist(), { 5, 5 })
end)

test("what a custom function does wrong is said", function(t)
  local x, problem = pg.ones { 2 }, { "mine" }
  local function with(backward, forward)
    local f = ad.custom { forward = forward or function(a) return a * 2 end, backward = backward }
    return function() return ad.grad(function(a) return f(a):sum() end)(x) end
  end
  local ok, e = pcall(with(function() error(problem) end))
  t.ok(not ok and e == problem, "the error object arrives as it was raised")
  t.fails(with(function(g) return g:sum() end), "backward returned number for argument 1, of shape %(2%)")
  t.fails(with(function(g) return g:unsqueeze(1) end), "backward returned shape %(1, 2%) for argument 1, of shape %(2%)")
  t.fails(with(function(g) return g end, function() return nil end), "forward returned nil; return a tensor")
  t.fails(function() ad.custom { forward = pg.exp } end, "option 'backward' must be a function, got nil")
  t.fails(function() ad.custom { forward = pg.exp, backward = pg.exp, back = 1 } end, "did you mean 'backward'")
  t.fails(function()
    ad.grad(function(a)
      local f = ad.custom { forward = function(b) return a * b end, backward = function(g) return g end }
      return f(a):sum()
    end)(x)
  end, "forward uses a tensor that is being differentiated; make it an argument")
  t.equal(ad.grad(function(v) return (v * v):sum() end)(x):tolist(), { 2, 2 })
end)
