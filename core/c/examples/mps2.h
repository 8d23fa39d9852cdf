/* The UART, the clock and the start of an Arm MPS2 board (QEMU: mps2-an385). */
#ifndef MPS2_H
#define MPS2_H

#include "tinyferry.h"

/* The received bytes that wait. */
enum { MPS2_QUEUE = 8192 };

/* Its UART, which has been started. */
extern const tinyferry_port mps2_port;

/* The program of the board, which does not return. */
void run(void);

#endif
