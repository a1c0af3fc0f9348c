-- The walk: every binding is called with the n-th allocation failing, n = 0, 1, 2, ... until none is left to fail; once with that one
-- alone, once with all from there on. Each failure must be an ordinary error, and in the end nothing may be alive.
local pg = require "perigee"

local x = pg.tensor { { 4, 1, 2 }, { 1, 5, 3 }, { 2, 3, 6 } }
local v = pg.tensor { 3, 1, 2 }
local wide = pg.ones { 4, 60 } -- more than fits into the header's block
local half = v / 4
local at = pg.tensor({ 2, 1 }, "i64")
local mask = v:gt(1.5)
local integers = pg.arange(1, 4)
local b1, b2 = pg.ones { 2, 3, 4 }, pg.ones { 2, 4, 3 }
local rng, block = pg.rng(1), pg.rng(1):block("rows", 3)
local clock = pg.process.poisson(rng, { rates = { 1, 2 } })
local position = clock:state()
local heap = pg.process.heap({ 1, 2 }, rng)
local graph = pg.process.graph
local ring, plain = graph.cycle(5), graph.from_edges { { 1, 2 }, { 2, 3 }, { 3, 4 }, { 2, 4 } }
local noise = pg.process.fgn_stream(rng, { 3 }, { H = 0.3 })
local history = pg.process.fgn_stream(rng, { 3 }, { H = 0.3, method = "hosking", horizon = 4000 })
local generator = pg.pcg64 { state = "0x1", inc = "0x3" }
local folder = os.tmpname()
os.remove(folder)
pg.io.save_npy(folder .. ".npy", x)
pg.io.save_npz(folder .. ".npz", { x = x, v = v })
pg.io.write_csv(folder .. ".csv", x)
local function put(name, bytes)
  local file = assert(io.open(folder .. name, "wb"))
  file:write(bytes)
  file:close()
end
put(".idx", "\0\0\8\1\0\0\0\2\1\2")
put(".bin", ("\1"):rep(3073))
put(".svm", "1 1:2 3:4\n")
put(".tsv", "1\t\tab\n0\t3\tcd\n")
put(".edges", "1,2\n2,3\n")
local function both(name, ...)
  local args = { ... }
  return function() return rng[name](rng, { 2 }, table.unpack(args)), block[name](block, { 2 }, table.unpack(args)), rng[name](rng, table.unpack(args)) end
end
local moments = pg.diag.moments.quadratic { lambda = { 0.1, 1 }, theta = 0.3, gamma = 1, gammap = 3, x0 = 1, variance = 0.01 }
local design = pg.diag.moments.gossip { edges = { { 1, 2 }, { 2, 3 } }, theta = 0.1, gammap = 0.7, x0 = { 1, 0, -1 } }
local square = function(w) return (w * w):sum() end
local losses = function(w, A) return A:mv(w):sin() end

local optimiser = pg.optim.nesterov { lr = 0.1 }
optimiser:step(v:clone(), v)
local function stepped(kind, options) -- made, and stepped for the first time
  return function()
    local given = { lr = 0.1 }
    for name, value in pairs(options or {}) do given[name] = value end
    return pg.optim[kind](given):step(v:clone(), v)
  end
end

