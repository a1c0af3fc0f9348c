-- nn/fit.lua: plain SGD on the cross-entropy of a classifier until its training set is fitted.
local pg = require "perigee"

-- The largest part of a set that the network looks at in one call.
local PART = 10000

-- Mean loss and accuracy of the whole set, in parts.
local function evaluated(nn, net, theta, set)
  local n, loss, right = #set.y, 0, 0
  for from = 1, n, PART do
    local part = { { from, math.min(from + PART - 1, n) } }
    local z, y = net(theta, set.x[part]), set.y[part]
    loss, right = loss + nn.cross_entropy(z, y):sum(), right + nn.accuracy(z, y) * #y
  end
  return loss / n, right / n
end

--- Trains theta, in place, by steps of size lr on batches drawn from `set` without replacement, batch k from rng:stream("batch", k): constant step, no
-- momentum. The other options are those of optim.converge, whose result it returns.
return function(nn)
  function nn.evaluate(net, theta, set) return evaluated(nn, net, theta, set) end

  function nn.fit(net, theta, set, opt)
    local who = "nn.fit"
    if type(opt) ~= "table" then error(who .. ": options are needed: rng, lr and batch", 2) end
    local given = {}
    for name, value in pairs(opt) do given[name] = value end
    local rng, lr, batch = given.rng, given.lr, given.batch
    given.rng, given.lr, given.batch = nil, nil, nil
    if type(rng) ~= "userdata" then error(who .. ": rng must be a stream, got " .. type(rng), 2) end
    if type(lr) ~= "number" or not (lr > 0 and lr < math.huge) then error(("%s: lr must be positive, got %s"):format(who, tostring(lr)), 2) end
    local n = #set.y
    if math.type(batch) ~= "integer" or batch < 1 or batch > n then
      error(("%s: batch must be an integer in 1..%d, got %s"):format(who, n, tostring(batch)), 2)
    end
    local gradient = pg.ad.grad(function(w, x, y) return nn.cross_entropy(net(w, x), y):mean() end)
    local sgd = pg.optim.sgd { lr = lr }
    given.theta, given.keep = theta, { sgd = sgd }
    function given.step(k)
      local idx = rng:stream("batch", k):subset(n, batch)
      sgd:step(theta, gradient(theta, set.x[idx], set.y[idx]))
    end
    function given.watch(w) return evaluated(nn, net, w, set) end
    return pg.optim.converge(given)
  end
end
