-- optim.lua: what optimisation offers beyond its C core: schedules, averages, chains, constraints, L-BFGS, files of states.
local optim = {}
for _, part in ipairs { "optim_schedules", "optim_averages", "optim_chain", "optim_constrained", "optim_file" } do
  for name, value in pairs(require("perigee." .. part)) do optim[name] = value end
end
optim.lbfgs = require "perigee.optim_lbfgs"
return optim
