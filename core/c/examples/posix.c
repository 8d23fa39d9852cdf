#define _DEFAULT_SOURCE
#include "posix.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

int posix_open_port(const char *path) {
  struct termios settings;
  if (strncmp(path, "fd:", 3) == 0) return atoi(path + 3);
  const int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (fd < 0 || tcgetattr(fd, &settings) != 0) return fd;
  cfmakeraw(&settings);
  cfsetspeed(&settings, B115200);
  settings.c_cflag |= CLOCAL | CREAD;
  if (tcsetattr(fd, TCSANOW, &settings) != 0) return -1;
  return fd;
}

static int fd_of(void *context) { return (int)(intptr_t)context; }

static int32_t wait_for_input(int fd, int milliseconds) {
  struct pollfd input = {.fd = fd, .events = POLLIN};
  const int ready = poll(&input, 1, milliseconds);
  return ready < 0 && errno == EINTR ? 0 : ready;
}

static int32_t port_read(void *context, uint8_t *into, size_t length, uint32_t wait) {
  const int fd = fd_of(context);
  const int32_t ready = wait_for_input(fd, wait == TINYFERRY_FOR_EVER ? -1 : (int)wait);
  if (ready <= 0) return ready < 0 ? -2 : 0;
  const ssize_t count = read(fd, into, length > 65536 ? 65536 : length);
  /* A pseudo-terminal whose other end is closed says EIO. */
  if (count == 0 || (count < 0 && errno == EIO)) return TINYFERRY_END;
  return count < 0 ? (errno == EINTR ? 0 : -2) : (int32_t)count;
}

static int32_t port_write(void *context, const uint8_t *bytes, size_t length) {
  ssize_t count;
  do count = write(fd_of(context), bytes, length > 65536 ? 65536 : length);
  while (count < 0 && errno == EINTR);
  return (int32_t)count;
}

static int32_t port_is_ready(void *context) { return wait_for_input(fd_of(context), 0); }

static uint32_t port_now(void *context) {
  struct timespec now;
  (void)context;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint32_t)((uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u);
}

tinyferry_port posix_port(int fd) {
  return (tinyferry_port){(void *)(intptr_t)fd, port_read, port_write, NULL, port_is_ready, port_now};
}

uint32_t posix_random(void) {
  uint32_t value = 0;
  const int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
  if (fd < 0 || read(fd, &value, sizeof value) != (ssize_t)sizeof value)
    value = (uint32_t)time(NULL) ^ (uint32_t)getpid();
  if (fd >= 0) close(fd);
  return value;
}

static uint16_t reason_of_errno(void) {
  switch (errno) {
    case ENOENT: return TINYFERRY_NOT_FOUND;
    case EACCES: case EPERM: return TINYFERRY_NO_PERMISSION;
    case EISDIR: return TINYFERRY_IS_DIRECTORY;
    case ENOTDIR: return TINYFERRY_NOT_DIRECTORY;
    case ELOOP: return TINYFERRY_SYMBOLIC_LINK;
    case ENXIO: return TINYFERRY_NOT_REGULAR;
    case ENAMETOOLONG: return TINYFERRY_NAME_TOO_LONG;
    case ENOSPC: return TINYFERRY_NO_SPACE;
    default: return TINYFERRY_STORAGE;
  }
}

static void close_file(struct posix_files *files) {
  if (files->fd >= 0) close(files->fd);
  files->fd = -1;
}

/* The name of a file that the other end chose: no directory, and no partial. */
static uint16_t set_name(struct posix_files *files, const uint8_t *path, size_t length) {
  if (length == 0 || memchr(path, '/', length) != NULL) return TINYFERRY_BAD_PATH;
  if (length >= sizeof files->name) return TINYFERRY_NAME_TOO_LONG;
  if (length > 5 && memcmp(path + length - 5, ".part", 5) == 0) return TINYFERRY_BAD_PATH;
  memcpy(files->name, path, length);
  files->name[length] = '\0';
  return 0;
}

static uint16_t files_offer(void *context, tinyferry_offer *offer) {
  struct posix_files *files = context;
  struct stat status;
  if (offer->kind != TINYFERRY_FILE) return TINYFERRY_NOT_ALLOWED;
  const uint16_t reason = files->is_device ? set_name(files, offer->path, offer->path_length) : 0;
  if (reason != 0) return reason;
  if (!files->is_device) {
    if (strlen(files->here) >= sizeof files->name) return TINYFERRY_NAME_TOO_LONG;
    strcpy(files->name, files->here);
  }
  snprintf(files->partial, sizeof files->partial, "%s.part", files->name);
  close_file(files);
  const int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | (offer->resume == 0 ? O_TRUNC : 0);
  files->fd = open(files->partial, flags, 0644);
  if (files->fd < 0 || fstat(files->fd, &status) != 0) return reason_of_errno();
  if (!S_ISREG(status.st_mode)) return TINYFERRY_NOT_REGULAR;
  /* In order, so that no byte is missing before the end of a partial. */
  offer->in_order = true;
  offer->prefix = (uint64_t)status.st_size;
  if (offer->prefix > offer->resume) offer->prefix = offer->resume;
  if (offer->prefix != offer->size) offer->prefix -= offer->prefix % 1024;
  return ftruncate(files->fd, (off_t)offer->prefix) == 0 ? 0 : reason_of_errno();
}