-- One call of every documented name. A function that is documented and not here fails the test.
local calls = {
  ["ad.clipped_chunk"] = function() return pg.ad.clipped_chunk(losses, 1, nil, v, true, v, x) end,
  ["ad.per_example"] = function() return pg.ad.per_example(losses)(v, x) end,
  ["ad.sqnorms"] = function() return pg.ad.sqnorms(losses, v, x) end,
  ["ad.custom"] = function()
    local double = pg.ad.custom { forward = function(w, k) return w * k end, backward = function(g, _, _, k) return g * k end }
    return pg.ad.grad(function(w) return double(w, 2):sum() end)(v)
  end,
  ["ad.grad"] = function() return pg.ad.grad(square)(v) end,
  ["ad.value_and_grad"] = function() return pg.ad.value_and_grad(square)(v) end,
  ["ad.hvp"] = function() return pg.ad.hvp(square, v, v) end,
  ["ad.jacobian"] = function() return pg.ad.jacobian(function(w) return w * w end, v) end,
  ["ad.stop"] = function() return pg.ad.stop(v) end,
  ["diag.design.at_jump"] = function() return design:at_jump(3) end,
  ["diag.design.at_jumps"] = function() return design:at_jumps { 1, 3 } end,
  ["diag.design.at_time"] = function() return design:at_time(3) end,
  ["diag.design.at_times"] = function() return design:at_times { 1, 3 } end,
  ["diag.design.weighted"] = function() return design:weighted(3) end,
  ["diag.moments.gaussian"] = function() return pg.diag.moments.gaussian { h = { 0.1, 1 }, gamma = 0.3, theta = 0.1, gammap = 1, x0 = 1 } end,
  ["diag.moments.rows"] = function() return pg.diag.moments.rows { rows = x, weights = v, gamma = 0.01, x0 = 1 } end,
  ["diag.moments.gossip"] = function() return pg.diag.moments.gossip { edges = { { 1, 2 } }, rates = { 1 }, x0 = { 1, 0 }, z0 = 1 } end,
  ["diag.moments.at_jump"] = function() return moments:at_jump(3) end,
  ["diag.moments.at_jumps"] = function() return moments:at_jumps { 1, 3 } end,
  ["diag.moments.at_time"] = function() return moments:at_time(3) end,
  ["diag.moments.at_times"] = function() return moments:at_times { 1, 3 } end,
  ["diag.moments.contraction"] = function() return moments:contraction() end,
  ["diag.moments.convex"] = function() return pg.diag.moments.convex { lambda = { 0.1, 1 }, L = 1, x0 = 1 }:at_time(2) end,
  ["diag.moments.quadratic"] = function() return pg.diag.moments.quadratic { lambda = { 0.1, 1 }, theta = 0.3, gamma = 1, gammap = 3, x0 = 1 } end,
  ["diag.moments.stationary"] = function() return moments:stationary "jumps" end,
  ["diag.moments.weighted"] = function() return moments:weighted(3) end,
  ["privacy.pairs"] = function() return pg.privacy.pairs(rng, { n = 3000, steps = 4, once = true, memory = 65536 }) end,
  ["privacy.pairs.next"] = function() return pg.privacy.pairs(rng, { n = 300, steps = 4, rate = 0.5 }):next() end,
  ["privacy.pairs.rest"] = function() return pg.privacy.pairs(rng, { n = 3000, steps = 4, rate = 0.5, memory = 65536 }):rest() end,
  ["privacy.pairs.runs"] = function() return pg.privacy.pairs(rng, { n = 3, steps = 4, rate = 0.5 }):runs() end,
  ["tensor.polygamma"] = function() return v:polygamma(1) end,
  ["numeric.integrate"] = function() return pg.numeric.integrate(math.sqrt, { 0, 1 }, { breaks = { 0.5 } }) end,
  ["numeric.stable"] = function() return pg.numeric.stable("cdf", v, 1.5, 0.5), pg.numeric.stable("quantile", pg.tensor({ 0.3 }, "f32"), 0.7) end,
  ["numeric.gauss"] = function() return pg.numeric.gauss("hermite", 5) end,
  ["numeric.root"] = function() return pg.numeric.root(math.sin, { 3, 4 }) end,
  ["numeric.newton"] = function() return pg.numeric.newton(math.sin, math.cos, { 3, 4 }) end,
  ["numeric.bracket"] = function() return pg.numeric.bracket(math.sin, { 1, 2 }) end,
  ["numeric.minimise"] = function() return pg.numeric.minimise(math.sin, { 3, 6 }) end,
  ["numeric.nelder_mead"] = function() return pg.numeric.nelder_mead(function(w) return w:norm() end, v, { x_tol = 0.1, f_tol = 0.1 }) end,
  ["numeric.fit"] = function() return pg.numeric.fit(function(w) return w:square() - 2 end, v, { lower = 0.5 }) end,
  ["numeric.solve"] = function() return pg.numeric.solve(function(w) return w:square() - 2 end, v, { jacobian = function(w) return (2 * w):diag() end }) end,
  ["numeric.ode"] = function() return pg.numeric.ode(function(_, y) return -y end, v, { 0, 1 }, { steps = 2 }) end,
  ["fft.fft"] = function() return pg.fft.fft(x, 1), pg.fft.fft(wide, { n = 17 }) end,
  ["fft.fftn"] = function() return pg.fft.fftn(x) end,
  ["fft.ifft"] = function() return pg.fft.ifft(x:transpose(1, 2)) end,
  ["fft.ifftn"] = function() return pg.fft.ifftn(x, { axes = { 1, 2 } }) end,
  ["fft.irfft"] = function() return pg.fft.irfft(wide) end,
  ["fft.irfftn"] = function() return pg.fft.irfftn(wide, { n = 100 }) end,
  ["fft.rfft"] = function() return pg.fft.rfft(wide) end,
  ["fft.rfftn"] = function() return pg.fft.rfftn(wide) end,
  ["linalg.cholesky"] = function() return pg.linalg.cholesky(x) end,
  ["linalg.eigh"] = function() return pg.linalg.eigh(x) end,
  ["linalg.eigvalsh"] = function() return pg.ad.grad(function(a) return pg.linalg.eigvalsh(a):square():sum() end)(x) end,
  ["linalg.logdet"] = function() return pg.ad.grad(pg.linalg.logdet)(x) end,
  ["linalg.lstsq"] = function() return pg.linalg.lstsq(x, v) end,
  ["linalg.pack_tril"] = function() return pg.linalg.pack_tril(x) end,
  ["linalg.pinv"] = function() return pg.linalg.pinv(x) end,
  ["linalg.qr"] = function() return pg.linalg.qr(x) end,
  ["linalg.rank"] = function() return pg.linalg.rank(x) end,
  ["linalg.slogdet"] = function() return pg.linalg.slogdet(x) end,
  ["linalg.solve_triangular"] = function() return pg.linalg.solve_triangular(x, v) end,
  ["linalg.svd"] = function() return pg.ad.grad(function(a) return select(3, pg.linalg.svd(a)):square():sum() end)(x) end,
  ["linalg.svdvals"] = function() return pg.ad.grad(function(a) return pg.linalg.svdvals(a):sum() end)(x) end,
  ["linalg.unpack_tril"] = function() return pg.linalg.unpack_tril(v) end,
  ["linalg.expm"] = function() return pg.linalg.expm(x) end,
  ["linalg.inverse"] = function() return pg.linalg.inverse(x) end,
  ["linalg.solve"] = function() return pg.linalg.solve(x, v) end,
  ["io.load_npy"] = function() return pg.io.load_npy(folder .. ".npy") end,
  ["io.load_npz"] = function() return pg.io.load_npz(folder .. ".npz") end,
  ["io.read_csv"] = function() return pg.io.read_csv(folder .. ".csv") end,
  ["io.save_npy"] = function() return pg.io.save_npy(folder .. ".npy", x) end,
  ["io.save_npz"] = function() return pg.io.save_npz(folder .. ".npz", { x = x }) end,
  ["io.write_csv"] = function() return pg.io.write_csv(folder .. ".csv", x) end,
  ["io.load_idx"] = function() return pg.io.load_idx(folder .. ".idx") end,
  ["io.load_cifar"] = function() return pg.io.load_cifar(folder .. ".bin") end,
  ["io.save_cifar"] = function() return pg.io.save_cifar(folder .. ".bin", pg.zeros { 1, 3, 32, 32 }, pg.zeros({ 1 }, "i64")) end,
  ["io.read_hashed"] = function() return pg.io.read_hashed(folder .. ".tsv", { roles = "yic" }) end,
  ["io.load_libsvm"] = function() return pg.io.load_libsvm(folder .. ".svm") end,
  ["nn.conv2d"] = function() return pg.nn.conv2d(pg.ones { 2, 3, 4, 4 }, pg.ones { 2, 3, 3, 3 }) end,
  ["nn.conv2d_transpose"] = function() return pg.nn.conv2d_transpose(pg.ones { 2, 2, 2, 2 }, pg.ones { 2, 3, 3, 3 }, 4, 4) end,
  ["nn.avg_pool2d"] = function() return pg.nn.avg_pool2d(pg.ones { 2, 3, 4, 4 }, 2) end,
  ["nn.group_norm2d"] = function() return pg.nn.group_norm2d(pg.ones { 2, 4, 3 }, pg.ones { 4 }, pg.zeros { 4 }, 2) end,
  ["nn.affine"] = function() return pg.nn.affine(pg.ones { 40, 40 }, pg.ones { 40, 40 }, pg.zeros { 40 }, { rectify = true }) end,
  ["nn.softmax_loss"] = function() return pg.nn.softmax_loss(pg.ones { 3, 4 }, pg.tensor({ 1, 2, 4 }, "i64"), { smoothing = 0.1 }) end,
  ["nn.max_pool2d"] = function() return pg.nn.max_pool2d(pg.ones { 2, 3, 4, 4 }, 2) end,
  ["tensor.load"] = function() return pg.load(folder .. ".npy") end,
  ["tensor.save"] = function() return pg.save(folder .. ".npy", x) end,
  ["optim.adagrad"] = stepped "adagrad",
  ["optim.adam"] = stepped "adam",
  ["optim.adamw"] = stepped "adamw",
  ["optim.heavy_ball"] = stepped "heavy_ball",
  ["optim.nesterov"] = stepped "nesterov",
  ["optim.rmsprop"] = stepped("rmsprop", { centred = true, momentum = 0.5 }),
  ["optim.sgd"] = stepped("sgd", { momentum = 0.5 }),
  ["optim.windowed_adagrad"] = stepped("windowed_adagrad", { window = 3 }),
  ["optim.huber_prox"] = function() return pg.optim.huber_prox(v, 1, 2) end,
  ["optim.project_ball"] = function() return pg.optim.project_ball(v, 1, v / 2) end,
  ["optim.project_box"] = function() return pg.optim.project_box(v, 1, 2) end,
  ["optim.project_simplex"] = function() return pg.optim.project_simplex(v) end,
  ["optim.soft_threshold"] = function() return pg.optim.soft_threshold(v, 1.5) end,
  ["optim.optimiser.lr"] = function() return optimiser:lr() end,
  ["optim.optimiser.reset"] = function() return pg.optim.adam {}:reset() end,
  ["optim.optimiser.solution"] = function() return optimiser:solution() end,
  ["optim.optimiser.state"] = function() return optimiser:state(optimiser:state()):state() end,
  ["optim.optimiser.step"] = function() return pg.optim.adam {}:step(wide:transpose(1, 2):clone():transpose(1, 2), wide) end,
  ["optim.optimiser.steps"] = function() return optimiser:steps() end,
  ["process.clock.count"] = function() return clock:count() end,
  ["process.clock.next"] = function() return clock:next() end,
  ["process.clock.next_batch"] = function() return clock:next_batch(3000) end,
  ["process.clock.rates"] = function() return heap:rates() end,
  ["process.clock.schedule"] = function() return heap:schedule(1, heap:time() + 1):next() end,
  ["process.clock.set_rate"] = function() return heap:set_rate(1, 3) end,
  ["process.clock.take_until"] = function() for _ in heap:take_until(heap:time() + 3) do end end,
  ["process.clock.until_time"] = function() return clock:until_time(clock:time() + 30) end,
  ["process.changing"] = function() local c = pg.process.changing({ 1, 2 }, rng) return c:state(c:state()):next() end,
  ["process.hawkes"] = function() local c = pg.process.hawkes(rng, { mu = { 1, 2 }, alpha = 0.1, beta = { { 1, 2 }, { 3, 4 } } }) return c:state(c:state()):next_batch(3) end,
  ["process.heap"] = function() return pg.process.heap({ 1, 2 }, rng) end,
  ["process.inhomogeneous"] = function()
    local c = pg.process.inhomogeneous(rng, { rate = function(s) return math.exp(-s) + 1 end, bound = function(s) return 2, s + 1 end })
    return c:state(c:state()):next_batch(3)
  end,
  ["process.clock.rate"] = function() return clock:rate() end,
  ["process.clock.state"] = function() return clock:state(position):state() end,
  ["process.clock.take"] = function() for _ in clock:take(3) do end end,
  ["process.clock.time"] = function() return clock:time() end,
  ["process.graph.apply"] = function() return ring:apply(pg.ones { 2, 5 }) end,
  ["process.graph.barabasi_albert"] = function() return graph.barabasi_albert(20, 2, rng) end,
  ["process.graph.clone"] = function() return ring:clone() end,
  ["process.graph.complete"] = function() return graph.complete(5) end,
  ["process.graph.components"] = function() return ring:components() end,
  ["process.graph.connected"] = function() return ring:connected() end,
  ["process.graph.cycle"] = function() return graph.cycle(5) end,
  ["process.graph.degree"] = function() return ring:degree() end,
  ["process.graph.edges"] = function() return ring:edges() end,
  ["diag.block_logs"] = function() return pg.diag.block_logs(wide, { 2, 4 }), pg.diag.block_logs(wide:transpose(1, 2), { 3, 6 }, pg.arange(1, 61)) end,
  ["process.kesten.index"] = function() return pg.process.kesten.index { eta = 0.9, b = 3, d = 2 } end,
  ["process.kesten.log_moment"] = function() return pg.process.kesten.log_moment(1.5, { eta = 0.9, b = 3, d = 2 }) end,
  ["process.kesten.critical"] = function() return pg.process.kesten.critical(2, 3) end,
  ["process.kesten.chains"] = function()
    local kesten = pg.process.kesten
    return kesten.chains(block, { eta = 0.5, b = 2, d = 3, steps = 9, gap = 3, average = 2, start = 1 }), kesten.chains(block, { law = "norm", eta = 0.5, d = 3, steps = 4 }),
      kesten.chains(block, { law = "data", eta = 0.1, b = 2, A = x, y = v, steps = 3 })
  end,
  ["process.graph.effective_resistances"] = function() return ring:effective_resistances(), graph.grid({ 2, 20 }):r_max(), graph.tree(4100):r_max() end,
  ["process.graph.eigenvalues"] = function() return ring:eigenvalues() end,
  ["process.graph.erdos_renyi"] = function() return graph.erdos_renyi(9, { p = 0.5 }, rng), graph.erdos_renyi(9, { m = 5 }, rng) end,
  ["process.graph.from_edges"] = function() return graph.from_edges { { 1, 2, 0.5 }, { 2, 3, 1 } }, graph.from_edges(folder .. ".edges") end,
  ["process.graph.geometric"] = function() return graph.geometric(30, 0.3, rng) end,
  ["process.graph.grid"] = function() return graph.grid { 3, 4 } end,
  ["process.graph.hypercube"] = function() return graph.hypercube(3) end,
  ["process.graph.laplacian"] = function() return ring:laplacian() end,
  ["process.graph.layout"] = function() return ring:layout(), plain:layout() end,
  ["process.graph.line"] = function() return graph.line(5) end,
  ["process.graph.m"] = function() return ring:m() end,
  ["process.graph.n"] = function() return ring:n() end,
  ["process.graph.neighbours"] = function() return ring:neighbours(2) end,
  ["process.graph.positions"] = function() return ring:clone():positions(pg.ones { 5, 2 }):positions() end,
  ["process.graph.r_max"] = function() return ring:r_max() end,
  ["process.graph.random_regular"] = function() return graph.random_regular(8, 3, rng), graph.random_regular(8, 5, rng) end,
  ["process.graph.solve"] = function() return ring:solve { 1, 0, 0, -1, 0 } end,
  ["process.graph.spectral_gap"] = function() return ring:spectral_gap(), graph.star(1010):spectral_gap() end,
  ["process.graph.spectrum_ends"] = function() return ring:spectrum_ends(), graph.star(1010):spectrum_ends() end,
  ["process.graph.star"] = function() return graph.star(5) end,
  ["process.graph.torus"] = function() return graph.torus { 3, 4 } end,
  ["process.graph.tree"] = function() return graph.tree(7, 3) end,
  ["process.graph.weights"] = function() return ring:clone():weights(2):weights() end,
  ["process.gossip"] = function() return pg.process.gossip(block, pg.process.graph.line(3), v, { events = { 1, 5 }, method = "heavy_ball", keep = 2 }) end,
  ["process.gossip_rounds"] = function() return pg.process.gossip_rounds(pg.process.graph.line(3), v, { rounds = 4, shift_register = true, values = true }) end,
  ["process.fbm"] = function() return pg.process.fbm(rng, { 5, 3 }, { H = 0.3, dtype = "f32" }), pg.process.fbm(block, { 3 }, { H = 0.3, times = { 0, 1, 3 } }) end,
  ["process.fgn"] = function() return pg.process.fgn(rng, { 5 }, { H = 0.3, method = "cholesky" }), pg.process.fgn(block, { 5, 2 }, { H = 0.5 }), pg.process.fgn(rng, { 5, 3 }, { H = 0.7, past = x }), pg.process.fgn(rng, { 50 }, { H = 0.6 }) end,
  ["process.fgn_covariance"] = function() return pg.process.fgn_covariance(0.3, 100) end,
  ["process.fgn_stream"] = function()
    return pg.process.fgn_stream(rng, { 3 }, { H = 0.7 }):step(), pg.process.fgn_stream(block, { 3 }, { H = 0.7, method = "hosking" }):step()
  end,
  ["process.fgn_stream.count"] = function() return noise:count() end,
  ["process.fgn_stream.state"] = function() return noise:state(noise:state()):state() end,
  ["process.fgn_stream.step"] = function() return noise:step(), noise:step(v:cast "f32"), history:step() end,
  ["process.fgn_stream.variance"] = function() return noise:variance(10) end,
  ["process.poisson"] = function() return pg.process.poisson(rng, { rates = { 1, 2 } }) end,
  ["process.poisson_times"] = function() return pg.process.poisson_times(block, { steps = 2 }) end,
  ["process.superposed"] = function() return pg.process.superposed({ 1, 2 }, rng) end,
  ["random.bernoulli"] = both "bernoulli",
  ["random.beta"] = both("beta", 1, 2),
  ["random.binomial"] = both("binomial", 10, 0.3),
  ["random.categorical"] = both("categorical", { 1, 2 }),
  ["random.chi_square"] = both("chi_square", 3),
  ["random.exponential"] = both "exponential",
  ["random.gamma"] = both("gamma", 2),
  ["random.geometric"] = both("geometric", 0.3),
  ["random.integers"] = both("integers", 6),
  ["random.normal"] = both "normal",
  ["random.poisson"] = both("poisson", 20),
  ["random.rademacher"] = both "rademacher",
  ["random.student_t"] = both("student_t", 3),
  ["random.stable"] = both("stable", 1.5, 0.5),
  ["random.positive_stable"] = both("positive_stable", 0.5),
  ["random.pareto"] = both("pareto", 2),
  ["random.laplace"] = both("laplace"),
  ["random.inverse_gaussian"] = both("inverse_gaussian", 1, 2),
  ["random.stream.stable_vector"] = function() return rng:stable_vector({ 2, 3 }, 1.5) end,
  ["random.block.stable_vector"] = function() return block:stable_vector({ 2, 3 }, 1.5) end,
  ["random.uniform"] = both "uniform",
  ["random.block.jump"] = function() return block:jump(1) end,
  ["random.block.row"] = function() return block:row(2) end,
  ["random.block.stream"] = function() return block:stream "x" end,
  ["random.pcg64.advance"] = function() return generator:advance "12" end,
  ["random.pcg64.next"] = function() return generator:next() end,
  ["random.pcg64.state"] = function() return generator:state() end,
  ["random.stream.block"] = function() return rng:block("x", 3) end,
  ["random.stream.bytes"] = function() return rng:bytes(5000) end,
  ["random.stream.clone"] = function() return rng:clone() end,
  ["random.stream.jump"] = function() return rng:jump(1) end,
  ["random.stream.next"] = function() return rng:next() end,
  ["random.stream.permutation"] = function() return rng:permutation(5) end,
  ["random.stream.poisson_subset"] = function() return rng:poisson_subset(50, 0.3) end,
  ["random.stream.state"] = function() return rng:clone():state(rng:state()) end,
  ["random.stream.stream"] = function() return rng:stream("x", 1) end,
  ["random.stream.subset"] = function() return rng:subset(10, 3), rng:subset(10, 3, { replace = true }) end,
  ["tensor.alias"] = function() return pg.alias { 1, 2 } end,
  ["tensor.pcg64"] = function() return pg.pcg64 { state = "0x1", inc = "0x3" } end,
  ["tensor.rng"] = function() return pg.rng(1) end,
  ["tensor.arange"] = function() return pg.arange(100) end,
  ["tensor.bmm"] = function() return b1:bmm(b2) end,
  ["tensor.bnot"] = function() return integers:bnot() end,
  ["tensor.broadcast_to"] = function() return v:broadcast_to { 2, 3 } end,
  ["tensor.cast"] = function() return wide:cast "f32" end,
  ["tensor.clip"] = function() return v:clip(1, 2) end,
  ["tensor.concatenate"] = function() return pg.concatenate { v, v } end,
  ["tensor.copy_"] = function() return v:clone():copy_(1) end,
  ["tensor.diag"] = function() return v:diag() end,
  ["tensor.dim"] = function() return x:dim(1) end,
  ["tensor.eye"] = function() return pg.eye(3) end,
  ["tensor.fill_"] = function() return v:clone():fill_(2) end,
  ["tensor.fma"] = function() return v:fma(v, 1) end,
  ["tensor.full"] = function() return pg.full({ 3 }, 1) end,
  ["tensor.gather"] = function() return x:gather(at) end,
  ["tensor.histogram"] = function() return v:histogram(3) end,
  ["tensor.item"] = function() return pg.tensor(1):item() end,
  ["tensor.linspace"] = function() return pg.linspace(0, 1, 5) end,
  ["tensor.lnot"] = function() return mask:lnot() end,
  ["tensor.logspace"] = function() return pg.logspace(0, 1, 5) end,
  ["tensor.masked_fill"] = function() return v:masked_fill(mask, 0) end,
  ["tensor.masked_fill_"] = function() return v:clone():masked_fill_(mask, 0) end,
  ["tensor.masked_select"] = function() return v:masked_select(mask) end,
  ["tensor.meshgrid"] = function() return pg.meshgrid(v, v) end,
  ["tensor.mm"] = function() return x:mm(x) end,
  ["tensor.mv"] = function() return x:mv(v) end,
  ["tensor.narrow"] = function() return v:narrow(1, 1, 2) end,
  ["tensor.ones"] = function() return pg.ones { 3 } end,
  ["tensor.outer"] = function() return v:outer(v) end,
  ["tensor.pad"] = function() return v:pad { { 1, 1 } } end,
  ["tensor.partition"] = function() return v:partition(2) end,
  ["tensor.unpack"] = function() return pg.unpack(v, { 1 }, { 2, 1 }) end,
  ["tensor.pack"] = function() return pg.pack(x, v) end,
  ["tensor.permute"] = function() return x:permute { 2, 1 } end,
  ["tensor.put_along"] = function() return v:put_along(at, 1, 5) end,
  ["tensor.put_along_"] = function() return v:clone():put_along_(at, 1, 5) end,
  ["tensor.quantile"] = function() return x:quantile({ 0.1, 0.9 }, 1) end,
  ["tensor.repeat_each"] = function() return v:repeat_each(2) end,
  ["tensor.reshape"] = function() return x:transpose(1, 2):reshape { 9 } end,
  ["tensor.roll"] = function() return v:roll(1) end,
  ["tensor.scatter"] = function() return v:scatter(at, 1) end,
  ["tensor.scatter_"] = function() return v:clone():scatter_(at, 1) end,
  ["tensor.scatter_add"] = function() return v:scatter_add(at, 1) end,
  ["tensor.scatter_add_"] = function() return v:clone():scatter_add_(at, 1) end,
  ["tensor.searchsorted"] = function() return pg.arange(5):cast "f64":searchsorted(v) end,
  ["tensor.select"] = function() return x:select(1, 2) end,
  ["tensor.shl"] = function() return integers:shl(1) end,
  ["tensor.shr"] = function() return integers:shr(1) end,
  ["tensor.slice"] = function() return v:slice(1, 1, 2) end,
  ["tensor.split"] = function() return v:split(2) end,
  ["tensor.stack"] = function() return pg.stack { v, v } end,
  ["tensor.take_along"] = function() return v:take_along(at, 1) end,
  ["tensor.tensor"] = function() return pg.tensor { { 1, 2 }, { 3, 4 } } end,
  ["tensor.tile"] = function() return v:tile { 2 } end,
  ["tensor.topk"] = function() return v:topk(2) end,
  ["tensor.unsqueeze"] = function() return v:unsqueeze(1) end,
  ["tensor.where"] = function() return mask:where(v, 0) end,
  ["tensor.zeros"] = function() return pg.zeros { 4, 60 } end,
}

