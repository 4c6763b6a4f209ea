#include "token_index.h"

#include <bit>

namespace tio::gds {

TokenIndex::TokenIndex(Request* requests, uint32_t capacity) : requests_(requests) {
    const uint64_t buckets = std::bit_ceil(uint64_t{capacity} * 2);
    shift_ = 64u - static_cast<unsigned>(std::countr_zero(buckets));
    buckets_.assign(buckets, no_request);
}

// Tokens are often consecutive or addresses; multiplying by 2^64 / golden ratio spreads both over the high
// bits.
uint32_t TokenIndex::bucket_of(uint64_t token) const noexcept {
    return static_cast<uint32_t>((token * 0x9E3779B97F4A7C15u) >> shift_);
}

RequestIndex TokenIndex::find(uint64_t token) const noexcept {
    RequestIndex request = buckets_[bucket_of(token)];
    while (request != no_request && requests_[request].token != token)
        request = requests_[request].next_in_bucket;
    return request;
}

void TokenIndex::insert(RequestIndex request) noexcept {
    RequestIndex& head = buckets_[bucket_of(requests_[request].token)];
    requests_[request].next_in_bucket = head;
    head = request;
}

void TokenIndex::erase(RequestIndex request) noexcept {
    RequestIndex* link = &buckets_[bucket_of(requests_[request].token)];
    while (*link != request) link = &requests_[*link].next_in_bucket;
    *link = requests_[request].next_in_bucket;
}

}  // namespace tio::gds
