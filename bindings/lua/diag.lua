-- diag.lua: diagnostics that are written in Lua.
return {
  hurst = require "perigee.diag.hurst", fractional = require "perigee.diag.fractional", compress = require "perigee.diag.compress",
  spearman = require "perigee.diag.spearman", tails = require "perigee.diag.tails",
  stable_fit = require "perigee.diag.stable_fit", power_law = require "perigee.diag.power_law", auc = require "perigee.diag.auc",
}
