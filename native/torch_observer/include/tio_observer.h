/* tio_observer.h - watching and moving tensor storages inside libtorch, without libtorch's headers.
 *
 * Mechanism only: it tells what ops touch, asks before memory is allocated, tells when memory dies, and can
 * take the bytes of a storage away and give them back in place. Which storage moves, and when, is its
 * caller's business.
 *
 * Every libtorch symbol is found at attach time in the libtorch that the process has loaded; layouts come
 * from a table by exact libtorch version and are proved on live tensors before anything else happens. A
 * mismatch refuses with what differed.
 *
 * Conventions
 *   - Functions return 0 or a negative TIO_OBS_E_*; tio_obs_last_error() has the text for the calling thread.
 *   - One observer per process: attach fails with TIO_OBS_E_BUSY while another is attached.
 *   - Handlers run on libtorch's threads, inside an op, an allocation or a free. They must not throw, and
 * must not call libtorch ops. They may call the storage functions below: allocations and frees made by those
 * are not reported to the handlers.
 *   - A thread's handlers nest: op_begin .. (op_begin .. op_end)* .. op_end.
 *   - A session is on one device. With TIO_OBS_DEVICE_CUDA everything here (minimum and limit, live bytes,
 *     allocations, frees, operands, release and restore) concerns storages on that device, in memory of
 *     libtorch's caching allocator; CPU storages are no operands and pass unseen. What the allocator gives
 * out past its `allocate` (raw_alloc: work space of some libraries) is not seen.
 */
#ifndef TIO_OBSERVER_H
#define TIO_OBSERVER_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define TIO_OBS_API __attribute__((visibility("default")))
#else
#define TIO_OBS_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define TIO_OBS_ABI_VERSION 3u

enum {
    TIO_OBS_OK = 0,
    TIO_OBS_E_INVALID = -1,     /* an argument is unusable */
    TIO_OBS_E_NOT_LOADED = -2,  /* no libtorch in this process, or a symbol is missing */
    TIO_OBS_E_UNSUPPORTED = -3, /* unknown libtorch version, or the self-proof found a difference */
    TIO_OBS_E_BUSY = -4,        /* an observer is attached already */
    TIO_OBS_E_STATE = -5,       /* the storage cannot be moved (not resizable, foreign memory, wrong state) */
    TIO_OBS_E_NOMEM = -6,       /* the system has no memory for a restore */
    TIO_OBS_E_LIMIT = -7,       /* a restore would pass the limit on live bytes */
    TIO_OBS_E_INTERNAL = -8     /* a C++ exception was stopped at the boundary */
};

/* What an op does with its arguments, as told by the `describe` handler once per op. */
typedef struct tio_obs_traits {
    uint64_t written_arguments; /* bit i: argument i is written (arguments from 63 on share bit 63) */
    uint32_t op_id;             /* the handler's own number for the op; comes back in every event */
    uint32_t flags;             /* TIO_OBS_OP_* */
} tio_obs_traits;

enum {
    TIO_OBS_OP_METADATA_ONLY =
        1u << 0, /* reads no bytes of its inputs (views, shape queries): no op_begin for it */
    TIO_OBS_OP_TRANSPARENT = 1u << 1,   /* touches bytes only through ops of its own (autograd nodes,
                                           composites): it is not an enclosing op of those, and has no events */
    TIO_OBS_OP_BACKWARD_NODE = 1u << 2, /* with TRANSPARENT: ops inside it belong to the backward pass */
    TIO_OBS_OP_RETURNS_VALUES = 1u << 3 /* some result of it is no tensor: a number, a truth value, .. */
};

enum {
    TIO_OBS_EVENT_BACKWARD = 1u << 0, /* the op runs inside a backward node of this thread */
    TIO_OBS_EVENT_BRINGS_OUT =
        1u
        << 1 /* op_begin with TIO_OBS_DELIVER_RESULTS: the op has tensors of the device and returns values, or
                writes to a tensor that is elsewhere. Operands are all those of the device, however small */
};

