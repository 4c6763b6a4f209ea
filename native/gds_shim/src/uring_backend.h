// io_uring: one thread per queue owns the ring.
#pragma once

#include <condition_variable>
#include <vector>

#include "ring_backend.h"

namespace tio::gds {

// Who may touch the ring: the ring thread, and nobody else. It lives as long as the queue, which matters
// because the kernel cancels the requests of a thread that exits: a submitter's exit must not take its
// transfers with it. It also makes the memory ordering of the rings a matter between one thread and the
// kernel.
//
// One turn of the ring thread: under the scheduler's lock finish what completed and take new chunks; without
// it, fill bounce chunks and prepare entries; then one io_uring_enter that submits all of them and sleeps
// until something completes.
class UringBackend final : public RingBackend {
  public:
    UringBackend(Scheduler& scheduler, uint32_t queue_depth);
    ~UringBackend() override;

    // Throws Failure(TIO_E_UNSUPPORTED) where the kernel refuses io_uring.
    static void probe();

    uint32_t kind() const noexcept override { return TIO_BACKEND_URING; }
    bool supports_memory(uint32_t memory_kind) const noexcept override;
    void register_buffer(uint32_t index, std::byte* base, size_t length) override;
    void unregister_buffer(uint32_t index) override;

  private:
    struct Slot {
        Chunk chunk;
        Outcome outcome;
        bool busy = false;
        bool cancel_sent = false;
    };

    // Work that only the ring thread may do, on behalf of a thread that waits for it.
    struct BufferChange {
        uint32_t index;
        void* base;  // nullptr: clear the slot
        size_t length;
        int sys_errno = 0;
        bool done = false;
    };

    void run(UringRing& ring) noexcept;
    bool finish_reaped(const Lock& lock, uint64_t now_ns) noexcept;
    void take_chunks(const Lock& lock) noexcept;
    void change_buffers(UringRing& ring, Lock& lock) noexcept;
    int change_buffer(BufferChange& change);
    void prepare_chunk(UringRing& ring, SlotIndex index) noexcept;
    void prepare_cancellations(UringRing& ring) noexcept;
    uint32_t fixed_buffer_of(UringRing& ring, const Chunk& chunk) noexcept;
    void handle_completion(uint64_t user_data, int32_t result) noexcept;

    // Guarded by the scheduler's mutex.
    std::vector<BufferChange*> buffer_changes_;
    std::condition_variable buffer_changed_;

    // The ring thread's own.
    enum class BounceRegistration : uint8_t { untried, done, refused };
    BounceRegistration bounce_registration_ = BounceRegistration::untried;
    std::vector<Slot> slots_;
    std::vector<SlotIndex> to_submit_;
    std::vector<SlotIndex> finished_;
};

}  // namespace tio::gds
