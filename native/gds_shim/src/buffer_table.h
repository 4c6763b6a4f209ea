// The buffers that were registered with a queue.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tio_gds.h"

namespace tio::gds {

inline constexpr uint32_t most_buffers = 1023;
// io_uring's limit for one fixed buffer; the same for every backend, so that code tested on one works on the
// other.
inline constexpr size_t most_buffer_bytes = size_t{1} << 30;

// Not thread-safe: the scheduler's mutex guards it.
class BufferTable {
  public:
    // Takes a free slot for [base, base + length), unusable until publish. Throws Failure when all are taken.
    uint32_t reserve(const std::byte* base, size_t length);
    void publish(uint32_t index) noexcept { slots_[index].state = State::ready; }
    // Takes a ready, unused slot out of use. Throws Failure.
    void retire(uint32_t index);
    void release(uint32_t index) noexcept { slots_[index].state = State::free; }

    // Whether the slot is ready and contains the range.
    bool covers(uint32_t index, const std::byte* memory, uint64_t length) const noexcept;
    void request_began(uint32_t index) noexcept { ++slots_[index].requests_in_flight; }
    void request_ended(uint32_t index) noexcept { --slots_[index].requests_in_flight; }

  private:
    enum class State : uint8_t { free, changing, ready };
    struct Slot {
        const std::byte* base = nullptr;
        size_t length = 0;
        uint32_t requests_in_flight = 0;
        State state = State::free;
    };

    std::vector<Slot> slots_;
};

}  // namespace tio::gds
