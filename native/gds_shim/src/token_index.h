// Finds a request by its token, for cancellation and for refusing a token that is in use.
#pragma once

#include <cstdint>
#include <vector>

#include "request.h"

namespace tio::gds {

// A hash table chained through the requests themselves: no allocation per request.
class TokenIndex {
  public:
    TokenIndex(Request* requests, uint32_t capacity);

    RequestIndex find(uint64_t token) const noexcept;
    void insert(RequestIndex request) noexcept;
    void erase(RequestIndex request) noexcept;

  private:
    uint32_t bucket_of(uint64_t token) const noexcept;

    Request* requests_;
    unsigned shift_;
    std::vector<RequestIndex> buckets_;
};

}  // namespace tio::gds
