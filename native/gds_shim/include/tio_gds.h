/* tio_gds.h - the storage side of TeraIO: files, buffers and asynchronous transfers behind one C ABI.
 *
 * This header is a contract that can be read alone. It knows nothing of tensors, stores or plans: it moves
 * bytes between memory and files, says precisely what happened, and never throws across the boundary.
 *
 * Conventions
 *   - Every function that can fail returns tio_status: TIO_OK (0) or a negative TIO_E_* code. Results come
 *     through out-parameters.
 *   - tio_gds_last_error() gives the text of the last failure on the calling thread (what, where, errno).
 *     Completions carry their own status and errno instead, and TIO_E_TIMEOUT, TIO_E_BUSY and TIO_E_CLOSED of
 *     the queue functions, which are answers rather than failures, leave no text: nothing thread-local on the
 *     hot path.
 *   - Every struct that the caller passes in begins with `struct_size`, set by the caller to sizeof: later
 *     versions append fields, and a larger struct than the library knows is accepted. In an array of requests
 *     all have the same struct_size, and it is the distance from one to the next. tio_gds_completion has
 *     none: its layout is fixed for TIO_GDS_ABI_VERSION.
 *   - Handles are opaque and owned by the caller; each _open/_create has one _close/_destroy.
 *   - Thread-safety: all functions are thread-safe, except that destroying a handle must not race with other
 *     uses of the same handle. tio_gds_wait may be called by one thread at a time per queue.
 *   - Nothing here spins or sleeps: waiting is always in the kernel or on a condition variable.
 */
#ifndef TIO_GDS_H
#define TIO_GDS_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define TIO_GDS_API __attribute__((visibility("default")))
#else
#define TIO_GDS_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define TIO_GDS_ABI_VERSION 5u

typedef int32_t tio_status;

enum {
    TIO_OK = 0,
    TIO_E_INVALID = -1,     /* an argument is unusable; last_error names it */
    TIO_E_IO = -2,          /* the kernel reported an errno (see sys_errno) */
    TIO_E_NOMEM = -3,       /* out of memory or locked memory */
    TIO_E_FULL = -4,        /* ENOSPC / EDQUOT / EFBIG */
    TIO_E_SHORT = -5,       /* end of file before all bytes were transferred */
    TIO_E_CANCELED = -6,    /* cancelled before it finished; the memory is no longer touched */
    TIO_E_TIMEOUT = -7,     /* tio_gds_wait: nothing completed in time */
    TIO_E_UNSUPPORTED = -8, /* this machine, file system or build cannot do it */
    TIO_E_CLOSED = -9,      /* the queue is being destroyed */
    TIO_E_BUSY = -10,       /* the queue already holds max_requests requests */
    TIO_E_INTERNAL = -11,   /* a defect in the shim: a C++ exception was stopped at the boundary */
    TIO_E_DEVICE = -12      /* the CUDA driver or cuFile reported an error (see sys_errno) */
};

TIO_GDS_API uint32_t tio_gds_abi_version(void);
TIO_GDS_API const char* tio_gds_status_name(tio_status status);
/* Copies the calling thread's last error text, NUL-terminated; returns its full length in bytes. */
TIO_GDS_API size_t tio_gds_last_error(char* buffer, size_t capacity);

/* ---- backends ------------------------------------------------------------------------------------- */

enum {
    TIO_BACKEND_AUTO = 0,    /* io_uring, or threads where io_uring is refused */
    TIO_BACKEND_URING = 1,   /* io_uring or TIO_E_UNSUPPORTED: never a silent downgrade */
    TIO_BACKEND_THREADS = 2, /* pread/pwrite on worker threads */
    TIO_BACKEND_CUFILE = 3,  /* GPUDirect Storage: device memory through libcufile, on worker threads */
    TIO_BACKEND_STAGED =
        4 /* device memory through pinned memory: io_uring and CUDA copy streams, overlapped */
};

/* Bit (1u << backend) is set for every backend that works on this machine now; why[] (may be NULL) receives a
 * sentence for those that do not. */
