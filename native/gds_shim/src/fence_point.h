// A moment that work waits for: "the kernels before it have finished", or "the bytes are there".
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "chunk.h"

namespace tio::gds {

// Passed at most once, and never forgotten: what refers to a point refers to that moment, whatever becomes of
// the fence that it came from. Thread-safe.
class FencePoint {
  public:
    struct State {
        bool passed = false;
        Outcome outcome;  // of the work before the point; TIO_OK while that is not over
    };

    virtual ~FencePoint() = default;
    FencePoint(const FencePoint&) = delete;
    FencePoint& operator=(const FencePoint&) = delete;

    State state() const noexcept;
    // Sleeps until it is passed; false: the time was over before (timeout_ms < 0: no limit).
    bool wait(int32_t timeout_ms) const;

  protected:
    FencePoint() = default;
    // With `mutex_` held.
    void pass(Outcome outcome) noexcept;

    mutable std::mutex mutex_;

  private:
    mutable std::condition_variable changed_;
    State state_;
};

class KernelPoint;

class KernelListener {
  public:
    virtual ~KernelListener() = default;
    virtual void passed(const KernelPoint& point) noexcept = 0;
};

// Passed when the kernels that were in a stream have finished.
class KernelPoint : public FencePoint {
  public:
    // The listener hears once that the point is passed, and nothing if it already is: look at state() after
    // this. To subscribe again changes nothing. May throw std::bad_alloc.
    void subscribe(const std::shared_ptr<KernelListener>& listener);

    // For the thread that watches the kernels. Listeners are called here, without a lock.
    void finished(Outcome outcome) noexcept;

  private:
    std::vector<std::shared_ptr<KernelListener>> listeners_;
};

// Passed when a number of transfers have ended. A failed one counts too, and its outcome stays: whoever waits
// is let go in every case.
class TransferPoint : public FencePoint {
  public:
    explicit TransferPoint(uint32_t transfers) : outstanding_(transfers), unpromised_(transfers) {}

    // Takes over the duty to signal once; false: all of it has been taken over.
    bool promise() noexcept;
    // Does a duty that was taken over.
    void signal(Outcome outcome) noexcept;
    // Does what nobody has taken over, as cancelled: nobody will.
    void abandon() noexcept;

  protected:
    // Lets waiting streams go; once, with the lock held, before anyone sees the point passed.
    virtual void open() noexcept = 0;

  private:
    void count_down(uint32_t signals, Outcome outcome) noexcept;

    uint32_t outstanding_;
    uint32_t unpromised_;
    Outcome first_failure_;
};

// What a request waits for and what waits for it; either may be nothing.
struct RequestFences {
    std::shared_ptr<KernelPoint> after;
    std::shared_ptr<TransferPoint> signals;
};

}  // namespace tio::gds
