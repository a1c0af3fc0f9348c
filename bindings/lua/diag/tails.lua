-- diag/tails.lua: estimators of the tail index alpha, P(|X| > x) ~ c x^-alpha.
--
-- Block log-norm (Mohammadi, Mohammadpour & Ogata 2015): for strictly stable rows the sum of m of them is m^(1/alpha) times one, so
--     1 / alpha(m) = (mean log |Y| - mean log |X|) / log m,   Y the sums of blocks of m rows.
-- It is free of scale, wants centred rows in random order, is biased off the stable laws and never sees an index above 2.
-- Order statistics Y_1 >= Y_2 >= ... of |X|, k of them: Hill (1975), Pickands (1975), the moment estimator (Dekkers, Einmahl & de Haan 1989), the ratio
-- M2 / (2 M1) (Danielsson, Jansen & de Vries 1996); block ratio (Paulauskas 2003): the mean of second largest over largest in blocks.
-- Layers of networks as Barsbey et al. (2021) estimate them: rows less the column medians, five random orders of the rows, median.
local pg = require "perigee"

local tails = {}
local sizes = { 2, 5, 10, 20, 50, 100, 500, 1000 }

local function shape(t) return "(" .. table.concat(t:dims(), ", ") .. ")" end

-- A float tensor without NaN, or an error that says where the first is.
local function data(who, x)
  if not pg.is_tensor(x) or x:ndim() == 0 then error(("%s: a tensor of at least one axis is needed, got %s"):format(who, pg.is_tensor(x) and "a number" or type(x)), 3) end
  if x:dtype() ~= "f32" then x = x:cast "f64" end
  if x:isnan():any() then error(("%s: element %d is NaN"):format(who, x:isnan():flatten():argmax()), 3) end
  return x
end

-- ---- block log-norm ----

local function largest_divisor(n, most)
  for m = math.min(most, n), 1, -1 do if n % m == 0 then return m end end
end