-- Families that are called alike: a method of a tensor, without arguments or with an operand; special functions.
local function of_family(name, signature)
  local special = name:match "^numeric%.([%w_]+)$"
  if special then -- elementwise, of one to three operands
    local _, commas = signature:gsub(",", "")
    local operands = { table.unpack({ half, half, half }, 1, commas + 1) }
    return function() return pg.numeric[special](table.unpack(operands)) end
  end
  local field = name:match "^tensor%.([%w_]+)$"
  if not field then return nil end
  if signature:match "^%a:[%w_]+%(b%)" then
    local a = field:match "^b%a+" and integers or v
    return function() return a[field](a, a) end
  end
  if signature:match "^%a:[%w_]+%(%)" or signature:match "^%a:[%w_]+%(%[" or signature:match "^%a:norm" then
    local a = (field == "acosh" and v) or (v[field] and x:ndim() == 2 and (field:match "^[ai]" and half or x))
    return function() return a[field](a) end
  end
  if signature:match "^pg%.[%w_]+%(%)" or signature:match "^pg%.%a+%(%[n%]%)" then return function() return pg[field]() end end
  if signature:match "^pg%.[%w_]+%(value%)" then return function() return pg[field](v) end end
end

-- Not walked: these arrange the failures, or run other programs and threads (their own tests cover them).
local apart = { testing = true, workers = true, system = true }

