#include "block_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <new>

namespace tio {

namespace {

uint64_t huge_pages(uint64_t capacity) {
    return capacity / kHugePage;
}

// Moves the last huge pages of a lender to `target` until `wanted` are there; returns how many came, or -1
// with a hole in the target at the page after those. The lender keeps what lies before them.
int64_t borrow(char* target, uint64_t wanted, char* lender, uint64_t& capacity) {
    uint64_t left = huge_pages(capacity);
    shrink_block(lender, capacity, left * kHugePage);
    capacity = left * kHugePage;
    int64_t came = 0;
    for (; left > 0 && static_cast<uint64_t>(came) < wanted; ++came) {
        char* source = lender + (left - 1) * kHugePage;
        switch (move_huge_page(target + static_cast<uint64_t>(came) * kHugePage, source)) {
            case PageMove::Moved:
                capacity = --left * kHugePage;
                break;
            case PageMove::Stayed:
                return came;
            case PageMove::LeftAHole:
                return -1 - came;
        }
    }
    return came;
}

}  // namespace

void* BlockMemory::allocate(size_t bytes, BlockKind kind, uint64_t live) {
    char* data = nullptr;
    size_t capacity = 0;
    if (kind == BlockKind::Small && bytes >= kMappedFrom) {
        kind = BlockKind::Mapped;
        capacity = round_up(bytes, kPage);
        data = allocate_mapped(capacity, live);
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
    const Cached block{static_cast<char*>(data), header->capacity};
    {
        std::lock_guard<std::mutex> lock(mutex_);
        if (excess(live, block.capacity) == 0) {
            keep_locked(block);
            trim_locked(live);
            return;
        }
    }
    unmap_block(block.data, block.capacity);
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

char* BlockMemory::allocate_mapped(uint64_t capacity, uint64_t live) {
    std::vector<Cached> lenders;
    {
        std::lock_guard<std::mutex> lock(mutex_);
        const Cached kept = take_locked(capacity, live, lenders);
        if (lenders.empty()) trim_locked(live);
        if (kept.data != nullptr) return kept.data;
    }
    if (lenders.empty()) return map_block(capacity);
    char* data = assemble(capacity, lenders);
    std::lock_guard<std::mutex> lock(mutex_);
    for (const Cached& lender : lenders) {
        if (lender.capacity != 0)
            keep_locked(lender);
        else
            unmap_block(lender.data, 0);
    }
    trim_locked(live);
    return data;
}

char* BlockMemory::assemble(uint64_t capacity, std::vector<Cached>& lenders) {
    char* data = map_block(capacity);
    if (data == nullptr) return nullptr;
    const uint64_t wanted = huge_pages(capacity);
    uint64_t have = 0;
    for (Cached& lender : lenders) {
        const int64_t came = borrow(data + have * kHugePage, wanted - have, lender.data, lender.capacity);
        if (came < 0) {
            char* hole = data + (have + static_cast<uint64_t>(-1 - came)) * kHugePage;
            munmap(data - kPage, static_cast<size_t>(hole - data) + kPage);
            munmap(hole + kHugePage, capacity - static_cast<size_t>(hole - data) - kHugePage);
            return nullptr;
        }
        have += static_cast<uint64_t>(came);
    }
    return data;
}

BlockMemory::Cached BlockMemory::take_locked(uint64_t capacity, uint64_t live, std::vector<Cached>& lenders) {
    most_live_ = std::max(most_live_, live);
    const auto found = by_capacity_.lower_bound(capacity);
    if (found != by_capacity_.end() && found->first == capacity) return remove(found);
    if (excess(live, cached_) == 0) return {nullptr, 0};
    if (capacity < kHugePage) {
        if (found == by_capacity_.end() || found->first >= kHugePage) return {nullptr, 0};
        const Cached larger = remove(found);
        shrink_block(larger.data, larger.capacity, capacity);
        return {larger.data, capacity};
    }
    // One lender if one has enough, the smallest such; else the largest ones.
    const auto enough = by_capacity_.lower_bound(huge_pages(capacity) * kHugePage);
    if (enough != by_capacity_.end()) {
        lenders.push_back(remove(enough));
        return {nullptr, 0};
    }
    for (uint64_t have = 0; have < huge_pages(capacity) && !by_capacity_.empty();) {
        const auto largest = std::prev(by_capacity_.end());
        if (largest->first < kHugePage) break;
        have += huge_pages(largest->first);
        lenders.push_back(remove(largest));
    }
    return {nullptr, 0};
}

void BlockMemory::keep_locked(Cached block) {
    order_.push_back(block);
    by_capacity_.emplace(block.capacity, std::prev(order_.end()));
    cached_ += block.capacity;
}

BlockMemory::Cached BlockMemory::remove(ByCapacity::iterator found) {
    const Cached kept = *found->second;
    order_.erase(found->second);
    by_capacity_.erase(found);
    cached_ -= kept.capacity;
    return kept;
}

uint64_t BlockMemory::excess(uint64_t live, uint64_t cached) const {
    uint64_t most = UINT64_MAX;
    if (limit_ != 0)
        most = limit_;
    else if (cache_limit_ == kCacheAll)
        most = std::max(most_live_, live);
    const uint64_t over_cache = cached > cache_limit_ ? cached - cache_limit_ : 0;
    const uint64_t over_most = live + cached > most ? live + cached - most : 0;
    return std::min(cached, std::max(over_cache, over_most));
}

void BlockMemory::trim_locked(uint64_t live) {
    while (!order_.empty()) {
        const uint64_t over = excess(live, cached_);
        if (over == 0) return;
        const auto oldest = order_.begin();
        auto [first, last] = by_capacity_.equal_range(oldest->capacity);
        while (first != last && first->second != oldest) ++first;
        const Cached gone = remove(first);
        const uint64_t rest = gone.capacity > over ? huge_pages(gone.capacity - over) * kHugePage : 0;
        if (rest == 0) {
            unmap_block(gone.data, gone.capacity);
            continue;
        }
        shrink_block(gone.data, gone.capacity, rest);
        order_.push_front({gone.data, rest});
        by_capacity_.emplace(rest, order_.begin());
        cached_ += rest;
    }
}

}  // namespace tio
