/* Tinyferry for C, made by cbindgen from core/c/src: change it there, and run `core/c/build --header`.
 *
 * No function allocates, and none prints. An object lies in storage of the caller, which `…_new` fills: a variable of its
 * type, or memory that is aligned for `uint64_t`. Nothing has to be destroyed, and it must not be moved. Each object is for
 * one thread at a time. */

#ifndef TINYFERRY_H
#define TINYFERRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* The credit for a receive queue of this length, in bytes: the full frames with room in it, and the signals between them. 0: it holds
 * none, and a smaller chunk or a longer queue is needed. */
#define TINYFERRY_CREDIT(bytes, chunk) ((uint16_t)((bytes) < 64u ? 0u : ((bytes) - 64u) / ((chunk) + 48u)))

// Nothing has that path. The number is that of the protocol, as that of each reason.
#define TINYFERRY_NOT_FOUND 3

// Permission is denied.
#define TINYFERRY_NO_PERMISSION 4

// It is a directory.
#define TINYFERRY_IS_DIRECTORY 5

// It is not a directory.
#define TINYFERRY_NOT_DIRECTORY 6

// It is neither a file nor a directory.
#define TINYFERRY_NOT_REGULAR 7

// The path is not allowed.
#define TINYFERRY_BAD_PATH 8

// The name is too long.
#define TINYFERRY_NAME_TOO_LONG 9

// No space is left.
#define TINYFERRY_NO_SPACE 10

// It is larger than is allowed.
#define TINYFERRY_TOO_LARGE 11

// The storage failed.
#define TINYFERRY_STORAGE 12

// The file changed while it was read.
#define TINYFERRY_SOURCE_CHANGED 13

// The prefix belongs to other content: the file is offered again.
#define TINYFERRY_PREFIX_DIFFERS 14

// The digest differs: the file is offered again, if its offer could be resumed.
#define TINYFERRY_DIGEST_DIFFERS 15

// That is not allowed.
#define TINYFERRY_NOT_ALLOWED 19

// It, or a part of its path, is a symbolic link.
#define TINYFERRY_SYMBOLIC_LINK 27

// The first reason of the application: its own numbers are 32,768 to 65,534.
#define TINYFERRY_APPLICATION 32768

// A size that is not known.
#define TINYFERRY_NO_SIZE UINT64_MAX

// A time that is not known.
#define TINYFERRY_NO_TIME INT64_MIN

// Permission bits that are not known.
#define TINYFERRY_NO_MODE UINT32_MAX

// `kind`: there is no further entry.
#define TINYFERRY_NONE 0

// `kind`: a file.
#define TINYFERRY_FILE 1

// `kind`: a directory, as an entry of a tree.
#define TINYFERRY_DIRECTORY 2

// `kind`: a tree, before its entries.
#define TINYFERRY_TREE 3

// `tinyferry_port.read`: the stream has ended.
#define TINYFERRY_END -1

// `tinyferry_port.read`: wait without a limit.
#define TINYFERRY_FOR_EVER UINT32_MAX

// `tinyferry_outcome.failure`: none.
#define TINYFERRY_OK 0

// The port failed.
#define TINYFERRY_PORT_FAILED 1

// The task was refused: `tinyferry_outcome.reason` says why.
#define TINYFERRY_REFUSED 2

// The stream ended in the middle of a task.
#define TINYFERRY_STREAM_ENDED 3

// The other end does not answer.
#define TINYFERRY_TIMED_OUT 4

// The other end does not speak Tinyferry, or breaks a rule of it, or the link damages bytes and is not lossy.
#define TINYFERRY_PROTOCOL 5

// The object was not made, or a pointer is null: that of `files` too, but for `tinyferry_ping` and `tinyferry_close`.
#define TINYFERRY_MISUSE 6

#if defined(TINYFERRY_CHUNKS_256)
// The words of `tinyferry_client`.
#define TINYFERRY_CLIENT_WORDS 89
#endif

#if !defined(TINYFERRY_CHUNKS_256)
// The words of `tinyferry_client`.
#define TINYFERRY_CLIENT_WORDS 185
#endif

#if defined(TINYFERRY_CHUNKS_256)
// The words of `tinyferry_device`.
#define TINYFERRY_DEVICE_WORDS 115
#endif

#if !defined(TINYFERRY_CHUNKS_256)
// The words of `tinyferry_device`.
#define TINYFERRY_DEVICE_WORDS 211
#endif

