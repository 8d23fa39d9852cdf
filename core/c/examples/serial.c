/* A client and a device on a POSIX serial port:
 *   serial PORT put FILE NAME     sends FILE; the other end stores it as NAME
 *   serial PORT get NAME FILE     gets NAME, and stores it as FILE
 *   serial PORT serve             receives files into this directory, and sends them, until it is stopped
 * It continues a transfer that was cut. -r before PORT: the line loses nothing. */
#include <stdio.h>
#include <string.h>

#include "posix.h"

static void print_event(void *context, const tinyferry_event *event) {
  (void)context;
  if (event->kind == TINYFERRY_STORED || event->kind == TINYFERRY_SENT)
    printf("%s %.*s\n", event->kind == TINYFERRY_STORED ? "stored" : "sent", (int)event->path_length,
           (const char *)event->path);
  fflush(stdout);
}

static int report(tinyferry_outcome outcome) {
  if (outcome.failure == TINYFERRY_REFUSED || outcome.refused != 0)
    fprintf(stderr, "serial: refused with reason %u of the protocol, for %u files\n", outcome.reason, outcome.refused);
  else if (outcome.failure != TINYFERRY_OK)
    fprintf(stderr, "serial: the transfer failed (%u); repeat it to continue\n", outcome.failure);
  return outcome.failure == TINYFERRY_OK && outcome.refused == 0 ? 0 : 1;
}

int main(int count, char **words) {
  const bool reliable = count > 1 && strcmp(words[1], "-r") == 0;
  char **arguments = words + (reliable ? 2 : 1);
  tinyferry_config config = reliable ? tinyferry_config_reliable() : tinyferry_config_lossy();
  struct posix_files files = {.fd = -1};
  const tinyferry_files calls = posix_files(&files);
  count -= reliable ? 2 : 1;
  if (count != 2 && count != 4) return fputs("usage: serial [-r] PORT put FILE NAME | get NAME FILE | serve\n", stderr), 2;
  const int fd = posix_open_port(arguments[0]);
  if (fd < 0) return perror(arguments[0]), 2;
  const tinyferry_port port = posix_port(fd);
  if (count == 2) {
    static tinyferry_device device;
    if (!tinyferry_device_new(&device, sizeof device, &port, &config)) return 2;
    files.is_device = true;
    return report(tinyferry_device_serve(&device, &calls, print_event, NULL));
  }
  static tinyferry_client client;
  if (!tinyferry_client_new(&client, sizeof client, &port, &config, posix_random())) return 2;
  const bool is_put = strcmp(arguments[1], "put") == 0;
  files.here = arguments[is_put ? 2 : 3], files.there = arguments[is_put ? 3 : 2];
  if (is_put) return report(tinyferry_put(&client, &calls));
  return report(tinyferry_get(&client, (const uint8_t *)files.there, strlen(files.there), false, &calls));
}
