/* A device on an Arm MPS2 board (QEMU: mps2-an385): it stores one file of up to 64 KiB in RAM, and sends it back. */
#include "mps2.h"

enum { CAPACITY = 65536, NAME = 64 };

/* The file in place, and the one that comes in. */
static struct file {
  uint8_t bytes[CAPACITY], name[NAME];
  uint64_t size;
  size_t name_length;
} files[2];
static unsigned stored;
static bool is_given;

static void copy(uint8_t *to, const uint8_t *from, size_t length) { while (length-- > 0) *to++ = *from++; }

static uint16_t file_offer(void *context, tinyferry_offer *offer) {
  struct file *incoming = &files[1 - stored];
  (void)context;
  if (offer->kind != TINYFERRY_FILE) return TINYFERRY_NOT_ALLOWED;
  if (offer->size > CAPACITY) return TINYFERRY_TOO_LARGE;
  if (offer->path_length > NAME) return TINYFERRY_NAME_TOO_LONG;
  copy(incoming->name, offer->path, offer->path_length);
  incoming->name_length = offer->path_length, incoming->size = offer->size, is_given = false;
  return 0;
}

static uint16_t file_store(void *context, uint64_t position, const uint8_t *bytes, size_t length) {
  (void)context;
  if (position > CAPACITY || length > CAPACITY - position) return TINYFERRY_NO_SPACE;
  copy(files[1 - stored].bytes + position, bytes, length);
  return 0;
}

static uint16_t file_commit(void *context) { return (void)context, stored = 1 - stored, (uint16_t)0; }

/* Of the file that is received, the bytes so far; else of the one that is sent. */
static uint16_t file_load(void *context, uint64_t position, uint8_t *into, size_t length, size_t *count) {
  const struct file *file = &files[is_given ? stored : 1 - stored];
  (void)context;
  if (position >= file->size) return 0;
  *count = length < file->size - position ? length : (size_t)(file->size - position);
  copy(into, file->bytes + position, *count);
  return 0;
}

static uint16_t file_open(void *context, const uint8_t *path, size_t length, bool tree) {
  const struct file *file = &files[stored];
  (void)context;
  if (length != file->name_length || length == 0) return TINYFERRY_NOT_FOUND;
  for (size_t i = 0; i < length; i++)
    if (path[i] != file->name[i]) return TINYFERRY_NOT_FOUND;
  is_given = false;
  return tree ? TINYFERRY_NOT_DIRECTORY : 0;
}

static uint16_t file_next(void *context, uint8_t *path, size_t capacity, tinyferry_entry *entry) {
  const struct file *file = &files[stored];
  (void)context;
  if (is_given || file->name_length > capacity) return is_given = false, (uint16_t)0;
  copy(path, file->name, file->name_length);
  entry->kind = TINYFERRY_FILE, entry->size = file->size, entry->path_length = file->name_length;
  is_given = true;
  return 0;
}

static void file_abandon(void *context, uint16_t reason, bool all) {
  (void)context, (void)reason, (void)all, is_given = false;
}

void run(void) {
  static const tinyferry_files calls = {NULL,      file_offer, file_store, file_commit, file_abandon,
                                        file_load, file_open,  file_next,  NULL,        NULL};
  static tinyferry_device device;
  tinyferry_config config = tinyferry_config_lossy();
  config.credit = TINYFERRY_CREDIT(MPS2_QUEUE, 1024);
  if (!tinyferry_device_new(&device, sizeof device, &mps2_port, &config)) return;
  /* It returns only if the UART fails, and this one does not. */
  for (;;) tinyferry_device_serve(&device, &calls, NULL, NULL);
}
