// pread and pwrite on worker threads: for kernels and containers that refuse io_uring.
#pragma once

#include <sys/types.h>

#include "backend.h"
#include "worker_pool.h"

namespace tio::gds {

// The system calls of the workers, so that tests can script what no disk does on demand (EINTR, short
// counts).
struct TransferCalls {
    ssize_t (*read)(int fd, void* memory, size_t bytes, off_t offset);
    ssize_t (*write)(int fd, const void* memory, size_t bytes, off_t offset);
};

TransferCalls kernel_transfer_calls() noexcept;

class ThreadBackend final : public Backend {
  public:
    // A worker costs a kernel stack and its scheduling; beyond this many the disk gains nothing.
    static constexpr uint32_t most_workers = 64;

    ThreadBackend(Scheduler& scheduler, uint32_t queue_depth, TransferCalls calls = kernel_transfer_calls());

    uint32_t kind() const noexcept override { return TIO_BACKEND_THREADS; }
    bool supports_memory(uint32_t memory_kind) const noexcept override;
    bool needs_wake(const Lock& lock) noexcept override { return workers_.needs_wake(lock); }
    void wake() noexcept override { workers_.wake(); }
    // pread cannot be interrupted; the worker looks at cancel_wanted between transfers.
    void stop_cancelled() noexcept override {}
    void register_buffer(uint32_t, std::byte*, size_t) override {}
    void unregister_buffer(uint32_t) override {}
    void shut_down() noexcept override { workers_.shut_down(); }

  private:
    Outcome transfer(Chunk& chunk) const noexcept;

    const TransferCalls calls_;
    WorkerPool workers_;
};

}  // namespace tio::gds
