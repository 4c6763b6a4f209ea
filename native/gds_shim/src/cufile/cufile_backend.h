// GPUDirect Storage: device memory to and from files through libcufile.
#pragma once

#include <array>

#include "backend.h"
#include "cufile/device_contexts.h"
#include "cufile/driver.h"
#include "worker_pool.h"

namespace tio::gds::cufile {

// Synchronous cuFileRead and cuFileWrite on worker threads. cuFile's batches and stream-ordered calls exist
// too, but a batch can block for ever in compatibility mode and a stream can be turned off by configuration:
// the synchronous calls are the ones that always work (docs/decisions/0018).
class CufileBackend final : public Backend {
  public:
    static constexpr uint32_t most_workers = 64;
    // cuFile's unit: whatever is not a multiple of it goes through a bounce buffer, and an unaligned write
    // reads, changes and writes whole blocks, so that two writers in one block lose updates.
    static constexpr uint32_t block_bytes = 4096;

    // Throws Failure: TIO_E_UNSUPPORTED with the reason where there is no CUDA driver or no libcufile.
    CufileBackend(Scheduler& scheduler, uint32_t queue_depth);
    ~CufileBackend() override;

    // Throws Failure where the constructor would.
    static void probe();

    uint32_t kind() const noexcept override { return TIO_BACKEND_CUFILE; }
    bool supports_memory(uint32_t memory_kind) const noexcept override {
        return memory_kind == TIO_MEMORY_CUDA;
    }
    uint32_t offset_granularity() const noexcept override { return block_bytes; }
    bool needs_wake(const Lock& lock) noexcept override { return workers_.needs_wake(lock); }
    void wake() noexcept override { workers_.wake(); }
    // A running cuFileRead cannot be interrupted; the worker looks at cancel_wanted between transfers.
    void stop_cancelled() noexcept override {}
    void register_buffer(uint32_t index, std::byte* base, size_t length) override;
    void unregister_buffer(uint32_t index) override;
    void shut_down() noexcept override { workers_.shut_down(); }

  private:
    // Where a chunk's bytes are for cuFile: a registered buffer must be named by the base that was
    // registered, any other address in it silently takes the bounce path.
    struct Target {
        Handle file = nullptr;
        std::byte* base = nullptr;
        off_t offset = 0;
    };
    struct Buffer {
        const std::byte* base = nullptr;  // nullptr: the slot is free
        int device = 0;
    };

    Outcome transfer(Chunk& chunk) noexcept;
    Outcome aim(const Chunk& chunk, Target& target) noexcept;
    NextStep transfer_blocks(Chunk& chunk, const Target& target, Outcome& outcome) const noexcept;

    const cuda::Driver& cuda_;
    const DriverUse driver_;
    DeviceContexts contexts_;
    // A slot changes only while no request names it, and the scheduler's mutex is between that and a worker.
    std::array<Buffer, most_buffers> buffers_{};
    WorkerPool workers_;
};

}  // namespace tio::gds::cufile
