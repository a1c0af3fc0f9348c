-- index_test.lua: x[key] and x[key] = value against plain loops over nested tables.
local pg = require "perigee"

local function grid() return pg.arange(1, 13):reshape { 3, 4 } end -- 1 .. 12, i64

test("integers give views, or numbers when nothing is left", function(t)
  local x = grid()
  t.equal(x[2]:tolist(), { 5, 6, 7, 8 })
  t.equal(x[-1]:tolist(), { 9, 10, 11, 12 })
  t.equal(x[2][3], 7)
  t.equal(x[{ 2, 3 }], 7)
  t.equal(x[{ -1, -1 }], 12)
  t.equal(math.type(x[{ 1, 1 }]), "integer")
  t.equal(pg.tensor { true }[1], true)
  t.equal(x[2.0]:tolist(), { 5, 6, 7, 8 })
  x[2][1] = 50
  t.equal(x[{ 2, 1 }], 50)
end)

test("ranges include both ends, step, and may run backwards", function(t)
  local x = grid()
  t.equal(x[{ { 1, 2 }, 3 }]:tolist(), { 3, 7 })
  t.equal(x[{ {}, { 2, 4, 2 } }]:tolist(), { { 2, 4 }, { 6, 8 }, { 10, 12 } })
  t.equal(x[{ 1, { -1, 1, -1 } }]:tolist(), { 4, 3, 2, 1 })
  t.equal(x[{ 1, { nil, nil, -1 } }]:tolist(), { 4, 3, 2, 1 })
  t.equal(x[{ 1, { 3 } }]:tolist(), { 3, 4 })
  t.equal(x[{ { 3 } }]:tolist(), { { 9, 10, 11, 12 } })
  t.equal(x[{ 1, { nil, 2 } }]:tolist(), { 1, 2 })
  t.equal(x[{ {} }]:dims(), { 3, 4 })
  t.equal(x[{}]:dims(), { 3, 4 })
  t.equal(x[{ { 1, 0 } }]:dims(), { 0, 4 })
  t.equal(x[{ { 4, 3 } }]:dims(), { 0, 4 })
  t.equal(x[{ 1, { 1, 4, 100 } }]:tolist(), { 1 })
end)

test("positions gather, with repeats, any shape, negative from the end", function(t)
  local x = grid()
  t.equal(x[pg.tensor({ 3, 1, -1 }, "i64")]:tolist(), { { 9, 10, 11, 12 }, { 1, 2, 3, 4 }, { 9, 10, 11, 12 } })
  t.equal(x[1][pg.tensor({ { 1, 2 }, { 4, 4 } }, "i64")]:tolist(), { { 1, 2 }, { 4, 4 } })
  t.equal(x[{ {}, pg.tensor({ 4, 1 }, "i64") }]:tolist(), { { 4, 1 }, { 8, 5 }, { 12, 9 } })
  t.equal(x[{ 2, pg.tensor({ 4, 1 }, "i64") }]:tolist(), { 8, 5 })
  t.equal(x[pg.zeros({ 0 }, "i64")]:dims(), { 0, 4 })
  t.equal(x:gather(pg.tensor({ 2 }, "i64"), 2):tolist(), { { 2 }, { 6 }, { 10 } })
  t.equal(x:take_along(pg.tensor({ { 4 }, { 1 }, { -2 } }, "i64"), 2):tolist(), { { 4 }, { 5 }, { 11 } })
end)

test("masks select layers and elements", function(t)
  local x = grid()
  t.equal(x[x:gt(9)]:tolist(), { 10, 11, 12 })
  t.equal(x[pg.tensor { true, false, true }]:tolist(), { { 1, 2, 3, 4 }, { 9, 10, 11, 12 } })
  t.equal(x:masked_fill(x:gt(2), 0)[1]:tolist(), { 1, 2, 0, 0 })
  t.equal(x:gt(10):nonzero():tolist(), { { 3, 3 }, { 3, 4 } })
  t.equal(x[3]:gt(10):nonzero():tolist(), { 3, 4 })
end)

test("assignment writes numbers, tensors and tables into views", function(t)
  local x = pg.zeros { 3, 4 }
  x[1] = 7
  x[{ 2, { 2, 3 } }] = pg.tensor { 1, 2 }
  x[{ {}, 4 }] = { 10, 20, 30 }
  x[{ 3, 1 }] = 0.5
  t.equal(x:tolist(), { { 7.0, 7.0, 7.0, 10.0 }, { 0.0, 1.0, 2.0, 20.0 }, { 0.5, 0.0, 0.0, 30.0 } })
  local v = pg.zeros({ 4 }, "i64")
  v[2] = 2^53 | 1
  v[-1] = 3
  t.equal(v:tolist(), { 0, 9007199254740993, 0, 3 })
  local b = pg.zeros({ 2 }, "bool")
  b[2] = true
  t.equal(b:tolist(), { false, true })
  v[{ { 1, 2 } }] = v[{ { 3, 4 } }]
  t.equal(v:tolist(), { 0, 3, 0, 3 })
  v[{ { 1, 3 } }] = v[{ { 2, 4 } }] -- overlapping: read before it is written
  t.equal(v:tolist(), { 3, 0, 3, 3 })
end)

