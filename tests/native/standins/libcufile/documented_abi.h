/* cuFile's structs as its API reference and headers document them, apart from the shim's own declarations. */
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

namespace tio::standin::cufile {

struct CUfileError_t {
    int err;
    int cu_err;
};

struct CUfileDescr_t {
    int type;
    union {
        int fd;
        void* handle;
    } handle;
    const void* fs_ops;
};

struct CUfileDrvProps_t {
    struct {
        unsigned major_version;
        unsigned minor_version;
        size_t poll_thresh_size;
        size_t max_direct_io_size;
        unsigned dstatusflags;
        unsigned dcontrolflags;
    } nvfs;
    unsigned fflags;
    unsigned max_device_cache_size;
    unsigned per_buffer_cache_size;
    unsigned max_device_pinned_mem_size;
    unsigned max_batch_io_size;
    unsigned max_batch_io_timeout_msecs;
};

struct CUfileIOParams_t {
    int mode;
    union {
        struct {
            void* devPtr_base;
            off_t file_offset;
            off_t devPtr_offset;
            size_t size;
        } batch;
    } u;
    void* fh;
    int opcode;
    void* cookie;
};

struct CUfileIOEvents_t {
    void* cookie;
    int status;
    size_t ret;
};

struct CUfileOpCounter_t {
    uint64_t ok;
    uint64_t err;
};

// Level 1 up to CUDA 13.3; what lies between the fields that the stand-in fills is only room.
struct CUfileStatsLevel1_t {
    CUfileOpCounter_t read_ops, write_ops, hdl_register_ops, hdl_deregister_ops, buf_register_ops,
        buf_deregister_ops;
    uint64_t read_bytes, write_bytes;
    uint64_t rates_and_latencies[8];
    CUfileOpCounter_t batch_ops[15];
    uint64_t batch_totals[12];
};
static_assert(sizeof(CUfileStatsLevel1_t) == 512);

// What CUDA 13.4 appended to level 1.
struct VectorStatistics {
    CUfileOpCounter_t readv_ops, writev_ops;
    uint64_t totals[10];
};
static_assert(sizeof(CUfileStatsLevel1_t) + sizeof(VectorStatistics) == 624);

struct Histograms {
    uint64_t read_size_kb_hist[32];
    uint64_t write_size_kb_hist[32];
};

struct CUfilePerGpuStats_t {
    char uuid[16];
    uint64_t read_bytes, read_bw_bytes_per_sec, read_utilization, read_duration_us, n_total_reads;
    uint64_t n_p2p_reads, n_nvfs_reads, n_posix_reads;
    uint64_t n_unaligned_reads, n_dr_reads, n_sparse_regions, n_inline_regions, n_reads_err;
    uint64_t writes_bytes, write_bw_bytes_per_sec, write_utilization, write_duration_us, n_total_writes;
    uint64_t n_p2p_writes, n_nvfs_writes, n_posix_writes;
    uint64_t n_unaligned_writes, n_dr_writes, n_writes_err, n_mmap, n_mmap_ok, n_mmap_err, n_mmap_free,
        reg_bytes;
};
static_assert(sizeof(CUfilePerGpuStats_t) == 248);

struct Gpus {
    uint32_t num_gpus;
    CUfilePerGpuStats_t per_gpu_stats[16];
};

struct CUfileStatsLevel3_t {
    CUfileStatsLevel1_t basic;
    Histograms histograms;
    Gpus gpus;
};
static_assert(sizeof(CUfileStatsLevel3_t) == 5000);

struct CUfileStatsLevel3WithVector_t {
    CUfileStatsLevel1_t basic;
    VectorStatistics vector;
    Histograms histograms;
    Gpus gpus;
};
static_assert(sizeof(CUfileStatsLevel3WithVector_t) == 5112);

}  // namespace tio::standin::cufile
