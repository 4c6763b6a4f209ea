// What happens when libtorch_cuda.so is loaded, and the exported C functions.
#include <cstring>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "caching_allocator.h"
#include "device_guard.h"
#include "gpu.h"
#include "hooks.h"
#include "kernels.h"
#include "standin_torch_cuda.h"

namespace tio::standin::torch {

namespace {

const std::map<std::string, Kernel>& own_kernels() {
    static const auto* kernels = new std::map<std::string, Kernel>{
        {"aten::empty.memory_format", &empty},
        {"aten::empty_strided", &empty_strided},
        {"aten::view", &without_data},
        {"aten::as_strided", &without_data},
        {"aten::_reshape_alias", &without_data},
        {"aten::unfold", &without_data},
        {"aten::is_set_to", &without_data},
        {"aten::set_", &without_data},
        {"aten::set_.source_Tensor", &without_data},
        {"aten::set_.source_Storage_storage_offset", &without_data},
        {"aten::resize_", &resize},
        {"aten::record_stream", &record_stream},
        {"aten::native_dropout", &native_dropout},
        {"aten::native_dropout_backward", &native_dropout_backward},
        {"aten::_scaled_dot_product_flash_attention", &flash_attention},
        {"aten::_scaled_dot_product_flash_attention_backward", &flash_attention_backward},
    };
    return *kernels;
}

std::string full_name(const OperatorName& name) {
    return name.overload.empty() ? name.name : name.name + "." + name.overload;
}

// An op with a kernel for any device never reaches the fallback. Where the CPU has a better one than that,
// CUDA has, too. And copy_'s asks a table of the CPU library's for the device's function.
std::vector<OperatorName> ops_with_kernels_of_their_own() {
    std::set<std::string> for_any_device;
    for (const char* key : {"CompositeExplicitAutograd", "CompositeImplicitAutograd"})
        for (const OperatorName& name : names_of_ops(&dispatcher(), c10::parseDispatchKey(key)))
            for_any_device.insert(full_name(name));
    std::vector<OperatorName> result{{"aten::copy_", ""}};
    for (const OperatorName& name : names_of_ops(&dispatcher(), c10::parseDispatchKey("CPU")))
        if (for_any_device.count(full_name(name)) != 0) result.push_back(name);
    return result;
}

// Kept without being destroyed: destroying a registration would take the kernel away.
template <typename Make>
void keep(Make make) {
    struct Place {
        alignas(Registration) unsigned char bytes[sizeof(Registration)];
    };
    new (new Place) Registration(make());
}

}  // namespace

void run_kernel(void*, const OperatorHandle& op, c10::DispatchKeySet, Stack* stack) {
    const auto found = own_kernels().find(full_name(*op.name));
    if (found != own_kernels().end())
        found->second(op, stack);
    else
        run_on_host(op, stack);
}

void install_kernels() {
    const c10::DispatchKey cuda = c10::parseDispatchKey("CUDA");
    keep([&] {
        return register_fallback(&dispatcher(), cuda, KernelFunction(&run_kernel), "libtorch_cuda stand-in");
    });
    for (const OperatorName& name : ops_with_kernels_of_their_own()) {
        keep([&] {
            return register_kernel(&dispatcher(), name, cuda, KernelFunction(&run_kernel), std::nullopt,
                                   nullptr, "libtorch_cuda stand-in");
        });
    }
    install_attention_choice();
}

namespace {

// As the real library registers itself.
const bool installed = [] {
    install_allocator();
    install_device_guard();
    install_hooks();
    install_kernels();
    return true;
}();

}  // namespace

}  // namespace tio::standin::torch

extern "C" {

// libtorch's C ABI, the part that libtorch_cuda exports and TeraIO uses. Nullptr: the legacy default stream.
TIO_STANDIN_TORCH_API int32_t aoti_torch_get_current_cuda_stream(int32_t, void** stream) {
    *stream = nullptr;
    return 0;
}

void tio_standin_torch_get_counts(tio_standin_torch_counts* counts) {
    *counts = tio::standin::torch::allocator_counts();
}

void tio_standin_torch_reset_peak(void) {
    tio::standin::torch::reset_peak();
}

void tio_standin_torch_release_held(void) {
    tio::standin::torch::release_held();
}

void* tio_standin_torch_host_view(void* device_address) {
    return tio::standin::torch::host_view(device_address);
}

void tio_standin_torch_set_capacity(uint64_t bytes) {
    tio::standin::torch::set_capacity(bytes);
}
}
