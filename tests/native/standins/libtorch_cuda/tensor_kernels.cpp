// Kernels that make tensors and look at them, and touch no bytes.
#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <stdexcept>

#include "caching_allocator.h"
#include "gpu.h"
#include "kernels.h"

namespace tio::standin::torch {

namespace {

// c10::DispatchKeySet(DispatchKey::CUDA) of libtorch 2.10: backend bits first (CPU, CUDA, ...), 16 of them,
// then the bits of what a tensor can do, of which "dense" is the first.
constexpr c10::DispatchKeySet cuda_keys{(uint64_t{1} << 16) | (uint64_t{1} << 1)};

c10::ScalarType type_or_default(const IValue& value) {
    return static_cast<c10::ScalarType>(value.is_none() ? aoti_torch_dtype_float32() : value.integer());
}

template <typename T>
T read_at(const void* object, size_t offset) {
    T value;
    std::memcpy(&value, static_cast<const char*>(object) + offset, sizeof value);
    return value;
}

void resize_storage(void* storage, size_t bytes) {
    // The CPU's function copies what there is, but it must not touch device memory: so nothing is there for
    // it.
    const auto old_bytes = read_at<size_t>(storage, Tensor::storage_bytes_offset);
    void* old_data = read_at<void*>(storage, Tensor::storage_data_offset);
    const size_t kept = old_data == nullptr ? 0 : std::min(old_bytes, bytes);
    std::vector<char> saved(kept);
    if (kept != 0) {
        const KernelTurn turn;
        std::memcpy(saved.data(), host_view(old_data), kept);
    }
    resize_bytes_on_host(storage, 0);
    if (bytes != 0) resize_bytes_on_host(storage, bytes);
    if (kept == 0) return;
    const KernelTurn turn;
    std::memcpy(host_view(read_at<void*>(storage, Tensor::storage_data_offset)), saved.data(), kept);
}

}  // namespace

Stack take_arguments(Stack* stack) {
    return std::exchange(*stack, {});
}

Tensor empty_on_device(c10::ArrayRef<int64_t> sizes, c10::ArrayRef<int64_t> strides, int32_t dtype) {
    return make_empty_strided(sizes, strides, &current_allocator(), cuda_keys,
                              static_cast<c10::ScalarType>(dtype));
}

void empty(const OperatorHandle&, Stack* stack) {
    // size, dtype, layout, device, pin_memory, memory_format
    const Stack arguments = take_arguments(stack);
    const std::vector<int64_t> sizes = arguments.at(0).integers();
    std::optional<c10::MemoryFormat> format;
    if (!arguments.at(5).is_none()) format = static_cast<c10::MemoryFormat>(arguments.at(5).integer());
    stack->emplace_back(make_empty({sizes.data(), sizes.size()}, &current_allocator(), cuda_keys,
                                   type_or_default(arguments.at(1)), format));
}

void empty_strided(const OperatorHandle&, Stack* stack) {
    // size, stride, dtype, layout, device, pin_memory
    const Stack arguments = take_arguments(stack);
    const std::vector<int64_t> sizes = arguments.at(0).integers();
    const std::vector<int64_t> strides = arguments.at(1).integers();
    stack->emplace_back(make_empty_strided({sizes.data(), sizes.size()}, {strides.data(), strides.size()},
                                           &current_allocator(), cuda_keys,
                                           type_or_default(arguments.at(2))));
}

void without_data(const OperatorHandle& op, Stack* stack) {
    static std::mutex mutex;
    static auto* found = new std::map<const OperatorName*, FoundKernel*>;
    FoundKernel* kernel = nullptr;
    {
        const std::lock_guard<std::mutex> lock(mutex);
        FoundKernel*& place = (*found)[op.name];
        if (place == nullptr) place = new FoundKernel(find_kernel(op.name, c10::parseDispatchKey("CPU")));
        kernel = place;
    }
    kernel->function(kernel->functor, op, cuda_keys, stack);
}

void resize(const OperatorHandle& op, Stack* stack) {
    // self, size, memory_format. The CPU's kernel does the rest, and finds storage enough.
    const Tensor tensor = stack->at(0).tensor();
    size_t bytes = tensor.element_size();
    for (const int64_t size : stack->at(1).integers()) bytes *= static_cast<size_t>(size);
    void* storage = tensor.storage();
    if (read_at<size_t>(storage, Tensor::storage_bytes_offset) < bytes) resize_storage(storage, bytes);
    without_data(op, stack);
}

void record_stream(const OperatorHandle&, Stack* stack) {
    const Stack arguments = take_arguments(stack);
    const void* pointer = arguments.at(0).tensor().storage() + Tensor::storage_data_offset;
    current_allocator().record_stream(*static_cast<const c10::DataPtr*>(pointer),
                                      {{c10::DeviceType::CUDA, 0}, 0});
}

}  // namespace tio::standin::torch

// at::native::resize_bytes_cuda(StorageImpl*, size_t): what libtorch_cuda exports for storages whose tensors
// stay.
__attribute__((visibility("default"))) void resize_bytes_cuda(void* storage, size_t bytes)
    TIO_SYMBOL("_ZN2at6native17resize_bytes_cudaEPN3c1011StorageImplEm");

void resize_bytes_cuda(void* storage, size_t bytes) {
    tio::standin::torch::resize_storage(storage, bytes);
}
