// The few types and functions of libtorch 2.10 that the stand-in builds upon, declared here because NuGet's
// libtorch ships no headers. What is listed is what the platform's C++ ABI needs: shapes, virtual order, how
// values are passed. Names in c10 are libtorch's own, so that they mangle to the symbols that it exports.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <typeindex>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace c10 {

enum class DeviceType : int8_t { CPU = 0, CUDA = 1 };
using DeviceIndex = int8_t;

struct Device {
    DeviceType type = DeviceType::CPU;
    DeviceIndex index = -1;
};

struct Stream {
    Device device;
    int64_t id = 0;
};

enum class DispatchKey : uint16_t;
enum class ScalarType : int8_t;
enum class MemoryFormat : int8_t;

struct DispatchKeySet {
    uint64_t bits = 0;
};

template <typename T>
struct ArrayRef {
    const T* data = nullptr;
    size_t length = 0;
};

using Deleter = void (*)(void*);

struct DataPtr {
    void* data = nullptr;
    std::unique_ptr<void, Deleter> context{nullptr, +[](void*) {}};
    Device device;
};

// The order of the virtuals is the contract.
struct Allocator {
    virtual ~Allocator() = default;
    virtual DataPtr allocate(size_t bytes) = 0;
    virtual bool is_simple_data_ptr(const DataPtr& pointer) const;
    virtual Deleter raw_deleter() const = 0;
    virtual void copy_data(void* destination, const void* source, size_t bytes) const = 0;
};

struct DeviceAllocator : Allocator {
    using Pool = std::pair<unsigned long long, unsigned long long>;

    struct Stat {
        int64_t current = 0, peak = 0, allocated = 0, freed = 0;
    };
    struct StatArray {
        Stat aggregate, small_pool, large_pool;
    };
    struct Stats {
        StatArray allocation, segment, active, inactive_split;
        StatArray allocated_bytes, reserved_bytes, active_bytes, inactive_split_bytes, requested_bytes;
        int64_t retries = 0, out_of_memory = 0;
        Stat oversize_allocations, oversize_segments;
        int64_t synchronisations = 0, device_allocations = 0, device_frees = 0, max_split_size = 0;
    };

    DeviceAllocator();
    ~DeviceAllocator() override;
    virtual bool initialized() = 0;
    virtual void empty_cache(Pool pool) = 0;
    virtual void record_stream(const DataPtr& pointer, Stream stream) = 0;
    virtual Stats get_device_stats(DeviceIndex device) = 0;
    virtual void reset_accumulated_stats(DeviceIndex device) = 0;
    virtual void reset_peak_stats(DeviceIndex device) = 0;
    virtual std::pair<size_t, size_t> get_memory_info(DeviceIndex device) = 0;
};

void SetAllocator(DeviceType type, Allocator* allocator, uint8_t priority);
void reportMemoryUsageToProfiler(void* pointer, int64_t bytes, size_t allocated, size_t reserved,
                                 Device device);
DispatchKey parseDispatchKey(const std::string& name);

namespace impl {

enum class EventFlag : int { pytorch_default, backend_default };

// The order of the virtuals is the contract.
struct DeviceGuardImplInterface {
    virtual DeviceType type() const = 0;
    virtual Device exchange_device(Device device) const = 0;
    virtual Device get_device() const = 0;
    virtual void set_device(Device device) const = 0;
    virtual void unchecked_set_device(Device device) const noexcept = 0;
    virtual Stream get_stream(Device device) const = 0;
    virtual Stream get_default_stream(Device device) const = 0;
    virtual Stream get_stream_from_global_pool(Device device, bool high_priority) const = 0;
    virtual Stream get_new_stream(Device device, int priority) const = 0;
    virtual Stream exchange_stream(Stream stream) const = 0;
    virtual void destroy_event(void* event, DeviceIndex device) const noexcept = 0;
    virtual void record(void** event, const Stream& stream, DeviceIndex device, EventFlag flag) const = 0;
    virtual void block(void* event, const Stream& stream) const = 0;
    virtual bool query_event(void* event) const = 0;
    virtual DeviceIndex device_count() const noexcept = 0;
    virtual bool query_stream(const Stream& stream) const = 0;
    virtual void synchronize_stream(const Stream& stream) const = 0;
    virtual void synchronize_event(void* event) const = 0;
    virtual void synchronize_device(DeviceIndex device) const = 0;
    virtual void record_data_ptr_on_stream(const DataPtr& pointer, const Stream& stream) const = 0;
    virtual double elapsed_time(void* first, void* second, DeviceIndex device) const = 0;
    virtual ~DeviceGuardImplInterface() = default;
};

void registerDeviceGuard(DeviceType type, const DeviceGuardImplInterface* guard);

}  // namespace impl
}  // namespace c10

