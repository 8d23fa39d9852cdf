/* A device on an Arm MPS2 board (QEMU: mps2-an385): it stores one file of up to 64 KiB in RAM, and sends it back. */
#include "tinyferry.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define UART 0x40004000u
#define CLOCK_HZ 25000000u

enum { QUEUE = 8192, CAPACITY = 65536, NAME = 64 };

/* An interrupt moves received bytes to a queue, so that nothing is lost while a chunk is verified and stored. */
static volatile uint8_t queue[QUEUE];
static volatile uint32_t queue_end, queue_begin, milliseconds;

static void on_uart(void) {
  REGISTER(UART + 0x0C) = 2;
  while (REGISTER(UART + 4) & 2) {
    const uint8_t byte = (uint8_t)REGISTER(UART);
    /* A byte without room is lost, and is sent again. */
    if (queue_end - queue_begin < QUEUE) queue[queue_end++ % QUEUE] = byte;
  }
}

static void on_tick(void) { milliseconds++; }

static uint32_t port_now(void *context) { return (void)context, milliseconds; }
static int32_t port_is_ready(void *context) { return (void)context, queue_end != queue_begin; }

static int32_t port_read(void *context, uint8_t *into, size_t length, uint32_t wait) {
  const uint32_t begin = milliseconds;
  size_t count = 0;
  while (!port_is_ready(context))
    if (wait != TINYFERRY_FOR_EVER && milliseconds - begin >= wait) return 0;
  for (; count < length && port_is_ready(context); count++) into[count] = queue[queue_begin++ % QUEUE];
  return (int32_t)count;
}

static int32_t port_write(void *context, const uint8_t *bytes, size_t length) {
  (void)context;
  for (size_t i = 0; i < length; i++) {
    while (REGISTER(UART + 4) & 1) {}
    REGISTER(UART) = bytes[i];
  }
  return (int32_t)length;
}

static int32_t port_flush(void *context) {
  (void)context;
  while (REGISTER(UART + 4) & 1) {}
  return 0;
}

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

static void run(void) {
  static const tinyferry_port port = {NULL, port_read, port_write, port_flush, port_is_ready, port_now};
  static const tinyferry_files calls = {NULL,      file_offer, file_store, file_commit, file_abandon,
                                        file_load, file_open,  file_next,  NULL,        NULL};
  static tinyferry_device device;
  tinyferry_config config = tinyferry_config_lossy();
  config.credit = TINYFERRY_CREDIT(QUEUE, 1024);
  REGISTER(UART + 0x10) = CLOCK_HZ / 115200;
  REGISTER(UART + 0x08) = 1 | 2 | 8; /* send, receive, the interrupt of received bytes */
  REGISTER(0xE000E100) = 1;          /* UART0 in the NVIC */
  REGISTER(0xE000E014) = CLOCK_HZ / 1000 - 1;
  REGISTER(0xE000E018) = 0;
  REGISTER(0xE000E010) = 7; /* SysTick: each millisecond */
  if (!tinyferry_device_new(&device, sizeof device, &port, &config)) return;
  /* It returns only if the UART fails, and this one does not. */
  for (;;) tinyferry_device_serve(&device, &calls, NULL, NULL);
}

extern uint32_t bss_begin[], bss_end[], stack_end[];

/* `.data` is empty: nothing but zeros has to be written. */
static void on_reset(void) {
  for (uint32_t *word = bss_begin; word < bss_end; word++) *(volatile uint32_t *)word = 0;
  run();
  for (;;) {}
}

static void on_fault(void) { for (;;) {} }

typedef void (*handler)(void);
__attribute__((section(".vectors"), used)) const struct {
  uint32_t *stack;
  handler exceptions[15], interrupts[32];
} vectors = {
    stack_end,
    {on_reset, on_fault, on_fault, on_fault, on_fault, on_fault, 0, 0, 0, 0, on_fault, on_fault, 0, on_fault, on_tick},
    {on_uart},
};