local function walk(t, name, call)
  for _, all in ipairs { false, true } do
    for n = 0, 1000 do
      pg.testing.fail_allocation(n, all)
      local ok, err = pcall(call)
      pg.testing.fail_allocation(-1)
      if ok and not pg.testing.allocation_failed() then break end
      if not ok then t.ok(type(err) == "string" and err:find "memory", "%s, allocation %d: the error is '%s'", name, n, tostring(err)) end
      t.ok(n < 1000, "%s does not come to an end", name)
    end
  end
  t.ok(pcall(call), "%s works again", name)
end

local names = {}
for name in pairs(pg.documentation) do names[#names + 1] = name end
table.sort(names)

for _, name in ipairs(names) do
  if not apart[name:match "^(.-)%."] then
    test(name .. " survives each failing allocation", function(t)
      local call = calls[name] or of_family(name, pg.documentation[name][1])
      t.ok(call, "the walk knows how to call %s", name)
      local can, why = pcall(call)
      t.ok(can, "%s can be called: %s", name, tostring(why))
      walk(t, name, call)
    end)
  end
end

test("the files of the walk are removed", function(t)
  for _, ending in ipairs { ".npy", ".npz", ".csv", ".idx", ".bin", ".svm", ".edges" } do t.ok(os.remove(folder .. ending)) end
end)