// `tinyferry_event.kind`: a client has connected.
#define TINYFERRY_CONNECTED 0

// A client offers the file or directory at `path`; `position` bytes of it are there.
#define TINYFERRY_OFFERED 1

// Content was received or sent, up to `position`.
#define TINYFERRY_PROGRESS 2

// The file or directory is in place, with `size` bytes, and the client has the answer.
#define TINYFERRY_STORED 3

// A file of `size` bytes was sent.
#define TINYFERRY_SENT 4

// The file or directory at `path` is not in place or was not sent, for `reason`.
#define TINYFERRY_REJECTED 5

// The request is over. A reset may follow.
#define TINYFERRY_IDLE 6

// The session is over; the next one begins.
#define TINYFERRY_CLOSED 7

// The bytes of the buffer of a small receiver or sender with chunks of 256 bytes. With 524 they have 512, with 1036 they
// have 1024.
#define TINYFERRY_FRAME 268

// The words of `tinyferry_receiver`.
#define TINYFERRY_RECEIVER_WORDS 9

// The words of `tinyferry_sender`.
#define TINYFERRY_SENDER_WORDS 10

// The configuration: `tinyferry_config_lossy`, `tinyferry_config_reliable`, and a change of some fields.
typedef struct {
  // The time without progress after which the other end counts as gone, in ms.
  uint32_t timeout;
  // How long a device waits for the next request, in ms; 0: for ever.
  uint32_t idle_timeout;
  // The largest chunk that this end receives, in bytes: 256, 512 or 1024.
  uint16_t chunk;
  // The frames that the other end may send before its next question. On a link without flow control the receive queue
  // must hold them: `TINYFERRY_CREDIT`. At least 1.
  uint16_t credit;
  // The silence after which an incomplete frame is damaged, in ms: 20 to 500.
  uint16_t silence;
  // Whether the link may lose or change bytes.
  bool lossy;
  // Whether a client may close this device.
  bool may_close;
} tinyferry_config;

// A client: `tinyferry_client_new` makes it.
typedef struct {
  uint64_t opaque[TINYFERRY_CLIENT_WORDS];
} tinyferry_client;

// A stream of bytes, and a clock if there is one. Null is allowed where that is said. Each function gets `context`.
typedef struct {
  // The first argument of each function.
  void *context;
  // Reads at least one byte and at most `length` bytes. Waits `wait` ms for the first one, less than 2^31, or without a
  // limit if that is `TINYFERRY_FOR_EVER`. Returns the number of bytes; 0: none came; `TINYFERRY_END`: the stream has ended; another
  // negative number: it failed.
  int32_t (*read)(void *context, uint8_t *into, size_t length, uint32_t wait);
  // Writes at least one byte and at most `length` bytes; may wait. Returns the number of bytes; 0 or a negative number:
  // the stream failed.
  int32_t (*write)(void *context, const uint8_t *bytes, size_t length);
  // Waits until all bytes are on the wire. Returns 0, or a negative number if the stream failed. Null: they always are.
  int32_t (*flush)(void *context);
  // Returns 1 if a read would not wait, 0 if it would, and a negative number if the stream failed. Null: this end does
  // not receive while it sends (half-duplex).
  int32_t (*is_ready)(void *context);
  // Milliseconds from any origin; they wrap around. Null: there is no clock; then reads wait 20 ms at most.
  uint32_t (*now)(void *context);
} tinyferry_port;

// The result of a task.
typedef struct {
  // `TINYFERRY_OK`, or a failure.
  uint8_t failure;
  // Whether a client has closed this device.
  bool closed;
  // The reason of `TINYFERRY_REFUSED`; else 0.
  uint16_t reason;
  // The files and directories that were offered in a client's task.
  uint32_t entries;
  // Those of them that were refused. The others are in place.
  uint32_t refused;
  // The entries of a received tree that could not be offered, for their paths.
  uint32_t omitted;
} tinyferry_outcome;

// A file, a directory or a tree that the other end offers.
typedef struct {
  // Its path, UTF-8 without a zero at the end, in a tree relative to the tree: names with one `/` between them, none of
  // them `..` or `.`. Valid in the call only.
  const uint8_t *path;
  // The bytes of the path.
  size_t path_length;
  // Its size in bytes, or `TINYFERRY_NO_SIZE`.
  uint64_t size;
  // The last modification in nanoseconds since 1970, or `TINYFERRY_NO_TIME`.
  int64_t modified;
  // Its permission bits, or `TINYFERRY_NO_MODE`.
  uint32_t mode;
  // `TINYFERRY_FILE`, `TINYFERRY_DIRECTORY` or `TINYFERRY_TREE`.
  uint8_t kind;
  // The highest position to resume from, in bytes. 0: drop any partial.
  uint64_t resume;
  // Set it to the bytes that are there from before: a multiple of 1024, or the whole size, at most `resume`. Before the call: 0.
  uint64_t prefix;
  // Set it if the bytes must come in order: the store cannot write at any position, or cannot read back. Before the
  // call: false.
  bool in_order;
} tinyferry_offer;

