// One chunk of a request on its way through the kernel: the same rules for every backend.
#pragma once

#include <cstddef>
#include <cstdint>

#include "request.h"

namespace tio::gds {

// How a chunk, and with it perhaps its request, ended.
struct Outcome {
    tio_status status = TIO_OK;
    int32_t sys_errno = 0;
};

struct Chunk {
    RequestIndex request_index = no_request;
    Request* request = nullptr;
    std::byte* memory = nullptr;  // the caller's
    std::byte* bounce = nullptr;  // aligned stand-in for it, or nullptr
    uint64_t offset = 0;          // in the file
    uint32_t payload_bytes = 0;   // of the caller
    uint32_t io_bytes = 0;        // payload padded to what direct I/O transfers
    uint32_t resume_at = 0;       // where the next transfer begins: aligned, and at most `reached_bytes`
    uint32_t reached_bytes = 0;   // transferred without a gap
    uint32_t fruitless_tries = 0;
    uint32_t short_transfers = 0;
    uint32_t retried_transfers = 0;

    int fd() const noexcept { return request->file->fd(); }
    bool is_write() const noexcept { return request->op == TIO_OP_WRITE; }
    std::byte* transfer_memory() const noexcept { return (bounce != nullptr ? bounce : memory) + resume_at; }
    uint32_t transfer_bytes() const noexcept { return io_bytes - resume_at; }
    uint64_t transfer_offset() const noexcept { return offset + resume_at; }
    // Bytes of the caller that were transferred.
    uint32_t done_payload_bytes() const noexcept {
        return reached_bytes < payload_bytes ? reached_bytes : payload_bytes;
    }

    // Copies the caller's bytes into the bounce chunk and zeros the padding; nothing to do without a bounce
    // chunk.
    void fill_bounce() const noexcept;
    // Copies what was read to the caller.
    void drain_bounce() const noexcept;
};

// A chunk whose transfers keep coming back empty (EINTR, EAGAIN, a write of 0 bytes) is given up after this
// many in a row, with the errno: a file system that never makes progress must not hang its caller.
inline constexpr uint32_t most_fruitless_tries = 64;

enum class NextStep { resubmit, finish };

// Takes in what the kernel returned for the chunk's current transfer (bytes, or a negated errno) and says
// what is next; `outcome` is set when that is `finish`.
NextStep advance(Chunk& chunk, int64_t result, Outcome& outcome) noexcept;

}  // namespace tio::gds
