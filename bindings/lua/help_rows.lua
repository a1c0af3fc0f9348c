-- help_rows.lua: the rows of what is written in Lua: name -> { signature, sentence }.
return {
  help = { "pg.help([name])", "Prints the signature and the sentence of a function, or what a module has." },
  options = { "pg.options(who, given, defaults) -> table", "The given options over the defaults; unknown names and wrong types raise." },
}
