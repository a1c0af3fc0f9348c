-- privacy.lua: what is written in Lua about differential privacy.
return {
  sampler = require "perigee.privacy.sampler",
  gradient = require "perigee.privacy.gradient",
  train = require "perigee.privacy.train",
  noise = require "perigee.privacy.noise",
}
