#include "cuda/stream_watch.h"

#include <future>
#include <utility>

#include "file_size_signal.h"

namespace tio::gds::cuda {

StreamWatch::StreamWatch(const PrimaryContext& context) : driver_(context.driver()) {
    std::promise<Result> entered;
    std::future<Result> result = entered.get_future();
    thread_ = std::thread([this, &context, entered = std::move(entered)]() mutable {
        block_all_signals();
        const Result current = driver_.context_set_current(context.get());
        entered.set_value(current);
        if (current == success) watch();
    });
    const Result current = result.get();
    if (current == success) return;
    thread_.join();
    driver_.check(current, "cuCtxSetCurrent");
}

StreamWatch::~StreamWatch() {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

void StreamWatch::follow(std::shared_ptr<RecordedPoint> point) {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        points_.push_back(std::move(point));
    }
    changed_.notify_one();
}

void StreamWatch::watch() noexcept {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return stopping_ || !points_.empty(); });
        if (points_.empty()) return;
        const std::shared_ptr<RecordedPoint> point = std::move(points_.front());
        points_.pop_front();
        lock.unlock();
        const Result result = driver_.event_synchronize(point->event());
        // After an error nobody knows what the kernels do: what comes after them fails and touches nothing.
        point->finished(result == success ? Outcome{} : Outcome{TIO_E_DEVICE, result});
        lock.lock();
    }
}

}  // namespace tio::gds::cuda