#pragma GCC visibility pop

namespace tio::standin::torch {

// c10::OperatorName, the first member of what an operator handle points to.
struct OperatorName {
    std::string name;
    std::string overload;
};

// c10::OperatorHandle. libtorch makes and frees what it points to.
struct OperatorHandle {
    const OperatorName* name = nullptr;
    void* position = nullptr;

    OperatorHandle() = default;
    OperatorHandle(const OperatorHandle&) = default;
    OperatorHandle& operator=(const OperatorHandle&) = default;
    ~OperatorHandle() {}  // not trivial, as libtorch's is not: it is returned through memory
};

class IValue;
class Tensor;
using Stack = std::vector<IValue>;
using BoxedFunction = void (*)(void* functor, const OperatorHandle& op, c10::DispatchKeySet keys,
                               Stack* stack);

// c10::KernelFunction.
struct KernelFunction {
    void* functor = nullptr;
    BoxedFunction function = nullptr;
    void* unboxed = nullptr;
    void* unboxed_symint = nullptr;
    void* tokens = nullptr;

    explicit KernelFunction(BoxedFunction f) : function(f) {}
    ~KernelFunction() {}  // not trivial: passed through memory
};

// c10::SafeKernelFunction: kept for good, so that what it refers to stays.
struct FoundKernel {
    void* functor = nullptr;
    BoxedFunction function = nullptr;
    void* rest[11] = {};

    FoundKernel() = default;
    FoundKernel(const FoundKernel&) = default;
    FoundKernel& operator=(const FoundKernel&) = default;
    ~FoundKernel() {}
};

// c10::RegistrationHandleRAII; never destroyed: the kernels stay as long as the process.
struct Registration {
    alignas(8) unsigned char function[sizeof(std::function<void()>)];

