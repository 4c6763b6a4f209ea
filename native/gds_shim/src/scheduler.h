// What a queue knows of its requests: which wait, which are in flight, which are done.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "bounce_pool.h"
#include "buffer_table.h"
#include "chunk.h"
#include "fence_point.h"
#include "request.h"
#include "request_heap.h"
#include "tio_gds.h"
#include "token_index.h"

namespace tio::gds {

uint64_t monotonic_ns() noexcept;

// The one mutex of a queue. A method that takes a Lock must be called with it held; it is never held across
// I/O or a copy of payload.
using Lock = std::unique_lock<std::mutex>;

struct SchedulerLimits {
    uint32_t chunk_bytes;
    uint32_t max_requests;
    uint32_t bounce_chunks;
};

// The life of a request: held (until the kernels that it comes after have finished), queued (in the heap
// until all its chunks are handed out), in flight (chunks_in_flight > 0), completed (in the completion list),
// free again once its completion was collected. A request holds its slot for all of that, which bounds the
// completion list too.
//
// A held request holds nothing but its slot in the table: no chunk, no pinned memory, no place in a stream.
// What is queued can therefore always run to its end without any kernel's help, and a kernel that waits for
// it cannot be what holds it up (docs/cuda-ordering.md).
//
// Backends take chunks and finish them; who takes, on which thread, is their affair.
class Scheduler {
  public:
    explicit Scheduler(const SchedulerLimits& limits);
    Scheduler(const Scheduler&) = delete;
    Scheduler& operator=(const Scheduler&) = delete;

    Lock lock() const { return Lock(mutex_); }

    // ---- the caller's side
    // Queues the request or says why not; `reason` is set for TIO_E_INVALID only. The structure has been
    // checked. With fences.after subscribed to beforehand; a request whose kernels have failed completes
    // here.
    tio_status accept(const Lock&, const tio_gds_request& request, uint64_t now_ns, const char*& reason,
                      RequestFences fences = {}) noexcept;
    // The point is passed: queues what is held for it, or fails it with the kernels' outcome. Returns true
    // when something was queued.
    bool release_held(const Lock&, const KernelPoint& point) noexcept;
    // Drops what is queued of the request; returns whether chunks of it are in flight, which the backend may
    // stop.
    bool cancel(const Lock&, uint64_t token) noexcept;
    tio_status wait(tio_gds_completion* completions, uint32_t capacity, int32_t timeout_ms, uint32_t* count);
    void wake();
    tio_gds_statistics statistics() const;
    // Cancels everything, sends the waiter away and returns when it has left.
    void close();
    bool closed(const Lock&) const noexcept { return closed_; }
    BufferTable& buffers(const Lock&) noexcept { return buffers_; }
    uint32_t chunk_bytes() const noexcept { return chunk_bytes_; }

    // ---- the backend's side
    // The next chunk by priority; false when there is none, or when it needs a bounce chunk and all are in
    // use.
    bool take(const Lock&, Chunk& chunk) noexcept;
    bool has_queued(const Lock&) const noexcept { return !queued_.empty(); }
    uint32_t chunks_in_flight(const Lock&) const noexcept { return chunks_in_flight_; }
    // Returns true when a completion came of it: call announce_completions() after releasing the lock.
    [[nodiscard]] bool finish(const Lock&, const Chunk& chunk, Outcome outcome, uint64_t now_ns) noexcept;
    void announce_completions() noexcept { completion_there_.notify_one(); }
    const BouncePool& bounce_pool() const noexcept { return bounce_pool_; }

  private:
    void fail(Request& request, Outcome outcome) noexcept;
    void drop_queued_chunks(Request& request) noexcept;
    void complete(RequestIndex index, uint64_t now_ns) noexcept;
    bool settle_held(RequestIndex index, Outcome outcome) noexcept;
    void unhold(Request& request) noexcept;
    void count_completion(const Request& request) noexcept;
    uint32_t collect(tio_gds_completion* completions, uint32_t capacity) noexcept;
    RequestIndex index_of(const Request& request) const noexcept;

    const uint32_t chunk_bytes_;
    const uint32_t max_requests_;

    mutable std::mutex mutex_;
    std::condition_variable completion_there_;
    std::condition_variable waiter_left_;
    std::unique_ptr<Request[]> requests_;
    RequestIndex free_head_ = 0;
    RequestIndex completed_head_ = no_request;
    RequestIndex completed_tail_ = no_request;
    RequestHeap queued_;
    std::vector<RequestIndex> held_;
    TokenIndex tokens_;
    BouncePool bounce_pool_;
    BufferTable buffers_;
    uint64_t next_sequence_ = 0;
    uint32_t chunks_in_flight_ = 0;
    bool closed_ = false;
    bool waiting_ = false;
    bool wake_pending_ = false;
    tio_gds_statistics statistics_{};
};

}  // namespace tio::gds
