#include "buffer_table.h"

#include <gtest/gtest.h>

#include <array>

#include "failure.h"

using namespace tio::gds;

namespace {

struct Buffers : ::testing::Test {
    std::array<std::byte, 100> memory{};
    BufferTable table;
};

}  // namespace

TEST_F(Buffers, CoverExactlyTheirRange) {
    const uint32_t index = table.reserve(memory.data() + 10, 50);
    table.publish(index);
    EXPECT_TRUE(table.covers(index, memory.data() + 10, 50));
    EXPECT_TRUE(table.covers(index, memory.data() + 59, 1));
    EXPECT_FALSE(table.covers(index, memory.data() + 9, 1));
    EXPECT_FALSE(table.covers(index, memory.data() + 10, 51));
    EXPECT_FALSE(table.covers(index, memory.data() + 60, 1));
    EXPECT_FALSE(table.covers(index, memory.data() + 61, 1));
    EXPECT_FALSE(table.covers(index, memory.data() + 10, ~uint64_t{0}));
    EXPECT_FALSE(table.covers(index + 1, memory.data() + 10, 1));
}

TEST_F(Buffers, CoverNothingUntilPublished) {
    const uint32_t index = table.reserve(memory.data(), 100);
    EXPECT_FALSE(table.covers(index, memory.data(), 1));
}

TEST_F(Buffers, CannotRetireWhileARequestNamesThem) {
    const uint32_t index = table.reserve(memory.data(), 100);
    table.publish(index);
    table.request_began(index);
    EXPECT_THROW(table.retire(index), Failure);
    table.request_ended(index);
    table.retire(index);
    EXPECT_FALSE(table.covers(index, memory.data(), 1));
    EXPECT_THROW(table.retire(index), Failure);
}

TEST_F(Buffers, ReuseReleasedIndices) {
    const uint32_t first = table.reserve(memory.data(), 1);
    const uint32_t second = table.reserve(memory.data(), 1);
    EXPECT_NE(first, second);
    table.release(first);
    EXPECT_EQ(first, table.reserve(memory.data(), 1));
}
