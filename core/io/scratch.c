/* scratch.c - scratch files. The name is removed as soon as the file is open: what has no name cannot be left behind. */
#define _GNU_SOURCE /* strerror_r that returns the text, mkostemp */
#include "io/scratch.h"
#include "base/base.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static peri_status refused(const pri_scratch *s, const char *what, const char *where, int err) {
  char text[128];
  return peri_fail(s->cx, PERI_ERR_IO, "%s: cannot %s a scratch file%.300s: %s", s->who, what, where, strerror_r(err, text, sizeof text));
}

peri_status pri_scratch_open(pri_scratch *s, peri_ctx *cx, const char *who, const char *dir) {
  char name[PATH_MAX], where[320];
  *s = (pri_scratch){.cx = cx, .who = who, .fd = -1};
  snprintf(where, sizeof where, " in '%.300s'", dir);
  if (snprintf(name, sizeof name, "%s/perigee-XXXXXX", dir) >= (int)sizeof name) return refused(s, "make", where, ENAMETOOLONG);
  s->fd = mkostemp(name, O_CLOEXEC);
  if (s->fd < 0) return refused(s, "make", where, errno);
  unlink(name);
  return PERI_OK;
}

peri_status pri_scratch_append(pri_scratch *s, const void *bytes, int64_t n) {
  for (int64_t done = 0; done < n;) {
    ssize_t w = pwrite(s->fd, (const char *)bytes + done, (size_t)(n - done), s->size + done);
    if (w < 0 && errno == EINTR) continue;
    if (w <= 0) return refused(s, "write", "", w ? errno : ENOSPC);
    done += w;
  }
  s->size += n;
  return PERI_OK;
}

peri_status pri_scratch_read(const pri_scratch *s, int64_t at, void *to, int64_t n) {
  for (int64_t done = 0; done < n;) {
    ssize_t r = pread(s->fd, (char *)to + done, (size_t)(n - done), at + done);
    if (r < 0 && errno == EINTR) continue;
    if (r < 0) return refused(s, "read", "", errno);
    if (r == 0) return peri_fail(s->cx, PERI_ERR_FORMAT, "%s: the scratch file has lost its end: %lld bytes written, none at %lld", s->who, (long long)s->size, (long long)(at + done));
    done += r;
  }
  return PERI_OK;
}

void pri_scratch_close(pri_scratch *s) {
  if (s->fd >= 0) close(s->fd);
  s->fd = -1;
}
