// The engine of a queue: takes chunks from the scheduler, moves them through the kernel and finishes them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "scheduler.h"

namespace tio::gds {

// A backend owns its threads. Another kind of memory (pinned rings with copy streams, cuFile) is another
// backend: the scheduler hands it the same chunks.
class Backend {
  public:
    virtual ~Backend() = default;

    virtual uint32_t kind() const noexcept = 0;  // TIO_BACKEND_*
    virtual bool supports_memory(uint32_t memory_kind) const noexcept = 0;
    // What every request's file offset must be a multiple of, beside the file's own alignment.
    virtual uint32_t offset_granularity() const noexcept { return 1; }

    // Called after requests were queued; true: someone sleeps who should take them, call wake() without the
    // lock.
    virtual bool needs_wake(const Lock& lock) noexcept = 0;
    virtual void wake() noexcept = 0;
    // Asks the kernel to stop chunks whose request has cancel_wanted. Called without the lock.
    virtual void stop_cancelled() noexcept = 0;

    // Called without the lock, for a slot that no request names. Throws Failure.
    virtual void register_buffer(uint32_t index, std::byte* base, size_t length) = 0;
    virtual void unregister_buffer(uint32_t index) = 0;

    // After Scheduler::close: returns when no chunk is in flight and every thread has ended.
    virtual void shut_down() noexcept = 0;
};

// options.backend is one of TIO_BACKEND_*. Throws Failure: TIO_E_UNSUPPORTED with the reason.
std::unique_ptr<Backend> make_backend(const tio_gds_queue_options& options, Scheduler& scheduler,
                                      uint32_t queue_depth);

// The mask of working backends and a sentence for each of the others.
uint32_t available_backends(std::string& why);

}  // namespace tio::gds
