-- random_test.lua: streams, laws, blocks and subsets from Lua. Distributions are held to account in tests/core/random; here
-- the calls, their defaults, their order of draws and their messages.
local pg = require "perigee"

local STATE, INC = "0x0123456789abcdeffedcba9876543210", "0x5851f42d4c957f2d14057b7ef767814f"
local function raw(output) return pg.pcg64 { state = STATE, inc = INC, output = output } end

test("pcg64 gives the published words, from integers and strings alike", function(t)
  t.equal(raw():next(), 0xa5c2f45958c644a2)
  local g = raw "dxsm"
  for _, w in ipairs { 0xa5c2f45958c644a2, 0xd0903e4c1d97f138, 0x41d5d04452fde70e, 0xd36342dda726e612 } do t.equal(g:next(), w) end
  g = raw "xslrr"
  for _, w in ipairs { 0x13c49fecdee35f71, 0x4ee9574cc31f57d2, 0x718b9867b2c7ef05 } do t.equal(g:next(), w) end
  for _, n in ipairs { 1000000007, "1000000007", "0x3b9aca07", "0X3B9ACA07" } do
    g = raw()
    g:advance(n)
    t.equal(g:state(), "0x951e0f8deb067456911f366308b8fc05", "advance %s", n)
    t.equal(g:next(), 0xaf6403b8d165952f)
  end
  g = raw()
  g:advance "18446744073709551616"
  t.equal(g:state(), "0x9bf9d932e07c9058fedcba9876543210")
  local small = pg.pcg64 { state = "42", inc = "0x6d" }
  for _, w in ipairs { 0, 0xfd5d0e8cf80e0ee1, 0x7980b9acbef9ce4a, 0x7eff19acc801c477 } do t.equal(small:next(), w) end
end)

test("an advance by 2^128 - 1 is one step back", function(t)
  local g = raw()
  local first, second = g:next(), g:next()
  g:advance "340282366920938463463374607431768211455"
  t.equal(g:next(), second)
  g:advance "0xffffffffffffffffffffffffffffffff"
  g:advance "0xffffffffffffffffffffffffffffffff"
  t.equal(g:next(), first)
  t.equal(g:next(), second)
end)

test("pcg64 refuses what is no generator", function(t)
  t.fails(function() pg.pcg64 { state = "1", inc = "0x2" } end, "increment must be odd, got 0x0*2")
  t.fails(function() pg.pcg64 { state = "1" } end, "random.pcg64: inc is missing")
  t.fails(function() pg.pcg64 { state = "1", inc = "1", output = "rxs" } end, 'output must be "dxsm" or "xslrr", got "rxs"')
  t.fails(function() pg.pcg64 { state = "1x", inc = "1" } end, "random.pcg64: state must lie in 0..2^128%-1.*got '1x'")
  t.fails(function() pg.pcg64 { state = "340282366920938463463374607431768211456", inc = "1" } end, "state must lie in")
  t.fails(function() pg.pcg64 { state = "1", inc = "1", ouput = "dxsm" } end, "ouput.*output")
  t.fails(function() raw():advance(-1) end, "the number of steps must be >= 0, got %-1")
  t.fails(function() raw():advance "0x" end, "0..2^128%-1")
  t.fails(function() raw():advance {} end, "table")
end)

test("a stream is a function of seed, names and position", function(t)
  local a, b = pg.rng(42), pg.rng(42)
  b:normal { 100 }
  t.equal(a:stream("noise"):next(), b:stream("noise"):next())
  t.equal(a:stream("replica", 17):next(), 0x190e1643eacff7cf)
  local seen = {}
  for _, s in ipairs { a, pg.rng(43), a:stream "noise", a:stream("noise", 1), a:stream "noisf", a:stream("noise"):stream "noise" } do
    local w = s:clone():next()
    t.ok(not seen[w], "two streams start alike")
    seen[w] = true
  end
end)

test("jumps go back over what was drawn; clones replay", function(t)
  local s = pg.rng(1):stream "x"
  local c, x = s:clone(), s:normal { 300 }
  t.equal(s:jump(-300):normal { 300 }, x)
  t.equal(c:normal { 300 }, x)
  t.equal(s:jump(-100):normal(), x[201])
end)

