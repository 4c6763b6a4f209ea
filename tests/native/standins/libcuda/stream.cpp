#include "stream.h"

#include "clock.h"

namespace tio::standin {

void Marker::reach() {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        reached_ = true;
        reached_at_ = device_seconds();
    }
    changed_.notify_all();
}

void Marker::drop() {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        dropped_ = !reached_;
    }
    changed_.notify_all();
}

bool Marker::reached() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return reached_;
}

double Marker::reached_at() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return reached_at_;
}

bool Marker::dropped() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return dropped_;
}

void Marker::wait() const {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return reached_ || dropped_; });
}

Stream::~Stream() {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        stopping_ = true;
    }
    drop_queued();
    thread_.join();
}

void Stream::enqueue(std::function<void()> work) {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        items_.push_back({std::move(work), nullptr});
    }
    changed_.notify_one();
}

std::shared_ptr<Marker> Stream::mark() {
    auto marker = std::make_shared<Marker>();
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (dropping_)
            marker->drop();
        else
            items_.push_back({nullptr, marker});
    }
    changed_.notify_one();
    return marker;
}

void Stream::drop_queued() {
    std::deque<Item> dropped;
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        dropping_ = true;
        dropped.swap(items_);
    }
    for (const Item& item : dropped)
        if (item.marker != nullptr) item.marker->drop();
    changed_.notify_one();
}

bool Stream::dropping() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return dropping_;
}

void Stream::run() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return stopping_ || !items_.empty(); });
        if (items_.empty()) return;
        const Item item = std::move(items_.front());
        items_.pop_front();
        lock.unlock();
        if (item.marker != nullptr)
            item.marker->reach();
        else
            item.work();
        lock.lock();
    }
}

}  // namespace tio::standin
