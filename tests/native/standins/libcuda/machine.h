// The one machine that the stand-in pretends to be: memory, contexts, streams, events, and the record of
// their use.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "cuda/driver_abi.h"
#include "standin_cuda.h"
#include "stream.h"

namespace tio::standin {

namespace cuda = tio::gds::cuda;

// No address of a process on x86-64 or aarch64 has this bit.
inline constexpr uint64_t device_bit = uint64_t{1} << 60;

struct Event {
    std::shared_ptr<Marker> marker;  // of the latest record; nullptr before the first
    uint32_t waiting_threads = 0;
    bool takes_time = true;
};

struct Allocation {
    std::unique_ptr<std::byte[]> bytes;
    size_t length = 0;
    uint64_t id = 0;
};

// Everything is guarded by `mutex`, which no wait holds. Entry points find the machine through `machine()`.
class Machine {
  public:
    std::mutex mutex;

    // ---- the tests' orders and what they ask
    std::map<std::string, uint64_t> calls;
    struct Order {
        uint64_t nth = 0;
        int result = 0;
    };
    std::map<std::string, Order> orders;
    std::string journal;
    std::string misuse;
    int device_count = 1;
    int lost = 0;  // sticky error of the device
    bool copies_held = false;
    uint64_t spoiled_kernel = 0;  // 1: the next to run
    std::condition_variable copies_changed;

    // ---- what lives
    bool initialized = false;
    std::map<int, uint64_t> retained;              // device -> count
    std::map<uint64_t, Allocation> device_memory;  // by device pointer
    std::map<uintptr_t, size_t> pinned;
    std::map<uintptr_t, uint64_t> awaited;  // words that streams are to wait for, or are waiting for
    std::map<uintptr_t, std::unique_ptr<std::byte[]>> host_allocations;
    std::map<cuda::Stream, std::unique_ptr<Stream>> streams;
    std::unique_ptr<Stream> default_stream;
    std::map<cuda::Event, std::unique_ptr<Event>> events;
    std::map<cuda::Module, std::unique_ptr<std::string>> modules;  // their text
    uint64_t next_number = 1;
    tio_standin_cuda_counts counts{};

    // Records the call; the error that it is to return, or success. With the mutex held.
    int begin_call(const char* function, const std::string& about, bool needs_device);
    bool has_current_context(const char* function);
    void report(const std::string& text) { misuse += text + "\n"; }

    Stream* find_stream(cuda::Stream stream);
    bool is_pinned(const void* memory, size_t bytes) const;
    bool is_device(uint64_t pointer, size_t bytes) const;
    void pin(void* memory, size_t bytes);
    bool unpin(void* memory);
    // Whether a stream has not yet passed a wait for a word in the range.
    bool is_awaited(uintptr_t begin, size_t bytes) const;

    cuda::Context context_of(int device) { return reinterpret_cast<cuda::Context>(&context_places[device]); }
    char context_places[16] = {};
};

Machine& machine();
// After a reset: a new machine. Streams of the old one have ended.
void replace_machine();

// The context that is current on this thread.
cuda::Context& current_context();

}  // namespace tio::standin
