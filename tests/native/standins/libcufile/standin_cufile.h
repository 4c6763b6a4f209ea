/* standin_cufile.h - how tests command and question the stand-in for libcufile.
 *
 * A TEST DOUBLE, never a source of figures. It exports cuFile's ABI over the "device" memory of the stand-in
 * for libcuda and ordinary file I/O, checks what it is handed against the documented layout, order and
 * balance of calls, and does on order what no real cuFile does on demand.
 *
 * Written from the documented ABI, not from the shim's declarations: an error in those shows here.
 */
#ifndef TIO_STANDIN_CUFILE_H
#define TIO_STANDIN_CUFILE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TIO_STANDIN_CUFILE_API __attribute__((visibility("default")))

/* Forgets everything: as a fresh process. Not while other threads are inside calls. */
TIO_STANDIN_CUFILE_API void tio_standin_cufile_reset(void);

/* The nth call of `function` from now on (1: the next) fails with this code and does nothing. One order per
 * function. `function` is the exported name without "_v2". */
TIO_STANDIN_CUFILE_API void tio_standin_cufile_fail_call(const char* function, uint64_t nth, int code,
                                                         int cuda_error);
/* The nth cuFileRead, cuFileWrite or stream-ordered call from now on: a negative `result` is returned as it
 * is with errno set, and nothing moves; otherwise it moves so many bytes and no more. */
TIO_STANDIN_CUFILE_API void tio_standin_cufile_order_transfer(uint64_t nth, int64_t result, int sys_errno);
/* The entry with this index of batches from now on ends with the status bits and the result, and moves
 * nothing unless the status is COMPLETE. */
TIO_STANDIN_CUFILE_API void tio_standin_cufile_order_entry(unsigned index, unsigned status, int64_t result);
/* cuFileBatchIOGetStatus returns at most so many entries a call; 0: no limit. Entries come last first. */
TIO_STANDIN_CUFILE_API void tio_standin_cufile_limit_poll(unsigned entries);

/* Transfers begin and then wait until released. */
TIO_STANDIN_CUFILE_API void tio_standin_cufile_hold(int on);
/* Returns when so many transfers have begun since the reset. */
TIO_STANDIN_CUFILE_API void tio_standin_cufile_wait_for_transfers(uint64_t count);

enum { TIO_STANDIN_ROUTE_P2P = 0, TIO_STANDIN_ROUTE_NVFS = 1, TIO_STANDIN_ROUTE_POSIX = 2 };
/* Which of cuFile's counters transfers count in from now on. */
TIO_STANDIN_CUFILE_API void tio_standin_cufile_set_route(int route);
TIO_STANDIN_CUFILE_API void tio_standin_cufile_set_version(int version);
TIO_STANDIN_CUFILE_API void tio_standin_cufile_set_nvfs(unsigned major, unsigned status_flags,
                                                        unsigned feature_flags, int p2p_flags);
/* The number of GPUs that statistics of level 3 name. */
TIO_STANDIN_CUFILE_API void tio_standin_cufile_set_statistics_gpus(unsigned gpus);

TIO_STANDIN_CUFILE_API uint64_t tio_standin_cufile_calls(const char* function);
/* What was done wrong since the reset, one a line; NUL-terminated, returns the full length. Empty: nothing.
 */
TIO_STANDIN_CUFILE_API size_t tio_standin_cufile_misuse(char* text, size_t capacity);

typedef struct tio_standin_cufile_counts {
    uint64_t drivers_open; /* opens that no close has matched */
    uint64_t handles, most_handles;
    uint64_t buffers, buffer_bytes;
    uint64_t streams, batches;
    uint64_t transfers, unaligned_transfers; /* not a multiple of 4096 in file, memory or size */
    uint64_t registered_transfers;           /* by the base of a registered buffer */
} tio_standin_cufile_counts;

TIO_STANDIN_CUFILE_API void tio_standin_cufile_get_counts(tio_standin_cufile_counts* counts);

/* What was set before the driver opened: -1 for a parameter that was not. `kind`: 's' size, 'b' switch. */
TIO_STANDIN_CUFILE_API int64_t tio_standin_cufile_parameter(char kind, int parameter);
TIO_STANDIN_CUFILE_API const char* tio_standin_cufile_log_directory(void);

#ifdef __cplusplus
}
#endif
#endif
