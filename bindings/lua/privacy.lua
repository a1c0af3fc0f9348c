-- privacy.lua: what is written in Lua about differential privacy.
return {
  sampler = require "perigee.privacy.sampler",
}
