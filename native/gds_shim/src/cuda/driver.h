// The CUDA driver, opened at run time: one binary runs with and without a GPU.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cuda/driver_abi.h"
#include "failure.h"

namespace tio::gds::cuda {

// X(member, exported symbol, arguments). The suffix of a symbol is its binary version: cuda.h maps the plain
// names to these, and the plain symbols, where they are exported too, have older signatures.
#define TIO_CUDA_REQUIRED_CALLS(X)                                                                          \
    X(init, "cuInit", (unsigned flags))                                                                     \
    X(driver_get_version, "cuDriverGetVersion", (int* version))                                             \
    X(get_error_name, "cuGetErrorName", (Result error, const char** text))                                  \
    X(get_error_string, "cuGetErrorString", (Result error, const char** text))                              \
    X(device_get_count, "cuDeviceGetCount", (int* count))                                                   \
    X(device_get, "cuDeviceGet", (Device * device, int ordinal))                                            \
    X(device_get_name, "cuDeviceGetName", (char* name, int capacity, Device device))                        \
    X(device_get_attribute, "cuDeviceGetAttribute", (int* value, int attribute, Device device))             \
    X(primary_context_retain, "cuDevicePrimaryCtxRetain", (Context * context, Device device))               \
    X(primary_context_release, "cuDevicePrimaryCtxRelease_v2", (Device device))                             \
    X(context_get_current, "cuCtxGetCurrent", (Context * context))                                          \
    X(context_set_current, "cuCtxSetCurrent", (Context context))                                            \
    X(context_synchronize, "cuCtxSynchronize", ())                                                          \
    X(memory_allocate, "cuMemAlloc_v2", (DevicePointer * pointer, size_t bytes))                            \
    X(memory_free, "cuMemFree_v2", (DevicePointer pointer))                                                 \
    X(host_allocate, "cuMemHostAlloc", (void** memory, size_t bytes, unsigned flags))                       \
    X(host_free, "cuMemFreeHost", (void* memory))                                                           \
    X(host_register, "cuMemHostRegister_v2", (void* memory, size_t bytes, unsigned flags))                  \
    X(host_unregister, "cuMemHostUnregister", (void* memory))                                               \
    X(host_device_pointer, "cuMemHostGetDevicePointer_v2",                                                  \
      (DevicePointer * pointer, void* memory, unsigned flags))                                              \
    X(copy_to_device, "cuMemcpyHtoDAsync_v2",                                                               \
      (DevicePointer destination, const void* source, size_t bytes, Stream stream))                         \
    X(copy_to_host, "cuMemcpyDtoHAsync_v2",                                                                 \
      (void* destination, DevicePointer source, size_t bytes, Stream stream))                               \
    X(copy_to_device_now, "cuMemcpyHtoD_v2", (DevicePointer destination, const void* source, size_t bytes)) \
    X(copy_to_host_now, "cuMemcpyDtoH_v2", (void* destination, DevicePointer source, size_t bytes))         \
    X(stream_create, "cuStreamCreate", (Stream * stream, unsigned flags))                                   \
    X(stream_destroy, "cuStreamDestroy_v2", (Stream stream))                                                \
    X(stream_query, "cuStreamQuery", (Stream stream))                                                       \
    X(stream_synchronize, "cuStreamSynchronize", (Stream stream))                                           \
    X(stream_wait_event, "cuStreamWaitEvent", (Stream stream, Event event, unsigned flags))                 \
    X(event_create, "cuEventCreate", (Event * event, unsigned flags))                                       \
    X(event_record, "cuEventRecord", (Event event, Stream stream))                                          \
    X(event_query, "cuEventQuery", (Event event))                                                           \
    X(event_synchronize, "cuEventSynchronize", (Event event))                                               \
    X(event_elapsed_time, "cuEventElapsedTime", (float* milliseconds, Event start, Event end))              \
    X(event_destroy, "cuEventDestroy_v2", (Event event))                                                    \
    X(launch_host_function, "cuLaunchHostFunc", (Stream stream, HostFunction function, void* argument))     \
    X(pointer_get_attributes, "cuPointerGetAttributes",                                                     \
      (unsigned count, int* attributes, void** values, DevicePointer pointer))                              \
    X(module_load_data, "cuModuleLoadDataEx",                                                               \
      (Module * module, const void* image, unsigned option_count, int* options, void** values))             \
    X(module_unload, "cuModuleUnload", (Module module))                                                     \
    X(module_get_function, "cuModuleGetFunction", (Function * function, Module module, const char* name))   \
    X(launch_kernel, "cuLaunchKernel",                                                                      \
      (Function function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,              \
       unsigned block_y, unsigned block_z, unsigned shared_bytes, Stream stream, void** parameters,         \
       void** extra))

// Absent from drivers before CUDA 11.7, whose first version of these calls an administrator had to switch on.
#define TIO_CUDA_OPTIONAL_CALLS(X)                                            \
    X(stream_wait_value32, "cuStreamWaitValue32_v2",                          \
      (Stream stream, DevicePointer address, uint32_t value, unsigned flags)) \
    X(stream_write_value32, "cuStreamWriteValue32_v2",                        \
      (Stream stream, DevicePointer address, uint32_t value, unsigned flags))

// What cuPointerGetAttributes tells of an address.
struct PointerInfo {
    bool is_device = false;   // allocated on a device (not pinned or unknown host memory)
    bool is_managed = false;  // cuMemAllocManaged
    int device = -1;
    Context context = nullptr;
    uint64_t buffer_id = 0;  // unique per allocation for the life of the process
    DevicePointer range_start = 0;
    size_t range_bytes = 0;
};

// The loaded library and its calls. Immutable and thread-safe. Never unloaded: the driver keeps threads.
class Driver {
  public:
    // Tries the names in order. Throws Failure(TIO_E_UNSUPPORTED) that lists what was tried, or names the
    // symbol that is missing; runs cuInit and throws what it answers.
    explicit Driver(const std::vector<std::string>& names);
    Driver(const Driver&) = delete;
    Driver& operator=(const Driver&) = delete;

