// The driver's ABI: modules and kernels.
#include <cstdio>

#include "machine.h"
#include "modules.h"

using namespace tio::standin;
using cuda::Result;

#define EXPORTED extern "C" __attribute__((visibility("default")))

namespace {

using Guard = std::lock_guard<std::mutex>;

void say_in_log(unsigned count, const int* options, void** values, const char* text) {
    char* log = nullptr;
    size_t capacity = 0;
    for (unsigned i = 0; i < count; ++i) {
        if (options[i] == cuda::jit_error_log_buffer) log = static_cast<char*>(values[i]);
        if (options[i] == cuda::jit_error_log_buffer_bytes) capacity = reinterpret_cast<size_t>(values[i]);
    }
    if (log != nullptr && capacity > 0) std::snprintf(log, capacity, "%s", text);
}

}  // namespace

// PTX is taken for what its entry points are called; what they compute is the C source's affair.
EXPORTED Result cuModuleLoadDataEx(cuda::Module* module, const void* image, unsigned option_count,
                                   int* options, void** values) {
    const Guard lock(machine().mutex);
    Machine& m = machine();
    const Result result = m.begin_call("cuModuleLoadDataEx", "", true);
    if (result != cuda::success) {
        say_in_log(option_count, options, values, "stand-in: the test wants it refused");
        return result;
    }
    if (!m.has_current_context("cuModuleLoadDataEx")) return cuda::error_invalid_context;
    const std::string text = static_cast<const char*>(image);
    if (text.find(".version") == std::string::npos || text.find(".address_size 64") == std::string::npos) {
        say_in_log(option_count, options, values, "stand-in: this is no PTX");
        return cuda::error_invalid_ptx;
    }
    auto made = std::make_unique<std::string>(text);
    *module = reinterpret_cast<cuda::Module>(made.get());
    m.modules.emplace(*module, std::move(made));
    return cuda::success;
}

EXPORTED Result cuModuleUnload(cuda::Module module) {
    const Guard lock(machine().mutex);
    Machine& m = machine();
    const Result result = m.begin_call("cuModuleUnload", "", true);
    if (result != cuda::success) return result;
    if (!m.has_current_context("cuModuleUnload")) return cuda::error_invalid_context;
    if (m.modules.erase(module) == 0) {
        m.report("cuModuleUnload of a module that is not loaded");
        return cuda::error_invalid_handle;
    }
    return cuda::success;
}

EXPORTED Result cuModuleGetFunction(cuda::Function* function, cuda::Module module, const char* name) {
    const Guard lock(machine().mutex);
    Machine& m = machine();
    const Result result = m.begin_call("cuModuleGetFunction", name, true);
    if (result != cuda::success) return result;
    const auto loaded = m.modules.find(module);
    if (loaded == m.modules.end()) return cuda::error_invalid_handle;
    const Kernel* kernel = find_kernel(name);
    const std::string entry = std::string(".visible .entry ") + name + "(";
    if (kernel == nullptr || loaded->second->find(entry) == std::string::npos) return cuda::error_not_found;
    *function = reinterpret_cast<cuda::Function>(const_cast<Kernel*>(kernel));
    return cuda::success;
}

EXPORTED Result cuLaunchKernel(cuda::Function function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                               unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes,
                               cuda::Stream stream, void** parameters, void** extra) {
    const Guard lock(machine().mutex);
    Machine& m = machine();
    Stream* found = m.find_stream(stream);
    const Result result =
        m.begin_call("cuLaunchKernel",
                     "stream=" + (found != nullptr ? std::to_string(found->number()) : "?") +
                         " ranges=" + std::to_string(grid_y),
                     true);
    if (result != cuda::success) return result;
    if (!m.has_current_context("cuLaunchKernel")) return cuda::error_invalid_context;
    if (found == nullptr) return cuda::error_invalid_handle;
    if (m.modules.empty()) {
        m.report("cuLaunchKernel of a kernel whose module is not loaded");
        return cuda::error_invalid_handle;
    }
    if (parameters == nullptr || extra != nullptr) return cuda::error_invalid_value;
    const auto* kernel = reinterpret_cast<const Kernel*>(function);
    const Launch launch{{grid_x, grid_y, grid_z}, {block_x, block_y, block_z}, shared_bytes, parameters};
    std::function<void()> work = kernel->prepare(launch);
    if (!work) return cuda::error_invalid_value;
    found->enqueue(std::move(work));
    return cuda::success;
}
