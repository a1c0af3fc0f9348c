-- data/criteo.lua: clicks and sales: the two public sets of Criteo from their files, and a stand-in with a known teacher.
--
-- A set is { x = (n, 2 I) f32, c = (n, K) i64, y = (n) f32, vocabularies = K sizes }: of each of I numbers ln(1 + max(v, 0)), and whether it is
-- missing; categories from 1; labels 0 and 1; rows in the order of the file.
local pg = require "perigee"

local criteo = {}

-- (n, I) with NaN for missing values -> (n, 2 I).
local function features(v)
  local missing = v:isnan()
  return pg.concatenate({ pg.where(missing, 0, v:maximum(0):log1p()), missing:cast "f64" }, 2):cast "f32"
end

local function read(who, path, opt, roles, missing, header)
  opt = pg.options(who, opt, { bits = 18, skip_bad = false, first = 1, rows = pg.optional, keep_price = pg.optional })
  local ok, x, c, y, skipped = pcall(pg.io.read_hashed, path, { roles = roles(opt), bits = opt.bits, missing = missing, header = header, skip_bad = opt.skip_bad,
    first = opt.first, rows = opt.rows })
  if not ok then error((tostring(x):gsub("^.-io%.read_hashed", who)), 3) end
  local vocabularies = {}
  for j = 1, c:dim(2) do vocabularies[j] = 1 << opt.bits end
  return { x = features(x), c = c, y = y:cast "f32", vocabularies = vocabularies }, skipped
end

--- Display advertising, train.txt: the label, 13 integers and 26 categories of 8 hexadecimal digits a line, in order of time.
-- opt: bits (18: categories hashed into 2^18 bins a column), skip_bad (false: malformed lines raise with their number), first (1) and rows: a part
-- of the file. Returns the set and how many lines were skipped.
function criteo.ctr(path, opt)
  return read("data.criteo_ctr", path, opt, function() return "y" .. ("i"):rep(13) .. ("h"):rep(26) end, "", "label")
end

-- Sale, SalesAmountInEuro, time_delay_for_conversion, click_timestamp, nb_clicks_1week, product_price, product_age_group, device_type,
-- audience_id, product_gender, product_brand, product_category1..7, product_country, product_id, product_title, partner_id, user_id
--- Sponsored search conversions, CriteoSearchData: 23 columns. Amount and delay of a sale are outcomes and never features; the price leaks the label in
-- part of the data and is left out unless keep_price. Numbers: clicks of a week (and the price); missing is -1. Options as data.criteo_ctr's.
function criteo.search(path, opt)
  return read("data.criteo_search", path, opt, function(o) return "y---i" .. (o.keep_price and "f" or "-") .. ("c"):rep(17) end, "-1", "sale")
end

-- Cumulative probabilities of Zipf's law of exponent s on 1..V.
local function zipf(V, s)
  local p = pg.arange(1, V + 1):cast "f64" ^ -s
  return p:cumsum(1) / p:sum()
end

-- The intercept that makes the mean of sigmoid(z + b) `rate`.
local function intercept(z, rate)
  return (pg.numeric.root(function(b) return (z + b):sigmoid():mean() - rate end, { -20, 20 }))
end

--- n rows in the form of display advertising with a hidden teacher: 13 integers floor(exp(N(mu_j, 1))) - 1, a tenth missing; 26 categories by
-- Zipf's law of exponent 1.1 over V_j values, 10 to `largest`. The teacher's logit sums an effect N(0, 0.15^2) of each category's value and
-- a slope N(0, 0.2^2) on ln(1 + v) of each integer, with the intercept for `rate` positives. The teacher depends on opt.teacher, a
-- seed, alone. Returns the set, with its vocabularies, and the teacher's logits, whose AUC is the ceiling.
function criteo.synthetic(n, rng, opt)
  opt = pg.options("data.criteo_synthetic", opt, { teacher = 1, largest = 10000, rate = 0.25 })
  if math.type(n) ~= "integer" or n < 1 then error(("data.criteo_synthetic: n must be an integer >= 1, got %s"):format(tostring(n)), 2) end
  local teacher = pg.rng(opt.teacher):stream "teacher"
  local mu, slopes = teacher:stream("mu"):uniform({ 13 }, 0, 3), teacher:stream("slopes"):normal({ 13 }, 0, 0.2)
  local v = (mu + rng:stream("integers"):normal { n, 13 }):exp():floor() - 1
  v = pg.where(rng:stream("missing"):bernoulli({ n, 13 }, 0.1), 0 / 0, v)
  local x = features(v)
  local logit = (x:narrow(2, 1, 13):cast "f64"):mv(slopes)
  local columns, vocabularies = {}, {}
  for j = 1, 26 do
    local V = math.floor(10 * (opt.largest / 10) ^ ((j - 1) / 25) + 0.5)
    local u = rng:stream("category", j):uniform { n }
    columns[j], vocabularies[j] = zipf(V, 1.1):searchsorted(u):minimum(V), V
    logit = logit + teacher:stream("effects", j):normal({ V }, 0, 0.15):gather(columns[j])
  end
  logit = logit + intercept(logit, opt.rate)
  local y = rng:stream("labels"):uniform({ n }):lt(logit:sigmoid()):cast "f32"
  return { x = x, c = pg.stack(columns, 2), y = y, vocabularies = vocabularies }, logit
end

return criteo
