#include "request_heap.h"

namespace tio::gds {

RequestHeap::RequestHeap(Request* requests, uint32_t capacity) : requests_(requests) {
    heap_.reserve(capacity);
}

void RequestHeap::push(RequestIndex request) {
    heap_.push_back(request);
    sift_up(size() - 1);
}

void RequestHeap::remove(RequestIndex request) {
    const uint32_t position = requests_[request].position;
    requests_[request].position = no_request;
    const RequestIndex last = heap_.back();
    heap_.pop_back();
    if (last == request) return;
    place(position, last);
    sift_up(position);
    sift_down(requests_[last].position);
}

bool RequestHeap::before(RequestIndex left, RequestIndex right) const noexcept {
    const Request& a = requests_[left];
    const Request& b = requests_[right];
    return a.priority != b.priority ? a.priority < b.priority : a.sequence < b.sequence;
}

void RequestHeap::place(uint32_t position, RequestIndex request) noexcept {
    heap_[position] = request;
    requests_[request].position = position;
}

void RequestHeap::sift_up(uint32_t position) noexcept {
    const RequestIndex rising = heap_[position];
    while (position > 0) {
        const uint32_t parent = (position - 1) / 2;
        if (!before(rising, heap_[parent])) break;
        place(position, heap_[parent]);
        position = parent;
    }
    place(position, rising);
}

void RequestHeap::sift_down(uint32_t position) noexcept {
    const RequestIndex sinking = heap_[position];
    for (;;) {
        uint32_t child = 2 * position + 1;
        if (child >= size()) break;
        if (child + 1 < size() && before(heap_[child + 1], heap_[child])) ++child;
        if (!before(heap_[child], sinking)) break;
        place(position, heap_[child]);
        position = child;
    }
    place(position, sinking);
}

}  // namespace tio::gds