TIO_GDS_API tio_status tio_gds_available_backends(uint32_t* mask, char* why, size_t why_capacity);

/* ---- files ---------------------------------------------------------------------------------------- */

typedef struct tio_gds_file tio_gds_file;

enum {
    TIO_FILE_CREATE = 1u << 0, /* create; fails with EEXIST if it is there; mode 0600 */
    TIO_FILE_DIRECT = 1u << 1, /* O_DIRECT where the file system allows it, else buffered (see info.direct) */
    TIO_FILE_DIRECT_REQUIRED = 1u << 2 /* O_DIRECT or TIO_E_UNSUPPORTED */
};

typedef struct tio_gds_file_info {
    uint32_t struct_size;
    uint32_t direct;           /* 1: O_DIRECT in force, 0: buffered */
    uint32_t memory_alignment; /* bytes; what direct transfers need of the memory address (1 when buffered) */
    uint32_t offset_alignment; /* bytes; what direct transfers need of offset and length (1 when buffered) */
    uint64_t size;             /* bytes, now */
    uint64_t free_bytes;       /* bytes available to this user on the file system */
    uint64_t file_system;      /* statfs f_type */
} tio_gds_file_info;

/* Opens for reading and writing; regular files and block devices only. TIO_E_IO when the kernel refuses
 * (last_error has the errno), TIO_E_UNSUPPORTED as above. A file that a failed call created is removed. */
TIO_GDS_API tio_status tio_gds_file_open(const char* path, uint32_t flags, tio_gds_file** file);
TIO_GDS_API tio_status tio_gds_file_get_info(const tio_gds_file* file, tio_gds_file_info* info);
/* Makes sure [0, size) has blocks (posix_fallocate semantics: never shrinks). TIO_E_FULL leaves the size as
 * it was, so it must not race with writes beyond the end. TIO_E_UNSUPPORTED on file systems without
 * fallocate. Exceeding RLIMIT_FSIZE is TIO_E_FULL; SIGXFSZ is held back. */
TIO_GDS_API tio_status tio_gds_file_allocate(tio_gds_file* file, uint64_t size);
/* fdatasync. A failed sync is never retried here: its caller must treat the data as lost. */
TIO_GDS_API tio_status tio_gds_file_sync(tio_gds_file* file);
/* TIO_E_INVALID while requests on it are in flight. NULL is allowed. */
TIO_GDS_API tio_status tio_gds_file_close(tio_gds_file* file);

/* ---- fences --------------------------------------------------------------------------------------- */

/* Fences order transfers against the kernels in CUDA streams, without a device-wide synchronize and, where
 * the driver can, without a waiting host thread. docs/cuda-ordering.md shows the protocol.
 *
 * A fence stands for a moment that is still to come. Recorded, for that at which the kernels that are now in
 * a stream have finished; a request that names it as `after` begins then. Armed, for that at which a number
 * of transfers have ended, the requests that name it as `signals`; a stream can be made to wait for it. Each
 * recording and arming is a moment of its own: who refers to a former one keeps it, when the fence is
 * recorded or armed again and when it is destroyed.
 *
 * A transfer's `after` must not be recorded behind a stream's wait for that same transfer: neither would ever
 * happen. */

typedef struct tio_gds_gpu tio_gds_gpu;
typedef struct tio_gds_fence tio_gds_fence;

enum {
    TIO_WAITS_ON_STREAMS = 0, /* streams wait for memory (CUDA 11.7); on the host where the driver cannot */
    TIO_WAITS_ON_HOST = 1     /* tio_gds_fence_make_wait blocks its caller */
};

typedef struct tio_gds_gpu_options {
    uint32_t struct_size;
    uint32_t device;   /* ordinal of the CUDA device */
    uint32_t waits;    /* TIO_WAITS_* */
    uint32_t reserved; /* 0 */
} tio_gds_gpu_options;

typedef struct tio_gds_gpu_info {
    uint32_t struct_size;
    uint32_t device;
    uint32_t waits; /* TIO_WAITS_*, as it is done; known for certain after the first wait */
    uint32_t fences;
} tio_gds_gpu_info;

