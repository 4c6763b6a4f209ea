// libtorch's entry points, found at run time in whatever libtorch the process has loaded.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>

#include "torch_abi.h"

namespace tio {

struct Symbols {
    // at:: (libtorch_cpu)
    uint64_t (*add_global_callback)(abi::RecordFunctionCallback) = nullptr;
    void (*remove_callback)(uint64_t) = nullptr;
    void (*construct_record)(void* memory, uint8_t scope) = nullptr;
    void (*destroy_record)(void* memory) = nullptr;
    const char* (*record_name)(const abi::RecordFunction*) = nullptr;
    void (*resize_bytes_cpu)(void* storage, size_t bytes) = nullptr;
    void* (*native_zero)(void* tensor) =
        nullptr;  // at::native::zero_, under the dispatcher and without the C ABI's error log
    // at::Tensor::copy_ through the dispatcher, without the C ABI's error log
    void* (*copy)(void* to, const void* from, bool non_blocking) = nullptr;
    std::ostream& (*print_schema)(std::ostream&, const void* schema) = nullptr;
    // c10:: (libc10)
    abi::Allocator* (*get_allocator)(const int8_t& device_type) = nullptr;
    void (*set_allocator)(int8_t device_type, abi::Allocator*, uint8_t priority) = nullptr;
    bool (*memory_profiling_enabled)() = nullptr;
    void (*report_memory)(void* pointer, int64_t bytes, size_t allocated, size_t reserved,
                          abi::Device) = nullptr;
    // libtorch's official C ABI, used where it can do the job
    uint64_t (*abi_version)() = nullptr;
    int32_t (*empty_strided)(int64_t ndim, const int64_t* sizes, const int64_t* strides, int32_t dtype,
                             int32_t device_type, int32_t device_index, void** tensor) = nullptr;
    int32_t (*delete_tensor)(void* tensor) = nullptr;
    int32_t (*get_data_ptr)(void* tensor, void** data) = nullptr;
    int32_t (*get_storage_size)(void* tensor, int64_t* bytes) = nullptr;
    int32_t (*get_numel)(void* tensor, int64_t* elements) = nullptr;
    int32_t (*zero)(void* tensor) = nullptr;
    int32_t (*clone)(void* tensor, void** copy) = nullptr;
    int32_t (*mm_out)(void* out, void* left, void* right) = nullptr;
    int32_t (*index_put_out)(void* out, void* self, void** indices, int64_t index_count, void* values,
                             bool accumulate) = nullptr;
};

// What a session on CUDA needs beside it; libtorch_cpu and libtorch_cuda have it in their C ABI.
struct CudaSymbols {
    int32_t (*current_device)(int32_t* index) = nullptr;
    int32_t (*current_stream)(int32_t device_index, void** stream) = nullptr;
    // Null where they are not exported; needed where another device than the session's is current.
    int32_t (*create_guard)(int32_t device_index, void** guard) = nullptr;
    int32_t (*delete_guard)(void* guard) = nullptr;
    // c10::cuda::CUDACachingAllocator::allocator, a std::atomic<CUDAAllocator*>; null where it is not
    // exported.
    abi::Allocator* const* allocator = nullptr;
};

// Fills `symbols` from the loaded libtorch; false with `why` naming the first thing that is missing.
bool resolve_symbols(Symbols& symbols, std::string& why);
// The same for CUDA; `why` also says how to get a libtorch that has it.
bool resolve_cuda_symbols(CudaSymbols& symbols, std::string& why);
// "2.10.0", or empty when no libtorch is loaded.
std::string loaded_torch_version();

}  // namespace tio