enum {
    TIO_OBS_OPERAND_WRITTEN = 1u << 0,  /* the op may change its bytes */
    TIO_OBS_OPERAND_RELEASED = 1u << 1, /* its bytes are away; `bytes` is still the full size */
    TIO_OBS_OPERAND_MOVABLE =
        1u << 2, /* resizable, of at least minimum_bytes, in memory of the gate: can be released */
    TIO_OBS_OPERAND_SCALAR =
        1u << 3 /* an output of one element in a larger storage: programs read such values without an op */
};

typedef struct tio_obs_operand {
    void* storage;     /* identity while alive */
    void* data;        /* address of the bytes, or of the tombstone when released */
    uint64_t bytes;    /* size of the storage */
    uint32_t argument; /* index of the argument (lists: of the list) or of the output */
    uint32_t flags;    /* TIO_OBS_OPERAND_* */
} tio_obs_operand;

typedef struct tio_obs_event {
    uint32_t struct_size;
    uint32_t op_id;
    uint32_t depth; /* enclosing ops on this thread; 0 = outermost */
    uint32_t scope; /* at::RecordScope: 0 op, 1 autograd node (only with TIO_OBS_DELIVER_BACKWARD_NODES) */
    int64_t sequence_number; /* links an op with its autograd node; -1 when there is none */
    uint64_t thread;         /* small number, unique per thread */
    uint32_t operand_count;
    uint32_t flags;                  /* TIO_OBS_EVENT_* */
    const tio_obs_operand* operands; /* valid during the call */
} tio_obs_event;

typedef struct tio_obs_handlers {
    uint32_t struct_size;
    uint32_t reserved;
    void* user;
    /* Once per op and thread: `schema` is the operator's schema text (`aten::add_.Tensor(Tensor(a!) self,
     * ...) -> ...`), or a bare name for ranges that have none. */
    void (*describe)(void* user, const char* schema, tio_obs_traits* traits);
    /* Before the op runs; operands: the inputs of at least minimum_bytes. All of them must be resident on
     * return. */
    void (*op_begin)(void* user, const tio_obs_event* event);
    /* After the op; operands: outputs of at least minimum_bytes. Always delivered for the outermost op of a
     * thread when any other handler ran during it. */
    void (*op_end)(void* user, const tio_obs_event* event);
    /* Before `bytes` are allocated that would raise live bytes over the limit. 0: try again (room was made);
     * otherwise the allocation fails with the text written to `why`. */
    int32_t (*make_room)(void* user, uint64_t bytes, char* why, uint32_t why_capacity);
    /* A block of at least minimum_bytes was allocated (its storage is not known yet). depth: enclosing ops on
     * this thread. */
    void (*allocated)(void* user, void* data, uint64_t bytes, uint32_t depth);
    /* A block of at least minimum_bytes, or a tombstone, is about to be freed. Non-zero: keep the memory; the
     * handler will call tio_obs_free_kept when its I/O is done. Any thread. */
    int32_t (*freeing)(void* user, void* data, uint64_t bytes);
} tio_obs_handlers;

enum {
    TIO_OBS_DELIVER_ALL_OPS =
        1u << 0, /* op_begin/op_end for every op, also without operands of minimum_bytes */
    TIO_OBS_DELIVER_BACKWARD_NODES = 1u << 1, /* also autograd nodes (scope 1) */
    TIO_OBS_DELIVER_RESULTS =
        1u << 2 /* op_begin, marked, for every op that can bring data from the session's device to where the
                   program sees them without another op. Not seen: what an op brings out in the shape of a
                   tensor on the device, whose size depends on data */
};

enum { TIO_OBS_DEVICE_CPU = 0, TIO_OBS_DEVICE_CUDA = 1 };

typedef struct tio_obs_options {
    uint32_t struct_size;
    uint32_t flags;         /* TIO_OBS_DELIVER_* */
    uint64_t minimum_bytes; /* smaller storages are counted, never announced; at least 4096 */
    uint64_t limit_bytes;   /* live bytes above which make_room is asked; 0: no limit */
    uint64_t cache_bytes;   /* freed large blocks kept for reuse, within the limit; 0: none; UINT64_MAX: all
                               that limit (without one: the peak) leaves. Not on CUDA: the caching allocator
                               keeps them */
    const char* assume_version; /* tests: pretend this libtorch version; NULL: ask libtorch */
    uint32_t skew_field;        /* tests: 1-based layout field to falsify by skew_bytes; 0: none */
    int32_t skew_bytes;
    uint32_t device_type; /* TIO_OBS_DEVICE_* */
    int32_t device_index; /* of the CUDA device; ignored on the CPU */
} tio_obs_options;

