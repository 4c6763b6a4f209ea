// Aligned chunk buffers for memory that O_DIRECT cannot use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tio::gds {

// One anonymous mapping cut into chunks. Its pages cost nothing until a chunk is first used. Not thread-safe:
// the scheduler's mutex guards rent and give_back.
class BouncePool {
  public:
    // Every chunk begins at a multiple of this, as long as chunk_bytes is a multiple of what a file asks for.
    static constexpr size_t alignment = 65536;

    BouncePool(uint32_t chunks, uint32_t chunk_bytes);
    ~BouncePool();
    BouncePool(const BouncePool&) = delete;
    BouncePool& operator=(const BouncePool&) = delete;

    // A free chunk, or nullptr.
    std::byte* rent() noexcept;
    void give_back(std::byte* chunk) noexcept;

    std::byte* base() const noexcept { return base_; }
    size_t size() const noexcept { return size_; }

  private:
    void* mapping_;
    size_t mapping_size_;
    std::byte* base_;
    size_t size_;
    std::vector<std::byte*> free_;
};

}  // namespace tio::gds