/* Retains the device's primary context. Keeps a page of pinned memory for each 1024 armed fences, and a
 * thread that sleeps for each stream that fences were recorded in. TIO_E_UNSUPPORTED where there is no CUDA
 * driver. */
TIO_GDS_API tio_status tio_gds_gpu_open(const tio_gds_gpu_options* options, tio_gds_gpu** gpu);
TIO_GDS_API tio_status tio_gds_gpu_get_info(const tio_gds_gpu* gpu, tio_gds_gpu_info* info);
/* Waits for the device (cuCtxSynchronize). TIO_E_INVALID while it has fences, timelines, checksums or memory,
 * or requests in flight signal a fence that it had. NULL is allowed. */
TIO_GDS_API tio_status tio_gds_gpu_close(tio_gds_gpu* gpu);

TIO_GDS_API tio_status tio_gds_fence_create(tio_gds_gpu* gpu, tio_gds_fence** fence);
/* Transfers that an armed fence still waits for and that no request has taken over count as cancelled, so
 * that nobody waits for them for ever. NULL is allowed. */
TIO_GDS_API tio_status tio_gds_fence_destroy(tio_gds_fence* fence);

/* Behind what is in the CUstream now (NULL: the legacy default stream of the primary context). On failure the
 * fence stands for nothing. */
TIO_GDS_API tio_status tio_gds_fence_record(tio_gds_fence* fence, void* stream);
/* For `transfers` ends of transfers: each request that names the fence as `signals`, or call of
 * tio_gds_fence_signal, is one. More than that are TIO_E_INVALID. A former arming ends as in
 * tio_gds_fence_destroy. */
TIO_GDS_API tio_status tio_gds_fence_arm(tio_gds_fence* fence, uint32_t transfers);
/* One end of a transfer, by the caller: who tries transfers again after an error names no `signals`, but
 * calls this at the end of the last try. The first status that is not TIO_OK is the fence's. */
TIO_GDS_API tio_status tio_gds_fence_signal(tio_gds_fence* fence, tio_status status, int32_t sys_errno);

enum { TIO_WAIT_NOT_NEEDED = 0, TIO_WAIT_BY_STREAM = 1, TIO_WAIT_BY_HOST = 2 };

/* What is put into the CUstream from now on runs after the fence has passed. Returns at once, unless *how is
 * TIO_WAIT_BY_HOST: then the call itself has waited. When the work before the fence has failed, its status;
 * it may also fail later, with the stream already waiting: the stream then goes on, with wrong bytes, and
 * tio_gds_fence_get_state or the request's completion says so. */
TIO_GDS_API tio_status tio_gds_fence_make_wait(tio_gds_fence* fence, void* stream, uint32_t* how);

enum {
    TIO_FENCE_UNSET = 0, /* neither recorded nor armed */
    TIO_FENCE_PENDING = 1,
    TIO_FENCE_PASSED = 2,
    TIO_FENCE_FAILED = 3
};

typedef struct tio_gds_fence_state {
    uint32_t struct_size;
    uint32_t state;    /* TIO_FENCE_* */
    tio_status status; /* of the work before it, as in a completion; TIO_OK unless it failed */
    int32_t sys_errno;
} tio_gds_fence_state;

/* Calls no driver and never blocks. */
TIO_GDS_API tio_status tio_gds_fence_get_state(const tio_gds_fence* fence, tio_gds_fence_state* state);
/* Blocks the calling thread until the fence passes, at most timeout_ms (< 0: no limit; TIO_E_TIMEOUT). The
 * status of the work before it, if that failed. */
TIO_GDS_API tio_status tio_gds_fence_wait(const tio_gds_fence* fence, int32_t timeout_ms);

/* ---- devices -------------------------------------------------------------------------------------- */

/* Which device an ordinal stands for, NUL-terminated and cut where it does not fit: the model, and its place
 * on the PCI bus, such as "NVIDIA H100 80GB HBM3 at 0000:3b:00.0". Needs no context. TIO_E_UNSUPPORTED where
 * there is no CUDA driver, TIO_E_DEVICE where there is no such device. */
