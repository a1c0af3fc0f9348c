-- process.lua: processes that are written in Lua: stochastic differential equations and Levy motion.
return {
  ou = require "perigee.process.ou", sde = require "perigee.process.sde", langevin = require "perigee.process.langevin",
  levy = require "perigee.process.levy",
}
