-- optim.lua: what optimisation offers beyond its C core: schedules, averages, chains, constraints, L-BFGS, files of states.
local optim = {}
for _, part in ipairs { "optim.schedules", "optim.averages", "optim.chain", "optim.constrained", "optim.file" } do
  for name, value in pairs(require("perigee." .. part)) do optim[name] = value end
end
optim.lbfgs = require "perigee.optim.lbfgs"
optim.converge = require "perigee.optim.converge"
return optim
