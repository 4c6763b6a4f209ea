#include "block_memory.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <thread>
#include <vector>

namespace tio {
namespace {

constexpr size_t kLarge = size_t{1} << 20;

TEST(BlockMemory, SmallBlocksAreAlignedForLibtorch) {
    BlockMemory memory;
    void* data = memory.allocate(100, BlockKind::Small, 0);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(data) % 64, 0u);
    EXPECT_EQ(header_of(data)->bytes, 100u);
    std::memset(data, 1, 100);
    memory.free(data, 0);
}

TEST(BlockMemory, LargeBlocksArePageAlignedAndUsableToTheEndOfTheirLastPage) {
    BlockMemory memory;
    for (size_t bytes : {kMappedFrom, kMappedFrom + 1, kLarge + 5, 3 * kHugePage + 7}) {
        void* data = memory.allocate(bytes, BlockKind::Small, 0);
        ASSERT_NE(data, nullptr);
        EXPECT_EQ(reinterpret_cast<uintptr_t>(data) % kPage, 0u);
        EXPECT_EQ(header_of(data)->bytes, bytes);
        ASSERT_GE(header_of(data)->capacity, bytes);
        std::memset(data, 1, header_of(data)->capacity);
        memory.free(data, 0);
    }
}

TEST(BlockMemory, AFreedBlockIsReusedForTheSameCapacity) {
    BlockMemory memory;
    memory.configure(0, kLarge);
    void* first = memory.allocate(kLarge, BlockKind::Small, 0);
    memory.free(first, 0);
    EXPECT_EQ(memory.cached(), kLarge);
    void* second = memory.allocate(kLarge - 100, BlockKind::Small, 0);
    EXPECT_EQ(second, first);
    EXPECT_EQ(header_of(second)->bytes, kLarge - 100);
    EXPECT_EQ(memory.cached(), 0u);
    memory.free(second, 0);
    memory.configure(0, 0);
}

TEST(BlockMemory, WithoutACacheNothingIsKept) {
    BlockMemory memory;
    memory.free(memory.allocate(kLarge, BlockKind::Small, 0), 0);
    EXPECT_EQ(memory.cached(), 0u);
}

TEST(BlockMemory, TheCacheGivesWayToLiveBytesOldestFirst) {
    BlockMemory memory;
    memory.configure(/*limit*/ 4 * kLarge, /*cache*/ 4 * kLarge);
    void* oldest = memory.allocate(kLarge, BlockKind::Small, 0);
    void* newest = memory.allocate(2 * kLarge, BlockKind::Small, 0);
    memory.free(oldest, 0);
    memory.free(newest, 0);
    EXPECT_EQ(memory.cached(), 3 * kLarge);
    memory.trim(/*live*/ 2 * kLarge);
    EXPECT_EQ(memory.cached(), 2 * kLarge);
    memory.trim(/*live*/ 3 * kLarge);
    EXPECT_EQ(memory.cached(), 0u);
}

TEST(BlockMemory, ABlockThatWouldPassTheLimitIsReturnedToTheSystem) {
    BlockMemory memory;
    memory.configure(2 * kLarge, 2 * kLarge);
    memory.free(memory.allocate(kLarge, BlockKind::Small, 0), /*live*/ 2 * kLarge);
    EXPECT_EQ(memory.cached(), 0u);
}

TEST(BlockMemory, WhereNothingFreshFitsKeptBlocksLendTheirHugePages) {
    for (const size_t from : {2 * kLarge, 3 * kLarge, 8 * kLarge}) {
        for (const size_t to : {2 * kLarge, 5 * kLarge, 9 * kLarge}) {
            if (from == to) continue;
            BlockMemory memory;
            memory.configure(/*limit*/ 9 * kLarge, kCacheAll);
            auto* first = static_cast<unsigned char*>(memory.allocate(from, BlockKind::Small, from));
            std::memset(first, 0x5A, from);
            memory.free(first, 9 * kLarge - from);
            ASSERT_EQ(memory.cached(), from);

            auto* second = static_cast<unsigned char*>(memory.allocate(to, BlockKind::Small, 9 * kLarge));

            EXPECT_EQ(memory.cached(), 0u);
            EXPECT_EQ(reinterpret_cast<uintptr_t>(second) % kHugePage, 0u);
            EXPECT_EQ(header_of(second)->bytes, to);
            EXPECT_EQ(second[0], 0x5A) << "the page came along";
            std::memset(second, 1, to);
            memory.free(second, 9 * kLarge);
        }
    }
}

TEST(BlockMemory, ALenderKeepsWhatIsNotBorrowed) {
    BlockMemory memory;
    memory.configure(/*limit*/ 8 * kLarge, kCacheAll);
    memory.free(memory.allocate(8 * kLarge, BlockKind::Small, 8 * kLarge), 0);
    void* part = memory.allocate(2 * kLarge, BlockKind::Small, 2 * kLarge);
    EXPECT_EQ(memory.cached(), 6 * kLarge);
    void* rest = memory.allocate(6 * kLarge, BlockKind::Small, 8 * kLarge);
    EXPECT_EQ(memory.cached(), 0u);
    memory.free(part, 6 * kLarge);
    memory.free(rest, 0);
    EXPECT_EQ(memory.cached(), 8 * kLarge);
    memory.configure(0, 0);
}

TEST(BlockMemory, ALargerSmallBlockIsCutDown) {
    BlockMemory memory;
    memory.configure(/*limit*/ kLarge, kCacheAll);
    void* first = memory.allocate(kLarge, BlockKind::Small, kLarge);
    memory.free(first, 0);
    void* second = memory.allocate(kLarge / 2, BlockKind::Small, kLarge / 2);
    EXPECT_EQ(second, first);
    EXPECT_EQ(memory.cached(), 0u);
    memory.free(second, 0);
    memory.configure(0, 0);
}

TEST(BlockMemory, TrimmingTakesNoMoreThanItMust) {
    BlockMemory memory;
    memory.configure(/*limit*/ 8 * kLarge, kCacheAll);
    memory.free(memory.allocate(8 * kLarge, BlockKind::Small, 8 * kLarge), 0);
    memory.trim(/*live*/ kLarge / 2);
    EXPECT_EQ(memory.cached(), 6 * kLarge);
    memory.configure(0, 0);
}

// Blocks of ever other sizes, always as many bytes as the limit lets live: every block keeps its own bytes,
// and once the first round is over no page is ever fresh again.
TEST(BlockMemory, ManySizesShareTheirPagesWithoutMixingThemUp) {
    constexpr size_t limit = 32 * kLarge;
    BlockMemory memory;
    memory.configure(limit, kCacheAll);
    std::mt19937 random(7);
    std::vector<unsigned char*> blocks;
    size_t live = 0;
    unsigned fresh = 0;
    for (unsigned round = 0; round < 200; ++round) {
        const size_t bytes = kHugePage * (1 + random() % 6);
        while (live + bytes > limit) {
            const size_t index = random() % blocks.size();
            unsigned char* gone = blocks[index];
            const size_t size = header_of(gone)->bytes;
            ASSERT_EQ(gone[0], gone[size - 1]);
            ASSERT_EQ(gone[0], gone[size / 2 + kPage]);
            live -= size;
            memory.free(gone, live);
            blocks.erase(blocks.begin() + static_cast<std::ptrdiff_t>(index));
        }
        live += bytes;
        auto* data = static_cast<unsigned char*>(memory.allocate(bytes, BlockKind::Small, live));
        ASSERT_NE(data, nullptr);
        // Fresh pages are zero; what was written here before never is.
        for (size_t page = 0; page < bytes; page += kHugePage)
            fresh += round >= 100 && data[page] == 0 ? 1 : 0;
        std::memset(data, static_cast<int>(1 + round % 250), bytes);
        blocks.push_back(data);
        ASSERT_LE(live + memory.cached(), limit);
    }
    EXPECT_EQ(fresh, 0u);
    for (unsigned char* data : blocks) {
        live -= header_of(data)->bytes;
        memory.free(data, live);
    }
    memory.configure(0, 0);
    EXPECT_EQ(memory.cached(), 0u);
}

TEST(BlockMemory, WithRoomForAFreshMappingTheKeptOneStaysForItsOwnSize) {
    BlockMemory memory;
    memory.configure(/*limit*/ 4 * kLarge, kCacheAll);
    memory.free(memory.allocate(kLarge, BlockKind::Small, kLarge), 0);
    void* other = memory.allocate(2 * kLarge, BlockKind::Small, 2 * kLarge);
    EXPECT_EQ(memory.cached(), kLarge);
    memory.free(other, 0);
    memory.configure(0, 0);
}

TEST(BlockMemory, WithoutALimitNoMoreIsKeptThanWasEverLive) {
    BlockMemory memory;
    memory.configure(0, kCacheAll);
    void* first = memory.allocate(2 * kLarge, BlockKind::Small, 2 * kLarge);
    void* second = memory.allocate(kLarge, BlockKind::Small, 3 * kLarge);
    memory.free(first, kLarge);
    EXPECT_EQ(memory.cached(), 2 * kLarge);
    memory.free(second, 0);
    EXPECT_EQ(memory.cached(), 3 * kLarge);
    void* third = memory.allocate(3 * kLarge, BlockKind::Small, 3 * kLarge);
    EXPECT_EQ(memory.cached(), 0u);
    memory.free(third, 0);
    memory.configure(0, 0);
    EXPECT_EQ(memory.cached(), 0u);
}

TEST(BlockMemory, ThreadsShareItWithoutHandingOneBlockToTwo) {
    BlockMemory memory;
    memory.configure(0, 8 * kLarge);
    std::vector<std::thread> threads;
    for (unsigned worker = 0; worker < 4; ++worker) {
        threads.emplace_back([&memory, worker] {
            for (unsigned round = 0; round < 200; ++round) {
                const size_t bytes = kMappedFrom * (1 + round % 93);
                auto* data = static_cast<unsigned char*>(memory.allocate(bytes, BlockKind::Small, 0));
                const auto mark = static_cast<unsigned char>(worker + 1);
                std::memset(data, mark, bytes);
                ASSERT_EQ(data[0], mark);
                ASSERT_EQ(data[bytes - 1], mark);
                memory.free(data, 0);
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    memory.configure(0, 0);
    EXPECT_EQ(memory.cached(), 0u);
}

}  // namespace
}  // namespace tio
