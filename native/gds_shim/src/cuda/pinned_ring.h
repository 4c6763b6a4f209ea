// The pinned host memory of a staged queue, cut into slots of one chunk each.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cuda/pinned_mapping.h"

namespace tio::gds::cuda {

class PinnedRing {
  public:
    static constexpr size_t alignment = 65536;

    // As many slots as the budget has room for, at most `most_slots`. The context must be current, here and
    // where it ends. Throws Failure: TIO_E_INVALID if not one slot fits, TIO_E_NOMEM if the memory cannot be
    // pinned.
    PinnedRing(const Driver& driver, uint64_t budget_bytes, uint32_t chunk_bytes, uint32_t most_slots);

    uint32_t slots() const noexcept { return slots_; }
    std::byte* slot(uint32_t index) const noexcept { return base() + size_t{index} * chunk_bytes_; }
    std::byte* base() const noexcept { return memory_.base(); }
    size_t slot_bytes() const noexcept { return size_t{slots_} * chunk_bytes_; }

  private:
    const uint32_t chunk_bytes_;
    const uint32_t slots_;
    const PinnedMapping memory_;
};

}  // namespace tio::gds::cuda
