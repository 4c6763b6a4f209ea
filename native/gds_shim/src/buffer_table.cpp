#include "buffer_table.h"

#include <string>

#include "failure.h"

namespace tio::gds {

uint32_t BufferTable::reserve(const std::byte* base, size_t length) {
    uint32_t index = 0;
    while (index < slots_.size() && slots_[index].state != State::free) ++index;
    if (index == most_buffers)
        throw Failure(TIO_E_INVALID,
                      "all " + std::to_string(most_buffers) +
                          " buffers of the queue are registered; unregister one or register larger ones");
    if (index == slots_.size()) slots_.emplace_back();
    slots_[index] = Slot{base, length, 0, State::changing};
    return index;
}

void BufferTable::retire(uint32_t index) {
    if (index >= slots_.size() || slots_[index].state != State::ready)
        throw Failure(TIO_E_INVALID, "buffer " + std::to_string(index) + " is not registered");
    if (slots_[index].requests_in_flight != 0)
        throw Failure(TIO_E_INVALID, "buffer " + std::to_string(index) + " is named by " +
                                         std::to_string(slots_[index].requests_in_flight) +
                                         " requests in flight; collect their completions first");
    slots_[index].state = State::changing;
}

bool BufferTable::covers(uint32_t index, const std::byte* memory, uint64_t length) const noexcept {
    if (index >= slots_.size() || slots_[index].state != State::ready) return false;
    const auto base = reinterpret_cast<uintptr_t>(slots_[index].base);
    const auto first = reinterpret_cast<uintptr_t>(memory);
    if (first < base) return false;
    const uint64_t skipped = first - base;
    return skipped <= slots_[index].length && length <= slots_[index].length - skipped;
}

}  // namespace tio::gds
