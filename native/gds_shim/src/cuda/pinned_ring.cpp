#include "cuda/pinned_ring.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <memory>
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
    : driver_(driver),
      chunk_bytes_(chunk_bytes),
      slots_(slots_for(budget_bytes, chunk_bytes, most_slots)),
      mapping_bytes_(slot_bytes() + alignment) {
    mapping_ = mmap(nullptr, mapping_bytes_, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapping_ == MAP_FAILED)
        throw Failure::from_errno("mapping " + std::to_string(mapping_bytes_) + " bytes to pin", errno);
    void* aligned = mapping_;
    size_t space = mapping_bytes_;
    base_ = static_cast<std::byte*>(std::align(alignment, slot_bytes(), aligned, space));
    const Result result =
        driver.host_register(base_, slot_bytes(), host_register_portable | host_register_device_map);
    if (result == success) return;
    munmap(mapping_, mapping_bytes_);
    driver.check(result, ("cuMemHostRegister of " + std::to_string(slot_bytes()) +
                          " bytes (a smaller pinned_bytes needs less)")
                             .c_str());
}

PinnedRing::~PinnedRing() {
    driver_.host_unregister(base_);
    munmap(mapping_, mapping_bytes_);
}

}  // namespace tio::gds::cuda
