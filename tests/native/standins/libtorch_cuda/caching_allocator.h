// The stand-in's c10::cuda::CUDACachingAllocator.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "standin_torch_cuda.h"
#include "torch_abi.h"

namespace c10::cuda::CUDACachingAllocator {

// c10::cuda::CUDACachingAllocator::CUDAAllocator; the order of the virtuals is the contract. What training
// does not use is declared for its place only, and says so when it is called.
class CUDAAllocator : public DeviceAllocator {
  public:
    virtual void* raw_alloc(size_t bytes) = 0;
    virtual void* raw_alloc_with_stream(size_t bytes, void* stream) = 0;
    virtual void raw_delete(void* memory) = 0;
    virtual void init(int device_count) = 0;
    virtual double get_memory_fraction(DeviceIndex device) = 0;
    virtual void set_memory_fraction(double fraction, DeviceIndex device) = 0;
    virtual void get_expandable_segment_sizes() = 0;
    virtual void enable(bool value) = 0;
    virtual bool is_enabled() const = 0;
    virtual void cache_info(DeviceIndex device, size_t* largest_block) = 0;
    virtual void* get_base_allocation(void* memory, size_t* bytes) = 0;
    virtual void record_cuda_stream(const DataPtr& pointer, Stream stream) = 0;
    // Hands over to the other one, as libtorch's does; it has the other's name there.
    void record_stream(const DataPtr& pointer, Stream stream) override {
        record_cuda_stream(pointer, stream);
    }
    virtual void snapshot() = 0;
    virtual void begin_allocate_to_pool() = 0;
    virtual void end_allocate_to_pool() = 0;
    virtual void release_pool() = 0;
    virtual void get_pool_use_count() = 0;
    virtual void create_or_incref_pool() = 0;
    virtual void set_use_on_oom() = 0;
    virtual void check_pool_live_allocations() = 0;
    virtual void share_ipc_handle() = 0;
    virtual void get_ipc_dev_ptr() = 0;
    virtual bool is_history_enabled() = 0;
    virtual void record_history() = 0;
    virtual void record_annotation() = 0;
    virtual void push_compile_context() = 0;
    virtual void pop_compile_context() = 0;
    virtual void set_user_metadata() = 0;
    virtual std::string get_user_metadata() = 0;
    virtual void attach_out_of_memory_observer() = 0;
    virtual void attach_allocator_trace_tracker() = 0;
    virtual void enable_peer_access() = 0;
    virtual void memcpy_async() = 0;
    virtual void get_checkpoint_state() = 0;
    virtual void set_checkpoint_pool_state() = 0;
    virtual std::string name() = 0;
};

// What libtorch_cuda's code allocates through; a program may put another one in front.
__attribute__((visibility("default"))) extern std::atomic<CUDAAllocator*> allocator;

}  // namespace c10::cuda::CUDACachingAllocator

namespace tio::standin::torch {

// Through the exported pointer, as libtorch's own code does.
c10::cuda::CUDACachingAllocator::CUDAAllocator& current_allocator();

// Registers the allocator as that of device type CUDA.
void install_allocator();

tio_standin_torch_counts allocator_counts();
void reset_peak();
void release_held();
void set_capacity(uint64_t bytes);

}  // namespace tio::standin::torch
