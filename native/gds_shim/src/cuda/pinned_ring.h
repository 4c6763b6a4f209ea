// The pinned host memory of a staged queue, cut into slots of one chunk each.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cuda/driver.h"

namespace tio::gds::cuda {

// Ordinary anonymous memory that is then pinned for CUDA (not memory from cuMemHostAlloc): io_uring and
// O_DIRECT certainly take it, whatever mapping the driver would have chosen. Pinned once, for its lifetime.
class PinnedRing {
  public:
    static constexpr size_t alignment = 65536;

    // As many slots as the budget has room for, at most `most_slots`. The context must be current. Throws
    // Failure: TIO_E_INVALID if not one slot fits, TIO_E_NOMEM if the memory cannot be pinned.
    PinnedRing(const Driver& driver, uint64_t budget_bytes, uint32_t chunk_bytes, uint32_t most_slots);
    ~PinnedRing();
    PinnedRing(const PinnedRing&) = delete;
    PinnedRing& operator=(const PinnedRing&) = delete;

    uint32_t slots() const noexcept { return slots_; }
    std::byte* slot(uint32_t index) const noexcept { return base_ + size_t{index} * chunk_bytes_; }
    std::byte* base() const noexcept { return base_; }
    size_t slot_bytes() const noexcept { return size_t{slots_} * chunk_bytes_; }

  private:
    const Driver& driver_;
    uint32_t chunk_bytes_;
    uint32_t slots_;
    void* mapping_;
    size_t mapping_bytes_;
    std::byte* base_;
};

}  // namespace tio::gds::cuda
