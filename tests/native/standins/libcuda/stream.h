// A stream of the stand-in: work in order on a thread of its own.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace tio::standin {

// A point in a stream's work. Shared with whoever waits, so that destroying an event or a stream is always
// safe.
class Marker {
  public:
    void reach();
    void drop();  // its stream or its device is gone: nobody waits any longer
    bool reached() const;
    double reached_at() const;  // seconds of the device's clock
    bool dropped() const;
    // Returns when it was reached or dropped.
    void wait() const;

  private:
    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    bool reached_ = false;
    bool dropped_ = false;
    double reached_at_ = 0;
};

class Stream {
  public:
    explicit Stream(uint64_t number) : number_(number), thread_([this] { run(); }) {}
    ~Stream();
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    uint64_t number() const { return number_; }
    void enqueue(std::function<void()> work);
    std::shared_ptr<Marker> mark();
    // Work that has not begun is dropped, its markers too.
    void drop_queued();
    // For work that polls: whether it should give up.
    bool dropping() const;

  private:
    struct Item {
        std::function<void()> work;
        std::shared_ptr<Marker> marker;
    };
    void run();

    const uint64_t number_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Item> items_;
    bool stopping_ = false;
    bool dropping_ = false;
    std::thread thread_;
};

}  // namespace tio::standin