    Registration(const Registration&) = delete;
    Registration& operator=(const Registration&) = delete;
    ~Registration() {}
};

struct CppSignature {
    std::type_index type;
};

struct FunctionSchema;
struct SchemaDeleter {
    void operator()(FunctionSchema*) const {}
};

struct Dispatcher;

#define TIO_SYMBOL(name) __asm__(name)

Dispatcher& dispatcher() TIO_SYMBOL("_ZN3c1010Dispatcher13realSingletonEv");
OperatorHandle find_schema(Dispatcher* dispatcher, const char* name, const char* overload)
    TIO_SYMBOL("_ZN3c1010Dispatcher17findSchemaOrThrowEPKcS2_");
void call_boxed(const Dispatcher* dispatcher, const OperatorHandle& op, Stack* stack)
    TIO_SYMBOL("_ZNK3c1010Dispatcher9callBoxedERKNS_14OperatorHandleEPSt6vectorINS_6IValueESaIS5_EE");
Registration register_fallback(Dispatcher* dispatcher, c10::DispatchKey key, KernelFunction kernel,
                               std::string debug)
    TIO_SYMBOL(
        "_ZN3c1010Dispatcher16registerFallbackENS_11DispatchKeyENS_14KernelFunctionENSt7__cxx1112basic_"
        "stringIcSt11char_traitsIcESaIcEEE");
Registration register_kernel(Dispatcher* dispatcher, OperatorName name, std::optional<c10::DispatchKey> key,
                             KernelFunction kernel, std::optional<CppSignature> signature,
                             std::unique_ptr<FunctionSchema, SchemaDeleter> schema, std::string debug)
    TIO_SYMBOL(
        "_ZN3c1010Dispatcher12registerImplENS_12OperatorNameESt8optionalINS_11DispatchKeyEENS_"
        "14KernelFunctionES2_INS_4impl12CppSignatureEESt10unique_ptrINS_14FunctionSchemaESt14default_"
        "deleteISA_EENSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE");
// Of the ops that have a kernel registered for just this key.
std::vector<OperatorName> names_of_ops(Dispatcher* dispatcher, c10::DispatchKey key)
    TIO_SYMBOL("_ZN3c1010Dispatcher27getAllOpNamesForDispatchKeyENS_11DispatchKeyE");
FoundKernel find_kernel(const OperatorName* entry, c10::DispatchKey key)
    TIO_SYMBOL("_ZNK3c104impl13OperatorEntry31getComputedKernelForDispatchKeyENS_11DispatchKeyE");

Tensor make_empty(c10::ArrayRef<int64_t> sizes, c10::Allocator* allocator, c10::DispatchKeySet keys,
                  c10::ScalarType type, std::optional<c10::MemoryFormat> format)
    TIO_SYMBOL(
        "_ZN2at6detail13empty_genericEN3c108ArrayRefIlEEPNS1_9AllocatorENS1_14DispatchKeySetENS1_"
        "10ScalarTypeESt8optionalINS1_12MemoryFormatEE");
Tensor make_empty_strided(c10::ArrayRef<int64_t> sizes, c10::ArrayRef<int64_t> strides,
                          c10::Allocator* allocator, c10::DispatchKeySet keys, c10::ScalarType type)
    TIO_SYMBOL(
        "_ZN2at6detail21empty_strided_genericEN3c108ArrayRefIlEES3_PNS1_9AllocatorENS1_"
        "14DispatchKeySetENS1_10ScalarTypeE");
void resize_bytes_on_host(void* storage, size_t bytes)
    TIO_SYMBOL("_ZN2at6native16resize_bytes_cpuEPN3c1011StorageImplEm");

[[noreturn]] void throw_access_error(const void* storage)
    TIO_SYMBOL("_ZNK3c1011StorageImpl27throw_data_ptr_access_errorEv");

void enable_record_function(bool enable) TIO_SYMBOL("_ZN2at20enableRecordFunctionEb");
bool is_record_function_enabled() TIO_SYMBOL("_ZN2at23isRecordFunctionEnabledEv");
const void* default_cpu_generator() TIO_SYMBOL("_ZN2at6detail22getDefaultCPUGeneratorEv");
void* cuda_hooks() TIO_SYMBOL("_ZN2at6detail12getCUDAHooksEv");

// libtorch's own C ABI: 0 is success. A handle is the address of an at::Tensor, which is one pointer.
extern "C" {
int32_t aoti_torch_new_tensor_handle(const void* tensor, void*** copy);
int32_t aoti_torch_delete_tensor_object(void** tensor);
int32_t aoti_torch_is_defined(const void* tensor, bool* defined);
int32_t aoti_torch_get_dim(const void* tensor, int64_t* dim);
int32_t aoti_torch_get_numel(const void* tensor, int64_t* numel);
int32_t aoti_torch_get_sizes(const void* tensor, int64_t** sizes);
int32_t aoti_torch_get_strides(const void* tensor, int64_t** strides);
int32_t aoti_torch_get_dtype(const void* tensor, int32_t* dtype);
int32_t aoti_torch_get_layout(const void* tensor, int32_t* layout);
int32_t aoti_torch_get_device_type(const void* tensor, int32_t* type);
int32_t aoti_torch_get_data_ptr(const void* tensor, void** data);
size_t aoti_torch_dtype_element_size(int32_t dtype);
int32_t aoti_torch_dtype_float32();
int32_t aoti_torch_dtype_bool();
int32_t aoti_torch_layout_strided();
int32_t aoti_torch_create_tensor_from_blob(void* data, int64_t dim, const int64_t* sizes,
                                           const int64_t* strides, int64_t offset, int32_t dtype,
                                           int32_t device_type, int32_t device_index, void*** tensor);
int32_t aoti_torch_empty_strided(int64_t dim, const int64_t* sizes, const int64_t* strides, int32_t dtype,
                                 int32_t device_type, int32_t device_index, void*** tensor);
int32_t aoti_torch__reinterpret_tensor(const void* tensor, int64_t dim, const int64_t* sizes,
                                       const int64_t* strides, int64_t offset_increment, void*** view);
}

}  // namespace tio::standin::torch
