#include "block_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <new>

namespace tio {

namespace {

size_t round_up(size_t value, size_t unit) {
    return (value + unit - 1) / unit * unit;
}

// Below this, moving pages costs as much as zeroing fresh ones.
constexpr uint64_t kResizeFrom = uint64_t{256} << 10;

size_t alignment_of(size_t capacity) {
    return capacity >= kHugePage ? kHugePage : kPage;
}

// [header page][data ...]: data is page-aligned, and huge-page-aligned where that is worth it. One mapping
// with one set of flags, so that it can be moved as a whole.
char* reserve(size_t capacity, int protection) {
    const size_t alignment = alignment_of(capacity);
    const size_t span = kPage + capacity + (alignment - kPage);
    void* mapping = mmap(nullptr, span, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED) return nullptr;
    char* start = static_cast<char*>(mapping);
    char* data = reinterpret_cast<char*>(round_up(reinterpret_cast<uintptr_t>(start) + kPage, alignment));
    if (char* first = data - kPage; first > start) munmap(start, static_cast<size_t>(first - start));
    if (char* end = data + capacity; end < start + span) munmap(end, static_cast<size_t>(start + span - end));
    return data;
}

void* map_block(size_t capacity) {
    char* data = reserve(capacity, PROT_READ | PROT_WRITE);
    if (data != nullptr && capacity >= kHugePage) madvise(data - kPage, kPage + capacity, MADV_HUGEPAGE);
    return data;
}

// The block with another capacity, most of its pages with it; nullptr, and the block as it was, when the
// system refuses.
void* resize_block(void* block, size_t from, size_t to) {
    char* data = static_cast<char*>(block);
    if (to <= from) {
        munmap(data + to, from - to);
        return data;
    }
    char* target = reserve(to, PROT_NONE);
    if (target == nullptr) return nullptr;
    void* moved =
        mremap(data - kPage, kPage + from, kPage + to, MREMAP_MAYMOVE | MREMAP_FIXED, target - kPage);
    if (moved == MAP_FAILED) {
        munmap(target - kPage, kPage + to);
        return nullptr;
    }
    if (to >= kHugePage) madvise(target - kPage, kPage + to, MADV_HUGEPAGE);
    return target;
}

void unmap_block(void* data, size_t capacity) {
    munmap(static_cast<char*>(data) - kPage, capacity + kPage);
}

}  // namespace

void* BlockMemory::allocate(size_t bytes, BlockKind kind, uint64_t live) {
    void* data = nullptr;
    size_t capacity = 0;
    if (kind == BlockKind::Small && bytes >= kMappedFrom) {
        kind = BlockKind::Mapped;
        capacity = round_up(bytes, kPage);
        const Cached kept = take(capacity, live);
        data = kept.data;
        if (data != nullptr && kept.capacity != capacity) {
            data = resize_block(kept.data, kept.capacity, capacity);
            if (data == nullptr) unmap_block(kept.data, kept.capacity);
        }
        if (data == nullptr) data = map_block(capacity);
        if (data == nullptr) return nullptr;
    } else {
        void* base = nullptr;
        if (posix_memalign(&base, alignof(BlockHeader), sizeof(BlockHeader) + bytes) != 0) return nullptr;
        data = static_cast<char*>(base) + sizeof(BlockHeader);
    }
    new (header_of(data)) BlockHeader{kBlockMagic, bytes, capacity, kind, 0};
    return data;
}

void BlockMemory::free(void* data, uint64_t live) {
    BlockHeader* header = header_of(data);
    if (header->kind != BlockKind::Mapped) {
        header->magic = 0;
        std::free(header);
        return;
    }
    const uint64_t capacity = header->capacity;
    {
        std::lock_guard<std::mutex> lock(mutex_);
        if (capacity <= cache_limit_ && !over_limit(live, capacity)) {
            order_.push_back({data, capacity});
            by_capacity_.emplace(capacity, std::prev(order_.end()));
            cached_ += capacity;
            trim_locked(live);
            return;
        }
    }
    unmap_block(data, capacity);
}

void BlockMemory::trim(uint64_t live) {
    std::lock_guard<std::mutex> lock(mutex_);
    trim_locked(live);
}

void BlockMemory::configure(uint64_t limit, uint64_t cache_limit) {
    std::lock_guard<std::mutex> lock(mutex_);
    limit_ = limit;
    cache_limit_ = cache_limit;
    trim_locked(0);
}

uint64_t BlockMemory::cached() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return cached_;
}

BlockMemory::Cached BlockMemory::take(uint64_t capacity, uint64_t live) {
    std::lock_guard<std::mutex> lock(mutex_);
    most_live_ = std::max(most_live_, live);
    Cached kept{nullptr, 0};
    auto found = by_capacity_.lower_bound(capacity);
    if (found != by_capacity_.end() && found->first == capacity) {
        kept = remove(found);
    } else if (over_limit(live, cached_) && capacity >= kResizeFrom) {
        // Something must go anyway: the smallest that is large enough, else the largest.
        if (found == by_capacity_.end() && found != by_capacity_.begin()) --found;
        if (found != by_capacity_.end() && found->first >= kResizeFrom) kept = remove(found);
    }
    trim_locked(live);
    return kept;
}

BlockMemory::Cached BlockMemory::remove(std::multimap<uint64_t, Order::iterator>::iterator found) {
    const Cached kept = *found->second;
    order_.erase(found->second);
    by_capacity_.erase(found);
    cached_ -= kept.capacity;
    return kept;
}

bool BlockMemory::over_limit(uint64_t live, uint64_t cached) const {
    if (cached > cache_limit_) return true;
    if (limit_ != 0) return live + cached > limit_;
    return cache_limit_ == kCacheAll && live + cached > std::max(most_live_, live);
}

void BlockMemory::trim_locked(uint64_t live) {
    while (!order_.empty() && over_limit(live, cached_)) {
        const auto oldest = order_.begin();
        auto [first, last] = by_capacity_.equal_range(oldest->capacity);
        while (first != last && first->second != oldest) ++first;
        const Cached gone = remove(first);
        unmap_block(gone.data, gone.capacity);
    }
}

}  // namespace tio
