// A test double of libtorch's CUDA caching allocator: an object whose virtual functions stand in the order of
// c10::cuda::CUDACachingAllocator::CUDAAllocator (libtorch 2.10), over host memory, with its rules about
// deleters and streams.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <vector>

#include "layout.h"
#include "symbols.h"
#include "torch_abi.h"

namespace tio::standin {

// c10::OutOfMemoryError's place.
struct OutOfMemory : std::runtime_error {
    OutOfMemory() : std::runtime_error("CUDA out of memory (test double)") {}
};

// What it did, and how it is to behave; all of the one object behind registered().
struct AllocatorState {
    int allocations = 0;
    int frees = 0;
    uint64_t capacity = UINT64_MAX;  // of one allocation
    bool own_contexts = false;       // contexts that are not the data, as pluggable allocators have them
    std::vector<void*> recorded;     // blocks that recordStream accepted
    int ignored = 0;                 // and those with a deleter that is not its own
    int64_t last_stream = -1;
    int guards = 0;          // CUDA guards made so far
    void* cached = nullptr;  // by raw_delete; the next block has its address, whatever its size
};

AllocatorState& state();
void reset_state();
// libtorch's getters for it. Out of line, so that no compiler knows the object's class where it is used.
abi::Allocator* registered();
Symbols symbols();
CudaSymbols cuda_symbols();
// Device that is current for the calling thread.
void make_current(int8_t index);

// Calls by class, as libtorch makes them.
void record_stream(const abi::DataPtr& pointer, int64_t stream);       // DeviceAllocator's
void record_cuda_stream(const abi::DataPtr& pointer, int64_t stream);  // CUDAAllocator's
bool is_a_device_allocator();                                          // by dynamic_cast
void* raw_allocate(uint64_t bytes);                                    // allocate + raw_deleter
void raw_deallocate(void* data);
void raw_delete(void* data);  // past the deleters; the block is the next one that allocate gives
abi::Deleter local_deleter();

}  // namespace tio::standin
