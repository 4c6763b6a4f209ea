// The gate by itself: counting, asking for room, announcing, keeping. Its place inside libtorch is tested
// from C#, on the real one.
#include "cpu_gate.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>
#include <vector>

namespace tio {
namespace {

constexpr uint64_t kBlock = uint64_t{1} << 20;

struct Engine {
    int room_requests = 0;
    bool has_room = false;
    uint64_t limit_when_asked = 0;
    std::vector<void*> allocated;
    std::vector<void*> freed;
    bool keep = false;
};

tio_obs_handlers handlers_for(Engine& engine) {
    tio_obs_handlers handlers{};
    handlers.struct_size = sizeof handlers;
    handlers.user = &engine;
    handlers.make_room = [](void* user, uint64_t, char* why, uint32_t capacity) -> int32_t {
        auto& self = *static_cast<Engine*>(user);
        ++self.room_requests;
        if (self.has_room) {
            CpuGate::instance().set_limit(self.limit_when_asked, 0);
            return 0;
        }
        std::snprintf(why, capacity, "no room today");
        return -1;
    };
    handlers.allocated = [](void* user, void* data, uint64_t, uint32_t) {
        static_cast<Engine*>(user)->allocated.push_back(data);
    };
    handlers.freeing = [](void* user, void* data, uint64_t) -> int32_t {
        auto& self = *static_cast<Engine*>(user);
        self.freed.push_back(data);
        return self.keep ? 1 : 0;
    };
    return handlers;
}

class CpuGateTest : public testing::Test {
  protected:
    void SetUp() override {
        handlers_ = handlers_for(engine_);
        gate_.set_handlers(&handlers_, 65536);
        gate_.set_limit(0, 0);
        base_ = gate_.live();
        gate_.reset_peak();
    }
    void TearDown() override {
        gate_.set_handlers(nullptr, 0);
        gate_.set_limit(0, 0);
        EXPECT_EQ(gate_.live(), base_) << "a block was leaked or counted twice";
    }

    CpuGate& gate_ = CpuGate::instance();
    Engine engine_;
    tio_obs_handlers handlers_{};
    uint64_t base_ = 0;
};

TEST_F(CpuGateTest, CountsLiveBytesAndTheirPeak) {
    {
        abi::DataPtr first = gate_.allocate(kBlock);
        abi::DataPtr second = gate_.allocate(10);
        EXPECT_EQ(gate_.live() - base_, kBlock + 10);
    }
    EXPECT_EQ(gate_.live(), base_);
    EXPECT_EQ(gate_.peak() - base_, kBlock + 10);
}

TEST_F(CpuGateTest, AnnouncesLargeBlocksOnly) {
    abi::DataPtr large = gate_.allocate(kBlock);
    abi::DataPtr small = gate_.allocate(100);
    EXPECT_EQ(engine_.allocated, std::vector<void*>{large.data});
    void* address = large.data;
    large.context.reset();
    small.context.reset();
    EXPECT_EQ(engine_.freed, std::vector<void*>{address});
}

TEST_F(CpuGateTest, AsksForRoomBeforeTheLimitIsPassed) {
    gate_.set_limit(base_ + kBlock, 0);
    engine_.has_room = true;
    engine_.limit_when_asked = base_ + 2 * kBlock;
    abi::DataPtr first = gate_.allocate(kBlock);
    EXPECT_EQ(engine_.room_requests, 0);
    abi::DataPtr second = gate_.allocate(kBlock);
    EXPECT_EQ(engine_.room_requests, 1);
}

TEST_F(CpuGateTest, ARefusalCarriesTheReasonAndCountsNothing) {
    gate_.set_limit(base_ + kBlock, 0);
    try {
        abi::DataPtr tooLarge = gate_.allocate(2 * kBlock);
        FAIL() << "the limit was passed";
    } catch (const std::runtime_error& refusal) {
        EXPECT_STREQ(refusal.what(), "no room today");
    }
    EXPECT_EQ(gate_.peak(), base_);
}

TEST_F(CpuGateTest, AKeptBlockLivesUntilItIsGivenBack) {
    abi::DataPtr block = gate_.allocate(kBlock);
    void* data = block.data;
    engine_.keep = true;
    block.context.reset();
    EXPECT_EQ(gate_.live() - base_, kBlock);
    static_cast<char*>(data)[kBlock - 1] = 1;  // still mapped
    gate_.free_kept(data);
}

TEST_F(CpuGateTest, SilentAllocationsAreCountedButNotAnnounced) {
    abi::DataPtr block;
    {
        SilentScope silent;
        block = gate_.allocate(kBlock);
    }
    EXPECT_TRUE(engine_.allocated.empty());
    EXPECT_EQ(gate_.live() - base_, kBlock);
}

TEST_F(CpuGateTest, ASilentAllocationThatPassesTheLimitFailsWithoutAsking) {
    gate_.set_limit(base_ + kBlock, 0);
    SilentScope silent;
    EXPECT_THROW(gate_.allocate(2 * kBlock), OverLimit);
    EXPECT_EQ(engine_.room_requests, 0);
}

TEST_F(CpuGateTest, ATombstoneIsCountedOnlyOnceItsBlockIsGone) {
    abi::DataPtr tombstone;
    {
        SilentScope silent;
        tombstone = gate_.tombstone({});
    }
    EXPECT_EQ(gate_.live(), base_);
    gate_.count_tombstone();
    EXPECT_EQ(gate_.live() - base_, kTombstoneBytes);
    void* address = tombstone.data;
    tombstone.context.reset();
    EXPECT_EQ(engine_.freed, std::vector<void*>{address}) << "a tombstone's death is always told";
}

TEST_F(CpuGateTest, NothingIsAllocatedForZeroBytes) {
    abi::DataPtr nothing = gate_.allocate(0);
    EXPECT_EQ(nothing.data, nullptr);
    EXPECT_EQ(gate_.live(), base_);
}

TEST_F(CpuGateTest, CountsAreExactUnderConcurrency) {
    std::vector<std::thread> threads;
    gate_.set_handlers(nullptr, 0);  // the recording engine of this test is not thread-safe
    for (int worker = 0; worker < 4; ++worker) {
        threads.emplace_back([this] {
            for (int i = 0; i < 500; ++i) abi::DataPtr block = gate_.allocate(i % 2 == 0 ? 100 : kBlock / 4);
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(gate_.live(), base_);
}

}  // namespace
}  // namespace tio
