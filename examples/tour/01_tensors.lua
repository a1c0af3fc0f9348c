-- Tensors: making them, reading them, views. Run with: perigee examples/tour/01_tensors.lua
local pg = require "perigee"

local a = pg.tensor { { 1, 2, 3 }, { 4, 5, 6 } }       -- f64 unless you say otherwise
print(a)
print(pg.zeros({ 2, 2 }, "i64"), pg.arange(5), pg.linspace(0, 1, 5))

-- Indices count from 1; -1 is the last. A full index is a Lua number, anything less is a view of the same memory.
print(a[1][3], a[-1][1])
local row = a[2]
row[1] = 40
print("writing into a view writes into the tensor:", a[2][1])

-- Slices: { from, to[, step] } for each axis, {} for all of it. Index tensors and masks gather.
print(a[{ {}, { 2, 3 } }])
print(a[a:gt(4)])

-- Arithmetic is elementwise and gives new tensors; names ending in _ write in place. The matrix product is mm.
print(a * 2 + 1)
a:add_(100)
print(a:mm(a:t()))

-- Reductions over everything are numbers, over an axis tensors.
print(a:sum(), a:mean(1), a:max { axes = { 2 }, keep = true })
