/* sink.c - writing files: aside, synced, renamed.
**
** The new file grows under a name of its own in the directory of the old one and takes the old one's place only when
** every byte has reached the disk, so a reader sees the old file or the new one. It keeps the old one's permissions.
*/
#define _GNU_SOURCE /* strerror_r that returns the text */
#include "io/file.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER = 1 << 16, TRIES = 100, NAME_SPACE = PATH_MAX + 64 };

static peri_status refused(const pri_sink *s, int err) {
  char text[128];
  return peri_fail(s->cx, PERI_ERR_IO, "%s: cannot write '%.300s': %s", s->who, s->path,
                   strerror_r(err, text, sizeof text));
}

/* Where the bytes shall go in the end: the path, symbolic links followed. */
static peri_status find_target(pri_sink *s, struct stat *st, bool *exists) {
  struct stat link;
  *exists = false;
  if (strlen(s->path) >= PATH_MAX) return refused(s, ENAMETOOLONG);
  strcpy(s->target, s->path);
  if (lstat(s->path, &link)) return errno == ENOENT ? PERI_OK : refused(s, errno);
  if (S_ISLNK(link.st_mode) && !realpath(s->path, s->target)) return refused(s, errno);
  if (stat(s->target, st)) return refused(s, errno);
  *exists = true;
  if (S_ISREG(st->st_mode) || S_ISCHR(st->st_mode)) return PERI_OK;
  return peri_fail(s->cx, PERI_ERR_IO, "%s: cannot write '%.300s': it is %s", s->who, s->path,
                   S_ISDIR(st->st_mode) ? "a directory" : "not a regular file");
}

static peri_status open_aside(pri_sink *s, const struct stat *old) {
  for (int i = 0; i < TRIES; i++) {
    snprintf(s->aside, NAME_SPACE, "%s.%ld-%d.part", s->target, (long)getpid(), i);
    s->fd = open(s->aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (s->fd >= 0) {
      if (old) (void)fchmod(s->fd, old->st_mode & 07777);
      return PERI_OK;
    }
    if (errno != EEXIST) break;
  }
  return refused(s, errno);
}

static void forget(pri_sink *s) {
  if (s->aside) peri_free(s->cx, s->aside, NAME_SPACE);
  if (s->target) peri_free(s->cx, s->target, NAME_SPACE);
  if (s->buffer) peri_free(s->cx, s->buffer, BUFFER);
  s->aside = s->target = NULL;
  s->buffer = NULL;
}

peri_status pri_sink_open(pri_sink *s, peri_ctx *cx, const char *who, const char *path) {
  struct stat old;
  bool exists = false;
  *s = (pri_sink){.cx = cx, .who = who, .path = path, .fd = -1};
  s->buffer = peri_alloc(cx, BUFFER);
  s->target = s->buffer ? peri_alloc(cx, NAME_SPACE) : NULL;
  s->aside = s->target ? peri_alloc(cx, NAME_SPACE) : NULL;
  peri_status st = s->aside ? find_target(s, &old, &exists) : cx->code;
  if (!st && exists && S_ISCHR(old.st_mode)) {
    s->fd = open(s->target, O_WRONLY | O_NOCTTY | O_CLOEXEC);
    if (s->fd < 0) st = refused(s, errno);
    peri_free(cx, s->aside, NAME_SPACE);
    s->aside = NULL;
  } else if (!st)
    st = open_aside(s, exists ? &old : NULL);
  if (st) forget(s);
  return st;
}

static peri_status put(pri_sink *s, const unsigned char *p, int64_t n) {
  while (n > 0) {
    if (peri_check_interrupt(s->cx)) return s->cx->code;
    ssize_t r = write(s->fd, p, (size_t)(n < 1 << 20 ? n : 1 << 20));
    if (r < 0 && errno == EINTR) continue;
    if (r < 0) return refused(s, errno);
    p += r;
    n -= r;
    s->written += r;
  }
  return PERI_OK;
}

static peri_status flush(pri_sink *s) {
  int64_t n = s->used;
  s->used = 0;
  return put(s, s->buffer, n);
}

peri_status pri_sink_write(pri_sink *s, const void *bytes, int64_t n) {
  if (n > BUFFER - s->used && flush(s)) return s->cx->code;
  if (n > BUFFER) return put(s, bytes, n);
  memcpy(s->buffer + s->used, bytes, (size_t)n);
  s->used += n;
  return PERI_OK;
}

peri_status pri_sink_patch(pri_sink *s, int64_t at, const void *bytes, int64_t n) {
  if (at >= s->written) {
    memcpy(s->buffer + (at - s->written), bytes, (size_t)n);
    return PERI_OK;
  }
  if (flush(s)) return s->cx->code;
  return pwrite(s->fd, bytes, (size_t)n, at) == n ? PERI_OK : refused(s, errno);
}

peri_status pri_sink_close(pri_sink *s, peri_status status) {
  if (s->fd < 0) return status;
  if (!status) status = flush(s);
  if (!status && s->aside && fsync(s->fd) && errno != EINVAL && errno != EROFS) status = refused(s, errno);
  if (close(s->fd) && !status) status = refused(s, errno);
  if (!status && s->aside && rename(s->aside, s->target)) status = refused(s, errno);
  if (status && s->aside) unlink(s->aside);
  s->fd = -1;
  forget(s);
  return status;
}
