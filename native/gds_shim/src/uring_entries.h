// Submission entries that every backend over io_uring prepares, and how their completions are told apart.
#pragma once

#include <liburing.h>

#include <cstdint>

#include "chunk.h"

namespace tio::gds {

// user_data: what completed in the upper half, which slot in the lower.
inline constexpr uint64_t transfer_tag = uint64_t{1} << 32;
inline constexpr uint64_t cancel_tag = uint64_t{2} << 32;
inline constexpr uint64_t wake_tag = uint64_t{3} << 32;
inline constexpr uint64_t tag_mask = ~uint64_t{0xFFFFFFFFu};

// Each chunk may be joined by its cancellation, and the wake-up poll comes on top.
inline constexpr uint32_t entries_for(uint32_t slots) {
    return 2 * slots + 1;
}

// The chunk's current transfer; `buffer` is a fixed buffer of the ring that contains its memory, or
// TIO_NO_BUFFER.
void prepare_transfer(io_uring_sqe* entry, const Chunk& chunk, uint32_t buffer, uint32_t slot) noexcept;
void prepare_cancellation(io_uring_sqe* entry, uint32_t slot) noexcept;
void prepare_wake_poll(io_uring_sqe* entry, int fd) noexcept;

}  // namespace tio::gds
