// Who may have memory: the part of a gate that knows nothing of where the memory comes from. It holds the
// limit on live bytes before they exist, counts them, and talks to the handlers.
#pragma once

#include <atomic>
#include <cstdint>
#include <stdexcept>

#include "tio_observer.h"

namespace tio {

class Admission {
  public:
    // Handlers may be null (self-proof, between sessions): then everything is admitted.
    void set_handlers(const tio_obs_handlers* handlers, uint64_t minimum_bytes);

    // Counts `bytes` as live; asks for room first where the limit would be passed. Throws OverLimit on a
    // silent thread, else std::runtime_error with the handler's reason; nothing is counted then.
    void admit(uint64_t bytes);
    // Bytes that were admitted are gone, or never came. Returns what is live now.
    uint64_t withdraw(uint64_t bytes) { return live_.fetch_sub(bytes, std::memory_order_relaxed) - bytes; }

    uint64_t live() const { return live_.load(std::memory_order_relaxed); }
    uint64_t peak() const { return peak_.load(std::memory_order_relaxed); }
    uint64_t limit() const { return limit_.load(std::memory_order_relaxed); }
    uint64_t allocations() const { return allocations_.load(std::memory_order_relaxed); }
    uint64_t frees() const { return frees_.load(std::memory_order_relaxed); }
    void reset_peak() { peak_.store(live(), std::memory_order_relaxed); }

    // Tells the handlers of a block that was taken over, whoever's call led to it.
    void tell_adopted(void* data, uint64_t bytes) const;

  protected:
    Admission() = default;
    ~Admission() = default;
    Admission(const Admission&) = delete;
    Admission& operator=(const Admission&) = delete;

    static bool silent();
    void store_limit(uint64_t limit) { limit_.store(limit); }
    void store_live(uint64_t live) { live_.store(live, std::memory_order_relaxed); }
    // For bytes that no limit holds back (tombstones).
    void count(uint64_t bytes) { live_.fetch_add(bytes, std::memory_order_relaxed); }
    void count_allocation() { allocations_.fetch_add(1, std::memory_order_relaxed); }
    void count_free() { frees_.fetch_add(1, std::memory_order_relaxed); }

    bool is_large(uint64_t bytes) const { return bytes >= minimum_bytes_.load(std::memory_order_relaxed); }
    // Whether a new block of `bytes` is one that the handlers are told of, by tell_allocated.
    bool announces(uint64_t bytes) const {
        return !silent() && is_large(bytes) && handlers_.load() != nullptr;
    }
    void tell_allocated(void* data, uint64_t bytes) const;
    // Whether the handlers keep a block that is about to be freed.
    bool keep(void* data, uint64_t bytes) const;

  private:
    std::atomic<const tio_obs_handlers*> handlers_{nullptr};
    std::atomic<uint64_t> minimum_bytes_{UINT64_MAX};
    std::atomic<uint64_t> live_{0};
    std::atomic<uint64_t> peak_{0};
    std::atomic<uint64_t> limit_{0};
    std::atomic<uint64_t> allocations_{0};
    std::atomic<uint64_t> frees_{0};
};

// A silent allocation (a restore) that would pass the limit: its caller makes room and tries again.
struct OverLimit : std::runtime_error {
    OverLimit() : std::runtime_error("the limit on live bytes leaves no room") {}
};

// While one lives on this thread, allocations and frees are counted but not announced: they are the
// observer's own.
class SilentScope {
  public:
    SilentScope();
    ~SilentScope();
    SilentScope(const SilentScope&) = delete;
    SilentScope& operator=(const SilentScope&) = delete;

  private:
    bool previous_;
};

}  // namespace tio