--- Block sizes for N rows: of 2, 5, 10, 20, 50, 100, 500, 1000 up to N/2 the largest divisor of N not above each, and that not above sqrt N; without 1.
function tails.candidates(N)
  if math.type(N) ~= "integer" or N < 1 then error("diag.tails.candidates: N must be an integer >= 1, got " .. tostring(N), 2) end
  local found, seen = {}, { true }                                   -- 1 is no block
  local function take(m) if not seen[m] then found[#found + 1], seen[m] = m, true end end
  for _, m in ipairs(sizes) do if m <= N // 2 then take(largest_divisor(N, m)) end end
  take(largest_divisor(N, math.floor(math.sqrt(N))))
  return found
end

local function rows_of(who, x)
  x = data(who, x)
  if x:ndim() > 2 then error(("%s: rows (N, d) or numbers (N) are needed, got shape %s"):format(who, shape(x)), 3) end
  return x:ndim() == 1 and x:unsqueeze(2) or x
end

-- alpha(m) for sizes in any order.
local function by_blocks(x, wanted, order)
  local sorted = table.move(wanted, 1, #wanted, 1, {})
  table.sort(sorted)
  local logs, alpha = pg.diag.block_logs(x, sorted, order), {}
  for k, m in ipairs(sorted) do alpha[m] = math.log(m) / (logs[k + 1] - logs[1]) end
  local list = {}
  for k, m in ipairs(wanted) do list[k] = alpha[m] end
  return pg.tensor(list)
end

--- alpha(m) of rows (N, d) or numbers (N), m a divisor of N.
function tails.block(x, m)
  x = rows_of("diag.tails.block", x)
  if math.type(m) ~= "integer" or m < 2 or x:dim(1) % m ~= 0 then
    error(("diag.tails.block: m must be a divisor >= 2 of the %d rows, got %s"):format(x:dim(1), tostring(m)), 2)
  end
  return by_blocks(x, { m })[1]
end

-- The rows that are used: all, or with truncate the most for which there are blocks.
local function usable(who, x, truncate)
  local N = x:dim(1)
  if #tails.candidates(N) > 0 then return x end
  local less = N - 1
  while less > 3 and #tails.candidates(less) == 0 do less = less - 1 end
  if N < 4 then error(("%s: at least 4 rows are needed, got %d"):format(who, N), 3) end
  if truncate then return x:narrow(1, 1, less) end
  error(("%s: %d rows are prime and cannot be cut into blocks; give %d of them, or truncate = true"):format(who, N, less), 3)
end

--- The combined estimate: the median of alpha(m) over tails.candidates(N), at most 2; and the single ones with their block sizes.
function tails.combined(x, opt)
  opt = pg.options("diag.tails.combined", opt, { truncate = false, order = pg.optional })
  x = usable("diag.tails.combined", rows_of("diag.tails.combined", x), opt.truncate)
  local found = tails.candidates(x:dim(1))
  local single = by_blocks(x, found, opt.order)
  return math.min(single:median(), 2), single, found
end

local views = {
  rows = function(W) return W - W:median { axes = { 1 }, keep = true } end,
  entries = function(W) local flat = W:flatten() return flat - flat:median() end,
  norms = function(W) local norms = W:square():sum(2):sqrt() return norms - norms:median() end,
}

--- The index of a layer, a matrix (outputs, inputs) or convolution (outputs, inputs, kh, kw), which is read as (outputs inputs, kh kw): the median over
-- `orders` random orders of its rows, drawn from rng, of the combined estimate. view: rows (less column medians), entries, or norms of rows. last = true
-- turns the matrix of a last layer.
function tails.layer(W, rng, opt)
  local who = "diag.tails.layer"
  opt = pg.options(who, opt, { view = "rows", orders = 5, last = false, truncate = true })
  W = data(who, W)
  if W:ndim() ~= 2 and W:ndim() ~= 4 then error(("%s: a layer is (outputs, inputs) or (outputs, inputs, kh, kw), got shape %s"):format(who, shape(W)), 2) end
  if not views[opt.view] then error(("%s: view must be 'rows', 'entries' or 'norms', got '%s'"):format(who, tostring(opt.view)), 2) end
  local m = W:ndim() == 4 and W:flatten(3, -1):flatten(1, 2) or opt.last and W:transpose(1, 2) or W
  local x = views[opt.view](m)
  x = usable(who, x:ndim() == 1 and x:unsqueeze(2) or x, opt.truncate):contiguous()
  local estimates = {}
  for k = 1, opt.orders do estimates[k] = tails.combined(x, { order = rng:stream("order", k):permutation(x:dim(1)) }) end
  return pg.tensor(estimates):median()
end

--- Indices of all weight matrices and convolutions of a network at theta, (layers), and their mean, median and least.
function tails.network(net, theta, rng, opt)
  local layers, list = {}, {}
  for _, w in ipairs(net:unpack(theta)) do
    if w:ndim() == 2 then layers[#layers + 1] = w:transpose(1, 2) elseif w:ndim() == 4 then layers[#layers + 1] = w end
  end
  if #layers == 0 then error("diag.tails.network: the network has no weight matrix", 2) end
  for k, W in ipairs(layers) do
    local given = { last = k == #layers and W:ndim() == 2 }
    for name, value in pairs(opt or {}) do given[name] = value end
    list[k] = tails.layer(W, rng:stream("layer", k), given)
  end
  local alpha = pg.tensor(list)
  return alpha, { mean = alpha:mean(), median = alpha:median(), least = alpha:min() }
end

-- ---- order statistics ----

-- The k + 1 largest of |x|, descending.
local function top(who, x, k)
  x = data(who, x):cast("f64"):abs():flatten()
  local n = x:size()
  if math.type(k) ~= "integer" or k < 1 then error(("%s: k must be an integer >= 1, got %s"):format(who, tostring(k)), 3) end
  if k >= n then error(("%s: the %d largest need a sample of %d or more, got %d"):format(who, k, k + 1, n), 3) end
  local largest = x:partition(n - k):narrow(1, n - k, k + 1):sort { descending = true }
  if largest[k + 1] <= 0 then error(("%s: only %d values differ from 0, k = %d"):format(who, x:gt(0):count(), k), 3) end
  return largest
end

local function moments(y)
  local logs = (y:narrow(1, 1, #y - 1) / y[-1]):log()
  return logs:mean(), logs:square():mean()
end

--- Hill's estimate from the k largest of |x|, and an interval of that confidence: alpha (1 -+ z / sqrt k) for large k, or exact = true, that of a Pareto
-- sample, where k alpha / estimate is a Gamma(k) variable.
function tails.hill(x, k, opt)
  opt = pg.options("diag.tails.hill", opt, { confidence = 0.95, exact = false })
  local y = top("diag.tails.hill", x, k)
  if not (opt.confidence > 0 and opt.confidence < 1) then error(("diag.tails.hill: confidence must lie in (0, 1), got %g"):format(opt.confidence), 2) end
  local alpha, miss = 1 / moments(y), (1 - opt.confidence) / 2
  if opt.exact then
    local law = pg.numeric.law("gamma", k, 1 / k)
    return alpha, law:quantile(miss) * alpha, law:upper_quantile(miss) * alpha
  end
  local half = alpha * pg.normal_quantile(1 - miss) / math.sqrt(k)
  return alpha, alpha - half, alpha + half
end

--- Hill's estimates for 1, 2, ... most of the largest values, (most): what a Hill plot shows.
function tails.hill_plot(x, most)
  local logs = top("diag.tails.hill_plot", x, most):log()
  local k = pg.arange(1, most + 1):cast "f64"
  return 1 / (logs:narrow(1, 1, most):cumsum() / k - logs:narrow(1, 2, most))
end

--- Pickands' estimate: log 2 / log((Y_(k/4+1) - Y_(k/2+1)) / (Y_(k/2+1) - Y_(k+1))), k divided by 4 rounding down; negative where no heavy tail is seen.
function tails.pickands(x, k)
  local y = top("diag.tails.pickands", x, k)
  if k < 4 then error(("diag.tails.pickands: k must be at least 4, got %d"):format(k), 2) end
  return math.log(2) / math.log((y[k // 4 + 1] - y[k // 2 + 1]) / (y[k // 2 + 1] - y[k + 1]))
end

--- The moment estimate, which is 1 over the extreme-value index; negative where no heavy tail is seen.
function tails.moment(x, k)
  local m1, m2 = moments(top("diag.tails.moment", x, k))
  return 1 / (m1 + 1 - 0.5 / (1 - m1 ^ 2 / m2))
end

--- The ratio estimate 2 M1 / M2 of the first two moments of log excesses.
function tails.ratio(x, k)
  local m1, m2 = moments(top("diag.tails.ratio", x, k))
  return 2 * m1 / m2
end

--- The block ratio: Z / (1 - Z), Z the mean over blocks of m consecutive values of second largest over largest |x|; what does not fill a block is left.
function tails.block_ratio(x, m)
  local who = "diag.tails.block_ratio"
  x = data(who, x):cast("f64"):abs():flatten()
  if math.type(m) ~= "integer" or m < 2 or m > x:size() then error(("%s: m must be an integer in 2..%d, got %s"):format(who, x:size(), tostring(m)), 2) end
  local blocks = x:narrow(1, 1, x:size() // m * m):reshape({ x:size() // m, m }):sort(2)
  local largest = blocks:select(2, m)
  if largest:min() <= 0 then error(who .. ": a block holds zeros only", 2) end
  local Z = (blocks:select(2, m - 1) / largest):mean()
  return Z / (1 - Z)
end

return tails
