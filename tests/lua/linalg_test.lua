-- linalg_test.lua: products, systems, inverse and exponential from Lua, against plain loops and closed forms.
local pg = require "perigee"
local linalg = pg.linalg

local function matrix(rows, cols, seed)
  local m = {}
  for i = 1, rows do
    m[i] = {}
    for j = 1, cols do m[i][j] = math.sin(seed + 3.7 * i + 1.3 * j * j) end
  end
  return m
end

local function product(a, b)
  local c = {}
  for i = 1, #a do
    c[i] = {}
    for j = 1, #b[1] do
      local sum = 0
      for k = 1, #b do sum = sum + a[i][k] * b[k][j] end
      c[i][j] = sum
    end
  end
  return c
end

test("mm agrees with a loop, also on transposed and strided views", function(t)
  local a, b = matrix(7, 5, 1), matrix(5, 3, 2)
  local A, B = pg.tensor(a), pg.tensor(b)
  t.near(A:mm(B), product(a, b), 1e-14)
  t.near(pg.mm(A, B), product(a, b), 1e-14)
  t.near(B:t():mm(A:t()), A:mm(B):t(), 1e-14)
  local odd = A[{ { 1, 7, 2 }, { 1, 5, 2 } }]
  t.near(odd:mm(B[{ { 1, 5, 2 } }]), product(odd:tolist(), B[{ { 1, 5, 2 } }]:tolist()), 1e-14)
end)

test("mm takes a vector on the right; mv, outer, bmm", function(t)
  local A, x = pg.tensor(matrix(4, 3, 5)), pg.tensor { 1, -2, 0.5 }
  local y = {}
  for i = 1, 4 do y[i] = A[i][1] - 2 * A[i][2] + A[i][3] / 2 end
  t.near(A:mm(x), y, 1e-15)
  t.equal(A:mm(x):tolist(), A:mv(x):tolist())
  t.equal(pg.tensor({ 1, 2 }):outer(pg.tensor { 3, 4, 5 }):tolist(), { { 3, 4, 5 }, { 6, 8, 10 } })
  local stack = pg.stack { A, 2 * A }
  local B = pg.tensor(matrix(3, 2, 6))
  t.near(stack:bmm(B)[2], 2 * A:mm(B), 1e-14)
end)

test("a system, its inverse and a stack of them", function(t)
  local A = pg.tensor { { 0, 2, 1 }, { 1, 1, 0 }, { 3, 0, 1 } }
  t.near(linalg.solve(A, pg.tensor { 7, 3, 6 }), { 1, 2, 3 }, 1e-14)
  t.near(linalg.inverse(A):mm(A * 1.0), pg.eye(3), 1e-14)
  local both = linalg.solve(pg.stack { A, 2 * A }, pg.tensor { { 7 }, { 3 }, { 6 } })
  t.near(both[2], { { 0.5 }, { 1 }, { 1.5 } }, 1e-14)
end)

test("expm: rotations, and e^A e^-A = 1", function(t)
  local R = linalg.expm(pg.tensor { { 0, -0.4 }, { 0.4, 0 } })
  t.near(R, { { math.cos(0.4), -math.sin(0.4) }, { math.sin(0.4), math.cos(0.4) } }, 1e-15)
  local A = 3 * pg.tensor(matrix(6, 6, 8))
  t.near(linalg.expm(A):mm(linalg.expm(-A)), pg.eye(6), 1e-9)
end)

test("errors name the operation, the shapes and the pivot", function(t)
  t.fails(function() pg.zeros { 3, 4 }:mm(pg.zeros { 5, 2 }) end, "tensor.mm: inner dimensions differ: %(3, 4%) x %(5, 2%)")
  t.fails(function() pg.zeros { 3, 4 }:mm(pg.zeros { 5 }) end, "tensor.mv: inner dimensions differ: %(3, 4%) x %(5%)")
  t.fails(function() pg.zeros { 3 }:mm(pg.zeros { 3, 3 }) end, "tensor.mm: the first operand must be a matrix, got shape %(3%)")
  t.fails(function() pg.zeros { 3, 4 }:mm(2) end, "tensor expected")
  t.fails(function() linalg.solve(pg.ones { 2, 2 }, pg.ones { 2 }) end, "linalg.solve: matrix is singular %(pivot 2 is 0%)")
  t.fails(function() linalg.inverse(pg.zeros { 2, 3 }) end, "linalg.inverse: the matrix is not square: %(2, 3%)")
  t.fails(function() linalg.expm(pg.full({ 2, 2 }, 0 / 0)) end, "linalg.expm: the matrix holds %-?nan at row 1, column 1")
end)