TIO_GDS_API tio_status tio_gds_device_describe(uint32_t device, char* text, size_t capacity);

/* ---- memory of a device --------------------------------------------------------------------------- */

/* Memory of its own for who has no other allocator there: measurements, tests. TIO_E_NOMEM when the device
 * has no more; TIO_E_INVALID for 0 bytes. At least 256-byte aligned. */
TIO_GDS_API tio_status tio_gds_device_alloc(tio_gds_gpu* gpu, size_t bytes, void** memory);
/* Waits for what uses the memory, as cuMemFree does. TIO_E_INVALID if tio_gds_device_alloc of this gpu has
 * not given it. When the driver fails it is gone all the same. NULL is allowed. */
TIO_GDS_API tio_status tio_gds_device_free(tio_gds_gpu* gpu, void* memory);

enum { TIO_COPY_TO_DEVICE = 0, TIO_COPY_TO_HOST = 1 };

/* Copies between host memory of any kind and any memory of the device, from any allocator, and returns when
 * the bytes are there. Comes after what is in the legacy default stream and knows no other: who has work in
 * other streams waits for it first. */
TIO_GDS_API tio_status tio_gds_device_copy(tio_gds_gpu* gpu, void* to, const void* from, size_t bytes,
                                           uint32_t direction);

/* ---- checksums of device memory ------------------------------------------------------------------- */

/* 64 bits over bytes, their places, their number and a seed, by a kernel where the bytes are. To find faults,
 * not forgeries. */
typedef struct tio_gds_checksums tio_gds_checksums;

typedef struct tio_gds_memory_range {
    const void* memory; /* any address of the device; multiples of 8 are faster */
    uint64_t bytes;     /* any value */
    uint64_t seed;      /* equal bytes have unrelated checksums under other seeds */
} tio_gds_memory_range;

/* Loads the kernel and compares what it makes of a known pattern with what the CPU does. TIO_E_UNSUPPORTED,
 * and last_error says why, where the driver does not take it or a result differs: the device has no checksums
 * then. To be made before streams are made to wait for memory: the driver may wait for the device in it. */
TIO_GDS_API tio_status tio_gds_checksums_create(tio_gds_gpu* gpu, tio_gds_checksums** checksums);
/* NULL is allowed. */
TIO_GDS_API tio_status tio_gds_checksums_destroy(tio_gds_checksums* checksums);
/* Blocks, sleeping, until all results are there. The kernel runs at once in a stream of its own, behind
 * nothing: who has kernels or transfers that write to the memory waits for them first. Calls of several
 * threads run beside each other. On failure the results are undefined. */
TIO_GDS_API tio_status tio_gds_checksums_compute(tio_gds_checksums* checksums,
                                                 const tio_gds_memory_range* ranges, uint32_t count,
                                                 uint64_t* results);
/* The same checksum of memory that the CPU can read. */
TIO_GDS_API uint64_t tio_gds_checksum_of_host(const void* memory, uint64_t bytes, uint64_t seed);

/* ---- timelines ------------------------------------------------------------------------------------ */

/* When things happen on a device, by its own clock: the host's clock only knows when they were launched. */
typedef struct tio_gds_timeline tio_gds_timeline;

TIO_GDS_API tio_status tio_gds_timeline_create(tio_gds_gpu* gpu, tio_gds_timeline** timeline);
/* NULL is allowed. */
TIO_GDS_API tio_status tio_gds_timeline_destroy(tio_gds_timeline* timeline);
/* Marks the moment at which the work that is now in the CUstream (NULL: the legacy default stream of the
 * primary context) has finished. Blocks for nothing but a tio_gds_timeline_collect of another thread. *index
 * counts from 0 since the last collect. On failure there is no mark. */
