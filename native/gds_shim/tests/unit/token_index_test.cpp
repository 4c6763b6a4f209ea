#include "token_index.h"

#include <gtest/gtest.h>

#include <memory>

using namespace tio::gds;

namespace {

struct Tokens : ::testing::Test {
    static constexpr uint32_t capacity = 64;
    std::unique_ptr<Request[]> requests = std::make_unique<Request[]>(capacity);
    TokenIndex index{requests.get(), capacity};
};

}  // namespace

TEST_F(Tokens, AreFoundUntilErased) {
    for (RequestIndex i = 0; i < capacity; ++i) {
        requests[i].token = uint64_t{i} << 40;
        index.insert(i);
    }
    for (RequestIndex i = 0; i < capacity; i += 2) index.erase(i);
    for (RequestIndex i = 0; i < capacity; ++i)
        EXPECT_EQ(i % 2 == 0 ? no_request : i, index.find(uint64_t{i} << 40)) << i;
}

TEST_F(Tokens, UnknownOnesAreNotFound) {
    EXPECT_EQ(no_request, index.find(0));
}

TEST(SmallTokenIndex, KeepsCollidingTokensApart) {
    Request requests[1];
    TokenIndex index(requests, 1);
    requests[0].token = 5;
    index.insert(0);
    for (uint64_t token = 0; token < 100; ++token)
        EXPECT_EQ(token == 5 ? 0u : no_request, index.find(token)) << token;
}
