// libtorch's CPU allocator with a gate in front: an allocation that would pass the limit first asks for room,
// so that the limit holds before the bytes exist; frees are seen on every thread (libtorch's own memory
// reporter is thread-local and misses, for one, the garbage collector's finalizer thread).
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <stdexcept>
#include <unordered_map>

#include "block_memory.h"
#include "symbols.h"
#include "tio_observer.h"

namespace tio {

// One per process and never destroyed: storages point to it as long as they live.
class AllocationGate final : public abi::Allocator {
  public:
    static AllocationGate& instance();

    abi::DataPtr allocate(size_t bytes) override;
    bool is_simple_data_ptr(const abi::DataPtr& pointer) const override;
    abi::Deleter raw_deleter() const override;
    void copy_data(void* destination, const void* source, size_t bytes) const override;

    // Puts the gate in front of libtorch's CPU allocator; handlers may be null (self-proof).
    void install(const Symbols& symbols);
    void uninstall();
    void set_handlers(const tio_obs_handlers* handlers, uint64_t minimum_bytes);
    void set_limit(uint64_t limit, uint64_t cache_limit);

    // Takes over a block that libtorch's default allocator made: counted from now on, freed through the gate.
    // Room is asked for first.
    void adopt(void* data, uint64_t bytes);
    abi::Deleter default_deleter() const { return default_deleter_; }
    abi::Allocator* default_allocator() const { return default_; }
    // True when `deleter` is one of the gate's.
    bool owns(abi::Deleter deleter) const;
    static void delete_adopted(void* data);

    // A tombstone replaces the block it stands for: it is counted once that block is gone, so that releasing
    // never raises the peak.
    void count_tombstone(uint64_t bytes) { live_.fetch_add(bytes, std::memory_order_relaxed); }

    // Any block, its own or adopted.
    void free_kept(void* data);

    uint64_t live() const { return live_.load(std::memory_order_relaxed); }
    uint64_t peak() const { return peak_.load(std::memory_order_relaxed); }
    uint64_t limit() const { return limit_.load(std::memory_order_relaxed); }
    uint64_t cache_limit() const { return cache_limit_; }
    uint64_t cached() const { return memory_.cached(); }
    uint64_t allocations() const { return allocations_.load(std::memory_order_relaxed); }
    uint64_t frees() const { return frees_.load(std::memory_order_relaxed); }
    void reset_peak() { peak_.store(live(), std::memory_order_relaxed); }

  private:
    AllocationGate() = default;

    static void delete_block(void* data);
    void admit(uint64_t bytes);
    void free_own(void* data);
    void announce(void* data, uint64_t bytes);
    bool keep(void* data, uint64_t bytes);
    void report(void* data, int64_t bytes) const;

    const Symbols* symbols_ = nullptr;
    abi::Allocator* default_ = nullptr;
    abi::Deleter default_deleter_ = nullptr;
    std::atomic<const tio_obs_handlers*> handlers_{nullptr};
    std::atomic<uint64_t> minimum_bytes_{UINT64_MAX};
    std::atomic<uint64_t> live_{0};
    std::atomic<uint64_t> peak_{0};
    std::atomic<uint64_t> limit_{0};
    std::atomic<uint64_t> allocations_{0};
    std::atomic<uint64_t> frees_{0};
    uint64_t cache_limit_ = 0;
    BlockMemory memory_;
    std::mutex adopted_mutex_;
    std::unordered_map<void*, uint64_t> adopted_;
};

// A silent allocation (a restore) that would pass the limit: its caller makes room and tries again.
struct OverLimit : std::runtime_error {
    OverLimit() : std::runtime_error("the limit on live bytes leaves no room") {}
};

// While one lives on this thread, allocations and frees are counted but not announced: they are the
// observer's own.
class SilentScope {
  public:
    explicit SilentScope(bool tombstone = false);
    ~SilentScope();
    SilentScope(const SilentScope&) = delete;
    SilentScope& operator=(const SilentScope&) = delete;

  private:
    bool previous_silent_;
    bool previous_tombstone_;
};

}  // namespace tio
