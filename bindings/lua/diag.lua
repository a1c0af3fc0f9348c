-- diag.lua: diagnostics that are written in Lua.
return {
  hurst = require "perigee.diag.hurst", fractional = require "perigee.diag.fractional", compress = require "perigee.diag.compress",
  spearman = require "perigee.diag.spearman", tails = require "perigee.diag.tails", auc = require "perigee.diag.auc",
}