TIO_GDS_API tio_status tio_gds_timeline_mark(tio_gds_timeline* timeline, void* stream, uint64_t* index);
/* Waits until the device has come to all marks, and tells when it did: in seconds since mark 0, from one mark
 * to the next as exact as CUDA's events (about half a microsecond); negative for marks in other streams that
 * came before mark 0. Then the timeline is empty, after an error of the device too. *count is the number of
 * marks; if `capacity` is less, TIO_E_INVALID at once, and they stay. */
TIO_GDS_API tio_status tio_gds_timeline_collect(tio_gds_timeline* timeline, double* seconds,
                                                uint64_t capacity, uint64_t* count);

/* ---- queues --------------------------------------------------------------------------------------- */

typedef struct tio_gds_queue tio_gds_queue;

typedef struct tio_gds_queue_options {
    uint32_t struct_size;
    uint32_t backend;       /* TIO_BACKEND_* */
    uint32_t queue_depth;   /* chunks in flight at once; 0 = 32; at most 4096, with TIO_BACKEND_THREADS 64 */
    uint32_t chunk_bytes;   /* size of a request's chunks; multiple of 4096 up to 1 GiB; 0 = 1 MiB */
    uint32_t max_requests;  /* requests held before TIO_E_BUSY, each until its completion is collected by
                               tio_gds_wait; 0 = 4096; at most 2^20 */
    uint32_t bounce_chunks; /* aligned chunks for memory that O_DIRECT cannot use; 0 = 8; at most 4096 */
    uint32_t device;        /* ordinal of the CUDA device of the GPU backends */
    uint32_t reserved;      /* 0 */
    uint64_t pinned_bytes;  /* TIO_BACKEND_STAGED: most host memory that the queue may pin, all told; at least
                               chunk_bytes; 0 = 64 MiB. It limits the chunks in flight as well as
                               queue_depth does: each holds chunk_bytes of it */
} tio_gds_queue_options;

TIO_GDS_API tio_status tio_gds_queue_create(const tio_gds_queue_options* options, tio_gds_queue** queue);
/* Cancels what is queued, waits for what is in flight (the kernel may still write into memory), then frees.
 * Completions not yet collected are dropped. A thread inside tio_gds_wait is woken with TIO_E_CLOSED first.
 * NULL is allowed. */
TIO_GDS_API tio_status tio_gds_queue_destroy(tio_gds_queue* queue);
/* The backend really in use: never TIO_BACKEND_AUTO. */
TIO_GDS_API tio_status tio_gds_queue_backend(const tio_gds_queue* queue, uint32_t* backend);

/* ---- buffers -------------------------------------------------------------------------------------- */

enum { TIO_MEMORY_HOST = 0, TIO_MEMORY_HOST_PINNED = 1, TIO_MEMORY_CUDA = 2 };

/* Registers long-lived host memory with the queue (io_uring fixed buffers; a no-op elsewhere). Optional: it
 * only saves page pinning per transfer. *index is passed in tio_gds_request.buffer_index. At most 1023 per
 * queue, each of at most 1 GiB. With TIO_BACKEND_CUFILE it is device memory, which then moves without a
 * bounce buffer: registered once per process however many queues name it, within the budget of
 * tio_gds_cufile_options, and to be unregistered before it is freed (freeing it first can deadlock
 * nvidia-fs). TIO_E_NOMEM when the locked-memory limit is reached: transfers work without registration.
 * Pinning large memory holds the queue's transfers up meanwhile. */
TIO_GDS_API tio_status tio_gds_buffer_register(tio_gds_queue* queue, void* base, size_t length,
                                               uint32_t memory_kind, uint32_t* index);
/* TIO_E_INVALID while requests that name it are in flight. */
TIO_GDS_API tio_status tio_gds_buffer_unregister(tio_gds_queue* queue, uint32_t index);

/* ---- pinned host memory --------------------------------------------------------------------------- */

typedef struct tio_gds_pin tio_gds_pin;

/* Pins host memory for CUDA, on all devices: copies between it and a GPU then need no staging and do not
 * block the CPU. Keeps the first device's primary context alive meanwhile. The memory is the caller's and
 * must stay until tio_gds_host_unpin. TIO_E_UNSUPPORTED where there is no CUDA driver or no GPU; TIO_E_NOMEM
 * or TIO_E_DEVICE when the driver does not pin it. */
