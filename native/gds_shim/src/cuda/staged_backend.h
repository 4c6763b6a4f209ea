// Device memory to files and back through pinned memory, for GPUs without GPUDirect Storage.
#pragma once

#include <vector>

#include "cuda/copy_lane.h"
#include "cuda/driver.h"
#include "cuda/pinned_ring.h"
#include "ring_backend.h"

namespace tio::gds::cuda {

// A chunk on its way holds one pinned slot:
//
//     read:   file --io_uring--> slot --copy stream to the device--> device memory
//     write:  device memory --copy stream to the host--> slot --io_uring--> file
//
// As many chunks as there are slots are somewhere on this way at once, so that the disk and both copy engines
// work at the same time. The ring thread owns the ring, the slots and the streams; each direction has a
// thread that sleeps until copies end and then signals the eventfd that the ring thread polls. Nobody spins.
class StagedBackend final : public RingBackend {
  public:
    static constexpr uint64_t default_pinned_bytes = uint64_t{64} << 20;

    // Throws Failure(TIO_E_UNSUPPORTED) where there is no CUDA driver, no device or no io_uring.
    StagedBackend(Scheduler& scheduler, uint32_t queue_depth, int device, uint64_t pinned_bytes);
    ~StagedBackend() override;

    // Throws Failure(TIO_E_UNSUPPORTED) where it would not work on this machine.
    static void probe();

    uint32_t kind() const noexcept override { return TIO_BACKEND_STAGED; }
    bool supports_memory(uint32_t memory_kind) const noexcept override {
        return memory_kind == TIO_MEMORY_CUDA;
    }
    // Device memory needs no registration here.
    void register_buffer(uint32_t, std::byte*, size_t) override {}
    void unregister_buffer(uint32_t) override {}

  private:
    enum class Phase : uint8_t { idle, copying, transferring };

    struct Slot {
        Chunk chunk;
        Outcome outcome;
        Phase phase = Phase::idle;
        bool cancel_sent = false;
    };

    void make_resources(uint32_t queue_depth, uint64_t pinned_bytes);
    void release_resources() noexcept;
    void start_thread();
    void run(UringRing& ring) noexcept;
    bool finish_ended(const Lock& lock, uint64_t now_ns) noexcept;
    void take_chunks(const Lock& lock) noexcept;
    void begin_taken() noexcept;
    void submit_transfers(UringRing& ring) noexcept;
    void prepare_cancellations(UringRing& ring) noexcept;
    void handle_completion(uint64_t user_data, int32_t result) noexcept;
    void collect_copies() noexcept;

    void copy_out(SlotIndex index) noexcept;
    void copied_out(SlotIndex index, Result result) noexcept;
    void transferred(SlotIndex index) noexcept;
    void copied_in(SlotIndex index, Result result) noexcept;
    void end(SlotIndex index, Outcome outcome) noexcept;
    void fail_copy(SlotIndex index, Result result) noexcept;

    const PrimaryContext context_;
    // Made by the ring thread's creator with the context current, used by the ring thread alone.
    std::unique_ptr<PinnedRing> pinned_;
    std::unique_ptr<CopyLane> to_device_;
    std::unique_ptr<CopyLane> to_host_;

    // The ring thread's own.
    uint32_t fixed_buffer_ = TIO_NO_BUFFER;
    std::vector<Slot> slots_;
    std::vector<SlotIndex> taken_;
    std::vector<SlotIndex> to_submit_;
    std::vector<SlotIndex> ended_;
    std::vector<CopyLane::Ended> copies_;
};

}  // namespace tio::gds::cuda
