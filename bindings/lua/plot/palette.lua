-- plot/palette.lua: colours that most colour-blind readers can tell apart.
--
-- Lines and points: Okabe & Ito (2008), "Color Universal Design", ordered for contrast on white; its yellow is too
-- faint for a thin line and is left to those who ask for it by name. Heat maps: viridis (Smith & van der Walt, 2015),
-- a blue-white-red diverging map after Moreland (2009), and grey.

local palette = {}

palette.colors = {
  blue = 0x0072B2, vermillion = 0xD55E00, green = 0x009E73, orange = 0xE69F00, purple = 0xCC79A7, sky = 0x56B4E9,
  black = 0x000000, yellow = 0xF0E442, grey = 0x707070,
}

--- The order in which series get their colours.
palette.order = { "blue", "vermillion", "green", "orange", "purple", "sky", "black" }

palette.maps = {
  viridis = { 0x440154, 0x482878, 0x3E4A89, 0x31688E, 0x26828E, 0x1F9E89, 0x35B779, 0x6DCD59, 0xB4DE2C, 0xFDE725 },
  diverging = { 0x3B4CC0, 0x6F92F3, 0xAAC7FD, 0xDDDDDD, 0xF7B89C, 0xE7745B, 0xB40426 },
  grey = { 0xFFFFFF, 0x000000 },
}

--- Resolves a colour: a name of the palette, "#rrggbb" or a number of the order (1 is blue). Errors name the value.
-- Returns the name (nil for a colour given by its digits) and the 24-bit value.
function palette.resolve(color)
  if math.type(color) == "integer" then
    local name = palette.order[(color - 1) % #palette.order + 1]
    return name, palette.colors[name]
  end
  if palette.colors[color] then return color, palette.colors[color] end
  local digits = type(color) == "string" and color:match "^#(%x%x%x%x%x%x)$"
  if digits then return nil, tonumber(digits, 16) end
  error(("plot.figure: unknown color '%s'; use a number, \"#rrggbb\" or one of %s"):format(
    tostring(color), "blue, vermillion, green, orange, purple, sky, black, yellow, grey"), 0)
end

return palette