TIO_GDS_API tio_status tio_gds_host_pin(void* base, size_t length, tio_gds_pin** pin);
/* NULL is allowed. */
TIO_GDS_API tio_status tio_gds_host_unpin(tio_gds_pin* pin);

/* ---- transfers ------------------------------------------------------------------------------------ */

enum { TIO_OP_READ = 0, TIO_OP_WRITE = 1 };

#define TIO_NO_BUFFER 0xFFFFFFFFu

typedef struct tio_gds_request {
    uint32_t struct_size;
    uint32_t op;          /* TIO_OP_* */
    uint32_t memory_kind; /* TIO_MEMORY_*; CUDA with the GPU backends, HOST and HOST_PINNED with the others */
    uint32_t buffer_index; /* of tio_gds_buffer_register, or TIO_NO_BUFFER */
    tio_gds_file* file;
    void* memory;         /* any address: what O_DIRECT cannot take goes through a bounce chunk */
    uint64_t offset;      /* bytes; multiple of offset_alignment when the file is direct */
    uint64_t length;      /* bytes, > 0; any value. A direct write of a length that is not a multiple of
                             offset_alignment writes zeros up to the next multiple: pad extents to 4096 */
    uint64_t token;       /* comes back in the completion; unique among the requests that the queue holds
                             (tio_gds_cancel uses it), else TIO_E_INVALID */
    int32_t priority;     /* lower runs first among queued chunks; equal priorities in order of submission */
    uint32_t reserved;    /* 0 */
    tio_gds_fence* after; /* recorded, or NULL: nothing of the request begins before the kernels in front of
                             it have finished. If they fail it ends with their error and touches nothing */
    tio_gds_fence* signals; /* armed, or NULL: counts one of its transfers when the request has ended, however
                               it ends */
} tio_gds_request;

typedef struct tio_gds_completion {
    uint64_t token;
    uint64_t bytes;      /* transferred, without padding; equals length when status is TIO_OK. Otherwise the
                            sum over the chunks, not always a prefix; for TIO_E_SHORT up to the file's end */
    uint64_t latency_ns; /* from submit to the end of the last chunk */
    tio_status status;
    int32_t sys_errno; /* errno for TIO_E_IO and TIO_E_FULL; for TIO_E_DEVICE the CUresult, or cuFile's code
                          (from 5001 on); otherwise 0 */
} tio_gds_completion;

/* Requests on device memory with TIO_BACKEND_CUFILE: the offset is a multiple of 4096 even where the file
 * asks for less, and no other writer may be in the block of 4096 bytes that the request ends in, which cuFile
 * reads, changes and writes. Nothing is written behind the length.
 *
 * Transfers know no CUDA stream. A write of what kernels produce, and a read into memory that kernels still
 * use, names the fence behind those kernels as `after`, unless its submitter has waited for them. `after` may
 * be recorded again or destroyed as soon as the call has returned, `signals` destroyed likewise.
 *
 * Accepts requests in order and returns without waiting for I/O. *accepted tells how many were taken: fewer
 * than count with TIO_E_BUSY (room for no more) or TIO_E_INVALID (requests[*accepted] is malformed). Every
 * accepted request yields exactly one completion. The structs are copied; memory must stay valid until the
 * completion. The thread that submits may exit at any time. */
TIO_GDS_API tio_status tio_gds_submit(tio_gds_queue* queue, const tio_gds_request* requests, uint32_t count,
                                      uint32_t* accepted);

/* Blocks until at least one completion is there, the timeout passes (timeout_ms < 0: no limit;
 * TIO_E_TIMEOUT), tio_gds_wake is called (TIO_OK with *count == 0) or the queue is destroyed (TIO_E_CLOSED).
 * Completions come in the order in which the requests ended. A wake that comes while nobody waits makes the
 * next wait return at once, with what completions there are. TIO_E_INVALID while another thread waits. */
TIO_GDS_API tio_status tio_gds_wait(tio_gds_queue* queue, tio_gds_completion* completions, uint32_t capacity,
                                    int32_t timeout_ms, uint32_t* count);
