// Which device memory is registered with cuFile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>

#include "cufile/library.h"

namespace tio::gds::cufile {

// Registration is per process, expensive, and takes BAR1 space: a range that several queues register is
// registered once and counted, and a range inside it costs nothing. The last release deregisters at once and
// never later, because memory that is freed while it is registered can deadlock nvidia-fs. For the same
// reason nothing is registered here on the caller's behalf: only its owner knows when it is freed.
//
// Thread-safe.
class BufferRegistry {
  public:
    struct Range {
        const std::byte* base = nullptr;
        size_t length = 0;
    };
    struct Totals {
        uint64_t bytes = 0;
        uint32_t buffers = 0;
    };

    // Opens and closes with the driver; the budget counts registered bytes.
    void open(const EntryPoints& call, uint64_t budget_bytes);
    // Deregisters what its owners left.
    void close() noexcept;

    // The registered range that contains [base, base + length), which needs a current context of its device.
    // `allocation` is CUDA's id of the allocation, the same for as long as it is not freed. Throws Failure:
    // TIO_E_NOMEM beyond the budget or BAR1, TIO_E_INVALID when it overlaps another or that one was freed.
    Range acquire(const std::byte* base, size_t length, uint64_t allocation);
    // Once per acquire, with the base that it returned. Throws Failure when cuFile refuses; the range counts
    // as gone then too.
    void release(const std::byte* base);

    Totals totals() const;

  private:
    struct Entry {
        size_t length;
        uint64_t allocation;
        uint32_t users;
    };

    mutable std::mutex mutex_;
    const EntryPoints* call_ = nullptr;
    uint64_t budget_bytes_ = 0;
    uint64_t registered_bytes_ = 0;
    std::map<uintptr_t, Entry> entries_;
};

}  // namespace tio::gds::cufile
