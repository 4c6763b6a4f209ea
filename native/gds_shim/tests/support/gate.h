// A gate that "kernels" stand before until a test wants them to go on.
#pragma once

#include <condition_variable>
#include <mutex>

namespace tio::gds::testing {

class Gate {
  public:
    void pass() {
        std::unique_lock<std::mutex> lock(mutex_);
        opened_.wait(lock, [this] { return is_open_; });
    }
    void open() {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            is_open_ = true;
        }
        opened_.notify_all();
    }

  private:
    std::mutex mutex_;
    std::condition_variable opened_;
    bool is_open_ = false;
};

}  // namespace tio::gds::testing
