/* standin_cuda.h - how tests command and question the stand-in for libcuda.
 *
 * A TEST DOUBLE, never a source of figures. It exports the calls of the driver's ABI that TeraIO uses, over
 * host memory: streams run their work in order on a thread each, events and host functions happen in stream
 * order, and nothing is synchronous that the real driver need not make so.
 *
 * Device pointers are host addresses with a bit set that makes every access of the CPU or the kernel to them
 * a fault: bytes reach "device" memory through copies and kernels only. tio_standin_cuda_host_view takes the
 * bit away.
 *
 * Not modelled: the implicit synchronisation of blocking streams with the legacy default stream (a blocking
 * stream is reported as misuse), managed memory, several devices' peer access, how long anything takes:
 * events tell the time of the host's clock, or one that a test has set.
 */
#ifndef TIO_STANDIN_CUDA_H
#define TIO_STANDIN_CUDA_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TIO_STANDIN_API __attribute__((visibility("default")))

/* Ends all streams (work that has not run is dropped) and forgets everything: as a fresh process. Not while
 * other threads are inside calls. */
TIO_STANDIN_API void tio_standin_cuda_reset(void);

/* The nth call of `function` from now on (1: the next) returns `result` and does nothing. `function` is the
 * exported name without a version suffix. One order per function. */
TIO_STANDIN_API void tio_standin_cuda_fail_call(const char* function, uint64_t nth, int result);
/* From now on the device is lost: queued work is dropped, host functions are not called, waits end, and every
 * call but those that need no device returns `result`. As after an illegal address in a kernel. */
TIO_STANDIN_API void tio_standin_cuda_lose_device(int result);
TIO_STANDIN_API void tio_standin_cuda_set_device_count(int count);
/* The nth kernel of a module that runs from now on (1: the next) computes something wrong. */
TIO_STANDIN_API void tio_standin_cuda_spoil_kernel(uint64_t nth);

/* Calls of `function` since the reset, failed ones too. */
TIO_STANDIN_API uint64_t tio_standin_cuda_calls(const char* function);
/* Every call in order, one a line: name, then what it was about ("stream=2 bytes=4096"). NUL-terminated;
 * returns the full length. */
TIO_STANDIN_API size_t tio_standin_cuda_journal(char* text, size_t capacity);
/* What was done wrong since the reset, one a line: asynchronous copies from pageable memory, use after free,
 * calls without a current context, unbalanced retain and release, objects that outlive their context, events
 * destroyed or recorded under a thread that waits for them, times asked of events that take none, memory let
 * go that a stream waits for. Empty: nothing. */
TIO_STANDIN_API size_t tio_standin_cuda_misuse(char* text, size_t capacity);

typedef struct tio_standin_cuda_counts {
    uint64_t device_bytes, device_allocations;
    uint64_t pinned_bytes, most_pinned_bytes, pinned_ranges;
    uint64_t streams, events, contexts_retained;
    uint64_t copies_in_flight, most_copies_in_flight; /* enqueued and not done */
    uint64_t bytes_to_device, bytes_to_host;
    uint64_t modules;
} tio_standin_cuda_counts;

TIO_STANDIN_API void tio_standin_cuda_get_counts(tio_standin_cuda_counts* counts);

/* With hold != 0, copies that are enqueued stand still at their turn until it is called with 0. */
TIO_STANDIN_API void tio_standin_cuda_hold_copies(int hold);
/* Returns when `count` copies are in flight at once. */
TIO_STANDIN_API void tio_standin_cuda_await_copies(uint64_t count);

/* The memory behind a device pointer, for a test's oracle and for kernels. */
TIO_STANDIN_API void* tio_standin_cuda_host_view(uint64_t device_pointer);
/* Whether [device_pointer, + bytes) lies within one live allocation. */
TIO_STANDIN_API int tio_standin_cuda_owns(uint64_t device_pointer, size_t bytes);

/* Gives the allocation that the address lies in a new id: as if it had been freed, and another one had come
 * to lie at its place. */
TIO_STANDIN_API void tio_standin_cuda_renumber(uint64_t device_pointer);

/* The device's clock stands still at this time until the next call, or the reset: kernels may call it too. */
TIO_STANDIN_API void tio_standin_cuda_set_clock(double seconds);

/* A "kernel": runs in the order of the stream (NULL: the legacy default stream). May block; then the stream
 * does. */
TIO_STANDIN_API int tio_standin_cuda_launch(void* stream, void (*body)(void*), void* argument);

#ifdef __cplusplus
}
#endif
#endif
