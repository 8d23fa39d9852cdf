/* A serial port and files of a POSIX system, for tinyferry.h. */
#ifndef POSIX_H
#define POSIX_H

#include "tinyferry.h"

/* Opens a serial port for 115,200 baud, or a socket or pipe that is open already (`fd:N`); -1: errno says why. */
int posix_open_port(const char *path);
/* The functions of an open port. */
tinyferry_port posix_port(int fd);
/* 32 bits that nobody can predict. */
uint32_t posix_random(void);

/* One file that is sent or received. */
struct posix_files {
  /* A client's file: its path here, and its name at the other end. */
  const char *here, *there;
  /* A device takes the names of its clients. */
  bool is_device;
  /* The open file; -1: none. */
  int fd;
  /* Whether `next` has given it; whether it was refused as the continuation of another file. */
  bool is_given, begins_anew;
  /* Its name, and that of its partial. */
  char name[256], partial[264];
  /* A sent file, when it was opened. */
  uint64_t size;
  int64_t modified;
};
/* The functions for them. */
tinyferry_files posix_files(struct posix_files *files);

#endif
