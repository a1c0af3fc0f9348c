/* damage.h - a state that is cut short or altered anywhere is refused. */
#ifndef TESTS_PROCESS_DAMAGE_H
#define TESTS_PROCESS_DAMAGE_H

#include <perigee/process.h>
#include "../support.h"
#include <stdlib.h>

/* Every `step`-th cut and change of the text. */
static inline void expect_damage_refused(peri_ctx *cx, peri_clock *c, const char *text, size_t step) {
  size_t length = strlen(text);
  char *bad = malloc(length + 1);
  for (size_t i = 0; i < length; i += step) {
    memcpy(bad, text, i), bad[i] = '\0';
    EXPECT_FAILS(peri_clock_load(c, bad), PERI_ERR_FORMAT, ".state: ");
    memcpy(bad, text, length + 1);
    bad[i] = bad[i] == '0' ? '1' : '0';
    EXPECT_FAILS(peri_clock_load(c, bad), PERI_ERR_FORMAT, ".state: ");
  }
  free(bad);
}

#endif
