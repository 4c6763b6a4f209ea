// Where tensor bytes live: small blocks from malloc, large ones as page-aligned mappings that O_DIRECT can
// use and that leave the process when freed (glibc raises its own mmap threshold to 32 MiB by itself and then
// keeps freed tensors). Freed mappings may be kept for reuse, because a training step asks for the same sizes
// again and again and fresh pages cost a fault and a zeroing each. Where there is no room for fresh pages
// beside the kept ones, kept blocks of other sizes lend theirs: huge pages move from block to block
// untouched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <vector>

#include "block_mapping.h"

namespace tio {

enum class BlockKind : uint32_t { Small = 1, Mapped = 2, Tombstone = 3 };

// Lies in the 64 bytes before the data: the deleter is given nothing but the data's address.
struct alignas(64) BlockHeader {
    uint64_t magic;
    uint64_t bytes;     // as asked for
    uint64_t capacity;  // of the mapping, without the header page; 0 for small blocks
    BlockKind kind;
    uint32_t announced;  // the handlers know it
};
static_assert(sizeof(BlockHeader) == 64, "data stays 64-byte aligned, as libtorch expects");

inline constexpr uint64_t kBlockMagic = 0x7e7a10b10c5ULL;
inline constexpr size_t kMappedFrom = size_t{64} << 10;
// As a cache limit: keep what the limit leaves, or without one what keeps live + cached within the most ever
// live.
inline constexpr uint64_t kCacheAll = UINT64_MAX;

inline BlockHeader* header_of(void* data) {
    return reinterpret_cast<BlockHeader*>(static_cast<char*>(data) - sizeof(BlockHeader));
}

class BlockMemory {
  public:
    // nullptr when the system has no memory left. `live` counts these bytes already. Thread-safe.
    void* allocate(size_t bytes, BlockKind kind, uint64_t live);
    // Keeps a mapping for reuse while `live` + cached stays within the limits; otherwise returns it to the
    // system.
    void free(void* data, uint64_t live);
    // Gives cached blocks back until live + cached <= limit.
    void trim(uint64_t live);
    void configure(uint64_t limit, uint64_t cache_limit);
    uint64_t cached() const;

  private:
    struct Cached {
        char* data;
        uint64_t capacity;
    };
    using Order = std::list<Cached>;  // oldest first
    using ByCapacity = std::multimap<uint64_t, Order::iterator>;

    char* allocate_mapped(uint64_t capacity, uint64_t live);
    // A fresh block with the huge pages of `lenders`, which keep the rest; nullptr when the system has no
    // memory.
    static char* assemble(uint64_t capacity, std::vector<Cached>& lenders);
    // A kept block of just this capacity, else {nullptr, 0} and, where fresh pages would pass the limits,
    // blocks that can lend theirs.
    Cached take_locked(uint64_t capacity, uint64_t live, std::vector<Cached>& lenders);
    void keep_locked(Cached block);
    Cached remove(ByCapacity::iterator found);
    void trim_locked(uint64_t live);
    uint64_t excess(uint64_t live, uint64_t cached) const;

    mutable std::mutex mutex_;
    Order order_;
    ByCapacity by_capacity_;
    uint64_t cached_ = 0;
    uint64_t limit_ = 0;
    uint64_t most_live_ = 0;
    uint64_t cache_limit_ = 0;
};

}  // namespace tio
