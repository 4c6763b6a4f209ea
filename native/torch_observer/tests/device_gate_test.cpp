// The gate in front of a test double of the CUDA caching allocator. Its place inside libtorch is proved at
// attach, on the real one.
#include "device_gate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <new>
#include <thread>
#include <vector>

#include "caching_allocator_double.h"
#include "storage_view.h"

namespace tio {
namespace {

constexpr uint64_t kBlock = uint64_t{1} << 20;

struct Engine {
    int room_requests = 0;
    int allocations_when_asked = -1;
    abi::DataPtr* victim = nullptr;  // freed to make room
    std::vector<void*> allocated;
    std::vector<void*> freed;
    std::vector<std::thread::id> freed_by;
    bool keep = false;
};

tio_obs_handlers handlers_for(Engine& engine) {
    tio_obs_handlers handlers{};
    handlers.struct_size = sizeof handlers;
    handlers.user = &engine;
    handlers.make_room = [](void* user, uint64_t, char* why, uint32_t capacity) -> int32_t {
        auto& self = *static_cast<Engine*>(user);
        ++self.room_requests;
        self.allocations_when_asked = standin::state().allocations;
        if (self.victim != nullptr) {
            self.victim->context.reset();
            self.victim = nullptr;
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
        self.freed_by.push_back(std::this_thread::get_id());
        return self.keep ? 1 : 0;
    };
    return handlers;
}

class DeviceGateTest : public testing::Test {
  protected:
    void SetUp() override {
        standin::reset_state();
        handlers_ = handlers_for(engine_);
        ASSERT_EQ(install(0), "");
        gate_.set_handlers(&handlers_, 65536);
        base_ = gate_.live();
        gate_.reset_peak();
    }
    void TearDown() override {
        gate_.set_handlers(nullptr, 0);
        gate_.set_limit(0, 0);
        gate_.uninstall();
        EXPECT_EQ(gate_.live(), base_) << "a block was leaked or counted twice";
        EXPECT_EQ(standin::state().allocations, standin::state().frees);
    }

    std::string install(int8_t index) {
        return gate_.install(standin::symbols(), standin::cuda_symbols(), *find_layout("2.10.0"), index);
    }
    static abi::DataPtr allocate(uint64_t bytes) { return standin::registered()->allocate(bytes); }

    DeviceGate& gate_ = DeviceGate::instance();
    Engine engine_;
    tio_obs_handlers handlers_{};
    uint64_t base_ = 0;
};

TEST_F(DeviceGateTest, CountsAndAnnouncesWhatTheAllocatorGives) {
    void* address = nullptr;
    {
        abi::DataPtr large = allocate(kBlock);
        abi::DataPtr small = allocate(100);
        address = large.data;
        EXPECT_EQ(gate_.live() - base_, kBlock + 100);
        EXPECT_EQ(large.device.type, abi::kCuda);
        EXPECT_EQ(large.device.index, 0);
        EXPECT_EQ(engine_.allocated, std::vector<void*>{address});
    }
    EXPECT_EQ(engine_.freed, std::vector<void*>{address});
    EXPECT_EQ(gate_.peak() - base_, kBlock + 100);
}

TEST_F(DeviceGateTest, AsksForRoomBeforeTheBytesExist) {
    gate_.set_limit(base_ + kBlock, 0);
    abi::DataPtr first = allocate(kBlock);
    engine_.victim = &first;
    abi::DataPtr second = allocate(kBlock);
    EXPECT_EQ(engine_.room_requests, 1);
    EXPECT_EQ(engine_.allocations_when_asked, 1);
    EXPECT_EQ(gate_.peak() - base_, kBlock);
}

TEST_F(DeviceGateTest, ARefusalCarriesTheReasonAndTheAllocatorIsNotAsked) {
    gate_.set_limit(base_ + kBlock, 0);
    try {
        abi::DataPtr too_large = allocate(2 * kBlock);
        FAIL() << "the limit was passed";
    } catch (const std::runtime_error& refusal) {
        EXPECT_STREQ(refusal.what(), "no room today");
    }
    EXPECT_EQ(standin::state().allocations, 0);
    EXPECT_EQ(gate_.peak(), base_);
}

TEST_F(DeviceGateTest, OutOfMemoryPassesAndIsNotCounted) {
    standin::state().capacity = kBlock;
    EXPECT_THROW(allocate(2 * kBlock), standin::OutOfMemory);
    EXPECT_EQ(gate_.live(), base_);
    EXPECT_TRUE(engine_.allocated.empty());
}

TEST_F(DeviceGateTest, NothingIsCountedForZeroBytes) {
    abi::DataPtr nothing = allocate(0);
    EXPECT_EQ(nothing.data, nullptr);
    EXPECT_EQ(gate_.live(), base_);
}

TEST_F(DeviceGateTest, FreesAreSeenOnEveryThread) {
    abi::DataPtr block = allocate(kBlock);
    std::thread other([&] { block.context.reset(); });
    const std::thread::id id = other.get_id();
    other.join();
    EXPECT_EQ(engine_.freed_by, std::vector<std::thread::id>{id});
}

TEST_F(DeviceGateTest, AKeptBlockLivesUntilItIsGivenBack) {
    abi::DataPtr block = allocate(kBlock);
    void* data = block.data;
    engine_.keep = true;
    block.context.reset();
    EXPECT_EQ(standin::state().frees, 0);
    EXPECT_EQ(gate_.live() - base_, kBlock);
    static_cast<char*>(data)[kBlock - 1] = 1;  // still there
    EXPECT_TRUE(gate_.free_kept(data));
    EXPECT_EQ(standin::state().frees, 1);
    EXPECT_FALSE(gate_.free_kept(data)) << "it is forgotten, its address may be anybody's";
}

TEST_F(DeviceGateTest, BlocksOnAnotherDeviceAreUntouched) {
    gate_.set_limit(base_ + 1, 0);
    standin::make_current(1);
    abi::DataPtr other = allocate(kBlock);
    EXPECT_EQ(other.context.get_deleter(), standin::local_deleter());
    EXPECT_EQ(engine_.room_requests, 0);
    EXPECT_EQ(gate_.live(), base_);
}

TEST_F(DeviceGateTest, RecordStreamIsGivenTheBlockAsItWas) {
    abi::DataPtr block = allocate(kBlock);
    const DeviceGate::RecordedStreams before = DeviceGate::recorded_streams();
    standin::record_stream(block, 7);
    EXPECT_EQ(standin::state().recorded, std::vector<void*>{block.data});
    EXPECT_EQ(standin::state().last_stream, 7);
    standin::record_cuda_stream(block, 8);
    EXPECT_EQ(standin::state().recorded.size(), 2u);
    EXPECT_EQ(standin::state().last_stream, 8);
    EXPECT_EQ(standin::state().ignored, 0);
    const DeviceGate::RecordedStreams after = DeviceGate::recorded_streams();
    EXPECT_EQ(after.generic - before.generic, 1u);
    EXPECT_EQ(after.cuda - before.cuda, 2u);
    EXPECT_EQ(standin::state().frees, 0) << "a borrowed block was freed";
}

TEST_F(DeviceGateTest, RecordStreamOfForeignMemoryPassesUnchanged) {
    int anything = 0;
    abi::DataPtr foreign;
    foreign.data = &anything;
    standin::record_cuda_stream(foreign, 1);
    EXPECT_EQ(standin::state().ignored, 1);
}

TEST_F(DeviceGateTest, RecordStreamNeverSeesATombstone) {
    abi::DataPtr tombstone = gate_.tombstone({abi::kCuda, 0});
    standin::record_stream(tombstone, 1);
    EXPECT_TRUE(standin::state().recorded.empty());
    EXPECT_EQ(standin::state().ignored, 0);
}

TEST_F(DeviceGateTest, BlocksThatOutliveTheGateFreeCorrectly) {
    abi::DataPtr block = allocate(kBlock);
    gate_.set_handlers(nullptr, 0);
    gate_.uninstall();
    standin::record_cuda_stream(block, 1);  // to a table that knows nothing of us
    EXPECT_EQ(standin::state().ignored, 1);
    abi::DataPtr unseen = allocate(kBlock);
    EXPECT_EQ(unseen.context.get_deleter(), standin::local_deleter());
    block.context.reset();
    EXPECT_EQ(standin::state().frees, 1);
    EXPECT_EQ(gate_.live(), base_);
}

TEST_F(DeviceGateTest, TheAllocatorKeepsItsType) {
    EXPECT_TRUE(standin::is_a_device_allocator());
    gate_.uninstall();
    EXPECT_TRUE(standin::is_a_device_allocator());
}

TEST_F(DeviceGateTest, TheRawInterfaceIsCountedToo) {
    void* data = standin::raw_allocate(kBlock);
    EXPECT_EQ(gate_.live() - base_, kBlock);
    standin::raw_deallocate(data);
    EXPECT_EQ(gate_.live(), base_);
}

TEST_F(DeviceGateTest, RawDeleterStillFreesBlocksThatWereNeverSeen) {
    standin::make_current(1);
    void* data = standin::raw_allocate(kBlock);
    standin::raw_deallocate(data);
    EXPECT_EQ(standin::state().frees, 1);
}

TEST_F(DeviceGateTest, ContextsOfTheAllocatorsOwnAreKept) {
    standin::state().own_contexts = true;
    abi::DataPtr block = allocate(kBlock);
    EXPECT_EQ(block.context.get(), block.data);
    standin::record_stream(block, 3);
    EXPECT_EQ(standin::state().recorded, std::vector<void*>{block.data});
}

TEST_F(DeviceGateTest, AnAddressThatComesAgainReplacesABlockFreedPastTheGate) {
    void* first = standin::raw_allocate(kBlock);
    standin::raw_delete(first);
    abi::DataPtr second = allocate(kBlock);
    ASSERT_EQ(second.data, first);
    EXPECT_EQ(gate_.live() - base_, kBlock);
    second.context.reset();
    EXPECT_EQ(gate_.live(), base_);
}

TEST_F(DeviceGateTest, ASilentAllocationThatPassesTheLimitFailsWithoutAsking) {
    gate_.set_limit(base_ + kBlock, 0);
    SilentScope silent;
    EXPECT_THROW(gate_.block(2 * kBlock, {abi::kCuda, 0}), OverLimit);
    EXPECT_EQ(engine_.room_requests, 0);
    EXPECT_EQ(standin::state().allocations, 0);
}

TEST_F(DeviceGateTest, ABlockComesFromItsDeviceWhicheverIsCurrent) {
    standin::make_current(1);
    SilentScope silent;
    abi::DataPtr block = gate_.block(kBlock, {abi::kCuda, 0});
    EXPECT_EQ(block.device.index, 0);
    EXPECT_EQ(gate_.live() - base_, kBlock);
    EXPECT_EQ(standin::state().guards, 1);
    EXPECT_TRUE(engine_.allocated.empty());
    abi::DataPtr other = allocate(1);
    EXPECT_EQ(other.device.index, 1) << "the current device was not put back";
}

TEST_F(DeviceGateTest, ASecondSessionCountsItsOwnDeviceOnly) {
    abi::DataPtr on_first = allocate(kBlock);
    gate_.uninstall();
    ASSERT_EQ(install(1), "");
    EXPECT_EQ(gate_.live(), base_);
    standin::make_current(1);
    abi::DataPtr on_second = allocate(3 * kBlock);
    EXPECT_EQ(gate_.live() - base_, 3 * kBlock);
    engine_.freed.clear();
    on_first.context.reset();
    EXPECT_TRUE(engine_.freed.empty());
    EXPECT_EQ(gate_.live() - base_, 3 * kBlock);
    on_second.context.reset();
    EXPECT_EQ(gate_.live(), base_);
}

TEST_F(DeviceGateTest, ThePluggableAllocatorIsRefused) {
    gate_.uninstall();
    abi::Allocator* another = nullptr;
    CudaSymbols cuda = standin::cuda_symbols();
    cuda.allocator = &another;
    const std::string why = gate_.install(standin::symbols(), cuda, *find_layout("2.10.0"), 0);
    EXPECT_NE(why.find("pluggable"), std::string::npos) << why;
}

TEST_F(DeviceGateTest, AnObjectWithoutFunctionsIsRefused) {
    gate_.uninstall();
    static void* numbers[160] = {};
    static void** object = numbers + 2;
    VirtualTable table;
    EXPECT_NE(table.look_at(&object, 24).find("no function"), std::string::npos);
    static void** const constant = numbers + 2;
    EXPECT_NE(table.look_at(const_cast<void***>(&constant), 24), "");
    void** nowhere = reinterpret_cast<void**>(8);
    EXPECT_NE(table.look_at(&nowhere, 24).find("too short"), std::string::npos);
}

TEST_F(DeviceGateTest, TellsTheCurrentStreamOfItsDevice) {
    void* stream = nullptr;
    EXPECT_TRUE(gate_.current_stream(&stream));
    EXPECT_EQ(reinterpret_cast<intptr_t>(stream), 1000);
}

TEST_F(DeviceGateTest, TellsWhatTheAllocatorHoldsOnceThatIsBelieved) {
    EXPECT_EQ(gate_.reserved(), 0u);
    gate_.believe_statistics(true);
    EXPECT_EQ(gate_.reserved(), 3000u);
    EXPECT_EQ(gate_.statistics().allocated, 1000u);
    gate_.uninstall();
    ASSERT_EQ(install(1), "");
    gate_.believe_statistics(true);
    EXPECT_EQ(gate_.reserved(), 0u) << "the allocator does not know the device";
}

TEST_F(DeviceGateTest, AFalsifiedTableLeavesNothingBehind) {
    gate_.uninstall();
    const Layout wrong = skewed(*find_layout("2.10.0"), kLayoutFields - 3, 1);  // entry_allocate
    ASSERT_EQ(gate_.install(standin::symbols(), standin::cuda_symbols(), wrong, 0), "");
    {
        abi::DataPtr unseen = allocate(kBlock);
        EXPECT_FALSE(gate_.owns(unseen.context.get_deleter()));
    }
    gate_.uninstall();
    ASSERT_EQ(install(0), "");
    abi::DataPtr block = allocate(kBlock);
    EXPECT_TRUE(gate_.owns(block.context.get_deleter()));
    EXPECT_TRUE(standin::registered()->is_simple_data_ptr(block));
}

TEST_F(DeviceGateTest, CountsAreExactUnderConcurrency) {
    gate_.set_handlers(nullptr, 0);  // the recording engine of this test is not thread-safe
    std::vector<std::thread> threads;
    std::atomic<int> wrong{0};
    for (int worker = 0; worker < 4; ++worker) {
        threads.emplace_back([&, worker] {
            standin::make_current(worker == 3 ? 1 : 0);
            std::vector<abi::DataPtr> blocks;
            for (int i = 0; i < 400; ++i) {
                blocks.push_back(allocate(static_cast<uint64_t>(100 + i)));
                if (gate_.owns(blocks.back().context.get_deleter()) != (worker != 3)) ++wrong;
                if (i % 3 == 0) standin::record_stream(blocks.back(), worker);
                if (i % 2 == 0) blocks.erase(blocks.begin());
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(gate_.live(), base_);
    EXPECT_EQ(standin::state().ignored, 0);
}

// A StorageImpl of the test: the bytes of one, where the layout table has them.
class StorageDouble {
  public:
    StorageDouble(abi::DataPtr pointer, uint64_t bytes) {
        new (image_ + layout_.storage_data_ptr) abi::DataPtr(std::move(pointer));
        const auto size = static_cast<int64_t>(bytes);
        std::memcpy(image_ + layout_.storage_bytes, &size, sizeof size);
        image_[layout_.storage_resizable] = 1;
        abi::Allocator* allocator = standin::registered();
        std::memcpy(image_ + layout_.storage_allocator, &allocator, sizeof allocator);
    }
    ~StorageDouble() { reinterpret_cast<abi::DataPtr*>(image_ + layout_.storage_data_ptr)->~DataPtr(); }
    StorageDouble(const StorageDouble&) = delete;
    StorageDouble& operator=(const StorageDouble&) = delete;

    StorageView view() { return StorageView(image_, layout_); }

  private:
    const Layout& layout_ = *find_layout("2.10.0");
    alignas(16) char image_[128] = {};
};

TEST_F(DeviceGateTest, AStorageIsReleasedAndRestoredInPlace) {
    StorageDouble storage(allocate(kBlock), kBlock);
    StorageView view = storage.view();
    ASSERT_TRUE(view.movable(gate_));
    engine_.allocated.clear();

    view.release(gate_);
    EXPECT_TRUE(view.released());
    EXPECT_TRUE(gate_.is_tombstone(view.data()));
    EXPECT_EQ(view.bytes(), kBlock);
    EXPECT_EQ(view.device().type, abi::kCuda);
    EXPECT_EQ(view.device().index, 0);
    EXPECT_EQ(gate_.live(), base_) << "a tombstone is no memory of the device";
    EXPECT_EQ(standin::state().frees, 1);

    view.restore(gate_);
    EXPECT_TRUE(view.released()) << "it is opened when its bytes are there";
    EXPECT_FALSE(gate_.is_tombstone(view.data()));
    EXPECT_EQ(gate_.live() - base_, kBlock);
    view.set_open(true);
    EXPECT_TRUE(view.movable(gate_));
    EXPECT_TRUE(engine_.allocated.empty());
    EXPECT_TRUE(engine_.freed.empty());
}

TEST_F(DeviceGateTest, TheDeathOfAReleasedStorageIsTold) {
    void* tombstone = nullptr;
    {
        StorageDouble storage(allocate(kBlock), kBlock);
        StorageView view = storage.view();
        view.release(gate_);
        tombstone = view.data();
    }
    EXPECT_EQ(engine_.freed, std::vector<void*>{tombstone});
}

TEST_F(DeviceGateTest, ARestoreThatPassesTheLimitChangesNothing) {
    StorageDouble storage(allocate(kBlock), kBlock);
    StorageView view = storage.view();
    view.release(gate_);
    void* tombstone = view.data();
    gate_.set_limit(base_ + kBlock - 1, 0);
    EXPECT_THROW(view.restore(gate_), OverLimit);
    EXPECT_EQ(view.data(), tombstone);
    EXPECT_TRUE(view.released());
}

TEST_F(DeviceGateTest, BlocksThatWereThereBeforeAreAdopted) {
    gate_.uninstall();
    abi::DataPtr before = allocate(kBlock);
    standin::make_current(1);
    abi::DataPtr elsewhere = allocate(kBlock);
    standin::make_current(0);
    ASSERT_EQ(install(0), "");
    StorageDouble storage(std::move(before), kBlock);
    StorageDouble other(std::move(elsewhere), kBlock);
    StorageView view = storage.view();
    EXPECT_FALSE(other.view().adoptable(gate_));
    ASSERT_TRUE(view.adoptable(gate_));
    ASSERT_FALSE(view.movable(gate_));

    EXPECT_TRUE(view.adopt(gate_));
    EXPECT_TRUE(view.movable(gate_));
    EXPECT_EQ(gate_.live() - base_, kBlock);
    EXPECT_EQ(engine_.allocated, std::vector<void*>{view.data()});
    EXPECT_FALSE(view.adopt(gate_)) << "another thread was faster";
    EXPECT_EQ(gate_.live() - base_, kBlock);
    view.release(gate_);
    EXPECT_EQ(standin::state().frees, 1);
    view.restore(gate_);
}

TEST_F(DeviceGateTest, AdoptionAsksForRoom) {
    gate_.uninstall();
    abi::DataPtr before = allocate(kBlock);
    ASSERT_EQ(install(0), "");
    StorageDouble storage(std::move(before), kBlock);
    gate_.set_limit(base_ + kBlock - 1, 0);
    EXPECT_THROW(storage.view().adopt(gate_), std::runtime_error);
    EXPECT_EQ(engine_.room_requests, 1);
    EXPECT_EQ(gate_.live(), base_);
}

}  // namespace
}  // namespace tio
