#include "mps2.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define UART 0x40004000u
#define CLOCK_HZ 25000000u

/* An interrupt moves received bytes to a queue, so that nothing is lost while a chunk is verified and stored. */
static volatile uint8_t queue[MPS2_QUEUE];
static volatile uint32_t queue_end, queue_begin, milliseconds;

static void on_uart(void) {
  REGISTER(UART + 0x0C) = 2;
  while (REGISTER(UART + 4) & 2) {
    const uint8_t byte = (uint8_t)REGISTER(UART);
    /* A byte without room is lost, and is sent again. */
    if (queue_end - queue_begin < MPS2_QUEUE) queue[queue_end++ % MPS2_QUEUE] = byte;
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
  for (; count < length && port_is_ready(context); count++) into[count] = queue[queue_begin++ % MPS2_QUEUE];
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

const tinyferry_port mps2_port = {NULL, port_read, port_write, port_flush, port_is_ready, port_now};

static void start_uart(void) {
  REGISTER(UART + 0x10) = CLOCK_HZ / 115200;
  REGISTER(UART + 0x08) = 1 | 2 | 8; /* send, receive, the interrupt of received bytes */
  REGISTER(0xE000E100) = 1;          /* UART0 in the NVIC */
  REGISTER(0xE000E014) = CLOCK_HZ / 1000 - 1;
  REGISTER(0xE000E018) = 0;
  REGISTER(0xE000E010) = 7; /* SysTick: each millisecond */
}

extern uint32_t bss_begin[], bss_end[], stack_end[];

/* `.data` is empty: nothing but zeros has to be written. */
static void on_reset(void) {
  for (uint32_t *word = bss_begin; word < bss_end; word++) *(volatile uint32_t *)word = 0;
  start_uart();
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
