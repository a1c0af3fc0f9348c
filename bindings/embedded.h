/* embedded.h - the Lua files of bindings/lua, as the build puts them into embedded.c. */
#ifndef PRI_EMBEDDED_H
#define PRI_EMBEDDED_H
#include <stddef.h>

typedef struct {
  const char *name; /* "experiment" for lua/experiment.lua, "plot.axes" for lua/plot/axes.lua */
  const char *text;
  size_t size;
} pri_embedded;
extern const pri_embedded pri_embedded_files[]; /* ends with a NULL name */

#endif
