// cuFile's batches: many transfers in one call.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "cufile/library.h"

namespace tio::gds::cufile {

struct BatchRequest {
    Handle file = nullptr;
    bool is_write = false;
    void* memory_base = nullptr;
    off_t memory_offset = 0;
    off_t file_offset = 0;
    size_t bytes = 0;
};

// How one entry ended; `index` counts from the first request that was submitted.
struct BatchResult {
    size_t index = 0;
    uint64_t bytes = 0;
    int code = 0;  // 0, an errno, or 5000 + n
};

// One batch, used once. That a call succeeds says nothing of its entries, which end one by one and in any
// order. In compatibility mode cuFile's submit waits without end for a buffer per entry: a batch that may go
// that way must not be larger than the pool of such buffers (64 unless cufile.json says otherwise).
//
// Not thread-safe. The driver is open, and a context is current on the calling thread.
class Batch {
  public:
    static constexpr unsigned most_entries_in_compatibility_mode = 64;

    // Throws Failure: TIO_E_UNSUPPORTED before cuFile 1.7, TIO_E_INVALID when `entries` is 0 or more than
    // the driver's limit, or than compatibility mode allows where that is possible.
    Batch(const Library& library, const DriverProperties& properties, unsigned entries,
          bool may_be_compatibility);
    // Entries that have not ended are lost sight of: cancel and collect them first, or keep their memory.
    ~Batch();
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

    // Once. Throws Failure; then nothing was submitted.
    void submit(const std::vector<BatchRequest>& requests);
    // Those that ended since the last call: at least `least` of them, if so many end in time. Throws Failure.
    std::vector<BatchResult> collect(unsigned least, std::chrono::milliseconds timeout);
    // Best effort: entries may still complete. Throws Failure.
    void cancel();
    unsigned unfinished() const noexcept { return unfinished_; }

  private:
    BatchResult result_of(const BatchEvent& event) const noexcept;

    const Library& library_;
    const unsigned capacity_;
    BatchHandle handle_ = nullptr;
    std::vector<BatchEntry> entries_;  // cuFile may look at them until they end
    unsigned unfinished_ = 0;
};

}  // namespace tio::gds::cufile
