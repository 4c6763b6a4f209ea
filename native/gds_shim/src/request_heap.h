// Requests that still have chunks to hand out, the most urgent first.
#pragma once

#include <cstdint>
#include <vector>

#include "request.h"

namespace tio::gds {

// A binary heap that knows where each request stands, so that a cancelled one leaves at once instead of
// holding its slot until it would have surfaced. Order: priority, then submission. Never allocates after
// construction.
class RequestHeap {
  public:
    RequestHeap(Request* requests, uint32_t capacity);

    bool empty() const noexcept { return heap_.empty(); }
    uint32_t size() const noexcept { return static_cast<uint32_t>(heap_.size()); }
    RequestIndex top() const noexcept { return heap_.front(); }
    void push(RequestIndex request);
    void remove(RequestIndex request);

  private:
    bool before(RequestIndex left, RequestIndex right) const noexcept;
    void place(uint32_t position, RequestIndex request) noexcept;
    void sift_up(uint32_t position) noexcept;
    void sift_down(uint32_t position) noexcept;

    Request* requests_;
    std::vector<RequestIndex> heap_;
};

}  // namespace tio::gds
