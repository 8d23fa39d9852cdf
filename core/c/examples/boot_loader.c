/* The boot loader of an Arm MPS2 board (QEMU: mps2-an385): the small receiver stores an image of up to 64 KiB in RAM. Built
 * with -DSENDER the small sender sends such an image, the bytes of a counter. */
#include "mps2.h"

enum { CAPACITY = 65536 };

static uint8_t buffer[TINYFERRY_FRAME];

static bool is_image(const uint8_t *path, size_t length) {
  static const char name[] = "image.bin";
  if (length != sizeof name - 1) return false;
  for (size_t i = 0; i < length; i++)
    if (path[i] != (uint8_t)name[i]) return false;
  return true;
}

#ifdef SENDER
static uint16_t source_open(void *context, const uint8_t *path, size_t length, uint32_t *size) {
  (void)context;
  *size = CAPACITY - 1;
  return is_image(path, length) ? 0 : TINYFERRY_NOT_FOUND;
}

static uint16_t source_load(void *context, uint32_t position, uint8_t *into, size_t length, size_t *count) {
  (void)context;
  for (*count = 0; *count < length && position < CAPACITY - 1; ++*count, ++position)
    into[*count] = (uint8_t)(position ^ position >> 8);
  return 0;
}

void run(void) {
  static const tinyferry_source source = {NULL, (const uint8_t *)"image.bin", 9, source_open, source_load};
  static tinyferry_sender sender;
  if (!tinyferry_sender_new(&sender, sizeof sender, buffer, sizeof buffer, 8)) return;
  for (;;) tinyferry_sender_serve(&sender, &mps2_port, &source);
}
#else
static uint8_t image[CAPACITY];
static uint32_t offered, stored;

static uint16_t image_offer(void *context, const uint8_t *path, size_t length, uint32_t size) {
  (void)context;
  if (!is_image(path, length)) return TINYFERRY_NOT_FOUND;
  if (size > CAPACITY) return TINYFERRY_TOO_LARGE;
  offered = size;
  return 0;
}

/* Only content without a gap can be continued. */
static uint32_t image_prefix(void *context, uint32_t limit) {
  const uint32_t length = stored < limit ? stored : limit;
  (void)context;
  return stored = length == offered ? length : length - length % 1024;
}

static void image_discard(void *context) { (void)context, stored = 0; }

static uint16_t image_store(void *context, uint32_t position, const uint8_t *bytes, size_t length) {
  (void)context;
  if (position > CAPACITY || length > CAPACITY - position) return TINYFERRY_NO_SPACE;
  for (size_t i = 0; i < length; i++) image[position + i] = bytes[i];
  stored = position + (uint32_t)length;
  return 0;
}

static uint16_t image_load(void *context, uint32_t position, uint8_t *into, size_t length) {
  (void)context;
  for (size_t i = 0; i < length; i++) into[i] = image[position + i];
  return 0;
}

/* Here a boot loader marks the image as complete, and starts it. */
static uint16_t image_commit(void *context) { return (void)context, (uint16_t)0; }

void run(void) {
  static const tinyferry_image calls = {NULL, image_offer, image_store, image_commit, image_prefix, image_discard, image_load};
  static tinyferry_receiver receiver;
  if (!tinyferry_receiver_new(&receiver, sizeof receiver, buffer, sizeof buffer, 8)) return;
  for (;;) tinyferry_receiver_serve(&receiver, &mps2_port, &calls);
}
#endif
