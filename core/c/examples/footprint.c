/* One role of the library over stubs of a UART and a storage, to be weighed: -DRECEIVER, -DDEVICE or neither. */
#include "tinyferry.h"

#define REGISTER (*(volatile uint8_t *)0x40000000u)

static int32_t port_read(void *context, uint8_t *into, size_t length, uint32_t wait) {
  (void)context, (void)length, (void)wait;
  *into = REGISTER;
  return REGISTER != 0;
}

static int32_t port_write(void *context, const uint8_t *bytes, size_t length) {
  (void)context, (void)length;
  REGISTER = *bytes;
  return 1;
}

#ifdef RECEIVER
static uint16_t offer(void *context, const uint8_t *path, size_t length, uint32_t size) {
  return (void)context, (void)path, (void)length, (void)size, REGISTER;
}

static uint16_t store(void *context, uint32_t position, const uint8_t *bytes, size_t length) {
  (void)context;
  while (length-- > 0) (&REGISTER)[position++] = *bytes++;
  return 0;
}

static uint16_t load(void *context, uint32_t position, uint8_t *into, size_t length) {
  (void)context;
  while (length-- > 0) *into++ = (&REGISTER)[position++];
  return 0;
}

static uint16_t commit(void *context) { return (void)context, REGISTER; }
static uint32_t prefix(void *context, uint32_t limit) { return (void)context, (void)limit, REGISTER; }
static void discard(void *context) { (void)context, REGISTER = 0; }

static void run(const tinyferry_port *port) {
  static const tinyferry_image image = {NULL, offer, store, commit, prefix, discard, load};
  static tinyferry_receiver receiver;
  static uint8_t buffer[TINYFERRY_FRAME];
  tinyferry_receiver_new(&receiver, sizeof receiver, buffer, sizeof buffer, 4);
  tinyferry_receiver_serve(&receiver, port, &image);
}
#elif defined DEVICE
static uint16_t offer(void *context, tinyferry_offer *offered) { return (void)context, (void)offered, REGISTER; }

static uint16_t store(void *context, uint64_t position, const uint8_t *bytes, size_t length) {
  (void)context;
  while (length-- > 0) (&REGISTER)[(uint32_t)position++] = *bytes++;
  return 0;
}

static uint16_t load(void *context, uint64_t position, uint8_t *into, size_t length, size_t *count) {
  (void)context;
  *count = length;
  while (length-- > 0) *into++ = (&REGISTER)[(uint32_t)position++];
  return 0;
}

static uint16_t commit(void *context) { return (void)context, REGISTER; }
static void abandon(void *context, uint16_t reason, bool all) { (void)context, (void)all, REGISTER = (uint8_t)reason; }
static uint16_t open(void *context, const uint8_t *path, size_t length, bool tree) {
  return (void)context, (void)path, (void)length, (void)tree, REGISTER;
}

static uint16_t next(void *context, uint8_t *path, size_t capacity, tinyferry_entry *entry) {
  (void)context, (void)capacity;
  *path = REGISTER;
  entry->kind = REGISTER, entry->size = REGISTER, entry->path_length = 1;
  return 0;
}

static int32_t is_ready(void *context) { return (void)context, REGISTER; }
static uint32_t now(void *context) { return (void)context, REGISTER; }
static void on_event(void *context, const tinyferry_event *event) { (void)context, REGISTER = event->kind; }

static void run(const tinyferry_port *stream) {
  static const tinyferry_files files = {NULL, offer, store, commit, abandon, load, open, next, NULL, NULL};
  static tinyferry_device device;
  const tinyferry_port port = {NULL, stream->read, stream->write, NULL, is_ready, now};
  const tinyferry_config config = tinyferry_config_lossy();
  tinyferry_device_new(&device, sizeof device, &port, &config);
  tinyferry_device_serve(&device, &files, on_event, NULL);
}
#else
static void run(const tinyferry_port *port) {
  uint8_t byte;
  port->read(NULL, &byte, 1, 0);
  port->write(NULL, &byte, 1);
}
#endif

static void on_reset(void) {
  static const tinyferry_port port = {NULL, port_read, port_write, NULL, NULL, NULL};
  for (;;) run(&port);
}

extern uint32_t stack_end[];
typedef void (*handler)(void);
__attribute__((section(".vectors"), used)) const struct {
  uint32_t *stack;
  handler reset;
} vectors = {stack_end, on_reset};
