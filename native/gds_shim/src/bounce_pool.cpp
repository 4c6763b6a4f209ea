#include "bounce_pool.h"

#include <sys/mman.h>

#include <cerrno>
#include <memory>

#include "failure.h"

namespace tio::gds {

BouncePool::BouncePool(uint32_t chunks, uint32_t chunk_bytes) : size_(size_t{chunks} * chunk_bytes) {
    free_.reserve(chunks);
    mapping_size_ = size_ + alignment;
    mapping_ = mmap(nullptr, mapping_size_, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapping_ == MAP_FAILED)
        throw Failure::from_errno("mapping " + std::to_string(mapping_size_) + " bytes of bounce chunks",
                                  errno);
    void* aligned = mapping_;
    size_t space = mapping_size_;
    base_ = static_cast<std::byte*>(std::align(alignment, size_, aligned, space));
    for (uint32_t i = chunks; i > 0; --i) free_.push_back(base_ + size_t{i - 1} * chunk_bytes);
}

BouncePool::~BouncePool() {
    munmap(mapping_, mapping_size_);
}

std::byte* BouncePool::rent() noexcept {
    if (free_.empty()) return nullptr;
    std::byte* chunk = free_.back();
    free_.pop_back();
    return chunk;
}

void BouncePool::give_back(std::byte* chunk) noexcept {
    free_.push_back(chunk);
}

}  // namespace tio::gds