// An entry to send.
typedef struct {
  // The size of a file in bytes, or `TINYFERRY_NO_SIZE`. Before the call: 0.
  uint64_t size;
  // The last modification in nanoseconds since 1970. Before the call: `TINYFERRY_NO_TIME`.
  int64_t modified;
  // Permission bits. Before the call: `TINYFERRY_NO_MODE`.
  uint32_t mode;
  // The bytes of the path that was written. Before the call: 0.
  size_t path_length;
  // `TINYFERRY_FILE`, `TINYFERRY_DIRECTORY`, `TINYFERRY_TREE`, or `TINYFERRY_NONE`. Before the call: `TINYFERRY_NONE`.
  uint8_t kind;
  // Whether the receiver may resume the file. Then `refused` must offer it once more, without this. Before the call: false.
  bool resumable;
} tinyferry_entry;

// The files of a client or of a device. Null is allowed: an end without `offer` receives nothing, one without `open` and
// `next` sends nothing. Each function gets `context`. A function that returns a number returns 0, or the reason of a
// refusal (`TINYFERRY_NOT_FOUND`). `core/STORES.md` has all rules.
typedef struct {
  // The first argument of each function.
  void *context;
  // Opens an offered entry to receive it. Nothing changes under its name before `commit`.
  uint16_t (*offer)(void *context, tinyferry_offer *offer);
  // Stores all these bytes of the open file at their position. Bytes come in any order up to 97 blocks past the first
  // gap, unless `in_order` was set.
  uint16_t (*store)(void *context, uint64_t position, const uint8_t *bytes, size_t length);
  // Puts the open entry in place, whole or not at all, and closes it. After all entries it is called for the tree.
  uint16_t (*commit)(void *context);
  // Closes the open file, received or sent, which will not be completed now. Its partial may stay for a resume, but not
  // after `TINYFERRY_PREFIX_DIFFERS` and `TINYFERRY_DIGEST_DIFFERS`. `all`: the tree or the request ends as well.
  void (*abandon)(void *context, uint16_t reason, bool all);
  // Reads from the open file, received or sent. Sets the number of bytes, 0 only at its end.
  uint16_t (*load)(void *context, uint64_t position, uint8_t *into, size_t length, size_t *count);
  // The other end requests a file or a tree; `next` gives its entries. The empty path is the root.
  uint16_t (*open)(void *context, const uint8_t *path, size_t path_length, bool tree);
  // Opens the next entry to send, and writes its path into a buffer of `capacity` bytes, without a zero at the end. Of a
  // tree the first entry is the tree itself.
  uint16_t (*next)(void *context, uint8_t *path, size_t capacity, tinyferry_entry *entry);
  // Checks that the sent file has not changed meanwhile: if it has, returns `TINYFERRY_SOURCE_CHANGED`. Null: no check.
  uint16_t (*check)(void *context);
  // The other end has refused an entry, or this end has given it up; `entry` counts from 0 in the order of `next`. Returns
  // whether `next` gives the file once more, without `resumable`: so it must after `TINYFERRY_PREFIX_DIFFERS` and
  // `TINYFERRY_DIGEST_DIFFERS` if the entry was `resumable`. Null: never.
  bool (*refused)(void *context, uint32_t entry, uint16_t reason);
} tinyferry_files;

// A device, which is a server that reports its events: `tinyferry_device_new` makes it.
typedef struct {
  uint64_t opaque[TINYFERRY_DEVICE_WORDS];
} tinyferry_device;

// An event of a device.
typedef struct {
  // Its path, UTF-8 without a zero at the end, cut at 64 bytes; null if the event has none. Valid in the call only.
  const uint8_t *path;
  // The bytes of the path.
  size_t path_length;
  // A position in bytes.
  uint64_t position;
  // The size in bytes, or `TINYFERRY_NO_SIZE`.
  uint64_t size;
  // A reason, or 0.
  uint16_t reason;
  // The kind, `TINYFERRY_CONNECTED` to `TINYFERRY_CLOSED`.
  uint8_t kind;
} tinyferry_event;