test("bytes are the words, least significant byte first", function(t)
  local s = pg.rng(3)
  local c, text = s:clone(), s:bytes(10000)
  t.equal(#text, 10000)
  for i = 0, 1249 do t.equal((string.unpack("<i8", text, 8 * i + 1)), c:next()) end
  t.equal(s:next(), c:next())
  t.equal(#s:bytes(0), 0)
  t.equal(s:bytes(3), string.pack("<i8", c:jump(1):jump(-1):next()):sub(1, 3))
  t.fails(function() s:bytes(-1) end, "random.bytes: the number of bytes must lie in 0..2^40, got %-1")
end)

-- name, arguments, mean, variance, excess kurtosis, dtype
local laws = {
  { "uniform", {}, 1 / 2, 1 / 12, -1.2, "f64" }, { "uniform", { -1, 3 }, 1, 16 / 12, -1.2, "f64" },
  { "normal", {}, 0, 1, 0, "f64" }, { "normal", { 2, 3 }, 2, 9, 0, "f64" },
  { "exponential", {}, 1, 1, 6, "f64" }, { "exponential", { 4 }, 1 / 4, 1 / 16, 6, "f64" },
  { "gamma", { 2.5 }, 2.5, 2.5, 2.4, "f64" }, { "gamma", { 0.5, 2 }, 1, 2, 12, "f64" },
  { "beta", { 2, 3 }, 0.4, 0.04, -0.65, "f64" }, { "chi_square", { 3 }, 3, 6, 4, "f64" }, { "student_t", { 9 }, 0, 9 / 7, 1.2, "f64" },
  { "laplace", { 1, 0.5 }, 1, 0.5, 3, "f64" }, { "inverse_gaussian", { 2, 8 }, 2, 1, 3.75, "f64" }, { "pareto", { 9 }, 9 / 8, 9 / 448, 20, "f64" },
  { "stable", { 2, 0, 1, 3 }, 3, 2, 0, "f64" },
  { "poisson", { 4 }, 4, 4, 1 / 4, "i64" }, { "poisson", { 40 }, 40, 40, 1 / 40, "i64" },
  { "binomial", { 10, 0.3 }, 3, 2.1, -0.2, "i64" }, { "binomial", { 200, 0.5 }, 100, 50, 0, "i64" },
  { "geometric", { 0.25 }, 4, 12, 6.1, "i64" }, { "bernoulli", { 0.3 }, 0.3, 0.21, -1.2, "bool" }, { "bernoulli", {}, 0.5, 0.25, -2, "bool" },
  { "rademacher", {}, 0, 1, -2, "f64" }, { "integers", { 6 }, 3.5, 35 / 12, -1.2, "i64" }, { "integers", { -2, 2 }, 0, 2, -1.3, "i64" },
  { "categorical", { pg.alias { 1, 2, 1 } }, 2, 0.5, -1, "i64" },
}

test("laws: mean and variance at five standard errors, dtype, numbers as the tensor's elements", function(t)
  local n = 40000
  for k, law in ipairs(laws) do
    local name, args, mean, var, excess, dtype = table.unpack(law)
    local s = pg.rng(100):stream("law", k)
    local c = s:clone()
    local x = s[name](s, { n // 8, 8 }, table.unpack(args))
    t.equal(x:dims(), { n // 8, 8 })
    t.equal(x:dtype(), dtype, "%s", name)
    for i = 1, 20 do t.equal(c[name](c, table.unpack(args)), x[(i - 1) // 8 + 1][(i - 1) % 8 + 1], "%s", name) end
    local y = dtype == "f64" and x or x + 0.0
    t.near(y:mean(), mean, 5 * math.sqrt(var / n), "%s %d", name, k)
    t.near(((y - mean) ^ 2):mean(), var, 5 * var * math.sqrt((2 + excess) / n) + 1e-12 + 25 * var / n, "%s %d", name, k)
  end
end)

test("categorical takes weights as they are", function(t)
  local r = pg.rng(6)
  t.equal(r:categorical { 0, 0.5, 0 }, 2)
  t.equal(r:block("b", 3):categorical { 0, 0, 0.1 }, pg.tensor({ 3, 3, 3 }, "i64"))
  t.equal(r:clone():categorical({ 50 }, { 0.1, 0.9 }), r:clone():categorical({ 50 }, pg.alias(pg.tensor { 1, 9 })))
end)

test("fill_ draws into a tensor, also f32 and strided", function(t)
  local s = pg.rng(5)
  local c, x = s:clone(), pg.zeros { 6, 5 }
  s:fill_normal(x)
  t.equal(c:normal { 6, 5 }, x)
  s:fill_uniform(x:t(), -1, 1)
  t.equal(c:uniform({ 5, 6 }, -1, 1), x:t())
  local f = pg.zeros({ 30 }, "f32")
  s:fill_exponential(f, 2)
  t.near(f, c:exponential({ 30 }, 2):tolist(), 1e-6)
end)

test("laws explain what they refuse", function(t)
  local r = pg.rng(1)
  t.fails(function() r:gamma(-1) end, "random.gamma: shape must be positive, got %-1")
  t.fails(function() r:gamma { 3 } end, "random.gamma: shape is missing; the call is rng:gamma")
  t.fails(function() r:normal({ 3 }, "a") end, "random.normal: mean must be a number, got string")
  t.fails(function() r:normal({ 3 }, 0, 1, 2) end, "random.normal: 1 argument too many")
  t.fails(function() r:poisson(-2) end, "random.poisson: mean must lie in %[0, 1e15%], got %-2")
  t.fails(function() r:bernoulli(1.5) end, "random.bernoulli: p must lie in %[0, 1%], got 1.5")
  t.fails(function() r:integers(3, 2) end, "random.integers: lo must not exceed hi, got lo 3, hi 2")
  t.fails(function() r:categorical { 1, -2 } end, "weight 2 is %-2")
  t.fails(function() r:categorical({ 2, -3 }, { 1, 2 }) end, "random.categorical: dimension 2 is %-3")
  t.fails(function() r:fill_normal(pg.zeros({ 3 }, "i64")) end, "random.normal: cannot fill a tensor of dtype i64")
  t.fails(function() r:normal { -3 } end, "%-3")
  t.equal(r:next(), pg.rng(1):next(), "a refused call draws nothing:")
end)

test("blocks: row i is stream i, the first 3 of 5 are the 3, substreams too", function(t)
  local root = pg.rng(9)
  local five, three = root:block("replica", 5), root:block("replica", 3)
  t.equal(#five, 5)
  for _, law in ipairs(laws) do
    local name, args = law[1], law[2]
    local x, y = five[name](five, { 4, 2 }, table.unpack(args)), three[name](three, { 4, 2 }, table.unpack(args))
    t.equal(x:dims(), { 5, 4, 2 })
    t.equal(x[{ { 1, 3 } }], y, "%s", name)
  end
  local late = root:block("replica", 2, 4)
  t.equal(late:normal { 7 }, root:block("replica", 5):normal({ 7 })[{ { 4, 5 } }])
  t.equal(root:block("replica", 5):normal({ 7 })[2], root:stream("replica", 2):normal { 7 })
  t.equal(root:block("replica", 5):stream("noise", 3):normal({ 7 })[2], root:stream("replica", 2):stream("noise", 3):normal { 7 })
  t.equal(root:block("replica", 5):jump(6):normal(), root:block("replica", 5):normal({ 7 })[{ {}, 7 }])
  local row = root:block("replica", 5):row(4)
  t.equal(row:next(), root:stream("replica", 4):next())
  t.fails(function() root:block("x", -1) end, "the number of rows must lie in 0")
  t.fails(function() five:row(6) end, "row 6 of a block of 5")
end)

test("permutations and subsets count from 1", function(t)
  local r = pg.rng(2)
  local p = r:permutation(50)
  t.equal((p:sort()), pg.arange(1, 51, 1, "i64"))
  t.ok(not pg.all(p:eq(p:sort())), "in order by chance?")
  local s = r:subset(20, 7)
  t.equal(#s, 7)
  for i = 1, 7 do t.ok(s[i] >= 1 and s[i] <= 20 and (i == 1 or s[i] > s[i - 1])) end
  local c = r:clone()
  local shuffled, set = r:subset(1000, 30, { ordered = false }), c:subset(1000, 30)
  t.equal((shuffled:sort()), set)
  t.ok(not pg.all(shuffled:eq(set)))
  local d = r:subset(3, 200, { replace = true })
  t.equal(d:min(), 1)
  t.equal(d:max(), 3)
  t.equal(r:subset(5, 5), pg.tensor({ 1, 2, 3, 4, 5 }, "i64"))
  t.equal(#r:subset(5, 0), 0)
  t.fails(function() r:subset(3, 4) end, "random.subset: the size must lie in 0..n, got 4 of n = 3")
  t.fails(function() r:subset(3, 2, { order = true }) end, "order")
end)

test("Poisson subsets: size binomial, all or nothing at the ends", function(t)
  local r = pg.rng(4)
  local sum = 0
  for _ = 1, 200 do sum = sum + #r:poisson_subset(1000, 0.05) end
  t.near(sum, 10000, 5 * math.sqrt(200 * 1000 * 0.05 * 0.95))
  t.equal(#r:poisson_subset(1000, 0), 0)
  t.equal(r:poisson_subset(4, 1), pg.tensor({ 1, 2, 3, 4 }, "i64"))
  t.fails(function() r:poisson_subset(10, 2) end, "random.poisson_subset: q must lie in %[0, 1%], got 2")
end)

test("states round trip, and what is no state is refused", function(t)
  local a, b = pg.rng(1), pg.rng(2)
  a:normal { 11 }
  local text = a:state()
  b:state(text)
  t.equal(b:normal { 5 }, a:clone():normal { 5 })
  t.equal(b:stream("x"):next(), a:stream("x"):next())
  local before = b:clone():next()
  local altered = text:gsub("%x$", function(d) return d == "0" and "1" or "0" end)
  for _, bad in ipairs { "garbage", "", text:sub(1, -2), text:sub(1, 60), text .. "0", altered, text:gsub("dxsm", "xslrr") } do
    t.fails(function() b:state(bad) end, "random.state: ")
  end
  t.equal(b:next(), before)
end)
