#include "uring_entries.h"

#include <poll.h>

namespace tio::gds {

void prepare_transfer(io_uring_sqe* entry, const Chunk& chunk, uint32_t buffer, uint32_t slot) noexcept {
    std::byte* memory = chunk.transfer_memory();
    const uint32_t bytes = chunk.transfer_bytes();
    const uint64_t offset = chunk.transfer_offset();
    if (buffer == TIO_NO_BUFFER) {
        if (chunk.is_write())
            io_uring_prep_write(entry, chunk.fd(), memory, bytes, offset);
        else
            io_uring_prep_read(entry, chunk.fd(), memory, bytes, offset);
    } else if (chunk.is_write()) {
        io_uring_prep_write_fixed(entry, chunk.fd(), memory, bytes, offset, static_cast<int>(buffer));
    } else {
        io_uring_prep_read_fixed(entry, chunk.fd(), memory, bytes, offset, static_cast<int>(buffer));
    }
    io_uring_sqe_set_data64(entry, transfer_tag | slot);
}

void prepare_cancellation(io_uring_sqe* entry, uint32_t slot) noexcept {
    io_uring_prep_cancel64(entry, transfer_tag | slot, 0);
    io_uring_sqe_set_data64(entry, cancel_tag | slot);
}

void prepare_wake_poll(io_uring_sqe* entry, int fd) noexcept {
    io_uring_prep_poll_add(entry, fd, POLLIN);
    io_uring_sqe_set_data64(entry, wake_tag);
}

}  // namespace tio::gds
