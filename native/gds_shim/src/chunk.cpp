#include "chunk.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "failure.h"

namespace tio::gds {

namespace {

NextStep finish(Outcome& outcome, tio_status status, int sys_errno = 0) noexcept {
    outcome.status = status;
    // The header promises an errno for these two only; TIO_E_NOMEM says it all.
    outcome.sys_errno = status == TIO_E_IO || status == TIO_E_FULL ? sys_errno : 0;
    return NextStep::finish;
}

bool cancel_wanted(const Chunk& chunk) noexcept {
    return chunk.request->cancel_wanted.load(std::memory_order_relaxed);
}

NextStep try_again(Chunk& chunk, int sys_errno, Outcome& outcome) noexcept {
    if (cancel_wanted(chunk)) return finish(outcome, TIO_E_CANCELED);
    if (++chunk.fruitless_tries > most_fruitless_tries) return finish(outcome, TIO_E_IO, sys_errno);
    ++chunk.retried_transfers;
    return NextStep::resubmit;
}

}  // namespace

void Chunk::fill_bounce() const noexcept {
    if (bounce == nullptr || !is_write()) return;
    std::memcpy(bounce, memory, payload_bytes);
    std::memset(bounce + payload_bytes, 0, io_bytes - payload_bytes);
}

void Chunk::drain_bounce() const noexcept {
    if (bounce == nullptr || is_write()) return;
    std::memcpy(memory, bounce, done_payload_bytes());
}

NextStep advance(Chunk& chunk, int64_t result, Outcome& outcome) noexcept {
    if (result < 0) {
        const int sys_errno = static_cast<int>(-result);
        if (sys_errno == EINTR || sys_errno == EAGAIN) return try_again(chunk, sys_errno, outcome);
        if (sys_errno == ECANCELED && cancel_wanted(chunk)) return finish(outcome, TIO_E_CANCELED);
        return finish(outcome, status_of_errno(sys_errno), sys_errno);
    }

    const auto reached = chunk.resume_at + static_cast<uint32_t>(result);
    // A write must reach the end of its padding; a read may meet the end of the file inside it.
    if (reached >= (chunk.is_write() ? chunk.io_bytes : chunk.payload_bytes)) {
        chunk.reached_bytes = reached;
        return finish(outcome, TIO_OK);
    }
    if (reached <= chunk.reached_bytes) {
        if (!chunk.is_write()) return finish(outcome, TIO_E_SHORT);
        return try_again(chunk, EIO, outcome);
    }

    ++chunk.short_transfers;
    chunk.fruitless_tries = 0;
    chunk.reached_bytes = reached;
    // Direct I/O ends off a block boundary only at the end of the file; going on from there would be EINVAL,
    // so the last block is transferred again and shows whether there is more.
    chunk.resume_at = reached & ~(chunk.request->file->resume_alignment() - 1);
    if (cancel_wanted(chunk)) return finish(outcome, TIO_E_CANCELED);
    return NextStep::resubmit;
}

}  // namespace tio::gds
