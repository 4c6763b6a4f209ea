#include "cuda/pinned_mapping.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <memory>

namespace tio::gds::cuda {

PinnedMapping::PinnedMapping(const Driver& driver, const Shape& shape, const std::string& mapping,
                             const std::string& pinning)
    : driver_(driver), mapping_bytes_(shape.bytes + shape.alignment) {
    mapping_ = mmap(nullptr, mapping_bytes_, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | shape.map_flags, -1, 0);
    if (mapping_ == MAP_FAILED) throw Failure::from_errno(mapping, errno);
    void* aligned = mapping_;
    size_t space = mapping_bytes_;
    base_ = static_cast<std::byte*>(
        std::align(std::max<size_t>(shape.alignment, 1), shape.bytes, aligned, space));
    const Result result =
        driver.host_register(base_, shape.bytes, host_register_portable | host_register_device_map);
    if (result != success) munmap(mapping_, mapping_bytes_);
    driver.check(result, pinning.c_str());
}

PinnedMapping::~PinnedMapping() {
    driver_.host_unregister(base_);
    munmap(mapping_, mapping_bytes_);
}

}  // namespace tio::gds::cuda
