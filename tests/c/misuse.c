/* Calls that the library must refuse. The exit code is the line of the first one that it does not refuse so. */
#include "tinyferry.h"

static int32_t end(void *context, uint8_t *into, size_t length, uint32_t wait) {
  return (void)context, (void)into, (void)length, (void)wait, TINYFERRY_END;
}
static int32_t swallow(void *context, const uint8_t *bytes, size_t length) {
  return (void)context, (void)bytes, (int32_t)length;
}
static tinyferry_device device[2];
static tinyferry_client client;
static tinyferry_receiver receiver[2];
static tinyferry_sender sender[2];
static uint8_t frame[TINYFERRY_FRAME];
#define IS(what) do { if (!(what)) return __LINE__; } while (0)

int main(void) {
  const tinyferry_port port = {NULL, end, swallow, NULL, NULL, NULL};
  const tinyferry_files files = {0};
  tinyferry_config config = tinyferry_config_lossy();
  void *const off = (uint8_t *)device + 4;
  /* The object and its storage. */
  IS(!tinyferry_device_new(NULL, sizeof device[0], &port, &config));
  IS(!tinyferry_device_new(device, sizeof device[0], NULL, &config));
  IS(!tinyferry_device_new(device, sizeof device[0], &port, NULL));
  IS(!tinyferry_device_new(device, sizeof device[0] - 1, &port, &config));
  IS(!tinyferry_device_new((tinyferry_device *)off, sizeof device[0], &port, &config));
  IS(!tinyferry_client_new((tinyferry_client *)off, sizeof client, &port, &config, 1));
  IS(!tinyferry_receiver_new((tinyferry_receiver *)off, sizeof receiver[0], frame, sizeof frame, 8));
  IS(!tinyferry_sender_new((tinyferry_sender *)off, sizeof sender[0], frame, sizeof frame, 8));
  IS(!tinyferry_receiver_new(receiver, sizeof receiver[0], frame, sizeof frame - 1, 8));
  IS(!tinyferry_sender_new(sender, sizeof sender[0], NULL, sizeof frame, 8));
  IS(tinyferry_receiver_new(receiver, sizeof receiver[0], frame, sizeof frame, 8));
  IS(tinyferry_device_new(device, sizeof device[0], &port, &config));
  IS(tinyferry_client_new(&client, sizeof client, &port, &config, 1));
  /* A queue that is too short gives no credit, and no credit is no configuration. */
  IS(TINYFERRY_CREDIT(0, 1024) == 0 && TINYFERRY_CREDIT(63, 256) == 0 && TINYFERRY_CREDIT(1135, 1024) == 0);
  IS(TINYFERRY_CREDIT(1136, 1024) == 1 && TINYFERRY_CREDIT(8192, 1024) == 7);
  config.credit = TINYFERRY_CREDIT(400 - 337, 256);
  IS(!tinyferry_device_new(device + 1, sizeof device[0], &port, &config));
  config.credit = 1, config.chunk = 300;
  IS(!tinyferry_device_new(device + 1, sizeof device[0], &port, &config));
  config.chunk = 256, config.silence = 19;
  IS(!tinyferry_client_new(&client, sizeof client, &port, &config, 1));
  /* Without files nothing is sent and nothing received, and that is no success. */
  IS(tinyferry_put(&client, NULL).failure == TINYFERRY_MISUSE);
  IS(tinyferry_get(&client, (const uint8_t *)"a", 1, false, NULL).failure == TINYFERRY_MISUSE);
  IS(tinyferry_put(NULL, &files).failure == TINYFERRY_MISUSE);
  IS(tinyferry_ping(NULL).failure == TINYFERRY_MISUSE);
  IS(tinyferry_device_serve(device, NULL, NULL, NULL).failure == TINYFERRY_MISUSE);
  IS(!tinyferry_receiver_serve(receiver, &port, NULL) && !tinyferry_receiver_serve(receiver, NULL, NULL));
  IS(tinyferry_receiver_poll(receiver, NULL).length == 0 && tinyferry_sender_poll(NULL, NULL).length == 0);
  /* With a stream that ends. */
  IS(tinyferry_put(&client, &files).failure == TINYFERRY_STREAM_ENDED);
  IS(tinyferry_ping(&client).failure == TINYFERRY_STREAM_ENDED);
  return 0;
}