    // The process's driver, opened by the first call that succeeds. A failure is not remembered.
    static const Driver& shared();
    // TERAIO_CUDA_PATH if it is set, and then nothing else; otherwise the driver's own name.
    static std::vector<std::string> search_names();

#define TIO_CUDA_DECLARE(member, symbol, arguments) Result(*member) arguments = nullptr;
    TIO_CUDA_REQUIRED_CALLS(TIO_CUDA_DECLARE)
    TIO_CUDA_OPTIONAL_CALLS(TIO_CUDA_DECLARE)
#undef TIO_CUDA_DECLARE

    bool can_wait_on_values() const noexcept {
        return stream_wait_value32 != nullptr;
    }
    const std::string& path() const noexcept {
        return path_;
    }
    int version() const;  // 12080 is CUDA 12.8
    int device_count() const;
    std::string device_name(int ordinal) const;
    // "NVIDIA H100 80GB HBM3 at 0000:3b:00.0": the model, and which of them by its place on the PCI bus.
    std::string device_description(int ordinal) const;
    PointerInfo pointer_info(DevicePointer pointer) const;

    // "CUDA_ERROR_OUT_OF_MEMORY (2): out of memory", for codes that the driver does not know just the number.
    std::string describe(Result result) const;
    // Throws Failure(TIO_E_DEVICE, "what: ..."), or TIO_E_NOMEM for memory that is not to be had.
    void check(Result result, const char* what) const;

  private:
    void* open(const std::vector<std::string>& names);
    void* symbol(void* library, const char* name, bool required) const;

    std::string path_;
};

// The primary context of a device, which libtorch and the CUDA runtime use too; retained for its lifetime.
class PrimaryContext {
  public:
    // Throws Failure.
    PrimaryContext(const Driver& driver, int ordinal);
    ~PrimaryContext();
    PrimaryContext(const PrimaryContext&) = delete;
    PrimaryContext& operator=(const PrimaryContext&) = delete;

    const Driver& driver() const noexcept { return driver_; }
    Context get() const noexcept { return context_; }

  private:
    const Driver& driver_;
    Device device_ = 0;
    Context context_ = nullptr;
};

// Makes a context current on this thread for a scope and then the previous one again: a caller's thread
// belongs to the caller.
class CurrentContext {
  public:
    // Throws Failure.
    explicit CurrentContext(const PrimaryContext& context);
    ~CurrentContext();
    CurrentContext(const CurrentContext&) = delete;
    CurrentContext& operator=(const CurrentContext&) = delete;

  private:
    const Driver& driver_;
    Context previous_ = nullptr;
};

}  // namespace tio::gds::cuda
