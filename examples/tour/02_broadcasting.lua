-- Broadcasting: shapes are aligned from the last axis; an axis of length 1 is repeated, without a copy.
local pg = require "perigee"

local column, row = pg.tensor { { 1 }, { 2 }, { 3 } }, pg.tensor { 10, 20 }
print(column + row)                                     -- (3, 1) + (2) is (3, 2)

-- Centring the columns of a matrix, and all pairwise squared distances of its rows:
local x = pg.rng(1):normal { 4, 3 }
print((x - x:mean(1)):mean(1):abs():max() < 1e-15)
local d2 = ((x:unsqueeze(2) - x:unsqueeze(1))^2):sum(3) -- (4, 1, 3) - (1, 4, 3)
print(d2)

-- What does not fit says so, with both shapes.
print(select(2, pcall(function() return x + pg.ones { 4 } end)))
