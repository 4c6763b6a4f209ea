// A thread that waits for one thing after another in a context.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#include "cuda/context_thread.h"

namespace tio::gds::cuda {

template <typename Item>
class WatchThread {
  public:
    // `watch` waits for an item and tells of its end; called on the thread, in the order of `follow`. It must
    // not throw. Throws Failure.
    WatchThread(const PrimaryContext& context, std::function<void(const Item&)> watch)
        : watch_(std::move(watch)), thread_(thread_in_context(context, [this] { run(); })) {}
    // Returns when all that it follows is done.
    ~WatchThread() {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            stopping_ = true;
        }
        changed_.notify_one();
        thread_.join();
    }
    WatchThread(const WatchThread&) = delete;
    WatchThread& operator=(const WatchThread&) = delete;

    void follow(Item item) {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            items_.push_back(std::move(item));
        }
        changed_.notify_one();
    }

  private:
    void run() noexcept {
        std::unique_lock<std::mutex> lock(mutex_);
        for (;;) {
            changed_.wait(lock, [this] { return stopping_ || !items_.empty(); });
            if (items_.empty()) return;
            {
                // Ends without the lock, whatever its end takes.
                const Item item = std::move(items_.front());
                items_.pop_front();
                lock.unlock();
                watch_(item);
            }
            lock.lock();
        }
    }

    const std::function<void(const Item&)> watch_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Item> items_;
    bool stopping_ = false;
    std::thread thread_;  // last: it uses the others from its beginning
};

}  // namespace tio::gds::cuda