TIO_GDS_API tio_status tio_gds_wake(tio_gds_queue* queue);

/* Best effort: queued chunks are dropped at once, chunks in the kernel are asked to stop. The completion
 * still comes (TIO_E_CANCELED, or TIO_OK if it was too late); only then may the memory be freed. TIO_OK also
 * when the token is not in flight (it may just have completed). */
TIO_GDS_API tio_status tio_gds_cancel(tio_gds_queue* queue, uint64_t token);

typedef struct tio_gds_statistics {
    uint32_t struct_size;
    uint32_t in_flight_chunks;
    uint64_t queued_requests;                             /* with chunks that are not in flight yet */
    uint64_t read_requests, read_bytes, read_nanoseconds; /* of TIO_OK; sum of request latencies */
    uint64_t write_requests, write_bytes, write_nanoseconds;
    uint64_t failed_requests, canceled_requests;
    uint64_t short_transfers;   /* kernel returned fewer bytes than asked; the rest was resubmitted */
    uint64_t retried_transfers; /* EINTR / EAGAIN */
    uint64_t bounced_chunks;    /* chunks copied because of alignment */
} tio_gds_statistics;

TIO_GDS_API tio_status tio_gds_get_statistics(const tio_gds_queue* queue, tio_gds_statistics* statistics);

/* ---- cuFile (GPUDirect Storage) ------------------------------------------------------------------- */

/* What the libcufile that was found can do beyond reading and writing. */
enum {
    TIO_CUFILE_CAN_BATCH = 1u << 0,          /* 1.7, CUDA 12.2 */
    TIO_CUFILE_CAN_STREAM = 1u << 1,         /* 1.7, CUDA 12.2 */
    TIO_CUFILE_CAN_SET_PARAMETERS = 1u << 2, /* 1.14, CUDA 12.9 */
    TIO_CUFILE_CAN_STATISTICS = 1u << 3,     /* 1.15, CUDA 13.0 */
    TIO_CUFILE_CAN_P2P_FLAGS = 1u << 4,      /* 1.16, CUDA 13.1 */
    TIO_CUFILE_CAN_VECTOR = 1u << 5          /* CUDA 13.4 */
};

enum { TIO_SWITCH_AS_CONFIGURED = 0, TIO_SWITCH_ON = 1, TIO_SWITCH_OFF = 2 };

/* What cuFile is told before its driver opens; 0 and NULL leave what cufile.json and the environment say. */
typedef struct tio_gds_cufile_options {
    uint32_t struct_size;
    uint32_t allow_compatibility;       /* TIO_SWITCH_*: with OFF, no transfer goes through the CPU unseen */
    uint32_t use_pci_p2pdma;            /* TIO_SWITCH_* */
    uint32_t reserved;                  /* 0 */
    uint64_t max_direct_io_bytes;       /* of one I/O to the driver; multiple of 65536 */
    uint64_t max_device_cache_bytes;    /* GPU memory for bounce buffers; multiple of 1024 */
    uint64_t max_pinned_bytes;          /* GPU memory pinned at once; multiple of 1024 */
    uint64_t registration_budget_bytes; /* most memory registered at once; 0 = what may be pinned, less the
                                           device cache */
    const char* search_roots;           /* folders to look for libcufile in, and for nvidia/cu.../lib below;
                                           separated by ':' */
    const char* log_directory;          /* for cufile.log, which otherwise goes to the working directory */
} tio_gds_cufile_options;

/* For the whole process, and only while no queue with TIO_BACKEND_CUFILE exists: else TIO_E_INVALID. Checked
 * by cuFile when the first one is created; TIO_E_UNSUPPORTED then for switches that an old libcufile lacks.
 */
TIO_GDS_API tio_status tio_gds_cufile_configure(const tio_gds_cufile_options* options);

