/* standin_torch_cuda.h - how tests question and command the stand-in for libtorch_cuda.
 *
 * A TEST DOUBLE, never a source of figures: device type CUDA inside a CPU build of libtorch 2.10. README.md
 * beside this file says what it is and how a process gets it.
 */
#ifndef TIO_STANDIN_TORCH_CUDA_H
#define TIO_STANDIN_TORCH_CUDA_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TIO_STANDIN_TORCH_API __attribute__((visibility("default")))

/* What the caching allocator has done since the process began. Bytes are those asked for, rounded up to 512.
 */
typedef struct tio_standin_torch_counts {
    uint64_t live_bytes, peak_bytes; /* in blocks that tensors own */
    uint64_t live_blocks;
    uint64_t cached_bytes; /* in freed blocks that may be handed out again */
    uint64_t held_bytes;   /* in freed blocks that a stream was recorded for */
    uint64_t allocations;
    uint64_t stream_records; /* recordStream for memory of the allocator */
    uint64_t kernels;        /* that have run */
} tio_standin_torch_counts;

TIO_STANDIN_TORCH_API void tio_standin_torch_get_counts(tio_standin_torch_counts* counts);

/* live_bytes is the new peak. */
TIO_STANDIN_TORCH_API void tio_standin_torch_reset_peak(void);

/* Freed blocks that a stream was recorded for may be handed out again: as if all streams had come to an end.
 */
TIO_STANDIN_TORCH_API void tio_standin_torch_release_held(void);

/* The memory behind a device address, for a test's oracle: the address itself where no stand-in for libcuda
 * is in use. */
TIO_STANDIN_TORCH_API void* tio_standin_torch_host_view(void* device_address);

/* Allocations that would make live_bytes exceed this fail as CUDA's do when memory is out; 0: no limit. */
TIO_STANDIN_TORCH_API void tio_standin_torch_set_capacity(uint64_t bytes);

#ifdef __cplusplus
}
#endif
#endif
