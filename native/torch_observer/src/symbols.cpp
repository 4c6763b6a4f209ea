#include "symbols.h"

#include <dlfcn.h>

#include "layout.h"

namespace tio {

namespace {

// RTLD_NOLOAD: the observer watches the libtorch that is there; it never brings in a second one.
void* loaded_library(const char* name) {
    return dlopen(name, RTLD_NOW | RTLD_NOLOAD);
}

template <class Function>
bool find(void* library, const char* name, Function& target, std::string& why) {
    void* address = dlsym(library, name);
    if (address == nullptr) {
        why = std::string("libtorch does not export ") + name;
        return false;
    }
    target = reinterpret_cast<Function>(address);
    return true;
}

}  // namespace

bool resolve_symbols(Symbols& s, std::string& why) {
    void* torch = loaded_library("libtorch_cpu.so");
    void* c10 = loaded_library("libc10.so");
    if (torch == nullptr || c10 == nullptr) {
        why = std::string(torch == nullptr ? "libtorch_cpu.so" : "libc10.so") +
              " is not loaded in this process: initialise TorchSharp first";
        return false;
    }
    return find(torch, "_ZN2at17addGlobalCallbackENS_22RecordFunctionCallbackE", s.add_global_callback,
                why) &&
           find(torch, "_ZN2at14removeCallbackEm", s.remove_callback, why) &&
           find(torch, "_ZN2at14RecordFunctionC1ENS_11RecordScopeE", s.construct_record, why) &&
           find(torch, "_ZN2at14RecordFunctionD1Ev", s.destroy_record, why) &&
           find(torch, "_ZNK2at14RecordFunction4nameEv", s.record_name, why) &&
           find(torch, "_ZN2at6native16resize_bytes_cpuEPN3c1011StorageImplEm", s.resize_bytes_cpu, why) &&
           find(torch, "_ZN2at6native5zero_ERNS_6TensorE", s.native_zero, why) &&
           find(torch, "_ZN2at4_ops5copy_4callERNS_6TensorERKS2_b", s.copy, why) &&
           find(torch, "_ZN3c10lsERSoRKNS_14FunctionSchemaE", s.print_schema, why) &&
           find(c10, "_ZN3c1012GetAllocatorERKNS_10DeviceTypeE", s.get_allocator, why) &&
           find(c10, "_ZN3c1012SetAllocatorENS_10DeviceTypeEPNS_9AllocatorEh", s.set_allocator, why) &&
           find(c10, "_ZN3c1022memoryProfilingEnabledEv", s.memory_profiling_enabled, why) &&
           find(c10, "_ZN3c1027reportMemoryUsageToProfilerEPvlmmNS_6DeviceE", s.report_memory, why) &&
           find(torch, "aoti_torch_abi_version", s.abi_version, why) &&
           find(torch, "aoti_torch_empty_strided", s.empty_strided, why) &&
           find(torch, "aoti_torch_delete_tensor_object", s.delete_tensor, why) &&
           find(torch, "aoti_torch_get_data_ptr", s.get_data_ptr, why) &&
           find(torch, "aoti_torch_get_storage_size", s.get_storage_size, why) &&
           find(torch, "aoti_torch_get_numel", s.get_numel, why) &&
           find(torch, "aoti_torch_zero_", s.zero, why) && find(torch, "aoti_torch_clone", s.clone, why) &&
           find(torch, "aoti_torch_mm_out", s.mm_out, why) &&
           find(torch, "aoti_torch_index_put_out", s.index_put_out, why);
}

bool resolve_cuda_symbols(CudaSymbols& s, std::string& why) {
    void* torch = loaded_library("libtorch_cpu.so");
    void* cuda = loaded_library("libtorch_cuda.so");
    if (cuda == nullptr) {
        why =
            "this libtorch has no CUDA: libtorch_cuda.so is not loaded in this process. NuGet's libtorch-cpu "
            "does not contain it; set TERAIO_LIBTORCH to the lib folder of a libtorch or PyTorch with CUDA "
            "of a known version (" +
            known_versions() + ")";
        return false;
    }
    if (!find(torch, "aoti_torch_get_current_device_index", s.current_device, why) ||
        !find(cuda, "aoti_torch_get_current_cuda_stream", s.current_stream, why)) {
        why += "; sessions on CUDA need a libtorch or PyTorch with CUDA of a known version (" +
               known_versions() + ")";
        return false;
    }
    std::string ignored;
    if (!find(cuda, "aoti_torch_create_cuda_guard", s.create_guard, ignored) ||
        !find(cuda, "aoti_torch_delete_cuda_guard", s.delete_guard, ignored)) {
        s.create_guard = nullptr;
    }
    // libc10_cuda, which libtorch_cuda needs, has it: dlsym looks there, too.
    s.allocator =
        static_cast<abi::Allocator* const*>(dlsym(cuda, "_ZN3c104cuda20CUDACachingAllocator9allocatorE"));
    return true;
}

std::string loaded_torch_version() {
    void* torch = loaded_library("libtorch_cpu.so");
    if (torch == nullptr) return {};
    auto version = reinterpret_cast<uint64_t (*)()>(dlsym(torch, "aoti_torch_abi_version"));
    if (version == nullptr) return {};
    // torch/headeronly/version.h: major, minor, patch in the three highest bytes.
    const uint64_t packed = version();
    return std::to_string(packed >> 56) + '.' + std::to_string((packed >> 48) & 0xff) + '.' +
           std::to_string((packed >> 40) & 0xff);
}

}  // namespace tio
