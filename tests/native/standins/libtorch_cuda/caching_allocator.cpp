#include "caching_allocator.h"

#include <cstring>
#include <new>
#include <stdexcept>

#include "block_pool.h"
#include "gpu.h"

namespace tio::standin::torch {

namespace {

constexpr c10::Device device{c10::DeviceType::CUDA, 0};

// Leaked: tensors may be freed when the process's statics are gone.
BlockPool& pool() {
    static auto* blocks = new BlockPool;
    return *blocks;
}

void report(void* memory, int64_t bytes) {
    const tio_standin_torch_counts counts = pool().counts();
    c10::reportMemoryUsageToProfiler(memory, bytes, counts.live_bytes,
                                     counts.live_bytes + counts.cached_bytes, device);
}

// The deleter of every block; recordStream knows the allocator's memory by it.
void local_raw_delete(void* memory) {
    if (memory == nullptr) return;
    const auto bytes = static_cast<int64_t>(pool().size_of(memory));
    report(memory, -bytes);
    pool().give_back(memory);
}

[[noreturn]] void not_modelled(const char* function) {
    throw std::logic_error(std::string("libtorch_cuda stand-in: CUDAAllocator::") + function +
                           " is not modelled");
}

class CachingAllocator final : public c10::cuda::CUDACachingAllocator::CUDAAllocator {
  public:
    c10::DataPtr allocate(size_t bytes) override {
        void* memory = bytes == 0 ? nullptr : raw_alloc(bytes);
        return {memory, {memory, &local_raw_delete}, device};
    }
    bool is_simple_data_ptr(const c10::DataPtr& pointer) const override {
        return pointer.data == pointer.context.get();
    }
    c10::Deleter raw_deleter() const override { return &local_raw_delete; }
    void copy_data(void* destination, const void* source, size_t bytes) const override {
        const KernelTurn turn;
        std::memcpy(host_view(destination), host_view(const_cast<void*>(source)), bytes);
    }

    bool initialized() override { return true; }
    void empty_cache(Pool) override { pool().empty_cache(); }
    Stats get_device_stats(c10::DeviceIndex) override {
        const tio_standin_torch_counts counts = pool().counts();
        Stats stats;
        stats.allocation.aggregate.current = static_cast<int64_t>(counts.live_blocks);
        stats.allocation.aggregate.allocated = static_cast<int64_t>(counts.allocations);
        stats.allocated_bytes.aggregate.current = static_cast<int64_t>(counts.live_bytes);
        stats.allocated_bytes.aggregate.peak = static_cast<int64_t>(counts.peak_bytes);
        stats.active_bytes.aggregate.current = static_cast<int64_t>(counts.live_bytes + counts.held_bytes);
        stats.reserved_bytes.aggregate.current =
            static_cast<int64_t>(counts.live_bytes + counts.held_bytes + counts.cached_bytes);
        return stats;
    }
    void reset_accumulated_stats(c10::DeviceIndex) override {}
    void reset_peak_stats(c10::DeviceIndex) override { pool().reset_peak(); }
    std::pair<size_t, size_t> get_memory_info(c10::DeviceIndex) override { not_modelled("getMemoryInfo"); }

    void* raw_alloc(size_t bytes) override {
        if (bytes == 0) return nullptr;
        void* memory = nullptr;
        try {
            memory = pool().take(bytes);
        } catch (const std::bad_alloc&) {
            throw std::runtime_error("CUDA out of memory. Tried to allocate " + std::to_string(bytes) +
                                     " bytes of the stand-in's.");
        }
        report(memory, static_cast<int64_t>(pool().size_of(memory)));
        return memory;
    }
    void* raw_alloc_with_stream(size_t bytes, void*) override { return raw_alloc(bytes); }
    void raw_delete(void* memory) override { local_raw_delete(memory); }
    void init(int) override {}
    double get_memory_fraction(c10::DeviceIndex) override { return 1; }
    void set_memory_fraction(double, c10::DeviceIndex) override { not_modelled("setMemoryFraction"); }
    void get_expandable_segment_sizes() override { not_modelled("getExpandableSegmentSizes"); }
    void enable(bool) override {}
    bool is_enabled() const override { return true; }
    void cache_info(c10::DeviceIndex, size_t*) override { not_modelled("cacheInfo"); }
    void* get_base_allocation(void* memory, size_t* bytes) override {
        if (bytes != nullptr) *bytes = pool().size_of(memory);
        return memory;
    }
    void record_cuda_stream(const c10::DataPtr& pointer, c10::Stream) override {
        if (pointer.context.get_deleter() != &local_raw_delete) return;
        pool().record_stream(pointer.data);
    }
    void snapshot() override { not_modelled("snapshot"); }
    void begin_allocate_to_pool() override { not_modelled("beginAllocateToPool"); }
    void end_allocate_to_pool() override { not_modelled("endAllocateToPool"); }
    void release_pool() override { not_modelled("releasePool"); }
    void get_pool_use_count() override { not_modelled("getPoolUseCount"); }
    void create_or_incref_pool() override { not_modelled("createOrIncrefPool"); }
    void set_use_on_oom() override { not_modelled("setUseOnOOM"); }
    void check_pool_live_allocations() override { not_modelled("checkPoolLiveAllocations"); }
    void share_ipc_handle() override { not_modelled("shareIpcHandle"); }
    void get_ipc_dev_ptr() override { not_modelled("getIpcDevPtr"); }
    bool is_history_enabled() override { return false; }
    void record_history() override { not_modelled("recordHistory"); }
    void record_annotation() override {}
    void push_compile_context() override {}
    void pop_compile_context() override {}
    void set_user_metadata() override {}
    std::string get_user_metadata() override { return {}; }
    void attach_out_of_memory_observer() override { not_modelled("attachOutOfMemoryObserver"); }
    void attach_allocator_trace_tracker() override { not_modelled("attachAllocatorTraceTracker"); }
    void enable_peer_access() override { not_modelled("enablePeerAccess"); }
    void memcpy_async() override { not_modelled("memcpyAsync"); }
    void get_checkpoint_state() override { not_modelled("getCheckpointState"); }
    void set_checkpoint_pool_state() override { not_modelled("setCheckpointPoolState"); }
    std::string name() override { return "native"; }
};

}  // namespace

c10::cuda::CUDACachingAllocator::CUDAAllocator& current_allocator() {
    return *c10::cuda::CUDACachingAllocator::allocator.load();
}

void install_allocator() {
    static auto* allocator = new CachingAllocator;
    c10::cuda::CUDACachingAllocator::allocator.store(allocator);
    c10::SetAllocator(c10::DeviceType::CUDA, allocator, 0);
}

tio_standin_torch_counts allocator_counts() {
    return pool().counts();
}
void reset_peak() {
    pool().reset_peak();
}
void release_held() {
    pool().release_held();
}
void set_capacity(uint64_t bytes) {
    pool().set_capacity(bytes);
}

}  // namespace tio::standin::torch

namespace c10::cuda::CUDACachingAllocator {

std::atomic<CUDAAllocator*> allocator{nullptr};

}  // namespace c10::cuda::CUDACachingAllocator
