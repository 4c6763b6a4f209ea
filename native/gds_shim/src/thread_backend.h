// pread and pwrite on worker threads: for kernels and containers that refuse io_uring.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <thread>
#include <vector>

#include "backend.h"

namespace tio::gds {

// The system calls of the workers, so that tests can script what no disk does on demand (EINTR, short
// counts).
struct TransferCalls {
    ssize_t (*read)(int fd, void* memory, size_t bytes, off_t offset);
    ssize_t (*write)(int fd, const void* memory, size_t bytes, off_t offset);
};

TransferCalls kernel_transfer_calls() noexcept;

// Each worker carries one chunk at a time from take to finish. A worker that takes a chunk and sees more
// queued wakes one other: submit pays for one wake-up, and no more workers run than there is work.
class ThreadBackend final : public Backend {
  public:
    // A worker costs a kernel stack and its scheduling; beyond this many the disk gains nothing.
    static constexpr uint32_t most_workers = 64;

    ThreadBackend(Scheduler& scheduler, uint32_t queue_depth, TransferCalls calls = kernel_transfer_calls());
    ~ThreadBackend() override;

    uint32_t kind() const noexcept override { return TIO_BACKEND_THREADS; }
    bool supports_memory(uint32_t memory_kind) const noexcept override;
    bool needs_wake(const Lock& lock) noexcept override;
    void wake() noexcept override { work_there_.notify_one(); }
    // pread cannot be interrupted; the worker looks at cancel_wanted between transfers.
    void stop_cancelled() noexcept override {}
    void register_buffer(uint32_t, std::byte*, size_t) override {}
    void unregister_buffer(uint32_t) override {}
    void shut_down() noexcept override;

  private:
    void work() noexcept;
    Outcome transfer(Chunk& chunk) const noexcept;

    Scheduler& scheduler_;
    const TransferCalls calls_;
    std::condition_variable work_there_;
    uint32_t idle_workers_ = 0;  // guarded by the scheduler's mutex, like stopping_
    bool stopping_ = false;
    std::vector<std::thread> workers_;
};

}  // namespace tio::gds
