-- privacy.lua: what is written in Lua about differential privacy.
local account = require "perigee.privacy.account"
return {
  sampler = require "perigee.privacy.sampler",
  gradient = require "perigee.privacy.gradient",
  train = require "perigee.privacy.train",
  delta = account.delta, epsilon = account.epsilon, bracket = account.bracket, calibrate = account.calibrate, renyi = account.renyi, gaussian = account.gaussian,
  max_batch = account.max_batch, accountant = account.accountant, pld = account.pld, load = account.load,
}
