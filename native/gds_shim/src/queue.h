// A queue: a scheduler, a backend, and the checks at their door.
#pragma once

#include <cstdint>
#include <memory>

#include "backend.h"
#include "scheduler.h"
#include "tio_gds.h"

namespace tio::gds {

// Thread-safe but for its destruction. Methods throw Failure on the cold paths; submit and wait return their
// status.
class Queue {
  public:
    explicit Queue(const tio_gds_queue_options& options);
    ~Queue();
    Queue(const Queue&) = delete;
    Queue& operator=(const Queue&) = delete;

    uint32_t backend_kind() const noexcept { return backend_->kind(); }
    uint32_t register_buffer(void* base, size_t length, uint32_t memory_kind);
    void unregister_buffer(uint32_t index);
    tio_status submit(const tio_gds_request* requests, uint32_t count, uint32_t& accepted);
    tio_status wait(tio_gds_completion* completions, uint32_t capacity, int32_t timeout_ms, uint32_t* count) {
        return scheduler_.wait(completions, capacity, timeout_ms, count);
    }
    void wake() { scheduler_.wake(); }
    void cancel(uint64_t token);
    tio_gds_statistics statistics() const { return scheduler_.statistics(); }

  protected:
    // For tests: a queue over a backend of their making.
    using BackendFactory = std::unique_ptr<Backend> (*)(Scheduler& scheduler, uint32_t queue_depth);
    Queue(const tio_gds_queue_options& options, BackendFactory make);

  private:
    class Listener;

    const char* flaw_of(const tio_gds_request& request) const noexcept;
    // May throw std::bad_alloc.
    const char* find_fences(const tio_gds_request& request, RequestFences& fences) const;
    void release_held(const KernelPoint& point) noexcept;

    Scheduler scheduler_;
    std::unique_ptr<Backend> backend_;
    const std::shared_ptr<Listener> listener_;
};

}  // namespace tio::gds

// The opaque handle of the C ABI is the queue itself.
struct tio_gds_queue : tio::gds::Queue {
    using Queue::Queue;
};
