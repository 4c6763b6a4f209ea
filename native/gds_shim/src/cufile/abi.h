// libcufile's binary interface on LP64, written down from its documentation: no NVIDIA header is needed to
// build, and one build runs with every release. Names are cuFile's, in our spelling.
//
// Do not "correct" this from the API guide: it leaves max_batch_io_size out of the properties and prints
// bytes_read_p as int*. Sizes and offsets below are those of the real headers, 12.9 to 13.4.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <ctime>

namespace tio::gds::cufile {

// ---- errors -------------------------------------------------------------------------------------------
inline constexpr int success = 0;
inline constexpr int error_base = 5000;
inline constexpr int cuda_driver_error = 5011;  // the CUresult is in Error::cuda_error
inline constexpr int driver_already_open = 5026;
inline constexpr int out_of_memory = 5043;

struct Error {
    int code;        // 0 or 5000 + n
    int cuda_error;  // CUresult
};
static_assert(sizeof(Error) == 8 && alignof(Error) == 4);
static_assert(offsetof(Error, cuda_error) == 4);

// ---- driver -------------------------------------------------------------------------------------------
// Bit numbers of DriverProperties::nvfs_status_flags.
inline constexpr unsigned status_nvme = 4;
inline constexpr unsigned status_nvme_p2p = 11;
// Bit numbers of DriverProperties::nvfs_control_flags.
inline constexpr unsigned control_allow_compat = 1;
// Bit numbers of DriverProperties::feature_flags.
inline constexpr unsigned feature_batch = 1;
inline constexpr unsigned feature_streams = 2;
inline constexpr unsigned feature_p2p = 4;
// Bits of cuFileDriverGetP2PFlags.
inline constexpr unsigned p2p_pci_p2pdma = 1u << 0;
inline constexpr unsigned p2p_nvfs = 1u << 1;

struct DriverProperties {
    uint32_t nvfs_major;
    uint32_t nvfs_minor;
    uint64_t poll_threshold_kib;
    uint64_t max_direct_io_kib;
    uint32_t nvfs_status_flags;
    uint32_t nvfs_control_flags;
    uint32_t feature_flags;
    uint32_t max_device_cache_kib;
    uint32_t per_buffer_cache_kib;
    uint32_t max_pinned_kib;
    uint32_t max_batch_entries;
    uint32_t batch_timeout_ms;
};
static_assert(sizeof(DriverProperties) == 56 && alignof(DriverProperties) == 8);
static_assert(offsetof(DriverProperties, poll_threshold_kib) == 8);
static_assert(offsetof(DriverProperties, max_direct_io_kib) == 16);
static_assert(offsetof(DriverProperties, nvfs_status_flags) == 24);
static_assert(offsetof(DriverProperties, nvfs_control_flags) == 28);
static_assert(offsetof(DriverProperties, feature_flags) == 32);
static_assert(offsetof(DriverProperties, max_device_cache_kib) == 36);
static_assert(offsetof(DriverProperties, per_buffer_cache_kib) == 40);
static_assert(offsetof(DriverProperties, max_pinned_kib) == 44);
static_assert(offsetof(DriverProperties, max_batch_entries) == 48);
static_assert(offsetof(DriverProperties, batch_timeout_ms) == 52);

// Of cuFileSetParameterSizeT / cuFileGetParameterSizeT.
enum SizeParameter : int {
    param_max_direct_io_kib = 5,
    param_max_device_cache_kib = 6,
    param_per_buffer_cache_kib = 7,
    param_max_pinned_kib = 8,
    param_batch_entries = 9,
};
// Of cuFileSetParameterBool / cuFileGetParameterBool.
enum BoolParameter : int {
    param_allow_compat = 1,
    param_force_compat = 2,
    param_use_pci_p2pdma = 7,
    param_skip_topology_detection = 10,
};
// Of cuFileSetParameterString.
enum StringParameter : int { param_log_directory = 2 };

// ---- files --------------------------------------------------------------------------------------------
using Handle = void*;
inline constexpr int handle_type_fd = 1;

struct Descriptor {
    int type;
    union {
        int fd;
        void* opaque;
    } handle;
    const void* file_system_operations;
};
static_assert(sizeof(Descriptor) == 24 && alignof(Descriptor) == 8);
static_assert(offsetof(Descriptor, handle) == 8);
static_assert(offsetof(Descriptor, file_system_operations) == 16);

// ---- batches ------------------------------------------------------------------------------------------
using BatchHandle = void*;
inline constexpr int batch_mode = 1;
inline constexpr int opcode_read = 0;
inline constexpr int opcode_write = 1;

struct BatchEntry {
    int mode;
    void* memory_base;
    off_t file_offset;
    off_t memory_offset;
    size_t bytes;
    Handle file;
    int opcode;
    void* cookie;
};
static_assert(sizeof(BatchEntry) == 64 && alignof(BatchEntry) == 8);
static_assert(offsetof(BatchEntry, memory_base) == 8);
static_assert(offsetof(BatchEntry, file_offset) == 16);
static_assert(offsetof(BatchEntry, memory_offset) == 24);
static_assert(offsetof(BatchEntry, bytes) == 32);
static_assert(offsetof(BatchEntry, file) == 40);
static_assert(offsetof(BatchEntry, opcode) == 48);
static_assert(offsetof(BatchEntry, cookie) == 56);

inline constexpr unsigned batch_waiting = 0x01;
inline constexpr unsigned batch_pending = 0x02;
inline constexpr unsigned batch_invalid = 0x04;
inline constexpr unsigned batch_canceled = 0x08;
inline constexpr unsigned batch_complete = 0x10;
inline constexpr unsigned batch_timeout = 0x20;
inline constexpr unsigned batch_failed = 0x40;

struct BatchEvent {
    void* cookie;
    unsigned status;
    int64_t result;  // declared size_t, but negative for an error; means nothing unless complete or failed
};
static_assert(sizeof(BatchEvent) == 24 && alignof(BatchEvent) == 8);
static_assert(offsetof(BatchEvent, status) == 8);
static_assert(offsetof(BatchEvent, result) == 16);

// ---- streams ------------------------------------------------------------------------------------------
using Stream = void*;  // CUstream
inline constexpr unsigned stream_fixed_buffer_offset = 1;
inline constexpr unsigned stream_fixed_file_offset = 2;
inline constexpr unsigned stream_fixed_file_size = 4;
inline constexpr unsigned stream_page_aligned = 8;

// ---- entry points -------------------------------------------------------------------------------------
// X(member, symbol, return type, arguments). Required of every release that is of use.
#define TIO_CUFILE_REQUIRED(X)                                                      \
    X(driver_open, cuFileDriverOpen, Error, (void))                                 \
    X(driver_get_properties, cuFileDriverGetProperties, Error, (DriverProperties*)) \
    X(handle_register, cuFileHandleRegister, Error, (Handle*, Descriptor*))         \
    X(handle_deregister, cuFileHandleDeregister, void, (Handle))                    \
    X(buffer_register, cuFileBufRegister, Error, (const void*, size_t, int))        \
    X(buffer_deregister, cuFileBufDeregister, Error, (const void*))                 \
    X(read, cuFileRead, ssize_t, (Handle, void*, size_t, off_t, off_t))             \
    X(write, cuFileWrite, ssize_t, (Handle, const void*, size_t, off_t, off_t))

// Absent from older releases: null then, and its capability bit unset.
#define TIO_CUFILE_OPTIONAL(X)                                                                          \
    X(get_version, cuFileGetVersion, Error, (int*))                                                     \
    X(set_max_direct_io, cuFileDriverSetMaxDirectIOSize, Error, (size_t))                               \
    X(set_max_cache, cuFileDriverSetMaxCacheSize, Error, (size_t))                                      \
    X(set_max_pinned, cuFileDriverSetMaxPinnedMemSize, Error, (size_t))                                 \
    X(batch_set_up, cuFileBatchIOSetUp, Error, (BatchHandle*, unsigned))                                \
    X(batch_submit, cuFileBatchIOSubmit, Error, (BatchHandle, unsigned, BatchEntry*, unsigned))         \
    X(batch_get_status, cuFileBatchIOGetStatus, Error,                                                  \
      (BatchHandle, unsigned, unsigned*, BatchEvent*, timespec*))                                       \
    X(batch_cancel, cuFileBatchIOCancel, Error, (BatchHandle))                                          \
    X(batch_destroy, cuFileBatchIODestroy, void, (BatchHandle))                                         \
    X(stream_register, cuFileStreamRegister, Error, (Stream, unsigned))                                 \
    X(stream_deregister, cuFileStreamDeregister, Error, (Stream))                                       \
    X(read_async, cuFileReadAsync, Error, (Handle, void*, size_t*, off_t*, off_t*, ssize_t*, Stream))   \
    X(write_async, cuFileWriteAsync, Error, (Handle, void*, size_t*, off_t*, off_t*, ssize_t*, Stream)) \
    X(set_parameter_size, cuFileSetParameterSizeT, Error, (int, size_t))                                \
    X(get_parameter_size, cuFileGetParameterSizeT, Error, (int, size_t*))                               \
    X(set_parameter_bool, cuFileSetParameterBool, Error, (int, bool))                                   \
    X(get_parameter_bool, cuFileGetParameterBool, Error, (int, bool*))                                  \
    X(set_parameter_string, cuFileSetParameterString, Error, (int, const char*))                        \
    X(set_statistics_level, cuFileSetStatsLevel, Error, (int))                                          \
    X(statistics_start, cuFileStatsStart, Error, (void))                                                \
    X(statistics_stop, cuFileStatsStop, Error, (void))                                                  \
    X(get_statistics_l3, cuFileGetStatsL3, Error, (void*))                                              \
    X(get_p2p_flags, cuFileDriverGetP2PFlags, Error, (int, int*))

}  // namespace tio::gds::cufile
