// The few libtorch types that cross our boundary, declared here because NuGet's libtorch ships no headers.
// Only what the platform's C++ ABI fixes (class shape, virtual order, return convention) is relied upon, and
// self_proof.cpp checks each of it on live objects before use.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace tio::abi {

inline constexpr int8_t kCpu = 0;  // c10::DeviceType
inline constexpr int8_t kCuda = 1;

struct Device {
    int8_t type = kCpu;
    int8_t index = -1;
};

// c10::Stream and, alike for a caller, c10::cuda::CUDAStream: two words, passed in registers.
struct Stream {
    Device device;
    int64_t id = 0;
};

using Deleter = void (*)(void*);

// c10::DataPtr = c10::detail::UniqueVoidPtr + Device.
struct DataPtr {
    void* data = nullptr;
    std::unique_ptr<void, Deleter> context{nullptr, +[](void*) {}};
    Device device;
};

// c10::Allocator; the order of the virtuals is the contract.
class Allocator {
  public:
    virtual ~Allocator() = default;
    virtual DataPtr allocate(size_t bytes) = 0;
    virtual bool is_simple_data_ptr(const DataPtr& pointer) const = 0;
    virtual Deleter raw_deleter() const = 0;
    virtual void copy_data(void* destination, const void* source, size_t bytes) const = 0;
};

// c10::DeviceAllocator, as far as the self-proof calls it.
class DeviceAllocator : public Allocator {
  public:
    virtual bool initialized() = 0;
    virtual void empty_cache(std::pair<uint64_t, uint64_t> pool) = 0;
    virtual void record_stream(const DataPtr& pointer, Stream stream) = 0;
};

struct ObserverContext {
    virtual ~ObserverContext() = default;
};

struct RecordFunction;  // opaque: read through Layout

// at::RecordFunctionCallback, passed by value to at::addGlobalCallback.
struct RecordFunctionCallback {
    using Start = std::unique_ptr<ObserverContext> (*)(const RecordFunction&);
    using End = void (*)(const RecordFunction&, ObserverContext*);
    Start start = nullptr;
    End end = nullptr;
    double sampling_probability = 1.0;
    std::array<bool, 10> scopes{};
    bool needs_inputs = false;
    bool needs_outputs = false;
    bool needs_ids = false;
};

// c10::IValue: 16 bytes, payload and tag.
struct IValue {
    void* payload;
    uint32_t tag;
    uint32_t padding;
};

}  // namespace tio::abi
