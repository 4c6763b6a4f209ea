// What the stand-in for libcufile knows and does; the libraries that export cuFile's names forward to it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <ctime>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "documented_abi.h"
#include "standin_cufile.h"

namespace tio::standin::cufile {

#define TIO_STANDIN_CUFILE_IMPLEMENTATION __attribute__((visibility("default")))

struct File {
    int fd;           // the caller's
    int buffered_fd;  // the stand-in's own, without O_DIRECT
    int in_flight = 0;
};

struct Batch {
    unsigned capacity;
    std::vector<CUfileIOEvents_t> ended;  // not reported yet
};

// One transfer's arguments, of whatever call.
struct Transfer {
    bool is_write;
    void* handle;
    void* base;
    size_t bytes;
    off_t file_offset;
    off_t memory_offset;
};

class TIO_STANDIN_CUFILE_IMPLEMENTATION Machine {
  public:
    ~Machine();

    CUfileError_t driver_open();
    CUfileError_t driver_close();
    CUfileError_t get_properties(CUfileDrvProps_t* properties);
    CUfileError_t set_limit(const char* function, size_t kib);
    CUfileError_t get_version(int* version);
    CUfileError_t set_size(int parameter, size_t value);
    CUfileError_t get_size(int parameter, size_t* value);
    CUfileError_t set_bool(int parameter, bool value);
    CUfileError_t get_bool(int parameter, bool* value);
    CUfileError_t set_string(int parameter, const char* value);
    CUfileError_t get_p2p_flags(int target, int* flags);

    CUfileError_t handle_register(void** handle, CUfileDescr_t* descriptor);
    void handle_deregister(void* handle);
    CUfileError_t buffer_register(const void* base, size_t bytes, int flags);
    CUfileError_t buffer_deregister(const void* base);

    // What cuFileRead and cuFileWrite return; sets errno. `needs_context`: of this thread.
    ssize_t transfer(const Transfer& transfer, bool needs_context);

    CUfileError_t batch_set_up(void** batch, unsigned entries);
    CUfileError_t batch_submit(void* batch, unsigned count, CUfileIOParams_t* entries, unsigned flags);
    CUfileError_t batch_get_status(void* batch, unsigned least, unsigned* count, CUfileIOEvents_t* events);
    CUfileError_t batch_cancel(void* batch);
    void batch_destroy(void* batch);

    CUfileError_t stream_register(void* stream, unsigned flags);
    CUfileError_t stream_deregister(void* stream);
    // The four cells are read when the stream comes to it.
    CUfileError_t transfer_async(const char* function, bool is_write, void* handle, void* base, size_t* bytes,
                                 off_t* file_offset, off_t* memory_offset, ssize_t* done, void* stream);

    CUfileError_t set_statistics_level(int level);
    CUfileError_t statistics_switch(const char* function, bool on);
    CUfileError_t get_statistics(bool with_vector, void* statistics);

    // ---- the tests' orders; guarded by `mutex` like all that follows
    std::mutex mutex;
    std::condition_variable changed;
    struct Order {
        uint64_t nth = 0;
        CUfileError_t error{};
    };
    struct TransferOrder {
        uint64_t nth = 0;
        int64_t result = 0;
        int sys_errno = 0;
    };
    struct EntryOrder {
        unsigned status;
        int64_t result;
    };
    std::map<std::string, Order> orders;
    std::vector<TransferOrder> transfer_orders;
    std::map<unsigned, EntryOrder> entry_orders;
    unsigned poll_limit = 0;
    bool hold = false;
    int route = TIO_STANDIN_ROUTE_NVFS;
    int version = 1160;
    unsigned nvfs_major = 2;
    unsigned status_flags = 1u << 4;
    unsigned feature_flags = 1u << 1 | 1u << 2 | 1u << 3;
    int p2p_flags = 1 << 1;
    unsigned statistics_gpus = 1;

    std::map<std::string, uint64_t> calls;
    std::string misuse;
    std::map<int, size_t> sizes;
    std::map<int, bool> switches;
    std::string log_directory;
    tio_standin_cufile_counts counts{};

  private:
    CUfileError_t begin(const char* function, bool needs_driver = true);
    CUfileError_t set_before_open(const char* function);
    void report(const std::string& text) { misuse += text + "\n"; }
    void require_context(const char* function);
    // Of the buffer's base; checks that a registered buffer is named by its base.
    bool check_memory(const Transfer& transfer);
    void count(const Transfer& transfer, int64_t result);
    int64_t move(const File& file, const Transfer& transfer, size_t most_bytes);
    File* find(void* handle);

    std::map<void*, std::unique_ptr<File>> files_;
    std::map<uintptr_t, size_t> buffers_;
    std::map<void*, std::unique_ptr<Batch>> batches_;
    std::map<void*, unsigned> streams_;
    int statistics_level_ = 0;
    bool statistics_on_ = false;
    CUfileStatsLevel1_t totals_{};
    CUfilePerGpuStats_t gpu_{};
};

TIO_STANDIN_CUFILE_IMPLEMENTATION Machine& machine();

}  // namespace tio::standin::cufile
