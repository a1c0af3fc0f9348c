-- privacy/train.lua: private training: batches from a sampler, private gradients, steps of an optimiser.
local pg = require "perigee"

--- Trains theta in place: privacy.train(theta, { loss, data = { x, y, ... }, sampler, optimiser, rng, sigma, clip, clipping, ... }), with the options of
-- privacy.gradient but for batch, which is the sampler's. Every tensor of `data` has the records along its first axis; loss(theta, x, y, ...)
-- gets those of a batch, in order. part: examples that go through the loss at a time, the gradients of parts being added (all). each(t, G) is
-- called after every step. An empty batch takes a step, too, of noise alone. Returns theta.
local function train(theta, opt)
  opt = pg.options("privacy.train", opt, { loss = pg.required, data = pg.required, sampler = pg.required, optimiser = pg.required, rng = pg.required, sigma = pg.required, clip = 1.0,
    clipping = "flat", groups = pg.optional, gamma = 0.01, chunk = pg.optional, part = pg.optional, each = pg.optional, first = 1 })
  local sampler, data = opt.sampler, opt.data
  for i, x in ipairs(data) do
    if x:dim(1) ~= sampler.n then error(("privacy.train: data[%d] has %d rows, the sampler draws from %d records"):format(i, x:dim(1), sampler.n), 2) end
  end
  local private = pg.privacy.gradient { loss = opt.loss, rng = opt.rng, sigma = opt.sigma, clip = opt.clip, batch = sampler.batch, clipping = opt.clipping,
    groups = opt.groups, gamma = opt.gamma, chunk = opt.chunk }
  private.calls = opt.first - 1
  for indices, weights, t in sampler:steps(opt.first) do
    local part = opt.part or math.max(1, #indices)
    for from = 1, math.max(1, #indices), part do
      local length = math.min(part, #indices - from + 1)
      local rows, chosen = {}, indices:narrow(1, from, length)
      for i, x in ipairs(data) do rows[i] = x[chosen] end
      private:add(theta, weights:narrow(1, from, length), table.unpack(rows))
    end
    local G = private:release()
    opt.optimiser:step(theta, G)
    if opt.each then opt.each(t, G) end
  end
  return theta
end

return train