static uint16_t files_store(void *context, uint64_t position, const uint8_t *bytes, size_t length) {
  const struct posix_files *files = context;
  while (length > 0) {
    const ssize_t count = pwrite(files->fd, bytes, length, (off_t)position);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return reason_of_errno();
    bytes += count, position += (uint64_t)count, length -= (size_t)count;
  }
  return 0;
}

static uint16_t files_load(void *context, uint64_t position, uint8_t *into, size_t length, size_t *count) {
  const struct posix_files *files = context;
  ssize_t got;
  do got = pread(files->fd, into, length, (off_t)position);
  while (got < 0 && errno == EINTR);
  if (got < 0) return reason_of_errno();
  *count = (size_t)got;
  return 0;
}

static uint16_t files_commit(void *context) {
  struct posix_files *files = context;
  const bool is_done = fsync(files->fd) == 0 && rename(files->partial, files->name) == 0;
  const uint16_t reason = is_done ? 0 : reason_of_errno();
  close_file(files);
  return reason;
}

static void files_abandon(void *context, uint16_t reason, bool all) {
  struct posix_files *files = context;
  (void)all;
  if ((reason == TINYFERRY_PREFIX_DIFFERS || reason == TINYFERRY_DIGEST_DIFFERS) && files->partial[0] != '\0')
    unlink(files->partial);
  close_file(files);
}

static uint16_t files_open(void *context, const uint8_t *path, size_t length, bool tree) {
  struct posix_files *files = context;
  struct stat status;
  const uint16_t reason = set_name(files, path, length);
  if (reason != 0) return reason;
  if (lstat(files->name, &status) != 0) return reason_of_errno();
  if (S_ISLNK(status.st_mode)) return TINYFERRY_SYMBOLIC_LINK;
  if (S_ISDIR(status.st_mode)) return tree ? TINYFERRY_NOT_ALLOWED : TINYFERRY_IS_DIRECTORY;
  if (!S_ISREG(status.st_mode)) return TINYFERRY_NOT_REGULAR;
  if (tree) return TINYFERRY_NOT_DIRECTORY;
  files->here = files->there = files->name;
  files->is_given = files->begins_anew = false;
  return 0;
}

static int64_t nanoseconds(const struct stat *status) {
  return (int64_t)status->st_mtim.tv_sec * 1000000000 + status->st_mtim.tv_nsec;
}

static uint16_t files_next(void *context, uint8_t *path, size_t capacity, tinyferry_entry *entry) {
  struct posix_files *files = context;
  struct stat status;
  const size_t length = strlen(files->there);
  close_file(files);
  if (files->is_given) return 0;
  files->partial[0] = '\0';
  /* A name may have become a link or a FIFO since `files_open`, and the open of a FIFO would wait. */
  files->fd = open(files->here, O_RDONLY | O_NONBLOCK | O_CLOEXEC | (files->is_device ? O_NOFOLLOW : 0));
  if (files->fd < 0 || fstat(files->fd, &status) != 0) return reason_of_errno();
  if (!S_ISREG(status.st_mode)) return TINYFERRY_NOT_REGULAR;
  if (length > capacity) return TINYFERRY_NAME_TOO_LONG;
  memcpy(path, files->there, length);
  files->is_given = true, files->size = (uint64_t)status.st_size, files->modified = nanoseconds(&status);
  *entry = (tinyferry_entry){.size = files->size, .modified = files->modified, .mode = status.st_mode & 0777,
                             .path_length = length, .kind = TINYFERRY_FILE, .resumable = !files->begins_anew};
  return 0;
}

static uint16_t files_check(void *context) {
  const struct posix_files *files = context;
  struct stat status;
  if (fstat(files->fd, &status) != 0) return reason_of_errno();
  const bool is_same = (uint64_t)status.st_size == files->size && nanoseconds(&status) == files->modified;
  return is_same ? 0 : TINYFERRY_SOURCE_CHANGED;
}

static bool files_refused(void *context, uint32_t entry, uint16_t reason) {
  struct posix_files *files = context;
  (void)entry;
  if ((reason != TINYFERRY_PREFIX_DIFFERS && reason != TINYFERRY_DIGEST_DIFFERS) || files->begins_anew) return false;
  files->begins_anew = true, files->is_given = false;
  return true;
}

tinyferry_files posix_files(struct posix_files *files) {
  return (tinyferry_files){files,      files_offer, files_store, files_commit, files_abandon, files_load,
                           files_open, files_next,  files_check, files_refused};
}