// A function that is told of the events of a device.
typedef void (*tinyferry_on_event)(void *context, const tinyferry_event *event);

// A server on a lossy link that receives one file at a time, in 4 kB of flash: `tinyferry_receiver_new` makes it.
typedef struct {
  uint64_t opaque[TINYFERRY_RECEIVER_WORDS];
} tinyferry_receiver;

// Where a small receiver stores a file. Each function gets `context`. One that returns `uint16_t` returns 0, or the reason of
// a refusal (`TINYFERRY_NOT_FOUND`). A call may take seconds: the client repeats its question, and gives up after 60 s.
// Null is allowed where that is said.
typedef struct {
  // The first argument of each function.
  void *context;
  // A file of `size` bytes is offered. The path is as the client sent it: compare it with the names that are accepted.
  uint16_t (*offer)(void *context, const uint8_t *path, size_t path_length, uint32_t size);
  // Stores bytes at their position, in order; in any order with the feature `any-order`.
  uint16_t (*store)(void *context, uint32_t position, const uint8_t *bytes, size_t length);
  // The file is complete and verified: puts it in place. Until then the old file stays.
  uint16_t (*commit)(void *context);
  // The bytes of the offered file that are there from before, without a gap: a multiple of 1024, or the whole size, at
  // most `limit`. Null: none; then files are not resumed.
  uint32_t (*prefix)(void *context, uint32_t limit);
  // Drops the partial of the offered file: no later offer may resume it. Null: there is none.
  void (*discard)(void *context);
  // Reads back `length` bytes that were stored. Null where `prefix` is null, without the feature `any-order`.
  uint16_t (*load)(void *context, uint32_t position, uint8_t *into, size_t length);
} tinyferry_image;

// The next step of a loop of your own around a small receiver or sender.
typedef struct {
  // Null: write `length` bytes from `transmit`. Else read 1 to `length` bytes into it, and report them with
  // `…_received`, or with `…_silence` each time no byte has come for 20 ms.
  uint8_t *receive;
  // The bytes to write. Null: read.
  const uint8_t *transmit;
  // The number of bytes.
  size_t length;
} tinyferry_step;

// A server on a lossy link that sends one file at a time: `tinyferry_sender_new` makes it.
typedef struct {
  uint64_t opaque[TINYFERRY_SENDER_WORDS];
} tinyferry_sender;

// The file that a small sender sends. Each function gets `context`, and returns 0 or a reason.
typedef struct {
  // The first argument of each function.
  void *context;
  // The path of the open file, for the offer: at most 232 bytes. It must stay readable while the sender is in use.
  const uint8_t *path;
  // The number of its bytes.
  size_t path_length;
  // A client requests the file at a path, which is as the client sent it. Sets its size in bytes, less than 2^31;
  // `UINT32_MAX`: it is not known. Returns 0 or the reason of a refusal.
  uint16_t (*open)(void *context, const uint8_t *path, size_t path_length, uint32_t *size);
  // Reads from `position` on, also from one before the last. Sets the number of bytes, 0 only at the end of the file.
  // Returns 0 or a reason.
  uint16_t (*load)(void *context, uint32_t position, uint8_t *into, size_t length, size_t *count);
} tinyferry_source;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The configuration for a serial line, or another link that may lose or change bytes.
tinyferry_config tinyferry_config_lossy(void);

// The configuration for TCP, a pipe, or another link that loses nothing.
tinyferry_config tinyferry_config_reliable(void);

// Makes a client in place: `size` is the size of the storage. `random` has 32 bits that nobody can predict. Returns false
// if a pointer is null, the storage too small or not aligned, or a field of `config` out of its range.
//
// # Safety
// `client` can be written for `size` bytes. The functions of `port` are as documented, and its `context` stays valid while
// the client is in use.
bool tinyferry_client_new(tinyferry_client *client,
                          size_t size,
                          const tinyferry_port *port,
                          const tinyferry_config *config,
                          uint32_t random);

// Sends the entries that `files` gives.
//
// # Safety
// `client` was made; the functions of `files` are as documented.
tinyferry_outcome tinyferry_put(tinyferry_client *client, const tinyferry_files *files);