typedef struct tio_obs_statistics {
    uint32_t struct_size;
    uint32_t reserved;
    uint64_t live_bytes;   /* tensor bytes allocated now (released storages count their tombstone, except on
                              CUDA: it is   host memory) */
    uint64_t peak_bytes;   /* highest live_bytes since attach or tio_obs_reset_peak */
    uint64_t cached_bytes; /* freed blocks kept for reuse */
    uint64_t operations;   /* observed ops, nested ones included */
    uint64_t op_callbacks; /* op_begin + op_end calls delivered */
    uint64_t allocations;
    uint64_t frees;
    uint64_t released; /* storages released so far */
    uint64_t restored;
    uint64_t reserved_bytes; /* what the caching allocator holds of the device, fragments included; 0: not
                                known (always on the CPU) */
} tio_obs_statistics;

TIO_OBS_API uint32_t tio_obs_abi_version(void);
/* Sizes of the structs above, for a check by the caller: {traits, operand, event, handlers, options,
 * statistics}. */
TIO_OBS_API void tio_obs_struct_sizes(uint32_t sizes[6]);
TIO_OBS_API size_t tio_obs_last_error(char* buffer, size_t capacity);
/* "2.10.0" of the loaded libtorch, or empty. */
TIO_OBS_API size_t tio_obs_torch_version(char* buffer, size_t capacity);

TIO_OBS_API int32_t tio_obs_attach(const tio_obs_options* options, const tio_obs_handlers* handlers);
/* Handlers are not called after it returns, except by an op that was already inside one. Blocks allocated
 * meanwhile stay valid. */
TIO_OBS_API int32_t tio_obs_detach(void);

TIO_OBS_API int32_t tio_obs_set_limit(uint64_t limit_bytes);
TIO_OBS_API void tio_obs_get_statistics(tio_obs_statistics* statistics);
TIO_OBS_API uint64_t tio_obs_live_bytes(void);
TIO_OBS_API void tio_obs_reset_peak(void);

/* The CUstream (cudaStream_t) that is current for the calling thread on the session's device.
 * TIO_OBS_E_STATE in a session on the CPU. */
TIO_OBS_API int32_t tio_obs_current_stream(void** stream);

/* at::Tensor* (a TorchSharp Tensor.Handle) -> its storage. Foreign memory of libtorch's own allocator is
 * adopted (counted from now on and movable), after make_room. An undefined or storage-less tensor, or one
 * that is not on the CUDA session's device, gives operand->storage == NULL. */
TIO_OBS_API int32_t tio_obs_inspect(void* tensor_handle, tio_obs_operand* operand);

/* Frees the bytes of a movable storage; a 64-byte tombstone keeps its death visible, and any access to its
 * data through libtorch throws. *tombstone receives the tombstone's address. Nothing may use the bytes any
 * more. */
TIO_OBS_API int32_t tio_obs_release(void* storage, void** tombstone);
/* Allocates the bytes of a released storage again, uninitialised and still inaccessible through libtorch;
 * *data receives the address. On the CPU the block's capacity is a multiple of 4096 and page-aligned; on CUDA
 * it comes from the caching allocator, which orders its reuse by the stream that is current for the calling
 * thread. With nothing changed TIO_OBS_E_LIMIT when it would pass the limit, TIO_OBS_E_NOMEM when there is no
 * memory. */
TIO_OBS_API int32_t tio_obs_restore(void* storage, void** data);
/* Opens a restored storage for use. */
TIO_OBS_API int32_t tio_obs_open(void* storage);
/* Closes any live storage in the way a released one is: every access to its data through libtorch throws. Its
 * memory stays. */
TIO_OBS_API int32_t tio_obs_close(void* storage);
/* Where the bytes (or the tombstone) of a live storage are now. What an event says may be out of date when
 * another thread moves the storage meanwhile: whoever orders moves reads it again here, while no move can
 * happen. */
TIO_OBS_API void* tio_obs_data(void* storage);
/* Frees a block that `freeing` kept. */
TIO_OBS_API void tio_obs_free_kept(void* data);

#ifdef __cplusplus
}
#endif
#endif
