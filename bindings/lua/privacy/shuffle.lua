-- privacy/shuffle.lua: what shuffled batches, and balls in bins, are known not to hide.
--
-- One record answers 1, all others -1; the sums of the T batches of an epoch, less what is known, are 2 in its batch (1 if it is not there) and 0 elsewhere, plus
-- noise. The largest sum exceeds C with probability 1 - Phi((C - m)/s) Phi(C/s)^(T-1), m = 2 and 1. Any event gives a LOWER bound on delta, so on the noise that is
-- needed: no guarantee. Batches that stay the same over k epochs: the average of k copies, s = sigma/sqrt k. Batches drawn anew: the law of the
-- largest sum, cut into slices, is composed k times; rounded down to the grid it is certified, split between neighbours it is an estimate of the same bound.
-- Balls and bins (a record in one batch of T, uniformly): means 1 and 0; its delta is estimated by drawing from the outcomes that matter.
-- Source: Chua et al., How Private are DP-SGD Implementations? (2024); Scalable DP-SGD (2024); Balls-and-Bins Sampling (2025).
local pg = require "perigee"
local compose = require "perigee.privacy.compose"
local log_cdf = pg.numeric.log_normal_cdf
local exp, expm1 = math.exp, pg.expm1

local shuffle = {}

-- ln P(the largest of T sums stays below C), one of them having mean m.
local function below(C, m, T, s) return log_cdf((C - m) / s) + (T - 1) * log_cdf(C / s) end

--- delta(eps) >= max over C of P(largest >= C) - e^eps Q(largest >= C), and that C. means: { with, without } the record, by default 2 and 1.
function shuffle.one_epoch(s, T, eps, means)
  local with, without = table.unpack(means or { 2, 1 })
  local function negative(C) return exp(eps) * -expm1(below(C, without, T, s)) + expm1(below(C, with, T, s)) end
  local low, high = -2 * s, 2 + (12 + math.sqrt(2 * math.log(T))) * s + eps * s * s
  local C = pg.linspace(low, high, 4001)
  local at = negative(C):argmin()
  local place, value = pg.numeric.minimise(negative, { C[math.max(1, at - 1)], C[math.min(4001, at + 1)] }, { x_tol = 1e-10 })
  return math.max(0, -value), place
end

--- The law of the largest sum on a grid of losses: certified (rounded down) or split between grid points.
function shuffle.slices(s, T, k, h, split)
  local reach = math.sqrt(2 * (40 + math.log(2 * k)))
  local width = math.min(h * s * s, s / 200)
  local C = pg.arange(0, math.ceil((2 + (2 * reach + math.sqrt(2 * math.log(T))) * s) / width) + 1):cast "f64" * width - reach * s
  local function masses(m)
    local l = below(C, m, T, s)
    local first, second = l:narrow(1, 1, #l - 1), l:narrow(1, 2, #l - 1)
    return pg.concatenate { l:narrow(1, 1, 1), first + pg.numeric.log1m_exp(-(second - first):maximum(1e-300)) + (second - first), (-expm1(l:narrow(1, #l, 1))):log() }
  end
  local P, Q = masses(2), masses(1)                                  -- in logarithms
  local some = P:gt(-80) & Q:gt(-690)
  P, Q = P:masked_select(some), Q:masked_select(some)
  local loss = P - Q
  local i = (loss / h):floor():cast "i64"
  local p = P:exp()
  local first = i:min()
  local mass = pg.zeros { i:max() - first + 2 }
  if not split then return { h = h, first = first, mass = mass:scatter_add(i - first + 1, p), infinite = 0 } end
  local up = p * ((loss - i:cast "f64" * h):maximum(0) * -1):expm1() / expm1(-h)          -- keeps P and Q: (P - Q e^floor) / (1 - e^-h)
  return { h = h, first = first, mass = mass:scatter_add(i - first + 1, p - up):scatter_add(i - first + 2, up), infinite = 0 }
end

function shuffle.dynamic(s, T, k, eps, h, split)
  if k == 1 and not split then return (shuffle.one_epoch(s, T, eps)) end
  return compose.delta(compose.sum({ { shuffle.slices(s, T, k, h, split), k } }, { at = eps }), eps)
end

-- ---- balls and bins ----

--- delta(eps) of one epoch by `trials` draws of rng, a 99 % upper confidence bound, and the share of outcomes that matter.
function shuffle.balls_and_bins(s, T, eps, rng, trials)
  local C = s * s * (eps + math.log(T) + 1 / (2 * s * s) - math.log(exp(1 / (s * s)) + T - 1))          -- no loss above eps where all sums stay below
  local inside = pg.normal_cdf(C / s)
  local share = -expm1(T * math.log(inside))
  local sum, done, chunk = 0, 0, math.max(1, math.min(trials, (1 << 22) // T))
  while done < trials do
    local n = math.min(chunk, trials - done)
    local draws = rng:stream("chunk", done)
    local u = draws:stream("sums"):uniform { n, T }
    -- the first sum to exceed C, by the inverse of its law; those before it lie below, those behind anywhere
    local first = ((-draws:stream("first"):uniform { n } * share):log1p() / math.log(inside)):floor():minimum(T - 1):unsqueeze(2)
    local place = pg.arange(T):cast("f64"):unsqueeze(1)
    u = pg.where(place:lt(first), u * inside, pg.where(place:eq(first), inside + u * (1 - inside), u))
    local x = s * pg.normal_quantile(u:clip(1e-300, 1 - 2 ^ -53))
    x[{ {}, { 1, 1 } }] = x[{ {}, { 1, 1 } }] + 1
    local L = (x / (s * s)):logsumexp(2) - math.log(T) - 1 / (2 * s * s)
    sum = sum + (-expm1(eps - L)):maximum(0):sum()
    done = done + n
  end
  local mean = sum / trials
  local function excess(p)                                            -- n KL(mean | p) = ln 100
    local kl = (mean > 0 and mean * math.log(mean / p) or 0) + (mean < 1 and (1 - mean) * math.log((1 - mean) / (1 - p)) or 0)
    return trials * kl - math.log(100)
  end
  local bound = mean >= 1 and 1 or pg.numeric.root(excess, { math.max(mean, 1e-300), 1 - 1e-15 })
  return share * mean, share * bound, share
end

return shuffle
