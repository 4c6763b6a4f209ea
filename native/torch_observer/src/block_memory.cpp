#include "block_memory.h"

#include <sys/mman.h>

#include <cstdlib>
#include <new>

namespace tio {

namespace {

size_t round_up(size_t value, size_t unit) {
    return (value + unit - 1) / unit * unit;
}

// [header page][data ...]: data is page-aligned, and huge-page-aligned where that is worth it.
void* map_block(size_t capacity) {
    const size_t alignment = capacity >= kHugePage ? kHugePage : kPage;
    const size_t span = kPage + capacity + (alignment - kPage);
    void* mapping = mmap(nullptr, span, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED) return nullptr;
    char* start = static_cast<char*>(mapping);
    char* data = reinterpret_cast<char*>(round_up(reinterpret_cast<uintptr_t>(start) + kPage, alignment));
    if (char* first = data - kPage; first > start) munmap(start, static_cast<size_t>(first - start));
    if (char* end = data + capacity; end < start + span) munmap(end, static_cast<size_t>(start + span - end));
    if (alignment == kHugePage) madvise(data, capacity / kHugePage * kHugePage, MADV_HUGEPAGE);
    return data;
}

void unmap_block(void* data, size_t capacity) {
    munmap(static_cast<char*>(data) - kPage, capacity + kPage);
}

}  // namespace

void* BlockMemory::allocate(size_t bytes, BlockKind kind) {
    void* data = nullptr;
    size_t capacity = 0;
    if (kind == BlockKind::Small && bytes >= kMappedFrom) {
        kind = BlockKind::Mapped;
        capacity = round_up(bytes, kPage);
        data = take(capacity);
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

void* BlockMemory::take(uint64_t capacity) {
    std::lock_guard<std::mutex> lock(mutex_);
    auto found = by_capacity_.find(capacity);
    if (found == by_capacity_.end()) return nullptr;
    void* data = found->second->data;
    order_.erase(found->second);
    by_capacity_.erase(found);
    cached_ -= capacity;
    return data;
}

bool BlockMemory::over_limit(uint64_t live, uint64_t cached) const {
    return cached > cache_limit_ || (limit_ != 0 && live + cached > limit_);
}

void BlockMemory::trim_locked(uint64_t live) {
    while (!order_.empty() && over_limit(live, cached_)) {
        const auto oldest = order_.begin();
        auto [first, last] = by_capacity_.equal_range(oldest->capacity);
        while (first != last && first->second != oldest) ++first;
        by_capacity_.erase(first);
        unmap_block(oldest->data, oldest->capacity);
        cached_ -= oldest->capacity;
        order_.erase(oldest);
    }
}

}  // namespace tio
