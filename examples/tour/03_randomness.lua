-- Randomness: a seed gives a root stream, names give substreams. What a stream yields depends on the seed and the names alone,
-- not on what was drawn before or elsewhere.
local pg = require "perigee"

local rng = pg.rng(42)
local noise, init = rng:stream "noise", rng:stream("init", 3)
print(noise:normal { 2, 3 }, init:uniform())

-- A normal costs exactly one word, so the k-th variate can be reached directly, and replayed.
local again = rng:stream "noise"
again:jump(4)
print(again:normal { 2 })                               -- the last two of the six above

-- Replicas as a batch: row i of what a block fills comes from stream i.
local replicas = rng:block("replica", 3)
print(replicas:normal { 2 })
print(rng:stream("replica", 2):normal { 2 })            -- its second row

-- Other laws, subsets, permutations; the state as text.
print(rng:stream("g"):gamma({ 3 }, 2.5), rng:stream("s"):subset(100, 5), rng:stream("p"):permutation(5))
print(noise:state())
