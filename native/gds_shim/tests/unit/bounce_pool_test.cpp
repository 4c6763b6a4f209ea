#include "bounce_pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>

using namespace tio::gds;

TEST(BouncePool, LendsEachChunkOnceUntilItComesBack) {
    BouncePool pool(3, 8192);
    std::set<std::byte*> lent;
    for (int i = 0; i < 3; ++i) lent.insert(pool.rent());
    EXPECT_EQ(3u, lent.size());
    EXPECT_EQ(0u, lent.count(nullptr));
    EXPECT_EQ(nullptr, pool.rent());
    pool.give_back(*lent.begin());
    EXPECT_EQ(*lent.begin(), pool.rent());
}

TEST(BouncePool, ChunksAreAlignedWritableAndInsideThePool) {
    BouncePool pool(2, 65536);
    for (int i = 0; i < 2; ++i) {
        std::byte* chunk = pool.rent();
        EXPECT_EQ(0u, reinterpret_cast<uintptr_t>(chunk) % BouncePool::alignment);
        EXPECT_GE(chunk, pool.base());
        EXPECT_LE(chunk + 65536, pool.base() + pool.size());
        std::memset(chunk, 1, 65536);
    }
}
