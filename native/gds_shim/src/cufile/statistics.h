// cuFile's own counters: what really happened, whatever the configuration promised.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>

#include "cufile/library.h"

namespace tio::gds::cufile {

// Reads and writes by the way that their bytes went.
struct RouteCounts {
    uint64_t p2p = 0;    // PCI P2PDMA
    uint64_t nvfs = 0;   // nvidia-fs
    uint64_t posix = 0;  // through the CPU: compatibility mode

    RouteCounts operator-(const RouteCounts& earlier) const noexcept {
        return {p2p - earlier.p2p, nvfs - earlier.nvfs, posix - earlier.posix};
    }
};

struct Statistics {
    uint64_t reads = 0, failed_reads = 0, read_bytes = 0;
    uint64_t writes = 0, failed_writes = 0, written_bytes = 0;
    RouteCounts read_routes, write_routes;  // summed over the GPUs
};

// cuFile fills the struct that it was built with, which grew with CUDA 13.4, and takes no size: it always
// gets this much, zeroed.
inline constexpr size_t statistics_buffer_bytes = 16384;
using StatisticsBuffer = std::array<std::byte, statistics_buffer_bytes>;

// Decodes what cuFileGetStatsL3 wrote. The release whose first level has fields for readv and writev is told
// by its having those calls. Throws Failure when the count of GPUs shows that the layout is yet another.
Statistics decode_statistics(const StatisticsBuffer& buffer, bool has_vector_io);

// Level 3 costs time, so it runs only while somebody looks: from the first begin to the last end.
// Thread-safe.
class StatisticsCollector {
  public:
    // Throws Failure(TIO_E_UNSUPPORTED) for a libcufile without statistics (before CUDA 13.0). The driver is
    // open, and the library outlives its closing.
    void begin(const Library& library);
    void end() noexcept;
    // After begin. Throws Failure.
    Statistics read() const;
    // The driver is about to close.
    void close() noexcept;

  private:
    mutable std::mutex mutex_;
    const Library* library_ = nullptr;
    uint32_t users_ = 0;
};

}  // namespace tio::gds::cufile
