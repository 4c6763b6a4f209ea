// Copies in one direction between device memory and pinned slots, and the thread that notices their ends.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "cuda/driver.h"
#include "cuda/handles.h"
#include "cuda/watch_thread.h"
#include "wake_descriptor.h"

namespace tio::gds::cuda {

// One copy stream. A copy's end is an event that a thread waits for, sleeping: not cuLaunchHostFunc, which
// holds the stream up while it runs and is never called once the context has failed, so that a chunk would
// never end.
//
// `start` is for one thread, which calls `collect` too; the lane signals `wake` when there is something to
// collect. Nothing may be in flight when it ends.
class CopyLane {
  public:
    struct Ended {
        uint32_t slot;
        Result result;
    };

    // Throws Failure.
    CopyLane(const PrimaryContext& context, uint32_t slots, const WakeDescriptor& wake);

    // With the context current. On success the slot comes back from `collect` exactly once; otherwise the
    // copy does not run, and is over if it did begin.
    Result to_device(uint32_t slot, DevicePointer destination, const void* source, size_t bytes) noexcept;
    Result to_host(uint32_t slot, void* destination, DevicePointer source, size_t bytes) noexcept;
    // Appends what ended since the last call.
    void collect(std::vector<Ended>& ended);

  private:
    Result follow(uint32_t slot, Result enqueued) noexcept;
    void tell_end(uint32_t slot) noexcept;
    Result end_of(uint32_t slot) noexcept;

    const Driver& driver_;
    const WakeDescriptor& wake_;
    OwnedStream stream_;
    std::vector<OwnedEvent> events_;

    std::mutex mutex_;
    std::vector<Ended> ended_;

    WatchThread<uint32_t> watch_;  // last: it ends before the events and the stream do
};

}  // namespace tio::gds::cuda
