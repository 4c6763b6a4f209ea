#include "block_pool.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "gpu.h"

namespace tio::standin::torch {

void BlockPool::poison(void* memory, size_t bytes) {
    std::memset(host_view(memory), 0xff, bytes);
}

void* BlockPool::take(size_t bytes) {
    const size_t size = rounded(bytes);
    const std::lock_guard<std::mutex> lock(mutex_);
    if (capacity_ != 0 && counts_.live_bytes + counts_.held_bytes + size > capacity_) throw std::bad_alloc();
    void* memory = nullptr;
    std::vector<void*>& cached = cached_[size];
    if (!cached.empty()) {
        memory = cached.back();
        cached.pop_back();
        counts_.cached_bytes -= size;
    } else {
        memory = allocate_device_memory(size);
        poison(memory, size);
    }
    live_[memory] = Block{size, false};
    ++counts_.allocations;
    ++counts_.live_blocks;
    counts_.live_bytes += size;
    counts_.peak_bytes = std::max(counts_.peak_bytes, counts_.live_bytes);
    return memory;
}

void BlockPool::give_back(void* memory) noexcept {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = live_.find(memory);
    // A double free is an error of the program's; CUDA's allocator stops there, too.
    if (found == live_.end()) std::terminate();
    const Block block = found->second;
    live_.erase(found);
    --counts_.live_blocks;
    counts_.live_bytes -= block.bytes;
    if (block.has_recorded_stream) {
        held_.emplace_back(memory, block.bytes);
        counts_.held_bytes += block.bytes;
        return;
    }
    poison(memory, block.bytes);
    cached_[block.bytes].push_back(memory);
    counts_.cached_bytes += block.bytes;
}

void BlockPool::record_stream(void* memory) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = live_.find(memory);
    if (found == live_.end()) return;
    found->second.has_recorded_stream = true;
    ++counts_.stream_records;
}

void BlockPool::release_held() {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const auto& [memory, bytes] : held_) {
        poison(memory, bytes);
        cached_[bytes].push_back(memory);
        counts_.cached_bytes += bytes;
    }
    held_.clear();
    counts_.held_bytes = 0;
}

void BlockPool::empty_cache() {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const auto& [bytes, blocks] : cached_)
        for (void* memory : blocks) free_device_memory(memory);
    cached_.clear();
    counts_.cached_bytes = 0;
}

void BlockPool::reset_peak() {
    const std::lock_guard<std::mutex> lock(mutex_);
    counts_.peak_bytes = counts_.live_bytes;
}

void BlockPool::set_capacity(uint64_t bytes) {
    const std::lock_guard<std::mutex> lock(mutex_);
    capacity_ = bytes;
}

size_t BlockPool::size_of(void* memory) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = live_.find(memory);
    return found == live_.end() ? 0 : found->second.bytes;
}

tio_standin_torch_counts BlockPool::counts() {
    const std::lock_guard<std::mutex> lock(mutex_);
    tio_standin_torch_counts result = counts_;
    result.kernels = kernels_run();
    return result;
}

}  // namespace tio::standin::torch
