// A request as the queue holds it, from submission until its completion is collected.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "file.h"
#include "tio_gds.h"

namespace tio::gds {

class KernelPoint;
class TransferPoint;

// Requests live in a fixed table and name one another by index: submitting allocates nothing.
using RequestIndex = uint32_t;
inline constexpr RequestIndex no_request = 0xFFFFFFFFu;

struct Request {
    // Fixed from submission to completion; read by backend threads without the scheduler's mutex.
    uint64_t token = 0;
    uint64_t offset = 0;
    uint64_t length = 0;
    std::byte* memory = nullptr;
    File* file = nullptr;
    uint32_t op = TIO_OP_READ;
    uint32_t memory_kind = TIO_MEMORY_HOST;
    uint32_t buffer_index = TIO_NO_BUFFER;
    int32_t priority = 0;
    uint64_t sequence = 0;
    uint64_t submitted_ns = 0;

    // Read without the mutex too: a backend looks whether resubmitting a chunk is still wanted.
    std::atomic<bool> cancel_wanted{false};

    // Guarded by the scheduler's mutex.
    uint64_t cut_bytes = 0;  // handed out as chunks so far
    uint64_t done_bytes = 0;
    uint64_t latency_ns = 0;
    uint32_t chunks_in_flight = 0;
    tio_status status = TIO_OK;
    int32_t sys_errno = 0;
    std::shared_ptr<KernelPoint> after;      // while it is held, and only then
    std::shared_ptr<TransferPoint> signals;  // until it is completed
    bool completed = false;
    uint32_t position = no_request;            // in the heap, or among the held ones
    RequestIndex next = no_request;            // in the free list or among the completed ones
    RequestIndex next_in_bucket = no_request;  // in the token index
};

}  // namespace tio::gds
