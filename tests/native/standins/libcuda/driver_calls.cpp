// The driver's ABI, as far as TeraIO uses it.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <thread>
#include <vector>

#include "machine.h"

using namespace tio::standin;
using cuda::Context;
using cuda::Device;
using cuda::DevicePointer;
using cuda::HostFunction;
using cuda::Result;

#define EXPORTED extern "C" __attribute__((visibility("default")))

namespace {

using Guard = std::lock_guard<std::mutex>;

struct KnownError {
    Result result;
    const char* name;
    const char* text;
};

constexpr KnownError known_errors[] = {
    {cuda::success, "CUDA_SUCCESS", "no error"},
    {cuda::error_invalid_value, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {cuda::error_out_of_memory, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {cuda::error_not_initialized, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {cuda::error_no_device, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {cuda::error_invalid_device, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {cuda::error_invalid_context, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {cuda::error_invalid_ptx, "CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed"},
    {cuda::error_invalid_handle, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {cuda::error_not_found, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {cuda::error_not_ready, "CUDA_ERROR_NOT_READY", "device not ready"},
    {cuda::error_illegal_address, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {cuda::error_host_memory_already_registered, "CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED",
     "part or all of the requested memory range is already mapped"},
    {cuda::error_host_memory_not_registered, "CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED",
     "pointer does not correspond to a registered memory region"},
    {cuda::error_launch_failed, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {cuda::error_not_supported, "CUDA_ERROR_NOT_SUPPORTED", "operation not supported"},
};

const KnownError* find_error(Result result) {
    for (const KnownError& error : known_errors)
        if (error.result == result) return &error;
    return nullptr;
}

std::byte* host_view(DevicePointer pointer) {
    return static_cast<std::byte*>(tio_standin_cuda_host_view(pointer));
}

std::string about_copy(const Stream* stream, size_t bytes) {
    return "stream=" + (stream != nullptr ? std::to_string(stream->number()) : "?") +
           " bytes=" + std::to_string(bytes);
}

// Both ends are looked at when the copy is enqueued and again when it runs: what was freed in between is the
// very mistake that this stand-in is for.
bool ends_are_good(const char* when, DevicePointer device, const void* host, size_t bytes) {
    Machine& m = machine();
    const bool device_good = m.is_device(device, bytes);
    const bool host_good = m.is_pinned(host, bytes);
    if (!device_good)
        m.report(std::string("a copy ") + when + " touches device memory that is not allocated");
    if (!host_good) m.report(std::string("a copy ") + when + " touches host memory that is not pinned");
    return device_good && host_good;
}

Result copy(const char* function, DevicePointer device, void* host, size_t bytes, cuda::Stream stream,
            bool to_device) {
    const Guard lock(machine().mutex);
    Machine& m = machine();
    Stream* found = m.find_stream(stream);
    const Result result = m.begin_call(function, about_copy(found, bytes), true);
    if (result != cuda::success) return result;
    if (!m.has_current_context(function)) return cuda::error_invalid_context;
    if (found == nullptr) return cuda::error_invalid_handle;
    if (bytes == 0 || !ends_are_good("when enqueued", device, host, bytes)) return cuda::error_invalid_value;
    ++m.counts.copies_in_flight;
    m.counts.most_copies_in_flight = std::max(m.counts.most_copies_in_flight, m.counts.copies_in_flight);
    m.copies_changed.notify_all();
    found->enqueue([found, device, host, bytes, to_device] {
        {
            std::unique_lock<std::mutex> running(machine().mutex);
            machine().copies_changed.wait(running,
                                          [found] { return !machine().copies_held || found->dropping(); });
            if (found->dropping() || !ends_are_good("when it runs", device, host, bytes)) return;
        }
        if (to_device)
            std::memcpy(host_view(device), host, bytes);
        else
            std::memcpy(host, host_view(device), bytes);
        const Guard done(machine().mutex);
        if (machine().counts.copies_in_flight > 0) --machine().counts.copies_in_flight;
        (to_device ? machine().counts.bytes_to_device : machine().counts.bytes_to_host) += bytes;
    });
    return cuda::success;
}

// A copy in the legacy default stream that its caller waits for. From pageable memory the driver need not: it
// may return with the bytes staged.
Result copy_now(const char* function, DevicePointer device, void* host, size_t bytes, bool to_device) {
    std::shared_ptr<Marker> end;
    {
        const Guard lock(machine().mutex);
        Machine& m = machine();
        const Result result = m.begin_call(function, "bytes=" + std::to_string(bytes), true);
        if (result != cuda::success) return result;
        if (!m.has_current_context(function)) return cuda::error_invalid_context;
        if (bytes == 0 || !m.is_device(device, bytes)) {
            m.report(std::string(function) + " touches device memory that is not allocated");
            return cuda::error_invalid_value;
        }
        std::shared_ptr<std::vector<std::byte>> staged;
        if (to_device && !m.is_pinned(host, bytes)) {
            const auto* source = static_cast<const std::byte*>(host);
            staged = std::make_shared<std::vector<std::byte>>(source, source + bytes);
        }
        Stream* stream = m.find_stream(nullptr);
        stream->enqueue([device, host, bytes, to_device, staged] {
            const Guard running(machine().mutex);
            if (!machine().is_device(device, bytes)) {
                machine().report("a copy when it runs touches device memory that is not allocated");
                return;
            }
            if (to_device)
                std::memcpy(host_view(device), staged != nullptr ? staged->data() : host, bytes);
            else
                std::memcpy(host, host_view(device), bytes);
            (to_device ? machine().counts.bytes_to_device : machine().counts.bytes_to_host) += bytes;
        });
        if (staged != nullptr) return cuda::success;
        end = stream->mark();
    }
    end->wait();
    const Guard lock(machine().mutex);
    return end->reached() ? cuda::success : machine().lost;
}

}  // namespace

// ---- errors, version, devices: no device is needed

EXPORTED Result cuInit(unsigned) {
    const Guard lock(machine().mutex);
    const Result result = machine().begin_call("cuInit", "", false);
    if (result != cuda::success) return result;
    if (machine().device_count == 0) return cuda::error_no_device;
    machine().initialized = true;
    return cuda::success;
}

EXPORTED Result cuDriverGetVersion(int* version) {
    const Guard lock(machine().mutex);
    *version = 12080;
    return machine().begin_call("cuDriverGetVersion", "", false);
}

EXPORTED Result cuGetErrorName(Result result, const char** text) {
    const KnownError* error = find_error(result);
    *text = error != nullptr ? error->name : nullptr;
    return error != nullptr ? cuda::success : cuda::error_invalid_value;
}

EXPORTED Result cuGetErrorString(Result result, const char** text) {
    const KnownError* error = find_error(result);
    *text = error != nullptr ? error->text : nullptr;
    return error != nullptr ? cuda::success : cuda::error_invalid_value;
}

EXPORTED Result cuDeviceGetCount(int* count) {
    const Guard lock(machine().mutex);
    *count = machine().device_count;
    return machine().begin_call("cuDeviceGetCount", "", true);
}

EXPORTED Result cuDeviceGet(Device* device, int ordinal) {
    const Guard lock(machine().mutex);
    const Result result = machine().begin_call("cuDeviceGet", std::to_string(ordinal), true);
    if (result != cuda::success) return result;
    if (ordinal < 0 || ordinal >= machine().device_count) return cuda::error_invalid_device;
    *device = ordinal;
    return cuda::success;
}

EXPORTED Result cuDeviceGetName(char* name, int capacity, Device) {
    const Guard lock(machine().mutex);
    const Result result = machine().begin_call("cuDeviceGetName", "", true);
    if (result == cuda::success && capacity > 0)
        std::snprintf(name, static_cast<size_t>(capacity), "stand-in (no GPU)");
    return result;
}

EXPORTED Result cuDeviceGetAttribute(int* value, int attribute, Device) {
    const Guard lock(machine().mutex);
    *value = attribute == cuda::device_pci_bus ? 0x3b : 0;
    return machine().begin_call("cuDeviceGetAttribute", std::to_string(attribute), true);
}

// ---- contexts

EXPORTED Result cuDevicePrimaryCtxRetain(Context* context, Device device) {
    const Guard lock(machine().mutex);
    const Result result = machine().begin_call("cuDevicePrimaryCtxRetain", std::to_string(device), true);
    if (result != cuda::success) return result;
    ++machine().retained[device];
    *context = machine().context_of(device);
    return cuda::success;
}

EXPORTED Result cuDevicePrimaryCtxRelease_v2(Device device) {
    const Guard lock(machine().mutex);
    Machine& m = machine();
    const Result result = m.begin_call("cuDevicePrimaryCtxRelease", std::to_string(device), false);
    if (result != cuda::success) return result;
    if (m.retained[device] == 0) {
        m.report("cuDevicePrimaryCtxRelease without a retain");
        return cuda::error_invalid_context;
    }
    if (--m.retained[device] == 0 && (!m.device_memory.empty() || !m.streams.empty() || !m.events.empty() ||
                                      !m.pinned.empty() || !m.modules.empty()))
        m.report("the primary context is released while " + std::to_string(m.device_memory.size()) +
                 " allocations, " + std::to_string(m.streams.size()) + " streams, " +
                 std::to_string(m.events.size()) + " events, " + std::to_string(m.pinned.size()) +
                 " pinned ranges and " + std::to_string(m.modules.size()) + " modules live");
    return cuda::success;
}

EXPORTED Result cuCtxGetCurrent(Context* context) {
    const Guard lock(machine().mutex);
    const Result result = machine().begin_call("cuCtxGetCurrent", "", false);
    *context = current_context();
    return result;
}

EXPORTED Result cuCtxSetCurrent(Context context) {
    const Guard lock(machine().mutex);
    const Result result = machine().begin_call("cuCtxSetCurrent", "", false);
    if (result == cuda::success) current_context() = context;
    return result;
}

EXPORTED Result cuCtxSynchronize() {
    std::vector<std::shared_ptr<Marker>> ends;
    {
        const Guard lock(machine().mutex);
        Machine& m = machine();
        const Result result = m.begin_call("cuCtxSynchronize", "", true);
        if (result != cuda::success) return result;
        if (!m.has_current_context("cuCtxSynchronize")) return cuda::error_invalid_context;
        for (const auto& [handle, stream] : m.streams) ends.push_back(stream->mark());
        if (m.default_stream != nullptr) ends.push_back(m.default_stream->mark());
    }
    for (const auto& end : ends) end->wait();
    const Guard lock(machine().mutex);
    return machine().lost;
}

// ---- memory

EXPORTED Result cuMemAlloc_v2(DevicePointer* pointer, size_t bytes) {
    const Guard lock(machine().mutex);
    Machine& m = machine();
    const Result result = m.begin_call("cuMemAlloc", "bytes=" + std::to_string(bytes), true);
    if (result != cuda::success) return result;
    if (!m.has_current_context("cuMemAlloc")) return cuda::error_invalid_context;
    if (bytes == 0) return cuda::error_invalid_value;
    Allocation allocation{std::make_unique<std::byte[]>(bytes), bytes, m.next_number++};
    *pointer = reinterpret_cast<uint64_t>(allocation.bytes.get()) | device_bit;
    m.counts.device_bytes += bytes;
    m.device_memory.emplace(*pointer, std::move(allocation));
    return cuda::success;
}

EXPORTED Result cuMemFree_v2(DevicePointer pointer) {
    const Guard lock(machine().mutex);
    Machine& m = machine();
    const Result result = m.begin_call("cuMemFree", "", true);
    if (result != cuda::success) return result;
    const auto found = m.device_memory.find(pointer);
    if (found == m.device_memory.end()) {
        m.report("cuMemFree of memory that is not allocated");
        return cuda::error_invalid_value;
    }
    m.counts.device_bytes -= found->second.length;
    m.device_memory.erase(found);
    return cuda::success;
}

EXPORTED Result cuMemHostAlloc(void** memory, size_t bytes, unsigned) {
    const Guard lock(machine().mutex);
    Machine& m = machine();
    const Result result = m.begin_call("cuMemHostAlloc", "bytes=" + std::to_string(bytes), true);
    if (result != cuda::success) return result;
    if (!m.has_current_context("cuMemHostAlloc")) return cuda::error_invalid_context;
    auto allocation = std::make_unique<std::byte[]>(bytes);
    *memory = allocation.get();
    m.pin(*memory, bytes);
    m.host_allocations.emplace(reinterpret_cast<uintptr_t>(*memory), std::move(allocation));
    return cuda::success;
}

EXPORTED Result cuMemFreeHost(void* memory) {
    const Guard lock(machine().mutex);
    Machine& m = machine();
    const Result result = m.begin_call("cuMemFreeHost", "", false);
    if (result != cuda::success) return result;
    if (m.host_allocations.erase(reinterpret_cast<uintptr_t>(memory)) == 0 || !m.unpin(memory)) {
        m.report("cuMemFreeHost of memory that is not allocated");
        return cuda::error_invalid_value;
    }
    return cuda::success;
}

EXPORTED Result cuMemHostRegister_v2(void* memory, size_t bytes, unsigned) {
    const Guard lock(machine().mutex);
    Machine& m = machine();
    const Result result = m.begin_call("cuMemHostRegister", "bytes=" + std::to_string(bytes), true);
    if (result != cuda::success) return result;
    if (!m.has_current_context("cuMemHostRegister")) return cuda::error_invalid_context;
    if (m.is_pinned(memory, 1)) return cuda::error_host_memory_already_registered;
    m.pin(memory, bytes);
    return cuda::success;
}

EXPORTED Result cuMemHostUnregister(void* memory) {
    const Guard lock(machine().mutex);
    Machine& m = machine();
    const Result result = m.begin_call("cuMemHostUnregister", "", false);
    if (result != cuda::success) return result;
    if (!m.has_current_context("cuMemHostUnregister")) return cuda::error_invalid_context;
    if (!m.unpin(memory)) {
        m.report("cuMemHostUnregister of memory that is not registered");
        return cuda::error_host_memory_not_registered;
    }
    return cuda::success;
}

// Pinned memory is mapped at its own address, as on every current GPU of a 64-bit Linux.
EXPORTED Result cuMemHostGetDevicePointer_v2(DevicePointer* pointer, void* memory, unsigned) {
    const Guard lock(machine().mutex);
    const Result result = machine().begin_call("cuMemHostGetDevicePointer", "", true);
    if (result != cuda::success) return result;
    if (!machine().is_pinned(memory, 1)) return cuda::error_invalid_value;
    *pointer = reinterpret_cast<uint64_t>(memory);
    return cuda::success;
}

EXPORTED Result cuPointerGetAttributes(unsigned count, int* attributes, void** values,
                                       DevicePointer pointer) {
    const Guard lock(machine().mutex);
    Machine& m = machine();
    const Result result = m.begin_call("cuPointerGetAttributes", "", true);
    if (result != cuda::success) return result;
    const bool device = m.is_device(pointer, 1);
    const bool pinned = m.is_pinned(reinterpret_cast<void*>(pointer), 1);
    auto owner = m.device_memory.upper_bound(pointer);
    if (device) --owner;
    for (unsigned i = 0; i < count; ++i) {
        switch (attributes[i]) {
            case cuda::pointer_context:
                *static_cast<Context*>(values[i]) = device ? m.context_of(0) : nullptr;
                break;
            case cuda::pointer_memory_type:
                *static_cast<unsigned*>(values[i]) =
                    device ? cuda::memory_type_device : (pinned ? cuda::memory_type_host : 0u);
                break;
            case cuda::pointer_is_managed:
                *static_cast<unsigned*>(values[i]) = 0;
                break;
            case cuda::pointer_device_ordinal:
                *static_cast<int*>(values[i]) = device || pinned ? 0 : -2;
                break;
            case cuda::pointer_buffer_id:
                *static_cast<uint64_t*>(values[i]) = device ? owner->second.id : 0;
                break;
            case cuda::pointer_range_start:
                *static_cast<DevicePointer*>(values[i]) = device ? owner->first : 0;
                break;
            case cuda::pointer_range_size:
                *static_cast<size_t*>(values[i]) = device ? owner->second.length : 0;
                break;
            default:
                return cuda::error_invalid_value;
        }
    }
    return cuda::success;
}

EXPORTED Result cuMemcpyHtoDAsync_v2(DevicePointer destination, const void* source, size_t bytes,
                                     cuda::Stream stream) {
    return copy("cuMemcpyHtoDAsync", destination, const_cast<void*>(source), bytes, stream, true);
}

EXPORTED Result cuMemcpyDtoHAsync_v2(void* destination, DevicePointer source, size_t bytes,
                                     cuda::Stream stream) {
    return copy("cuMemcpyDtoHAsync", source, destination, bytes, stream, false);
}

EXPORTED Result cuMemcpyHtoD_v2(DevicePointer destination, const void* source, size_t bytes) {
    return copy_now("cuMemcpyHtoD", destination, const_cast<void*>(source), bytes, true);
}

EXPORTED Result cuMemcpyDtoH_v2(void* destination, DevicePointer source, size_t bytes) {
    return copy_now("cuMemcpyDtoH", source, destination, bytes, false);
}

// ---- streams

EXPORTED Result cuStreamCreate(cuda::Stream* stream, unsigned flags) {
    const Guard lock(machine().mutex);
    Machine& m = machine();
    const Result result = m.begin_call("cuStreamCreate", "stream=" + std::to_string(m.next_number), true);
    if (result != cuda::success) return result;
    if (!m.has_current_context("cuStreamCreate")) return cuda::error_invalid_context;
    if (flags != cuda::stream_non_blocking)
        m.report("cuStreamCreate of a stream that the default stream blocks");
    auto made = std::make_unique<Stream>(m.next_number++);
    *stream = reinterpret_cast<cuda::Stream>(made.get());
    m.streams.emplace(*stream, std::move(made));
    return cuda::success;
}

EXPORTED Result cuStreamDestroy_v2(cuda::Stream stream) {
    std::shared_ptr<Marker> end;
    {
        const Guard lock(machine().mutex);
        const Result result = machine().begin_call("cuStreamDestroy", "", false);
        if (result != cuda::success) return result;
        Stream* found = stream != nullptr ? machine().find_stream(stream) : nullptr;
        if (found == nullptr) {
            machine().report("cuStreamDestroy of a stream that does not exist");
            return cuda::error_invalid_handle;
        }
        end = found->mark();
    }
    // The driver returns at once and frees the stream when its work is done; here it is simply waited for.
    end->wait();
    std::unique_ptr<Stream> ended;
    const Guard lock(machine().mutex);
    const auto found = machine().streams.find(stream);
    if (found == machine().streams.end()) return cuda::error_invalid_handle;
    ended = std::move(found->second);
    machine().streams.erase(found);
    return cuda::success;
}

EXPORTED Result cuStreamQuery(cuda::Stream stream) {
    const Guard lock(machine().mutex);
    const Result result = machine().begin_call("cuStreamQuery", "", true);
    if (result != cuda::success) return result;
    Stream* found = machine().find_stream(stream);
    return found == nullptr           ? cuda::error_invalid_handle
           : found->mark()->reached() ? cuda::success
                                      : cuda::error_not_ready;
}

EXPORTED Result cuStreamSynchronize(cuda::Stream stream) {
    std::shared_ptr<Marker> marker;
    {
        const Guard lock(machine().mutex);
        const Result result = machine().begin_call("cuStreamSynchronize", "", true);
        if (result != cuda::success) return result;
        Stream* found = machine().find_stream(stream);
        if (found == nullptr) return cuda::error_invalid_handle;
        marker = found->mark();
    }
    marker->wait();
    const Guard lock(machine().mutex);
    return machine().lost;
}

EXPORTED Result cuStreamWaitEvent(cuda::Stream stream, cuda::Event event, unsigned) {
    const Guard lock(machine().mutex);
    Machine& m = machine();
    Stream* found = m.find_stream(stream);
    const Result result = m.begin_call(
        "cuStreamWaitEvent", found != nullptr ? "stream=" + std::to_string(found->number()) : "", true);
    if (result != cuda::success) return result;
    if (!m.has_current_context("cuStreamWaitEvent")) return cuda::error_invalid_context;
    const auto named = m.events.find(event);
    if (found == nullptr || named == m.events.end()) return cuda::error_invalid_handle;
    const std::shared_ptr<Marker> marker = named->second->marker;
    if (marker != nullptr) found->enqueue([marker] { marker->wait(); });
    return cuda::success;
}

EXPORTED Result cuLaunchHostFunc(cuda::Stream stream, HostFunction function, void* argument) {
    const Guard lock(machine().mutex);
    const Result result = machine().begin_call("cuLaunchHostFunc", "", true);
    if (result != cuda::success) return result;
    Stream* found = machine().find_stream(stream);
    if (found == nullptr) return cuda::error_invalid_handle;
    found->enqueue([function, argument] { function(argument); });
    return cuda::success;
}

#ifndef TIO_STANDIN_WITHOUT_STREAM_MEMORY_OPERATIONS
EXPORTED Result cuStreamWaitValue32_v2(cuda::Stream stream, DevicePointer address, uint32_t value,
                                       unsigned flags) {
    const Guard lock(machine().mutex);
    Machine& m = machine();
    const Result result = m.begin_call("cuStreamWaitValue32", "", true);
    if (result != cuda::success) return result;
    if (!m.has_current_context("cuStreamWaitValue32")) return cuda::error_invalid_context;
    Stream* found = m.find_stream(stream);
    if (found == nullptr) return cuda::error_invalid_handle;
    auto* memory = reinterpret_cast<uint32_t*>(address);
    if (flags != cuda::wait_value_geq || !m.is_pinned(memory, sizeof(uint32_t))) {
        m.report("cuStreamWaitValue32 on memory that is not mapped, or with flags that are not modelled");
        return cuda::error_invalid_value;
    }
    ++m.awaited[address];
    // A GPU polls the address too: nobody tells it of a change.
    found->enqueue([found, memory, value] {
        const auto open = [memory, value] {
            return static_cast<int32_t>(std::atomic_ref<uint32_t>(*memory).load(std::memory_order_acquire) -
                                        value) >= 0;
        };
        while (!open() && !found->dropping()) std::this_thread::yield();
        const Guard passed(machine().mutex);
        const auto awaited = machine().awaited.find(reinterpret_cast<uintptr_t>(memory));
        if (awaited != machine().awaited.end() && --awaited->second == 0) machine().awaited.erase(awaited);
    });
    return cuda::success;
}

EXPORTED Result cuStreamWriteValue32_v2(cuda::Stream stream, DevicePointer address, uint32_t value,
                                        unsigned) {
    const Guard lock(machine().mutex);
    const Result result = machine().begin_call("cuStreamWriteValue32", "", true);
    if (result != cuda::success) return result;
    Stream* found = machine().find_stream(stream);
    if (found == nullptr) return cuda::error_invalid_handle;
    auto* memory = reinterpret_cast<uint32_t*>(address);
    if (!machine().is_pinned(memory, sizeof(uint32_t))) return cuda::error_invalid_value;
    found->enqueue(
        [memory, value] { std::atomic_ref<uint32_t>(*memory).store(value, std::memory_order_release); });
    return cuda::success;
}
#endif

// ---- events

EXPORTED Result cuEventCreate(cuda::Event* event, unsigned flags) {
    const Guard lock(machine().mutex);
    Machine& m = machine();
    const Result result = m.begin_call("cuEventCreate", "", true);
    if (result != cuda::success) return result;
    if (!m.has_current_context("cuEventCreate")) return cuda::error_invalid_context;
    auto made = std::make_unique<Event>();
    made->takes_time = (flags & cuda::event_disable_timing) == 0;
    *event = reinterpret_cast<cuda::Event>(made.get());
    m.events.emplace(*event, std::move(made));
    return cuda::success;
}

EXPORTED Result cuEventRecord(cuda::Event event, cuda::Stream stream) {
    const Guard lock(machine().mutex);
    Machine& m = machine();
    Stream* found = m.find_stream(stream);
    const Result result = m.begin_call(
        "cuEventRecord", found != nullptr ? "stream=" + std::to_string(found->number()) : "", true);
    if (result != cuda::success) return result;
    if (!m.has_current_context("cuEventRecord")) return cuda::error_invalid_context;
    const auto named = m.events.find(event);
    if (found == nullptr || named == m.events.end()) return cuda::error_invalid_handle;
    if (named->second->waiting_threads != 0) m.report("cuEventRecord of an event that a thread waits for");
    named->second->marker = found->mark();
    return cuda::success;
}

EXPORTED Result cuEventQuery(cuda::Event event) {
    const Guard lock(machine().mutex);
    const Result result = machine().begin_call("cuEventQuery", "", true);
    if (result != cuda::success) return result;
    const auto named = machine().events.find(event);
    if (named == machine().events.end()) return cuda::error_invalid_handle;
    const auto& marker = named->second->marker;
    return marker == nullptr || marker->reached() ? cuda::success : cuda::error_not_ready;
}

EXPORTED Result cuEventSynchronize(cuda::Event event) {
    std::shared_ptr<Marker> marker;
    {
        const Guard lock(machine().mutex);
        const Result result = machine().begin_call("cuEventSynchronize", "", true);
        if (result != cuda::success) return result;
        const auto named = machine().events.find(event);
        if (named == machine().events.end()) return cuda::error_invalid_handle;
        marker = named->second->marker;
        if (marker == nullptr) return cuda::success;
        ++named->second->waiting_threads;
    }
    marker->wait();
    const Guard lock(machine().mutex);
    const auto named = machine().events.find(event);
    if (named != machine().events.end()) --named->second->waiting_threads;
    return marker->reached() ? cuda::success : machine().lost;
}

EXPORTED Result cuEventElapsedTime(float* milliseconds, cuda::Event start, cuda::Event end) {
    const Guard lock(machine().mutex);
    Machine& m = machine();
    const Result result = m.begin_call("cuEventElapsedTime", "", true);
    if (result != cuda::success) return result;
    const auto first = m.events.find(start);
    const auto second = m.events.find(end);
    if (first == m.events.end() || second == m.events.end()) return cuda::error_invalid_handle;
    if (!first->second->takes_time || !second->second->takes_time) {
        m.report("cuEventElapsedTime of events that take no time");
        return cuda::error_invalid_handle;
    }
    const auto& from = first->second->marker;
    const auto& to = second->second->marker;
    if (from == nullptr || to == nullptr) return cuda::error_invalid_handle;  // never recorded
    if (!from->reached() || !to->reached()) return cuda::error_not_ready;
    *milliseconds = static_cast<float>((to->reached_at() - from->reached_at()) * 1000);
    return cuda::success;
}

EXPORTED Result cuEventDestroy_v2(cuda::Event event) {
    const Guard lock(machine().mutex);
    const Result result = machine().begin_call("cuEventDestroy", "", false);
    if (result != cuda::success) return result;
    const auto named = machine().events.find(event);
    if (named == machine().events.end()) {
        machine().report("cuEventDestroy of an event that does not exist");
        return cuda::error_invalid_handle;
    }
    if (named->second->waiting_threads != 0)
        machine().report("cuEventDestroy of an event that a thread waits for");
    machine().events.erase(named);
    return cuda::success;
}