test("assignment scatters: of equal positions the last wins; scatter_add adds them", function(t)
  local x = pg.zeros { 4 }
  local at = pg.tensor({ 1, 3, 1, -1 }, "i64")
  x[at] = pg.tensor { 1, 2, 3, 4 }
  t.equal(x:tolist(), { 3.0, 0.0, 2.0, 4.0 })
  x[at] = 9
  t.equal(x:tolist(), { 9.0, 0.0, 9.0, 9.0 })
  t.equal(x:scatter_add(at, pg.tensor { 1, 2, 3, 4 }):tolist(), { 13.0, 0.0, 11.0, 13.0 })
  t.equal(x:tolist(), { 9.0, 0.0, 9.0, 9.0 })
  t.equal(x:scatter_add_(at, 1):tolist(), { 11.0, 0.0, 10.0, 10.0 })
  local m = pg.zeros { 2, 3 }
  m[{ {}, pg.tensor({ 3, 1 }, "i64") }] = pg.tensor { { 1, 2 }, { 3, 4 } }
  t.equal(m:tolist(), { { 2.0, 0.0, 1.0 }, { 4.0, 0.0, 3.0 } })
  m[m:gt(2)] = -1
  t.equal(m:tolist(), { { 2.0, 0.0, 1.0 }, { -1.0, 0.0, -1.0 } })
  m[pg.tensor { false, true }] = { { 5, 6, 7 } }
  t.equal(m[2]:tolist(), { 5.0, 6.0, 7.0 })
  t.equal(m:put_along(pg.tensor({ { 1 }, { 2 } }, "i64"), 2, 0):tolist(), { { 0.0, 0.0, 1.0 }, { 5.0, 0.0, 7.0 } })
end)

test("a gather undoes the scatter that it describes", function(t)
  local perm = pg.tensor({ 4, 2, 5, 1, 3 }, "i64")
  local x = pg.arange(0, 15):reshape { 5, 3 }
  local y = pg.zeros({ 5, 3 }, "i64")
  y[perm] = x
  t.equal(y[perm]:tolist(), x:tolist())
end)

test("errors name the index and the length of the axis", function(t)
  local x = grid()
  t.fails(function() return x[0] end, "index 0 of")
  t.fails(function() return x[4] end, "index 4 of")
  t.fails(function() return x[{ 1, 5 }] end, "tensor: index 5 of axis 2, which has length 4")
  t.fails(function() return x[1.5] end, "must be an integer, got 1.5")
  t.fails(function() return x[{ { 1, 4 } }] end, "range {1, 4} of axis 1, which has length 3")
  t.fails(function() return x[{ { 0, 2 } }] end, "range {0, 2}")
  t.fails(function() return x[{ { 1, 2, 0 } }] end, "step of a range must not be 0")
  t.fails(function() return x[{ { 1, 2, 1, 1 } }] end, "a range is {from, to, step}")
  t.fails(function() return x[{ { from = 1 } }] end, "a range is {from, to, step}")
  t.fails(function() return x[{ 1, 1, 1 }] end, "3 subscripts for a tensor of shape %(3, 4%)")
  t.fails(function() return x[{ nil, 1 }] end, "list without holes")
  t.fails(function() return x[{ "a" }] end, "subscript 1 must be")
  t.fails(function() return x[true] end, "an index must be an integer, a list of subscripts, or a tensor")
  t.fails(function() return x[pg.tensor { 1, 2 }] end, "positions must be i64, got f64")
  t.fails(function() return x[pg.tensor({ 1, 4 }, "i64")] end, "index 4 %(number 2%) lies outside axis 1, which has length 3")
  t.fails(function() return x[pg.tensor { true }] end, "a mask of shape %(1%) does not cover the leading axes of %(3, 4%)")
  t.fails(function() x[1] = pg.zeros { 3 } end, "shape")
  t.fails(function() x[1] = "a" end, "tensor")
  t.fails(function() x.foo = 1 end, "foo")
  t.fails(function() pg.zeros {}[1] = 2 end, "0%-d")
  t.fails(function() x:broadcast_to({ 2, 3, 4 })[{ {}, 1 }] = 0 end, "elements share memory")
end)