// Requests the file at `path`, or with `tree` the tree; it is offered to `files`. The empty path is the root.
//
// # Safety
// `client` was made; the functions of `files` are as documented; `path` has `path_length` bytes.
tinyferry_outcome tinyferry_get(tinyferry_client *client,
                                const uint8_t *path,
                                size_t path_length,
                                bool tree,
                                const tinyferry_files *files);

// Asks whether the server answers.
//
// # Safety
// `client` was made.
tinyferry_outcome tinyferry_ping(tinyferry_client *client);

// Asks the server to end.
//
// # Safety
// `client` was made.
tinyferry_outcome tinyferry_close(tinyferry_client *client);

// Makes a device in place: `size` is the size of the storage. Returns false if a pointer is null, the storage too small or
// not aligned, or a field of `config` out of its range.
//
// # Safety
// `device` can be written for `size` bytes. The functions of `port` are as documented, and its `context` stays valid while
// the device is in use.
bool tinyferry_device_new(tinyferry_device *device,
                          size_t size,
                          const tinyferry_port *port,
                          const tinyferry_config *config);

// Serves one session after another. Returns when the stream has ended or failed, or when a client has closed the device;
// then it may be called again. `on_event` may be null; it gets `context`.
//
// # Safety
// `device` was made; the functions of `files` and `on_event` are as documented.
tinyferry_outcome tinyferry_device_serve(tinyferry_device *device,
                                         const tinyferry_files *files,
                                         tinyferry_on_event on_event,
                                         void *context);

// Makes it in place: `size` is the size of the storage, `buffer` a buffer of `TINYFERRY_FRAME` bytes or more that nobody
// else uses while the object is in use. `credit` is the number of frames that the queue of the port holds; more than 8
// have no effect, and 0 counts as 1. Returns false if a pointer is null, the storage not aligned, or one of both too small.
//
// # Safety
// `receiver` and `buffer` can be written for so many bytes.
bool tinyferry_receiver_new(tinyferry_receiver *receiver,
                            size_t size,
                            uint8_t *buffer,
                            size_t buffer_length,
                            uint8_t credit);

// Serves clients until a read of the port returns `TINYFERRY_END`. Returns true then, and false if the port has failed.
// The port needs no clock and no `is_ready`: each read waits 20 ms at most.
//
// # Safety
// `receiver` was made; the functions of `port` and `image` are as documented.
bool tinyferry_receiver_serve(tinyferry_receiver *receiver, const tinyferry_port *port, const tinyferry_image *image);

// The next step of a loop of your own. Its bytes are valid until the next call for this object.
//
// # Safety
// As for `tinyferry_receiver_serve`.
tinyferry_step tinyferry_receiver_poll(tinyferry_receiver *receiver, const tinyferry_image *image);

// `count` bytes were read, as the step asked for.
//
// # Safety
// `receiver` was made.
void tinyferry_receiver_received(tinyferry_receiver *receiver, size_t count);

// No byte came for 20 ms.
//
// # Safety
// `receiver` was made.
void tinyferry_receiver_silence(tinyferry_receiver *receiver);

// Makes it in place: `size` is the size of the storage, `buffer` a buffer of `TINYFERRY_FRAME` bytes or more that nobody
// else uses while the object is in use. `credit` is the number of frames that the queue of the port holds; more than 8
// have no effect, and 0 counts as 1. Returns false if a pointer is null, the storage not aligned, or one of both too small.
//
// # Safety
// `sender` and `buffer` can be written for so many bytes.
bool tinyferry_sender_new(tinyferry_sender *sender,
                          size_t size,
                          uint8_t *buffer,
                          size_t buffer_length,
                          uint8_t credit);

// Serves clients until a read of the port returns `TINYFERRY_END`. Returns true then, and false if the port has failed.
// The port needs no clock and no `is_ready`: each read waits 20 ms at most.
//
// # Safety
// `sender` was made; the functions of `port` and `source` are as documented.
bool tinyferry_sender_serve(tinyferry_sender *sender, const tinyferry_port *port, const tinyferry_source *source);

// The next step of a loop of your own. Its bytes are valid until the next call for this object.
//
// # Safety
// As for `tinyferry_sender_serve`.
tinyferry_step tinyferry_sender_poll(tinyferry_sender *sender, const tinyferry_source *source);

// `count` bytes were read, as the step asked for.
//
// # Safety
// `sender` was made.
void tinyferry_sender_received(tinyferry_sender *sender, size_t count);

// No byte came for 20 ms.
//
// # Safety
// `sender` was made.
void tinyferry_sender_silence(tinyferry_sender *sender);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* TINYFERRY_H */
