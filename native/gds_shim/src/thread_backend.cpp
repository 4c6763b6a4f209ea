#include "thread_backend.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace tio::gds {

TransferCalls kernel_transfer_calls() noexcept {
    return {&::pread, &::pwrite};
}

ThreadBackend::ThreadBackend(Scheduler& scheduler, uint32_t queue_depth, TransferCalls calls)
    : calls_(calls), workers_(scheduler, std::min(queue_depth, most_workers), [this](Chunk& chunk) {
          return transfer(chunk);
      }) {}

bool ThreadBackend::supports_memory(uint32_t memory_kind) const noexcept {
    return memory_kind == TIO_MEMORY_HOST || memory_kind == TIO_MEMORY_HOST_PINNED;
}

Outcome ThreadBackend::transfer(Chunk& chunk) const noexcept {
    chunk.fill_bounce();
    Outcome outcome;
    NextStep next;
    do {
        const auto offset = static_cast<off_t>(chunk.transfer_offset());
        const ssize_t result =
            chunk.is_write()
                ? calls_.write(chunk.fd(), chunk.transfer_memory(), chunk.transfer_bytes(), offset)
                : calls_.read(chunk.fd(), chunk.transfer_memory(), chunk.transfer_bytes(), offset);
        next = advance(chunk, result >= 0 ? result : -errno, outcome);
    } while (next == NextStep::resubmit);
    chunk.drain_bounce();
    return outcome;
}

}  // namespace tio::gds
