#include "cuda/pinned_ring.h"

#include <sys/mman.h>

#include <algorithm>
#include <string>

namespace tio::gds::cuda {

namespace {

uint32_t slots_for(uint64_t budget_bytes, uint32_t chunk_bytes, uint32_t most_slots) {
    if (budget_bytes < chunk_bytes)
        throw Failure(TIO_E_INVALID, "pinned_bytes is " + std::to_string(budget_bytes) +
                                         ", less than one chunk of " + std::to_string(chunk_bytes) +
                                         "; raise it or lower chunk_bytes");
    return static_cast<uint32_t>(std::min<uint64_t>(budget_bytes / chunk_bytes, most_slots));
}

}  // namespace

PinnedRing::PinnedRing(const Driver& driver, uint64_t budget_bytes, uint32_t chunk_bytes, uint32_t most_slots)
    : chunk_bytes_(chunk_bytes),
      slots_(slots_for(budget_bytes, chunk_bytes, most_slots)),
      memory_(driver, {slot_bytes(), alignment, MAP_NORESERVE},
              "mapping " + std::to_string(slot_bytes() + alignment) + " bytes to pin",
              "cuMemHostRegister of " + std::to_string(slot_bytes()) +
                  " bytes (a smaller pinned_bytes needs less)") {}

}  // namespace tio::gds::cuda
