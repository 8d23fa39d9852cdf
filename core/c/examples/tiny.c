/* A boot loader and a logger on a POSIX serial port:
 *   tiny PORT receive FILE   receives FILE, and no other one; continues a transfer that was cut
 *   tiny PORT send FILE      sends FILE
 * -s before PORT: in a loop of its own, step by step. */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "posix.h"

static const char *name;
static char partial[256];
static int fd = -1;
static uint32_t offered;

static bool is_named(const uint8_t *path, size_t length) {
  return length == strlen(name) && memcmp(path, name, length) == 0;
}

static uint16_t image_offer(void *context, const uint8_t *path, size_t length, uint32_t size) {
  (void)context;
  if (!is_named(path, length)) return TINYFERRY_NOT_FOUND;
  if (fd < 0) fd = open(partial, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
  offered = size;
  return fd < 0 ? TINYFERRY_STORAGE : 0;
}

/* The bytes of the partial are without a gap. */
static uint32_t image_prefix(void *context, uint32_t limit) {
  struct stat status;
  (void)context;
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return 0;
  uint32_t length = status.st_size < limit ? (uint32_t)status.st_size : limit;
  if (length != offered) length -= length % 1024;
  return ftruncate(fd, length) == 0 ? length : 0;
}

static void image_discard(void *context) {
  (void)context;
  /* If that fails, the bytes do not have the digest of another file. */
  if (ftruncate(fd, 0) != 0) perror(partial);
}

static uint16_t image_store(void *context, uint32_t position, const uint8_t *bytes, size_t length) {
  (void)context;
  return pwrite(fd, bytes, length, position) == (ssize_t)length ? 0 : TINYFERRY_STORAGE;
}

static uint16_t image_load(void *context, uint32_t position, uint8_t *into, size_t length) {
  (void)context;
  return pread(fd, into, length, position) == (ssize_t)length ? 0 : TINYFERRY_STORAGE;
}

static uint16_t image_commit(void *context) {
  (void)context;
  const bool is_done = ftruncate(fd, offered) == 0 && fsync(fd) == 0 && rename(partial, name) == 0;
  close(fd);
  fd = -1;
  return is_done ? 0 : TINYFERRY_STORAGE;
}

static uint16_t source_open(void *context, const uint8_t *path, size_t length, uint32_t *size) {
  struct stat status;
  (void)context;
  if (!is_named(path, length)) return TINYFERRY_NOT_FOUND;
  if (fd >= 0) close(fd);
  fd = open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &status) != 0) return errno == ENOENT ? TINYFERRY_NOT_FOUND : TINYFERRY_STORAGE;
  *size = (uint32_t)status.st_size;
  return 0;
}

static uint16_t source_load(void *context, uint32_t position, uint8_t *into, size_t length, size_t *count) {
  (void)context;
  const ssize_t got = pread(fd, into, length, position);
  *count = got < 0 ? 0 : (size_t)got;
  return got < 0 ? TINYFERRY_STORAGE : 0;
}

static tinyferry_receiver receiver;
static tinyferry_sender sender;
static const tinyferry_image image = {NULL,         image_offer,   image_store, image_commit,
                                      image_prefix, image_discard, image_load};
static tinyferry_source source = {NULL, NULL, 0, source_open, source_load};

/* As `tinyferry_receiver_serve` and `tinyferry_sender_serve`. */
static bool serve_by_steps(const tinyferry_port *port, bool is_sender) {
  for (;;) {
    tinyferry_step step =
        is_sender ? tinyferry_sender_poll(&sender, &source) : tinyferry_receiver_poll(&receiver, &image);
    if (step.receive != NULL) {
      const int32_t count = port->read(port->context, step.receive, step.length, 20);
      if (count < 0) return count == TINYFERRY_END;
      if (count == 0 && is_sender) tinyferry_sender_silence(&sender);
      if (count == 0 && !is_sender) tinyferry_receiver_silence(&receiver);
      if (count > 0 && is_sender) tinyferry_sender_received(&sender, (size_t)count);
      if (count > 0 && !is_sender) tinyferry_receiver_received(&receiver, (size_t)count);
    }
    while (step.receive == NULL && step.length > 0) {
      const int32_t count = port->write(port->context, step.transmit, step.length);
      if (count <= 0) return false;
      step.transmit += count, step.length -= (size_t)count;
    }
  }
}

int main(int count, char **words) {
  static uint8_t buffer[TINYFERRY_FRAME];
  const bool in_steps = count > 1 && strcmp(words[1], "-s") == 0;
  char **arguments = words + (in_steps ? 2 : 1);
  const bool is_complete = count - (in_steps ? 2 : 1) == 3, is_sender = is_complete && strcmp(arguments[1], "send") == 0;
  if (!is_complete || (!is_sender && strcmp(arguments[1], "receive") != 0))
    return fputs("usage: tiny [-s] PORT receive FILE | send FILE\n", stderr), 2;
  name = arguments[2];
  source.path = (const uint8_t *)name, source.path_length = strlen(name);
  if (snprintf(partial, sizeof partial, "%s.part", name) >= (int)sizeof partial || source.path_length > 232)
    return fprintf(stderr, "tiny: the name %s is too long\n", name), 2;
  const int line = posix_open_port(arguments[0]);
  if (line < 0) return perror(arguments[0]), 2;
  const tinyferry_port port = posix_port(line);
  if (!tinyferry_receiver_new(&receiver, sizeof receiver, buffer, sizeof buffer, 8)) return 2;
  if (is_sender && !tinyferry_sender_new(&sender, sizeof sender, buffer, sizeof buffer, 8)) return 2;
  if (in_steps) return serve_by_steps(&port, is_sender) ? 0 : 1;
  if (is_sender) return tinyferry_sender_serve(&sender, &port, &source) ? 0 : 1;
  return tinyferry_receiver_serve(&receiver, &port, &image) ? 0 : 1;
}
