-- graph_test.lua: graphs against closed forms: spectra and resistances of the graphs that have a name, laws of the random ones, messages.
local pg = require "perigee"
local graph = pg.process.graph

local function near(t, got, want, rel, ...) t.near(got, want, rel * math.abs(want), ...) end

-- Lists of tensors, bit by bit.
local function same(t, got, want)
  t.equal(#got, #want)
  for i = 1, #want do t.equal(got[i], want[i]) end
end

-- sum_e w_e R_e = n - 1
local function foster(g) return (g:weights() * g:effective_resistances()):sum() / (g:n() - 1) end

local function sin2(x) return 4 * math.sin(x) ^ 2 end -- 2 - 2 cos 2x without cancellation

test("line, cycle, complete graph, star: gap and largest resistance in closed form", function(t)
  for _, n in ipairs { 3, 4, 10, 37, 100, 300 } do
    local line, cycle, complete, star = graph.line(n), graph.cycle(n), graph.complete(n), graph.star(n)
    near(t, line:spectral_gap(), sin2(math.pi / (2 * n)) / (n - 1), 1e-9, "line %d", n)
    near(t, cycle:spectral_gap(), sin2(math.pi / n) / n, 1e-9, "cycle %d", n)
    near(t, complete:spectral_gap(), 2 / (n - 1), 1e-12, "complete %d", n)
    near(t, star:spectral_gap(), 1 / (n - 1), 1e-10, "star %d", n)
    for _, g in ipairs { line, cycle, complete, star } do
      near(t, g:r_max(), n - 1, 1e-9, "%d nodes", n)
      near(t, foster(g), 1, 1e-9)
    end
    local _, largest = complete:spectrum_ends()
    near(t, largest, 2 / (n - 1), 1e-12)
    near(t, select(2, star:spectrum_ends()), n / (n - 1), 1e-12)
  end
end)

test("grids and tori", function(t)
  local g = graph.grid { 15, 15 }
  t.equal(g:n(), 225)
  t.equal(g:m(), 420)
  near(t, g:spectral_gap(), 1.04059044e-4, 1e-8)
  near(t, g:r_max(), 293.020436, 1e-8)
  near(t, graph.grid { 8, 8 }:spectral_gap(), 1.35929406e-3, 1e-8)
  near(t, graph.grid({ 8, 8 }):r_max(), 78.1582458, 1e-8)
  for _, dims in ipairs { { 5, 5 }, { 4, 4, 4 }, { 3, 3, 3, 3 } } do -- edge-transitive: all resistances are (n - 1)
    local torus = graph.torus(dims)
    t.near(torus:effective_resistances() / (torus:n() - 1), pg.ones { torus:m() }, 1e-10)
  end
  -- the spectrum of a product is the sum of spectra
  local box, values = graph.grid { 3, 4, 2 }, {}
  for i = 0, 2 do for j = 0, 3 do for k = 0, 1 do
    values[#values + 1] = (sin2(math.pi * i / 6) + sin2(math.pi * j / 8) + sin2(math.pi * k / 4)) / box:m()
  end end end
  table.sort(values)
  t.near(box:eigenvalues(), values, 1e-14)
  t.equal(graph.torus({ 2, 1, 3 }):m(), 3 + 2 * 3) -- sides of length 2 are joined once, of length 1 not at all
  same(t, { graph.grid({ 2, 3 }):edges() }, { pg.tensor({ 1, 2, 3, 1, 2, 4, 5 }, "i64"), pg.tensor({ 4, 5, 6, 2, 3, 5, 6 }, "i64") })
end)

test("hypercubes and trees", function(t)
  local cube = graph.hypercube(6)
  t.equal({ cube:n(), cube:m() }, { 64, 192 })
  near(t, cube:r_max(), 63, 1e-10)
  local values, at = {}, 0
  for k = 0, 6 do
    local times = 1
    for i = 1, k do times = times * (6 - i + 1) // i end
    for _ = 1, times do at = at + 1 values[at] = 2 * k / 192 end
  end
  t.near(cube:eigenvalues(), values, 1e-14)
  for arity = 1, 4 do -- in a tree each edge is alone: R = 1 / w
    local tree = graph.tree(40, arity)
    t.near(tree:effective_resistances() / 39, pg.ones { 39 }, 1e-10)
    t.equal(tree:connected(), true)
  end
  t.equal(graph.tree(7):neighbours(2), pg.tensor({ 1, 4, 5 }, "i64"))
  t.near(graph.tree(40, 1):spectral_gap(), graph.line(40):spectral_gap(), 1e-15)
end)

test("weights: any rates keep Foster's sum, and resistances are those of the pseudo-inverse", function(t)
  local rng = pg.rng(5)
  local g = graph.erdos_renyi(60, { m = 200 }, rng)
  t.equal(g:connected(), true)
  g:weights(rng:uniform({ 200 }, 0.1, 3))
  near(t, foster(g), 1, 1e-12)
  local u, v = g:edges()
  local L = g:laplacian()
  local P = pg.linalg.pinv(L, { rcond = 1e-12 })
  local d = P:diag()
  local want = d[u] + d[v] - 2 * P[u]:take_along(v:unsqueeze(2), 2):squeeze(2)
  t.near(g:effective_resistances(), want, 1e-10)
  t.near(L:sum(2), pg.zeros { 60 }, 1e-14)
  local x = rng:normal { 3, 60 }
  t.near(g:apply(x), x:mm(L), 1e-12)
  t.near(g:solve(x, { tol = 1e-13 }), x:mm(P), 1e-10)
  t.near(g:eigenvalues(), pg.linalg.eigvalsh(L), 1e-12)
  t.equal(g:clone():weights(2):weights(), pg.full({ 200 }, 2.0))
  t.ok(g:weights()[1] ~= 2, "a copy has rates of its own")
  local dense = graph.complete(30):weights(rng:uniform({ 435 }, 0.1, 3)) -- many edges: the other way to the same numbers
  near(t, foster(dense), 1, 1e-12)
end)

test("narrow graphs: the band's resistances are the pseudo-inverse's, whatever the rates and the numbers of the nodes", function(t)
  for _, dims in ipairs { { 5, 60 }, { 300 }, { 2, 2, 50 } } do
    local rng = pg.rng(6):stream("narrow", #dims)
    local grid = graph.torus(dims)
    local n, shuffled = grid:n(), rng:permutation(grid:n())
    local u, v = grid:edges()
    local g = graph.from_edges(pg.stack({ shuffled[u], shuffled[v] }, 2))
    g:weights(rng:normal({ g:m() }):exp())
    u, v = g:edges()
    local P = pg.linalg.pinv(g:laplacian(), { rcond = 1e-13 })
    local d = P:diag()
    local want = d[u] + d[v] - 2 * P[u]:take_along(v:unsqueeze(2), 2):squeeze(2)
    t.near((g:effective_resistances() / want - 1):abs():max(), 0, 1e-10, "%d nodes", n)
    near(t, foster(g), 1, 1e-12)
  end
  near(t, foster(graph.grid { 150, 150 }), 1, 1e-11)                       -- beyond the dense limit
  near(t, graph.cycle(50000):r_max(), 50000 - 1, 1e-9)
end)

test("large graphs: Lanczos and conjugate gradients against closed forms", function(t)
  for _, n in ipairs { 1200, 20000 } do near(t, graph.line(n):spectral_gap(), sin2(math.pi / (2 * n)) / (n - 1), 1e-8, "line %d", n) end
  local g = graph.grid { 30, 50 }
  local small, large = g:spectrum_ends()
  near(t, small, sin2(math.pi / 100) / g:m(), 1e-10)
  near(t, large, (sin2(math.pi * 29 / 60) + sin2(math.pi * 49 / 100)) / g:m(), 1e-7)
  near(t, graph.complete(1100):spectral_gap(), 2 / 1099, 1e-10)
  local b = pg.zeros { 30000 }
  b[1], b[30000] = 1, -1
  local x = graph.line(30000):weights(2):solve(b)
  near(t, x[1] - x[30000], 29999 / 2, 1e-8)
  local tree = graph.tree(5000, 3)
  t.equal(tree:r_max(), 1 / tree:weights()[1])
  local u, v = graph.tree(4050, 3):edges() -- above the dense limit, with two cycles
  local cyclic = graph.from_edges(pg.concatenate { pg.stack({ u, v }, 2), pg.tensor({ { 10, 20 }, { 4000, 4049 } }, "i64") })
  near(t, foster(cyclic), 1, 1e-9)
end)

test("random regular graphs are regular, and each looks different", function(t)
  for _, c in ipairs { { 10, 3 }, { 50, 4 }, { 51, 10 }, { 20, 17 }, { 9, 8 }, { 5, 0 }, { 6, 1 }, { 1000, 3 }, { 5, 2 } } do
    local n, d = table.unpack(c)
    local g = graph.random_regular(n, d, pg.rng(3))
    t.equal(g:degree(), pg.full({ n }, d, "i64"), "%d nodes of degree %d", n, d)
  end
  -- 6 nodes, degree 1: 15 perfect matchings, all alike
  local count, rng = {}, pg.rng(4)
  for _ = 1, 3000 do
    local u, v = graph.random_regular(6, 1, rng):edges()
    local key = table.concat(u:tolist(), "") .. table.concat(v:tolist(), "")
    count[key] = (count[key] or 0) + 1
  end
  local kinds, chi2 = 0, 0
  for _, c in pairs(count) do kinds, chi2 = kinds + 1, chi2 + (c - 200) ^ 2 / 200 end
  t.equal(kinds, 15)
  t.ok(chi2 < 14 + 5 * math.sqrt(28), "chi square %g", chi2)
end)

test("2-regular graphs on six nodes: triangles against hexagons in their proportion", function(t)
  -- 10 pairs of triangles and 60 hexagons
  local rng, triangles = pg.rng(6), 0
  for _ = 1, 4000 do
    if not graph.random_regular(6, 2, rng):connected() then triangles = triangles + 1 end
  end
  t.near(triangles / 4000, 1 / 7, 5 * math.sqrt(6 / 49 / 4000))
end)

test("Erdos-Renyi: numbers of edges, and every pair alike", function(t)
  local rng, n, p = pg.rng(7), 12, 0.3
  local seen, edges, square = pg.zeros { n * n }, 0, 0
  for _ = 1, 2000 do
    local g = graph.erdos_renyi(n, { p = p }, rng)
    local u, v = g:edges()
    t.ok(g:m() == 0 or u:lt(v):all())
    seen = seen:scatter_add((u - 1) * n + v, pg.ones { g:m() })
    edges, square = edges + g:m(), square + g:m() ^ 2
  end
  local pairs_ = n * (n - 1) / 2
  t.near(edges / 2000, pairs_ * p, 5 * math.sqrt(pairs_ * p * (1 - p) / 2000))
  t.near(square / 2000 - (edges / 2000) ^ 2, pairs_ * p * (1 - p), 5 * math.sqrt(2 / 2000) * pairs_ * p * (1 - p))
  local each = seen[seen:gt(0)]
  t.equal(each:size(), 66)
  t.near((each - 2000 * p):abs():max(), 0, 5 * math.sqrt(2000 * p * (1 - p)))
  local few = graph.erdos_renyi(1000, { m = 30 }, rng)
  t.equal({ few:n(), few:m() }, { 1000, 30 })
  t.equal(graph.erdos_renyi(5, { m = 10 }, rng):edges(), (graph.complete(5):edges()))
  t.equal(graph.erdos_renyi(5, { p = 1.0 }, rng):m(), 10)
  t.equal(graph.erdos_renyi(5, { p = 0.0 }, rng):m(), 0)
end)

test("preferential attachment: edges, connectedness, the law of degrees", function(t)
  local n, k = 20000, 3
  local g = graph.barabasi_albert(n, k, pg.rng(8))
  t.equal(g:m(), k * (k + 1) // 2 + (n - k - 1) * k)
  t.equal(g:connected(), true)
  local degree = g:degree()
  t.equal(degree:min(), k)
  for d = k, k + 3 do -- P(degree = d) = 2 k (k + 1) / (d (d + 1) (d + 2)) in the limit
    local want = 2 * k * (k + 1) / (d * (d + 1) * (d + 2))
    t.near(degree:eq(d):cast("f64"):mean(), want, 5 * math.sqrt(want / n) + 2 / math.sqrt(n))
  end
end)

test("geometric graphs: the cells find the pairs that a search of all pairs finds", function(t)
  for _, c in ipairs { { 200, 0.11, 2, false }, { 200, 0.11, 2, true }, { 150, 0.25, 3, true }, { 100, 0.02, 1, false }, { 60, 0.4, 2, true }, { 50, 2.0, 2, false },
    { 100, 0.5, 4, false } } do
    local n, r, dim, torus = table.unpack(c)
    local g = graph.geometric(n, r, pg.rng(9), { dim = dim, torus = torus })
    local x = g:positions()
    t.equal(x:dims(), { n, dim })
    local d = (x:unsqueeze(1) - x:unsqueeze(2)):abs()
    if torus then d = d:minimum(1 - d) end
    local near_ = (d ^ 2):sum(3):lt(r * r):cast "f64" - pg.eye(n)
    t.equal(-g:weights(1):laplacian() + g:degree():cast("f64"):diag(), near_)
    t.ok(near_:sum() > 0)
  end
end)

test("random graphs depend on the stream alone", function(t)
  local makers = { function(r) return graph.random_regular(30, 3, r) end, function(r) return graph.erdos_renyi(30, { p = 0.2 }, r) end,
    function(r) return graph.erdos_renyi(30, { m = 50 }, r) end, function(r) return graph.barabasi_albert(30, 2, r) end,
    function(r) return graph.geometric(60, 0.3, r) end }
  for _, make in ipairs(makers) do
    local a = pg.rng(1)
    local first, second = make(a), make(a)
    same(t, { make(pg.rng(1)):edges() }, { first:edges() })
    t.ok(first:laplacian():dims()[1] == second:laplacian():dims()[1] and (first:m() ~= second:m() or (first:laplacian() - second:laplacian()):norm() > 0), "they differ")
  end
end)

test("edge lists from tables, tensors and files", function(t)
  local g = graph.from_edges({ { 3, 1 }, { 1, 2 } }, { n = 4 })
  t.equal({ g:n(), g:m() }, { 4, 2 })
  local labels, count = g:components()
  t.equal(count, 2)
  t.equal(labels, pg.tensor({ 1, 1, 1, 2 }, "i64"))
  same(t, { g:edges() }, { pg.tensor({ 3, 1 }, "i64"), pg.tensor({ 1, 2 }, "i64") })
  local nodes, edges = g:neighbours(1)
  same(t, { nodes, edges }, { pg.tensor({ 2, 3 }, "i64"), pg.tensor({ 2, 1 }, "i64") })
  t.equal(graph.from_edges({ { 1, 2, 0.5 }, { 2, 3, 2 } }):weights(), pg.tensor { 0.5, 2 })
  t.equal(graph.from_edges({ { 1, 2 }, { 2, 3 } }, { weights = { 0.5, 2 } }):weights(), pg.tensor { 0.5, 2 })
  t.equal(graph.from_edges(pg.tensor({ { 1, 2 } }, "i64")):m(), 1)
  t.equal(graph.from_edges({}, { n = 3 }):m(), 0)
  local path = os.tmpname()
  local file = io.open(path, "w")
  file:write "from,to,rate\n1,2,0.25\n2,3,4\n"
  file:close()
  local read = graph.from_edges(path)
  os.remove(path)
  t.equal(read:weights(), pg.tensor { 0.25, 4 })
  t.near(read:effective_resistances(), { 4, 0.25 }, 1e-14)
end)

test("a wrong edge is named by its row", function(t)
  local function fails(edges, options, message) t.fails(function() graph.from_edges(edges, options) end, message) end
  fails({ { 1, 2 }, { 2, 5 } }, { n = 3 }, "edge 2 leads to node 5, but the nodes are 1 .. 3")
  fails({ { 1, 2 }, { 0, 1 } }, nil, "edge 2 leads to node 0")
  fails({ { 1, 2 }, { 2, 2 } }, nil, "edge 2 joins node 2 to itself")
  fails({ { 1, 2 }, { 2, 3 }, { 2, 1 } }, nil, "edge 3 repeats edge 1, between nodes 1 and 2")
  fails({ { 1, 2, 1 }, { 2, 3, 0 } }, nil, "the rate of edge 2 is 0; rates must be positive and finite")
  fails({ { 1, 2, 1 }, { 2, 3, -1 } }, nil, "the rate of edge 2 is %-1")
  fails({ { 1, 2, 0 / 0 } }, nil, "the rate of edge 1 is %-?nan")
  fails({ { 1, 2, math.huge } }, nil, "the rate of edge 1 is inf")
  fails({ { 1, 2 }, { 1, 3.5 } }, nil, "edge 2: a node is a whole number")
  fails({ { 1, 2, 1 } }, { weights = 2 }, "third column")
  fails({ { 1, 2 } }, { weights = { 1, 2 } }, "one for each of the 1 edges; got shape %(2%)")
  fails({ { 1 } }, nil, "got shape %(1, 1%)")
  fails({ { 1, 2 } }, { weihgts = 1 }, "did you mean 'weights'")
  local g = graph.line(3)
  t.fails(function() g:weights { 1, -1 } end, "the rate of edge 2 is %-1")
  t.equal(g:weights(), pg.tensor { 0.5, 0.5 })
  t.fails(function() g:neighbours(4) end, "the nodes are 1 .. 3, got 4")
  t.fails(function() g:apply { 1, 2 } end, "values of the 3 nodes")
end)

test("where connectedness is needed, its absence says how many parts there are and where", function(t)
  local g = graph.from_edges({ { 1, 2 }, { 4, 5 } }, { n = 6 })
  t.equal(g:connected(), false)
  local message = "not connected: it has 4 components, around the nodes 1, 3, 4, 6"
  t.fails(function() g:spectral_gap() end, message)
  t.fails(function() g:effective_resistances() end, message)
  t.fails(function() g:r_max() end, "effective_resistances: the graph is " .. message)
  t.fails(function() g:solve { 1, 0, 0, 0, 0, -1 } end, message)
  t.fails(function() graph.from_edges({}, { n = 100 }):r_max() end, "100 components, around the nodes 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, %.%.%.$")
  t.equal(g:eigenvalues():lt(1e-15):sum(), 4)
end)

test("sizes and arguments that make no graph", function(t)
  local rng = pg.rng(1)
  t.fails(function() graph.line(0) end, "process.graph.line: the number of nodes must lie in 1 .. 1073741824, got 0")
  t.fails(function() graph.cycle(2) end, "at least 3 nodes, got 2")
  t.fails(function() graph.grid { 3, 0 } end, "side 2 is 0")
  t.fails(function() graph.torus {} end, "1 .. 6 sides")
  t.fails(function() graph.hypercube(31) end, "0 .. 30, got 31")
  t.fails(function() graph.tree(5, 0) end, "arity must be at least 1, got 0")
  t.fails(function() graph.random_regular(5, 3, rng) end, "must be even, got n = 5, d = 3")
  t.fails(function() graph.random_regular(5, 5, rng) end, "degree must lie in 0 .. n %- 1 = 4, got 5")
  t.fails(function() graph.erdos_renyi(5, {}, rng) end, "either p")
  t.fails(function() graph.erdos_renyi(5, { p = 0.1, m = 2 }, rng) end, "either p")
  t.fails(function() graph.erdos_renyi(5, { p = 1.1 }, rng) end, "p must lie in %[0, 1%], got 1.1")
  t.fails(function() graph.erdos_renyi(5, { m = 11 }, rng) end, "0 .. 10 edges, got m = 11")
  t.fails(function() graph.barabasi_albert(5, 5, rng) end, "must be 1 .. n %- 1 = 4, got 5")
  t.fails(function() graph.geometric(5, -1, rng) end, "radius must be positive and finite, got %-1")
  t.fails(function() graph.line(1):spectral_gap() end, "one node")
  local single = graph.line(1)
  t.equal({ single:n(), single:m(), single:r_max(), single:connected() }, { 1, 0, 0.0, true })
end)

test("layouts: lines, circles, grids, and eigenvectors that untangle a graph", function(t)
  t.equal(graph.line(3):layout(), pg.tensor { { 0, 0 }, { 1, 0 }, { 2, 0 } })
  t.near(graph.cycle(8):layout():norm { axes = 2 }, pg.ones { 8 }, 1e-15)
  t.equal(graph.grid({ 2, 2 }):layout(), pg.tensor { { 0, 0 }, { 0, 1 }, { 1, 0 }, { 1, 1 } })
  local cube = graph.grid({ 2, 2, 2 }):layout()
  t.equal(cube:dims(), { 8, 2 })
  -- a relabelled line from its edges alone: the first coordinate is monotone along it
  local order = { 3, 1, 5, 2, 6, 4 }
  local E = {}
  for i = 1, 5 do E[i] = { order[i], order[i + 1] } end
  local g = graph.from_edges(E)
  t.equal(g:positions(), nil)
  local x, sign = g:layout(), 0
  for i = 1, 5 do sign = sign + (x[order[i + 1]][1] > x[order[i]][1] and 1 or -1) end
  t.equal(math.abs(sign), 5)
  t.equal(g:positions(pg.ones { 6, 2 }):layout(), pg.ones { 6, 2 })
  t.fails(function() g:positions(pg.full({ 6, 2 }, 0 / 0)) end, "coordinate 1 of node 1")
  t.equal(graph.from_edges({ { 1, 2 } }, { n = 5 }):layout():dims(), { 5, 2 })
end)

test("large sparse graphs have a layout too", function(t)
  local u, v = graph.cycle(1500):edges()
  local x = graph.from_edges(pg.stack({ u, v }, 2)):layout()
  local r = x:norm { axes = 2 }
  t.ok(r:isfinite():all() and r:max() > 0)
end)