typedef struct tio_gds_cufile_info {
    uint32_t struct_size;
    uint32_t version;      /* 1000 * major + 10 * minor */
    uint32_t capabilities; /* TIO_CUFILE_CAN_* */
    uint32_t nvfs_major;   /* version of nvidia-fs; 0 where it is not loaded */
    uint32_t nvfs_minor;
    uint32_t status_flags;  /* cuFile's nvfs.dstatusflags: bit numbers of file systems and devices */
    uint32_t control_flags; /* cuFile's nvfs.dcontrolflags: bit 0 polls, bit 1 may use compatibility mode */
    uint32_t feature_flags; /* cuFile's fflags: bit 1 batches, bit 2 streams, bit 4 P2PDMA */
    uint64_t max_direct_io_bytes, max_device_cache_bytes, per_buffer_cache_bytes, max_pinned_bytes;
    uint32_t max_batch_entries;
    uint32_t registered_files;
    uint32_t registered_buffers;
    uint32_t reserved;
    uint64_t registered_bytes, registration_budget_bytes;
} tio_gds_cufile_info;

/* Opens the driver for the time of the call if no queue has it open. `path` (may be NULL) receives the file
 * that was loaded. TIO_E_UNSUPPORTED where there is no libcufile or it does not open. */
TIO_GDS_API tio_status tio_gds_cufile_get_info(tio_gds_cufile_info* info, char* path, size_t path_capacity);

/* The way that bytes go between a file and device memory. */
enum {
    TIO_ROUTE_UNKNOWN = 0,
    TIO_ROUTE_NVIDIA_FS = 1,    /* DMA, arranged by the nvidia-fs kernel module */
    TIO_ROUTE_PCI_P2PDMA = 2,   /* DMA, by the kernel's own peer-to-peer support */
    TIO_ROUTE_COMPATIBILITY = 3 /* through the CPU's memory: no faster than TIO_BACKEND_STAGED */
};

typedef struct tio_gds_route {
    uint32_t struct_size;
    uint32_t expected;  /* TIO_ROUTE_*, by driver, settings, file system and device */
    uint32_t witnessed; /* TIO_ROUTE_*, by cuFile's counters around a trial read; if it differs from
                           `expected`, it is right. TIO_ROUTE_UNKNOWN where there was no trial */
    uint32_t reserved;
    uint64_t p2pdma_reads, nvidia_fs_reads,
        posix_reads; /* counted during the trial, the process's others too */
} tio_gds_route;

/* Which way cuFile takes for the file. With `device` >= 0 the first 4096 bytes of the file are read to that
 * GPU as a trial, if the file has them and libcufile has statistics; with -1 there is no trial. `why` (may be
 * NULL) receives the reasons in words. TIO_E_UNSUPPORTED where cuFile does not open or refuses the file. */
TIO_GDS_API tio_status tio_gds_file_get_route(tio_gds_file* file, int32_t device, tio_gds_route* route,
                                              char* why, size_t why_capacity);

/* cuFile's counters since its driver opened. Collected only while collecting is on: it costs time. */
typedef struct tio_gds_cufile_statistics {
    uint32_t struct_size;
    uint32_t reserved;
    uint64_t reads, failed_reads, read_bytes;
    uint64_t writes, failed_writes, written_bytes;
    uint64_t p2pdma_reads, nvidia_fs_reads, posix_reads;
    uint64_t p2pdma_writes, nvidia_fs_writes, posix_writes;
} tio_gds_cufile_statistics;

/* Turns collecting on or off; a queue with TIO_BACKEND_CUFILE must exist. TIO_E_UNSUPPORTED before 1.15. */
TIO_GDS_API tio_status tio_gds_cufile_collect_statistics(uint32_t on);
TIO_GDS_API tio_status tio_gds_cufile_get_statistics(tio_gds_cufile_statistics* statistics);

/* What a completion's status and sys_errno mean: an errno's text, or for TIO_E_DEVICE cuFile's or the CUDA
 * driver's name and meaning. NUL-terminated; returns the full length. */
TIO_GDS_API size_t tio_gds_describe_error(tio_status status, int32_t sys_errno, char* text, size_t capacity);

#ifdef __cplusplus
}
#endif
#endif
